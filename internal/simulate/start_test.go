package simulate_test

import (
	"context"
	"encoding/json"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

var ctx = context.Background()

// newAccount makes an account on a server of its own, with a client that signs as its root user.
func newAccount(t *testing.T) (*touchtest.Account, *awsiam.Client) {
	t.Helper()
	a := touchtest.Start(t, touchtest.ReadsAreRecordedAtOnce).NewAccount(t)
	return a, a.IAM(a.Root)
}

// want checks what an operation's error tells; "" is success.
func want(t *testing.T, what string, err error, expected string) {
	t.Helper()
	if got := touchtest.Told(err); got != expected {
		t.Errorf("%s: answered %q\nwant %q", what, got, expected)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// userARN is the ARN of a user, given with its path: "/alice".
func userARN(a *touchtest.Account, pathAndName string) string {
	return "arn:aws:iam::" + a.ID + ":user" + pathAndName
}

// allow is a policy that allows the actions on everything.
func allow(actions ...string) string {
	list, err := json.Marshal(actions)
	if err != nil {
		panic(err)
	}
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":` + string(list) + `,"Resource":"*"}}`
}

func second[T any](_ T, err error) error { return err }

func noUser(name string) string {
	return "404 NoSuchEntity: The user with name " + name + " cannot be found."
}

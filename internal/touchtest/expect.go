package touchtest

import (
	"encoding/json"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
)

// NewAccount makes an account on a server of its own, whose events of reads are there as soon as the read is answered. It returns a
// client that signs as the account's root user, too.
func NewAccount(t *testing.T) (*Account, *awsiam.Client) {
	t.Helper()
	a := Start(t, ReadsAreRecordedAtOnce).NewAccount(t)
	return a, a.IAM(a.Root)
}

// UserARN returns the ARN of a user of the account, who is given with the path: "/alice".
func (a *Account) UserARN(pathAndName string) string {
	return "arn:aws:iam::" + a.ID + ":user" + pathAndName
}

// Allow returns a policy that allows the actions on everything.
func Allow(actions ...string) string {
	list, err := json.Marshal(actions)
	if err != nil {
		panic(err)
	}
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":` + string(list) + `,"Resource":"*"}}`
}

// NoUser returns what [Told] returns for a user who does not exist.
func NoUser(name string) string {
	return "404 NoSuchEntity: The user with name " + name + " cannot be found."
}

// Want checks what an error tells the caller, as [Told] returns it; "" is success. what names the step in the test's output.
func Want(t *testing.T, what string, err error, expected string) {
	t.Helper()
	if got := Told(err); got != expected {
		t.Errorf("%s: answered %q\nwant %q", what, got, expected)
	}
}

// Must ends the test if there is an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package iam_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

var ctx = context.Background()

// start starts a server whose events of reads are there as soon as the read is answered.
func start(t *testing.T) *touchtest.Server {
	t.Helper()
	return touchtest.Start(t, func(c *server.Config) { c.AuditReads = audit.ReadsSync })
}

// newAccount makes an account on a server of its own, with a client that signs as its root user.
func newAccount(t *testing.T) (*touchtest.Account, *awsiam.Client) {
	t.Helper()
	a := start(t).NewAccount(t)
	return a, a.IAM(a.Root)
}

// told is what an error tells the caller, over the wire or in process: "404 NoSuchEntity: The user ..."; "" without one.
func told(err error) string {
	var (
		response *awshttp.ResponseError
		wire     smithy.APIError
		direct   *awsquery.Error
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &direct):
		return fmt.Sprintf("%d %s: %s", direct.Status, direct.Code, direct.Message)
	case errors.As(err, &response) && errors.As(err, &wire):
		return fmt.Sprintf("%d %s: %s", response.HTTPStatusCode(), wire.ErrorCode(), wire.ErrorMessage())
	}
	return err.Error()
}

// codeOf is the code of what an error tells.
func codeOf(err error) string {
	text := told(err)
	if _, rest, ok := strings.Cut(text, " "); ok {
		code, _, _ := strings.Cut(rest, ":")
		return code
	}
	return text
}

// want checks what an operation's error tells; "" is success.
func want(t *testing.T, what string, err error, expected string) {
	t.Helper()
	if got := told(err); got != expected {
		t.Errorf("%s: answered %q\nwant %q", what, got, expected)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// notAllowed and forbidden are AWS's two refusals of an identity-based policy.
func notAllowed(caller, action, resource string) string {
	return fmt.Sprintf("403 AccessDenied: User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %[2]s action",
		caller, action, resource)
}

func forbidden(caller, action, resource string) string {
	return fmt.Sprintf("403 AccessDenied: User: %s is not authorized to perform: %s on resource: %s with an explicit deny in an identity-based policy",
		caller, action, resource)
}

func noUser(name string) string {
	return "404 NoSuchEntity: The user with name " + name + " cannot be found."
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

func createUser(t *testing.T, c *awsiam.Client, name, path string) *awsiam.CreateUserOutput {
	t.Helper()
	out, err := c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: &name, Path: aws.String(path)})
	must(t, err)
	return out
}

// records are the account's events of a name, oldest first.
func records(t *testing.T, a *touchtest.Account, name string) (found []audit.Record) {
	t.Helper()
	must(t, a.Server.State.Store.View(ctx, func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{AccountID: a.ID, Name: name, Limit: 1000})
		for _, e := range events {
			var r audit.Record
			if err := json.Unmarshal([]byte(e.Record), &r); err != nil {
				return err
			}
			found = append(found, r)
		}
		return err
	}))
	return found
}

// lastRecord is the account's newest event of a name.
func lastRecord(t *testing.T, a *touchtest.Account, name string) audit.Record {
	t.Helper()
	all := records(t, a, name)
	if len(all) == 0 {
		t.Fatalf("there is no event %s", name)
	}
	return all[len(all)-1]
}

// text is a part of an event as JSON, its members in the order of their names.
func text(part any) string {
	b, err := json.Marshal(part)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// quota sets one of the account's quotas, as the operator does.
func quota(t *testing.T, a *touchtest.Account, name string, value int) {
	t.Helper()
	must(t, a.Server.State.Operator().SetQuota(ctx, a.ID, name, value))
}

// inTransaction is a context that does something else just before the request that it belongs to comes to its transaction: after
// the snapshot that it was authorised in, and after what it prepared.
type inTransaction struct {
	context.Context
	after int // transactions that come before
	do    func()
}

// Err is what the store asks first of all when a transaction begins, and nothing before it.
func (c *inTransaction) Err() error {
	if c.after > 0 {
		c.after--
		return nil
	}
	if do := c.do; do != nil {
		c.do = nil
		do()
	}
	return nil
}

// callIn does an operation in process as the person signed in, in a context of the test's own.
func callIn[In, Out any](t *testing.T, in context.Context, a *touchtest.Account, c *touchtest.Console, o awsquery.Typed[In, Out], input *In) (*Out, error) {
	t.Helper()
	caller, _, err := a.Server.SignIn.Caller(ctx, c.Token)
	must(t, err)
	now := a.Server.Clock.Now()
	return api.Call(in, a.Server.API, api.Request{
		ID: ids.NewUUID(), Now: now, Caller: caller, Env: authz.Environment{Now: now, Address: touchtest.Visitor.Address, Region: "us-east-1"},
	}, o, input)
}

// breakPolicy puts a document into the database that PutUserPolicy would never have stored.
func breakPolicy(t *testing.T, a *touchtest.Account, user string) {
	t.Helper()
	must(t, a.Server.State.Store.Update(ctx, store.Raise(a.ID), func(tx *store.Tx) error {
		i, err := tx.PrincipalByName(a.ID, store.User, user)
		if err != nil {
			return err
		}
		return tx.PutInlinePolicy(a.ID, i.ID, "test", "{", a.Server.Clock.Now())
	}))
}

package iam_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

var ctx = context.Background()

// start starts a server whose events of reads are there as soon as the read is answered.
func start(t *testing.T) *touchtest.Server {
	t.Helper()
	return touchtest.Start(t, touchtest.ReadsAreRecordedAtOnce)
}

// Short names of what the tests of this package use on every other line.
var (
	newAccount = touchtest.NewAccount
	want       = touchtest.Want
	must       = touchtest.Must
	noUser     = touchtest.NoUser
	userARN    = (*touchtest.Account).UserARN
	allow      = touchtest.Allow
)

func createUser(t *testing.T, c *awsiam.Client, name, path string) *awsiam.CreateUserOutput {
	t.Helper()
	out, err := c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: &name, Path: aws.String(path)})
	must(t, err)
	return out
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
func callIn[In, Out any](t *testing.T, in context.Context, a *touchtest.Account, c *touchtest.Console, o awsquery.Typed[In, Out],
	input *In,
) (*Out, error) {
	t.Helper()
	admitted, err := a.Server.SignIn.Admit(ctx, c.Token)
	must(t, err)
	now := a.Server.Clock.Now()
	return api.Call(in, a.Server.API, api.Request{
		ID: ids.NewUUID(), Now: now, Caller: admitted.Caller,
		Env: authz.Environment{Now: now, Address: touchtest.Visitor.Address, Region: "us-east-1"},
	}, o, input)
}

package touchtest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Stage is an account in which an error is caused, with two callers: alice, who may do everything, and the root user.
type Stage struct {
	*Account
	T     *testing.T
	Alice *User
	Root  *awsiam.Client
}

// Declared are the errors that the model declares for the operations of one resource.
type Declared struct {
	// Causes make errors, by "Operation Code". Each has an account of its own.
	Causes map[string]func(*Stage) error
	// Unreachable has the reasons why nothing causes an error, by "Operation Code". "*" stands for every operation.
	Unreachable map[string]string
}

// CheckErrors demands that every error that the model declares is caused by one of declared, or has a reason why nothing causes it.
// It looks at the operations of IAM that are among defined, where each is written service:Name. Two errors that operations share
// are caused here: a user who does not exist, and a fault of the service.
func CheckErrors(t *testing.T, s *Server, defined []string, operations func(Target) []Operation, declared ...Declared) {
	all := Declared{make(map[string]func(*Stage) error), map[string]string{
		"* ConcurrentModification": "changes to an account wait for each other",
	}}
	own := make(map[string]bool) // causes that the model must declare

	for _, d := range declared {
		maps.Copy(all.Causes, d.Causes)
		maps.Copy(all.Unreachable, d.Unreachable)
	}
	for name := range all.Causes {
		own[name] = true
	}
	addSharedCauses(all.Causes, operations)

	for _, o := range iamapi.Operations() {
		if !slices.Contains(defined, "iam:"+o.Name) {
			continue
		}
		for _, code := range o.Errors {
			name := o.Name + " " + code
			cause, reason := all.Causes[name], all.Unreachable[name]
			if general := all.Unreachable["* "+code]; general != "" {
				reason = general
			}
			delete(own, name)
			delete(all.Unreachable, name)

			switch {
			case cause == nil && reason == "":
				t.Errorf("%s: is declared, not caused, and has no reason why", name)
			case cause != nil && reason != "":
				t.Errorf("%s: is caused, although %s", name, reason)
			case cause != nil:
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					a := s.NewAccount(t)
					stage := &Stage{a, t, a.NewUser("alice", AdminPolicy), a.IAM(a.Root)}
					if err := cause(stage); CodeOf(err) != code {
						t.Errorf("answered %q, want %s", Told(err), code)
					}
				})
			}
		}
	}

	for name := range own {
		t.Errorf("%s: is caused and not declared", name)
	}
	for name := range all.Unreachable {
		if !strings.HasPrefix(name, "* ") {
			t.Errorf("%s: has a reason and is not declared", name)
		}
	}
}

// addSharedCauses adds causes for the errors that operations share.
func addSharedCauses(causes map[string]func(*Stage) error, operations func(Target) []Operation) {
	nobody := func(account string) Target {
		return Target{
			Name: "nobody", Path: "/", AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", AccountID: account,
			Serial: "arn:aws:iam::" + account + ":u2f/user/nobody/key-AAAAAAAAAAAAAAAAAAAAAAAAAA",
		}
	}

	any := nobody("000000000000")
	for n, o := range operations(any) {
		if o.Wire == nil {
			continue
		}
		if o.Resource == any.ARN() && o.Name != "GetAccessKeyLastUsed" {
			causes[o.Name+" NoSuchEntity"] = func(s *Stage) error { return operations(nobody(s.ID))[n].Wire(s.Root) }
		}
		causes[o.Name+" ServiceFailure"] = func(s *Stage) error {
			s.BreakPolicy("alice")
			return o.Wire(s.IAM(s.Alice.Key))
		}
	}
}

// BreakPolicy puts a document into the database that PutUserPolicy would never have stored, in place of the user's policy "test".
func (a *Account) BreakPolicy(user string) {
	a.t.Helper()
	if err := a.Server.State.Store.Update(context.Background(), store.Raise(a.ID), func(tx *store.Tx) error {
		i, err := tx.PrincipalByName(a.ID, store.User, user)
		if err != nil {
			return err
		}
		return tx.PutInlinePolicy(a.ID, i.ID, "test", "{", a.Server.Clock.Now())
	}); err != nil {
		a.t.Fatal(err)
	}
}

package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// An operation that asks the policies nothing, and does not say that it is meant, answers nobody and changes nothing.
func TestAskingNothingIsAFault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		checks api.Checks
		status int
	}{
		"no checks":                      {api.Checks{}, http.StatusInternalServerError},
		"an empty list":                  {api.Ask(), http.StatusInternalServerError},
		"an empty list with keys":        {api.Ask().With(authz.Key{Name: "aws:TagKeys"}), http.StatusInternalServerError},
		"open to whoever is there":       {api.Open(), http.StatusOK},
		"about the caller's own":         {api.Own(), http.StatusOK},
		"a check that no policy allows":  {api.Ask(authz.Check{Resource: "*"}), http.StatusForbidden},
		"open with keys, which is still": {api.Open().With(authz.Key{Name: "aws:TagKeys"}), http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t)
			executed := make(executions)
			api.Read(e.service.Table, iamapi.GetUser, on[iamapi.GetUserInput](test.checks),
				executes[iamapi.GetUserInput, iamapi.GetUserOutput](executed))
			api.Change(e.service.Table, iamapi.DeleteAccountAlias, on[iamapi.DeleteAccountAliasInput](test.checks),
				executes[iamapi.DeleteAccountAliasInput, struct{}](executed))
			api.Record(e.service.Table, iamapi.DeleteAccountPasswordPolicy, on[iamapi.DeleteAccountPasswordPolicyInput](test.checks),
				executes[iamapi.DeleteAccountPasswordPolicyInput, struct{}](executed))
			api.Issue(e.service.Table, stsapi.GetSessionToken, on[stsapi.GetSessionTokenInput](test.checks),
				executes[stsapi.GetSessionTokenInput, stsapi.GetSessionTokenOutput](executed))

			u := e.NewUser("alice", "")
			before := e.generation(t)
			for what, o := range map[string]*awsquery.Operation{
				"read": iamapi.GetUser.Operation, "change": iamapi.DeleteAccountAlias.Operation,
				"record": iamapi.DeleteAccountPasswordPolicy.Operation, "issue": stsapi.GetSessionToken.Operation,
			} {
				e.answers(t, what, o, u.Key, test.status, "", "AccountAlias", "alias")
			}

			want := 0
			if test.status == http.StatusOK {
				want = 4
			}
			if len(executed) != want {
				t.Errorf("%d operations were executed, want %d: %v", len(executed), want, executed)
			}
			if after := e.generation(t); (after != before) != (want > 0) {
				t.Errorf("the account's state went from %v to %v", before, after)
			}
		})
	}
}

// Faults of a definition are found when the program starts.
func TestDefinitionsThatPanic(t *testing.T) {
	t.Parallel()
	type (
		in  = iamapi.GetUserInput
		out = iamapi.GetUserOutput
	)
	executed := make(executions)
	resolve, do := on[in](api.Open()), executes[in, out](executed)

	panics(t, "an operation that the table does not have", "no such operation", func() {
		api.Read(api.NewTable(stsapi.Operations()), iamapi.GetUser, resolve, do)
	})
	panics(t, "twice", "defined twice", func() {
		table := newTable()
		api.Read(table, iamapi.GetUser, resolve, do)
		api.Change(table, iamapi.GetUser, resolve, do)
	})
	panics(t, "nothing to authorise", "nothing to authorise", func() {
		api.Read(newTable(), iamapi.GetUser, nil, do)
	})
	panics(t, "nothing to execute", "nothing to execute", func() {
		api.Read[in, out, struct{}](newTable(), iamapi.GetUser, resolve, nil)
	})
	panics(t, "steps without the last", "nothing to execute", func() {
		api.ChangeInSteps(newTable(), iamapi.GetUser, resolve, api.Steps[in, out, struct{}, int]{
			Claim: func(*api.Request, *store.Tx, *in) (int, error) { return 0, nil },
		})
	})
	panics(t, "unsigned without a proof", "nothing proves", func() {
		api.Issue(newTable(), stsapi.AssumeRoleWithWebIdentity, on[stsapi.AssumeRoleWithWebIdentityInput](api.Open()),
			executes[stsapi.AssumeRoleWithWebIdentityInput, stsapi.AssumeRoleWithWebIdentityOutput](executed))
	})
	panics(t, "a proof of what is signed", "its parameters prove nothing", func() {
		api.Read(newTable(), iamapi.GetUser, resolve, do,
			api.Proven(func(context.Context, *api.Request, *in) (*authn.Proof, error) { return nil, nil }))
	})

	// What is defined is there, and nothing else.
	table := newTable()
	api.Read(table, iamapi.GetUser, resolve, do)
	if got := table.Defined(); len(got) != 1 || got[0] != "iam:GetUser" {
		t.Errorf("defined: %v", got)
	}
}

// Options say who may call an operation and how it is recorded.
func TestOptions(t *testing.T) {
	t.Parallel()
	e := newExperiment(t)
	executed := make(executions)
	open := on[iamapi.DeleteAccountPasswordPolicyInput](api.Open())
	do := executes[iamapi.DeleteAccountPasswordPolicyInput, struct{}](executed)
	api.Change(e.service.Table, iamapi.DeleteAccountPasswordPolicy, open, do, api.As("Other"), api.AsRead())
	api.Change(e.service.Table, iamapi.DeleteAccountAlias, on[iamapi.DeleteAccountAliasInput](api.Open()),
		executes[iamapi.DeleteAccountAliasInput, struct{}](executed), api.Unrecorded())
	api.Read(e.service.Table, iamapi.GetUser, on[iamapi.GetUserInput](api.Open()),
		executes[iamapi.GetUserInput, iamapi.GetUserOutput](executed))

	e.answers(t, "recorded as another", iamapi.DeleteAccountPasswordPolicy.Operation, e.Root, http.StatusOK, "")
	if r := e.LastRecord("Other"); !r.ReadOnly || len(e.Records("DeleteAccountPasswordPolicy")) > 0 {
		t.Errorf("the event is %+v", r)
	}
	e.answers(t, "unrecorded", iamapi.DeleteAccountAlias.Operation, e.Root, http.StatusOK, "", "AccountAlias", "alias")
	if all := e.Records("DeleteAccountAlias"); len(all) > 0 {
		t.Errorf("the events are %+v", all)
	}
	e.answers(t, "a failure of what is unrecorded", iamapi.DeleteAccountAlias.Operation, e.Root, http.StatusBadRequest,
		"ValidationError")
	if r := e.LastRecord("DeleteAccountAlias"); r.ErrorCode != "ValidationError" {
		t.Errorf("the event is %+v", r)
	}
	e.answers(t, "a read", iamapi.GetUser.Operation, e.Root, http.StatusOK, "")
	if r := e.LastRecord("GetUser"); !r.ReadOnly {
		t.Errorf("the event is %+v", r)
	}
	if len(executed) != 3 {
		t.Errorf("executed: %v", executed)
	}
}

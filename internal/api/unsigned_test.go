package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// unsigned is an experiment in which AssumeRoleWithWebIdentity believes tokens that begin with "good".
type unsigned struct {
	*experiment
	checks api.Checks
	proved atomic.Int32
}

func newUnsigned(t *testing.T) *unsigned {
	t.Helper()
	e := &unsigned{experiment: newExperiment(t), checks: api.Open()}
	type (
		in  = stsapi.AssumeRoleWithWebIdentityInput
		out = stsapi.AssumeRoleWithWebIdentityOutput
	)

	prove := func(_ context.Context, _ *api.Request, in *in) (*authn.Proof, error) {
		e.proved.Add(1)
		if !strings.HasPrefix(in.WebIdentityToken.Reveal(), "good") {
			return nil, &awsquery.Error{Code: "InvalidIdentityToken", Status: http.StatusBadRequest, Message: "The token is not believed."}
		}
		account, _, _ := strings.Cut(strings.TrimPrefix(in.RoleArn, "arn:aws:iam::"), ":")
		return &authn.Proof{
			AccountID: account, Type: "WebIdentityUser", Provider: "accounts.example.com",
			UserID: "accounts.example.com:app:sub", UserName: "sub",
		}, nil
	}

	resolve := func(*api.Request, *store.Tx, *in) (api.Subject[struct{}], error) {
		return api.Subject[struct{}]{Checks: e.checks}, nil
	}

	issue := func(r *api.Request, _ *store.Tx, _ struct{}, _ *in) (*out, error) {
		return &out{SubjectFromWebIdentityToken: r.Caller.UserID(), Provider: r.Caller.Proof().Provider}, nil
	}

	api.Issue(e.service.Table, stsapi.AssumeRoleWithWebIdentity, resolve, issue, api.Proven(prove))
	return e
}

// ask sends the request with a token from an address.
func (e *unsigned) ask(account, token, from string) (int, string) {
	return e.send(stsapi.AssumeRoleWithWebIdentity.Operation, nil, from,
		"RoleArn", "arn:aws:iam::"+account+":role/worker", "RoleSessionName", "session", "WebIdentityToken", token)
}

// everyRecord are the events of a name of all accounts and of nobody's, oldest first.
func (e *experiment) everyRecord(t *testing.T, name string) (all []audit.Record) {
	t.Helper()
	view(t, e.Server, func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{Name: name, Limit: 1000})
		for _, event := range events {
			var r audit.Record
			if err := json.Unmarshal([]byte(event.Record), &r); err != nil {
				return err
			}
			all = append(all, r)
		}
		return err
	})
	return all
}

// Whoever proves who they are by parameters is the caller, in the account that the call is about.
func TestUnsignedOperation(t *testing.T) {
	t.Parallel()
	e := newUnsigned(t)
	before := e.generation(t)

	status, text := e.ask(e.ID, "good token", localhost)
	if status != http.StatusOK || !strings.Contains(text, "<SubjectFromWebIdentityToken>accounts.example.com:app:sub<") {
		t.Errorf("answered %d %s", status, text)
	}
	if got := e.generation(t); got != before {
		t.Errorf("the account went from %v to %v", before, got)
	}
	r := e.LastRecord("AssumeRoleWithWebIdentity")
	const caller = `{"type":"WebIdentityUser","principalId":"accounts.example.com:app:sub","userName":"sub"}`
	if got := mustJSON(r.UserIdentity); got != caller {
		t.Errorf("the caller in the event is %s, want %s", got, caller)
	}
	if r.ErrorCode != "" || r.ReadOnly || r.RecipientAccountID != e.ID || strings.Contains(mustJSON(r), "good token") {
		t.Errorf("the event is %s", mustJSON(r))
	}

	// A proven caller has no policies of its own: what is asked of them is refused.
	const refusal = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
	e.checks = api.Ask(authz.Check{Resource: "*", Refusal: refusal})
	status, text = e.ask(e.ID, "good token", localhost)
	if status != http.StatusForbidden || !strings.Contains(text, "<Code>AccessDenied</Code><Message>"+refusal+"</Message>") {
		t.Errorf("answered %d %s", status, text)
	}
	if r := e.LastRecord("AssumeRoleWithWebIdentity"); r.ErrorCode != "AccessDenied" || r.RequestParameters != nil {
		t.Errorf("the event is %s", mustJSON(r))
	}
}

// A call that proves nothing is recorded as nobody's, and executes nothing.
func TestFailedProofs(t *testing.T) {
	t.Parallel()
	e := newUnsigned(t)
	for _, test := range []struct{ what, account, token, code string }{
		{"a token that is not believed", e.ID, "bad token", "InvalidIdentityToken"},
		{"an account that is not there", "000000000000", "good token", "InvalidIdentityToken"},
		{"a call that is not one", e.ID, "", "ValidationError"},
	} {
		already := len(e.everyRecord(t, "AssumeRoleWithWebIdentity"))
		status, text := e.ask(test.account, test.token, localhost)
		if status != http.StatusBadRequest || !strings.Contains(text, "<Code>"+test.code+"</Code>") {
			t.Errorf("%s: answered %d %s", test.what, status, text)
		}

		all := e.everyRecord(t, "AssumeRoleWithWebIdentity")
		if len(all) != already+1 {
			t.Fatalf("%s: the events are %s", test.what, mustJSON(all))
		}

		r := all[already]
		if r.ErrorCode != test.code || r.UserIdentity.Type != "Unknown" || r.RecipientAccountID != "" ||
			r.SourceIPAddress != "127.0.0.1" || r.RequestParameters != nil || strings.Contains(mustJSON(r), "token\"") {
			t.Errorf("%s: the event is %s", test.what, mustJSON(r))
		}
	}
}

// An address has sixty proofs checked in a minute. More are refused without a look.
func TestProofBudget(t *testing.T) {
	t.Parallel()
	e := newUnsigned(t)
	now := e.Server.Clock.Now()
	e.Server.Clock.Advance(now.Truncate(time.Minute).Add(time.Minute + time.Second).Sub(now)) // no minute ends during the test

	spend := func(from ...string) {
		t.Helper()
		for n := range 60 {
			if status, text := e.ask(e.ID, "bad token", from[n%len(from)]); !strings.Contains(text, "InvalidIdentityToken") {
				t.Fatalf("call %d: answered %d %s", n, status, text)
			}
		}
	}
	throttled := func(what, from string) {
		t.Helper()
		before := e.proved.Load()
		status, text := e.ask(e.ID, "good token", from)
		checked := e.proved.Load() - before
		if status != http.StatusBadRequest || !strings.Contains(text, "<Code>Throttling</Code><Message>Rate exceeded</Message>") ||
			checked > 0 {
			t.Errorf("%s: answered %d %s, checked %d", what, status, text, checked)
		}
	}
	free := func(what string, from ...string) {
		t.Helper()
		// An address may share its counter with another by chance; several do not.
		refused := 0
		for _, each := range from {
			if status, _ := e.ask(e.ID, "good token", each); status != http.StatusOK {
				refused++
			}
		}
		if refused > 1 {
			t.Errorf("%s: %d of %d addresses were refused", what, refused, len(from))
		}
	}

	spend("192.0.2.1:1000")
	throttled("the same address", "192.0.2.1:2000")
	throttled("the same address as IPv6 has it", "[::ffff:192.0.2.1]:1000")
	free("other addresses", "192.0.2.2:1000", "192.0.2.3:1000", "198.51.100.1:1000", "[2001:db8::1]:1000")

	var within []string
	for n := range 60 {
		within = append(within, fmt.Sprintf("[2001:db8:1:1::%x]:1000", n+1))
	}
	spend(within...)
	throttled("another address of the /64", "[2001:db8:1:1:ffff::1]:1000")
	free("other networks", "[2001:db8:1:2::1]:1000", "[2001:db8:1:3::1]:1000", "[2001:db8:2:1::1]:1000")

	e.Server.Clock.Advance(time.Minute)
	free("in the next minute", "192.0.2.1:1000", "[2001:db8:1:1::1]:1000")
}

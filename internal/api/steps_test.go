package api_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// A transaction that is run again decides again: nothing that its first run found out is believed in the second.
func TestRunningAgainDecidesAgain(t *testing.T) {
	t.Parallel()
	const mayTag = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:TagUser","Resource":"*"}}`
	for name, test := range map[string]struct {
		between func(*slow, *touchtest.User) error
		status  string
		code    string
		tagged  int
	}{
		"nothing between": {func(*slow, *touchtest.User) error { return nil }, "200 OK", "", 1},
		"something else between": {func(s *slow, _ *touchtest.User) error {
			_, err := s.IAM(s.Root).CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("other")})
			return err
		}, "200 OK", "", 1},
		"the permission goes between": {func(s *slow, u *touchtest.User) error {
			_, err := s.IAM(s.Root).DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: &u.Name, PolicyName: aws.String("test")})
			return err
		}, "403 Forbidden", "AccessDenied", 0},
		"the key goes between": {func(s *slow, u *touchtest.User) error {
			_, err := s.IAM(s.Root).DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: &u.Name, AccessKeyId: &u.Key.AccessKeyID})
			return err
		}, "403 Forbidden", "InvalidClientTokenId", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSlow(t)
			u := s.NewUser("caller", mayTag)
			s.NewUser("subject", "")
			answer := s.tag("subject", u.Key)
			<-s.preparing

			// Something unrelated changes, so that the first run decides anew. It is rolled back, and then the second run comes.
			s.NewUser("unrelated", "")
			s.Server.State.Store.RerunNext(func() {
				if err := test.between(s, u); err != nil {
					t.Error(err)
				}
			})
			s.release <- struct{}{}

			got := <-answer
			if !strings.HasPrefix(got, test.status) || !strings.Contains(got, test.code) {
				t.Errorf("answered %s\nwant %s %s", got, test.status, test.code)
			}
			if answers := strings.Count(got, "<TagUserResponse"); answers != test.tagged {
				t.Errorf("%d answers in the body, want %d: %s", answers, test.tagged, got)
			}
			if tags := s.tags("subject"); tags != test.tagged {
				t.Errorf("%d tags, want %d", tags, test.tagged)
			}
			if events := s.Records("TagUser"); len(events) != 1 || events[0].ErrorCode != test.code {
				t.Errorf("the events are %+v", events)
			}
		})
	}
}

// issuing is an experiment in which GetSessionToken takes and checks a one-time code.
type issuing struct {
	*experiment
	did      []string // its steps, in order
	found    []authz.Key
	claimErr error
	prepErr  error
}

func newIssuing(t *testing.T) *issuing {
	t.Helper()
	e := &issuing{experiment: newExperiment(t)}
	type in = stsapi.GetSessionTokenInput
	api.IssueInSteps(e.service.Table, stsapi.GetSessionToken, on[in](api.Ask(authz.Check{Resource: "*"})),
		api.Steps[in, stsapi.GetSessionTokenOutput, struct{}, []string]{
			Claim: func(_ *api.Request, tx *store.Tx, in *in) ([]string, error) {
				if !tx.Writes() {
					return nil, errors.New("claimed in a transaction that cannot take anything")
				}
				e.did = []string{"claimed " + in.TokenCode.Reveal()} // the first step; its transaction may run again
				return []string{"claimed"}, e.claimErr
			},
			Prepare: func(_ context.Context, _ *api.Request, _ struct{}, _ *in, made *[]string) ([]authz.Key, error) {
				e.did = append(e.did, "prepared "+strings.Join(*made, " "))
				*made = append(*made, "prepared")
				return e.found, e.prepErr
			},
			Execute: func(_ *api.Request, tx *store.Tx, _ struct{}, made []string, _ *in) (*stsapi.GetSessionTokenOutput, error) {
				if tx.Writes() {
					return nil, errors.New("an operation that issues passes the writer")
				}
				e.did = append(e.did, "executed "+strings.Join(made, " "))
				issued := &stsapi.Credentials{AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
				return &stsapi.GetSessionTokenOutput{Credentials: issued}, nil
			},
		})

	return e
}

func (e *issuing) ask(t *testing.T, what string, key aws.Credentials, status int, code string, did ...string) {
	t.Helper()
	e.did = nil
	e.answers(t, what, stsapi.GetSessionToken.Operation, key, status, code, "TokenCode", "123456")
	if !slices.Equal(e.did, did) {
		t.Errorf("%s: did %q, want %q", what, e.did, did)
	}
}

// An operation that issues credentials takes its code, checks it and is decided again, in this order. It raises no generation, and
// its event is there before the answer.
func TestIssueInSteps(t *testing.T) {
	t.Parallel()
	const claimed, prepared, executed = "claimed 123456", "prepared claimed", "executed claimed prepared"
	e := newIssuing(t)
	u := e.NewUser("alice", "")
	before := e.generation(t)

	e.ask(t, "without a permission", u.Key, http.StatusForbidden, "AccessDenied")
	if got := e.generation(t); got != before {
		t.Errorf("a denied request takes the account from %v to %v", before, got)
	}

	e.PutPolicy("alice", may("sts:GetSessionToken"))
	before = e.generation(t)
	e.ask(t, "with the permission", u.Key, http.StatusOK, "", claimed, prepared, executed)
	if got := e.generation(t); got != before {
		t.Errorf("issuing takes the account from %v to %v", before, got)
	}
	r := e.LastRecord("GetSessionToken")
	if r.ReadOnly || r.ErrorCode != "" || r.ResponseElements == nil || strings.Contains(mustJSON(r), "secret") {
		t.Errorf("the event is %s", mustJSON(r))
	}

	wrong := &awsquery.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "MultiFactorAuthentication failed."}
	e.claimErr = wrong
	e.ask(t, "a code that is used", u.Key, http.StatusForbidden, "AccessDenied", claimed)
	e.claimErr, e.prepErr = nil, wrong
	e.ask(t, "a code that is wrong", u.Key, http.StatusForbidden, "AccessDenied", claimed, prepared)
	if r := e.LastRecord("GetSessionToken"); r.ErrorCode != "AccessDenied" || r.ResponseElements != nil {
		t.Errorf("the event is %s", mustJSON(r))
	}
	e.prepErr = nil

	// What Prepare found counts: it is decided anew with the keys.
	e.PutPolicy("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetSessionToken","Resource":"*"},
		{"Effect":"Deny","Action":"sts:GetSessionToken","Resource":"*","Condition":{"StringEquals":{"sts:Found":"bad"}}}]}`)
	e.found = []authz.Key{{Name: "sts:Found", Values: []string{"good"}}}
	e.ask(t, "found good", u.Key, http.StatusOK, "", claimed, prepared, executed)
	e.found = []authz.Key{{Name: "sts:Found", Values: []string{"bad"}}}
	e.ask(t, "found bad", u.Key, http.StatusForbidden, "AccessDenied", claimed, prepared)
}

// What changes while an issue prepares is found before it is executed.
func TestIssueIsConfirmed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*testing.T, *experiment, *touchtest.User)
		status int
		code   string
	}{
		"nothing": {func(*testing.T, *experiment, *touchtest.User) {}, http.StatusOK, ""},
		"the permission goes": {func(t *testing.T, e *experiment, u *touchtest.User) {
			e.update(t, func(tx *store.Tx) error {
				p, err := tx.PrincipalByName(e.ID, store.User, u.Name)
				if err != nil {
					return err
				}
				return tx.DeleteInlinePolicy(e.ID, p.ID, "test")
			})
		}, http.StatusForbidden, "AccessDenied"},
		"the key is made inactive": {func(t *testing.T, e *experiment, u *touchtest.User) {
			e.update(t, func(tx *store.Tx) error {
				p, err := tx.PrincipalByName(e.ID, store.User, u.Name)
				if err != nil {
					return err
				}
				return tx.SetAccessKeyActive(e.ID, p.ID, u.Key.AccessKeyID, false)
			})
		}, http.StatusForbidden, "InvalidClientTokenId"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t)
			u := e.NewUser("alice", may("sts:GetSessionToken"))
			executed := false
			type in = stsapi.GetSessionTokenInput
			api.IssueInSteps(e.service.Table, stsapi.GetSessionToken, on[in](api.Ask(authz.Check{Resource: "*"})),
				api.Steps[in, stsapi.GetSessionTokenOutput, struct{}, int]{
					Prepare: func(context.Context, *api.Request, struct{}, *in, *int) ([]authz.Key, error) {
						test.change(t, e, u)
						return nil, nil
					},
					Execute: func(*api.Request, *store.Tx, struct{}, int, *in) (*stsapi.GetSessionTokenOutput, error) {
						executed = true
						return new(stsapi.GetSessionTokenOutput), nil
					},
				})

			e.answers(t, "the request", stsapi.GetSessionToken.Operation, u.Key, test.status, test.code)
			if executed != (test.code == "") {
				t.Errorf("executed: %v", executed)
			}
		})
	}
}

// theirs is what an operation about two accounts reads of the other one: whether it lets the caller in.
type theirs struct{ lets bool }

// otherAccount authorises an operation that is also about another account, as the alias of that account says. It stands for a role
// whose trust policy decides.
func otherAccount[In any](other string) api.Resolver[In, theirs] {
	return func(r *api.Request, tx *store.Tx, _ *In) (s api.Subject[theirs], err error) {
		alias, err := tx.Alias(other)
		if err != nil {
			return s, err
		}
		s.About, s.Accounts = theirs{alias == "open-"+other}, []string{other, r.Caller.AccountID(), other}
		key := authz.Key{Name: "sts:Lets", Values: []string{map[bool]string{true: "yes", false: "no"}[s.About.lets]}}
		s.Checks = api.Ask(authz.Check{Resource: "*", Keys: []authz.Key{key}})
		return s, nil
	}
}

// What changes in the other account between the check and the commit is found; each account has the event.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	const ifLet = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
		"Condition":{"StringEquals":{"sts:Lets":"yes"}}}}`
	for name, test := range map[string]struct {
		change func(other *touchtest.Account, tx *store.Tx) error // in the other account, while it prepares; nil: nothing
		gone   bool                                               // the other account
		status int
		code   string
	}{
		"nothing":        {nil, false, http.StatusOK, ""},
		"something else": {func(o *touchtest.Account, tx *store.Tx) error { return nil }, false, http.StatusOK, ""},
		"the trust goes": {
			func(o *touchtest.Account, tx *store.Tx) error { return tx.DeleteAlias(o.ID, "open-"+o.ID) }, false,
			http.StatusForbidden, "AccessDenied",
		},
		"the account goes": {
			func(o *touchtest.Account, tx *store.Tx) error { return tx.RemoveAccount(o.ID) }, true, http.StatusForbidden,
			"AccessDenied",
		},
	} {
		for _, kind := range []string{"change", "issue"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				e := newExperiment(t)
				other := e.Server.NewAccount(t)
				open := &awsiam.CreateAccountAliasInput{AccountAlias: aws.String("open-" + other.ID)}
				if _, err := other.IAM(other.Root).CreateAccountAlias(ctx, open); err != nil {
					t.Fatal(err)
				}
				u := e.NewUser("alice", ifLet)
				executed := false
				prepare := func() {
					if test.change == nil {
						return
					}
					if err := e.Server.State.Store.Update(ctx, store.Raise(other.ID), func(tx *store.Tx) error {
						return test.change(other, tx)
					}); err != nil {
						t.Error(err)
					}
				}

				o := iamapi.UpdateAccountPasswordPolicy.Operation
				if kind == "change" {
					type in = iamapi.UpdateAccountPasswordPolicyInput
					api.ChangeInSteps(e.service.Table, iamapi.UpdateAccountPasswordPolicy, otherAccount[in](other.ID),
						api.Steps[in, struct{}, theirs, int]{
							Prepare: func(context.Context, *api.Request, theirs, *in, *int) ([]authz.Key, error) {
								prepare()
								return nil, nil
							},
							Execute: func(_ *api.Request, _ *store.Tx, about theirs, _ int, _ *in) (*struct{}, error) {
								executed = about.lets
								return nil, nil
							},
						})
				} else {
					type in = stsapi.GetSessionTokenInput
					o = stsapi.GetSessionToken.Operation
					api.IssueInSteps(e.service.Table, stsapi.GetSessionToken, otherAccount[in](other.ID),
						api.Steps[in, stsapi.GetSessionTokenOutput, theirs, int]{
							Prepare: func(context.Context, *api.Request, theirs, *in, *int) ([]authz.Key, error) {
								prepare()
								return nil, nil
							},
							Execute: func(_ *api.Request, _ *store.Tx, about theirs, _ int, _ *in) (*stsapi.GetSessionTokenOutput, error) {
								executed = about.lets
								return new(stsapi.GetSessionTokenOutput), nil
							},
						})
				}

				e.answers(t, "the request", o, u.Key, test.status, test.code)
				if executed != (test.code == "") {
					t.Errorf("executed: %v", executed)
				}
				own, theirs := e.Records(o.Name), other.Records(o.Name)
				if len(own) != 1 || own[0].ErrorCode != test.code || own[0].RecipientAccountID != e.ID {
					t.Errorf("the caller's events are %s", mustJSON(own))
				}
				switch {
				case test.code != "":
					if len(theirs) > 0 {
						t.Errorf("the other account has events of a refusal: %s", mustJSON(theirs))
					}
				case len(theirs) != 1 || theirs[0].RecipientAccountID != other.ID || theirs[0].UserIdentity.ARN != own[0].UserIdentity.ARN ||
					theirs[0].RequestID != own[0].RequestID || theirs[0].EventID == own[0].EventID:
					t.Errorf("the other account's events are %s, the caller's %s", mustJSON(theirs), mustJSON(own))
				}
			})
		}
	}
}

// What the transaction finds is authorised even if no account has changed: a resolver may read what raises no generation.
func TestWhatIsFoundAnewIsAuthorised(t *testing.T) {
	t.Parallel()
	const onFirst = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::*:user/first"}}`
	for _, kind := range []string{"change", "issue"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e := newExperiment(t)
			u := e.NewUser("alice", onFirst)
			resource, executed := "first", false

			o := iamapi.DeleteAccountPasswordPolicy.Operation
			if kind == "change" {
				type in = iamapi.DeleteAccountPasswordPolicyInput
				api.ChangeInSteps(e.service.Table, iamapi.DeleteAccountPasswordPolicy, moving[in](e.ID, &resource),
					movingSteps[in, struct{}](&resource, &executed))
			} else {
				type in = stsapi.GetSessionTokenInput
				o = stsapi.GetSessionToken.Operation
				api.IssueInSteps(e.service.Table, stsapi.GetSessionToken, moving[in](e.ID, &resource),
					movingSteps[in, stsapi.GetSessionTokenOutput](&resource, &executed))
			}

			e.answers(t, "the request", o, u.Key, http.StatusForbidden, "AccessDenied")
			if executed {
				t.Error("it was executed on what nobody was asked about")
			}
		})
	}
}

// moving authorises an operation on the resource that the variable names at the moment.
func moving[In any](account string, resource *string) api.Resolver[In, struct{}] {
	return func(*api.Request, *store.Tx, *In) (s api.Subject[struct{}], err error) {
		s.Checks = api.Ask(authz.Check{Resource: "arn:aws:iam::" + account + ":user/" + *resource})
		return s, nil
	}
}

// movingSteps name another resource while the operation prepares.
func movingSteps[In, Out any](resource *string, executed *bool) api.Steps[In, Out, struct{}, int] {
	return api.Steps[In, Out, struct{}, int]{
		Prepare: func(context.Context, *api.Request, struct{}, *In, *int) ([]authz.Key, error) {
			*resource = "second"
			return nil, nil
		},
		Execute: func(*api.Request, *store.Tx, struct{}, int, *In) (*Out, error) {
			*executed = true
			return new(Out), nil
		},
	}
}

package authz_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// governs puts policies into a world: own inline ones, one of the group, a managed one and a boundary; "" is none.
func (w *world) governs(own, group, managed, limit string) {
	w.t.Helper()
	w.update(func(tx *store.Tx) error {
		var errs []error
		if own != "" {
			errs = append(errs, tx.PutInlinePolicy(account, w.alice.ID, "own", own, now))
		}
		if group != "" {
			errs = append(errs,
				tx.PutInlinePolicy(account, w.group.ID, "its", group, now), tx.SetSetting(settingOfGroup(w.alice.ID), w.group.ID))
		}
		if managed != "" {
			errs = append(errs, setPolicy(tx, managedARN, managed), tx.Attach(account, w.alice.ID, managedARN, 10, now))
		}
		if limit != "" {
			errs = append(errs, setPolicy(tx, limitARN, limit), tx.SetBoundary(account, w.alice.ID, limitARN))
		}

		return errors.Join(errs...)
	})
}

// A refusal says who decided, in AWS's words. A managed policy is named, and an inline one is not; strangers are told no reasons.
func TestRefusals(t *testing.T) {
	t.Parallel()
	var (
		allows = document("Allow", "iam:GetUser", "*", "")
		others = document("Allow", "iam:ListUsers", "*", "")
		denies = document("Deny", "iam:GetUser", "*", "")
	)
	const (
		begin     = "User: " + aliceID + " is not authorized to perform: iam:GetUser on resource: "
		unallowed = "because no identity-based policy allows the iam:GetUser action"
		denied    = "with an explicit deny in an identity-based policy"
	)
	foreign := authz.Check{Action: "iam:GetUser", Resource: "arn:aws:iam::444455556666:user/bob", Account: "444455556666"}
	unnamed := authz.Check{Action: "iam:GetUser", Resource: getsBob.Resource}
	worded := authz.Check{Action: "iam:GetUser", Resource: getsBob.Resource, Refusal: "No."}
	lists := authz.Check{Action: "iam:ListUsers", Resource: "arn:aws:iam::111122223333:user/"}

	for name, test := range map[string]struct {
		own, group, managed, limit string
		checks                     []authz.Check
		message                    string // "" is allowed
		policyARN                  string
	}{
		"nothing allows": {
			checks: []authz.Check{getsBob}, message: begin + "user bob " + unallowed,
		},
		"the resource without a name": {
			checks: []authz.Check{unnamed}, message: begin + getsBob.Resource + " " + unallowed,
		},
		"words of its own": {checks: []authz.Check{worded}, message: "No."},
		"an inline policy denies": {
			own: denies, managed: allows, checks: []authz.Check{getsBob}, message: begin + "user bob " + denied,
		},
		"a group's inline policy denies": {
			own: allows, group: denies, checks: []authz.Check{getsBob}, message: begin + "user bob " + denied,
		},
		"a managed policy denies": {
			own: allows, managed: denies, checks: []authz.Check{getsBob}, policyARN: managedARN,
			message: begin + "user bob " + denied + ": " + managedARN,
		},
		"the boundary does not allow": {
			own: allows, limit: others, checks: []authz.Check{getsBob},
			message: begin + "user bob because no permissions boundary allows the iam:GetUser action",
		},
		"the boundary denies": {
			own: allows, limit: denies, checks: []authz.Check{getsBob}, policyARN: limitARN,
			message: begin + "user bob with an explicit deny in a permissions boundary: " + limitARN,
		},
		"only the boundary allows": {
			limit: allows, checks: []authz.Check{getsBob}, message: begin + "user bob " + unallowed,
		},
		"the boundary allows, too":   {own: allows, limit: allows, checks: []authz.Check{getsBob}},
		"another account's resource": {checks: []authz.Check{foreign}, message: begin + foreign.Resource},
		"another account's resource, which is not theirs to allow": {
			own: allows, checks: []authz.Check{foreign},
			message: begin + foreign.Resource,
		},
		"several checks, all allowed": {own: allows, group: others, checks: []authz.Check{lists, getsBob}},
		"several checks, of which one is refused": {
			own: others, checks: []authz.Check{lists, getsBob, worded}, message: begin + "user bob " + unallowed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.governs(test.own, test.group, test.managed, test.limit)
			err := w.processes[0].authorize(w.alice.ID, test.checks...)
			if test.message == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}

			var (
				told   *awsquery.Error
				denial *authz.Denial
			)
			if !errors.As(err, &told) || !errors.As(err, &denial) {
				t.Fatalf("answered %v", err)
			}
			if told.Code != "AccessDenied" || told.Status != http.StatusForbidden || told.Message != test.message {
				t.Errorf("told %d %s: %s\nwant %s", told.Status, told.Code, told.Message, test.message)
			}
			if denial.Principal != aliceID || denial.Action != "iam:GetUser" || denial.PolicyARN != test.policyARN ||
				denial.Error() != test.message {
				t.Errorf("the denial is %+v", denial)
			}
		})
	}
}

// The condition keys of a check count for this check alone.
func TestKeysOfOneCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.governs(document("Allow", "*", "*", `"StringEquals":{"iam:ResourceTag/team":"red"}`), "", "", "")
	red, blue := getsBob, getsBob
	red.Keys = authz.ResourceTags([]store.Tag{{Key: "team", Value: "red"}})
	blue.Keys = authz.ResourceTags([]store.Tag{{Key: "team", Value: "blue"}})

	p := w.processes[0]
	for _, test := range []struct {
		what    string
		checks  []authz.Check
		allowed bool
	}{
		{"red", []authz.Check{red, red}, true},
		{"blue", []authz.Check{red, blue}, false},
		{"no tags behind red", []authz.Check{red, getsBob}, false},
		{"nothing", nil, true}, // whether nothing may be asked is the pipeline's to say
	} {
		if err := p.authorize(w.alice.ID, test.checks...); (err == nil) != test.allowed {
			t.Errorf("%s: %v, want allowed %t", test.what, err, test.allowed)
		}
	}
}

// A stored policy that cannot be read is a fault: nothing is decided without it, not even what the other policies allow.
func TestUnreadablePolicies(t *testing.T) {
	t.Parallel()
	allows := document("Allow", "*", "*", "")
	for name, test := range map[string]struct{ own, group, managed, limit, policy string }{
		"an inline policy":        {"{", "", allows, "", "own"},
		"a group's inline policy": {allows, "{", "", "", "its"},
		"a managed policy":        {allows, "", "{", "", "Managed"},
		"the boundary":            {allows, "", "", "{", "Limit"},
		"a trust policy's element": {
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`, "", allows, "", "own",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.governs(test.own, test.group, test.managed, test.limit)
			for _, p := range w.processes {
				err := p.authorize(w.alice.ID, getsBob)
				var (
					unreadable *authz.UnreadablePolicyError
					denial     *authz.Denial
					told       *awsquery.Error
				)

				if !errors.As(err, &unreadable) || unreadable.Policy != test.policy || errors.As(err, &denial) || errors.As(err, &told) {
					t.Errorf("in %s: %v", p.name, err)
				}

				if err := p.store.View(ctx, func(tx *store.Tx) error {
					c, err := p.caller(tx, w.alice.ID)
					if err != nil {
						return err
					}
					if allowed, err := p.authz.Allows(tx, c, &env, getsBob); allowed || err == nil {
						t.Errorf("in %s: allowed %t, %v", p.name, allowed, err)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A source that fails decides nothing.
func TestSourcesThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.governs(document("Allow", "*", "*", ""), "", "", "")

	fault := errors.New("fault")
	fine := func(*store.Tx, *store.Principal) ([]authz.Version, error) { return nil, nil }
	for name, source := range map[string]authz.Source{
		"its versions": {
			Versions: func(*store.Tx, *store.Principal) ([]authz.Version, error) { return nil, fault },
			Gather:   func(*store.Tx, *store.Principal, *authz.Governing) error { return nil },
		},
		"its policies": {Versions: fine, Gather: func(*store.Tx, *store.Principal, *authz.Governing) error { return fault }},
	} {
		p := *w.processes[0]
		p.authz = authz.New(source)
		if err := p.authorize(w.alice.ID, getsBob); !errors.Is(err, fault) {
			t.Errorf("%s: %v, want the fault", name, err)
		}
	}
}

// The root user is governed by nothing, within its account; whoever was not authenticated is nobody.
func TestRootAndNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := &store.Principal{AccountID: account, ID: ids.New(), Kind: store.Root, UniqueID: account, Path: "/", CreatedAt: now}
	w.update(func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(root), tx.PutInlinePolicy(account, root.ID, "own", document("Deny", "*", "*", ""), now))
	})
	p := w.processes[0]
	if err := p.authorize(root.ID, getsBob); err != nil {
		t.Errorf("root: %v", err)
	}
	foreign := authz.Check{Action: "iam:GetUser", Resource: "arn:aws:iam::444455556666:user/bob", Account: "444455556666"}
	if err := p.authorize(root.ID, foreign); err == nil {
		t.Error("root is allowed in another account")
	}

	var denial *authz.Denial
	if err := p.store.View(ctx, func(tx *store.Tx) error {
		err := p.authz.Authorize(tx, &authn.Caller{Principal: root, Credential: authn.ConsoleSession}, &env, []authz.Check{getsBob})
		if err == nil || errors.As(err, &denial) {
			t.Errorf("a caller that nobody authenticated: %v", err)
		}
		proven, err := p.authn.Proven(tx, &authn.Proof{AccountID: account, Type: "WebIdentityUser", UserID: "x"})
		if err != nil {
			return err
		}
		err = p.authz.Authorize(tx, proven, &env, []authz.Check{getsBob})
		if !errors.As(err, &denial) || denial.Decision.Effect != policy.ImplicitDeny {
			t.Errorf("a caller without policies: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

package api_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// tokens stand for the session tokens of an installation.
type tokens struct {
	mu    sync.Mutex
	known map[string]authn.Temporary
}

// open opens a token.
func (k *tokens) open(token string) (*authn.Temporary, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, ok := k.known[token]
	if !ok {
		return nil, errors.New("the token is another installation's")
	}
	return &t, nil
}

// issue makes credentials as the token says.
func (k *tokens) issue(t authn.Temporary) aws.Credentials {
	k.mu.Lock()
	defer k.mu.Unlock()
	token := "token of " + t.AccessKeyID
	k.known[token] = t
	return aws.Credentials{AccessKeyID: t.AccessKeyID, SecretAccessKey: t.SecretAccessKey, SessionToken: token}
}

// temporaries is an experiment whose users have temporary credentials.
type temporaries struct {
	*experiment
	tokens tokens
}

func newTemporaries(t *testing.T) *temporaries {
	t.Helper()
	e := &temporaries{newExperiment(t), tokens{known: make(map[string]authn.Temporary)}}
	e.service.Authn.AcceptTokens(e.tokens.open)
	read := func(*api.Request, *store.Tx, struct{}, *iamapi.GetUserInput) (*iamapi.GetUserOutput, error) {
		return new(iamapi.GetUserOutput), nil
	}
	api.Read(e.service.Table, iamapi.GetUser, on[iamapi.GetUserInput](api.Ask(authz.Check{Resource: "*"})), read)
	return e
}

// of describes credentials of a user that were issued now for an hour.
func (e *temporaries) of(t *testing.T, user string) authn.Temporary {
	t.Helper()
	now := e.Server.Clock.Now()
	return authn.Temporary{
		AccessKeyID: "ASIAEXAMPLE000000001", SecretAccessKey: "secret of " + user, AccountID: e.ID, PrincipalID: e.principal(t, user).ID,
		Scope: authn.ScopeFull, IssuedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func (e *experiment) principal(t *testing.T, user string) (p *store.Principal) {
	t.Helper()
	view(t, e.Server, func(tx *store.Tx) (err error) {
		p, err = tx.PrincipalByName(e.ID, store.User, user)
		return err
	})
	return p
}

// Temporary credentials are accepted while they are theirs, current and not revoked, and refused with AWS's codes otherwise.
func TestTemporaryCredentials(t *testing.T) {
	t.Parallel()
	endSessions := func(t *testing.T, e *temporaries, at time.Time) {
		p := e.principal(t, "alice")
		e.update(t, func(tx *store.Tx) error { return tx.SetSessionsNotBefore(e.ID, p.ID, at) })
	}
	for name, test := range map[string]struct {
		change func(t *testing.T, e *temporaries, issued authn.Temporary, key *aws.Credentials)
		code   string // "" is success
	}{
		"as issued": {func(*testing.T, *temporaries, authn.Temporary, *aws.Credentials) {}, ""},
		"a wrong secret": {func(_ *testing.T, _ *temporaries, _ authn.Temporary, key *aws.Credentials) {
			key.SecretAccessKey += "x"
		}, "SignatureDoesNotMatch"},
		"another installation's token": {func(_ *testing.T, _ *temporaries, _ authn.Temporary, key *aws.Credentials) {
			key.SessionToken += "x"
		}, "InvalidClientTokenId"},
		"no token": {func(_ *testing.T, _ *temporaries, _ authn.Temporary, key *aws.Credentials) {
			key.SessionToken = ""
		}, "InvalidClientTokenId"},
		"the key id of another token": {func(_ *testing.T, _ *temporaries, _ authn.Temporary, key *aws.Credentials) {
			key.AccessKeyID = "ASIAEXAMPLE000000003"
		}, "InvalidClientTokenId"},
		"just before they expire": {func(_ *testing.T, e *temporaries, _ authn.Temporary, _ *aws.Credentials) {
			e.Server.Clock.Advance(59 * time.Minute)
		}, ""},
		"expired": {func(_ *testing.T, e *temporaries, _ authn.Temporary, _ *aws.Credentials) {
			e.Server.Clock.Advance(time.Hour)
		}, "ExpiredToken"},
		"expired, with a wrong secret": {func(_ *testing.T, e *temporaries, _ authn.Temporary, key *aws.Credentials) {
			e.Server.Clock.Advance(time.Hour)
			key.SecretAccessKey += "x"
		}, "SignatureDoesNotMatch"},
		"sessions ended after they were issued": {func(t *testing.T, e *temporaries, issued authn.Temporary, _ *aws.Credentials) {
			endSessions(t, e, issued.IssuedAt.Add(time.Second))
		}, "InvalidClientTokenId"},
		"sessions ended before they were issued": {func(t *testing.T, e *temporaries, issued authn.Temporary, _ *aws.Credentials) {
			endSessions(t, e, issued.IssuedAt.Add(-time.Second))
		}, ""},
		"the user is gone": {func(t *testing.T, e *temporaries, issued authn.Temporary, _ *aws.Credentials) {
			e.update(t, func(tx *store.Tx) error { return tx.DeletePrincipal(e.ID, issued.PrincipalID) })
		}, "InvalidClientTokenId"},
		"the user is renamed": {func(t *testing.T, e *temporaries, issued authn.Temporary, _ *aws.Credentials) {
			e.update(t, func(tx *store.Tx) error { return tx.RenamePrincipal(e.ID, issued.PrincipalID, "alicia", "/") })
		}, ""},
		"the account is gone": {func(t *testing.T, e *temporaries, _ authn.Temporary, _ *aws.Credentials) {
			e.update(t, func(tx *store.Tx) error { return tx.RemoveAccount(e.ID) })
		}, "InvalidClientTokenId"},
		"nothing opens tokens": {func(_ *testing.T, e *temporaries, _ authn.Temporary, _ *aws.Credentials) {
			e.service.Authn.AcceptTokens(nil)
		}, "InvalidClientTokenId"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newTemporaries(t)
			e.NewUser("alice", may("iam:GetUser"))
			issued := e.of(t, "alice")
			key := e.tokens.issue(issued)
			e.answers(t, "at first", iamapi.GetUser.Operation, key, http.StatusOK, "") // so that whatever is remembered is
			test.change(t, e, issued, &key)

			status := http.StatusOK
			if test.code != "" {
				status = http.StatusForbidden
			}
			e.answers(t, "then", iamapi.GetUser.Operation, key, status, test.code)
		})
	}
}

// The event of a request says with which session it was made.
func TestTemporaryCredentialsInTheTrail(t *testing.T) {
	t.Parallel()
	e := newTemporaries(t)
	e.NewUser("alice", may("iam:GetUser"))
	issued := e.of(t, "alice")
	for _, mfa := range []string{"false", "true"} {
		if mfa == "true" {
			issued.MFAAt = issued.IssuedAt
		}
		e.answers(t, "the request", iamapi.GetUser.Operation, e.tokens.issue(issued), http.StatusOK, "")
		u := e.LastRecord("GetUser").UserIdentity
		if u.Type != "IAMUser" || u.AccessKeyID == nil || *u.AccessKeyID != issued.AccessKeyID || u.SessionContext == nil ||
			u.SessionContext.Attributes.MFAAuthenticated != mfa ||
			u.SessionContext.Attributes.CreationDate != issued.IssuedAt.UTC().Format(time.RFC3339) {
			t.Errorf("MFA %s: the caller is %s", mfa, mustJSON(u))
		}
	}
}

// What a session token says of MFA and of the time of issue decides policies; a long-term key says nothing of either.
func TestTemporaryCredentialsInPolicies(t *testing.T) {
	t.Parallel()
	when := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{` + condition + `}}}`
	}

	hour := func(n int) string { return time.Now().Add(time.Duration(n) * time.Hour).UTC().Format(time.RFC3339) }
	for name, test := range map[string]struct {
		policy                 string
		plain, withMFA, always bool // whether a session without MFA, one with, and a long-term key are allowed
	}{
		"MFA is present":      {when(`"Bool":{"aws:MultiFactorAuthPresent":"true"}`), false, true, false},
		"MFA is absent":       {when(`"Bool":{"aws:MultiFactorAuthPresent":"false"}`), true, false, false},
		"MFA is not known of": {when(`"Null":{"aws:MultiFactorAuthPresent":"true"}`), false, false, true},
		"MFA is recent":       {when(`"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}`), false, true, false},
		"MFA is old":          {when(`"NumericGreaterThan":{"aws:MultiFactorAuthAge":"3600"}`), false, false, false},
		"issued lately":       {when(`"DateGreaterThan":{"aws:TokenIssueTime":"` + hour(-1) + `"}`), true, true, false},
		"issued long ago":     {when(`"DateLessThan":{"aws:TokenIssueTime":"` + hour(-1) + `"}`), false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newTemporaries(t)
			u := e.NewUser("alice", test.policy)
			plain := e.of(t, "alice")
			withMFA := plain
			withMFA.AccessKeyID, withMFA.MFAAt = "ASIAEXAMPLE000000002", plain.IssuedAt.Add(-time.Minute)

			for what, each := range map[string]struct {
				key     aws.Credentials
				allowed bool
			}{
				"without MFA":     {e.tokens.issue(plain), test.plain},
				"with MFA":        {e.tokens.issue(withMFA), test.withMFA},
				"a long-term key": {u.Key, test.always},
			} {
				if each.allowed {
					e.answers(t, what, iamapi.GetUser.Operation, each.key, http.StatusOK, "")
				} else {
					e.answers(t, what, iamapi.GetUser.Operation, each.key, http.StatusForbidden, "AccessDenied")
				}
			}
		})
	}
}

// A scope may call only what the table lets it call, with each kind of credential that has scopes.
func TestScopes(t *testing.T) {
	t.Parallel()
	const narrow = authn.Scope("narrow")
	e := newTemporaries(t)
	executed := make(executions)
	api.Change(e.service.Table, iamapi.DeleteAccountPasswordPolicy, on[iamapi.DeleteAccountPasswordPolicyInput](api.Open()),
		executes[iamapi.DeleteAccountPasswordPolicyInput, struct{}](executed), api.InScope(narrow, authn.ScopeRecovery))
	api.Change(e.service.Table, iamapi.DeleteAccountAlias, on[iamapi.DeleteAccountAliasInput](api.Open()),
		executes[iamapi.DeleteAccountAliasInput, struct{}](executed), api.InScope(authn.ScopeChangePassword))
	u := e.NewUser("alice", touchtest.AdminPolicy)

	for what, test := range map[string]struct {
		scope           authn.Scope
		password, alias bool
	}{
		"full":          {authn.ScopeFull, true, true},
		"narrow":        {narrow, true, false},
		"recovery":      {authn.ScopeRecovery, true, false},
		"password":      {authn.ScopeChangePassword, false, true},
		"one not known": {authn.Scope("other"), false, false},
		"none":          {authn.Scope(""), false, false},
	} {
		issued := e.of(t, "alice")
		issued.Scope = test.scope
		key := e.tokens.issue(issued)
		var console *touchtest.Console // sessions have fewer scopes
		if slices.Contains([]authn.Scope{authn.ScopeFull, authn.ScopeRecovery, authn.ScopeChangePassword}, test.scope) {
			console = e.inScope(t, e.SignIn(u, nil), test.scope)
		}
		for o, allowed := range map[*awsquery.Operation]bool{
			iamapi.DeleteAccountPasswordPolicy.Operation: test.password, iamapi.DeleteAccountAlias.Operation: test.alias,
			iamapi.GetUser.Operation: test.scope == authn.ScopeFull,
		} {
			status, code := http.StatusOK, ""
			if !allowed {
				status, code = http.StatusForbidden, "AccessDenied"
			}
			e.answers(t, what+", temporary key, "+o.Name, o, key, status, code, "AccountAlias", "alias")

			if console == nil {
				continue
			}
			var err error
			switch o.Name {
			case "DeleteAccountPasswordPolicy":
				_, err = call(t, e.experiment, console, iamapi.DeleteAccountPasswordPolicy, &iamapi.DeleteAccountPasswordPolicyInput{})
			case "DeleteAccountAlias":
				_, err = call(t, e.experiment, console, iamapi.DeleteAccountAlias, &iamapi.DeleteAccountAliasInput{AccountAlias: "alias"})
			case "GetUser":
				_, err = call(t, e.experiment, console, iamapi.GetUser, &iamapi.GetUserInput{})
			}
			if touchtest.CodeOf(err) != code {
				t.Errorf("%s, console, %s: answered %q, want %q", what, o.Name, touchtest.Told(err), code)
			}
		}
	}
}

// inScope narrows a console session.
func (e *experiment) inScope(t *testing.T, c *touchtest.Console, scope authn.Scope) *touchtest.Console {
	t.Helper()
	e.update(t, func(tx *store.Tx) error {
		s, err := tx.Session(e.ID, c.Session.ID)
		if err != nil {
			return err
		}
		s.Scope = string(scope)
		if scope == authn.ScopeChangePassword {
			s.Scope, s.Stage = store.ScopeFull, store.StageChangePassword
		}
		return errors.Join(tx.DeleteSession(e.ID, s.PrincipalID, s.ID), tx.InsertSession(s))
	})
	return c
}

// Credentials that are voided between the check and the commit change nothing.
func TestTemporaryCredentialsAreRechecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*testing.T, *temporaries, authn.Temporary)
		status int
		code   string
	}{
		"nothing": {func(*testing.T, *temporaries, authn.Temporary) {}, http.StatusOK, ""},
		"the sessions are ended": {func(t *testing.T, e *temporaries, issued authn.Temporary) {
			e.update(t, func(tx *store.Tx) error {
				return tx.SetSessionsNotBefore(e.ID, issued.PrincipalID, issued.IssuedAt.Add(time.Second))
			})
		}, http.StatusForbidden, "InvalidClientTokenId"},
		"the user is deleted": {func(t *testing.T, e *temporaries, issued authn.Temporary) {
			e.update(t, func(tx *store.Tx) error { return tx.DeletePrincipal(e.ID, issued.PrincipalID) })
		}, http.StatusForbidden, "InvalidClientTokenId"},
		"the permission goes": {func(t *testing.T, e *temporaries, issued authn.Temporary) {
			e.update(t, func(tx *store.Tx) error { return tx.DeleteInlinePolicy(e.ID, issued.PrincipalID, "test") })
		}, http.StatusForbidden, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newTemporaries(t)
			e.NewUser("alice", may("iam:*"))
			issued := e.of(t, "alice")
			executed := false
			type in = iamapi.DeleteAccountPasswordPolicyInput
			api.ChangeInSteps(e.service.Table, iamapi.DeleteAccountPasswordPolicy, on[in](api.Ask(authz.Check{Resource: "*"})),
				api.Steps[in, struct{}, struct{}, int]{
					Prepare: func(context.Context, *api.Request, struct{}, *in, *int) ([]authz.Key, error) {
						test.change(t, e, issued)
						return nil, nil
					},
					Execute: func(*api.Request, *store.Tx, struct{}, int, *in) (*struct{}, error) {
						executed = true
						return nil, nil
					},
				})

			e.answers(t, "the request", iamapi.DeleteAccountPasswordPolicy.Operation, e.tokens.issue(issued), test.status, test.code)
			if executed != (test.code == "") {
				t.Errorf("executed: %t", executed)
			}
		})
	}
}

package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

var ctx = context.Background()

func from(address string) signin.Visitor {
	return signin.Visitor{Address: netip.MustParseAddr(address), UserAgent: "test"}
}

func wait(err error) time.Duration {
	var many *signin.TooManyAttempts
	if errors.As(err, &many) {
		return many.Wait
	}
	return 0
}

// records are the account's events of a name, oldest first.
func records(t *testing.T, s *touchtest.Server, account, name string) (found []map[string]any) {
	t.Helper()
	if err := s.State.Store.View(ctx, func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{Name: name, Limit: 1000})
		for _, e := range events {
			if e.AccountID != account {
				continue
			}
			var record map[string]any
			if err := json.Unmarshal([]byte(e.Record), &record); err != nil {
				return err
			}
			found = append(found, record)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}

	return found
}

func TestOneAnswerToEverythingWrong(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	a.SetUpRoot()
	if _, err := s.SignIn.User(ctx, touchtest.Visitor, a.ID, "alice", u.Password, ""); err != nil {
		t.Fatal(err)
	}

	for name, try := range map[string]func() (*signin.Progress, error){
		"wrong password": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.1"), a.ID, "alice", "wrong", "")
		},
		"unknown user": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.2"), a.ID, "nobody", u.Password, "")
		},
		"unknown account": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.3"), "999999999999", "alice", u.Password, "")
		},
		"unknown alias": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.4"), "nowhere", "alice", u.Password, "")
		},
		"root's wrong": func() (*signin.Progress, error) { return s.SignIn.Root(ctx, from("10.0.0.5"), a.Email, "wrong", "") },
		"unknown e-mail": func() (*signin.Progress, error) {
			return s.SignIn.Root(ctx, from("10.0.0.6"), "no@example.com", "wrong", "")
		},
		"root as a user": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.7"), a.ID, "", touchtest.RootPassword, "")
		},
		"e-mail as a user": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.8"), a.ID, a.Email, touchtest.RootPassword, "")
		},
		"a very long name": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.9"), a.ID, strings.Repeat("a", 5000), "x", "")
		},
		"a long password": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.10"), a.ID, "alice", strings.Repeat("a", 5000), "")
		},
		"bytes of no text": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.11"), a.ID, "al\x00\xff", "x", "")
		},
		"a user of another": func() (*signin.Progress, error) {
			return s.SignIn.User(ctx, from("10.0.0.12"), s.NewAccount(t).ID, "alice", u.Password, "")
		},
	} {
		p, err := try()
		if !errors.Is(err, signin.ErrIncorrect) || err.Error() != signin.ErrIncorrect.Error() || p != nil {
			t.Errorf("%s: %v, %v; want the one answer", name, p, err)
		}
	}
}

// The name that was typed is in no event when no user has it: it may be a password.
func TestTypedNamesAreNotRecorded(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	const typed = "my-secret-password"
	if _, err := s.SignIn.User(ctx, touchtest.Visitor, a.ID, typed, typed, ""); !errors.Is(err, signin.ErrIncorrect) {
		t.Fatal(err)
	}
	found := records(t, s, a.ID, "ConsoleLogin")
	if len(found) != 1 || found[0]["userIdentity"].(map[string]any)["userName"] != "HIDDEN_DUE_TO_SECURITY_REASONS" {
		t.Fatalf("events: %v", found)
	}
	if text, _ := json.Marshal(found); strings.Contains(string(text), typed) {
		t.Error("the typed name is recorded")
	}
}

func TestGuessesAreSlowedDown(t *testing.T) {
	data := t.TempDir()
	s := touchtest.StartIn(t, data, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	guess := func(s *touchtest.Server, v signin.Visitor, password string) error {
		_, err := s.SignIn.User(ctx, v, a.ID, "alice", password, "")
		return err
	}

	var waited time.Duration
	for n := 0; waited < 59*time.Second; n++ {
		if n > 20 {
			t.Fatal("twenty guesses and no minute of waiting")
		}
		err := guess(s, from("10.0.0.1"), "wrong")
		if w := wait(err); w > 0 {
			if w < waited-time.Second || w > time.Minute {
				t.Fatalf("waits %v after %v", w, waited)
			}
			waited = w
			s.Clock.Advance(w)
		} else if !errors.Is(err, signin.ErrIncorrect) {
			t.Fatal(err)
		}
	}

	if err := guess(s, from("10.0.0.1"), "wrong"); !errors.Is(err, signin.ErrIncorrect) {
		t.Fatal(err)
	}
	if w := wait(guess(s, from("10.9.9.9"), u.Password)); w == 0 {
		t.Error("another address does not wait, though the principal is being guessed at")
	}

	// A restart forgets nothing.
	again := touchtest.StartIn(t, data, func(c *server.Config) { c.Clock = s.Clock.Now })
	if w := wait(guess(again, from("10.9.9.9"), u.Password)); w == 0 {
		t.Error("a restart forgot the guesses")
	}

	s.Clock.Advance(time.Minute)
	if err := guess(s, from("10.9.9.9"), u.Password); err != nil {
		t.Errorf("the right password after the wait: %v", err)
	}
	if err := guess(s, from("10.9.9.8"), "wrong"); !errors.Is(err, signin.ErrIncorrect) {
		t.Errorf("the first wrong one after a right one: %v, want no wait", err)
	}
}

// Strangers who guess cannot keep out a browser that has signed in before.
func TestStrangersSlowDownStrangers(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	v := from("10.0.0.1")
	p, err := s.SignIn.User(ctx, v, a.ID, "alice", u.Password, "")
	if err != nil {
		t.Fatal(err)
	}

	v.DeviceCookie = p.DeviceCookie
	for n := range 30 {
		s.SignIn.User(ctx, from("10.0.1."+string(rune('1'+n%9))), a.ID, "alice", "wrong", "")
	}

	if _, err := s.SignIn.User(ctx, from("10.0.0.1"), a.ID, "alice", u.Password, ""); wait(err) == 0 {
		t.Fatalf("without its cookie the browser got %v: the guesses should keep it waiting", err)
	}
	if _, err := s.SignIn.User(ctx, v, a.ID, "alice", u.Password, ""); err != nil {
		t.Errorf("with its cookie: %v", err)
	}

	// The cookie is good for this principal only, and void after five failures.
	a.NewUser("bob", "")
	for range 30 {
		s.SignIn.User(ctx, from("10.0.1.1"), a.ID, "bob", "wrong", "")
	}

	if _, err := s.SignIn.User(ctx, v, a.ID, "bob", "wrong", ""); wait(err) == 0 {
		t.Errorf("alice's cookie spares bob's wait: %v", err)
	}

	for range 5 {
		s.SignIn.User(ctx, v, a.ID, "alice", "wrong", "")
		s.Clock.Advance(10 * time.Second)
	}

	for range 30 {
		s.SignIn.User(ctx, from("10.0.1.2"), a.ID, "alice", "wrong", "")
	}

	if _, err := s.SignIn.User(ctx, v, a.ID, "alice", u.Password, ""); wait(err) == 0 {
		t.Errorf("after five failures the cookie still counts: %v", err)
	}
}

// withKey is a user who has a security key, and the key.
func withKey(t *testing.T, s *touchtest.Server) (*touchtest.Account, *touchtest.User, *softkey.Key) {
	t.Helper()
	a := s.NewAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	key := softkey.New()
	a.SignIn(u, nil).MustEnrol("", "key", key)
	return a, u, key
}

func begin(t *testing.T, s *touchtest.Server, a *touchtest.Account, u *touchtest.User) (*signin.Progress, *signin.Challenge) {
	t.Helper()
	p, err := s.SignIn.User(ctx, touchtest.Visitor, a.ID, u.Name, u.Password, "")
	if err != nil {
		t.Fatal(err)
	}
	if p.Session.Stage != store.StageMFA {
		t.Fatalf("after the password the stage is %s, want mfa", p.Session.Stage)
	}
	c, err := s.SignIn.BeginMFA(ctx, p.Token)
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

func tap(t *testing.T, s *touchtest.Server, key *softkey.Key, c *signin.Challenge) []byte {
	t.Helper()
	answer, err := key.Get(s.URL, c.Options)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestPasswordAndTap(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	p, c := begin(t, s, a, u)
	if admitted, err := s.SignIn.Admit(ctx, p.Token); err != nil || admitted.Caller != nil {
		t.Errorf("half-way through, the session makes a caller: %+v, %v", admitted, err)
	}

	done, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, tap(t, s, key, c))
	if err != nil {
		t.Fatal(err)
	}
	if done.Token == p.Token || done.Session.ID == p.Session.ID {
		t.Error("the session kept its id as it rose")
	}
	if _, _, err := s.SignIn.Current(ctx, p.Token); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("the session before is still good: %v", err)
	}

	admitted, err := s.SignIn.Admit(ctx, done.Token)
	if err != nil || !admitted.Caller.UsedMFA() {
		t.Errorf("signed in as %+v, %v; want MFA", admitted, err)
	}

	logins := records(t, s, a.ID, "ConsoleLogin")
	last := logins[len(logins)-1]["additionalEventData"].(map[string]any)
	if last["MFAUsed"] != "Yes" || !strings.Contains(last["MFAIdentifier"].(string), ":u2f/user/alice/key-") {
		t.Errorf("the event says %v", last)
	}
	if len(records(t, s, a.ID, "CheckMfa")) != 1 {
		t.Error("no CheckMfa event")
	}
}

func TestCeremonyIsUsedOnce(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	p, c := begin(t, s, a, u)
	answer := tap(t, s, key, c)
	other, _ := begin(t, s, a, u)
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, other.Token, c.Ceremony, answer); !errors.Is(err, signin.ErrCeremony) {
		t.Errorf("in another session: %v", err)
	}
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, []byte("{}")); err == nil {
		t.Error("an empty answer was taken")
	}
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, answer); !errors.Is(err, signin.ErrCeremony) {
		t.Errorf("after a wrong answer the ceremony is still there: %v", err)
	}

	c, err := s.SignIn.BeginMFA(ctx, p.Token)
	if err != nil {
		t.Fatal(err)
	}

	answer = tap(t, s, key, c)
	s.Clock.Advance(6 * time.Minute)
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, answer); !errors.Is(err, signin.ErrCeremony) {
		t.Errorf("after six minutes: %v", err)
	}
}

// A key that was removed signs nobody in, also in a sign-in that had begun.
func TestRemovedKeyNeverSignsIn(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	inside := a.SignIn(u, key)
	p, c := begin(t, s, a, u)
	answer := tap(t, s, key, c)
	devices, err := touchtest.Call(inside, iamapi.ListMFADevices, &iamapi.ListMFADevicesInput{})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := touchtest.Call(inside, iamapi.DeactivateMFADevice,
		&iamapi.DeactivateMFADeviceInput{UserName: "alice", SerialNumber: devices.MFADevices[0].SerialNumber}); err != nil {
		t.Fatal(err)
	}
	if done, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, answer); err == nil {
		t.Errorf("signed in as %+v with a removed key", done.Session)
	}
	if after := a.SignIn(u, nil); after.Session.Stage != store.StageFull {
		t.Errorf("without a device the sign-in stops at %s", after.Session.Stage)
	}
}

// Removing a device and changing a password end the principal's other sessions.
func TestRemovedKeyEndsSessions(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	one, other := a.SignIn(u, key), a.SignIn(u, key)
	devices, err := touchtest.Call(one, iamapi.ListMFADevices, &iamapi.ListMFADevicesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := touchtest.Call(one, iamapi.DeactivateMFADevice,
		&iamapi.DeactivateMFADeviceInput{SerialNumber: devices.MFADevices[0].SerialNumber}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignIn.Admit(ctx, other.Token); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("the other session after the removal: %v", err)
	}
	if _, err := s.SignIn.Admit(ctx, one.Token); err != nil {
		t.Errorf("the session that removed it: %v", err)
	}

	other = a.SignIn(u, nil)
	if _, err := touchtest.Call(one, iamapi.ChangePassword,
		&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(u.Password), NewPassword: "Another-1-password"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignIn.Admit(ctx, other.Token); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("the other session after the password changed: %v", err)
	}
}

func TestCounterThatGoesBack(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	a.SignIn(u, key)
	key.Counter = 0
	p, c := begin(t, s, a, u)
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, tap(t, s, key, c)); !errors.Is(err, mfa.ErrCounter) {
		t.Fatalf("a counter that went back: %v, want a refusal", err)
	}
	if len(records(t, s, a.ID, "ClonedAuthenticatorSuspected")) != 1 {
		t.Error("no event says that the key may have been cloned")
	}
	key.Counter = 1000
	p, c = begin(t, s, a, u)
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, tap(t, s, key, c)); !errors.Is(err, mfa.ErrCounter) {
		t.Errorf("a marked device signs in: %v", err)
	}
}

// Two tabs with one key: the slower is asked again, and nothing is marked.
func TestTwoTabs(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	p1, c1 := begin(t, s, a, u)
	p2, c2 := begin(t, s, a, u)
	first, second := tap(t, s, key, c1), tap(t, s, key, c2)
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p2.Token, c2.Ceremony, second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p1.Token, c1.Ceremony, first); !errors.Is(err, signin.ErrCounter) {
		t.Fatalf("the slower tab: %v, want to be asked again", err)
	}

	again, err := s.SignIn.BeginMFA(ctx, p1.Token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p1.Token, again.Ceremony, tap(t, s, key, again)); err != nil {
		t.Errorf("asked again: %v", err)
	}
}

func TestSetUpLink(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	link := func() string {
		url, err := s.State.Operator().SetUpLink(ctx, a.ID, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(url, "link=")
		return token
	}

	first, second := link(), link()
	if _, err := s.SignIn.SetUpAccount(ctx, first); !errors.Is(err, signin.ErrLinkUsed) {
		t.Errorf("a link that a newer one replaced: %v", err)
	}

	var rule *signin.PasswordRule
	if _, err := s.SignIn.SetUp(ctx, touchtest.Visitor, second, "password1"); !errors.As(err, &rule) {
		t.Errorf("a common password: %v", err)
	}

	p, err := s.SignIn.SetUp(ctx, touchtest.Visitor, second, touchtest.RootPassword)
	if err != nil || p.Session.Stage != store.StageFull {
		t.Fatalf("set up: %+v, %v", p, err)
	}
	if _, err := s.SignIn.SetUp(ctx, touchtest.Visitor, second, touchtest.RootPassword); !errors.Is(err, signin.ErrLinkUsed) {
		t.Errorf("a link used twice: %v", err)
	}

	third := link()
	s.Clock.Advance(61 * time.Minute)
	if _, err := s.SignIn.SetUp(ctx, touchtest.Visitor, third, touchtest.RootPassword); !errors.Is(err, signin.ErrLinkUsed) {
		t.Errorf("a link after an hour: %v", err)
	}

	for _, bad := range []string{"", "x", strings.Repeat("a", 5000), a.ID + "." + strings.Repeat("A", 43)} {
		if _, err := s.SignIn.SetUpAccount(ctx, bad); !errors.Is(err, signin.ErrLinkUsed) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// A set-up link replaces the password and bypasses no device; the root user's sessions end.
func TestSetUpLinkDoesNotBypassMFA(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	key := softkey.New()
	root := a.SetUpRoot()
	root.MustEnrol("", "key", key)
	url, err := s.State.Operator().SetUpLink(ctx, a.ID, s.URL)
	if err != nil {
		t.Fatal(err)
	}

	_, link, _ := strings.Cut(url, "link=")
	p, err := s.SignIn.SetUp(ctx, touchtest.Visitor, link, "another password for root")
	if err != nil {
		t.Fatal(err)
	}
	if p.Session.Stage != store.StageMFA {
		t.Errorf("after the link the stage is %s: the device was bypassed", p.Session.Stage)
	}
	if _, err := s.SignIn.Admit(ctx, root.Token); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("the earlier session: %v", err)
	}
	a.CompleteSignIn(p, key)
}

func TestForcedChange(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	required := true
	root := a.SetUpRoot()
	if _, err := touchtest.Call(root, iamapi.UpdateLoginProfile,
		&iamapi.UpdateLoginProfileInput{UserName: "alice", PasswordResetRequired: &required}); err != nil {
		t.Fatal(err)
	}

	c := a.SignIn(u, nil)
	if c.Session.Stage != store.StageChangePassword {
		t.Fatalf("the stage is %s", c.Session.Stage)
	}

	var refused *awsquery.Error
	if _, err := touchtest.Call(c, iamapi.GetUser, &iamapi.GetUserInput{}); !errors.As(err, &refused) ||
		refused.Code != "AccessDenied" {
		t.Errorf("before the change something else is done: %v", err)
	}
	if _, err := s.SignIn.PasswordChanged(ctx, c.Token); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("went on without a change: %v", err)
	}

	change := func(password awsquery.Secret) error {
		_, err := touchtest.Call(c, iamapi.ChangePassword,
			&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(u.Password), NewPassword: password})
		return err
	}

	if err := change(awsquery.Secret(u.Password)); !errors.As(err, &refused) || refused.Code != "PasswordPolicyViolation" {
		t.Errorf("changed to the same: %v", err)
	}
	if err := change("A-new-passw0rd"); err != nil {
		t.Fatal(err)
	}

	p, err := s.SignIn.PasswordChanged(ctx, c.Token)
	if err != nil || p.Session.Stage != store.StageFull {
		t.Fatalf("after the change: %+v, %v", p, err)
	}
	if _, err := touchtest.Call(a.CompleteSignIn(p, nil), iamapi.GetUser, &iamapi.GetUserInput{}); err != nil {
		t.Error(err)
	}
}

func TestSessionsEnd(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	gone := func(what string, c *touchtest.Console) {
		t.Helper()
		if _, err := s.SignIn.Admit(ctx, c.Token); !errors.Is(err, authn.ErrNoSession) {
			t.Errorf("%s: %v, want no session", what, err)
		}
	}
	c := a.SignIn(u, nil)
	if err := s.SignIn.SignOut(ctx, touchtest.Visitor, c.Token); err != nil {
		t.Fatal(err)
	}
	gone("signed out", c)

	c = a.SignIn(u, nil)
	s.Clock.Advance(61 * time.Minute)
	gone("idle for an hour", c)

	c = a.SignIn(u, nil)
	for range 13 {
		s.Clock.Advance(55 * time.Minute)
		if session, _, err := s.SignIn.Current(ctx, c.Token); err == nil {
			if err := s.SignIn.Touch(ctx, session); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Clock.Advance(10 * time.Minute)
	gone("twelve hours after sign-in, though used", c)

	c = a.SignIn(u, nil)
	if _, err := s.State.Operator().RevokeSessions(ctx, operatorWho(a, "alice")); err != nil {
		t.Fatal(err)
	}
	gone("revoked by the operator", c)
}

// A right password without the device is recorded, and its owner is told.
func TestAbandonedSignInIsTold(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	begin(t, s, a, u)
	s.Clock.Advance(11 * time.Minute)
	if err := s.SignIn.Sweep(ctx); err != nil {
		t.Fatal(err)
	}

	logins := records(t, s, a.ID, "ConsoleLogin")
	if last := logins[len(logins)-1]; last["errorMessage"] != "MFA was not completed" {
		t.Errorf("the last event is %v", last)
	}

	c := a.SignIn(u, key)
	_, principal, err := s.SignIn.Current(ctx, c.Token)
	if err != nil {
		t.Fatal(err)
	}

	notices, err := s.SignIn.Notices(ctx, principal)
	if err != nil || len(notices) != 1 || notices[0].Kind != signin.NoticeAbandoned {
		t.Errorf("notices: %v, %v", notices, err)
	}
	if notices, err = s.SignIn.Notices(ctx, principal); len(notices) != 0 || err != nil {
		t.Errorf("told twice: %v, %v", notices, err)
	}
}

// A sign-in that is completed while expired sessions are deleted was not abandoned.
func TestCompletedWhileSweeping(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, _ := withKey(t, s)
	p, _ := begin(t, s, a, u)
	s.Clock.Advance(11 * time.Minute)

	// The transaction ends the session as the step with the device does, which began in time. Only its last run counts.
	runs, swept := 0, make(chan error, 1)
	s.State.Store.RerunNext(func() {})
	if err := s.State.Store.Update(ctx, store.SessionRow(a.ID, p.Session.ID), func(tx *store.Tx) error {
		if err := tx.DeleteSession(a.ID, p.Session.PrincipalID, p.Session.ID); err != nil {
			return err
		}
		if runs++; runs == 2 {
			go func() { swept <- s.SignIn.Sweep(ctx) }()
			time.Sleep(time.Second) // by then the sweep waits, where the engine lets both run at once
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-swept; err != nil {
		t.Fatal(err)
	}

	for _, login := range records(t, s, a.ID, "ConsoleLogin") {
		if login["errorMessage"] == "MFA was not completed" {
			t.Errorf("recorded as abandoned: %v", login)
		}
	}
}

// Root's mailbox hears of each of its devices, and of a sign-in that stopped at one.
func TestRootIsToldByMail(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	key := softkey.New()
	a.SetUpRoot().MustEnrol("", "safe", key)
	root := a.SignInRoot(key)
	serial := root.MustEnrol("", "spare", softkey.New())
	if _, err := touchtest.Call(root, iamapi.DeactivateMFADevice, &iamapi.DeactivateMFADeviceInput{SerialNumber: serial}); err != nil {
		t.Fatal(err)
	}

	for range 5 { // of which one mail tells
		if _, err := s.SignIn.Root(ctx, touchtest.Visitor, a.Email, touchtest.RootPassword, ""); err != nil {
			t.Fatal(err)
		}
	}

	s.Clock.Advance(time.Hour)
	if err := s.SignIn.Sweep(ctx); err != nil {
		t.Fatal(err)
	}

	var subjects []string
	if err := s.State.Store.View(ctx, func(tx *store.Tx) error {
		mails, err := tx.DueMessages(s.Clock.Now(), 100)
		for _, m := range mails {
			if m.Recipient != a.Email {
				t.Errorf("mail to %s", m.Recipient)
			}
			subjects = append(subjects, m.Subject)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}

	want := "MFA device added, MFA device added, MFA device removed, Sign-in to your account was not completed"
	if got := strings.Join(subjects, ", "); got != want {
		t.Errorf("mails: %s\nwant:  %s", got, want)
	}
}

// Attempts that come at the same moment are charged in any order; within the free ones none waits for another.
func TestAttemptsAtOnce(t *testing.T) {
	s := touchtest.Start(t, nil)
	accounts := make([]*touchtest.Account, 20)
	for n := range accounts {
		accounts[n] = s.NewAccount(t)
		accounts[n].NewUser("alice", "")
	}

	for round, a := range accounts {
		s.Clock.Advance(time.Hour) // the slots of earlier rounds, which may be the same by chance, are forgotten
		answers := make(chan error, 5)
		for n := range cap(answers) {
			go func() {
				_, err := s.SignIn.User(ctx, from(fmt.Sprintf("10.0.%d.%d", round, n)), a.ID, "alice", "wrong", "")
				answers <- err
			}()
		}
		for range cap(answers) {
			if err := <-answers; !errors.Is(err, signin.ErrIncorrect) {
				t.Errorf("one of the first five attempts: %v", err)
			}
		}
	}
}

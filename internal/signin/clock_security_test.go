package signin_test

import (
	"errors"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

const year = 365 * 24 * time.Hour

// steps are what a clock may do while the server runs: each is one or more jumps.
var steps = map[string][]time.Duration{
	"an hour back":           {-time.Hour},
	"a year back":            {-year},
	"an hour ahead":          {time.Hour},
	"a year ahead":           {year},
	"an hour ahead and back": {time.Hour, -time.Hour},
	"a year ahead and back":  {year, -year},
	"a second back":          {-time.Second},
}

// jump moves the clock, and lets others do at each place what leaves times in the store.
func jump(s *touchtest.Server, by []time.Duration, leave func()) {
	leave()
	for _, d := range by {
		s.Clock.Advance(d)
		leave()
	}
}

// Whatever the clock does, whoever waits as told gets in within a few minutes: a stranger's browser, a known one that has failed,
// and the sessions that they begin last.
func TestClockLocksNobodyOut(t *testing.T) {
	for name, by := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := touchtest.Start(t, nil)
			a := s.NewAccount(t)
			u := a.NewUser("alice", touchtest.AdminPolicy)
			known := from("10.0.0.1")
			p, err := s.SignIn.User(ctx, known, a.ID, u.Name, u.Password, "")
			if err != nil {
				t.Fatal(err)
			}
			known.DeviceCookie = p.DeviceCookie

			jump(s, by, func() {
				for n := range 30 {
					s.SignIn.User(ctx, from("10.0.1."+string(rune('1'+n%9))), a.ID, u.Name, "wrong", "")
				}
				s.SignIn.User(ctx, from("10.0.2.1"), a.ID, u.Name, u.Password, "") // is told to wait, and does not come
				for range 4 {
					s.SignIn.User(ctx, known, a.ID, u.Name, "wrong", "")
				}
			})

			for browser, v := range map[string]signin.Visitor{
				"new": from("10.0.3.1"), "that was told to wait before": from("10.0.2.1"), "known": known,
			} {
				p, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, "")
				if told := wait(err); told > 3*time.Minute {
					t.Errorf("a browser %s is told to wait %v", browser, told)
				} else if told > 0 {
					s.Clock.Advance(told)
					p, err = s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, "")
				}
				if err != nil {
					t.Errorf("a browser %s: %v", browser, err)
					continue
				}
				s.Clock.Advance(time.Minute)
				if err := s.SignIn.Sweep(ctx); err != nil {
					t.Fatal(err)
				}
				if _, err := s.SignIn.Admit(ctx, p.Token); err != nil {
					t.Errorf("the new session of a browser %s: %v", browser, err)
				}
			}
		})
	}
}

// Sessions that are begun after all were ended last, whatever the clock does in between, and those from before stay ended.
func TestClockEndsNoNewSession(t *testing.T) {
	for name, by := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := touchtest.Start(t, nil)
			a := s.NewAccount(t)
			u := a.NewUser("alice", touchtest.AdminPolicy)
			c := a.SignIn(u, nil)
			if _, err := touchtest.Call(c, touchstoneapi.EndAllSessions, &touchstoneapi.EndAllSessionsInput{UserName: u.Name}); err != nil {
				t.Fatal(err)
			}
			jump(s, by, func() {})
			if _, err := s.SignIn.Admit(ctx, c.Token); !errors.Is(err, authn.ErrNoSession) {
				t.Errorf("a session that was ended: %v", err)
			}
			again := a.SignIn(u, nil)
			if _, err := s.SignIn.Admit(ctx, again.Token); err != nil {
				t.Errorf("a session that was begun since: %v", err)
			}
		})
	}
}

// No session, link or ceremony lasts longer than its kind may because it was made by a clock that was ahead.
func TestNothingOutlastsAClockAhead(t *testing.T) {
	s := touchtest.Start(t, nil)
	a, u, key := withKey(t, s)
	a.SetUpRoot()
	s.Clock.Advance(year)
	root := a.SignInRoot(nil)
	p, c := begin(t, s, a, u)
	answer := tap(t, s, key, c)
	var link string
	if err := s.State.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		principal, err := tx.RootUser(a.ID)
		if err != nil {
			return err
		}
		link, err = signin.NewSetUpLink(tx, s.SignIn.Secrets, principal, s.Clock.Now())
		return err
	}); err != nil {
		t.Fatal(err)
	}

	s.Clock.Advance(-year)
	if _, err := s.SignIn.Admit(ctx, root.Token); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("a session: %v", err)
	}
	if _, err := s.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, c.Ceremony, answer); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("a sign-in at its device: %v", err)
	}
	if _, err := s.SignIn.SetUpAccount(ctx, link); !errors.Is(err, signin.ErrLinkUsed) {
		t.Errorf("a link is shown: %v", err)
	}
	if _, err := s.SignIn.SetUp(ctx, touchtest.Visitor, link, touchtest.RootPassword); !errors.Is(err, signin.ErrLinkUsed) {
		t.Errorf("a link: %v", err)
	}
	if err := s.SignIn.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.State.Store.View(ctx, func(tx *store.Tx) error {
		sessions, err := tx.Sessions(a.ID, root.Session.PrincipalID)
		for _, left := range sessions {
			if left.ID == root.Session.ID {
				t.Error("the session was left")
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A new sign-in in the same browser ends the session that the browser had, whoever's it was.
func TestSigningInAgainEndsTheFormerSession(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice, bob := a.NewUser("alice", ""), a.NewUser("bob", "")
	v := from("10.0.0.1")
	var former string
	for n, u := range []*touchtest.User{alice, alice, bob} {
		p, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SignIn.Admit(ctx, p.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SignIn.Admit(ctx, former); !errors.Is(err, authn.ErrNoSession) {
			t.Errorf("sign-in %d: the former session: %v", n+1, err)
		}
		former, v.Token, v.DeviceCookie = p.Token, p.Token, p.DeviceCookie
	}

	// An attempt that fails ends nothing.
	if _, err := s.SignIn.User(ctx, v, a.ID, "alice", "wrong", ""); !errors.Is(err, signin.ErrIncorrect) {
		t.Fatal(err)
	}
	if _, err := s.SignIn.Admit(ctx, former); err != nil {
		t.Errorf("after an attempt that failed: %v", err)
	}
}

// A principal has fifty sessions at most: the oldest goes. Others' stay.
func TestSessionsAreBounded(t *testing.T) {
	const most = 50
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	other := a.SignIn(a.NewUser("bob", ""), nil)
	var tokens []string
	for range most + 3 {
		s.Clock.Advance(time.Second)
		tokens = append(tokens, a.SignIn(u, nil).Token)
	}
	for n, token := range append(tokens, other.Token) {
		_, err := s.SignIn.Admit(ctx, token)
		if gone := errors.Is(err, authn.ErrNoSession); gone != (n < 3) || !gone && err != nil {
			t.Errorf("session %d: %v", n+1, err)
		}
	}
}

package signin_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// siege is a sign-in page that others guess at without pause, while its owner signs in again and again as told.
type siege struct {
	s       *touchtest.Server
	guess   func() // what the guessers do in each second, before the owner does anything
	checked int    // guesses whose password was looked at
	names   int    // that were made up
}

// try makes one guess.
func (g *siege) try(t *testing.T, v signin.Visitor, account, name string) {
	t.Helper()
	_, err := g.s.SignIn.User(ctx, v, account, name, "wrong", "")
	switch {
	case errors.Is(err, signin.ErrIncorrect):
		g.checked++
	case wait(err) == 0:
		t.Fatalf("a guess: %v", err)
	}
}

// pass lets seconds pass, with the guesses that are made in them.
func (g *siege) pass(seconds int, clock *touchtest.Clock) {
	for range seconds {
		clock.Advance(time.Second)
		g.guess()
	}
}

// Somebody who waits as told gets in, from a browser that has never been there, while others guess without pause: from one address,
// from dozens, and from the owner's own at other names.
func TestWhoWaitsAsToldGetsIn(t *testing.T) {
	const rounds, between = 3, 150 // seconds
	for name, test := range map[string]struct {
		owner     func(round int) string // the owner's address
		guess     func(t *testing.T, g *siege, a *touchtest.Account)
		longest   time.Duration // that the owner may be told
		perMinute int           // guesses that are checked, beyond those before the first delay
	}{
		"from one address": {
			owner: func(round int) string { return fmt.Sprintf("10.1.%d.1", round) },
			guess: func(t *testing.T, g *siege, a *touchtest.Account) {
				for range 5 {
					g.try(t, from("10.0.0.1"), a.ID, "alice")
				}
			},
			longest: time.Minute + 7*time.Second, perMinute: 1,
		},
		"from forty networks": {
			owner: func(round int) string { return fmt.Sprintf("10.1.%d.1", round) },
			guess: func(t *testing.T, g *siege, a *touchtest.Account) {
				for n := range 40 {
					g.try(t, from(fmt.Sprintf("10.0.%d.1", n)), a.ID, "alice")
				}
			},
			longest: time.Minute + 42*7*time.Second, perMinute: 10,
		},
		"from forty addresses of one network": {
			owner: func(round int) string { return fmt.Sprintf("10.1.%d.1", round) },
			guess: func(t *testing.T, g *siege, a *touchtest.Account) {
				for n := range 40 {
					g.try(t, from(fmt.Sprintf("10.0.0.%d", n)), a.ID, "alice")
				}
			},
			longest: time.Minute + 2*7*time.Second, perMinute: 2,
		},
		"from the owner's address, at names without end": {
			owner: func(int) string { return "10.0.0.1" },
			guess: func(t *testing.T, g *siege, a *touchtest.Account) {
				for range 5 {
					g.try(t, from("10.0.0.1"), a.ID, fmt.Sprintf("nobody-%d", g.names))
					g.names++
				}
			},
			longest: time.Minute, perMinute: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := touchtest.Start(t, nil)
			a := s.NewAccount(t)
			u := a.NewUser("alice", "")
			g := &siege{s: s}
			g.guess = func() { test.guess(t, g, a) }

			begin := s.Clock.Now()
			for round := range rounds {
				g.pass(between, s.Clock)
				v := from(test.owner(round))
				_, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, "")
				told := wait(err)
				if err == nil {
					continue // the guessers had failed less often than would make others wait
				}
				if told == 0 || told > test.longest {
					t.Errorf("round %d: the owner is told %v (%v), want a wait of %v at most", round, told, err, test.longest)
				}
				g.pass(int(math.Ceil(told.Seconds())), s.Clock)
				if _, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, ""); err != nil {
					t.Errorf("round %d: the owner waited %v as told, and got %v", round, told, err)
				}
			}

			// Each time the owner gets in, the failures are forgiven: some guesses are free again, and the delays grow anew.
			minutes := s.Clock.Now().Sub(begin).Minutes()
			if most := (rounds+1)*12 + 10 + int(math.Ceil(minutes))*test.perMinute; g.checked > most {
				t.Errorf("%d guesses were checked in %.1f minutes, want %d at most", g.checked, minutes, most)
			}
			t.Logf("%d guesses were checked in %.1f minutes", g.checked, minutes)
		})
	}
}

// Whoever comes too soon loses nothing and gains nothing, and is never told more than before.
func TestComingTooSoonChangesNothing(t *testing.T) {
	now := time.Now() // moves only when it is told to
	s := touchtest.Start(t, func(c *server.Config) { c.Clock = func() time.Time { return now } })
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	for range 5 {
		s.SignIn.User(ctx, from("10.0.0.1"), a.ID, "alice", "wrong", "")
	}

	_, err := s.SignIn.User(ctx, from("10.0.1.1"), a.ID, "alice", u.Password, "")
	due := now.Add(wait(err))
	for ; now.Before(due); now = now.Add(100 * time.Millisecond) {
		_, err := s.SignIn.User(ctx, from("10.0.1.1"), a.ID, "alice", u.Password, "")
		if w := wait(err); w == 0 || now.Add(w).After(due) {
			t.Fatalf("%v before the turn: %v", due.Sub(now), err)
		}
	}
	if _, err := s.SignIn.User(ctx, from("10.0.1.1"), a.ID, "alice", u.Password, ""); err != nil {
		t.Error(err)
	}
}

// A flood of guesses at names without end leaves the cookies of known browsers good.
func TestFloodVoidsNoDeviceCookie(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	v := from("10.0.0.1")
	p, err := s.SignIn.User(ctx, v, a.ID, "alice", u.Password, "")
	if err != nil {
		t.Fatal(err)
	}
	v.DeviceCookie = p.DeviceCookie
	for n := range 300 {
		s.SignIn.User(ctx, from(fmt.Sprintf("10.2.%d.1", n%250)), a.ID, "alice", "wrong", "")
		if _, err := s.SignIn.User(ctx, v, a.ID, "alice", u.Password, ""); err != nil {
			t.Fatalf("after %d guesses: %v", n, err)
		}
	}
}

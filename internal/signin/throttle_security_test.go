package signin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// Somebody with an account of their own, whose browser has a device cookie, cannot sign in there to have the guesses forgiven
// that they make from the same address at others.
func TestOwnSignInsForgiveNoGuesses(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("mallory", "")
	v := from("10.0.0.1")
	p, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, "")
	if err != nil {
		t.Fatal(err)
	}

	guess := func(n int) error {
		_, err := s.SignIn.User(ctx, v, a.ID, fmt.Sprint("victim", n), "wrong", "")
		return err
	}

	for n := range 30 {
		guess(n)
		s.Clock.Advance(time.Minute + time.Second)
	}

	guess(30)
	if wait(guess(31)) == 0 {
		t.Fatal("an address with 30 failures does not wait")
	}

	v.DeviceCookie = p.DeviceCookie
	for range 30 {
		if _, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, ""); err != nil {
			t.Fatal(err)
		}
	}

	if wait(guess(32)) == 0 {
		t.Error("signing in with a device cookie forgave the address's guesses at others")
	}
}

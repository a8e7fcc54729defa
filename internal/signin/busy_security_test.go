package signin_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// Nobody is charged for an attempt that a busy service did not look at: neither a stranger nor a browser that is known.
func TestBusyChargesNobody(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", "")
	p, err := s.SignIn.User(ctx, from("10.0.0.1"), a.ID, u.Name, u.Password, "")
	if err != nil {
		t.Fatal(err)
	}
	known := from("10.0.0.1")
	known.DeviceCookie = p.DeviceCookie

	for name, v := range map[string]signin.Visitor{"a known browser": known, "a stranger": from("10.0.0.2")} {
		t.Run(name, func(t *testing.T) {
			var places []*secret.Place
			for {
				place, err := s.SignIn.Hasher.Reserve(true)
				if errors.Is(err, secret.ErrBusy) {
					break
				}
				places = append(places, place)
			}
			for range 100 {
				if _, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, ""); !errors.Is(err, secret.ErrBusy) {
					t.Fatalf("a full queue: %v, want ErrBusy", err)
				}
			}
			for _, place := range places {
				place.Leave()
			}

			for n := range 4 {
				if _, err := s.SignIn.User(ctx, v, a.ID, u.Name, fmt.Sprint("wrong", n), ""); !errors.Is(err, signin.ErrIncorrect) {
					t.Fatalf("wrong password %d: %v, want no wait", n+1, err)
				}
			}
			if _, err := s.SignIn.User(ctx, v, a.ID, u.Name, u.Password, ""); err != nil {
				t.Errorf("the right password: %v", err)
			}
		})
	}
}

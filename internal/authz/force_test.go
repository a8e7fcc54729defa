package authz_test

import (
	"errors"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

const (
	managedARN = "arn:aws:iam::111122223333:policy/Managed"
	limitARN   = "arn:aws:iam::111122223333:policy/Limit"
)

var getsBob = authz.Check{Action: "iam:GetUser", Resource: "arn:aws:iam::111122223333:user/bob", Named: "user bob"}

// Whatever governs a principal, a change of it is in force for the next decision, in the process that made it and in every other.
func TestChangesAreInForceAtOnce(t *testing.T) {
	t.Parallel()
	var (
		allows   = document("Allow", "iam:GetUser", "*", "")
		others   = document("Allow", "iam:ListUsers", "*", "")
		denies   = document("Deny", "iam:GetUser", "*", "")
		tagged   = document("Allow", "iam:GetUser", "*", `"StringEquals":{"aws:PrincipalTag/team":"red"}`)
		byName   = document("Allow", "iam:GetUser", "*", `"StringEquals":{"aws:username":"alice"}`)
		byTagged = []store.Tag{{Key: "Team", Value: "red"}}
	)
	type step struct {
		what    string
		change  func(*world, *store.Tx) error
		allowed bool
	}
	put := func(text string) func(*world, *store.Tx) error {
		return func(w *world, tx *store.Tx) error { return tx.PutInlinePolicy(account, w.alice.ID, "own", text, now) }
	}
	drop := func(w *world, tx *store.Tx) error { return tx.DeleteInlinePolicy(account, w.alice.ID, "own") }
	putGroup := func(text string) func(*world, *store.Tx) error {
		return func(w *world, tx *store.Tx) error { return tx.PutInlinePolicy(account, w.group.ID, "its", text, now) }
	}
	join := func(w *world, tx *store.Tx) error { return tx.SetSetting(settingOfGroup(w.alice.ID), w.group.ID) }
	leave := func(w *world, tx *store.Tx) error { return tx.SetSetting(settingOfGroup(w.alice.ID), "") }
	version := func(arn, text string) func(*world, *store.Tx) error {
		return func(_ *world, tx *store.Tx) error { return setPolicy(tx, arn, text) }
	}
	attach := func(w *world, tx *store.Tx) error { return tx.Attach(account, w.alice.ID, managedARN, 10, now) }
	detach := func(w *world, tx *store.Tx) error { return tx.Detach(account, w.alice.ID, managedARN) }
	rename := func(name string) func(*world, *store.Tx) error {
		return func(w *world, tx *store.Tx) error { return tx.RenamePrincipal(account, w.alice.ID, name, "/") }
	}
	tag := func(tags ...store.Tag) func(*world, *store.Tx) error {
		return func(w *world, tx *store.Tx) error { return tx.SetTags(account, w.alice.Owner(), tags) }
	}

	for name, steps := range map[string][]step{
		"inline policy": {
			{"put", put(allows), true},
			{"replaced", put(others), false},
			{"replaced again", put(allows), true},
			{"deleted", drop, false},
		},
		"tags": {
			{"none", put(tagged), false},
			{"set", tag(byTagged...), true},
			{"changed", tag(store.Tag{Key: "team", Value: "blue"}), false},
			{"set again", tag(byTagged...), true},
			{"deleted", func(w *world, tx *store.Tx) error { return tx.DeleteTags(account, w.alice.Owner(), []string{"TEAM"}) }, false},
		},
		"name": {
			{"at first", put(byName), true},
			{"renamed", rename("alicia"), false},
			{"renamed back", rename("alice"), true},
		},
		"group": {
			{"not yet in it", putGroup(allows), false},
			{"joined", join, true},
			{"its policy replaced", putGroup(others), false},
			{"its policy replaced again", putGroup(allows), true},
			{"its policy deleted", func(w *world, tx *store.Tx) error { return tx.DeleteInlinePolicy(account, w.group.ID, "its") }, false},
			{"its policy put again", putGroup(allows), true},
			{"left", leave, false},
		},
		"managed policy": {
			{"not yet attached", version(managedARN, allows), false},
			{"attached", attach, true},
			{"another version", version(managedARN, others), false},
			{"the first version again", version(managedARN, allows), true},
			{"a version that denies", version(managedARN, denies), false},
			{"that and an inline policy that allows", put(allows), false},
			{"detached", detach, true},
		},
		"boundary": {
			{"allowed by an inline policy", put(allows), true},
			{"a policy that is nobody's", version(limitARN, others), true},
			{"limited by it", func(w *world, tx *store.Tx) error { return tx.SetBoundary(account, w.alice.ID, limitARN) }, false},
			{"another version of it", version(limitARN, allows), true},
			{"a version that denies", version(limitARN, denies), false},
			{"no boundary", func(w *world, tx *store.Tx) error { return tx.DeleteBoundary(account, w.alice.ID) }, true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			asked := func(what string, allowed bool) {
				t.Helper()
				for _, p := range w.processes {
					for _, again := range []string{"", " again"} {
						err := p.authorize(w.alice.ID, getsBob)
						var denial *authz.Denial
						if (err == nil) != allowed || err != nil && !errors.As(err, &denial) {
							t.Errorf("%s, in %s%s: %v, want allowed %t", what, p.name, again, err, allowed)
						}
					}
				}
			}

			asked("at first", false)
			for _, step := range steps {
				w.update(func(tx *store.Tx) error { return step.change(w, tx) })
				asked(step.what, step.allowed)
			}
		})
	}
}

// Policies are read and compiled again only when something that they were compiled from has changed.
func TestCompiledPoliciesAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.processes[0]
	gathers := func(what string, want int) {
		t.Helper()
		before := p.gathers
		for range 3 {
			if err := p.authorize(w.alice.ID, getsBob); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if got := p.gathers - before; got != want {
			t.Errorf("%s: the policies were read %d times, want %d", what, got, want)
		}
	}

	w.update(func(tx *store.Tx) error {
		return tx.PutInlinePolicy(account, w.alice.ID, "own", document("Allow", "iam:GetUser", "*", ""), now)
	})
	gathers("the first time", 1)
	gathers("nothing changed", 0)
	w.update(func(tx *store.Tx) error {
		return tx.PutInlinePolicy(account, w.group.ID, "its", document("Allow", "s3:*", "*", ""), now)
	})
	gathers("another principal changed", 0)
	w.update(func(tx *store.Tx) error { return nil })
	gathers("the account changed in nothing that counts", 0)
	w.update(func(tx *store.Tx) error { return tx.SetSetting(settingOfGroup(w.alice.ID), w.group.ID) })
	gathers("a group more", 1)
	w.update(func(tx *store.Tx) error { return tx.RenamePrincipal(account, w.alice.ID, "alicia", "/") })
	gathers("another name", 1)
}

// What a write transaction reads may be rolled back: it decides by it, and nobody else does.
func TestWritesAreNotRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.processes[0]
	w.update(func(tx *store.Tx) error {
		return tx.PutInlinePolicy(account, w.alice.ID, "own", document("Allow", "iam:GetUser", "*", ""), now)
	})
	if err := p.authorize(w.alice.ID, getsBob); err != nil {
		t.Fatal(err)
	}

	undone := errors.New("undone")
	err := p.store.Update(ctx, store.Raise(account), func(tx *store.Tx) error {
		if err := tx.DeleteInlinePolicy(account, w.alice.ID, "own"); err != nil {
			return err
		}
		c, err := p.caller(tx, w.alice.ID)
		if err != nil {
			return err
		}
		if allowed, err := p.authz.Allows(tx, c, &env, getsBob); allowed || err != nil {
			t.Errorf("without the policy, in the transaction: allowed %t, %v", allowed, err)
		}
		return undone
	})
	if !errors.Is(err, undone) {
		t.Fatal(err)
	}

	// The next change has the generation that the one that was rolled back would have had.
	w.update(func(*store.Tx) error { return nil })
	if err := p.authorize(w.alice.ID, getsBob); err != nil {
		t.Errorf("after it was rolled back, in the next state: %v", err)
	}
}

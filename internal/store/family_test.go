package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// Tags are one to a key, without regard to case, and keep the order in which their keys were first given.
func TestTagsAreUniqueIgnoringCase(t *testing.T) {
	s := withAccount(t)
	alice := addUser(t, s, "alice")
	insert := func(tags ...store.Tag) error {
		return s.Update(context.Background(), store.NoLock(),
			func(tx *store.Tx) error { return tx.InsertTags(account, alice.Owner(), tags) })
	}

	if err := insert(store.Tag{Key: "Team", Value: "a"}, store.Tag{Key: "env", Value: "prod"}); err != nil {
		t.Fatal(err)
	}
	if err := insert(store.Tag{Key: "TEAM", Value: "b"}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a key that differs by case alone: %v, want a conflict", err)
	}

	update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.SetTags(account, alice.Owner(), []store.Tag{{Key: "cost", Value: "1"}, {Key: "team", Value: "c"}}),
			tx.DeleteTags(account, alice.Owner(), []string{"ENV", "absent"}))
	})
	view(t, s, func(tx *store.Tx) error {
		found, err := tx.DescribedByName(account, store.User, "ALICE")
		if err != nil {
			return err
		}
		want := []store.Tag{{Key: "team", Value: "c"}, {Key: "cost", Value: "1"}}
		if diff := cmp.Diff(want, found.Tags); diff != "" || found.ID != alice.ID {
			t.Errorf("tags of %s (-want +got):\n%s", found.ID, diff)
		}
		return nil
	})
}

// Whatever is listed page by page comes once each and in order.
func TestPages(t *testing.T) {
	const count = 7
	s := withAccount(t)
	alice, bob := addUser(t, s, "alice"), addUser(t, s, "bob")
	var names []string
	update(t, s, func(tx *store.Tx) (err error) {
		for _, p := range []*store.Principal{bob, alice} {
			names = nil
			for n := range count {
				name := fmt.Sprint("n", n)
				names = append(names, name)
				err = errors.Join(err,
					tx.PutInlinePolicy(account, p.ID, name, "{}", now),
					tx.SetTags(account, p.Owner(), []store.Tag{{Key: name}}),
					tx.Attach(account, p.ID, name, count, now))
			}
		}

		return err
	})

	for what, next := range map[string]func(tx *store.Tx, after string) ([]string, error){
		"inline policies": func(tx *store.Tx, after string) ([]string, error) {
			return tx.InlinePolicyNames(account, alice.ID, after, 2)
		},
		"attachments": func(tx *store.Tx, after string) ([]string, error) { return tx.Attachments(account, alice.ID, after, 2) },
	} {
		var all []string
		view(t, s, func(tx *store.Tx) error {
			for after := ""; ; after = all[len(all)-1] {
				page, err := next(tx, after)
				if err != nil || len(page) == 0 {
					return err
				}
				if len(page) > 2 {
					t.Errorf("%s: a page of 2 has %d", what, len(page))
				}
				all = append(all, page...)
			}
		})
		if diff := cmp.Diff(names, all); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

// A principal has as many attached policies as the limit allows, however often one is attached.
func TestAttachmentsAreLimited(t *testing.T) {
	s := withAccount(t)
	alice, bob := addUser(t, s, "alice"), addUser(t, s, "bob")
	attach := func(principal, policy string) error {
		return s.Update(context.Background(), store.NoLock(),
			func(tx *store.Tx) error { return tx.Attach(account, principal, policy, 2, now) })
	}

	for _, policy := range []string{"one", "two", "two"} {
		if err := attach(alice.ID, policy); err != nil {
			t.Errorf("attach %s: %v", policy, err)
		}
	}
	if err := attach(alice.ID, "three"); !errors.Is(err, store.ErrLimit) {
		t.Errorf("a third policy: %v, want the limit", err)
	}
	if err := attach(bob.ID, "two"); err != nil {
		t.Errorf("another principal's first policy: %v", err)
	}
	if err := attach("nobody", "one"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a policy for nobody: %v, want not found", err)
	}

	view(t, s, func(tx *store.Tx) error {
		var names []string
		first, err := tx.AttachedTo(account, "two", "", 1)
		if err != nil {
			return err
		}
		rest, err := tx.AttachedTo(account, "two", first[0].ID, 10)
		for _, p := range append(first, rest...) {
			names = append(names, p.Name)
		}
		if diff := cmp.Diff([]string{"alice", "bob"}, names); diff != "" {
			t.Errorf("attached to (-want +got):\n%s", diff)
		}
		return err
	})
	err := s.Update(context.Background(), store.NoLock(), func(tx *store.Tx) error { return tx.Detach(account, bob.ID, "one") })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a policy that is not attached was detached: %v", err)
	}
}

func TestBoundary(t *testing.T) {
	s := withAccount(t)
	alice := addUser(t, s, "alice")
	is := func(want string) {
		t.Helper()
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Described(account, alice.ID)
			if err == nil && got.Boundary != want {
				t.Errorf("the boundary is %q, want %q", got.Boundary, want)
			}
			return err
		})
	}

	is("")
	for _, policy := range []string{"one", "two"} {
		update(t, s, func(tx *store.Tx) error { return tx.SetBoundary(account, alice.ID, policy) })
		is(policy)
	}
	update(t, s, func(tx *store.Tx) error { return tx.DeleteBoundary(account, alice.ID) })
	is("")
	for what, change := range map[string]func(*store.Tx) error{
		"deleted twice":  func(tx *store.Tx) error { return tx.DeleteBoundary(account, alice.ID) },
		"set for nobody": func(tx *store.Tx) error { return tx.SetBoundary(account, "nobody", "one") },
	} {
		if err := s.Update(context.Background(), store.NoLock(), change); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want not found", what, err)
		}
	}
}

package store_test

import (
	"testing"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// A change to what a decision reads of a principal raises its version by itself: no operation can forget it.
func TestChangesRaiseTheVersion(t *testing.T) {
	const policyARN = "arn:aws:iam::111122223333:policy/p"
	s := withAccount(t)
	alice, bob := addUser(t, s, "alice"), addUser(t, s, "bob")

	for _, change := range []struct {
		name   string
		make   func(*store.Tx) error
		raises bool
	}{
		{"PutInlinePolicy", func(tx *store.Tx) error { return tx.PutInlinePolicy(account, alice.ID, "p", "{}", now) }, true},
		{"PutInlinePolicy again", func(tx *store.Tx) error { return tx.PutInlinePolicy(account, alice.ID, "p", "{ }", now) }, true},
		{"DeleteInlinePolicy", func(tx *store.Tx) error { return tx.DeleteInlinePolicy(account, alice.ID, "p") }, true},
		{"InsertTags", func(tx *store.Tx) error { return tx.InsertTags(account, alice.Owner(), []store.Tag{{Key: "k"}}) }, true},
		{"InsertTags of none", func(tx *store.Tx) error { return tx.InsertTags(account, alice.Owner(), nil) }, false},
		{"SetTags", func(tx *store.Tx) error {
			return tx.SetTags(account, alice.Owner(), []store.Tag{{Key: "k", Value: "v"}})
		}, true},
		{"DeleteTags", func(tx *store.Tx) error { return tx.DeleteTags(account, alice.Owner(), []string{"K"}) }, true},
		{"DeleteTags of none", func(tx *store.Tx) error { return tx.DeleteTags(account, alice.Owner(), []string{"K"}) }, false},
		{"Attach", func(tx *store.Tx) error { return tx.Attach(account, alice.ID, policyARN, 10, now) }, true},
		{"Attach again", func(tx *store.Tx) error { return tx.Attach(account, alice.ID, policyARN, 10, now) }, false},
		{"Detach", func(tx *store.Tx) error { return tx.Detach(account, alice.ID, policyARN) }, true},
		{"SetBoundary", func(tx *store.Tx) error { return tx.SetBoundary(account, alice.ID, policyARN) }, true},
		{"DeleteBoundary", func(tx *store.Tx) error { return tx.DeleteBoundary(account, alice.ID) }, true},
		{"RenamePrincipal", func(tx *store.Tx) error { return tx.RenamePrincipal(account, alice.ID, "alicia", "/eng/") }, true},
		{"InsertPassword", func(tx *store.Tx) error { return tx.InsertPassword(account, alice.ID, []byte("hash"), false, now) }, false},
		{"TouchPasswordUse", func(tx *store.Tx) error { return tx.TouchPasswordUse(account, alice.ID, now) }, false},
	} {
		var before, after int64
		update(t, s, func(tx *store.Tx) (err error) {
			if before, err = tx.PrincipalVersion(account, alice.ID); err != nil {
				return err
			}
			if err = change.make(tx); err != nil {
				return err
			}
			after, err = tx.PrincipalVersion(account, alice.ID)
			return err
		})
		if raised := after > before; raised != change.raises {
			t.Errorf("%s took the version from %d to %d", change.name, before, after)
		}
	}

	view(t, s, func(tx *store.Tx) error {
		version, err := tx.PrincipalVersion(account, bob.ID)
		if version != 1 {
			t.Errorf("another user's version is %d, want 1", version)
		}
		return err
	})
}

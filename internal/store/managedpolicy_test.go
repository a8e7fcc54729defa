package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// addPolicy makes a managed policy with a first version.
func addPolicy(t *testing.T, s *store.Store, path, name, document string) *store.ManagedPolicy {
	t.Helper()
	p := &store.ManagedPolicy{
		AccountID: account, ID: "ANPA" + name, ARN: "arn:aws:iam::" + account + ":policy" + path + name, Name: name, Path: path,
		Description: "what " + name + " is for", CreatedAt: now,
	}
	update(t, s, func(tx *store.Tx) error { return tx.InsertManagedPolicy(p, document) })
	return p
}

// tried is the error of a change.
func tried(s *store.Store, change func(*store.Tx) error) error {
	return s.Update(context.Background(), store.NoLock(), change)
}

func TestManagedPolicy(t *testing.T) {
	s := withAccount(t)
	p := addPolicy(t, s, "/eng/", "Reader", "{}")
	later := now.Add(time.Hour)

	if err := tried(s, func(tx *store.Tx) error {
		return tx.InsertManagedPolicy(&store.ManagedPolicy{
			AccountID: account, ID: "ANPAX", ARN: "arn:aws:iam::" + account + ":policy/READER", Name: "READER", Path: "/", CreatedAt: now,
		}, "{}")
	}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second policy whose name differs by case: %v, want a conflict", err)
	}

	// The keys of a policy's tags differ by case.
	update(t, s, func(tx *store.Tx) error {
		return tx.SetTags(account, p.Owner(), []store.Tag{{Key: "Team", Value: "a"}, {Key: "team", Value: "b"}, {Key: "x", Value: ""}})
	})
	update(t, s, func(tx *store.Tx) error { return tx.DeleteTags(account, p.Owner(), []string{"X", "team"}) })
	view(t, s, func(tx *store.Tx) error {
		found, err := tx.ManagedPolicy(account, p.ARN)
		if diff := cmp.Diff(p, found); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		tags, err := tx.Tags(account, p.Owner())
		if diff := cmp.Diff([]store.Tag{{Key: "Team", Value: "a"}, {Key: "x", Value: ""}}, tags); diff != "" || err != nil {
			t.Errorf("tags: %v (-want +got):\n%s", err, diff)
		}
		for _, other := range []string{"arn:aws:iam::" + account + ":policy/Reader", "arn:aws:iam::aws:policy/eng/Reader", ""} {
			if _, err := tx.ManagedPolicy(account, other); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the policy %q: %v, want not found", other, err)
			}
		}
		return nil
	})

	// No number is given twice, and the default stays until another is chosen.
	add := func(document string, inForce bool, expected int64) {
		t.Helper()
		var number int64
		update(t, s, func(tx *store.Tx) (err error) {
			number, err = tx.InsertPolicyVersion(p, document, inForce, later)
			return err
		})
		if number != expected {
			t.Errorf("version %d, want %d", number, expected)
		}
	}
	add("{ }", false, 2)
	add("{ }", true, 3)
	remove := func(number int64) error {
		return tried(s, func(tx *store.Tx) error { return tx.DeletePolicyVersion(account, p.ID, number) })
	}
	update(t, s, func(tx *store.Tx) error { return tx.SetDefaultVersion(account, p.ID, 2, later) })
	if err := remove(3); err != nil {
		t.Error(err)
	}
	if err := remove(3); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a version that is gone was deleted: %v", err)
	}
	add("{  }", false, 4)
	if err := tried(s, func(tx *store.Tx) error {
		return tx.SetDefaultVersion(account, "ANPAX", 1, later)
	}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a policy that is not there has a default: %v", err)
	}

	view(t, s, func(tx *store.Tx) error {
		versions, err := tx.PolicyVersions(account, p.ID)
		expected := []store.PolicyVersion{{4, "{  }", later}, {2, "{ }", later}, {1, "{}", now}}
		if diff := cmp.Diff(expected, versions); diff != "" || err != nil {
			t.Errorf("versions: %v (-want +got):\n%s", err, diff)
		}
		found, err := tx.ManagedPolicy(account, p.ARN)
		if err != nil || found.Default != 2 || !found.UpdatedAt.Equal(later) {
			t.Errorf("the policy is %+v, %v", found, err)
		}
		return nil
	})

	// Nothing of a deleted policy comes back with another that has its id.
	update(t, s, func(tx *store.Tx) error { return tx.DeleteManagedPolicy(p) })
	if err := tried(s, func(tx *store.Tx) error { return tx.DeleteManagedPolicy(p) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted again: %v", err)
	}
	view(t, s, func(tx *store.Tx) error {
		versions, err := tx.PolicyVersions(account, p.ID)
		tags, tagsErr := tx.Tags(account, p.Owner())
		if len(versions)+len(tags) > 0 || err != nil || tagsErr != nil {
			t.Errorf("left behind: %v, %v; %v, %v", versions, tags, err, tagsErr)
		}
		return nil
	})
}

// What governs a principal is the text of each policy's version in force, and the states differ when that text does.
func TestGoverningPolicies(t *testing.T) {
	s := withAccount(t)
	alice, bob := addUser(t, s, "alice"), addUser(t, s, "bob")
	one, two := addPolicy(t, s, "/", "one", "{1}"), addPolicy(t, s, "/", "two", "{2}")
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.Attach(account, alice.ID, two.ARN, 10, now), tx.Attach(account, alice.ID, one.ARN, 10, now),
			tx.SetBoundary(account, alice.ID, one.ARN), tx.Attach(account, bob.ID, one.ARN, 10, now))
	})
	states := func(principal string) (all []store.PolicyState) {
		t.Helper()
		view(t, s, func(tx *store.Tx) (err error) {
			all, err = tx.PolicyStates(account, principal)
			return err
		})
		return all
	}

	before, bobs := states(alice.ID), states(bob.ID)
	if len(before) != 2 || len(bobs) != 1 {
		t.Fatalf("the states are %v and %v", before, bobs)
	}
	update(t, s, func(tx *store.Tx) error {
		_, err := tx.InsertPolicyVersion(two, "{3}", false, now)
		return err
	})
	if diff := cmp.Diff(before, states(alice.ID)); diff != "" {
		t.Errorf("with a version that is not in force (-want +got):\n%s", diff)
	}
	update(t, s, func(tx *store.Tx) error { return tx.SetDefaultVersion(account, two.ID, 2, now) })
	if cmp.Equal(before, states(alice.ID)) || !cmp.Equal(bobs, states(bob.ID)) {
		t.Errorf("with another version in force: %v, of another %v", states(alice.ID), states(bob.ID))
	}

	view(t, s, func(tx *store.Tx) error {
		got, err := tx.GoverningPolicies(account, alice.ID)
		expected := []store.GoverningPolicy{
			{one.ID, one.ARN, "one", 1, false, "{1}"}, {two.ID, two.ARN, "two", 2, false, "{3}"}, {one.ID, one.ARN, "one", 1, true, "{1}"},
		}
		if diff := cmp.Diff(expected, got); diff != "" || err != nil {
			t.Errorf("governing: %v (-want +got):\n%s", err, diff)
		}
		return nil
	})
}

// Policies are listed by name, and those who use one by their ids.
func TestManagedPolicyLists(t *testing.T) {
	s := withAccount(t)
	alice, bob := addUser(t, s, "alice"), addUser(t, s, "bob")
	both, limit := addPolicy(t, s, "/a/", "Both", "{}"), addPolicy(t, s, "/a/b/", "limit", "{}")
	unused, attached := addPolicy(t, s, "/A/", "unused", "{}"), addPolicy(t, s, "/", "attached", "{}")
	team := &store.Principal{
		AccountID: account, ID: "team", Kind: store.Group, UniqueID: "AGPAT", Name: "team", Path: "/eng/", CreatedAt: now,
	}
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertPrincipal(team),
			tx.Attach(account, bob.ID, both.ARN, 10, now), tx.Attach(account, team.ID, both.ARN, 10, now),
			tx.SetBoundary(account, bob.ID, both.ARN), tx.SetBoundary(account, alice.ID, both.ARN),
			tx.Attach(account, team.ID, attached.ARN, 10, now), tx.SetBoundary(account, team.ID, limit.ARN))
	})

	for _, test := range []struct {
		prefix string
		usage  store.Usage
		want   string
	}{
		{"", store.AnyUse, "attached 1 0, Both 2 2, limit 0 1, unused 0 0"},
		{"/a/", store.AnyUse, "Both 2 2, limit 0 1"},
		{"", store.UsedAtAll, "attached 1 0, Both 2 2, limit 0 1"},
		{"/", store.UsedAttached, "attached 1 0, Both 2 2"},
		{"", store.UsedAsBoundary, "Both 2 2, limit 0 1"},
	} {
		var lines []string
		view(t, s, func(tx *store.Tx) error {
			for after := ""; ; {
				page, err := tx.ManagedPolicies(account, test.prefix, test.usage, after, 1)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, p := range page {
					attachments, boundaries, err := tx.PolicyUses(account, p.ARN)
					if err != nil {
						return err
					}
					lines = append(lines, fmt.Sprint(p.Name, " ", attachments, " ", boundaries))
					after = p.Name
				}
			}
		})
		if got := strings.Join(lines, ", "); got != test.want {
			t.Errorf("under %q, used as %d: %s, want %s", test.prefix, test.usage, got, test.want)
		}
	}

	for _, test := range []struct {
		policy *store.ManagedPolicy
		prefix string
		usage  store.Usage
		want   string
	}{
		{both, "", store.UsedAtAll, "alice, bob, team"},
		{both, "", store.UsedAttached, "bob, team"},
		{both, "", store.UsedAsBoundary, "alice, bob"},
		{both, "/eng/", store.UsedAtAll, "team"},
		{limit, "", store.UsedAttached, ""},
		{limit, "", store.UsedAsBoundary, "team"},
		{unused, "", store.UsedAtAll, ""},
	} {
		var names []string
		view(t, s, func(tx *store.Tx) error {
			for after := ""; ; {
				page, err := tx.PrincipalsUsing(account, test.policy.ARN, test.prefix, test.usage, after, 2)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, p := range page {
					names, after = append(names, p.Name), p.ID
				}
			}
		})
		if got := strings.Join(names, ", "); got != test.want {
			t.Errorf("those who use %s as %d under %q: %s, want %s", test.policy.Name, test.usage, test.prefix, got, test.want)
		}
	}
}

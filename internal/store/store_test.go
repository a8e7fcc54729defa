package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

const account = "111122223333"

var now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func open(t *testing.T) *store.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "data"))
}

// openAt opens the database of a data directory, on the engine that the tests run on.
func openAt(t *testing.T, directory string) *store.Store {
	t.Helper()
	s, err := store.OpenConfig(context.Background(), configOf(t, directory))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func configOf(t *testing.T, directory string) store.Config {
	t.Helper()
	path, databaseURL := storetest.Place(t, directory)
	return store.Config{Path: path, URL: databaseURL, Migrate: true}
}

func update(t *testing.T, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), store.NoLock(), fn); err != nil {
		t.Fatal(err)
	}
}

func raise(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Update(context.Background(), store.Raise(account), func(*store.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func addUser(t *testing.T, s *store.Store, name string) *store.Principal {
	t.Helper()
	i := &store.Principal{
		AccountID: account, ID: "id-" + name, Kind: store.User, UniqueID: "AIDA" + name, Name: name, Path: "/",
		CreatedAt: now,
	}
	update(t, s, func(tx *store.Tx) error { return tx.InsertPrincipal(i) })
	return i
}

func withAccount(t *testing.T) *store.Store {
	t.Helper()
	s := open(t)
	update(t, s, func(tx *store.Tx) error { return tx.InsertAccount(account, "root@example.com", now) })
	return s
}

func TestDatabaseIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "touchstone.db")
	s, err := store.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v: others may read it", filepath.Base(name), info.Mode())
		}
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	s := withAccount(t)
	failure := errors.New("no")
	err := s.Update(context.Background(), store.Raise(account), func(tx *store.Tx) error {
		if err := tx.SetAlias(account, "acme", now); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Fatalf("Update returned %v, want the function's own error", err)
	}

	view(t, s, func(tx *store.Tx) error {
		f, err := tx.Freshness(account)
		if f.Generation != 1 {
			t.Errorf("generation is %d after a rollback, want 1", f.Generation)
		}
		if alias, _ := tx.Alias(account); alias != "" {
			t.Errorf("alias %q was kept", alias)
		}
		return err
	})
}

func TestViewSeesOneSnapshot(t *testing.T) {
	s := withAccount(t)
	view(t, s, func(tx *store.Tx) error {
		before, err := tx.Freshness(account)
		if err != nil {
			return err
		}
		raise(t, s)
		after, err := tx.Freshness(account)
		if after != before {
			t.Errorf("a change made meanwhile is seen: %v, then %v", before, after)
		}
		return err
	})
}

// Another process is another Store on the same file.
func TestAnotherProcessIsSeenByTheNextView(t *testing.T) {
	directory := t.TempDir()
	one, other := openAt(t, directory), openAt(t, directory)
	update(t, one, func(tx *store.Tx) error { return tx.InsertAccount(account, "root@example.com", now) })
	view(t, other, func(tx *store.Tx) error { _, err := tx.Freshness(account); return err })
	raise(t, other)
	view(t, one, func(tx *store.Tx) error {
		f, err := tx.Freshness(account)
		if f.Generation != 2 {
			t.Errorf("generation is %d, want 2", f.Generation)
		}
		return err
	})
}

func TestWritersOfTwoProcessesAreSerialised(t *testing.T) {
	directory := t.TempDir()
	stores := []*store.Store{openAt(t, directory), openAt(t, directory)}
	update(t, stores[0], func(tx *store.Tx) error { return tx.InsertAccount(account, "root@example.com", now) })
	const rounds = 50
	var wg sync.WaitGroup
	for _, s := range stores {
		for range 2 {
			wg.Go(func() {
				for range rounds {
					if err := s.Update(context.Background(), store.Raise(account), func(*store.Tx) error { return nil }); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}

	wg.Wait()
	view(t, stores[0], func(tx *store.Tx) error {
		f, err := tx.Freshness(account)
		if want := int64(1 + 4*rounds); f.Generation != want {
			t.Errorf("generation is %d, want %d", f.Generation, want)
		}
		return err
	})
}

func TestIncarnationIsNeverReused(t *testing.T) {
	s := withAccount(t)
	var first, second store.Freshness
	view(t, s, func(tx *store.Tx) (err error) { first, err = tx.Freshness(account); return err })
	update(t, s, func(tx *store.Tx) error {
		if err := tx.RemoveAccount(account); err != nil {
			return err
		}
		return tx.InsertAccount(account, "root@example.com", now)
	})
	view(t, s, func(tx *store.Tx) (err error) { second, err = tx.Freshness(account); return err })
	if first.Incarnation == second.Incarnation {
		t.Error("an account made again has the incarnation of the one before")
	}
}

// What an account had is not found any more, and may be registered by another; what happened in it stays on record.
func TestRemoveAccountKeepsEventsAlone(t *testing.T) {
	s := withAccount(t)
	i := addUser(t, s, "alice")
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.InsertAccessKey(&store.AccessKey{
				AccountID: account, ID: "AKIA1", PrincipalID: i.ID, Active: true, SealedSecret: []byte("x"),
				CreatedAt: now,
			}),
			tx.InsertMFADevice(&store.MFADevice{
				AccountID: account, ID: "d", PrincipalID: i.ID, Name: "k", Serial: "s",
				CredentialID: []byte{1}, RPID: "localhost", Credential: "{}", EnabledAt: now,
			}),
			tx.InsertEvent(&store.Event{AccountID: account, ID: "e", Time: now, Name: "CreateUser"}),
			tx.RemoveAccount(account))
	})

	view(t, s, func(tx *store.Tx) error {
		for what, err := range map[string]error{
			"account":    errOf(tx.Account(account)),
			"access key": errOf(tx.AccessKeyAccount("AKIA1")),
			"user":       errOf(tx.PrincipalByName(account, store.User, "alice")),
			"device":     errOf(tx.MFADeviceBySerial(account, "s")),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v, want not found", what, err)
			}
		}
		events, err := tx.Events(store.EventQuery{AccountID: account, Limit: 10})
		if len(events) != 1 || events[0].Name != "CreateUser" {
			t.Errorf("events left: %v, want the account's one", events)
		}
		return err
	})

	// The credential may be registered again.
	update(t, s, func(tx *store.Tx) error {
		return tx.InsertMFADevice(&store.MFADevice{
			AccountID: account, ID: "d", PrincipalID: i.ID, Name: "k", Serial: "s",
			CredentialID: []byte{1}, RPID: "localhost", Credential: "{}", EnabledAt: now,
		})
	})
}

func errOf[T any](_ T, err error) error { return err }

func TestNamesAreUniqueIgnoringCase(t *testing.T) {
	s := withAccount(t)
	addUser(t, s, "Alice")
	err := s.Update(context.Background(), store.NoLock(), func(tx *store.Tx) error {
		return tx.InsertPrincipal(&store.Principal{
			AccountID: account, ID: "other", Kind: store.User, UniqueID: "AIDAother",
			Name: "aLICE", Path: "/x/", CreatedAt: now,
		})
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second Alice: %v, want a conflict", err)
	}

	// Another kind of principal may have the name.
	update(t, s, func(tx *store.Tx) error {
		return tx.InsertPrincipal(&store.Principal{
			AccountID: account, ID: "role", Kind: store.Role, UniqueID: "AROAalice", Name: "alice", Path: "/", CreatedAt: now,
		})
	})
	view(t, s, func(tx *store.Tx) error {
		role, err := tx.PrincipalByUniqueID(account, "AROAalice")
		if err == nil && role.ARN() != "arn:aws:iam::"+account+":role/alice" {
			t.Errorf("the role is found as %s", role.ARN())
		}
		return err
	})

	view(t, s, func(tx *store.Tx) error {
		i, err := tx.PrincipalByName(account, store.User, "ALICE")
		if err == nil && i.Name != "Alice" {
			t.Errorf("found %q, want the name as it was given", i.Name)
		}
		return err
	})
}

func TestOneAliasInTheInstallation(t *testing.T) {
	s := withAccount(t)
	const other = "444455556666"
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.InsertAccount(other, "other@example.com", now), tx.SetAlias(account, "acme", now),
			tx.SetAlias(account, "acme-2", now))
	})
	err := s.Update(context.Background(), store.NoLock(), func(tx *store.Tx) error { return tx.SetAlias(other, "acme-2", now) })
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("an alias taken twice: %v, want a conflict", err)
	}
	update(t, s, func(tx *store.Tx) error { return tx.SetAlias(other, "acme", now) }) // given up by the first
}

func TestUsersPage(t *testing.T) {
	s := withAccount(t)
	var names []string
	update(t, s, func(tx *store.Tx) error {
		names = nil
		for n := range 25 {
			name := fmt.Sprintf("user-%02d", n)
			names = append(names, name)
			i := &store.Principal{
				AccountID: account, ID: name, Kind: store.User, UniqueID: "AIDA" + name, Name: name, Path: []string{
					"/", "/eng/",
					"/eng%/",
				}[n%3],
				CreatedAt: now.Add(-time.Duration(n%5) * time.Hour),
			}
			if err := tx.InsertPrincipal(i); err != nil {
				return err
			}
		}
		return nil
	})

	for _, order := range []store.PrincipalOrder{store.ByName, store.ByPath, store.ByCreation, store.ByPasswordLastUse} {
		for _, descending := range []bool{false, true} {
			seen := map[string]bool{}
			view(t, s, func(tx *store.Tx) error {
				q := store.PrincipalQuery{Kind: store.User, Order: order, Descending: descending, Limit: 4}
				for {
					users, err := tx.Principals(account, q)
					if err != nil {
						return err
					}
					for n := range users {
						if seen[users[n].Name] {
							t.Fatalf("%s %v: %s comes twice", order, descending, users[n].Name)
						}
						seen[users[n].Name] = true
						q.After = &users[n]
					}
					if len(users) < q.Limit {
						return nil
					}
				}
			})
			if len(seen) != len(names) {
				t.Errorf("%s, descending %v: %d users on all pages, want %d", order, descending, len(seen), len(names))
			}
		}
	}

	view(t, s, func(tx *store.Tx) error {
		n, err := tx.CountPrincipals(account, store.PrincipalQuery{Kind: store.User, PathPrefix: "/eng%/"})
		if want := 8; n != want {
			t.Errorf("%d users below a path with a wildcard of SQL in it, want %d", n, want)
		}
		return err
	})

	view(t, s, func(tx *store.Tx) error {
		users, err := tx.Principals(account, store.PrincipalQuery{Kind: store.User, NameContains: "R-1", Limit: 100})
		if len(users) != 10 {
			t.Errorf("%d users contain r-1, want 10", len(users))
		}
		return err
	})
}

func TestCeremonyIsTakenOnce(t *testing.T) {
	s := withAccount(t)
	c := store.Ceremony{
		AccountID: account, Hash: []byte("h"), PrincipalID: "i", SessionID: "s", Purpose: store.PurposeAssert,
		SubjectID: "i", Record: []byte("r"), CreatedAt: now, ExpiresAt: now.Add(time.Minute),
	}
	update(t, s, func(tx *store.Tx) error { return tx.InsertCeremony(&c, 8) })
	take := func(session, purpose string, at time.Time) error {
		return s.Update(context.Background(), store.NoLock(), func(tx *store.Tx) error {
			_, err := tx.TakeCeremony(account, c.Hash, "i", session, purpose, at)
			return err
		})
	}

	if err := take("another", store.PurposeAssert, now); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("taken by another session: %v", err)
	}
	if err := take("s", store.PurposeRegister, now); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("taken for another purpose: %v", err)
	}
	if err := take("s", store.PurposeAssert, now.Add(time.Minute)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("taken when over: %v", err)
	}

	var won, lost int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			err := take("s", store.PurposeAssert, now)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, store.ErrNotFound):
				lost++
			default:
				t.Error(err)
			}
		})
	}

	wg.Wait()
	if won != 1 || lost != 15 {
		t.Errorf("taken %d times, refused %d times, want 1 and 15", won, lost)
	}
}

// A session's own oldest ceremony goes, and never another session's.
func TestOldestCeremonyGoesAtTheLimit(t *testing.T) {
	s := withAccount(t)
	for n := range 9 {
		session := "s"
		if n >= 5 {
			session = "another"
		}
		update(t, s, func(tx *store.Tx) error {
			return tx.InsertCeremony(&store.Ceremony{
				AccountID: account, Hash: []byte{byte(n)}, PrincipalID: "i", SessionID: session, Purpose: store.PurposeAssert,
				Record:    []byte("r"),
				CreatedAt: now.Add(time.Duration(n) * time.Second), ExpiresAt: now.Add(time.Hour),
			}, 3)
		})
	}

	var left []byte
	for n := range 5 {
		var hash []byte
		update(t, s, func(tx *store.Tx) error {
			c, err := tx.TakeCeremony(account, []byte{byte(n)}, "i", "s", store.PurposeAssert, now)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			hash = c.Hash
			return err
		})
		left = append(left, hash...)
	}

	if diff := cmp.Diff([]byte{2, 3, 4}, left); diff != "" {
		t.Errorf("ceremonies left (-want +got):\n%s", diff)
	}
}

func TestDeviceUseIsGuardedByItsCounter(t *testing.T) {
	s := withAccount(t)
	d := &store.MFADevice{
		AccountID: account, ID: "d", PrincipalID: "i", Name: "k", Serial: "s", CredentialID: []byte{1}, SignCount: 5,
		Credential: "{}", EnabledAt: now,
	}
	update(t, s, func(tx *store.Tx) error { return tx.InsertMFADevice(d) })
	update(t, s, func(tx *store.Tx) error { return tx.UseMFADevice(d, 6, "{}", now) })
	err := s.Update(context.Background(), store.NoLock(), func(tx *store.Tx) error { return tx.UseMFADevice(d, 7, "{}", now) })
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("used twice from the same state: %v, want not found", err)
	}
}

func TestPruneKeepsWhatIsYoung(t *testing.T) {
	s := open(t)
	add := func(id string, age time.Duration, read bool) {
		update(t, s, func(tx *store.Tx) error {
			return tx.InsertEvent(&store.Event{AccountID: account, ID: id, Time: now.Add(-age), Name: "N", ReadOnly: read, Record: "{}"})
		})
	}

	const day = 24 * time.Hour
	add("old read", 8*day, true)
	add("young read", 6*day, true)
	add("old change", 401*day, false)
	add("young change", 399*day, false)
	update(t, s, func(tx *store.Tx) error {
		n, err := tx.PruneEvents(now.Add(-7*day), now.Add(-400*day), 100)
		if n != 2 {
			t.Errorf("%d events pruned, want 2", n)
		}
		return err
	})

	var left []string
	view(t, s, func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{Limit: 10})
		for _, e := range events {
			left = append(left, e.ID)
		}
		return err
	})

	if diff := cmp.Diff([]string{"young change", "young read"}, left); diff != "" {
		t.Errorf("events left (-want +got):\n%s", diff)
	}
}

package server_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// quietly is a rotation that nobody watches.
var quietly = server.Rotation{Waiting: func([]string) {}, Sealed: func(_, _ int64) {}}

// keyState opens an installation with an account whose root user has an access key.
func keyState(t *testing.T) (*server.State, server.StateConfig, *operator.CreatedAccount) {
	t.Helper()
	c := server.StateConfig{Data: t.TempDir(), Create: true, Migrate: true}
	state, err := server.OpenState(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	made, err := state.Operator().CreateAccount(t.Context(), operator.AccountRequest{RootEmail: "root@example.com", AccessKey: true})
	if err != nil {
		t.Fatal(err)
	}
	return state, c, made
}

// secretOf opens the stored secret of an account's access key.
func secretOf(t *testing.T, s *server.State, a *operator.CreatedAccount) (plain string, err error) {
	t.Helper()
	err = s.Store.View(t.Context(), func(tx *store.Tx) error {
		k, err := tx.AccessKey(a.AccountID, a.AccessKeyID)
		if err != nil {
			return err
		}
		plain, err = s.Secrets.OpenSecretKey(a.AccountID, k.PrincipalID, k.ID, k.SealedSecret)
		return err
	})
	return plain, err
}

// A rotation that was interrupted leaves an installation that opens, wherever it was, and the next one completes it.
func TestInterruptedRotation(t *testing.T) {
	for _, place := range []string{"after the file has both keys", "before the file has the new key in front"} {
		t.Run(place, func(t *testing.T) {
			state, c, made := keyState(t)
			keyFile := filepath.Join(c.Data, "master.key")
			if _, err := secret.AddNext(keyFile); err != nil {
				t.Fatal(err)
			}

			if place != "after the file has both keys" {
				both, err := os.ReadFile(keyFile)
				if err != nil {
					t.Fatal(err)
				}
				if err := state.RotateMasterKey(t.Context(), quietly); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(keyFile, both, 0o600); err != nil {
					t.Fatal(err)
				}
			}

			for _, when := range []string{"interrupted", "completed"} {
				again, err := server.OpenState(t.Context(), c)
				if err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				if plain, err := secretOf(t, again, made); err != nil || plain != made.SecretAccessKey {
					t.Errorf("%s: the secret is %q, %v", when, plain, err)
				}
				if when == "interrupted" {
					err = again.RotateMasterKey(t.Context(), quietly)
				} else {
					_, err = again.DropPreviousKey()
				}
				if err != nil {
					t.Errorf("%s: %v", when, err)
				}
				again.Close()
			}

			last, err := server.OpenState(t.Context(), c)
			if err != nil {
				t.Fatalf("with the new key alone: %v", err)
			}
			last.Close()
		})
	}
}

// A rotation waits for a server that has not read the new key, and no longer for one that is gone.
func TestRotationWaitsForServers(t *testing.T) {
	state, _, _ := keyState(t)
	touch := func(id string, seen time.Time) {
		t.Helper()
		if err := state.Store.Update(t.Context(), store.NoLock(), func(tx *store.Tx) error {
			return tx.TouchServer(&store.Server{ID: id, Name: id, Keys: []string{"old"}, SeenAt: seen})
		}); err != nil {
			t.Fatal(err)
		}
	}
	touch("gone", time.Now().Add(-time.Hour))
	touch("running", time.Now())

	ctx, cancel := context.WithCancel(t.Context())
	var waitedFor []string
	err := state.RotateMasterKey(ctx, server.Rotation{Waiting: func(missing []string) {
		waitedFor = missing
		cancel()
	}})
	if err == nil || len(waitedFor) != 1 || waitedFor[0] != "running" {
		t.Errorf("waited for %q (%v), want the running server", waitedFor, err)
	}
}

// After a leak everything is under a new key; the old one stays as long as something may be under it, and then goes.
func TestReplacedKeyGoes(t *testing.T) {
	state, _, made := keyState(t)
	old := state.Secrets.Current()
	if err := state.ReplaceKey(t.Context(), quietly); err != nil {
		t.Fatal(err)
	}
	if state.Secrets.Current() == old {
		t.Error("the old key is still used")
	}
	if plain, err := secretOf(t, state, made); err != nil || plain != made.SecretAccessKey {
		t.Errorf("the secret is %q, %v", plain, err)
	}

	left := func(what string, want int) {
		t.Helper()
		keys, err := state.Keys(t.Context())
		if err != nil || len(keys.Installation) != want {
			t.Errorf("%s: keys %+v, %v, want %d", what, keys.Installation, err, want)
		}
	}
	drop := func(after time.Duration) {
		t.Helper()
		if err := state.DropUnusedKeys(t.Context(), time.Now().Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	drop(6 * 24 * time.Hour)
	left("after six days", 2)
	drop(8 * 24 * time.Hour)
	left("while the set-up link is under it", 2)
	if err := state.Store.Update(t.Context(), store.NoLock(), func(tx *store.Tx) error {
		_, err := tx.Sweep(time.Now().Add(24 * time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	drop(8 * 24 * time.Hour)
	left("when nothing is under it", 1)
}

// Whoever can write the database, but has no master key, makes no access key another's.
func TestWritingTheDatabaseIsNotEnough(t *testing.T) {
	state, c, made := keyState(t)
	db, err := sql.Open("sqlite", filepath.Join(c.Data, "touchstone.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	if _, err := db.Exec(`update access_key set principal_id = 'somebody else'`); err != nil {
		t.Fatal(err)
	}
	if plain, err := secretOf(t, state, made); err == nil {
		t.Errorf("the key of another principal opens: %q", plain)
	}
}

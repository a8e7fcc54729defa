package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// TestMemory reads and writes a database in memory from many goroutines at once: each sees all that was written before, no reader
// sees half of a change, and nothing is written to disk.
func TestMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx := context.Background()
	open := func() *store.Store {
		s, err := store.OpenConfig(ctx, store.Config{Path: store.Memory, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s, other := open(), open()
	if err := s.Update(ctx, store.Installation(), func(tx *store.Tx) error {
		return tx.InsertAccount(account, "root@example.com", now)
	}); err != nil {
		t.Fatal(err)
	}

	const writers, readers, rounds = 3, 6, 40
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for n := range rounds {
				// A pair is written in one change.
				if err := s.Update(ctx, store.Raise(account), func(tx *store.Tx) error {
					for _, half := range []string{"a", "b"} {
						name := fmt.Sprintf("%s-%d-%d", half, w, n)
						if err := tx.InsertPrincipal(&store.Principal{
							AccountID: account, ID: name, Kind: store.User, UniqueID: name, Name: name, Path: "/", CreatedAt: now,
						}); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range readers {
		running.Go(func() {
			before := 0
			for range rounds {
				if err := s.View(ctx, func(tx *store.Tx) error {
					count, err := tx.CountPrincipals(account, store.PrincipalQuery{Kind: store.User})
					if count%2 != 0 || count < before {
						t.Errorf("%d users are there, after %d", count, before)
					}
					before = count
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()

	if err := other.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Account(account)
		return err
	}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another database in memory has the account: %v", err)
	}
	files, err := os.ReadDir(".")
	if err != nil || len(files) > 0 {
		t.Errorf("a database in memory made the files %v (%v)", files, err)
	}
}

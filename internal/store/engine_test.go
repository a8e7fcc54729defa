package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

const testAccount = "111122223333"

var testTime = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// openTwo opens one database, with an account, in two stores, as two servers do.
func openTwo(t *testing.T) (one, other *Store) {
	t.Helper()
	ctx := context.Background()
	c := place(t)
	stores := make([]*Store, 2)
	for n := range stores {
		s, err := OpenConfig(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		stores[n] = s
	}

	if err := stores[0].Update(ctx, NoLock(), func(tx *Tx) error {
		return tx.InsertAccount(testAccount, "root@example.com", testTime)
	}); err != nil {
		t.Fatal(err)
	}
	return stores[0], stores[1]
}

// Charges of a throttle slot from two servers at once are all counted.
func TestNoChargeIsLost(t *testing.T) {
	ctx := context.Background()
	one, other := openTwo(t)
	const workers, rounds = 8, 50
	var wg sync.WaitGroup
	for n := range workers {
		s := []*Store{one, other}[n%2]
		wg.Go(func() {
			for range rounds {
				if err := s.Update(ctx, ThrottleSlots(7), func(tx *Tx) error {
					return tx.ChargeThrottle(7, testTime, testTime.Add(-time.Hour))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}

	wg.Wait()
	if err := one.View(ctx, func(tx *Tx) error {
		state, err := tx.Throttle(7)
		if state.Failures != workers*rounds {
			t.Errorf("%d charges were counted as %d", workers*rounds, state.Failures)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// What a function reads under its lock is still so when it writes: a read, then a write, from two servers, loses nothing.
func TestNothingIsReadBeforeItsLock(t *testing.T) {
	ctx := context.Background()
	one, other := openTwo(t)
	if err := one.Update(ctx, NoLock(), func(tx *Tx) error { return tx.SetQuota(testAccount, "n", 0) }); err != nil {
		t.Fatal(err)
	}

	for name, lock := range map[string]Lock{
		"account": Accounts(testAccount), "raised": Raise(testAccount), "installation": Installation(), "slot": ThrottleSlots(3),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after int
			read := func(n *int) {
				if err := one.View(ctx, func(tx *Tx) (err error) { *n, _, err = tx.Quota(testAccount, "n"); return err }); err != nil {
					t.Fatal(err)
				}
			}

			read(&before)
			const workers, rounds = 4, 20
			var wg sync.WaitGroup
			for n := range workers {
				s := []*Store{one, other}[n%2]
				wg.Go(func() {
					for range rounds {
						if err := s.Update(ctx, lock, func(tx *Tx) error {
							n, _, err := tx.Quota(testAccount, "n")
							if err != nil {
								return err
							}
							return tx.SetQuota(testAccount, "n", n+1)
						}); err != nil {
							t.Error(err)
						}
					}
				})
			}

			wg.Wait()
			read(&after)
			if after-before != workers*rounds {
				t.Errorf("%d increments came to %d", workers*rounds, after-before)
			}
		})
	}
}

// A failed statement ends its transaction, whatever the function makes of the error.
func TestNothingIsCommittedAfterAFailure(t *testing.T) {
	ctx := context.Background()
	s, _ := openTwo(t)
	err := s.Update(ctx, NoLock(), func(tx *Tx) error {
		if err := tx.SetSetting("kept", "yes"); err != nil {
			return err
		}
		if err := tx.InsertAccount(testAccount, "other@example.com", testTime); !errors.Is(err, ErrConflict) {
			t.Errorf("the account was inserted twice: %v", err)
		}
		if err := tx.SetSetting("later", "yes"); !errors.Is(err, ErrConflict) {
			t.Errorf("a statement after the failed one: %v", err)
		}
		return nil
	})
	if !errors.Is(err, ErrConflict) {
		t.Errorf("Update returned %v, want the failure", err)
	}

	if err := s.View(ctx, func(tx *Tx) error {
		value, err := tx.Setting("kept")
		if value != "" {
			t.Error("what came before the failure was committed")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Text that one engine could not hold is refused on both, before any statement.
func TestUnstorableText(t *testing.T) {
	ctx := context.Background()
	s, _ := openTwo(t)
	for _, text := range []string{"a\x00b", "\xff", "a\xc3"} {
		if err := s.Update(ctx, NoLock(), func(tx *Tx) error {
			if err := tx.SetSetting("x", text); !errors.Is(err, ErrText) {
				t.Errorf("%q was written: %v", text, err)
			}
			return tx.SetSetting("x", "after all") // the transaction goes on
		}); err != nil {
			t.Errorf("after %q: %v", text, err)
		}

		if err := s.View(ctx, func(tx *Tx) error {
			_, err := tx.AccountByAlias(text)
			return err
		}); !errors.Is(err, ErrNotFound) || !errors.Is(err, ErrText) {
			t.Errorf("%q was looked for: %v", text, err)
		}
	}
}

// An error of the database names its statement, and not the values in it.
func TestErrorsNameTheirStatement(t *testing.T) {
	ctx := context.Background()
	s, _ := openTwo(t)
	err := s.Update(ctx, NoLock(), func(tx *Tx) error { return tx.InsertAccount(testAccount, "secret@example.com", testTime) })
	if err == nil || !strings.Contains(err.Error(), "insert into account") || strings.Contains(err.Error(), "secret@") {
		t.Errorf("the error is %v", err)
	}
}

// A function that is run again begins from nothing, and what it left in the database before is gone.
func TestRunAgain(t *testing.T) {
	once(t)
	ctx := context.Background()
	s, _ := openTwo(t)
	for failures, want := range map[int]error{0: nil, maxTries - 1: nil, maxTries: ErrUnavailable} {
		runs := 0
		err := s.Update(ctx, Raise(testAccount), func(tx *Tx) error {
			runs++
			if err := tx.InsertMessage(&Message{
				ID: strings.Repeat("m", failures+1), AccountID: testAccount,
				CreatedAt: testTime,
			}); err != nil {
				return err // it would be a conflict if the earlier run's were still there
			}
			if runs <= failures {
				tx.failed = &rolledBack{errors.New("made up")}
				return errors.New("the function's own words for it")
			}
			return nil
		})
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("after %d failures: %v, want %v", failures, err, want)
		}

		if wantRuns := min(failures+1, maxTries); runs != wantRuns {
			t.Errorf("after %d failures it had run %d times, want %d", failures, runs, wantRuns)
		}
	}
}

package audit_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// A clock that jumps ahead by two years costs events of one day at each pruning, not all of them.
func TestPruneDoesNotFollowAClockThatJumps(t *testing.T) {
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	log := audit.NewLog(s, audit.ReadsOff, nil)
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	prune := func(at time.Time) {
		t.Helper()
		if err := log.Prune(ctx, at, day, 400*day); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (n int) {
		t.Helper()
		if err := s.View(ctx, func(tx *store.Tx) error {
			events, err := tx.Events(store.EventQuery{Limit: 100})
			n = len(events)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}

	if err := s.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		var events []*store.Event
		for _, age := range []time.Duration{400*day - time.Hour, 10 * day, 0} {
			events = append(events, &store.Event{AccountID: "111122223333", ID: age.String(), Time: now.Add(-age), Record: "{}"})
		}
		return tx.InsertEvents(events)
	}); err != nil {
		t.Fatal(err)
	}
	prune(now)
	if left() != 3 {
		t.Fatal("events were pruned before their time")
	}
	prune(now.Add(2 * 365 * day))
	if n := left(); n != 2 {
		t.Errorf("after the jump %d events are left, want those of all but the oldest day", n)
	}
	prune(now)
	prune(now.Add(day))
	if n := left(); n != 2 {
		t.Errorf("after the clock was set right %d events are left", n)
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrPutBack is returned by View and Update once the database is found to have been put back to an earlier state while it is
// open: an account is at a lower generation than was read before, in the same incarnation. Whatever was revoked in between is
// back, and what is in memory cannot be told from what is current. It is returned until the account has another incarnation.
var ErrPutBack = fmt.Errorf("%w: it was put back to an earlier state", ErrUnavailable)

// watch remembers the state that each account was last read at, so that a database that went back in time is noticed.
type watch struct {
	mu      sync.RWMutex
	seen    map[string]Freshness
	putBack atomic.Pointer[string] // the account by which it was noticed
}

// note compares what a transaction read of an account with what was read before. A transaction that may still be rolled back
// teaches nothing.
func (w *watch) note(tx *Tx, account string, now Freshness) {
	w.mu.RLock()
	before, known := w.seen[account]
	w.mu.RUnlock()
	if before == now {
		return
	}
	if known && before.Incarnation == now.Incarnation && now.Generation < before.Generation {
		tx.suspect = account
		return
	}
	if tx.writes {
		return
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	if before := w.seen[account]; before.Incarnation == now.Incarnation && now.Generation < before.Generation {
		return // another transaction with a later snapshot was here in between
	}
	if w.seen == nil {
		w.seen = make(map[string]Freshness)
	}
	w.seen[account] = now
}

// suspicion is the error of an Update that read an account at a lower generation than was read before.
type suspicion struct{ account string }

// Error implements error.
func (e *suspicion) Error() string {
	return "account " + e.account + " was read at a lower generation than before"
}

// confirm returns ErrPutBack when the database was put back, which a lower generation alone does not say: the snapshot of whoever
// read it may be older than that of another who read a higher one. A snapshot that begins now is not.
func (s *Store) confirm(ctx context.Context, account string) error {
	s.watch.mu.RLock()
	before := s.watch.seen[account]
	s.watch.mu.RUnlock()

	var now Freshness
	err := s.snapshot(ctx, func(tx *Tx) (err error) {
		tx.watch = nil
		now, err = tx.Freshness(account)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}

	// Once the database was put back, a higher generation is that of other changes.
	if now.Incarnation == before.Incarnation && (now.Generation < before.Generation || s.watch.putBack.Load() != nil) {
		s.watch.putBack.Store(&account)
		return fmt.Errorf("%w: account %s is at generation %d, and was read at %d before; run 'touchstone restored' on the database "+
			"after every restore", ErrPutBack, account, now.Generation, before.Generation)
	}
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	if s.watch.putBack.Swap(nil) != nil {
		clear(s.watch.seen) // it was told of the restore by now
	}
	return nil
}

// notPutBack returns ErrPutBack while the database is known to have been put back.
func (s *Store) notPutBack(ctx context.Context) error {
	account := s.watch.putBack.Load()
	if account == nil {
		return nil
	}
	return s.confirm(ctx, *account)
}

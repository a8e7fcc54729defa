package api

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// useSpan is how exactly the last use of an access key is kept: the first use in any such span is recorded (IAM User Guide,
// "Getting credential reports": 15 minutes).
const useSpan = 15 * time.Minute

// maxKeyUses bounds the uses held in memory; at the bound they are written before more are taken.
const maxKeyUses = 16384

// KeyUses collects the last uses of access keys in memory, so that a request never waits for them to be written.
type KeyUses struct {
	mu      sync.Mutex
	pending map[string]keyUse
	noted   map[string]time.Time // when each key's use was last taken, to keep to useSpan
}

type keyUse struct {
	account, service, region string
	at                       time.Time
}

// NewKeyUses returns an empty collection.
func NewKeyUses() *KeyUses {
	return &KeyUses{pending: make(map[string]keyUse), noted: make(map[string]time.Time)}
}

// Note records that a key was used.
func (u *KeyUses) Note(account, id, service, region string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, known := u.noted[id]; known && now.Sub(last) < useSpan {
		return
	}
	if len(u.noted) >= maxKeyUses {
		clear(u.noted)
	}
	if len(u.pending) >= maxKeyUses {
		return
	}
	u.noted[id] = now
	u.pending[id] = keyUse{account, service, region, now}
}

// Flush writes what was collected. What it could not write stays pending for the next time.
func (u *KeyUses) Flush(ctx context.Context, s *store.Store) error {
	u.mu.Lock()
	uses := maps.Clone(u.pending)
	u.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}

	if err := s.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		// Every server writes in the same order, so that two of them wait for each other instead of deadlocking.
		for _, id := range slices.Sorted(maps.Keys(uses)) {
			use := uses[id]
			if err := tx.TouchAccessKey(use.account, id, use.service, use.region, use.at); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}

	// A key may have been used again while its earlier use was written.
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, use := range uses {
		if u.pending[id] == use {
			delete(u.pending, id)
		}
	}
	return nil
}

// Waiting returns how many uses are not written yet.
func (u *KeyUses) Waiting() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.pending)
}

// Pending returns a use that is not written yet.
func (u *KeyUses) Pending(id string) (service, region string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	use := u.pending[id]
	return use.service, use.region, use.at
}

package store

import (
	"errors"
	"time"
)

// Throttle is the state of one slot of failed attempts.
type Throttle struct {
	Failures int
	LastAt   time.Time
}

// Throttle reads a slot; one never written is zero.
func (tx *Tx) Throttle(slot int64) (t Throttle, err error) {
	err = tx.get(`select failures, last_at from throttle where slot = $1`, []any{slot}, &t.Failures, instant{&t.LastAt})
	if errors.Is(err, ErrNotFound) {
		return Throttle{}, nil
	}
	return t, err
}

// SetThrottle writes a slot.
func (tx *Tx) SetThrottle(slot int64, t Throttle) error {
	_, err := tx.exec(`insert into throttle (slot, failures, last_at) values ($1, $2, $3)
		on conflict (slot) do update set failures = excluded.failures, last_at = excluded.last_at`, slot, t.Failures, micros(t.LastAt))
	return err
}

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

// ChargeThrottle counts one failure at now in a slot. When its last one was at forgotten or before, it counts as the first.
func (tx *Tx) ChargeThrottle(slot int64, now, forgotten time.Time) error {
	_, err := tx.exec(`insert into throttle (slot, failures, last_at) values ($1, 1, $2)
		on conflict (slot) do update set last_at = excluded.last_at,
		failures = case when throttle.last_at <= $3 then 1 else throttle.failures + 1 end`, slot, micros(now), micros(forgotten))
	return err
}

// DischargeThrottle takes one failure of a slot back, if there is one.
func (tx *Tx) DischargeThrottle(slot int64) error {
	_, err := tx.exec(`update throttle set failures = failures - 1 where slot = $1 and failures > 0`, slot)
	return err
}

// ClearThrottle takes all failures of a slot back.
func (tx *Tx) ClearThrottle(slot int64) error {
	_, err := tx.exec(`update throttle set failures = 0 where slot = $1`, slot)
	return err
}

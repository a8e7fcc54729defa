package store

import (
	"errors"
	"time"
)

// Throttle is the state of one slot of failed attempts, or of turns. What each of its members means depends on what the slot stands
// for; package signin says it.
type Throttle struct {
	Failures int
	LastAt   time.Time
	DueAt    time.Time // zero: nothing is due
	Calendar string    // in the form of package signin; "" is an empty one
}

// Throttle reads a slot; one never written is zero.
func (tx *Tx) Throttle(slot int64) (t Throttle, err error) {
	err = tx.get(`select failures, last_at, due_at, calendar from throttle where slot = $1`, []any{slot},
		&t.Failures, instant{&t.LastAt}, instant{&t.DueAt}, &t.Calendar)
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

// DischargeThrottle takes back one failure of a slot, if there is one, and moves what is due in it forward by the time that the
// failure had put it off.
func (tx *Tx) DischargeThrottle(slot int64, putOff time.Duration) error {
	_, err := tx.exec(`update throttle set failures = failures - 1, due_at = case when due_at > $2 then due_at - $2 else 0 end
		where slot = $1 and failures > 0`, slot, putOff.Microseconds())
	return err
}

// UnchargeThrottle takes back one failure that was charged at a time, as if it had never been: when no other has been charged
// since, the slot's last one is again the one before.
func (tx *Tx) UnchargeThrottle(slot int64, charged, before time.Time, putOff time.Duration) error {
	_, err := tx.exec(`update throttle set failures = failures - 1, due_at = case when due_at > $4 then due_at - $4 else 0 end,
		last_at = case when last_at = $2 then $3 else last_at end
		where slot = $1 and failures > 0`, slot, micros(charged), micros(before), putOff.Microseconds())
	return err
}

// ClearThrottle takes all failures of a slot back, and what is due in it.
func (tx *Tx) ClearThrottle(slot int64) error {
	_, err := tx.exec(`update throttle set failures = 0, due_at = 0, calendar = '' where slot = $1`, slot)
	return err
}

// PlanThrottle stores what is due in a slot, and leaves its failures as they are.
func (tx *Tx) PlanThrottle(slot int64, due time.Time, calendar string) error {
	_, err := tx.exec(`insert into throttle (slot, failures, last_at, due_at, calendar) values ($1, 0, 0, $2, $3)
		on conflict (slot) do update set due_at = excluded.due_at, calendar = excluded.calendar`, slot, micros(due), calendar)
	return err
}

// BookThrottle stores in a slot that somebody, who is known again by the mark, was told at a time to come back when it is due. It
// stands in the place of the slot's failures. A due of zero takes the booking back.
func (tx *Tx) BookThrottle(slot int64, mark int, told, due time.Time) error {
	_, err := tx.exec(`insert into throttle (slot, failures, last_at, due_at) values ($1, $4, $2, $3)
		on conflict (slot) do update set failures = excluded.failures, last_at = excluded.last_at, due_at = excluded.due_at`,
		slot, micros(told), micros(due), mark)
	return err
}

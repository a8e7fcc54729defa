package store

import (
	"errors"
	"time"
)

// Guesses are the attempts that failed in a known browser, or of a caller who proves a password.
type Guesses struct {
	Failures int
	LastAt   time.Time
}

// KnownBrowser reads the failed attempts of a browser that has completed a sign-in as the principal. ErrNotFound when none has that
// id.
func (tx *Tx) KnownBrowser(account, principal, id string) (g Guesses, err error) {
	err = tx.get(`select failures, last_at from known_browser where account_id = $1 and principal_id = $2 and browser_id = $3`,
		[]any{account, principal, id}, &g.Failures, instant{&g.LastAt})
	return g, err
}

// SaveKnownBrowser stores that a browser has completed a sign-in as the principal, and forgets its failures. A principal has at
// most limit of them: the one that has not signed in for the longest goes to make room.
func (tx *Tx) SaveKnownBrowser(account, principal, id string, now time.Time, limit int) error {
	if _, err := tx.exec(`insert into known_browser (account_id, browser_id, principal_id, failures, last_at, created_at)
		values ($1, $2, $3, 0, 0, $4) on conflict (account_id, browser_id) do update
		set failures = 0, last_at = 0, created_at = excluded.created_at`, account, id, principal, micros(now)); err != nil {
		return err
	}
	_, err := tx.exec(`delete from known_browser where account_id = $1 and principal_id = $2 and not browser_id = $3
		and browser_id in (select browser_id from known_browser where account_id = $1 and principal_id = $2
			order by created_at desc, browser_id limit 1000000 offset $4)`, account, principal, id, limit)
	return err
}

// ChargeKnownBrowser counts one failure at now. When the last one was at forgotten or before, it counts as the first.
func (tx *Tx) ChargeKnownBrowser(account, id string, now, forgotten time.Time) error {
	_, err := tx.exec(`update known_browser set last_at = $3, failures = case when last_at <= $4 then 1 else failures + 1 end
		where account_id = $1 and browser_id = $2`, account, id, micros(now), micros(forgotten))
	return err
}

// DischargeKnownBrowser takes back one failure that was charged at a time: when no other has been charged since, the last one is
// again the one before.
func (tx *Tx) DischargeKnownBrowser(account, id string, charged, before time.Time) error {
	_, err := tx.exec(`update known_browser set failures = failures - 1, last_at = case when last_at = $3 then $4 else last_at end
		where account_id = $1 and browser_id = $2 and failures > 0`, account, id, micros(charged), micros(before))
	return err
}

// SetKnownBrowserTime stores another time of the last failure.
func (tx *Tx) SetKnownBrowserTime(account, id string, t time.Time) error {
	_, err := tx.exec(`update known_browser set last_at = $3 where account_id = $1 and browser_id = $2`, account, id, micros(t))
	return err
}

// ClearKnownBrowser takes all failures back.
func (tx *Tx) ClearKnownBrowser(account, id string) error {
	_, err := tx.exec(`update known_browser set failures = 0 where account_id = $1 and browser_id = $2`, account, id)
	return err
}

// Proofs reads the wrong passwords under a key of the account; none is zero.
func (tx *Tx) Proofs(account, key string) (g Guesses, err error) {
	err = tx.get(`select failures, last_at from proof where account_id = $1 and proof_key = $2`, []any{account, key},
		&g.Failures, instant{&g.LastAt})
	if errors.Is(err, ErrNotFound) {
		return Guesses{}, nil
	}
	return g, err
}

// ChargeProof counts one wrong password at now under a key. When the last one was at forgotten or before, it counts as the first.
func (tx *Tx) ChargeProof(account, principal, key string, now, forgotten time.Time) error {
	_, err := tx.exec(`insert into proof (account_id, proof_key, principal_id, failures, last_at) values ($1, $2, $3, 1, $4)
		on conflict (account_id, proof_key) do update set last_at = excluded.last_at,
		failures = case when proof.last_at <= $5 then 1 else proof.failures + 1 end`,
		account, key, principal, micros(now), micros(forgotten))
	return err
}

// DischargeProof takes back one wrong password that was charged at a time: when no other has been charged since, the last one is
// again the one before.
func (tx *Tx) DischargeProof(account, key string, charged, before time.Time) error {
	_, err := tx.exec(`update proof set failures = failures - 1, last_at = case when last_at = $3 then $4 else last_at end
		where account_id = $1 and proof_key = $2 and failures > 0`, account, key, micros(charged), micros(before))
	return err
}

// SetProofTime stores another time of the last wrong password.
func (tx *Tx) SetProofTime(account, key string, t time.Time) error {
	_, err := tx.exec(`update proof set last_at = $3 where account_id = $1 and proof_key = $2`, account, key, micros(t))
	return err
}

// ClearProofs takes all wrong passwords under a key back.
func (tx *Tx) ClearProofs(account, key string) error {
	_, err := tx.exec(`delete from proof where account_id = $1 and proof_key = $2`, account, key)
	return err
}

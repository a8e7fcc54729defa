package store

import "time"

// MaxSetupLink is the longest that a set-up link may last.
const MaxSetupLink = time.Hour

// latestSetupLink is when a link that is made at now expires at the latest; one that expires later is over (see Expired).
func latestSetupLink(now time.Time) int64 { return micros(now.Add(MaxSetupLink + ClockSlack)) }

// InsertSetupLink stores a link's token by its hash, and ends the principal's earlier links.
func (tx *Tx) InsertSetupLink(account, principal string, tokenHash []byte, expires time.Time) error {
	if _, err := tx.exec(`delete from setup_link where account_id = $1 and principal_id = $2`, account, principal); err != nil {
		return err
	}

	_, err := tx.exec(`insert into setup_link (account_id, token_hash, principal_id, expires_at) values ($1, $2, $3, $4)`,
		account, tokenHash, principal, micros(expires))
	return err
}

// SetupLink reads whose link it is. ErrNotFound when it was used, replaced, or is over.
func (tx *Tx) SetupLink(account string, tokenHash []byte, now time.Time) (principal string, err error) {
	err = tx.get(`select principal_id from setup_link where account_id = $1 and token_hash = $2
		and expires_at > $3 and expires_at <= $4`, []any{account, tokenHash, micros(now), latestSetupLink(now)}, &principal)
	return principal, err
}

// TakeSetupLink uses the link up. ErrNotFound when it was used, replaced, or is over.
func (tx *Tx) TakeSetupLink(account string, tokenHash []byte, now time.Time) error {
	return tx.change(`delete from setup_link where account_id = $1 and token_hash = $2
		and expires_at > $3 and expires_at <= $4`, account, tokenHash, micros(now), latestSetupLink(now))
}

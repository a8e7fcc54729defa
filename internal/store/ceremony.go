package store

import "time"

// Ceremony is a WebAuthn ceremony under way. It is used once: taken, and so gone, before anything is verified.
type Ceremony struct {
	AccountID   string
	Hash        []byte // of the ceremony's token
	PrincipalID string // who is at the browser
	SessionID   string
	Purpose     string // "register" or "assert"
	SubjectID   string // whose device it is
	DeviceName  string // of a registration
	Record      []byte // in the form of package mfa
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// The purposes of a ceremony.
const (
	PurposeRegister = "register"
	PurposeAssert   = "assert"
)

const ceremonyColumns = `account_id, ceremony_hash, principal_id, session_id, purpose, subject_id, device_name, record,
	created_at, expires_at`

func scanCeremony(row scanner) (c Ceremony, err error) {
	err = row.Scan(&c.AccountID, &c.Hash, &c.PrincipalID, &c.SessionID, &c.Purpose, &c.SubjectID, &c.DeviceName, &c.Record,
		instant{&c.CreatedAt}, instant{&c.ExpiresAt})
	return c, err
}

// InsertCeremony stores a ceremony. A session has at most limit of them: its oldest goes to make room. Other sessions of the
// principal have their own, since they may be those of somebody else who knows the password.
func (tx *Tx) InsertCeremony(c *Ceremony, limit int) error {
	if _, err := tx.exec(`delete from ceremony where account_id = $1 and ceremony_hash in (
		select ceremony_hash from ceremony where account_id = $1 and principal_id = $2 and session_id = $3
		order by created_at desc, ceremony_hash limit 1000000 offset $4)`, c.AccountID, c.PrincipalID, c.SessionID, limit-1); err != nil {
		return err
	}

	_, err := tx.exec(`insert into ceremony (`+ceremonyColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.AccountID, c.Hash, c.PrincipalID, c.SessionID, c.Purpose, c.SubjectID, c.DeviceName, c.Record,
		micros(c.CreatedAt), micros(c.ExpiresAt))
	return err
}

// MaxCeremony is the longest that a ceremony may last.
const MaxCeremony = 5 * time.Minute

// TakeCeremony removes a ceremony and returns it. ErrNotFound when it was taken, is over, or is of another session, principal
// or purpose.
func (tx *Tx) TakeCeremony(account string, hash []byte, principal, session, purpose string, now time.Time) (*Ceremony, error) {
	c, err := one(tx, scanCeremony, `delete from ceremony
		where account_id = $1 and ceremony_hash = $2 and principal_id = $3 and session_id = $4 and purpose = $5
		returning `+ceremonyColumns, account, hash, principal, session, purpose)
	if err != nil {
		return nil, err
	}

	if Expired(c.ExpiresAt, now, MaxCeremony) {
		return nil, ErrNotFound
	}
	return c, nil
}

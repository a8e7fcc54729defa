package store

import "time"

// Stage is how far a console session has come: each is a session of its own, with its own token.
type Stage string

// The stages of a sign-in, in order.
const (
	StageMFA            Stage = "mfa"             // the password was right, a device is still asked for
	StageChangePassword Stage = "change-password" // signed in, but a new password comes first
	StageFull           Stage = "full"
)

// Session is a console session: opaque to the browser, stored by the keyed hash of its token.
type Session struct {
	AccountID       string
	ID              string // public: shown in lists, names the session to end
	PrincipalID     string
	TokenHash       []byte
	Stage           Stage
	Scope           string // "full" or "recovery"
	Destination     string // where the person was going
	CreatedAt       time.Time
	LastSeenAt      time.Time
	ExpiresAt       time.Time // absolute
	PasswordVersion int64
	MFAAt           time.Time // zero without MFA
	MFAMethod       string
	MFASerial       string
	SourceAddress   string
	UserAgent       string
}

// The scopes of a session.
const (
	ScopeFull     = "full"
	ScopeRecovery = "recovery"
)

const sessionColumns = `account_id, session_id, principal_id, token_hash, stage, scope, destination, created_at, last_seen_at,
	expires_at, password_version, mfa_at, mfa_method, mfa_serial, source_address, user_agent`

func scanSession(row scanner) (s Session, err error) {
	err = row.Scan(&s.AccountID, &s.ID, &s.PrincipalID, &s.TokenHash, &s.Stage, &s.Scope, &s.Destination, instant{&s.CreatedAt},
		instant{&s.LastSeenAt}, instant{&s.ExpiresAt}, &s.PasswordVersion, instant{&s.MFAAt}, &s.MFAMethod, &s.MFASerial,
		&s.SourceAddress, &s.UserAgent)
	return s, err
}

// InsertSession stores a session.
func (tx *Tx) InsertSession(s *Session) error {
	_, err := tx.exec(`insert into console_session (`+sessionColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		s.AccountID, s.ID, s.PrincipalID, s.TokenHash, s.Stage, s.Scope, s.Destination, micros(s.CreatedAt),
		micros(s.LastSeenAt), micros(s.ExpiresAt), s.PasswordVersion, micros(s.MFAAt), s.MFAMethod, s.MFASerial,
		s.SourceAddress, s.UserAgent)
	return err
}

// SessionByToken reads the session whose token has the hash. ErrNotFound.
func (tx *Tx) SessionByToken(account string, tokenHash []byte) (*Session, error) {
	return one(tx, scanSession, `select `+sessionColumns+` from console_session where account_id = $1 and token_hash = $2`,
		account, tokenHash)
}

// Session reads a session by its public id. ErrNotFound.
func (tx *Tx) Session(account, id string) (*Session, error) {
	return one(tx, scanSession, `select `+sessionColumns+` from console_session where account_id = $1 and session_id = $2`,
		account, id)
}

// Sessions lists a principal's sessions, newest first.
func (tx *Tx) Sessions(account, principal string) ([]Session, error) {
	return list(tx, scanSession, `select `+sessionColumns+` from console_session where account_id = $1 and principal_id = $2
		order by created_at desc, session_id`, account, principal)
}

// DeleteSession ends one session. ErrNotFound when the principal has no such session.
func (tx *Tx) DeleteSession(account, principal, id string) error {
	return tx.change(`delete from console_session where account_id = $1 and principal_id = $2 and session_id = $3`,
		account, principal, id)
}

// DeleteSessions ends all of a principal's sessions but the one with the id keep ("" keeps none), and returns how many.
func (tx *Tx) DeleteSessions(account, principal, keep string) (int64, error) {
	return tx.exec(`delete from console_session where account_id = $1 and principal_id = $2 and not session_id = $3`,
		account, principal, keep)
}

// TouchSession records that the session was used at t. A session ended meanwhile is no error.
func (tx *Tx) TouchSession(account, id string, t time.Time) error {
	_, err := tx.exec(`update console_session set last_seen_at = $3 where account_id = $1 and session_id = $2 and last_seen_at < $3`,
		account, id, micros(t))
	return err
}

// AbandonedSignIns lists up to limit sign-ins whose password was right and whose device was not shown in time.
func (tx *Tx) AbandonedSignIns(now time.Time, limit int) ([]Session, error) {
	return list(tx, scanSession, `select `+sessionColumns+` from console_session
		where stage = 'mfa' and expires_at <= $1 order by expires_at limit $2`, micros(now), limit)
}

// Sweep removes sessions, ceremonies and links that ended before now, and returns how many.
func (tx *Tx) Sweep(now time.Time) (removed int64, err error) {
	for _, table := range []string{"console_session", "ceremony", "setup_link"} {
		n, err := tx.exec(`delete from `+table+` where expires_at <= $1`, micros(now))
		if err != nil {
			return removed, err
		}

		removed += n
	}
	return removed, nil
}

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

// Session is a console session: opaque to the browser, stored by the hash of its token.
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
	return tx.oneSession(`token_hash = $2`, account, tokenHash)
}

// Session reads a session by its public id. ErrNotFound.
func (tx *Tx) Session(account, id string) (*Session, error) {
	return tx.oneSession(`session_id = $2`, account, id)
}

func (tx *Tx) oneSession(condition, account string, arg any) (*Session, error) {
	sessions, err := list(tx, scanSession, `select `+sessionColumns+` from console_session where account_id = $1 and `+condition, account, arg)
	if err != nil {
		return nil, err
	}
	if len(sessions) == 0 {
		return nil, ErrNotFound
	}
	return &sessions[0], nil
}

// Sessions lists a principal's sessions, newest first.
func (tx *Tx) Sessions(account, principal string) ([]Session, error) {
	return list(tx, scanSession, `select `+sessionColumns+` from console_session where account_id = $1 and principal_id = $2
		order by created_at desc, session_id`, account, principal)
}

// DeleteSession ends one session. ErrNotFound when the principal has no such session.
func (tx *Tx) DeleteSession(account, principal, id string) error {
	return tx.change(`delete from console_session where account_id = $1 and principal_id = $2 and session_id = $3`, account, principal, id)
}

// DeleteSessions ends all of a principal's sessions but the one with the id keep ("" keeps none), and returns how many.
func (tx *Tx) DeleteSessions(account, principal, keep string) (int64, error) {
	return tx.exec(`delete from console_session where account_id = $1 and principal_id = $2 and not session_id = $3`, account, principal, keep)
}

// TouchSession records that the session was used at t. A session ended meanwhile is no error.
func (tx *Tx) TouchSession(account, id string, t time.Time) error {
	_, err := tx.exec(`update console_session set last_seen_at = $3 where account_id = $1 and session_id = $2 and last_seen_at < $3`, account, id, micros(t))
	return err
}

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

// InsertCeremony stores a ceremony; when its session has limit of them already, the oldest goes. Other sessions of the principal, which may be
// somebody else's who knows the password, have their own.
func (tx *Tx) InsertCeremony(c *Ceremony, limit int) error {
	if _, err := tx.exec(`delete from ceremony where account_id = $1 and ceremony_hash in (
		select ceremony_hash from ceremony where account_id = $1 and principal_id = $2 and session_id = $3
		order by created_at desc, ceremony_hash limit 1000000 offset $4)`, c.AccountID, c.PrincipalID, c.SessionID, limit-1); err != nil {
		return err
	}
	_, err := tx.exec(`insert into ceremony (account_id, ceremony_hash, principal_id, session_id, purpose, subject_id, device_name,
		record, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.AccountID, c.Hash, c.PrincipalID, c.SessionID, c.Purpose, c.SubjectID, c.DeviceName, c.Record, micros(c.CreatedAt), micros(c.ExpiresAt))
	return err
}

// TakeCeremony removes a ceremony and returns it. ErrNotFound when it was taken, is over, or is of another session, principal
// or purpose.
func (tx *Tx) TakeCeremony(account string, hash []byte, principal, session, purpose string, now time.Time) (*Ceremony, error) {
	taken, err := list(tx, func(row scanner) (c Ceremony, err error) {
		err = row.Scan(&c.AccountID, &c.Hash, &c.PrincipalID, &c.SessionID, &c.Purpose, &c.SubjectID, &c.DeviceName,
			&c.Record, instant{&c.CreatedAt}, instant{&c.ExpiresAt})
		return c, err
	}, `delete from ceremony where account_id = $1 and ceremony_hash = $2 and principal_id = $3 and session_id = $4 and purpose = $5
		returning account_id, ceremony_hash, principal_id, session_id, purpose, subject_id, device_name, record, created_at, expires_at`,
		account, hash, principal, session, purpose)
	if err != nil {
		return nil, err
	}
	if len(taken) == 0 || !taken[0].ExpiresAt.After(now) {
		return nil, ErrNotFound
	}
	return &taken[0], nil
}

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
	err = tx.get(`select principal_id from setup_link where account_id = $1 and token_hash = $2 and expires_at > $3`,
		[]any{account, tokenHash, micros(now)}, &principal)
	return principal, err
}

// TakeSetupLink uses the link up. ErrNotFound when it was used, replaced, or is over.
func (tx *Tx) TakeSetupLink(account string, tokenHash []byte, now time.Time) error {
	return tx.change(`delete from setup_link where account_id = $1 and token_hash = $2 and expires_at > $3`, account, tokenHash, micros(now))
}

// Throttle is the state of one slot of failed attempts.
type Throttle struct {
	Failures int
	LastAt   time.Time
}

// Throttle reads a slot; one never written is zero.
func (tx *Tx) Throttle(slot int64) (t Throttle, err error) {
	err = tx.get(`select failures, last_at from throttle where slot = $1`, []any{slot}, &t.Failures, instant{&t.LastAt})
	if err == ErrNotFound {
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

// Notice is something that a principal is told once, when it has next signed in.
type Notice struct {
	AccountID   string
	ID          string
	PrincipalID string
	Kind        string
	Detail      string
	CreatedAt   time.Time
}

// InsertNotice stores a notice. Of those that wait, a principal keeps the newest 20.
func (tx *Tx) InsertNotice(n *Notice) error {
	if _, err := tx.exec(`insert into notice (account_id, notice_id, principal_id, kind, detail, created_at)
		values ($1, $2, $3, $4, $5, $6)`, n.AccountID, n.ID, n.PrincipalID, n.Kind, n.Detail, micros(n.CreatedAt)); err != nil {
		return err
	}
	_, err := tx.exec(`delete from notice where account_id = $1 and notice_id in (
		select notice_id from notice where account_id = $1 and principal_id = $2
		order by created_at desc, notice_id limit 1000000 offset 20)`, n.AccountID, n.PrincipalID)
	return err
}

// Notices lists a principal's notices, oldest first.
func (tx *Tx) Notices(account, principal string) ([]Notice, error) {
	return list(tx, func(row scanner) (n Notice, err error) {
		err = row.Scan(&n.AccountID, &n.ID, &n.PrincipalID, &n.Kind, &n.Detail, instant{&n.CreatedAt})
		return n, err
	}, `select account_id, notice_id, principal_id, kind, detail, created_at from notice
		where account_id = $1 and principal_id = $2 order by created_at, notice_id`, account, principal)
}

// DeleteNotices removes a principal's notices made up to and including t.
func (tx *Tx) DeleteNotices(account, principal string, t time.Time) error {
	_, err := tx.exec(`delete from notice where account_id = $1 and principal_id = $2 and created_at <= $3`, account, principal, micros(t))
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

package authn

import (
	"errors"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// ErrNoSession is returned for a session that never was, has ended or has not come far enough.
var ErrNoSession = errors.New("no such session")

// Session finds the session that a browser's token names, at whatever stage it is, with its principal. It is over when it is
// past its limits, when its principal is gone, or when the principal's sessions were ended after it was made.
func (a *Authenticator) Session(tx *store.Tx, token string, now time.Time) (*store.Session, *store.Principal, error) {
	account, hash, err := a.secrets.ParseToken(token)
	if err != nil {
		return nil, nil, ErrNoSession
	}
	session, err := tx.SessionByToken(account, hash)
	if err != nil {
		return nil, nil, noSession(err)
	}
	principal, err := a.sessionPrincipal(tx, session, now)
	if err != nil {
		return nil, nil, err
	}
	return session, principal, nil
}

// ConsoleCaller makes the caller of a session that Session found in the same snapshot. A session that still asks for a device makes
// none.
func (a *Authenticator) ConsoleCaller(tx *store.Tx, session *store.Session, principal *store.Principal) (*Caller, error) {
	scope := Scope(session.Scope)
	switch session.Stage {
	case store.StageFull:
	case store.StageChangePassword:
		scope = ScopeChangePassword
	default:
		return nil, ErrNoSession
	}
	freshness, err := tx.Freshness(session.AccountID)
	if err != nil {
		return nil, noSession(err)
	}
	return &Caller{
		Principal: principal, Credential: ConsoleSession, SessionID: session.ID, Scope: scope,
		IssuedAt: session.CreatedAt, MFAAt: session.MFAAt, MFASerial: session.MFASerial,
		Freshness: freshness, authentic: true,
	}, nil
}

// sessionPrincipal reads whose session it is, and refuses a session that is over.
func (a *Authenticator) sessionPrincipal(tx *store.Tx, s *store.Session, now time.Time) (*store.Principal, error) {
	principal, err := tx.Principal(s.AccountID, s.PrincipalID)
	if err != nil {
		return nil, noSession(err)
	}
	if a.Over(s, principal, now) {
		return nil, ErrNoSession
	}
	return principal, nil
}

// Over reports whether a principal's session is past its limits, or older than the time from which the principal's sessions
// count.
func (a *Authenticator) Over(s *store.Session, principal *store.Principal, now time.Time) bool {
	idle := a.sessions.Idle
	if s.Stage != store.StageFull {
		idle = a.sessions.Partial
	}
	return !now.Before(s.ExpiresAt) || now.Sub(s.LastSeenAt) >= idle || s.CreatedAt.Before(principal.SessionsNotBefore)
}

// Recheck makes the caller anew from what tx reads: the same credential must still be good. Its error is the one that a new
// request with the credential would get. It neither uses nor fills the cache of keys, because a write transaction reads what may
// still be rolled back.
func (a *Authenticator) Recheck(tx *store.Tx, c *Caller, now time.Time) (*Caller, error) {
	switch c.Credential {
	case LongTermKey:
		_, principal, freshness, err := readKey(tx, c.AccessKeyID)
		if errors.Is(err, store.ErrNotFound) || err == nil && principal.ID != c.Principal.ID {
			return nil, errUnknownKey()
		}
		if err != nil {
			return nil, err
		}
		return longTerm(principal, c.AccessKeyID, freshness), nil

	case ConsoleSession:
		session, err := tx.Session(c.AccountID(), c.SessionID)
		if err != nil {
			return nil, noSession(err)
		}
		principal, err := a.sessionPrincipal(tx, session, now)
		if err != nil {
			return nil, err
		}
		return a.ConsoleCaller(tx, session, principal)

	case TemporaryKey:
		return a.temporary(tx, c.temporary, now)

	case ProvenCall:
		return a.Proven(tx, c.proof)
	}
	return nil, ErrNoSession
}

// Limits returns how long sessions last.
func (a *Authenticator) Limits() SessionLimits { return a.sessions }

func noSession(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoSession
	}
	return err
}

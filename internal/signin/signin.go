// Package signin signs people in. A sign-in is kept on the server and can only go forward:
//
//	set-up link ─┐
//	password ────┴─► has a device? ─► MFA ─► must change the password? ─► change it ─► signed in
//
// Each step ends its session and begins the next under a new token. Until the password is right a stranger learns nothing: an
// account or a user that does not exist is refused in the same words and at the same cost as a wrong password, and which devices
// somebody has shows only after the password.
//
// Attempts are slowed down, and nobody is locked out; throttle.go says how. The package does not decide what people may do once
// they are signed in.
package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Service signs people in. All fields are required.
type Service struct {
	Store        *store.Store
	Authn        *authn.Authenticator
	Audit        *audit.Log
	Hasher       *secret.Hasher
	Secrets      *secret.Keyring
	RelyingParty *mfa.RelyingParty
	Clock        func() time.Time
	Logger       *slog.Logger

	Outcomes Outcomes // of the sign-ins so far
}

// Visitor describes the browser that makes a request.
type Visitor struct {
	Address      netip.Addr
	UserAgent    string
	DeviceCookie string // from a sign-in that was completed earlier; "" when there was none
	RequestID    string
}

// Progress is a sign-in after a step. The browser keeps Token as its session cookie, in place of the one it had.
type Progress struct {
	Token     string
	Session   *store.Session
	Principal *store.Principal
	// DeviceCookie is set when the sign-in is complete: the browser keeps it for a year.
	DeviceCookie string
}

var (
	// ErrIncorrect is the one answer to every wrong combination of account, name and password.
	ErrIncorrect = errors.New("your authentication information is incorrect")
	// ErrLinkUsed is the answer to a set-up link that was used, was replaced by another, or has expired.
	ErrLinkUsed = errors.New("this set-up link has been used or has expired")
	// ErrCeremony is the answer to a ceremony that was used, has expired, or belongs to another session.
	ErrCeremony = errors.New("this request to your security key has expired")
	// ErrCounter is the answer to a key that was used in another tab in the meantime. A new attempt succeeds.
	ErrCounter = errors.New("your security key was used in two places at once")
)

// TooManyAttempts is the error of an attempt that comes too soon after failed ones.
type TooManyAttempts struct{ Wait time.Duration }

// Error returns a sentence that says how long to wait, in whole seconds.
func (e *TooManyAttempts) Error() string {
	return fmt.Sprintf("too many failed attempts: wait %d seconds", int(e.Wait.Round(time.Second)/time.Second))
}

// PasswordRule is the error for a new root password that breaks a rule. Its text is for the person.
type PasswordRule struct{ Reason string }

// Error returns the reason.
func (e *PasswordRule) Error() string { return e.Reason }

const (
	// MaxInput is the length, in bytes, up to which an e-mail address, account, name or password is looked at. Anything longer is
	// refused at once.
	MaxInput = 1024

	linkLife      = time.Hour
	ceremonyLife  = 5 * time.Minute
	maxCeremonies = 8 // that one session may have under way
)

// Root checks the e-mail and the password of a root user and begins the sign-in. Its errors are [ErrIncorrect], [*TooManyAttempts]
// and [secret.ErrBusy].
func (s *Service) Root(ctx context.Context, v Visitor, email, password, destination string) (*Progress, error) {
	return s.checkPassword(ctx, v, attempt{
		key: "root|" + store.Fold(email), password: password, destination: destination,
		find: func(tx *store.Tx) (*store.Principal, string, error) {
			account, err := tx.AccountByRootEmail(email)
			if err != nil {
				return nil, "", err
			}
			principal, err := tx.RootUser(account)
			return principal, account, err
		},
	})
}

// User checks an IAM user's account (its id or alias), name and password and begins the sign-in. Its errors are those of
// [Service.Root].
func (s *Service) User(ctx context.Context, v Visitor, accountOrAlias, name, password, destination string) (*Progress, error) {
	return s.checkPassword(ctx, v, attempt{
		key: "user|" + store.Fold(accountOrAlias) + "|" + store.Fold(name), password: password, destination: destination,
		find: func(tx *store.Tx) (*store.Principal, string, error) {
			account, err := ResolveAccount(tx, accountOrAlias)
			if err != nil {
				return nil, "", err
			}
			principal, err := tx.PrincipalByName(account, store.User, name)
			return principal, account, err
		},
	})
}

// ResolveAccount finds the id of an account by what a person types: the id, with or without hyphens, or the alias. When there is no
// such account, its error is [store.ErrNotFound].
func ResolveAccount(tx *store.Tx, typed string) (string, error) {
	if account, ok := ids.ParseAccount(typed); ok {
		_, err := tx.Freshness(account)
		return account, err
	}
	return tx.AccountByAlias(strings.ToLower(strings.TrimSpace(typed)))
}

// attempt is one attempt to sign in with a password.
type attempt struct {
	key         string // names who was asked for; failed attempts are counted under it
	password    string
	destination string
	find        func(*store.Tx) (*store.Principal, string, error)
}

// candidate is the principal that an attempt names, as one snapshot of the store has it.
type candidate struct {
	account   string           // "" when there is no such account
	principal *store.Principal // nil when there is no such principal
	password  *store.Password  // nil when it has none, and so cannot sign in
}

// checkPassword tries a password, and begins the session that follows when it is right. For a stranger all wrong combinations of
// account, name and password look the same: they cost the same work and get the same error.
func (s *Service) checkPassword(ctx context.Context, v Visitor, a attempt) (p *Progress, err error) {
	defer func() { s.Outcomes.add(PasswordStep, err) }()
	now := s.Clock()
	if len(a.key) > 2*MaxInput || len(a.password) > MaxInput {
		return nil, ErrIncorrect
	}

	var c candidate
	if err := s.Store.View(ctx, func(tx *store.Tx) error { return c.load(tx, a.find) }); err != nil {
		return nil, err
	}

	// The attempt is charged before the password is looked at, so that many at the same moment are counted, too.
	charged, err := s.charge(ctx, s.buckets(v, a.key, &c), now)
	if err != nil {
		return nil, err
	}

	right, renew, err := s.verify(ctx, &c, a.password, charged.trusted)
	if errors.Is(err, secret.ErrBusy) {
		return nil, errors.Join(err, s.notLookedAt(ctx, charged))
	}
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, errors.Join(ErrIncorrect, s.Audit.Now(loginFailed(v, &c, now, false, "Failed authentication")))
	}

	// The stored hash was made with weaker parameters than today's. When there is no room for the work now, a later sign-in does
	// it.
	var renewed string
	if renew {
		if renewed, err = s.Hasher.Hash(ctx, a.password, true); err != nil && !errors.Is(err, secret.ErrBusy) {
			return nil, err
		}
	}

	return s.accept(ctx, v, &c, a, charged, renewed, now)
}

// load fills in as much as there is. A missing account, principal or password is no error, because it must not show.
func (c *candidate) load(tx *store.Tx, find func(*store.Tx) (*store.Principal, string, error)) (err error) {
	c.principal, c.account, err = find(tx)
	if errors.Is(err, store.ErrNotFound) {
		c.principal = nil
		return nil
	}
	if err != nil {
		return err
	}
	c.password, err = tx.Password(c.account, c.principal.ID)
	if errors.Is(err, store.ErrNotFound) {
		c.password = nil
		return nil
	}
	return err
}

// verify checks the password. It costs the same whether or not the candidate has one.
func (s *Service) verify(ctx context.Context, c *candidate, password string, trusted bool) (right, renew bool, err error) {
	if c.password == nil {
		return false, false, s.Hasher.VerifyNone(ctx, password, trusted)
	}
	hash, err := s.Secrets.OpenHash(c.account, c.principal.ID, c.password.SealedHash)
	if err != nil {
		return false, false, fmt.Errorf("open the hash of %s's password: %w", c.principal.ID, err)
	}
	return s.Hasher.Verify(ctx, password, hash, trusted)
}

// accept begins the session that follows a right password, unless the password was changed or removed while it was being checked.
func (s *Service) accept(ctx context.Context, v Visitor, c *candidate, a attempt, charged buckets, renewed string,
	now time.Time,
) (*Progress, error) {
	var p *Progress
	lock := store.Join(store.PrincipalRow(c.account, c.principal.ID), charged.lock())
	err := s.Store.Update(ctx, lock, func(tx *store.Tx) error {
		current, err := tx.Password(c.account, c.principal.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && current.Version != c.password.Version {
			return ErrIncorrect
		}
		if err != nil {
			return err
		}

		if renewed != "" {
			sealed := s.Secrets.SealHash(c.account, c.principal.ID, renewed)
			if err := tx.RenewPasswordHash(c.account, c.principal.ID, current.Version, sealed); err != nil {
				return err
			}
		}
		if err := s.forgive(tx, charged); err != nil {
			return err
		}
		p, err = s.afterPassword(tx, v, c.account, c.principal.ID, a.destination, now)
		return err
	})

	return p, err
}

// afterPassword begins the session of a principal whose password was right: at the MFA step when the principal has a device.
func (s *Service) afterPassword(tx *store.Tx, v Visitor, account, principalID, destination string,
	now time.Time,
) (*Progress, error) {
	principal, err := tx.Principal(account, principalID)
	if err != nil {
		return nil, err
	}

	devices, err := tx.CountMFADevices(account, principalID)
	if err != nil {
		return nil, err
	}

	session := &store.Session{
		AccountID: account, PrincipalID: principalID, Scope: store.ScopeFull, Destination: audit.Cut(destination, len(destination)),
		SourceAddress: v.Address.String(), UserAgent: audit.Cut(v.UserAgent, 512),
	}

	if devices > 0 {
		if err := audit.Write(tx, checkMFA(v, principal, now)); err != nil {
			return nil, err
		}
		return s.begin(tx, session, principal, store.StageMFA, now)
	}

	return s.afterMFA(tx, v, session, principal, now)
}

// afterMFA begins the session of a principal whose password and device, if it has one, were right: at the change of the password
// when one is due, otherwise signed in.
func (s *Service) afterMFA(tx *store.Tx, v Visitor, session *store.Session, principal *store.Principal,
	now time.Time,
) (*Progress, error) {
	password, err := tx.Password(principal.AccountID, principal.ID)
	if err != nil {
		return nil, err
	}

	stage := store.StageFull
	if password.ResetRequired {
		stage = store.StageChangePassword
	}

	session.PasswordVersion = password.Version

	p, err := s.begin(tx, session, principal, stage, now)
	if err != nil {
		return nil, err
	}
	if err := tx.TouchPasswordUse(principal.AccountID, principal.ID, now); err != nil {
		return nil, err
	}
	if p.DeviceCookie, err = s.deviceCookie(principal, password); err != nil {
		return nil, err
	}

	return p, audit.Write(tx, loggedIn(v, principal, session, now))
}

// begin stores a session under a new id and token.
func (s *Service) begin(tx *store.Tx, session *store.Session, principal *store.Principal, stage store.Stage,
	now time.Time,
) (*Progress, error) {
	limits := s.Authn.Limits()
	life := limits.Partial
	if stage == store.StageFull {
		life = limits.Absolute
	}

	token, hash := s.Secrets.NewToken(principal.AccountID)
	session.ID, session.TokenHash, session.Stage = ids.NewUUID(), hash, stage
	session.CreatedAt, session.LastSeenAt, session.ExpiresAt = now, now, now.Add(life)
	if err := tx.InsertSession(session); err != nil {
		return nil, err
	}
	return &Progress{Token: token, Session: session, Principal: principal}, nil
}

// endSession deletes one session; its token names nothing from then on.
func endSession(tx *store.Tx, session *store.Session) error {
	return tx.DeleteSession(session.AccountID, session.PrincipalID, session.ID)
}

// lockAccountOf locks the account that a session's token belongs to: which of its sessions it is, is not known before the lock. A
// malformed token belongs to none.
func (s *Service) lockAccountOf(token string) store.Lock {
	account, _, err := s.Secrets.ParseToken(token)
	if err != nil {
		return store.NoLock()
	}
	return store.Accounts(account)
}

// Current returns the session that a token names, at whatever stage it is. Its error is [authn.ErrNoSession] when there is none.
func (s *Service) Current(ctx context.Context, token string) (session *store.Session, principal *store.Principal, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		session, principal, err = s.Authn.Session(tx, token, s.Clock())
		return err
	})
	return session, principal, err
}

// sessionAt reads the session of a token. Its error is [authn.ErrNoSession] also when the session is at another stage.
func (s *Service) sessionAt(tx *store.Tx, token string, stage store.Stage,
	now time.Time,
) (*store.Session, *store.Principal, error) {
	session, principal, err := s.Authn.Session(tx, token, now)
	if err != nil {
		return nil, nil, err
	}
	if session.Stage != stage {
		return nil, nil, authn.ErrNoSession
	}
	return session, principal, nil
}

// PasswordChanged completes a sign-in that had to change its password and has done so. Its error is [authn.ErrNoSession] when the
// change has not been made.
func (s *Service) PasswordChanged(ctx context.Context, token string) (p *Progress, err error) {
	now := s.Clock()
	err = s.Store.Update(ctx, s.lockAccountOf(token), func(tx *store.Tx) error {
		session, principal, err := s.sessionAt(tx, token, store.StageChangePassword, now)
		if err != nil {
			return err
		}

		password, err := tx.Password(session.AccountID, session.PrincipalID)
		if err != nil {
			return err
		}
		if password.ResetRequired {
			return authn.ErrNoSession
		}
		if err := endSession(tx, session); err != nil {
			return err
		}

		next := *session
		next.PasswordVersion = password.Version
		if p, err = s.begin(tx, &next, principal, store.StageFull, now); err != nil {
			return err
		}

		p.DeviceCookie, err = s.deviceCookie(principal, password)
		return err
	})

	return p, err
}

// touchSpan is the precision with which a session's last use is stored. A finer one would make every page a write.
const touchSpan = time.Minute

// Touch records that a session is in use. It writes at most once a minute.
func (s *Service) Touch(ctx context.Context, session *store.Session) error {
	now := s.Clock()
	if now.Sub(session.LastSeenAt) < touchSpan {
		return nil
	}
	return s.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error { return tx.TouchSession(session.AccountID, session.ID, now) })
}

// SignOut ends the session that a token names. It is no error when that session has ended already.
func (s *Service) SignOut(ctx context.Context, v Visitor, token string) error {
	now := s.Clock()
	err := s.Store.Update(ctx, s.lockAccountOf(token), func(tx *store.Tx) error {
		session, principal, err := s.Authn.Session(tx, token, now)
		if err != nil {
			return err
		}
		if err := endSession(tx, session); err != nil {
			return err
		}
		if session.Stage == store.StageMFA {
			return s.abandoned(tx, session, principal, now)
		}
		return audit.Write(tx, signedOut(v, principal, now))
	})
	if errors.Is(err, authn.ErrNoSession) {
		return nil
	}

	return err
}

// Notices returns the notices that wait for the principal, and deletes them: each is shown once.
func (s *Service) Notices(ctx context.Context, principal *store.Principal) (notices []store.Notice, err error) {
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		notices, err = tx.Notices(principal.AccountID, principal.ID)
		return err
	}); err != nil || len(notices) == 0 {
		return nil, err
	}
	last := notices[len(notices)-1].CreatedAt
	return notices, s.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		return tx.DeleteNotices(principal.AccountID, principal.ID, last)
	})
}

// NoticeAbandoned is the kind of notice about a sign-in that stopped after the right password, without a device.
const NoticeAbandoned = "sign-in-without-mfa"

// mailSpan is the least time between two mails to the root user about sign-ins that were not completed. Without it, whoever knows
// the password could fill the mailbox.
const mailSpan = time.Hour

// abandoned records a sign-in that stopped at the device and informs the owner, because whoever tried it knew the password. Users
// get a notice at their next sign-in; the root user gets mail as well.
func (s *Service) abandoned(tx *store.Tx, session *store.Session, principal *store.Principal, now time.Time) error {
	v := Visitor{UserAgent: session.UserAgent}
	v.Address, _ = netip.ParseAddr(session.SourceAddress)
	c := &candidate{account: session.AccountID, principal: principal}
	if err := audit.Write(tx, loginFailed(v, c, now, true, "MFA was not completed")); err != nil {
		return err
	}

	earlier, err := tx.Notices(session.AccountID, principal.ID)
	if err != nil {
		return err
	}

	detail := fmt.Sprintf("%s from %s", session.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"), session.SourceAddress)
	if err := tx.InsertNotice(&store.Notice{
		AccountID: session.AccountID, ID: ids.NewUUID(), PrincipalID: principal.ID, Kind: NoticeAbandoned, Detail: detail, CreatedAt: now,
	}); err != nil {
		return err
	}

	told := len(earlier) > 0 && now.Sub(earlier[len(earlier)-1].CreatedAt) < mailSpan
	if principal.Kind != store.Root || told {
		return nil
	}

	account, err := tx.Account(session.AccountID)
	if err != nil {
		return err
	}

	return tx.InsertMessage(&store.Message{
		ID: ids.NewUUID(), AccountID: account.ID, Recipient: account.RootEmail, CreatedAt: now,
		Subject: "Sign-in to your account was not completed",
		Body: "Somebody gave the right password of the root user of account " + account.ID + " but did not use an MFA device.\n\n" +
			"When and from where: " + detail + "\n\nIf this was not you, change the password.\n",
	})
}

// maxAbandoned is how many sign-ins that stopped at the device are recorded in one transaction.
const maxAbandoned = 1000

// Sweep deletes sessions, ceremonies and links that have expired, and records the sign-ins that stopped at the device. The server
// calls it every minute.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.Clock()
	return s.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error { // one server records them, not each
		left, err := tx.AbandonedSignIns(now, maxAbandoned)
		if err != nil {
			return err
		}
		for n := range left {
			// The session is deleted first: a sign-in that is completed at this moment, by a step that began in time, has ended its
			// session by then, and was not abandoned.
			err := endSession(tx, &left[n])
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}

			principal, err := tx.Principal(left[n].AccountID, left[n].PrincipalID)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if err := s.abandoned(tx, &left[n], principal, now); err != nil {
				return err
			}
		}

		// Sessions beyond these are still to be recorded, so no others may be deleted now.
		if len(left) == maxAbandoned {
			return nil
		}
		_, err = tx.Sweep(now)
		return err
	})
}

// Admission is what a browser's token stands for.
type Admission struct {
	Session   *store.Session
	Principal *store.Principal
	Caller    *authn.Caller // nil while the session still asks for a device
}

// Admit reads in one snapshot what a token stands for, at whatever stage its session is. Its error is [authn.ErrNoSession].
func (s *Service) Admit(ctx context.Context, token string) (*Admission, error) {
	a := new(Admission)
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if a.Session, a.Principal, err = s.Authn.Session(tx, token, s.Clock()); err != nil || a.Session.Stage == store.StageMFA {
			return err
		}
		a.Caller, err = s.Authn.ConsoleCaller(tx, a.Session, a.Principal)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

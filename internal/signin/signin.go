// Package signin is the way in for people: a sign-in that only ever advances, kept on the server.
//
//	set-up link ─┐
//	password ────┴─► has a device? ─► MFA ─► must change the password? ─► change it ─► signed in
//
// Each step ends its session and begins the next under a new token. Until the password is right nothing is told: an account or
// a user that does not exist is refused in the same words and at the same cost as a wrong password, and no step tells what
// devices there are before it.
//
// Attempts are slowed down, never locked out: see throttle.go. What a person may do once signed in is not decided here.
package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
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
	Master       *secret.MasterKey
	RelyingParty *mfa.RelyingParty
	Clock        func() time.Time
	Logger       *slog.Logger
}

// Visitor is what is known of the browser that makes a request.
type Visitor struct {
	Address      netip.Addr
	UserAgent    string
	DeviceCookie string // from a sign-in completed earlier; "" when it has none
	RequestID    string
}

// Progress is a sign-in after a step. The browser keeps Token as its session cookie, replacing the one before.
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
	// ErrLinkUsed is the answer to a set-up link that was used, replaced, or is over.
	ErrLinkUsed = errors.New("this set-up link has been used or has expired")
	// ErrCeremony is the answer to a ceremony that was used, is over, or belongs to another session.
	ErrCeremony = errors.New("this request to your security key has expired")
	// ErrCounter is the answer to a key whose counter was overtaken by another tab: asking again will do.
	ErrCounter = errors.New("your security key was used in two places at once")
)

// TooManyAttempts is the answer to an attempt that comes too soon after failed ones.
type TooManyAttempts struct{ Wait time.Duration }

// Error says how long to wait.
func (e *TooManyAttempts) Error() string {
	return fmt.Sprintf("too many failed attempts: wait %d seconds", int(e.Wait.Round(time.Second)/time.Second))
}

// PasswordRule is the answer to a new root password that breaks a rule; its text is for the person.
type PasswordRule struct{ Reason string }

// Error is the reason.
func (e *PasswordRule) Error() string { return e.Reason }

const (
	// MaxInput is the length, in bytes, over which an e-mail, account, name or password is refused before any work.
	MaxInput = 1024

	linkLife      = time.Hour
	ceremonyLife  = 5 * time.Minute
	maxCeremonies = 8 // under way in one session
)

// Root checks the root user's e-mail and password.
func (s *Service) Root(ctx context.Context, v Visitor, email, password, destination string) (*Progress, error) {
	return s.password(ctx, v, attempt{
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

// User checks an IAM user's account (its id or alias), name and password.
func (s *Service) User(ctx context.Context, v Visitor, accountOrAlias, name, password, destination string) (*Progress, error) {
	return s.password(ctx, v, attempt{
		key: "user|" + store.Fold(accountOrAlias) + "|" + store.Fold(name), password: password, destination: destination,
		find: func(tx *store.Tx) (*store.Principal, string, error) {
			account, err := ResolveAccount(tx, accountOrAlias)
			if err != nil {
				return nil, "", err
			}
			principal, err := tx.UserByName(account, name)
			return principal, account, err
		},
	})
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// LooksLikeAccountID reports whether a text is taken for an account id: twelve digits, with or without hyphens.
func LooksLikeAccountID(text string) bool {
	return accountID.MatchString(strings.ReplaceAll(text, "-", ""))
}

// ResolveAccount finds an account by what a person types: its id, with or without hyphens, or its alias. store.ErrNotFound.
func ResolveAccount(tx *store.Tx, typed string) (string, error) {
	typed = strings.TrimSpace(typed)
	if LooksLikeAccountID(typed) {
		id := strings.ReplaceAll(typed, "-", "")
		_, err := tx.Freshness(id)
		return id, err
	}
	return tx.AccountByAlias(strings.ToLower(typed))
}

// attempt is one try of a password.
type attempt struct {
	key         string // what failed attempts are counted under
	password    string
	destination string
	find        func(*store.Tx) (*store.Principal, string, error)
}

// candidate is whoever an attempt names, as one snapshot has them. Without a password nobody can sign in as them.
type candidate struct {
	account   string // "" when there is no such account
	principal *store.Principal
	password  *store.Password
}

func (s *Service) password(ctx context.Context, v Visitor, a attempt) (*Progress, error) {
	now := s.Clock()
	if len(a.key) > 2*MaxInput || len(a.password) > MaxInput {
		return nil, ErrIncorrect
	}
	var c candidate
	if err := s.Store.View(ctx, func(tx *store.Tx) error { return c.load(tx, a.find) }); err != nil {
		return nil, err
	}
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
	var renewed string
	if renew {
		if renewed, err = s.Hasher.Hash(ctx, a.password, true); err != nil && !errors.Is(err, secret.ErrBusy) {
			return nil, err
		}
	}
	return s.accept(ctx, v, &c, a, charged, renewed, now)
}

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

// verify costs the same whether or not there is somebody to verify.
func (s *Service) verify(ctx context.Context, c *candidate, password string, trusted bool) (right, renew bool, err error) {
	if c.password == nil {
		return false, false, s.Hasher.VerifyNone(ctx, password, trusted)
	}
	return s.Hasher.Verify(ctx, password, c.password.Hash, trusted)
}

// accept begins the session that follows a right password.
func (s *Service) accept(ctx context.Context, v Visitor, c *candidate, a attempt, charged buckets, renewed string, now time.Time) (*Progress, error) {
	var p *Progress
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		current, err := tx.Password(c.account, c.principal.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && current.Version != c.password.Version {
			return ErrIncorrect // changed or taken away while it was being checked
		}
		if err != nil {
			return err
		}
		if renewed != "" {
			if err := tx.RenewPasswordHash(c.account, c.principal.ID, current.Version, renewed); err != nil {
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

// afterPassword begins the session of a principal whose password is known to be right, at the stage that comes next.
func (s *Service) afterPassword(tx *store.Tx, v Visitor, account, principalID, destination string, now time.Time) (*Progress, error) {
	principal, err := tx.Principal(account, principalID)
	if err != nil {
		return nil, err
	}
	devices, err := tx.CountMFADevices(account, principalID)
	if err != nil {
		return nil, err
	}
	session := &store.Session{
		AccountID: account, PrincipalID: principalID, Scope: store.ScopeFull, Destination: destination,
		SourceAddress: v.Address.String(), UserAgent: cut(v.UserAgent, 512),
	}
	if devices > 0 {
		if err := audit.Write(tx, checkMFA(v, principal, now)); err != nil {
			return nil, err
		}
		return s.begin(tx, session, principal, store.StageMFA, now)
	}
	return s.afterMFA(tx, v, session, principal, now)
}

// afterMFA begins the session of a principal that has shown all that it must.
func (s *Service) afterMFA(tx *store.Tx, v Visitor, session *store.Session, principal *store.Principal, now time.Time) (*Progress, error) {
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
func (s *Service) begin(tx *store.Tx, session *store.Session, principal *store.Principal, stage store.Stage, now time.Time) (*Progress, error) {
	limits := s.Authn.Limits()
	life := limits.Partial
	if stage == store.StageFull {
		life = limits.Absolute
	}
	token, hash := secret.NewToken(principal.AccountID)
	session.ID, session.TokenHash, session.Stage = audit.NewID(), hash, stage
	session.CreatedAt, session.LastSeenAt, session.ExpiresAt = now, now, now.Add(life)
	if err := tx.InsertSession(session); err != nil {
		return nil, err
	}
	return &Progress{Token: token, Session: session, Principal: principal}, nil
}

// replace ends the session that p follows from.
func replace(tx *store.Tx, before *store.Session) error {
	return tx.DeleteSession(before.AccountID, before.PrincipalID, before.ID)
}

// Current returns the session that a token names, at whatever stage. authn.ErrNoSession.
func (s *Service) Current(ctx context.Context, token string) (session *store.Session, principal *store.Principal, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		session, principal, err = s.Authn.Session(tx, token, s.Clock())
		return err
	})
	return session, principal, err
}

// stage reads the session of a token, which must be at the given stage.
func (s *Service) stage(tx *store.Tx, token string, stage store.Stage, now time.Time) (*store.Session, *store.Principal, error) {
	session, principal, err := s.Authn.Session(tx, token, now)
	if err != nil {
		return nil, nil, err
	}
	if session.Stage != stage {
		return nil, nil, authn.ErrNoSession
	}
	return session, principal, nil
}

// PasswordChanged takes a session on whose forced change has been made. authn.ErrNoSession when it was not.
func (s *Service) PasswordChanged(ctx context.Context, token string) (p *Progress, err error) {
	now := s.Clock()
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		session, principal, err := s.stage(tx, token, store.StageChangePassword, now)
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
		if err := replace(tx, session); err != nil {
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

// touchSpan is how exactly a session's last use is kept.
const touchSpan = time.Minute

// Touch records that a session is in use, at most once a minute.
func (s *Service) Touch(ctx context.Context, session *store.Session) error {
	now := s.Clock()
	if now.Sub(session.LastSeenAt) < touchSpan {
		return nil
	}
	return s.Store.Update(ctx, func(tx *store.Tx) error { return tx.TouchSession(session.AccountID, session.ID, now) })
}

// SignOut ends the session that a token names. One that is over already is no error.
func (s *Service) SignOut(ctx context.Context, v Visitor, token string) error {
	now := s.Clock()
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		session, principal, err := s.Authn.Session(tx, token, now)
		if err != nil {
			return err
		}
		if err := replace(tx, session); err != nil {
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

// Notices returns what the principal is to be told once, and forgets it.
func (s *Service) Notices(ctx context.Context, principal *store.Principal) (notices []store.Notice, err error) {
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		notices, err = tx.Notices(principal.AccountID, principal.ID)
		return err
	}); err != nil || len(notices) == 0 {
		return nil, err
	}
	last := notices[len(notices)-1].CreatedAt
	return notices, s.Store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteNotices(principal.AccountID, principal.ID, last) })
}

// NoticeAbandoned is the kind of notice about a sign-in whose password was right and whose device was not shown.
const NoticeAbandoned = "sign-in-without-mfa"

// mailSpan is how often the root user gets mail of sign-ins that were not completed: whoever knows the password could otherwise
// fill the mailbox.
const mailSpan = time.Hour

// abandoned records a sign-in that stopped at the device, and tells the owner: whoever it was knew the password.
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
		AccountID: session.AccountID, ID: audit.NewID(), PrincipalID: principal.ID, Kind: NoticeAbandoned, Detail: detail, CreatedAt: now,
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
		ID: audit.NewID(), AccountID: account.ID, Recipient: account.RootEmail, CreatedAt: now,
		Subject: "Sign-in to your account was not completed",
		Body: "Somebody gave the right password of the root user of account " + account.ID + " but did not use an MFA device.\n\n" +
			"When and from where: " + detail + "\n\nIf this was not you, change the password.\n",
	})
}

// Sweep removes what is over and records the sign-ins that stopped at the device. It is called from time to time.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.Clock()
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		left, err := tx.AbandonedSignIns(now, 1000)
		if err != nil {
			return err
		}
		for n := range left {
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
		if len(left) == 1000 {
			for n := range left {
				if err := replace(tx, &left[n]); err != nil {
					return err
				}
			}
			return nil
		}
		_, err = tx.Sweep(now)
		return err
	})
}

// cut shortens text to at most n bytes.
func cut(text string, n int) string {
	if len(text) > n {
		return strings.ToValidUTF8(text[:n], "")
	}
	return text
}

// Admission is what a browser's token stands for.
type Admission struct {
	Session   *store.Session
	Principal *store.Principal
	Caller    *authn.Caller // nil while the session still asks for a device
}

// Admit reads in one snapshot what a token stands for, at whatever stage its session is. authn.ErrNoSession.
func (s *Service) Admit(ctx context.Context, token string) (*Admission, error) {
	a := new(Admission)
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if a.Session, a.Principal, err = s.Authn.Session(tx, token, s.Clock()); err != nil || a.Session.Stage == store.StageMFA {
			return err
		}
		a.Caller, err = s.Authn.Console(tx, a.Session, a.Principal)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Caller is the caller whom a token stands for, with the session. authn.ErrNoSession also when the sign-in is not complete.
func (s *Service) Caller(ctx context.Context, token string) (caller *authn.Caller, session *store.Session, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		var principal *store.Principal
		if session, principal, err = s.Authn.Session(tx, token, s.Clock()); err != nil {
			return err
		}
		caller, err = s.Authn.Console(tx, session, principal)
		return err
	})
	return caller, session, err
}

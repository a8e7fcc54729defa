// Package authn finds out who makes a request: it turns a signature or a console session into a Caller, and nothing else can
// make one.
//
// It reads the store inside the request's own snapshot, so that who somebody is and what they may do are read from the same
// state. It does not decide what they may do.
package authn

import (
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// Credential is the kind of credential that a request was made with.
type Credential int

// The kinds of credential.
const (
	NoCredential   Credential = iota
	LongTermKey               // an access key; it carries no MFA information
	ConsoleSession            // a person in the browser
)

// Caller is who makes a request. Only this package makes one that Valid accepts.
type Caller struct {
	Principal  *store.Principal // never changed after it was read
	Credential Credential

	AccessKeyID string // of a LongTermKey

	SessionID        string // of a ConsoleSession
	SessionScope     string // store.ScopeFull, store.ScopeRecovery or ScopeChangePassword
	SessionCreatedAt time.Time
	MFAAt            time.Time // zero: signed in without MFA
	MFASerial        string

	// Freshness is the state of the account that all of this was read from.
	Freshness store.Freshness

	authentic bool
}

// Valid reports whether this package made the caller.
func (c *Caller) Valid() bool { return c != nil && c.authentic }

// IsRoot reports whether the caller is the account's root user.
func (c *Caller) IsRoot() bool { return c.Principal.Kind == store.Root }

// AccountID is the caller's account.
func (c *Caller) AccountID() string { return c.Principal.AccountID }

// UsedMFA reports whether the caller's session was made with MFA.
func (c *Caller) UsedMFA() bool { return !c.MFAAt.IsZero() }

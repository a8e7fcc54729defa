// Package authn finds out who makes a request: it turns a signature, a console session or a proof into a [Caller], and nothing
// else can make one.
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
	TemporaryKey              // an access key that came with a session token
	ProvenCall                // no credentials: the parameters of the call prove who sends it
)

// Scope narrows what a caller's credential may be used for, whatever the policies allow. The table of operations says which scopes
// may call an operation.
type Scope string

// The scopes. Temporary credentials bring scopes of their own.
const (
	ScopeFull           = Scope(store.ScopeFull)     // everything that the policies allow
	ScopeRecovery       = Scope(store.ScopeRecovery) // only replacing a lost MFA device
	ScopeChangePassword = Scope("change-password")   // only choosing a new password
)

// Caller is who makes a request. Only this package makes one that Valid accepts.
type Caller struct {
	// Principal is whose credential it is. It is never changed after it was read, and nil for a ProvenCall, whose sender has no row.
	Principal  *store.Principal
	Credential Credential
	Scope      Scope

	AccessKeyID string // of a LongTermKey or TemporaryKey
	SessionID   string // of a ConsoleSession

	IssuedAt  time.Time // of a ConsoleSession or TemporaryKey
	MFAAt     time.Time // zero: issued without MFA
	MFASerial string

	// Freshness is the state of the caller's account that all of this was read from.
	Freshness store.Freshness

	temporary *Temporary // of a TemporaryKey
	proof     *Proof     // of a ProvenCall
	authentic bool
}

// Valid reports whether this package made the caller.
func (c *Caller) Valid() bool { return c != nil && c.authentic }

// IsRoot reports whether the caller is the account's root user.
func (c *Caller) IsRoot() bool { return c.Principal != nil && c.Principal.Kind == store.Root }

// IsTemporary reports whether the credential was issued for a time, by a sign-in or by STS. Only such credentials carry MFA
// information (IAM User Guide, "aws:MultiFactorAuthPresent").
func (c *Caller) IsTemporary() bool {
	return c.Credential == ConsoleSession || c.Credential == TemporaryKey
}

// AccountID is the caller's account; for a ProvenCall it is the account that the call is about.
func (c *Caller) AccountID() string {
	if c.proof != nil {
		return c.proof.AccountID
	}
	return c.Principal.AccountID
}

// ARN is the caller's Amazon Resource Name; "" for a ProvenCall.
func (c *Caller) ARN() string {
	if c.Principal == nil {
		return ""
	}
	return c.Principal.ARN()
}

// UserID is what aws:userid and GetCallerIdentity show: the unique id of the principal, or what the proof names the sender.
func (c *Caller) UserID() string {
	if c.proof != nil {
		return c.proof.UserID
	}
	return c.Principal.UniqueID
}

// Proof is what a ProvenCall proved; nil for every other caller.
func (c *Caller) Proof() *Proof { return c.proof }

// UsedMFA reports whether the caller's session was made with MFA.
func (c *Caller) UsedMFA() bool { return !c.MFAAt.IsZero() }

package signin

import (
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// The events of a sign-in (CloudTrail User Guide, "AWS Management Console sign-in events").

// noKey is the accessKeyId of a person: the member is present, and empty.
var noKey string

// event returns a record with all that the events of a sign-in have in common.
func event(v Visitor, name string, now time.Time) *audit.Record {
	return &audit.Record{
		Time: now, EventSource: audit.SourceSignIn, EventName: name, EventType: audit.TypeConsoleSignIn,
		SourceIPAddress: v.Address.String(), UserAgent: v.UserAgent, RequestID: v.RequestID,
	}
}

// known describes a principal whose sign-in is complete.
func known(i *store.Principal) audit.UserIdentity {
	u := audit.IdentityOf(i)
	if i.Kind == store.Root {
		u.AccessKeyID = &noKey
	}
	return u
}

// unproven describes a principal whose sign-in is not complete. It has no ARN unless it is the root user.
func unproven(i *store.Principal) audit.UserIdentity {
	u := audit.IdentityOf(i)
	u.AccessKeyID = &noKey
	if i.Kind != store.Root {
		u.ARN = ""
	}
	return u
}

func loggedIn(v Visitor, i *store.Principal, session *store.Session, now time.Time) *audit.Record {
	r := event(v, "ConsoleLogin", now)
	r.UserIdentity, r.RecipientAccountID = known(i), i.AccountID
	r.ResponseElements = map[string]string{"ConsoleLogin": "Success"}
	extra := map[string]string{"LoginTo": session.Destination, "MobileVersion": "No", "MFAUsed": "No"}
	if !session.MFAAt.IsZero() {
		extra["MFAUsed"], extra["MFAIdentifier"] = "Yes", session.MFASerial
	}
	r.AdditionalEventData = extra
	return r
}

// loginFailed is the event of a sign-in that failed. The name that was typed is not recorded when no user has it.
func loginFailed(v Visitor, c *candidate, now time.Time, mfaUsed bool, reason string) *audit.Record {
	r := event(v, "ConsoleLogin", now)
	r.ErrorMessage = reason
	r.ResponseElements = map[string]string{"ConsoleLogin": "Failure"}
	used := "No"
	if mfaUsed {
		used = "Yes"
	}

	r.AdditionalEventData = map[string]string{"MobileVersion": "No", "MFAUsed": used}
	r.RecipientAccountID = c.account

	switch {
	case c.principal != nil:
		r.UserIdentity = unproven(c.principal)
	default:
		r.ErrorMessage = "No username found in supplied account"
		r.UserIdentity = audit.UserIdentity{Type: "IAMUser", AccountID: c.account, AccessKeyID: &noKey, UserName: audit.HiddenUserName}
	}

	return r
}

// mfaFailed is the event of a sign-in whose password was right and whose device was not.
func mfaFailed(v Visitor, i *store.Principal, now time.Time) *audit.Record {
	return loginFailed(v, &candidate{account: i.AccountID, principal: i}, now, true, "Failed authentication")
}

func checkMFA(v Visitor, i *store.Principal, now time.Time) *audit.Record {
	r := event(v, "CheckMfa", now)
	r.UserIdentity, r.RecipientAccountID = unproven(i), i.AccountID
	r.ResponseElements = map[string]string{"CheckMfa": "Success"}
	r.AdditionalEventData = map[string]string{"MfaType": "U2F MFA"}
	return r
}

func signedOut(v Visitor, i *store.Principal, now time.Time) *audit.Record {
	r := event(v, "SignOut", now)
	r.UserIdentity, r.RecipientAccountID = known(i), i.AccountID
	r.ResponseElements = map[string]string{"SignOut": "Success"}
	return r
}

func passwordUpdated(v Visitor, i *store.Principal, now time.Time) *audit.Record {
	r := event(v, "PasswordUpdated", now)
	r.UserIdentity, r.RecipientAccountID = known(i), i.AccountID
	r.ResponseElements = map[string]string{"PasswordUpdated": "Success"}
	return r
}

func cloneSuspected(v Visitor, i *store.Principal, serial string, now time.Time) *audit.Record {
	r := event(v, "ClonedAuthenticatorSuspected", now)
	r.UserIdentity, r.RecipientAccountID = unproven(i), i.AccountID
	r.ErrorMessage = "The signature counter of the security key went back"
	r.AdditionalEventData = map[string]string{"MFAIdentifier": serial}
	return r
}

package api

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
)

// events are the events of a success: one for each account that the operation is about.
func events(r *Request, in, out any, accounts []string) []*audit.Record {
	all := []*audit.Record{newEvent(r, in, out, nil)}
	for _, account := range distinct(accounts) {
		if account == r.Caller.AccountID() {
			continue
		}
		other := *all[0]
		other.RecipientAccountID = account
		all = append(all, &other)
	}
	return all
}

// newEvent describes a request for the trail of the caller's account.
func newEvent(r *Request, in, out any, failure error) *audit.Record {
	e := &audit.Record{
		Time: r.Now, EventName: r.entry.eventName, EventSource: eventSource(r.entry), EventType: audit.TypeAPICall,
		AWSRegion: r.Env.Region, SourceIPAddress: r.Env.Address.String(), UserAgent: r.Env.UserAgent,
		RequestID: r.ID, ReadOnly: r.entry.readEvent, RecipientAccountID: r.Caller.AccountID(), UserIdentity: callerIdentity(r.Caller),
	}
	if r.Caller.Credential == authn.ConsoleSession {
		e.SessionCredentialFromConsole = "true"
	}

	var told *awsquery.Error
	switch {
	case errors.As(failure, &told):
		e.ErrorCode, e.ErrorMessage = told.Code, told.Message
	case failure != nil:
		e.ErrorCode, e.ErrorMessage = "AccessDenied", failure.Error()
	}

	if in != nil && e.ErrorCode != "AccessDenied" {
		e.RequestParameters = audit.Parameters(in)
	}
	if out != nil && r.entry.does != reads {
		e.ResponseElements = audit.Parameters(out)
	}
	return e
}

// newAnonymousEvent describes a request that failed before it was known whose it is.
func newAnonymousEvent(r *Request, told error) *audit.Record {
	return &audit.Record{
		Time: r.Now, EventSource: eventSource(r.entry), EventName: r.entry.eventName, EventType: audit.TypeAPICall,
		UserIdentity: audit.UserIdentity{Type: "Unknown"}, SourceIPAddress: r.Env.Address.String(), UserAgent: r.Env.UserAgent,
		RequestID: r.ID, ErrorCode: codeOf(told), ErrorMessage: "The request was not authenticated", ReadOnly: true,
	}
}

func eventSource(r *entry) string {
	service, _, found := strings.Cut(r.Action, ":")
	if !found || service == "touchstone" {
		return audit.SourceTouchstone
	}
	return service + ".amazonaws.com"
}

// callerIdentity describes the caller (CloudTrail User Guide, "CloudTrail userIdentity element").
func callerIdentity(c *authn.Caller) audit.UserIdentity {
	if proof := c.Proof(); proof != nil {
		return audit.UserIdentity{Type: proof.Type, PrincipalID: proof.UserID, UserName: proof.UserName}
	}

	u := audit.IdentityOf(c.Principal)
	u.AccessKeyID = &c.AccessKeyID
	if c.IsTemporary() {
		mfa := "false"
		if c.UsedMFA() {
			mfa = "true"
		}
		u.SessionContext = &audit.SessionContext{Attributes: audit.SessionAttributes{
			CreationDate: c.IssuedAt.UTC().Format(time.RFC3339), MFAAuthenticated: mfa,
		}}
	}
	return u
}

// distinct returns the accounts, sorted, each once.
func distinct(accounts []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(accounts)))
}

// Package api is the one way through which everything is done: the table of operations and the pipeline that each request
// takes, whether it arrives signed over the wire or from a page as the person signed in.
//
//	authenticate → decode, check shape → authorise ─┬─► execute (a read)                      → encode
//	└──────────── one read snapshot ────────────────┘
//	                                                └─► claim → prepare → transaction: still the same caller? (else authorise
//	                                                    anew) → execute → encode → event       → commit
//
// Invariants. Nobody without the permission makes us do slow work. A change and its event are one transaction. What was true
// at the check is true at the commit, or is checked again inside it. Only the last transaction is ever run again.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Service is the pipeline with what it works on. All fields are required.
type Service struct {
	Store  *store.Store
	Authn  *authn.Authenticator
	Authz  *authz.Authorizer
	Audit  *audit.Log
	Table  *Table
	Clock  func() time.Time
	Logger *slog.Logger
	// KeyUses is told of each use of an access key.
	KeyUses *KeyUses
}

// Request is one call on its way through the pipeline.
type Request struct {
	ID     string
	Now    time.Time // the only time there is in a request
	Env    authz.Environment
	Caller *authn.Caller

	// Carry is what Resources found in the snapshot for Prepare and Execute, and what Prepare made for Execute. Its type is
	// the operation's own affair. Whatever Execute takes from it that may have changed meanwhile, it must guard.
	Carry any
	// Keys are condition keys that Prepare found; when there are any, the operation is authorised with them.
	Keys []authz.Key

	row *row
}

// Call does an operation as the caller, in process. It is how pages do everything.
func Call[In, Out any](ctx context.Context, s *Service, r Request, o awsquery.Typed[In, Out], in *In) (*Out, error) {
	r.row = s.Table.rows[o.Operation]
	if r.row == nil {
		return nil, fmt.Errorf("the table has no operation %s", o.Action)
	}

	caller := r.Caller
	out, err := s.perform(ctx, &r, func(tx *store.Tx) (any, error) {
		var err error
		if r.Caller, err = s.Authn.Recheck(tx, caller, r.Now); err != nil {
			return nil, err
		}
		return in, awsquery.Validate(o.Operation, in)
	}, nil)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return new(Out), nil
	}
	return out.(*Out), nil
}

// Allowed reports whether the caller of r may do an action on a resource, for a page that shows only what may be seen. It is
// no substitute for the operation's own authorisation.
func (s *Service) Allowed(ctx context.Context, r *Request, checks ...authz.Check) (allowed []bool, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		for _, check := range checks {
			ok, err := s.Authz.Allows(tx, r.Caller, &r.Env, check)
			if err != nil {
				return err
			}
			allowed = append(allowed, ok)
		}
		return nil
	})
	return allowed, err
}

// perform takes a request through the pipeline. open authenticates and decodes in the snapshot; encode, which may be nil,
// renders the answer before anything is committed.
func (s *Service) perform(ctx context.Context, r *Request, open func(*store.Tx) (any, error), encode func(any) error) (any, error) {
	var in, out any
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if in, err = open(tx); err != nil {
			return err
		}
		if r.row.execute == nil {
			return NotImplemented(r.row.Name)
		}
		if err = s.authorize(tx, r, in); err != nil || r.row.writes {
			return err
		}
		out, err = r.row.execute(r, tx, in)
		return err
	})
	if err == nil && r.row.writes {
		out, err = s.change(ctx, r, in, encode)
	} else if err == nil && encode != nil {
		err = encode(out)
	}
	return out, s.settle(r, in, err)
}

// authorize asks for every check of the operation.
func (s *Service) authorize(tx *store.Tx, r *Request, in any) error {
	if err := withinScope(r); err != nil {
		return err
	}
	if r.row.open {
		if r.row.resources != nil {
			_, err := r.row.resources(r, tx, in)
			return err
		}
		return nil
	}
	checks, err := r.row.resources(r, tx, in)
	if err != nil {
		return err
	}
	for n := range checks {
		if checks[n].Action == "" {
			checks[n].Action = r.row.Action
		}
		checks[n].Keys = append(checks[n].Keys, r.Keys...)
	}
	return s.Authz.Authorize(tx, r.Caller, &r.Env, checks)
}

// withinScope refuses what the caller's session was not opened for.
func withinScope(r *Request) error {
	scope := r.Caller.SessionScope
	if r.Caller.Credential != authn.ConsoleSession || scope == store.ScopeFull || slices.Contains(r.row.scopes, scope) {
		return nil
	}
	if scope == authn.ScopeChangePassword {
		return authz.AccessDenied("Choose a new password first: this session may do nothing else.")
	}
	return authz.AccessDenied("This session was opened to replace a lost MFA device and may do nothing else. Sign in again with the new device.")
}

// change does an operation that writes.
func (s *Service) change(ctx context.Context, r *Request, in any, encode func(any) error) (out any, err error) {
	if r.row.claim != nil {
		if err := s.Store.Update(ctx, store.Accounts(r.Caller.AccountID()), func(tx *store.Tx) error { return r.row.claim(r, tx, in) }); err != nil {
			return nil, err
		}
	}
	if r.row.prepare != nil {
		if err := r.row.prepare(ctx, r, in); err != nil {
			return nil, err
		}
	}
	lock := store.Raise(r.Caller.AccountID())
	if r.row.quiet {
		lock = store.Accounts(r.Caller.AccountID())
	}
	err = s.Store.Update(ctx, lock, func(tx *store.Tx) error {
		if err := s.confirm(tx, r, in); err != nil {
			return err
		}
		if out, err = r.row.execute(r, tx, in); err != nil {
			return err
		}
		if encode != nil {
			if err := encode(out); err != nil {
				return err
			}
		}
		if r.row.eventName == "-" {
			return nil
		}
		return audit.Write(tx, s.record(r, in, out, nil))
	})
	return out, err
}

// confirm makes sure, inside the transaction, that the caller may still do it: the credential is still good, and nothing that
// the decision read has changed; otherwise it is decided anew.
func (s *Service) confirm(tx *store.Tx, r *Request, in any) error {
	expected := r.Caller.Freshness
	if !r.row.quiet {
		expected.Generation++ // by the transaction's lock
	}
	caller, err := s.Authn.Recheck(tx, r.Caller, r.Now)
	if err != nil {
		return err
	}
	if caller.Freshness == expected && len(r.Keys) == 0 {
		return nil
	}
	confirmed := *r
	confirmed.Caller, confirmed.Carry = caller, nil
	if err := s.authorize(tx, &confirmed, in); err != nil {
		return err
	}
	r.Caller = caller
	return nil
}

// settle records the request and turns err into what the caller is told.
func (s *Service) settle(r *Request, in any, err error) error {
	if err == nil {
		if r.row.writes || r.row.eventName == "-" || !s.Audit.RecordsReads() {
			return nil
		}
		return s.failure(r, s.Audit.Read(s.record(r, in, nil, nil)))
	}
	told := s.failure(r, err)
	if r.Caller.Valid() {
		if err := s.Audit.Now(s.record(r, in, nil, told)); err != nil {
			return s.failure(r, err)
		}
	}
	return told
}

// failure is the error that the caller is told: one of the service's, or, for anything unexpected, only the request id.
func (s *Service) failure(r *Request, err error) error {
	if err == nil {
		return nil
	}
	var told *awsquery.Error
	if errors.As(err, &told) || errors.Is(err, authn.ErrNoSession) {
		return err
	}
	if errors.Is(err, secret.ErrBusy) {
		return &awsquery.Error{
			Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable,
			Message: "The service is busy checking passwords. Try again in a few seconds.",
		}
	}
	if errors.Is(err, store.ErrUnavailable) {
		s.Logger.Error("database not available", "request_id", r.ID, "operation", r.row.Name, "error", err)
		message := "The service's database is not available at the moment, and nothing was changed. Try again in a few seconds."
		if errors.Is(err, store.ErrOutcomeUnknown) {
			message = "The service lost its database while it made the change, and the outcome is unknown. Look whether the change was made before trying again."
		}
		return &awsquery.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: message}
	}
	s.Logger.Error("request failed", "request_id", r.ID, "operation", r.row.Name, "error", err)
	code := "ServiceFailure"
	if r.row.Service == "sts" {
		code = "InternalFailure"
	}
	return &awsquery.Error{
		Code: code, Status: http.StatusInternalServerError,
		Message: "The request processing has failed because of an unknown error, exception or failure. Request id: " + r.ID,
	}
}

// NotImplemented is the answer of an operation, or of a parameter, that is not built yet.
func NotImplemented(what string) *awsquery.Error {
	return &awsquery.Error{Code: "NotImplemented", Status: http.StatusNotImplemented, Message: what + " is not implemented in this version of Touchstone."}
}

// record describes a request for the audit trail.
func (s *Service) record(r *Request, in, out any, failure error) *audit.Record {
	rec := &audit.Record{
		Time: r.Now, EventName: r.row.eventName, EventSource: eventSource(r.row), EventType: audit.TypeAPICall,
		AWSRegion: r.Env.Region, SourceIPAddress: r.Env.Address.String(), UserAgent: r.Env.UserAgent,
		RequestID: r.ID, ReadOnly: !r.row.writes, RecipientAccountID: r.Caller.AccountID(), UserIdentity: callerIdentity(r.Caller),
	}
	if rec.EventName == "-" {
		rec.EventName = r.row.Name
	}
	if r.Caller.Credential == authn.ConsoleSession {
		rec.SessionCredentialFromConsole = "true"
	}
	var told *awsquery.Error
	switch {
	case errors.As(failure, &told):
		rec.ErrorCode, rec.ErrorMessage = told.Code, told.Message
	case failure != nil:
		rec.ErrorCode, rec.ErrorMessage = "AccessDenied", failure.Error()
	}
	if in != nil && rec.ErrorCode != "AccessDenied" {
		rec.RequestParameters = audit.Parameters(in)
	}
	if out != nil && r.row.writes {
		rec.ResponseElements = audit.Parameters(out)
	}
	return rec
}

func eventSource(r *row) string {
	if strings.HasPrefix(r.Action, "touchstone:") {
		return audit.SourceTouchstone
	}
	service, _, found := strings.Cut(r.Action, ":")
	if !found {
		return audit.SourceTouchstone
	}
	return service + ".amazonaws.com"
}

func callerIdentity(c *authn.Caller) audit.UserIdentity {
	u := audit.IdentityOf(c.Principal)
	u.AccessKeyID = &c.AccessKeyID
	if c.Credential == authn.ConsoleSession {
		mfa := "false"
		if c.UsedMFA() {
			mfa = "true"
		}
		u.SessionContext = &audit.SessionContext{Attributes: audit.SessionAttributes{
			CreationDate: c.SessionCreatedAt.UTC().Format(time.RFC3339), MFAAuthenticated: mfa,
		}}
	}
	return u
}

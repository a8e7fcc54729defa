package iam

import (
	"errors"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

func (o *Operations) defineSessions(t *api.Table) {
	api.Define(t, touchstoneapi.ListSessions, api.Op[touchstoneapi.ListSessionsInput, touchstoneapi.ListSessionsOutput]{
		Resources: func(r *api.Request, tx *store.Tx, in *touchstoneapi.ListSessionsInput) ([]authz.Check, error) {
			return ownOr(r, tx, in.UserName)
		},
		Execute: o.listSessions,
	})
	api.Define(t, touchstoneapi.EndSession, api.Op[touchstoneapi.EndSessionInput, struct{}]{
		Resources: func(r *api.Request, tx *store.Tx, in *touchstoneapi.EndSessionInput) ([]authz.Check, error) {
			return ownOr(r, tx, in.UserName)
		},
		Execute: endSession, Quiet: true,
	})
	api.Define(t, touchstoneapi.EndAllSessions, api.Op[touchstoneapi.EndAllSessionsInput, struct{}]{
		Resources: func(r *api.Request, tx *store.Tx, in *touchstoneapi.EndAllSessionsInput) ([]authz.Check, error) {
			return ownOr(r, tx, in.UserName)
		},
		Execute: endAllSessions,
	})
}

// ownOr asks for nothing when the caller's own sessions are meant, and for the operation's action on the user otherwise.
func ownOr(r *api.Request, tx *store.Tx, name string) ([]authz.Check, error) {
	s, err := subjectOf(r, tx, name)
	if err != nil || s.principal != nil && s.principal.ID == r.Caller.Principal.ID {
		return nil, err
	}
	return []authz.Check{s.check(r)}, nil
}

// listSessions lists the sessions that are complete and not over.
func (o *Operations) listSessions(r *api.Request, tx *store.Tx, in *touchstoneapi.ListSessionsInput) (*touchstoneapi.ListSessionsOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	sessions, err := tx.Sessions(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	out := &touchstoneapi.ListSessionsOutput{Sessions: []touchstoneapi.Session{}}
	for _, s := range sessions {
		if s.Stage != store.StageFull || o.Authn.Over(&s, i, r.Now) {
			continue
		}
		out.Sessions = append(out.Sessions, touchstoneapi.Session{
			SessionId: s.ID, CreateDate: s.CreatedAt, LastSeenDate: s.LastSeenAt, ExpirationDate: s.ExpiresAt,
			SourceIp: s.SourceAddress, UserAgent: s.UserAgent, MfaMethod: s.MFAMethod, MfaSerialNumber: s.MFASerial,
			Current: s.ID == r.Caller.SessionID,
		})
	}
	return out, nil
}

func endSession(r *api.Request, tx *store.Tx, in *touchstoneapi.EndSessionInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	err = tx.DeleteSession(i.AccountID, i.ID, in.SessionId)
	if errors.Is(err, store.ErrNotFound) {
		return nil, iamapi.NoSuchEntity("The session %s cannot be found.", in.SessionId)
	}
	return nil, err
}

// endAllSessions ends what was begun before now, in the console and by temporary credentials.
func endAllSessions(r *api.Request, tx *store.Tx, in *touchstoneapi.EndAllSessionsInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	if in.ExceptCurrent {
		return nil, endSessions(r, tx, i)
	}
	if _, err := tx.DeleteSessions(i.AccountID, i.ID, ""); err != nil {
		return nil, err
	}
	return nil, tx.SetSessionsNotBefore(i.AccountID, i.ID, r.Now)
}

package iam

import (
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

func (o *Operations) defineSessions(t *api.Table) {
	api.Read(t, touchstoneapi.ListSessions, onSelfOrUser, o.listSessions)
	api.Record(t, touchstoneapi.EndSession, onSelfOrUser, endSession)
	api.Change(t, touchstoneapi.EndAllSessions, onSelfOrUser, endAllSessions)
}

// onSelfOrUser asks for nothing when the caller's own sessions are meant, and for the operation's action on the user otherwise.
func onSelfOrUser[In any, P naming[In]](r *api.Request, tx *store.Tx, in *In) (api.Subject[*target], error) {
	s, err := resolve(r, tx, users, P(in).Principal())
	if err == nil && s.About != nil && s.About.ID == r.Caller.Principal.ID {
		s.Checks = api.Own()
	}
	return s, err
}

// listSessions lists the sessions that are complete and not over.
func (o *Operations) listSessions(r *api.Request, tx *store.Tx, about *target,
	_ *touchstoneapi.ListSessionsInput,
) (*touchstoneapi.ListSessionsOutput, error) {
	sessions, err := tx.Sessions(about.AccountID, about.ID)
	if err != nil {
		return nil, err
	}
	out := &touchstoneapi.ListSessionsOutput{Sessions: []touchstoneapi.Session{}}
	for _, s := range sessions {
		if s.Stage != store.StageFull || o.Authn.Over(&s, about.Principal, r.Now) {
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

func endSession(_ *api.Request, tx *store.Tx, about *target, in *touchstoneapi.EndSessionInput) (*struct{}, error) {
	return nil, api.Missing(tx.DeleteSession(about.AccountID, about.ID, in.SessionId), "The session %s cannot be found.", in.SessionId)
}

// endAllSessions ends the console sessions that were begun before now. Unless the current one stays, it also voids the temporary
// credentials that were issued before now.
func endAllSessions(r *api.Request, tx *store.Tx, about *target, in *touchstoneapi.EndAllSessionsInput) (*struct{}, error) {
	if in.ExceptCurrent {
		return nil, endSessions(r, tx, about.Principal)
	}
	if _, err := tx.DeleteSessions(about.AccountID, about.ID, ""); err != nil {
		return nil, err
	}
	return nil, tx.SetSessionsNotBefore(about.AccountID, about.ID, r.Now)
}

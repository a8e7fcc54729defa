package web

import (
	"net/http"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// sessionView confirms the end of sessions.
type sessionView struct {
	page
	Form    form
	Subject subject
	Session *touchstoneapi.Session // nil: all but the current one
}

func (v *visit) sessionView(title string) *sessionView {
	s := v.subject()
	return &sessionView{page: page{Title: title, Nav: s.nav(), Crumbs: s.crumbs(title)}, Subject: s}
}

func (v *visit) confirmEndSession() error {
	shown := v.sessionView("End session")
	part, err := v.sessionsPart(shown.Subject)
	if err != nil {
		return err
	}
	for n := range part.List {
		if part.List[n].SessionId == v.query.Get("id") {
			shown.Session = &part.List[n]
			return v.show("end-session", shown)
		}
	}
	return &awsquery.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: "There is no such session. It may have ended already."}
}

func (v *visit) endSession() error {
	s, id := v.subject(), v.query.Get("id")
	err := do(v, touchstoneapi.EndSession, &touchstoneapi.EndSessionInput{UserName: s.UserName, SessionId: id})
	if err != nil && !isCode(err, "NoSuchEntity") {
		return err
	}
	if id == v.session.ID {
		return v.signOut()
	}
	v.say("session-removed")
	v.to(s.Home())
	return nil
}

func (v *visit) confirmEndSessions() error {
	return v.show("end-session", v.sessionView("End all other sessions"))
}

func (v *visit) endSessions() error {
	s := v.subject()
	err := do(v, touchstoneapi.EndAllSessions, &touchstoneapi.EndAllSessionsInput{UserName: s.UserName, ExceptCurrent: s.Own()})
	if err != nil {
		return err
	}
	v.say("sessions-removed")
	v.to(s.Home())
	return nil
}

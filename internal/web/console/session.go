package console

import (
	"net/http"

	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// endSession asks before a session is ended. Whoever ends the session of this very browser is signed out.
func endSession(v *web.Visit) (*web.Confirmation, error) {
	h, id := holderOf(v), v.Query.Get("id")
	c := &web.Confirmation{
		Page: h.page("End session"), Heading: "End session?", Button: "End session", Danger: true, Cancel: h.Home(),
	}
	c.Do = func() error {
		// A session that ended in the meantime needs no error.
		err := web.Do(v, touchstoneapi.EndSession, &touchstoneapi.EndSessionInput{UserName: h.UserName, SessionId: id})
		if err != nil && !web.IsCode(err, "NoSuchEntity") {
			return err
		}
		if id == v.Session.ID {
			c.Next = "/auth/signed-out"
			return v.SignOut()
		}
		v.LeaveMessage("session-removed")
		return nil
	}

	part, err := readSessions(v, h)
	if err != nil {
		return nil, err
	}

	for _, s := range part.List {
		if s.SessionId == id {
			c.Text = web.Words("%s at %s, signed in %s, must sign in again.",
				web.Span{Text: browserName(s.UserAgent)}, web.Location(s.SourceIp), web.Time(s.CreateDate))
			return c, nil
		}
	}
	if v.Request.Method == http.MethodPost {
		return c, nil
	}
	return nil, web.Missing("There is no such session. It may have ended already.")
}

// endSessions asks before all sessions of a user are ended, or all of one's own but the current one.
func endSessions(v *web.Visit) (*web.Confirmation, error) {
	h := holderOf(v)
	c := &web.Confirmation{
		Page: h.page("End all other sessions"), Heading: "End all other sessions?",
		Button: "End sessions", Danger: true, Cancel: h.Home(),
		Text: web.Words("Every other browser in which you are signed in must sign in again."),
		Do: func() error {
			err := web.Do(v, touchstoneapi.EndAllSessions, &touchstoneapi.EndAllSessionsInput{UserName: h.UserName, ExceptCurrent: h.Own()})
			if err != nil {
				return err
			}
			v.LeaveMessage("sessions-removed")
			return nil
		},
	}

	if !h.Own() {
		c.Page, c.Heading = h.page("End all sessions"), "End all sessions?"
		c.Text = web.Words("User %s must sign in again everywhere.", web.Name(h.Name))
	}
	return c, nil
}

package iam_test

import (
	"testing"
	"time"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// sessionOperations are the operations of this file that are asked of the policies.
func sessionOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Own(touchstoneapi.ListSessions, "touchstone:ListSessions", u.ARN(), u.Named(), "ListSessions",
			touchstoneapi.ListSessionsInput{UserName: u.Name}, "NoSuchEntity"),
		touchtest.Own(touchstoneapi.EndSession, "touchstone:EndSession", u.ARN(), u.Named(), "EndSession",
			touchstoneapi.EndSessionInput{UserName: u.Name, SessionId: "x"}, "NoSuchEntity"),
		touchtest.Own(touchstoneapi.EndAllSessions, "touchstone:EndAllSessions", u.ARN(), u.Named(), "EndAllSessions",
			touchstoneapi.EndAllSessionsInput{UserName: u.Name}, "NoSuchEntity"),
	}
}

func listSessions(c *touchtest.Console, user string) ([]touchstoneapi.Session, error) {
	out, err := touchtest.Call(c, touchstoneapi.ListSessions,
		&touchstoneapi.ListSessionsInput{UserName: user})
	if err != nil {
		return nil, err
	}
	return out.Sessions, nil
}

func endSession(c *touchtest.Console, user, id string) error {
	return second(touchtest.Call(c, touchstoneapi.EndSession,
		&touchstoneapi.EndSessionInput{UserName: user, SessionId: id}))
}

func endAllSessions(c *touchtest.Console, user string, exceptCurrent bool) error {
	return second(touchtest.Call(c, touchstoneapi.EndAllSessions,
		&touchstoneapi.EndAllSessionsInput{UserName: user, ExceptCurrent: exceptCurrent}))
}

func alive(t *testing.T, what string, c *touchtest.Console, a *touchtest.Account) {
	t.Helper()
	if _, err := a.Server.SignIn.Admit(ctx, c.Token); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// One's own sessions are seen and ended without any permission.
func TestOwnSessions(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", "")
	key := newKey()
	first := a.SignIn(u, nil)
	a.SetUpRoot().MustEnrol("alice", "key", key) // ends the first
	over(t, "a session from before the device", first, a)
	a.Server.Clock.Advance(time.Second)
	one := a.SignIn(u, key)
	a.Server.Clock.Advance(time.Second)
	two := a.SignIn(u, key)
	half, err := a.Server.SignIn.User(ctx, touchtest.Visitor, a.ID, "alice", u.Password, "") // stands before the device
	must(t, err)

	sessions, err := listSessions(two, "")
	must(t, err)
	if len(sessions) != 2 {
		t.Fatalf("listed %+v, want the two that are complete", sessions)
	}
	if s := sessions[0]; s.SessionId != two.Session.ID || !s.Current || s.SourceIp != "127.0.0.1" || s.UserAgent != "touchtest" ||
		s.MfaMethod != "fido" ||
		s.MfaSerialNumber != serials(t, c, "alice")[0] || s.CreateDate.IsZero() || s.LastSeenDate.Before(s.CreateDate) ||
		!s.ExpirationDate.Equal(s.CreateDate.Add(12*time.Hour)) {
		t.Errorf("the newest is %+v", s)
	}
	if s := sessions[1]; s.SessionId != one.Session.ID || s.Current {
		t.Errorf("the other is %+v", s)
	}
	if record := a.LastRecord("ListSessions"); record.EventSource != "touchstone" || !record.ReadOnly ||
		record.UserIdentity.SessionContext.Attributes.MFAAuthenticated != "true" {
		t.Errorf("the event is %+v", record)
	}
	must(t, endSession(two, "", one.Session.ID))
	over(t, "the session that was ended", one, a)
	if got := text(a.LastRecord("EndSession").RequestParameters); got != `{"sessionId":"`+one.Session.ID+`"}` {
		t.Errorf("the event has %s", got)
	}
	want(t, "end it again", endSession(two, "", one.Session.ID), "404 NoSuchEntity: The session "+one.Session.ID+" cannot be found.")

	one = a.SignIn(u, key)
	must(t, endAllSessions(two, "Alice", true))
	over(t, "the other session", one, a)
	alive(t, "the current session", two, a)
	if _, _, err := a.Server.SignIn.Current(ctx, half.Token); err == nil {
		t.Error("the sign-in that stood before the device goes on")
	}
	one = a.SignIn(u, key)
	must(t, endAllSessions(two, "", false))
	over(t, "the other session", one, a)
	over(t, "the current session", two, a)
	a.Server.Clock.Advance(time.Second)
	alive(t, "a new one", a.SignIn(u, key), a)

	// What is over is not listed.
	console := a.SignIn(u, key)
	a.Server.Clock.Advance(59 * time.Minute)
	late := a.SignIn(u, key)
	a.Server.Clock.Advance(2 * time.Minute)
	if sessions, err = listSessions(late, ""); err != nil || len(sessions) != 1 {
		t.Errorf("listed %+v, %v; want what is not idle", sessions, err)
	}
	over(t, "the idle one", console, a)
}

// Another's sessions need the permission on that user.
func TestSessionsOfAnother(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	bob := a.NewUser("bob", "")
	of := func() (one, two *touchtest.Console) { return a.SignIn(bob, nil), a.SignIn(bob, nil) }
	one, two := of()
	u := a.NewUser("alice", "")
	me := a.SignIn(u, nil)
	for name, err := range map[string]error{
		"ListSessions":   second(listSessions(me, "bob")),
		"EndSession":     endSession(me, "bob", one.Session.ID),
		"EndAllSessions": endAllSessions(me, "bob", false),
	} {
		want(t, name, err, touchtest.NotAllowed(userARN(a, "/alice"), "touchstone:"+name, "user bob"))
	}
	want(t, "end another's as one's own", endSession(me, "", one.Session.ID),
		"404 NoSuchEntity: The session "+one.Session.ID+" cannot be found.")
	want(t, "a user who is not there", second(listSessions(me, "nobody")),
		touchtest.NotAllowed(userARN(a, "/alice"), "touchstone:ListSessions", "user nobody"))
	alive(t, "bob's session", one, a)

	a.PutPolicy("alice", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"touchstone:*","Resource":["arn:aws:iam::*:user/bob","arn:aws:iam::*:user/nobody"]}}`)
	sessions, err := listSessions(me, "bob")
	must(t, err)
	if len(sessions) != 2 || sessions[0].Current || sessions[1].Current {
		t.Errorf("listed %+v", sessions)
	}
	for name, err := range map[string]error{
		"ListSessions":   second(listSessions(me, "nobody")),
		"EndSession":     endSession(me, "nobody", "x"),
		"EndAllSessions": endAllSessions(me, "nobody", false),
	} {
		want(t, name, err, noUser("nobody"))
	}
	must(t, endSession(me, "bob", one.Session.ID))
	over(t, "the one that was ended", one, a)
	alive(t, "the other", two, a)
	one, _ = of()
	must(t, endAllSessions(me, "bob", false))
	over(t, "one of all", one, a)
	must(t, a.Server.State.Store.View(ctx, func(tx *store.Tx) error { // issued credentials have no row to delete: they end by this
		i, err := tx.PrincipalByName(a.ID, store.User, "bob")
		if err == nil && i.SessionsNotBefore.Before(one.Session.CreatedAt) {
			t.Errorf("bob's sessions count from %v", i.SessionsNotBefore)
		}
		return err
	}))
	over(t, "another of all", two, a)
	alive(t, "the administrator's", me, a)
	if record := a.LastRecord("EndAllSessions"); text(record.RequestParameters) != `{"userName":"bob"}` || record.ErrorCode != "" ||
		record.EventSource != "touchstone" {
		t.Errorf("the event is %+v", record)
	}
	// It leaves what is no session alone.
	if _, err := a.IAM(bob.Key).GetUser(ctx, &awsiam.GetUserInput{}); touchtest.CodeOf(err) != "AccessDenied" {
		t.Errorf("bob's access key: %v", err)
	}
	if _, err := c.GetLoginProfile(ctx, &awsiam.GetLoginProfileInput{UserName: &bob.Name}); err != nil {
		t.Error(err)
	}
	// "All but the current" of somebody else is all.
	one, _ = of()
	must(t, endAllSessions(me, "bob", true))
	over(t, "all but the administrator's current", one, a)
	alive(t, "the administrator's", me, a)
}

package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// visit is one request of a person.
type visit struct {
	*site
	w   http.ResponseWriter
	r   *http.Request
	id  string // the request's
	now time.Time

	status int // of the answer

	query url.Values // of the address
	form  url.Values // of the body

	token     string
	session   *store.Session   // behind a route that needs one
	principal *store.Principal // whose session it is
	caller    *authn.Caller    // behind a route atNewPassword or signedIn
}

func (s *site) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{site: s, w: w, r: r, id: httpd.RequestID(r.Context()), now: s.API.Clock(), query: r.URL.Query(), status: http.StatusOK}
	v.token = v.cookie(s.cookies.session)
	return v
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// visitor is what package signin is told of the browser.
func (v *visit) visitor() signin.Visitor {
	return signin.Visitor{
		Address: httpd.ClientAddr(v.ctx()), UserAgent: v.r.UserAgent(),
		DeviceCookie: v.cookie(v.cookies.device), RequestID: v.id,
	}
}

// admit lets a visit with the right session through. Any other is sent to the page that its session stands at, or to sign in.
func (v *visit) admit(needed access) (bool, error) {
	if needed == open {
		return true, nil
	}
	session, principal, err := v.SignIn.Current(v.ctx(), v.token)
	if err != nil {
		return false, err
	}
	v.session, v.principal = session, principal
	at := map[store.Stage]access{store.StageMFA: atMFA, store.StageChangePassword: atNewPassword, store.StageFull: signedIn}[session.Stage]
	if at != needed {
		v.to(stagePage(session))
		return false, nil
	}
	if at != atMFA {
		if v.caller, v.session, err = v.SignIn.Caller(v.ctx(), v.token); err != nil {
			return false, err
		}
	}
	return true, v.SignIn.Touch(v.ctx(), v.session)
}

// home is the dashboard.
const home = "/console/"

// stagePage is the page that a session stands at.
func stagePage(s *store.Session) string {
	switch s.Stage {
	case store.StageMFA:
		return "/auth/mfa"
	case store.StageChangePassword:
		return "/auth/change-password"
	}
	return destination(s.Destination)
}

// destination is where a sign-in arrives: where the person was going, if that is a page of the console, and otherwise the
// dashboard. Nothing that a browser could take for another site's address passes.
func destination(wanted string) string {
	u, err := url.Parse(wanted)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || len(wanted) > maxCookie ||
		strings.ContainsAny(wanted, "\\\r\n\t") || !strings.HasPrefix(wanted, home) || strings.Contains(u.Path, "/..") {
		return home
	}
	return wanted
}

// to sends the browser on.
func (v *visit) to(address string) { http.Redirect(v.w, v.r, address, http.StatusSeeOther) }

// at is an address with a query: at("/console/user", "name", "alice"). Empty values are left out.
func at(path string, query ...string) string {
	q := url.Values{}
	for n := 0; n+1 < len(query); n += 2 {
		if query[n+1] != "" {
			q.Set(query[n], query[n+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// sessionOver sends somebody whose session has ended to sign in, and back to this page afterwards: every address that takes a
// form also shows one, but for those of a download and of an editor's script.
func (v *visit) sessionOver() {
	to := ""
	if strings.HasPrefix(v.r.URL.Path, home) && v.r.URL.Path != csvPath && v.r.URL.Path != validatePath {
		to = v.r.URL.RequestURI()
	}
	if v.token != "" {
		v.dropCookie(v.cookies.session)
		switch {
		case to == "":
			v.say("sign-in-over")
		case v.r.Method == http.MethodPost:
			v.say("session-ended")
		default:
			v.say("session-over")
		}
	}
	v.to(v.signInPage(to))
}

// signInPage is where to sign in: on the page of the account that this browser remembers, when it remembers one.
func (v *visit) signInPage(to string) string {
	if to == home {
		to = "" // which leads there anyway
	}
	if r := v.remembered(); r.Account != "" {
		return at("/signin/"+url.PathEscape(r.Account), "to", to)
	}
	return at("/signin", "to", to)
}

// request is the visit as a request to the pipeline.
func (v *visit) request() api.Request {
	return api.Request{ID: v.id, Now: v.now, Caller: v.caller, Env: authz.Environment{
		Now: v.now, Address: httpd.ClientAddr(v.ctx()), UserAgent: v.r.UserAgent(), Secure: httpd.IsSecure(v.ctx()), Region: "us-east-1",
	}}
}

// call does an operation as the person signed in.
func call[In, Out any](v *visit, o awsquery.Typed[In, Out], in *In) (*Out, error) {
	return api.Call(v.ctx(), v.API, v.request(), o, in)
}

// do is call for an operation that answers nothing.
func do[In any](v *visit, o awsquery.Typed[In, struct{}], in *In) error {
	_, err := call(v, o, in)
	return err
}

// fail answers what a handler could not.
func (v *visit) fail(err error) {
	if errors.Is(err, authn.ErrNoSession) {
		v.sessionOver()
		return
	}
	v.failed(err)
}

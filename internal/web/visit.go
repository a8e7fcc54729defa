package web

import (
	"context"
	"errors"
	"html/template"
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
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// Visit is one request for a page, with who makes it and what the answer needs.
type Visit struct {
	Config
	Writer  http.ResponseWriter
	Request *http.Request
	ID      string // the request's
	Status  int    // of the answer; 200 until a handler says otherwise
	Cookies Cookies

	Query url.Values // of the address
	Form  url.Values // of the body

	Token     string           // the session's; "" when the browser has none
	Session   *store.Session   // behind a route that needs one
	Principal *store.Principal // whose session it is
	Caller    *authn.Caller    // behind a route AtNewPassword or SignedIn

	site      *site
	now       time.Time
	route     *Route // nil outside any route
	templates func() (*template.Template, error)
	account   *touchstoneapi.DescribeAccountOutput // nil until somebody asked for it
}

// visit returns the visit of a request, without a session.
func (s *site) visit(w http.ResponseWriter, r *http.Request) *Visit {
	v := &Visit{
		Config: s.Config, Writer: w, Request: r, ID: httpd.RequestID(r.Context()), Status: http.StatusOK, Cookies: s.cookies,
		Query: r.URL.Query(), site: s, now: s.API.Clock(), templates: s.templates,
	}
	v.Token = v.Cookie(v.Cookies.Session)
	return v
}

// KeysWork reports whether browsers use security keys at the public address.
func (v *Visit) KeysWork() bool { return v.site.keys }

// Context returns the request's context.
func (v *Visit) Context() context.Context { return v.Request.Context() }

// Visitor describes the browser to package signin.
func (v *Visit) Visitor() signin.Visitor {
	return signin.Visitor{
		Address: httpd.ClientAddr(v.Context()), UserAgent: httpd.UserAgent(v.Request),
		DeviceCookie: v.Cookie(v.Cookies.Device), Token: v.Token, RequestID: v.ID,
	}
}

// admit reports whether the visit has a session of the right stage. If its session is at another stage, admit redirects to that
// stage's page. Its error is [authn.ErrNoSession] when there is no session.
func (v *Visit) admit(needed Access) (bool, error) {
	if needed == Open {
		return true, nil
	}

	admission, err := v.SignIn.Admit(v.Context(), v.Token)
	if err != nil {
		return false, err
	}
	v.Session, v.Principal, v.Caller = admission.Session, admission.Principal, admission.Caller
	httpd.Identify(v.Context(), v.Principal.AccountID, v.Principal.ARN())

	reached := map[store.Stage]Access{
		store.StageMFA: AtMFA, store.StageChangePassword: AtNewPassword, store.StageFull: SignedIn,
	}[v.Session.Stage]
	if reached != needed {
		v.Redirect(StagePage(v.Session))
		return false, nil
	}
	return true, v.SignIn.Touch(v.Context(), v.Session)
}

// StagePage returns the address of the page that a session's stage asks for.
func StagePage(s *store.Session) string {
	switch s.Stage {
	case store.StageMFA:
		return challengePath
	case store.StageChangePassword:
		return changePasswordPath
	}
	return Destination(s.Destination)
}

// Destination returns where a sign-in arrives: where the person was going, if that is a page of the console, and otherwise the
// dashboard. Nothing that a browser could take for another site's address passes.
func Destination(wanted string) string {
	u, err := url.Parse(wanted)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || len(wanted) > maxCookie ||
		strings.ContainsAny(wanted, "\\\r\n\t") || !strings.HasPrefix(wanted, Home) || strings.Contains(u.Path, "/..") {
		return Home
	}
	return wanted
}

// Redirect sends the browser on to an address of this site.
func (v *Visit) Redirect(address string) {
	http.Redirect(v.Writer, v.Request, address, http.StatusSeeOther)
}

// Address returns a path with a query of names and values: Address("/console/user", "name", "alice"). Empty values are left out.
func Address(path string, query ...string) string {
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

// sessionOver sends somebody whose session has ended to sign in, and back to this page afterwards. Every address of the console
// that takes a form also shows one, except those marked NoReturn.
func (v *Visit) sessionOver() {
	back := ""
	if strings.HasPrefix(v.Request.URL.Path, Home) && v.route != nil && !v.route.NoReturn {
		back = v.Request.URL.RequestURI()
	}

	if v.Token != "" {
		v.DropCookie(v.Cookies.Session)
		switch {
		case back == "":
			v.LeaveMessage("sign-in-over")
		case v.Request.Method == http.MethodPost:
			v.LeaveMessage("session-ended")
		default:
			v.LeaveMessage("session-over")
		}
	}
	v.Redirect(v.SignInPage(back))
}

// SignInPage returns the address at which to sign in, which leads to destination afterwards: the page of the account that this
// browser remembers, when it remembers one.
func (v *Visit) SignInPage(destination string) string {
	if destination == Home {
		destination = "" // which leads there anyway
	}
	if r := v.Remembered(); r.Account != "" {
		return Address("/signin/"+url.PathEscape(r.Account), "to", destination)
	}
	return Address("/signin", "to", destination)
}

// SignOut ends the session, at whatever stage it is, and has the browser forget it. A session that is over already is no error.
func (v *Visit) SignOut() error {
	if v.Token != "" {
		if err := v.SignIn.SignOut(v.Context(), v.Visitor(), v.Token); err != nil {
			return err
		}
	}
	v.DropCookie(v.Cookies.Session)
	v.DropCookie(v.Cookies.Flash)
	return nil
}

// Account describes the account of the person signed in. It is read once in a visit.
func (v *Visit) Account() (*touchstoneapi.DescribeAccountOutput, error) {
	if v.account == nil {
		account, err := Call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
		if err != nil {
			return nil, err
		}
		v.account = account
	}
	return v.account, nil
}

// asRequest returns the visit as a request to the pipeline of package api.
func (v *Visit) asRequest() api.Request {
	return api.Request{ID: v.ID, Now: v.now, Caller: v.Caller, Env: authz.Environment{
		Now: v.now, Address: httpd.ClientAddr(v.Context()), UserAgent: httpd.UserAgent(v.Request),
		Secure: httpd.IsSecure(v.Context()), Region: "us-east-1",
	}}
}

// Call calls an operation as the person signed in.
func Call[In, Out any](v *Visit, o awsquery.Typed[In, Out], in *In) (*Out, error) {
	return api.Call(v.Context(), v.API, v.asRequest(), o, in)
}

// Do is [Call] for an operation without an output.
func Do[In any](v *Visit, o awsquery.Typed[In, struct{}], in *In) error {
	_, err := Call(v, o, in)
	return err
}

// fail answers a visit whose handler returned an error. It leads to the sign-in when the session is over, and otherwise shows the
// page of the error.
func (v *Visit) fail(err error) {
	if errors.Is(err, authn.ErrNoSession) {
		v.sessionOver()
		return
	}
	v.failed(err)
}

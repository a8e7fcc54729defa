package web

import (
	"html/template"
	"net/http"

	"github.com/touchstone-iam/touchstone/internal/httpd"
)

// Access is the stage that a session must have reached for a page.
type Access int

const (
	Open          Access = iota // no session is needed
	AtMFA                       // the password was right, and a device is asked for
	AtNewPassword               // a new password must be chosen
	SignedIn                    // nothing is missing
)

// The greatest sizes of forms, in bytes. Most characters other than letters and digits are sent percent-encoded, as three bytes
// each.
const (
	MaxOpenForm   = 8 << 10 // of a page that needs no session
	MaxForm       = 64 << 10
	MaxPolicyForm = 192 << 10 // a policy document of 128 KiB
	MaxAnswerForm = 64 << 10  // a security key's answer
	maxMembers    = 512       // names and values in a form
)

// Handler answers a visit. It shows a page or redirects, or it returns an error, whose page is then shown.
type Handler func(*Visit) error

// Route is an address and what answers there.
type Route struct {
	Path      string // as http.ServeMux takes it, without a method
	Access    Access
	Get, Post Handler
	Limit     int64 // bytes of the form; 0 is MaxForm, or MaxOpenForm where no session is needed
	// NoReturn marks an address that shows no page: the one of a download, or of what a script asks for. Whoever signs in
	// again is not led back to it.
	NoReturn bool
}

// The addresses that the kit leads to by itself.
const (
	// Home is the dashboard, and the beginning of every address in the console.
	Home = "/console/"

	challengePath      = "/auth/mfa"
	changePasswordPath = "/auth/change-password"
)

// layoutRoutes are the addresses that the layout of every page uses, and the address without a path.
var layoutRoutes = []Route{
	{Path: "/{$}", Get: front},
	{Path: "/theme", Post: setTheme},
	{Path: "/console/session", Access: SignedIn, Get: sessionState},
}

// handler returns the handler of a route for one method. It runs handle only for visits with the session that the route needs.
func (s *site) handler(route *Route, handle Handler, templates func() (*template.Template, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		v.route, v.templates = route, templates

		// Nothing is read of the form of somebody whose session does not reach here.
		admitted, err := v.admit(route.Access)
		if err != nil || !admitted {
			httpd.LeaveUnread(w, r)
		}
		if err == nil && admitted {
			if err = v.decode(); err == nil {
				err = handle(v)
			}
		}
		if err != nil {
			v.fail(err)
		}
	})
}

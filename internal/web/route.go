package web

import "net/http"

// access is how far a session must have come for a page.
type access int

const (
	open          access = iota // no session is needed
	atMFA                       // the password was right, a device is asked for
	atNewPassword               // a new password must be chosen
	signedIn                    // nothing is missing
)

// The sizes of forms, in bytes. What is not a letter or digit travels percent-encoded, as three.
const (
	maxForm          = 64 << 10
	maxPolicyForm    = 192 << 10 // a policy document of 128 KiB
	maxSimulatorForm = 512 << 10 // several documents
	maxAnswerForm    = 192 << 10 // a security key's answer of 64 KiB
	maxMembers       = 256       // names and values in a form
)

// route is an address and what answers there.
type route struct {
	pattern string
	access  access
	handle  func(*visit) error
	limit   int64 // bytes of the form; 0 is maxForm
}

// routes is every address, apart from /static/.
var routes = []route{
	{"GET /{$}", open, (*visit).front, 0},
	{"POST /theme", open, (*visit).setTheme, 0},

	{"GET /signin", open, (*visit).chooseUserType, 0},
	{"POST /signin", open, (*visit).userTypeChosen, 0},
	{"GET /signin/{account}", open, (*visit).userSignIn, 0},
	{"POST /signin/{account}", open, (*visit).signUserIn, 0},
	{"GET /auth/root", open, (*visit).rootSignIn, 0},
	{"POST /auth/root", open, (*visit).signRootIn, 0},
	{"GET /auth/setup", open, (*visit).setUp, 0},
	{"POST /auth/setup", open, (*visit).setPassword, 0},
	{"GET /auth/signed-out", open, (*visit).signedOut, 0},
	{"POST /auth/sign-out", open, (*visit).signOut, 0},

	{"GET /auth/mfa", atMFA, (*visit).askForDevice, 0},
	{"POST /auth/mfa", atMFA, (*visit).checkDevice, maxAnswerForm},
	{"GET /auth/mfa/methods", atMFA, (*visit).mfaMethods, 0},
	{"GET /auth/mfa/troubleshoot", atMFA, (*visit).mfaTroubleshoot, 0},

	{"GET /auth/change-password", atNewPassword, (*visit).mustChangePassword, 0},
	{"POST /auth/change-password", atNewPassword, (*visit).changeRequiredPassword, 0},

	{"GET /console/{$}", signedIn, (*visit).dashboard, 0},
	{"GET /console/session", signedIn, (*visit).sessionState, 0},
	{"GET /console/alias", signedIn, (*visit).editAlias, 0},
	{"POST /console/alias", signedIn, (*visit).saveAlias, 0},
	{"GET /console/alias/delete", signedIn, (*visit).confirmDeleteAlias, 0},
	{"POST /console/alias/delete", signedIn, (*visit).deleteAlias, 0},

	{"GET /console/security-credentials", signedIn, (*visit).securityCredentials, 0},
	{"GET /console/password", signedIn, (*visit).editPassword, 0},
	{"POST /console/password", signedIn, (*visit).changePassword, 0},
	{"GET /console/mfa/assign", signedIn, (*visit).selectDevice, 0},
	{"POST /console/mfa/assign", signedIn, (*visit).deviceSelected, 0},
	{"GET /console/mfa/set-up", signedIn, (*visit).setUpDevice, 0},
	{"POST /console/mfa/set-up", signedIn, (*visit).assignDevice, maxAnswerForm},
	{"GET /console/mfa/remove", signedIn, (*visit).confirmRemoveDevice, 0},
	{"POST /console/mfa/remove", signedIn, (*visit).removeDevice, 0},
	{"GET /console/access-key/create", signedIn, (*visit).newAccessKey, 0},
	{"POST /console/access-key/create", signedIn, (*visit).createAccessKey, 0},
	{"GET /console/access-key/status", signedIn, (*visit).confirmKeyStatus, 0},
	{"POST /console/access-key/status", signedIn, (*visit).setKeyStatus, 0},
	{"GET /console/access-key/delete", signedIn, (*visit).confirmDeleteKey, 0},
	{"POST /console/access-key/delete", signedIn, (*visit).deleteAccessKey, 0},
	{"GET /console/session/end", signedIn, (*visit).confirmEndSession, 0},
	{"POST /console/session/end", signedIn, (*visit).endSession, 0},
	{"GET /console/sessions/end", signedIn, (*visit).confirmEndSessions, 0},
	{"POST /console/sessions/end", signedIn, (*visit).endSessions, 0},
	{"POST " + csvPath, signedIn, (*visit).csv, 0},

	{"GET /console/users", signedIn, (*visit).users, 0},
	{"GET /console/users/create", signedIn, (*visit).newUser, 0},
	{"POST /console/users/create", signedIn, (*visit).createUser, 0},
	{"GET /console/user", signedIn, (*visit).user, 0},
	{"GET /console/user/delete", signedIn, (*visit).confirmDeleteUser, 0},
	{"POST /console/user/delete", signedIn, (*visit).deleteUser, 0},
	{"GET /console/user/console-access", signedIn, (*visit).editConsoleAccess, 0},
	{"POST /console/user/console-access", signedIn, (*visit).saveConsoleAccess, 0},
	{"GET /console/user/policy", signedIn, (*visit).editPolicy, 0},
	{"POST /console/user/policy", signedIn, (*visit).savePolicy, maxPolicyForm},
	{"GET " + simulatorPath, signedIn, (*visit).simulator, 0},
	{"POST " + simulatorPath, signedIn, (*visit).simulate, maxSimulatorForm},
	{"POST " + validatePath, signedIn, (*visit).validate, maxPolicyForm},
	{"GET /console/user/policy/delete", signedIn, (*visit).confirmDeletePolicy, 0},
	{"POST /console/user/policy/delete", signedIn, (*visit).deletePolicy, 0},
}

// handler answers at a route, for whom it is there for.
func (s *site) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		if err := v.decode(rt.limit); err != nil {
			v.fail(err)
			return
		}
		admitted, err := v.admit(rt.access)
		if err == nil && admitted {
			err = rt.handle(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
}

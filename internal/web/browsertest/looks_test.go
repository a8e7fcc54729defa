package browsertest

import (
	"testing"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// inEveryLook checks the page as it is in light and dark, on a desktop and on a phone.
func (p *tab) inEveryLook() {
	p.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, v := range []viewport{desktop, phone} {
			p.scheme(scheme)
			p.size(v)
			p.check()
		}
	}
}

// Every page without a fault in every look: before the sign-in, half-way through it, and after it, as somebody who may do
// everything and as somebody who may do little.
func TestEveryPageInEveryLook(t *testing.T) {
	i := install(t)
	admin := i.admin()
	few := i.newUser("few", touchtest.FIDOPagePolicy)
	p := i.open(t)
	pages := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			p.visit(path)
			p.inEveryLook()
		}
	}

	pages(i.setUpLink, "/auth/setup?link=over", "/signin", "/signin?different=1", "/auth/root?email=root@localhost", "/nowhere")
	p.signIn(few)
	p.arrive("/console/")
	pages("/console/", ownPage, "/console/users", "/console/user?name=admin", "/console/mfa/assign")
	p.signOut()
	p.inEveryLook()
	p.signIn(admin)
	pages(
		"/console/", ownPage, "/console/password", "/console/alias", "/console/mfa/assign", "/console/access-key/create",
		"/console/sessions/end", "/console/users", "/console/users?search=nobody", "/console/users/create",
		"/console/user?name=few", "/console/user?name=few&tab=tags", "/console/user?name=few&tab=security-credentials",
		"/console/user/delete?name=few", "/console/user/console-access?user=few", "/console/user/policy?name=few",
		"/console/user/policy?name=few&policy=test", "/console/user/policy/delete?name=few&policy=test", "/console/nothing",
		"/console/simulator?name=few",
	)

	p.plugIn(fido2)
	p.assign("laptop")
	p.inEveryLook()
	p.signOut()
	p.signIn(admin)
	p.arrive("/auth/mfa")
	pages("/auth/mfa", "/auth/mfa/methods", "/auth/mfa/troubleshoot")
}

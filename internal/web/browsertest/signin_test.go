package browsertest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

const incorrect = "Your authentication information is incorrect. Please try again."

// Journey 1, and on to the first key.
func TestSetUp(t *testing.T) {
	i := install(t)
	p := i.open(t)
	p.visit(i.setUpLink)
	p.check()
	for _, wrong := range []struct{ first, second, problem string }{
		{"", "", "Enter a new password."},
		{"short", "short", "at least 8 characters"},
		{"password1", "password1", "This password is one of those that are tried first."},
		{"long enough this time", "another", "The passwords do not match."},
	} {
		p.fill("New password", wrong.first)
		p.fill("Retype new password", wrong.second)
		p.press("Set password and continue")
		p.see(wrong.problem)
		if got := p.value("New password"); got != "" {
			t.Errorf("the password %q is kept in the page", got)
		}
	}
	p.check()
	key := p.plugIn(fido2)
	p.fill("New password", password)
	p.fill("Retype new password", password)
	p.press("Set password and continue")
	p.arrive("/console/mfa/assign")
	p.check()
	p.fill("Device name", "safe")
	p.press("Next")
	p.arrive(ownPage)
	p.see("You have successfully assigned the device safe")
	p.visit(i.setUpLink)
	p.see("This set-up link is not valid")
	p.check()

	// A new link sets another password and asks for the key all the same.
	p.visit("/console/")
	p.signOut()
	var made struct{ SetupURL string }
	i.touchstoneJSON(&made, "account", "setup-link", "--account", i.accountID)
	p.visit(made.SetupURL)
	p.fill("New password", password+"!")
	p.fill("Retype new password", password+"!")
	p.press("Set password and continue")
	p.arrive("/auth/mfa")
	p.press("Use security key")
	p.arrive("/console/")
	if n := len(key.credentials()); n != 1 {
		t.Errorf("the key has %d credentials, want 1", n)
	}
}

// Journey 2.
func TestRootSignsIn(t *testing.T) {
	i := install(t)
	i.root()
	p := i.open(t)

	p.visit("/")
	p.arrive("/signin")
	p.check()

	p.choose("Root user")
	p.fill("Root user email address", i.email)
	p.press("Next")
	p.arrive("/auth/root")
	p.see("Root user sign in", i.email)
	p.check()

	p.fill("Password", "wrong")
	p.press("Sign in")
	p.see(incorrect, i.email)
	p.check()

	p.fill("Password", password)
	p.press("Sign in")
	p.arrive("/console/")
	p.see("Add MFA for root user")

	p.press("Add MFA")
	p.arrive("/console/mfa/assign")
}

// Journeys 3 and 5.
func TestUserSignsInAndIsRemembered(t *testing.T) {
	i := install(t)
	alice := i.newUser("alice", touchtest.AdminPolicy)
	p := i.open(t)
	p.visit("/signin")
	p.choose("IAM user")
	p.fill("Account ID (12 digits) or account alias", i.accountID[:4]+"-"+i.accountID[4:8]+"-"+i.accountID[8:])
	p.press("Next")
	p.arrive("/signin/" + i.accountID)
	p.check()
	p.fill("IAM user name", "alice")
	p.fill("Password", alice.password)
	evaluate[bool](p, "document.before = true")
	p.key("\r")
	p.until("Enter does not sign in", "!document.before && "+ready)
	p.arrive("/console/")
	p.see("alice @ " + i.accountID[:4] + "-" + i.accountID[4:8] + "-" + i.accountID[8:])
	p.signOut()

	p.visit("/signin")
	p.arrive("/signin/" + i.accountID)
	if got := p.value("IAM user name"); got != "alice" {
		t.Errorf("the remembered user is %q, want alice", got)
	}
	p.press("Sign in to a different account")
	p.arrive("/signin")
	p.visit("/signin")
	p.arrive("/signin")
}

// Journey 4.
func TestWrongPassword(t *testing.T) {
	i := install(t)
	i.newUser("alice", "")
	p := i.open(t)
	p.visit("/signin/" + i.accountID)
	for _, name := range []string{"alice", "nobody"} {
		p.fill("IAM user name", name)
		p.fill("Password", "wrong")
		p.press("Sign in")
		p.see(incorrect)
		p.check()
		if got := p.value("IAM user name"); got != name {
			t.Errorf("the user name is %q, want what was typed", got)
		}
		if got := p.value("Password"); got != "" {
			t.Errorf("the password %q is kept in the page", got)
		}
	}
}

// Journey 6: an unknown alias looks the same as one that there is.
func TestAlias(t *testing.T) {
	i := install(t)
	alice := i.admin()
	p := i.open(t)
	p.signIn(alice)
	p.visit("/console/alias")
	p.check()
	p.fill("Preferred alias", "No Such")
	p.press("Save changes")
	p.see("Use 3 to 63 lowercase letters")
	p.check()
	if got := p.value("Preferred alias"); got != "No Such" {
		t.Errorf("the alias is %q, want what was typed", got)
	}

	p.fill("Preferred alias", "acme")
	p.press("Save changes")
	p.see("The account alias is now acme.")
	p.signOut()
	p.visit("/signin/acme?different=1")
	known := p.text()
	p.fill("IAM user name", alice.name)
	p.fill("Password", alice.password)
	p.press("Sign in")
	p.arrive("/console/")
	other := i.open(t)
	other.visit("/signin/acmee")
	if unknown := other.text(); unknown != known {
		t.Errorf("an unknown alias shows\n%s\nand a known one\n%s", unknown, known)
	}
}

// Journey 7, and its other half.
func TestWrongPage(t *testing.T) {
	i := install(t)
	i.root()
	p := i.open(t)

	p.visit("/signin/" + i.accountID)
	p.fill("IAM user name", i.email)
	p.fill("Password", password)
	p.press("Sign in")
	p.see(incorrect, "Sign in using root user email")

	p.press("Sign in using root user email")
	p.arrive("/auth/root")
	p.fill("Email address", i.email)
	p.fill("Password", password)
	p.press("Sign in")
	p.arrive("/console/")

	p.signOut()
	p.visit("/signin")
	p.choose("Root user")
	p.fill("Root user email address", "alice")
	p.press("Next")
	p.see("is not an e-mail address")
	p.check()
}

// Journey 37.
func TestForcedPasswordChange(t *testing.T) {
	i := install(t)
	p := i.open(t)
	p.signIn(i.admin())
	for name, policy := range map[string]string{"mayor": touchtest.AdminPolicy, "clerk": ""} {
		i.newUser(name, policy)
		p.visit("/console/user/console-access?user=" + name)
		p.choose("Keep the password")
		p.press("Apply")
		p.see("must choose a new password at the next sign-in")
	}
	his := i.open(t)
	his.signIn(&user{"mayor", password})
	his.arrive("/auth/change-password")
	his.check()
	his.visit("/console/users") // there is no way around it
	his.arrive("/auth/change-password")
	for _, wrong := range []struct{ old, first, second, problem string }{
		{password, "short", "short", "length of 8"},
		{"wrong", "New-password-22", "New-password-22", "old password"},
		{password, "New-password-22", "other", "The passwords do not match."},
	} {
		his.fill("Old password", wrong.old)
		his.fill("New password", wrong.first)
		his.fill("Retype new password", wrong.second)
		his.press("Confirm password change")
		his.see(wrong.problem)
		his.check()
	}
	his.fill("Old password", password)
	his.fill("New password", "New-password-22")
	his.fill("Retype new password", "New-password-22")
	his.until("the rules are not ticked", `document.querySelectorAll("[data-met=true]").length === 3`)
	his.press("Confirm password change")
	his.arrive("/console/")

	hers := i.open(t)
	hers.signIn(&user{"clerk", password})
	hers.arrive("/auth/change-password")
	hers.fill("Old password", password)
	hers.fill("New password", "New-password-22")
	hers.fill("Retype new password", "New-password-22")
	hers.press("Confirm password change")
	hers.see("You may not change your password", "iam:ChangePassword")
	hers.check()
}

// Journey 38: whoever guesses is slowed down, and the others are not.
func TestGuessing(t *testing.T) {
	i := install(t)
	alice, bob := i.newUser("alice", ""), i.newUser("bob", "")

	// Both have signed in from their own browsers before.
	hers, his := i.open(t), i.open(t)
	hers.signIn(alice)
	his.signIn(bob)
	hers.signOut()
	his.signOut()
	guesser := i.open(t)
	guesser.visit("/signin/" + i.accountID)
	slowed := false
	for n := 0; n < 30 && !slowed; n++ {
		guesser.fill("IAM user name", "alice")
		guesser.fill("Password", "guess")
		guesser.press("Sign in")
		slowed = strings.Contains(guesser.text(), "Too many failed attempts. Wait ")
	}

	if !slowed {
		t.Fatal("30 wrong passwords are not slowed down")
	}

	guesser.check()
	hers.signIn(alice)
	hers.arrive("/console/")
	his.signIn(bob)
	his.arrive("/console/")
}

// Where somebody was going is where they arrive, on this site only.
func TestDestination(t *testing.T) {
	i := install(t)
	alice := i.admin()
	p := i.open(t)
	p.visit("/console/users?search=al")
	p.arrive("/signin")
	p.choose("IAM user")
	p.fill("Account ID (12 digits) or account alias", i.accountID)
	p.press("Next")
	p.fill("IAM user name", alice.name)
	p.fill("Password", alice.password)
	p.press("Sign in")
	p.arrive("/console/users")
	if got := p.path(); got != "/console/users?search=al" {
		t.Errorf("the sign-in arrives at %s", got)
	}

	p.signOut()
	for _, elsewhere := range []string{
		"https://example.com/", "//example.com/", `/\example.com/`, "/console/../../x",
		"javascript:alert(1)", "/console/\r\nX: y",
	} {
		p.visit("/signin/" + i.accountID + "?to=" + url.QueryEscape(elsewhere))
		p.fill("IAM user name", alice.name)
		p.fill("Password", alice.password)
		p.press("Sign in")
		p.arrive("/console/")
		p.signOut()
	}
}

// Journey 53.
func TestBackAfterSignOut(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	p.visit(ownPage)
	p.see("My security credentials")
	p.signOut()
	evaluate[bool](p, "(history.back(), history.back(), true)")
	p.until("Back does not lead to the sign-in", `location.pathname.startsWith("/signin") && `+ready)
	p.miss("My security credentials", "arn:aws:iam")
}

// Journey 54: forms of other sites, and a session that another browser's cookie cannot use once it is over.
func TestForeignForm(t *testing.T) {
	i := install(t)
	for name, headers := range map[string]map[string]string{
		"Sec-Fetch-Site": {"Sec-Fetch-Site": "cross-site"},
		"Origin":         {"Origin": "https://example.com"},
		"null origin":    {"Origin": "null"},
	} {
		r, err := http.NewRequest(http.MethodPost, i.url+"/auth/sign-out", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}

		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for h, value := range headers {
			r.Header.Set(h, value)
		}

		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}

		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s, want 403", name, answer.Status)
		}
	}
}

// Sessions are listed, and can be ended.
func TestSessions(t *testing.T) {
	i := install(t)
	alice := i.newUser("alice", touchtest.AdminPolicy)
	here, there, elsewhere := i.open(t), i.open(t), i.open(t)
	for _, p := range []*tab{here, there, elsewhere} {
		p.signIn(alice)
		p.arrive("/console/")
	}

	here.visit(ownPage)
	here.see("Sessions (3)", "This session", "127.0.0.1", "Chrome on Linux")
	here.press("End the session of Chrome on Linux at 127.0.0.1")
	here.check()
	here.press("End session")
	here.see("The session is ended.", "Sessions (2)")
	here.press("End all other sessions")
	here.check()
	here.press("End sessions")
	here.see("All other sessions are ended.", "Sessions (1)")
	for _, p := range []*tab{there, elsewhere} {
		p.visit(ownPage)
		p.arrive("/signin/" + i.accountID)
		p.see("Your session has ended.")
	}

	i.touchstone("sessions", "revoke", "--account", i.accountID, "--user", "alice")
	here.visit(ownPage)
	here.arrive("/signin/" + i.accountID)
	here.check()
}

// Journey 52: a session that ends under a form. After the sign-in the form's page is there again.
func TestSessionEndsUnderForm(t *testing.T) {
	i, alice, p := signedIn(t, touchtest.AdminPolicy)
	again := func() {
		t.Helper()
		p.see("Your session ended before the page could do this, so nothing was changed.")
		p.check()
		p.fill("Password", alice.password)
		p.press("Sign in")
	}
	revoke := func() { i.touchstone("sessions", "revoke", "--account", i.accountID, "--user", "alice") }
	p.visit("/console/alias")
	p.fill("Preferred alias", "acme")
	revoke()
	p.press("Save changes")
	again()
	p.arrive("/console/alias")
	p.see("nothing was changed")

	key := p.plugIn(untouched(fido2))
	p.beginAssigning("key")
	p.see("Waiting for the security key key")
	revoke()
	key.unplug()
	p.plugIn(fido2)
	p.arrive("/signin/" + i.accountID)
	again()
	p.arrive(ownPage) // the page of the ceremony begins it anew, and now it is tapped
	p.see("You have successfully assigned the device key")
}

package browsertest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// Journey 39, and the new user's first sign-in.
func TestCreateUser(t *testing.T) {
	i := install(t)
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/users")
	p.check()
	p.press("Create user")
	p.check()
	p.fill("User name", "not a name")
	p.press("Create user")
	p.see("Use 1 to 64 letters")
	p.fill("User name", "admin")
	p.press("Create user")
	p.see("already exists")
	p.check()
	if got := p.value("User name"); got != "admin" {
		t.Errorf("the field has %q, want what was typed", got)
	}

	p.fill("User name", "zoe")
	p.choose("Provide user access to the console")
	p.choose("Users must create a new password at next sign-in – Recommended")
	p.press("Add new tag")
	p.fill("Key 1", "team")
	p.fill("Value 1", "blue")
	p.check()
	p.press("Create user")
	p.see("The user zoe is created. This is the only time that the password is shown.")
	p.check()
	secret := evaluate[string](p, `document.querySelector("[data-secret]").textContent`)
	p.miss(secret) // until it is asked for
	p.click("Show")
	p.see(secret)
	p.press("View user")
	p.see("zoe")
	evaluate[bool](p, "(history.back(), true)")
	p.arrive("/console/users/create")
	p.see("The password has been shown already")
	p.miss(secret)
	p.check()
	p.visit("/console/user?name=zoe&tab=tags")
	p.see("team", "blue")
	p.check()
	zoe := i.open(t)
	zoe.signIn(&user{"zoe", secret})
	zoe.arrive("/console/")
}

// Journey 40.
func TestManyUsers(t *testing.T) {
	i := install(t)
	admin := i.admin()
	root := i.iam(i.rootKey)
	for n := range 250 {
		name := fmt.Sprintf("user-%03d", n)
		if _, err := root.CreateUser(context.Background(), &iam.CreateUserInput{UserName: &name}); err != nil {
			t.Fatal(err)
		}
	}

	p := i.open(t)
	p.signIn(admin)
	rows := func() int { return evaluate[int](p, `document.querySelectorAll("tbody tr").length`) }
	first := func() string { return evaluate[string](p, `document.querySelector("tbody tr a").innerText`) }
	p.visit("/console/users")
	p.see("Users (251)")
	if rows() != 100 || first() != "admin" {
		t.Errorf("the first page has %d users from %s on", rows(), first())
	}

	p.check()
	p.press("Next")
	if rows() != 100 || first() != "user-099" {
		t.Errorf("the second page has %d users from %s on", rows(), first())
	}

	second := p.path()
	p.press("Next")
	if rows() != 51 {
		t.Errorf("the last page has %d users", rows())
	}

	evaluate[bool](p, "(history.back(), true)")
	p.until("Back does not lead to the second page", "location.pathname + location.search === "+quoted(second)+" && "+ready)
	if first() != "user-099" {
		t.Errorf("Back shows the page from %s on", first())
	}

	p.fill("Find users by user name", "user-24")
	p.press("Find")
	p.see("Users (10 found)")
	if rows() != 10 {
		t.Errorf("%d rows are found, want 10", rows())
	}

	p.press("User name")
	if first() != "user-249" {
		t.Errorf("sorted the other way the first is %s", first())
	}

	p.fill("Find users by user name", "nobody")
	p.press("Find")
	p.see("No matches")
	p.check()
	p.press("Clear filter")
	p.see("Users (251)")
}

// The operator raises a quota while the server runs, and a third key is made in the browser.
func TestRaisedQuota(t *testing.T) {
	i := install(t)
	alice := i.newUser("alice", touchtest.AdminPolicy)
	p := i.open(t)
	p.signIn(alice)
	create := func() {
		t.Helper()
		p.visit("/console/access-key/create")
		p.choose("I understand this and want to create an access key.")
		p.press("Create access key")
		p.see("This is the only time that its secret is shown.")
		p.press("Done")
	}
	create()
	create()
	p.see("A user can have up to 2 access keys.")
	p.visit("/console/access-key/create")
	p.see("A user can have up to 2 access keys. Delete one first.")
	p.check()

	i.touchstone("account", "quota", "set", "--account", i.accountID, "AccessKeysPerUser", "5")
	create()
	p.see("A user can have up to 5 access keys.")
	p.check()
	name := alice.name
	out, err := i.iam(i.rootKey).ListAccessKeys(context.Background(), &iam.ListAccessKeysInput{UserName: &name})
	if err != nil || len(out.AccessKeyMetadata) != 3 {
		t.Errorf("%d access keys (%v), want 3", len(out.AccessKeyMetadata), err)
	}
}

// Journey 41.
func TestAccessKeys(t *testing.T) {
	i := install(t)
	alice := i.newUser("alice", touchtest.AdminPolicy)
	p := i.open(t)
	p.signIn(alice)
	p.visit(ownPage)
	p.see("No access keys")
	p.press("Create access key")
	p.press("Create access key")
	p.see("Confirm that you have read this.")
	p.check()
	p.choose("I understand this and want to create an access key.")
	p.press("Create access key")
	p.see("This is the only time that its secret is shown.")
	p.check()
	id := evaluate[string](p, `document.querySelector("[data-access-key]").textContent`)
	secret := evaluate[string](p, `document.querySelector("[data-secret]").textContent`)
	p.miss(secret)
	p.click("Show")
	p.see(secret)
	who := func() error {
		c := i.iam(aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}).Options()
		_, err := sts.New(sts.Options{Region: c.Region, BaseEndpoint: c.BaseEndpoint, Credentials: c.Credentials, RetryMaxAttempts: 1}).
			GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
		return err
	}
	if err := who(); err != nil {
		t.Fatalf("the new key does not work: %v", err)
	}
	p.press("Done")
	p.see(id, "Active")
	p.miss(secret)
	evaluate[bool](p, "(history.back(), true)")
	p.see("The secret access key has been shown already")
	p.miss(secret)
	p.check()

	p.visit(ownPage)
	p.press("Delete " + id)
	p.see("Deactivate it first")
	p.check()
	p.press("Deactivate")
	p.check()
	p.press("Deactivate")
	p.see("The access key " + id + " is inactive.")
	if err := who(); err == nil {
		t.Error("the inactive key works")
	}
	p.press("Activate " + id)
	p.press("Activate")
	p.see("is active.")
	if err := who(); err != nil {
		t.Errorf("the key that is active again does not work: %v", err)
	}
	p.press("Deactivate " + id)
	p.press("Deactivate")
	p.press("Delete " + id)
	p.fill("To confirm, type the access key ID", "AKIA")
	p.press("Delete")
	p.see("Type the access key ID to confirm.")
	p.check()
	p.fill("To confirm, type the access key ID", id)
	p.press("Delete")
	p.see("The access key "+id+" is deleted.", "No access keys")
}

// Journey 43, for inline policies: what is wrong is said, what was typed is kept, and what is saved is in force.
func TestInlinePolicy(t *testing.T) {
	i := install(t)
	bob := i.newUser("bob", "")
	his := i.open(t)
	his.signIn(bob)
	his.visit("/console/users")
	his.see("You need permissions", "no identity-based policy allows the iam:ListUsers action")
	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/user?name=bob")
	p.see("No inline policies")
	p.check()
	p.press("Create inline policy")
	p.until("the editor is not ready", `"editor" in document.documentElement.dataset`)
	p.check()
	p.fill("Policy name", "list-users")
	const broken = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Effect\": \"Allow\",, \"Action\": \"iam:ListUsers\", \"Resource\": \"*\"}]\n}"
	p.fill("Policy document", broken)
	p.press("Create policy")
	p.until("the line of the fault is not told", `/line 3/i.test(document.querySelector("main").innerText)`)
	p.check()
	if got := p.value("Policy document"); got != broken {
		t.Errorf("the editor has %q, want what was typed", got)
	}
	p.fill("Policy document", `{"Version":"2012-10-17","Statement":[{"Effect":"Permit","Action":"iam:ListUsers","Resource":"*"}]}`)
	p.press("Create policy")
	p.until("the line of the fault is not told", `/line 1/i.test(document.querySelector("main").innerText)`)
	p.fill("Policy document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}]}`)
	p.press("Create policy")
	p.see("The policy list-users is saved.")
	his.visit("/console/users")
	his.see("bob", "Users (2)")

	// Journey 51: a second editor of the same policy loses nothing.
	p.press("list-users")
	other := i.open(t)
	other.signIn(&user{"admin", password})
	other.visit("/console/user/policy?name=bob&policy=list-users")
	other.fill("Policy document", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}]}`)
	other.press("Save changes")
	other.see("The policy list-users is saved.")
	const mine = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`
	p.fill("Policy document", mine)
	p.press("Save changes")
	p.see("changed by someone else")
	if got := p.value("Policy document"); got != mine {
		t.Errorf("the editor has %q, want what was typed", got)
	}
	p.check()
	p.press("Save changes")
	p.see("The policy list-users is saved.")
	p.press("Delete list-users")
	p.check()
	p.press("Delete")
	p.see("The policy list-users is deleted.")
}

// A user goes with all that belongs to it.
func TestDeleteUser(t *testing.T) {
	i := install(t)
	bob := i.newUser("bob", touchtest.AdminPolicy)
	his := i.open(t)
	his.signIn(bob)
	his.plugIn(fido2)
	his.assign("key")

	p := i.open(t)
	p.signIn(i.admin())
	p.visit("/console/users")
	p.see("1 device")
	p.press("bob")

	p.press("Delete")
	p.see("1 MFA device", "1 inline policy")
	p.check()

	p.fill("To confirm, type the name of the user", "Bob")
	p.press("Delete user")
	p.see("Type the name of the user to confirm.")
	p.check()

	p.fill("To confirm, type the name of the user", "bob")
	p.press("Delete user")
	p.see("The user bob is deleted.")
	p.miss("1 device")

	his.visit(ownPage)
	his.until("a deleted user is signed in", `location.pathname.startsWith("/signin")`)
	p.visit("/console/user?name=bob")
	p.see("There is no user with the name bob")
	p.check()
}

// Nothing is taken from a user who then may not be deleted.
func TestDeleteUserNotAllowed(t *testing.T) {
	i := install(t)
	bob := i.newUser("bob", "")
	clerk := i.newUser("clerk", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"}, {"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*"}]}`)
	p := i.open(t)
	p.signIn(clerk)
	p.visit("/console/user/delete?name=bob")
	p.fill("To confirm, type the name of the user", "bob")
	p.press("Delete user")
	p.see("You need permissions", "iam:DeleteUser", "explicit deny")
	p.check()
	his := i.open(t)
	his.signIn(bob)
	his.arrive("/console/")
}

// Journey 58: names and texts with markup are text, everywhere.
func TestMarkupIsText(t *testing.T) {
	i := install(t)
	p := i.open(t)
	p.signIn(i.admin())
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'` + "\u202e😀"
	p.visit("/console/users/create")
	p.fill("User name", evil)
	p.press("Create user")
	if got := p.value("User name"); got != evil {
		t.Errorf("the field has %q, want what was typed", got)
	}

	p.fill("User name", "a=b+c,d.e@f-g_h")
	p.press("Add new tag")
	p.fill("Key 1", "note")
	p.fill("Value 1", "=1+@2 / 字")
	p.press("Create user")
	p.see("a=b+c,d.e@f-g_h")
	p.press("Tags")
	p.see("=1+@2 / 字")
	for _, path := range []string{
		"/console/users?search=", "/console/user?name=", "/console/mfa/assign?device=", "/console/mfa/assign?user=",
		"/console/mfa/remove?serial=", "/console/user/policy?name=", "/console/access-key/delete?id=", "/console/user/delete?name=",
		"/console/simulator?name=", "/console/nothing?",
	} {
		p.visit(path + strings.NewReplacer("%", "%25", " ", "%20", "#", "%23", "&", "%26").Replace(evil))
		if n := evaluate[int](p, `document.querySelectorAll("main script, main img").length`); n > 0 {
			t.Errorf("%s: there is markup from the address in the page", path)
		}
		p.check()
	}
}

// What the browser gets is fit to be kept from others: the headers of every kind of answer.
func TestHeaders(t *testing.T) {
	i := install(t)
	p := i.open(t)
	p.visit("/signin")
	for _, path := range []string{"/signin", "/nothing", "/console/", "/static/nothing.js"} {
		headers := evaluate[map[string]string](p,
			`fetch(`+quoted(path)+`, {redirect: "manual"}).then((r) => Object.fromEntries(r.headers))`)
		if path == "/console/" { // an opaque redirect shows nothing
			continue
		}
		if headers["cache-control"] != "no-store" || headers["x-content-type-options"] != "nosniff" ||
			!strings.Contains(headers["content-security-policy"], "default-src 'none'") {
			t.Errorf("%s: %v", path, headers)
		}
	}

	if !regexp.MustCompile(`^/static/touchstone-[0-9a-f]+\.css$`).MatchString(evaluate[string](p,
		`new URL(document.querySelector("link[rel=stylesheet]").href).pathname`)) {
		t.Error("the style sheet's name carries no hash")
	}
}

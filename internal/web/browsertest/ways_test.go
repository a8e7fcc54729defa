package browsertest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// Journey 55: with the keyboard alone, and a focus that can be seen all the way.
func TestKeyboardAlone(t *testing.T) {
	i := install(t)
	alice := i.newUser("alice", touchtest.AdminPolicy)
	p := i.open(t)
	p.plugIn(fido2)

	p.visit("/signin/" + i.accountID)
	p.focused("IAM user name")
	p.key("alice\t" + alice.password)
	p.enter()
	p.arrive("/console/")

	p.tabTo("Add MFA")
	p.enter()
	p.focused("Device name")
	p.key("key")
	p.enter()
	p.arrive(ownPage)

	p.tabTo("Select key")
	p.key(" ")
	p.backTo("Remove")
	p.key("\r")
	p.see("Remove MFA device?")
	p.focused("To confirm, type the name of the device")

	p.key("\x1b")
	p.focused("Remove")
	p.key("\r")
	p.focused("To confirm, type the name of the device")
	p.key("key")
	p.enter()
	p.see("an MFA device of the user must be used to sign in first")

	p.tabTo("Sign in with MFA")
	p.enter()
	p.focused("Password")
	p.key(alice.password)
	p.enter()
	p.focused("Use security key")
	p.enter()
	p.arrive("/console/mfa/remove")

	p.focused("To confirm, type the name of the device")
	p.key("key")
	p.enter()
	p.see("The MFA device key is removed.")

	p.tabTo("Skip to content")
}

// enter presses Enter, and waits for the page that it leads to.
func (p *tab) enter() {
	p.Helper()
	evaluate[bool](p, "document.before = true")
	p.key("\r")
	p.until("Enter leads nowhere", "!document.before && "+ready)
}

// tabTo presses Tab until what has that name has the focus.
func (p *tab) tabTo(name string) {
	p.Helper()
	p.tabbing(name, chromedp.KeyEvent("\t"))
}

// backTo is tabTo the other way.
func (p *tab) backTo(name string) {
	p.Helper()
	p.tabbing(name, chromedp.KeyEvent("\t", chromedp.KeyModifiers(chromedp.ModifierShift)))
}

// tabbing presses a key until what has that name has the focus. On the way the focus is always to be seen.
func (p *tab) tabbing(name string, key chromedp.Action[chromedp.Void]) {
	p.Helper()
	for range 60 {
		p.do("press a key", key)
		at := evaluate[struct {
			Name    string
			Visible bool
		}](p, `(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			const seen = e === document.body || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || !!e.closest(".ts-tile");
			return {Name: (e.getAttribute("aria-label") ?? (e.labels?.[0] ?? e).innerText).trim(), Visible: seen && (e === document.body || box.width > 0)};
		})()`)
		if !at.Visible {
			p.Errorf("the focus on %q cannot be seen", at.Name)
		}
		if at.Name == name {
			return
		}
	}

	p.fatal("Tab does not lead to %q", name)
}

// Journey 57: without JavaScript everything works but the key, whose page says so.
func TestWithoutScript(t *testing.T) {
	i := install(t)
	admin := i.admin()
	p := i.open(t)
	p.scripts(false)
	p.visit("/signin")
	p.check()
	p.choose("IAM user")
	p.fill("Account ID (12 digits) or account alias", i.accountID)
	p.press("Next")
	p.fill("IAM user name", admin.name)
	p.fill("Password", admin.password)
	p.press("Sign in")
	p.arrive("/console/")
	p.check()
	p.visit("/console/users/create")
	p.fill("User name", "zoe")
	p.press("Add new tag")
	p.fill("Key 1", "team")
	p.press("Create user")
	p.see("The user zoe is created.")
	p.press("Create inline policy")
	p.fill("Policy name", "all")
	p.fill("Policy document", touchtest.AdminPolicy)
	p.press("Create policy")
	p.see("The policy all is saved.")
	p.press("Delete")
	p.fill("To confirm, type the name of the user", "zoe")
	p.press("Delete user")
	p.see("The user zoe is deleted.")
	p.visit("/console/mfa/assign")
	p.fill("Device name", "key")
	p.press("Next")
	p.see("Security keys need JavaScript")
	p.check()

	// A device that there is can be removed.
	bob := i.newUser("bob", touchtest.AdminPolicy)
	his := i.open(t)
	his.signIn(bob)
	his.plugIn(fido2)
	his.assign("bobs")
	p.visit("/console/user?name=bob&tab=security-credentials")
	p.press("Remove")
	p.see("Select an MFA device first")
	p.choose("Select bobs")
	p.press("Remove")
	p.arrive("/console/mfa/remove")
	p.fill("To confirm, type the name of the device", "bobs")
	p.press("Remove")
	p.see("The MFA device bobs is removed.")
	p.click("admin @ " + i.accountID[:4] + "-" + i.accountID[4:8] + "-" + i.accountID[8:])
	p.press("Sign out")
	p.arrive("/auth/signed-out")
}

// Journey 56: on a phone, in the dark.
func TestPhoneInTheDark(t *testing.T) {
	i := install(t)
	admin := i.admin()
	i.newUser("auserwithaverylongname.thathasnowheretobreak.anywhereatall-00", touchtest.FIDOPagePolicy)
	p := i.open(t)
	p.size(phone)
	p.scheme("dark")
	p.visit("/signin")
	p.check()
	p.signIn(admin)
	p.arrive("/console/")
	p.check()
	if evaluate[bool](p, `document.getElementById("navigation").checkVisibility()`) {
		t.Error("the navigation is open from the beginning")
	}

	p.click("Navigation")
	p.until("the navigation does not open", `document.getElementById("navigation").checkVisibility()`)
	p.check()
	p.click("Navigation")
	p.until("the navigation does not close", `!document.getElementById("navigation").checkVisibility()`)
	p.click("Navigation")
	p.press("Users")
	p.arrive("/console/users")
	p.check()
	if evaluate[string](p, `getComputedStyle(document.querySelector("td")).display`) == "table-cell" {
		t.Error("the table's rows are no cards")
	}
	if background := evaluate[string](p,
		"getComputedStyle(document.documentElement).backgroundColor"); background != "rgb(21, 21, 21)" {
		t.Errorf("the page is not dark but %s", background)
	}

	p.plugIn(fido2)
	p.assign("phone-key")
	p.check()
	for _, path := range []string{
		"/console/", ownPage, "/console/mfa/assign", "/console/users/create", "/console/password", "/console/alias",
		"/console/access-key/create",
		"/console/user?name=admin", "/console/user?name=admin&tab=tags", "/console/user?name=admin&tab=security-credentials",
		"/console/user/policy?name=admin", "/console/user/delete?name=admin", "/console/user/console-access?user=admin",
		"/console/sessions/end",
		"/console/simulator?name=admin",
		"/console/user?name=auserwithaverylongname.thathasnowheretobreak.anywhereatall-00&tab=security-credentials", "/console/nothing",
	} {
		p.visit(path)
		p.check()
	}
}

// The theme can be chosen, and is kept.
func TestTheme(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	background := func() string {
		return evaluate[string](p, "getComputedStyle(document.documentElement).backgroundColor")
	}

	const light, dark = "rgb(242, 242, 242)", "rgb(21, 21, 21)"
	p.scheme("light")
	for _, step := range []struct{ choose, want string }{{"Dark", dark}, {"Light", light}, {"Auto", light}} {
		evaluate[bool](p, `(document.querySelector("header details").open = true)`)
		p.press(step.choose)
		p.arrive("/console/")
		if got := background(); got != step.want {
			t.Errorf("%s: the page is %s, want %s", step.choose, got, step.want)
		}
	}

	p.scheme("dark")
	if got := background(); got != dark {
		t.Errorf("Auto in a dark browser: the page is %s, want %s", got, dark)
	}
}

// Journey 60: at 200 % on a laptop, that is in a window half as wide, the wizard is all there.
func TestZoomed(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	p.size(viewport{640, 450})
	p.plugIn(fido2)
	p.visit("/console/mfa/assign")
	p.check()
	if running := evaluate[int](p, "document.getAnimations().filter((a) => a.playState === 'running').length"); running > 0 {
		t.Errorf("%d things move", running)
	}
	p.fill("Device name", "key")
	p.press("Next")
	p.arrive(ownPage)
	p.check()
}

// Two minutes before the session ends there is a warning, with a way to stay. The wait is made short.
func TestWarningBeforeTheEnd(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	p.miss("Your session ends in two minutes.")
	p.before(`const set = setTimeout; window.setTimeout = (work, wait, ...rest) => set(work, wait > 600000 ? 500 : wait, ...rest)`)
	p.visit(ownPage)
	p.see("Your session ends in two minutes.")
	p.check()
	p.click("Stay signed in")
	p.until("the session is not renewed", `performance.getEntriesByName(location.origin + "/console/session").length === 1`)
	p.until("the warning stays", `!document.getElementById("session-ending").checkVisibility()`)
}

// Forms that are too long are refused before they are read whole.
func TestTooLarge(t *testing.T) {
	i := install(t)
	r, err := http.NewRequest(http.MethodPost, i.url+"/signin/"+i.accountID,
		strings.NewReader(url.Values{"Password": {strings.Repeat("x", 1<<20)}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 1 MiB: %s, want 413", answer.Status)
	}
}

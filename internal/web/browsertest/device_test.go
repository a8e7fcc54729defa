package browsertest

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/chromedp/cdproto/webauthn"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

const ownPage = "/console/security-credentials"

// The words for what may go wrong with a key.
const (
	cancelled  = "The operation was cancelled or timed out. Make sure your security key is plugged in, then try again."
	registered = "This security key is already registered to this user. Use a different security key."
)

// assign goes through the wizard, with whatever key is plugged in and tapped.
func (p *tab) assign(device string) {
	p.Helper()
	p.beginAssigning(device)
	p.arrive(ownPage)
	p.see("You have successfully assigned the device " + device)
}

// beginAssigning goes to the wizard's second step.
func (p *tab) beginAssigning(device string) {
	p.Helper()
	p.visit("/console/mfa/assign")
	p.fill("Device name", device)
	p.click("Next")
}

// problem waits for the alert of a ceremony that failed so, and makes sure that it has the focus.
func (p *tab) problem(name, text string) {
	p.Helper()
	p.until("there is no alert "+name, `document.activeElement.dataset.error === `+quoted(name))
	p.see(text)
}

// devices counts the rows of the table.
func (p *tab) devices() int {
	p.Helper()
	return evaluate[int](p, `document.querySelectorAll("input[name=serial][type=radio]").length`)
}

// pass signs in with a key.
func (p *tab) pass(u *user) {
	p.Helper()
	p.signIn(u)
	p.arrive("/auth/mfa")
	p.press("Use security key")
	p.arrive("/console/")
}

func signedIn(t *testing.T, policy string) (*installation, *user, *tab) {
	t.Helper()
	i := install(t)
	alice := i.newUser("alice", policy)
	p := i.open(t)
	p.signIn(alice)
	p.arrive("/console/")
	return i, alice, p
}

// Journeys 8 and 9.
func TestAssignKeyAndSignInWithIt(t *testing.T) {
	i, alice, p := signedIn(t, touchtest.AdminPolicy)
	p.plugIn(fido2)
	p.visit(ownPage)
	p.see("No MFA devices")
	p.check()
	p.press("Assign MFA device")
	p.check()
	p.fill("Device name", "yubikey-blue")
	p.press("Next")
	p.arrive(ownPage)
	p.see("You have successfully assigned the device yubikey-blue", "You have registered 1 of 8 MFA devices",
		":u2f/user/alice/yubikey-blue-", "Security key")
	if role := evaluate[string](p, "document.activeElement.getAttribute('role') ?? ''"); role != "status" {
		t.Errorf("the focus is on something with role %q, want the message", role)
	}

	p.check()
	if n := len(i.events("EnableMFADevice")); n != 1 {
		t.Errorf("%d events EnableMFADevice, want 1", n)
	}

	p.signOut()
	p.signIn(alice)
	p.arrive("/auth/mfa")
	p.check()
	p.press("Use security key")
	p.arrive("/console/")
	p.see("You have MFA")
	events := i.events("ConsoleLogin")
	if data, _ := events[len(events)-1]["additionalEventData"].(map[string]any); data["MFAUsed"] != "Yes" {
		t.Errorf("the last sign-in is recorded as %v, want MFAUsed", data)
	}
}

// Journeys 10 and 11, the latter with a key that verifies its user.
func TestKindsOfKey(t *testing.T) {
	for name, kind := range map[string]webauthn.VirtualAuthenticatorOptions{"U2F": u2f, "user verification": verified} {
		t.Run(name, func(t *testing.T) {
			_, alice, p := signedIn(t, touchtest.AdminPolicy)
			p.plugIn(kind)
			p.assign("key")
			p.signOut()
			p.pass(alice)
		})
	}
}

// Journey 12.
func TestEitherOfTwoKeys(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	first := p.plugIn(fido2)
	p.assign("first")
	kept := first.credentials()
	p.signOut()
	p.pass(alice) // a key is added by somebody who used one
	first.unplug()
	second := p.plugIn(fido2)
	p.assign("second")
	if n := p.devices(); n != 2 {
		t.Fatalf("%d devices, want 2", n)
	}

	p.signOut()
	p.pass(alice) // with the second alone
	p.signOut()
	second.unplug()
	again := p.plugIn(fido2)
	again.add(kept)
	p.pass(alice) // with the first alone
}

// Journey 13.
func TestTwoKeysPluggedIn(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	first := p.plugIn(fido2)
	p.assign("first")
	p.signOut()
	p.pass(alice)
	p.plugIn(fido2)
	first.tapped(false)
	p.assign("second")
	if n := p.devices(); n != 2 {
		t.Errorf("%d devices, want 2", n)
	}
}

// Journey 14.
func TestSameKeyTwice(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	p.plugIn(fido2)
	p.assign("key")
	p.signOut()
	p.pass(alice)
	p.beginAssigning("again")
	p.problem("InvalidStateError", registered)
	p.check()
	p.visit(ownPage)
	if n := p.devices(); n != 1 {
		t.Errorf("%d devices, want 1", n)
	}
}

// cancelling has the browser's prompt cancelled by its user.
const cancelling = `navigator.credentials.create = navigator.credentials.get = () => Promise.reject(new DOMException("", "NotAllowedError"))`

// Journey 15.
func TestCancelThenTryAgain(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	undo := p.before(cancelling)
	p.plugIn(fido2)
	p.beginAssigning("key")
	p.problem("NotAllowedError", cancelled)
	p.check()
	undo()
	// The page of before goes on with the stub; this one is without it.
	p.visit(p.path())
	p.arrive(ownPage)
	p.see("You have successfully assigned the device key")
	p.signOut()

	undo = p.before(cancelling)
	p.signIn(alice)
	p.arrive("/auth/mfa")
	p.click("Use security key")
	p.problem("NotAllowedError", cancelled)
	p.check()
	undo()
	p.visit("/auth/mfa")
	p.press("Use security key")
	p.arrive("/console/")
}

// Journeys 16 and 17.
func TestTapLater(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	key := p.plugIn(untouched(fido2))
	p.beginAssigning("key")
	p.see("Waiting for the security key key")
	p.check()
	key.unplug()
	p.plugIn(fido2)
	p.arrive(ownPage)
	p.see("You have successfully assigned the device key")
}

func TestPreviousAborts(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	key := p.plugIn(untouched(fido2))
	p.beginAssigning("a.name")
	p.see("Waiting for the security key a.name")
	p.press("Previous")
	if got := p.value("Device name"); got != "a.name" {
		t.Errorf("the first step has the name %q, want what was typed", got)
	}
	key.tapped(true)
	p.press("Next")
	p.arrive(ownPage)
	p.see("You have successfully assigned the device a.name")
}

// A key that is not tapped in time: the browser says NotAllowedError after the time that the options give it.
func TestTimeOut(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	key := p.plugIn(untouched(fido2))
	p.before(`const parse = PublicKeyCredential.parseCreationOptionsFromJSON.bind(PublicKeyCredential);
		PublicKeyCredential.parseCreationOptionsFromJSON = (options) => parse({...options, timeout: 1200})`)
	p.beginAssigning("key")
	p.problem("NotAllowedError", cancelled)
	key.tapped(true)
	p.press("Try again")
	p.arrive(ownPage)
}

// Journey 18.
func TestKeyWithoutCredential(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	key := p.plugIn(fido2)
	p.assign("key")
	p.signOut()
	command(p, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: key.id})
	p.signIn(alice)
	p.arrive("/auth/mfa")
	p.click("Use security key")
	p.problem("NotAllowedError", cancelled)
	p.see("Try again", "Troubleshoot MFA")
	p.press("Troubleshoot MFA")
	p.see("Contact your account's administrator")
	p.check()
}

// refused is what every answer that does not verify gets.
const refused = "Multi-factor authentication failed."

// Journey 19.
func TestCounterGoesBack(t *testing.T) {
	i, alice, p := signedIn(t, touchtest.AdminPolicy)
	key := p.plugIn(fido2)
	p.assign("key")
	p.signOut()
	p.pass(alice)
	p.signOut()
	zero := 0.0
	command(p, webauthn.SetCredentialProperties, webauthn.SetCredentialPropertiesParams{
		AuthenticatorID: key.id, CredentialID: key.credentials()[0].CredentialID, SignCount: &zero,
	})

	p.signIn(alice)
	p.press("Use security key")
	p.arrive("/auth/mfa")
	p.see(refused)
	if text := string(i.touchstone("audit", "--output", "json")); !strings.Contains(text, "lone") {
		t.Error("there is no event of a suspected clone")
	}

	admin := i.open(t)
	admin.signIn(i.admin())
	admin.visit("/console/user?name=alice&tab=security-credentials")
	admin.see("Possibly cloned")
	admin.check()
}

// Journey 20.
func TestForgedAnswers(t *testing.T) {
	yes := true
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	key := p.plugIn(fido2)
	p.assign("key")
	p.signOut()
	p.signIn(alice)
	p.arrive("/auth/mfa")
	for name, forge := range map[string]webauthn.SetResponseOverrideBitsParams{
		"signature": {AuthenticatorID: key.id, IsBogusSignature: &yes},
		"presence":  {AuthenticatorID: key.id, IsBadUP: &yes},
	} {
		command(p, webauthn.SetResponseOverrideBits, forge)
		p.press("Use security key")
		p.arrive("/auth/mfa")
		p.see(refused)
		p.miss("signature", "presence", name)
	}

	p.check()
	command(p, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: key.id})
	p.press("Use security key")
	p.arrive("/console/")
}

// Journey 22.
func TestByAddress(t *testing.T) {
	_, _, p := signedIn(t, touchtest.AdminPolicy)
	p.visit(strings.Replace(p.at.url, "localhost", "127.0.0.1", 1) + "/console/mfa/assign?device=key")
	if got := evaluate[string](p, "location.origin"); got != p.at.url {
		t.Fatalf("the page is at %s, want %s", got, p.at.url)
	}
	p.plugIn(fido2)
	p.press("Next")
	p.arrive(ownPage)
}

// Journey 24: eight devices on the page; the ninth by the server.
func TestEightDevices(t *testing.T) {
	i, alice, p := signedIn(t, touchtest.AdminPolicy)
	for n := range 8 {
		key := p.plugIn(fido2)
		p.assign("key-" + strconv.Itoa(n))
		p.signOut()
		p.pass(alice)
		if n < 7 {
			key.unplug()
		}
	}

	p.visit(ownPage)
	p.see("Multi-factor authentication (MFA) (8)", "A user can have up to 8 MFA devices. Remove one to assign another.")
	if !evaluate[bool](p, `[...document.querySelectorAll("button")].some((b) => b.innerText === "Assign MFA device" && b.disabled && b.getAttribute("aria-describedby"))`) {
		t.Error("the button Assign MFA device is not disabled, with its reason")
	}

	p.check()
	p.visit("/console/mfa/set-up?device=ninth")
	p.see("The limit of MFA devices of a user is 8, and it has been reached.")
	name := "alice"
	out, err := i.iam(i.rootKey).ListMFADevices(context.Background(), &iam.ListMFADevicesInput{UserName: &name})
	if err != nil || len(out.MFADevices) != 8 {
		t.Errorf("%d devices (%v), want 8", len(out.MFADevices), err)
	}
}

// Journey 25.
func TestDeviceNames(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	p.plugIn(fido2)
	p.assign("taken")
	p.signOut()
	p.pass(alice)
	p.visit("/console/mfa/assign")
	for name, problem := range map[string]string{
		"":                      "Enter a name for the device.",
		"with space":            "Use 1 to 64 letters",
		"taken":                 "There is an MFA device of this name already.",
		"é":                     "Use 1 to 64 letters",
		`"><script>alert(1)`:    "Use 1 to 64 letters",
		strings.Repeat("x", 65): "Use 1 to 64 letters",
	} {
		evaluate[bool](p, `(document.querySelector("[name=DeviceName]").removeAttribute("maxlength"), true)`)
		p.fill("Device name", name)
		p.press("Next")
		p.see(problem)
		if got := evaluate[string](p, "document.activeElement.name ?? ''"); got != "DeviceName" {
			t.Errorf("%q: the focus is on %q, want the field", name, got)
		}
		if got := p.value("Device name"); got != name {
			t.Errorf("%q: the field has %q, want what was typed", name, got)
		}

		p.check()
	}
}

// Journeys 30 and 34.
func TestReplaceKey(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	old := p.plugIn(fido2)
	p.assign("old")
	lost := old.credentials()
	p.signOut()
	p.pass(alice)
	old.unplug()

	p.visit(ownPage)
	p.choose("Select old")
	p.click("Remove")
	p.see("Remove MFA device?", "The device old can no longer be used")
	p.check()
	p.key("\x1b")
	p.until("Escape does not close the dialog", `!document.querySelector("dialog[open]")`)
	p.focused("Remove") // the button that opened it
	p.click("Remove")
	p.fill("To confirm, type the name of the device", "old")
	p.press("Remove")
	p.arrive(ownPage)
	p.see("The MFA device old is removed.", "No MFA devices")

	p.plugIn(fido2)
	p.assign("new")
	p.signOut()
	p.pass(alice)
	p.signOut()

	other := p.at.open(t)
	stolen := other.plugIn(fido2)
	stolen.add(lost)
	other.signIn(alice)
	other.click("Use security key")
	other.problem("NotAllowedError", cancelled)
}

// Journey 31: with only the FIDO page's policy.
func TestFIDOPagePolicy(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.FIDOPagePolicy)
	p.check()
	p.visit("/console/users")
	p.see("You need permissions", "iam:ListUsers", "explicit deny", "Sign in with MFA")
	p.check()
	p.visit(ownPage)
	p.see("No MFA devices", "You need permissions")
	p.check()
	p.plugIn(fido2)
	p.assign("mine")

	// The password alone does not remove it.
	p.choose("Select mine")
	p.click("Remove")
	p.fill("To confirm, type the name of the device", "mine")
	p.press("Remove")
	p.see("iam:DeactivateMFADevice", "explicit deny")
	p.check()
	p.press("Sign in with MFA")
	p.fill("Password", alice.password)
	p.press("Sign in")
	p.press("Use security key")
	p.arrive("/console/mfa/remove")
	p.visit(ownPage)
	p.choose("Select mine")
	p.click("Remove")
	p.fill("To confirm, type the name of the device", "mine")
	p.press("Remove")
	p.see("The MFA device mine is removed.")
}

// Journeys 32 and 35: an administrator assigns a key for another user, and removes it.
func TestKeyOfAnother(t *testing.T) {
	i := install(t)
	bob := i.newUser("bob", "")
	p := i.open(t)
	p.signIn(i.admin())
	key := p.plugIn(fido2)
	p.visit("/console/users")
	p.press("bob")
	p.press("Security credentials")
	p.press("Assign MFA device")
	p.see("Add a second factor for IAM user bob.")
	p.fill("Device name", "bobs-key")
	p.press("Next")
	p.arrive("/console/user")
	p.see("The MFA device bobs-key is assigned to bob", ":u2f/user/bob/bobs-key-")
	p.check()
	his := i.open(t)
	moved := key.moveTo(his, fido2)
	his.pass(bob)
	his.signOut()
	moved.unplug()

	his.signIn(bob)
	his.press("Troubleshoot MFA")
	his.see("Contact your account's administrator")
	p.visit("/console/user?name=bob&tab=security-credentials")
	p.choose("Select bobs-key")
	p.click("Remove")
	p.fill("To confirm, type the name of the device", "bobs-key")
	p.press("Remove")
	p.see("The MFA device bobs-key is removed.")
	his.signIn(bob)
	his.arrive("/console/")
}

// Journey 33.
func TestRootKey(t *testing.T) {
	i := install(t)
	root := i.root()
	p := i.open(t)
	p.signIn(root)
	p.arrive("/console/")
	p.see("Add MFA for root user")
	p.check()

	key := p.plugIn(fido2)
	p.visit(ownPage)
	p.check()
	p.press("Continue to Security credentials")
	p.see("My security credentials (root user)")
	p.check()
	p.press("Assign MFA device")
	p.fill("Device name", "safe")
	p.press("Next")
	p.arrive(ownPage)
	p.see(":u2f/root-account/safe-")

	p.signOut()
	p.pass(root)
	p.see("Root user has MFA")

	p.visit(ownPage + "?continue=yes")
	p.choose("Select safe")
	p.click("Remove")
	p.fill("To confirm, type the name of the device", "safe")
	p.press("Remove")
	p.see("The MFA device safe is removed.")

	key.unplug()
	p.plugIn(fido2)
	p.press("Assign MFA device")
	p.fill("Device name", "safe-2")
	p.press("Next")
	p.arrive(ownPage)
	p.see(":u2f/root-account/safe-2-")

	p.signOut()
	p.pass(root)
}

// The operator's way out for the root user's lost key.
func TestRootLosesKey(t *testing.T) {
	i := install(t)
	root := i.root()
	p := i.open(t)
	p.signIn(root)
	p.plugIn(fido2).p.assign("lost")
	p.signOut()
	p.signIn(root)
	p.press("Troubleshoot MFA")
	p.see("touchstone mfa remove --root")
	i.touchstone("mfa", "remove", "--account", i.accountID, "--root", "--device", "lost")
	p.signIn(root)
	p.arrive("/console/")
	p.see("Add MFA for root user")
}

// Journey 59.
func TestOlderBrowser(t *testing.T) {
	_, alice, p := signedIn(t, touchtest.AdminPolicy)
	p.before(`delete PublicKeyCredential.parseCreationOptionsFromJSON; delete PublicKeyCredential.parseRequestOptionsFromJSON; delete PublicKeyCredential.prototype.toJSON`)
	p.plugIn(fido2)
	p.assign("key")
	p.signOut()
	p.pass(alice)
	p.beginAssigning("again")
	p.problem("InvalidStateError", registered)
}

package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/chromedp/chromedp"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// TestScreenshots takes the pictures of the documents, on the way that a newcomer goes. "make screenshots" keeps them.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("TOUCHSTONE_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	i := install(t, "--account-id", "111122223333")
	alice := i.newUser("alice", touchtest.AdminPolicy)
	for _, name := range []string{"bob", "carol", "deploy-bot"} {
		i.newUser(name, touchtest.FIDOPagePolicy)
	}
	if _, err := i.iam(i.rootKey).DeleteAccessKey(t.Context(),
		&iam.DeleteAccessKeyInput{AccessKeyId: &i.rootKey.AccessKeyID}); err != nil {
		t.Fatal(err)
	}
	p := i.open(t)
	p.scheme("light")
	p.size(viewport{1280, 800})
	picture := func(name string) {
		t.Helper()
		p.picture(filepath.Join(dir, name+".png"))
	}

	p.visit(i.setUpLink)
	p.fill("New password", password)
	p.fill("Retype new password", password)
	picture("set-up")
	key := p.plugIn(untouched(fido2))
	p.press("Set password and continue")
	p.arrive("/console/mfa/assign")
	p.fill("Device name", "yubikey-safe")
	picture("assign-mfa-device")
	p.press("Next")
	p.see("Waiting for the security key")
	picture("tap")
	key.tapped(true)
	p.visit(p.path())
	p.arrive(ownPage)
	picture("assigned")
	p.visit("/console/")
	picture("dashboard")

	p.signOut()
	p.signIn(alice)
	p.assign("yubikey-blue")
	p.signOut()
	p.visit("/signin?different=1")
	picture("sign-in")
	p.signIn(alice)
	p.arrive("/auth/mfa")
	picture("mfa")
	p.press("Use security key")
	p.visit(ownPage)
	picture("security-credentials")
	p.visit("/console/users")
	picture("users")
	p.visit("/console/user/policy?name=bob&policy=test")
	p.fill("Policy document", strings.Replace(touchtest.FIDOPagePolicy, `"iam:ResyncMFADevice"]`, `"iam:ResyncMFADevices"]`, 1))
	p.click("Format: Policy document")
	p.found("no action ResyncMFADevices")
	picture("policy-editor")
	p.visit("/console/simulator?name=bob")
	p.fill("Actions", "iam:DeactivateMFADevice, iam:GetUser, iam:ListUsers")
	p.fill("Resources", "arn:aws:iam::111122223333:user/bob")
	p.press("Find context keys")
	p.fill("Value", "false")
	p.press("Run simulation")
	picture("policy-simulator")
	p.scheme("dark")
	p.visit("/console/mfa/assign")
	p.fill("Device name", "spare-in-safe")
	picture("assign-mfa-device-dark")
	p.size(phone)
	p.visit(ownPage)
	picture("security-credentials-phone-dark")
}

// picture writes a picture of the whole page.
func (p *tab) picture(file string) {
	p.Helper()
	evaluate[bool](p, "(document.activeElement.blur(), scrollTo(0, 0), document.fonts.ready.then(() => true))")
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.fatal("picture: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		p.Fatal(err)
	}
}

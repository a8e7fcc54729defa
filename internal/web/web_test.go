package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/internal/web"
	"github.com/touchstone-iam/touchstone/internal/web/console"
	"github.com/touchstone-iam/touchstone/internal/web/entry"
)

// TestEveryRouteNeedsItsSession asks for each address without a session, and with one that only the password was given for.
func TestEveryRouteNeedsItsSession(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	a.SignIn(alice, nil).MustEnrol("", "yubikey", softkey.New())
	for _, r := range slices.Concat(web.LayoutRoutes, entry.Pages().Routes, console.Pages(console.Catalogue{}).Routes) {
		if r.Access == web.Open {
			continue
		}
		path := strings.TrimSuffix(r.Path, "{$}")
		for method, handler := range map[string]web.Handler{http.MethodGet: r.Get, http.MethodPost: r.Post} {
			if handler == nil {
				continue
			}

			ask := func(b *browser) *answer {
				if method == http.MethodPost {
					return b.post(path, "DeviceName", "x")
				}
				return b.get(path)
			}

			if got := ask(newBrowser(t, s)); !strings.HasPrefix(got.path, "/signin") {
				t.Errorf("%s %s without a session: %d at %s", method, path, got.status, got.path)
			}

			challenged := newBrowser(t, s)
			challenged.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password)
			if got := ask(challenged); !strings.HasPrefix(got.path, "/auth/mfa") {
				t.Errorf("%s %s with only the password: %d at %s", method, path, got.status, got.path)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	b := newBrowser(t, s)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": "",
		"Content-Type": "text/html; charset=utf-8",
	}

	page := b.get("/signin")
	for _, got := range []*answer{page, b.get("/nowhere")} {
		for name, value := range want {
			if got.header.Get(name) != value {
				t.Errorf("%s: %s: %q", got.path, name, got.header.Get(name))
			}
		}
	}

	files := regexp.MustCompile(`/static/[a-z0-9.-]+`).FindAllString(page.body, -1)
	if len(files) < 4 {
		t.Fatalf("static files: %q", files)
	}

	for _, file := range files {
		got := b.get(file)
		if got.status != http.StatusOK || got.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || got.body == "" {
			t.Errorf("%s: %d, %v", file, got.status, got.header)
		}
	}

	if got := b.get("/static/touchstone.css"); got.status != http.StatusNotFound {
		t.Errorf("a name without its hash: %d", got.status)
	}
	if got := b.get("/static/..%2fweb.go"); got.status != http.StatusNotFound {
		t.Errorf("outside the folder: %d", got.status)
	}
}

// TestOtherOrigins: a form from elsewhere changes nothing (journey 54).
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r, err := http.NewRequest(http.MethodPost, s.URL+"/console/users/create", strings.NewReader("UserName=mallory"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(name, value)
		got := b.send(r)
		if got.status != http.StatusForbidden {
			t.Errorf("%s: %s: %d", name, value, got.status)
		}
		got.has(t, "Request refused")
	}

	if got := b.get("/console/user?name=mallory"); got.status != http.StatusNotFound {
		t.Errorf("the user was made: %d", got.status)
	}
}

// TestStrangersLearnNothing: a wrong password, an unknown user, account and alias are answered alike (journeys 4 and 6).
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	a.NewUser("alice", "")
	pageOf := func(account, name string) string {
		got := newBrowser(t, s).post("/signin/"+account, "Account", account, "UserName", name, "Password", "wrong")
		got.has(t, "Your authentication information is incorrect. Please try again.")
		got.lacks(t, "wrong")
		return strconv.Itoa(got.status) + strings.ReplaceAll(strings.ReplaceAll(got.body, account, "ACCOUNT"), name, "NAME")
	}

	want := pageOf(a.ID, "alice")
	for account, name := range map[string]string{a.ID: "nobody", "999999999999": "alice", "no-such-alias": "alice"} {
		if got := pageOf(account, name); got != want {
			t.Errorf("%s, %s differs:\n%s", account, name, firstDifference(want, got))
		}
	}

	if known, unknown := newBrowser(t, s).get("/signin/"+a.ID), newBrowser(t,
		s).get("/signin/no-such-alias"); strings.ReplaceAll(known.body, a.ID, "X") != strings.ReplaceAll(unknown.body, "no-such-alias",
		"X") {
		t.Error("the page of an unknown alias looks different")
	}
}

func TestTooManyAttempts(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", "")
	b := newBrowser(t, s)
	var got *answer
	for range 12 {
		if got = b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password",
			"wrong"); got.status == http.StatusTooManyRequests {
			break
		}
	}

	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	if got.status != http.StatusTooManyRequests || err != nil || wait < 1 {
		t.Fatalf("%d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}

	got.has(t, "Too many failed attempts. Wait "+strconv.Itoa(wait)+" second", `value="alice"`)
	s.Clock.Advance(time.Duration(wait) * time.Second)
	if got = b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password); got.path != "/console/" {
		t.Errorf("after the wait: %d at %s", got.status, got.path)
	}
}

// TestRemember: the browser knows account and name, and no more (journey 5).
func TestRemember(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", "")
	b := newBrowser(t, s)
	b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password, "Remember", "yes")
	b.post("/auth/sign-out")
	got := b.get("/console/users?search=x")
	if want := "/signin/" + a.ID + "?to=" + url.QueryEscape("/console/users?search=x"); got.path != want {
		t.Errorf("at %s, want %s", got.path, want)
	}

	got.has(t, `value="`+a.ID+`"`, `value="alice"`)
	got = b.get("/signin?different=1")
	got.lacks(t, "alice", a.ID)
	b.get("/signin").lacks(t, "alice", a.ID)
	if got := b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password, "to",
		"/console/users"); got.path != "/console/users" {
		t.Errorf("arrived at %s", got.path)
	}

	b.post("/auth/sign-out")
	if got := b.get("/console/"); got.path != "/signin" {
		t.Errorf("without remembering: at %s", got.path)
	}

	for _, hostile := range []string{"!", "bm8", "eyJhIjoiLi4vLi4iLCJ1IjoiIn0", strings.Repeat("a", 4000)} {
		b.cookie("touchstone-remember", hostile)
		if got := b.get("/signin"); got.status != http.StatusOK {
			t.Errorf("a remember cookie of %.20q: %d at %s", hostile, got.status, got.path)
		}
	}
}

// TestLed: whoever takes the wrong page is led to the right one (journey 7).
func TestLed(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	b := newBrowser(t, s)
	got := b.post("/signin", "Type", "user", "Account", "root@example.com", "to", "/console/users")
	if got.path != "/auth/root?to=%2Fconsole%2Fusers" {
		t.Errorf("an e-mail given as account: at %s", got.path)
	}

	got.has(t, `value="root@example.com"`, "Root user sign in")
	got = b.post("/signin", "Type", "root", "Email", "alice")
	got.has(t, `id="type-user" name="Type" value="user" aria-describedby="type-user-help" checked`, "is not an e-mail address")
	if got := b.post("/signin", "Type", "user", "Account", "1111-2222-3333"); got.path != "/signin/111122223333" {
		t.Errorf("hyphens: at %s", got.path)
	}

	for _, to := range []string{"//evil.example", "https://evil.example/", "/auth/root"} {
		a := s.NewAccount(t)
		alice := a.NewUser("alice", "")
		if got := b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password, "to",
			to); got.path != "/console/" {
			t.Errorf("to %s: at %s", to, got.path)
		}
		b.post("/auth/sign-out")
	}
}

// TestSignInWithKey takes a sign-in through every stage (journeys 9, 37 and 53).
func TestSignInWithKey(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	key := softkey.New()
	a.SignIn(alice, nil).MustEnrol("", "yubikey", key)
	if _, err := a.IAM(a.Root).UpdateLoginProfile(t.Context(),
		&awsiam.UpdateLoginProfileInput{UserName: &alice.Name, PasswordResetRequired: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}

	b := newBrowser(t, s)
	got := b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password, "to", "/console/users")
	if got.path != "/auth/mfa" {
		t.Fatalf("after the password: at %s", got.path)
	}
	if early := b.get("/console/users"); early.path != "/auth/mfa" {
		t.Errorf("before the key: at %s", early.path)
	}

	ceremony, options := ceremonyOf(t, got)
	answer, err := key.Get(s.URL, []byte(options))
	if err != nil {
		t.Fatal(err)
	}

	got = b.post("/auth/mfa", "ceremony", ceremony, "response", string(answer))
	if got.path != "/auth/change-password" {
		t.Fatalf("after the key: at %s", got.path)
	}
	if early := b.get("/console/users"); early.path != "/auth/change-password" {
		t.Errorf("before the new password: at %s", early.path)
	}

	b.post("/auth/change-password", "OldPassword", "wrong", "NewPassword", "Correct-Horse-1", "Again", "Correct-Horse-1").has(t,
		"The old password is incorrect.")
	b.post("/auth/change-password", "OldPassword", alice.Password, "NewPassword", alice.Password, "Again", alice.Password).has(t,
		"must differ")
	got = b.post("/auth/change-password", "OldPassword", alice.Password, "NewPassword", "Correct-Horse-1", "Again", "Correct-Horse-1")
	if got.path != "/console/users" {
		t.Fatalf("after the new password: at %s\n%s", got.path, got.body)
	}

	got.has(t, "alice, with MFA")
	if replay := b.post("/auth/mfa", "ceremony", ceremony, "response", string(answer)); replay.path != "/console/" &&
		replay.path != "/console/users" {
		t.Errorf("the answer sent again: at %s", replay.path)
	}
	if got := b.post("/auth/sign-out"); got.path != "/auth/signed-out" {
		t.Errorf("signed out: at %s", got.path)
	}
	if got := b.get("/console/users"); !strings.HasPrefix(got.path, "/signin") {
		t.Errorf("after signing out: at %s", got.path)
	}
}

func TestForcedChangeNotAllowed(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", "")
	if _, err := a.IAM(a.Root).UpdateLoginProfile(t.Context(),
		&awsiam.UpdateLoginProfileInput{UserName: &alice.Name, PasswordResetRequired: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s)
	b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password)
	b.post("/auth/change-password", "OldPassword", alice.Password, "NewPassword", "Correct-Horse-1", "Again", "Correct-Horse-1").
		has(t, "You may not change your password", "iam:ChangePassword", "administrator")
}

// ceremonyOf is the challenge of a page.
func ceremonyOf(t testing.TB, got *answer) (ceremony, options string) {
	t.Helper()
	c := regexp.MustCompile(`name="ceremony" value="([^"]+)"`).FindStringSubmatch(got.body)
	o := regexp.MustCompile(`data-options="([^"]+)"`).FindStringSubmatch(got.body)
	if c == nil || o == nil {
		t.Fatalf("no ceremony at %s:\n%s", got.path, got.body)
	}
	return c[1], strings.NewReplacer("&#34;", `"`, "&#43;", "+", "&amp;", "&", "&lt;", "<", "&gt;", ">", "&#39;", "'").Replace(o[1])
}

// assign takes the pages of the wizard with a key.
func assign(b *browser, key *softkey.Key, user, device string) *answer {
	b.t.Helper()
	query := ""
	if user != "" {
		query = "?user=" + url.QueryEscape(user)
	}
	got := b.post("/console/mfa/assign"+query, "DeviceName", device)
	ceremony, options := ceremonyOf(b.t, got)
	answer, err := key.Create(b.url, []byte(options))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.post(got.path, "ceremony", ceremony, "response", string(answer))
}

// TestDevices assigns and removes keys: one's own, another user's, the root user's; eight and no more (journeys 8, 24, 30, 32, 33).
func TestDevices(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	root := signedIn(t, s, a.SetUpRoot())
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	a.NewUser("bob", "")

	got := assign(root, softkey.New(), "", "safe")
	if got.path != "/console/security-credentials?continue=yes" {
		t.Errorf("the root user's device: at %s", got.path)
	}
	got.has(t, "You have successfully assigned the device safe. You have registered 1 of 8 MFA devices.", ":u2f/root-account/safe-")
	root.get(got.path).lacks(t, "successfully assigned") // a message is shown once

	got = assign(root, softkey.New(), "bob", "token")
	if got.path != "/console/user?name=bob&tab=security-credentials" {
		t.Errorf("another user's device: at %s", got.path)
	}
	got.has(t, "The MFA device token is assigned to bob", ":u2f/user/bob/token-")

	key := softkey.New()
	b := signedIn(t, s, a.SignIn(alice, nil))
	assign(b, key, "", "one").has(t, "registered 1 of 8")
	b = signedIn(t, s, a.SignIn(alice, key))
	for n := 2; n <= 8; n++ {
		assign(b, softkey.New(), "", "key-"+strconv.Itoa(n)).has(t, "registered "+strconv.Itoa(n)+" of 8")
	}
	b.get("/console/security-credentials").has(t, `type="button" disabled aria-describedby="mfa-limit">Assign MFA device`,
		"up to 8 MFA devices")
	b.post("/console/mfa/assign", "DeviceName", "ninth").has(t, "The limit of MFA devices of a user is 8, and it has been reached.")

	serial := regexp.MustCompile(`value="(arn:aws:iam::[0-9]+:u2f/user/alice/key-5-[A-Z2-7]+)"`).FindStringSubmatch(
		b.get("/console/security-credentials").body)
	if serial == nil {
		t.Fatal("the device is not listed")
	}
	b.post("/console/mfa/remove", "serial", serial[1]).has(t, "The MFA device key-5 is removed.", "(7)")
	if got := b.post("/console/mfa/remove", "serial", serial[1]); got.status != http.StatusNotFound {
		t.Errorf("removed twice: %d", got.status)
	}
}

// TestSessionEnds: a form sent too late leads back to itself (journey 52).
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	b := signedIn(t, s, a.SignIn(alice, nil))
	b.get("/console/users/create").has(t, "alice")
	s.Clock.Advance(2 * time.Hour)
	got := b.post("/console/user/policy?name=alice", "PolicyName", "p", "PolicyDocument", "{}")
	if got.path != "/signin?to="+url.QueryEscape("/console/user/policy?name=alice") {
		t.Fatalf("at %s", got.path)
	}

	got.has(t, "Your session ended before the page could do this, so nothing was changed.")
	got = b.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password, "to",
		"/console/user/policy?name=alice")
	if got.path != "/console/user/policy?name=alice" {
		t.Fatalf("at %s", got.path)
	}

	got.has(t, "Your session ended before", "Create inline policy")
	b.get(got.path).lacks(t, "Your session ended before")
	if got := b.get("/console/session"); got.body != `{"seconds":3600}` {
		t.Errorf("%s", got.body)
	}
}

// TestSessions: they are listed, and end when told (journey 53 and §B4).
func TestSessions(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	here, there, elsewhere := a.SignIn(alice, nil), a.SignIn(alice, nil), a.SignIn(alice, nil)
	b := signedIn(t, s, here)
	b.get("/console/security-credentials").has(t, "Sessions <span class=\"ts-count\">(3)</span>", "This session",
		"End all other sessions")
	b.get("/console/session/end?id="+there.Session.ID).has(t, "must sign in again")
	b.post("/console/session/end?id="+there.Session.ID).has(t, "The session is ended.", "(2)")
	if got := signedIn(t, s, there).get("/console/"); !strings.HasPrefix(got.path, "/signin") {
		t.Errorf("the ended session is at %s", got.path)
	}

	b.post("/console/sessions/end").has(t, "All other sessions are ended.", "(1)")
	if got := signedIn(t, s, elsewhere).get("/console/"); !strings.HasPrefix(got.path, "/signin") {
		t.Errorf("the other session is at %s", got.path)
	}
	if got := b.get("/console/"); got.path != "/console/" {
		t.Errorf("the own session is at %s", got.path)
	}
}

// TestLimits: what is too large is refused before it is read whole.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	a.NewUser("alice", "")
	if got := b.post("/console/users/create", "UserName",
		strings.Repeat("a", 65<<10)); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 65 KiB: %d", got.status)
	}

	chunked, err := http.NewRequest(http.MethodPost, s.URL+"/console/users/create",
		struct{ *strings.Reader }{strings.NewReader("UserName=" + strings.Repeat("a", 65<<10))})
	if err != nil {
		t.Fatal(err)
	}

	chunked.ContentLength = -1
	chunked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := b.send(chunked); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 65 KiB without a length: %d", got.status)
	}

	many := make([]string, 0, 1200)
	for range 600 {
		many = append(many, "TagKey", "k")
	}

	if got := b.post("/console/users/create", many...); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("600 fields: %d", got.status)
	}

	b.post("/console/user/policy?name=alice", "PolicyName", "p", "PolicyDocument", strings.Repeat(" ", 120<<10)+"{}").has(t,
		"Line 1, column 122881")
	for _, name := range []string{strings.Repeat("a", 2000), "a b", "é", "<script>"} {
		if got := b.post("/console/mfa/assign", "DeviceName", name); got.status != http.StatusOK ||
			!strings.Contains(got.body, "Use 1 to 64 letters") {
			t.Errorf("a device name of %.20q: %d", name, got.status)
		}
	}

	r, err := http.NewRequest(http.MethodPost, s.URL+"/signin", strings.NewReader("%zz"))
	if err != nil {
		t.Fatal(err)
	}

	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := b.send(r); got.status != http.StatusBadRequest {
		t.Errorf("a malformed form: %d", got.status)
	}
}

// TestSecretsAreShownOnce (journeys 39 and 41).
func TestSecretsAreShownOnce(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	got := b.post("/console/users/create", "UserName", "bob", "Access", "yes", "Password", "generated", "Reset", "yes")
	password := unescape(regexp.MustCompile(`data-secret>([^<]+)<`).FindStringSubmatch(got.body)[1])
	if got.header.Get("Cache-Control") != "no-store" || strings.Contains(strings.Join(got.header.Values("Set-Cookie"), ""), password) {
		t.Errorf("the page with the password: %v", got.header)
	}
	if again := b.post("/console/users/create", "UserName", "bob", "Access", "yes", "Password",
		"generated"); strings.Contains(again.body, "data-secret") {
		t.Error("the form sent again shows a password")
	}
	file := b.post("/console/csv", "file", "credentials", "User name", "bob", "Password", password, "Console sign-in URL", "=cmd()")
	if file.header.Get("Content-Type") != "text/csv; charset=utf-8" ||
		!strings.HasPrefix(file.body, "User name,Password,Console sign-in URL\nbob,") || !strings.Contains(file.body, "'=cmd()") {
		t.Errorf("the file: %v\n%s", file.header, file.body)
	}
	if got := newBrowser(t, s).post("/signin/"+a.ID, "Account", a.ID, "UserName", "bob", "Password",
		password); got.path != "/auth/change-password" {
		t.Errorf("signed in with it: at %s", got.path)
	}

	got = b.post("/console/access-key/create?user=bob", "Understood", "yes", "known", "")
	id := regexp.MustCompile(`data-access-key>([A-Z0-9]+)<`).FindStringSubmatch(got.body)[1]
	got.has(t, "data-secret")
	again := b.post("/console/access-key/create?user=bob", "Understood", "yes", "known", "")
	again.has(t, "cannot be shown again")
	again.lacks(t, "data-secret")
	b.post("/console/access-key/delete?user=bob&id="+id, "Confirm", id).has(t, "Deactivate the access key before you delete it.")
	b.post("/console/access-key/status?user=bob&id="+id, "Status", "Inactive").has(t, "is inactive")
	b.post("/console/access-key/delete?user=bob&id="+id, "Confirm", "x").has(t, "Type the access key ID to confirm.")
	b.post("/console/access-key/delete?user=bob&id="+id, "Confirm", id).has(t, "is deleted", "No access keys")
}

func unescape(text string) string {
	return strings.NewReplacer("&#34;", `"`, "&#43;", "+", "&lt;", "<", "&gt;", ">", "&#39;", "'", "&amp;", "&").Replace(text)
}

// TestHostileText: names and documents are inert wherever they are shown (journey 58).
func TestHostileText(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	const hostile = "</textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e😀"
	b.post("/console/users/create", "UserName", "a.b+c=d,e@f-g_h", "TagKey", "k😀\u202e", "TagValue", "v")
	for _, path := range []string{
		"/console/users?search=" + url.QueryEscape(hostile), "/console/user?name=" + url.QueryEscape(hostile), "/signin?to=" +
			url.QueryEscape(hostile),
		"/console/mfa/set-up?device=" + url.QueryEscape(hostile), "/console/user/policy/delete?name=x&policy=" + url.QueryEscape(hostile),
		"/console/access-key/delete?id=" + url.QueryEscape(hostile), "/console/users?from=" + url.QueryEscape(hostile), "/nowhere/" +
			url.PathEscape(hostile),
	} {
		b.get(path).lacks(t, "<script>alert", "<img src=x", "onerror=alert(1)>")
	}

	for path, field := range map[string]string{
		"/console/users/create": "UserName", "/console/alias": "AccountAlias",
		"/console/user/policy?name=a.b%2Bc%3Dd%2Ce%40f-g_h": "PolicyDocument",
		"/console/mfa/assign":                               "DeviceName", "/auth/root": "Email", "/signin": "Account", "/signin/" +
			a.ID: "UserName",
	} {
		b.post(path, field, hostile, "PolicyName", "p").lacks(t, "<script>alert", "<img src=x", "onerror=alert(1)>")
	}

	b.get("/console/user?name=a.b%2Bc%3Dd%2Ce%40f-g_h").has(t, "a.b&#43;c=d,e@f-g_h")
}

// TestDeleteUser: a user goes with all that it has, once its name was typed.
func TestDeleteUser(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	a.SignIn(alice, nil).MustEnrol("", "yubikey", softkey.New())
	made, err := a.IAM(a.Root).CreatePolicy(t.Context(),
		&awsiam.CreatePolicyInput{PolicyName: aws.String("managed"), PolicyDocument: aws.String(touchtest.AdminPolicy)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.IAM(a.Root).AttachUserPolicy(t.Context(),
		&awsiam.AttachUserPolicyInput{UserName: &alice.Name, PolicyArn: made.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	b.get("/console/user/delete?name=alice").has(t, "1 MFA device", "1 access key", "1 inline policy", "1 attached managed policy",
		"console password")
	b.post("/console/user/delete?name=alice", "Confirm", "alicia").has(t, "Type the name of the user to confirm.")
	b.post("/console/user/delete?name=alice", "Confirm", "alice").has(t, "The user alice is deleted.", "No users")

	limited := a.NewUser("limited", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*","iam:DeleteUser"],"Resource":"*"}]}`)
	a.NewUser("bob", "")
	l := signedIn(t, s, a.SignIn(limited, nil))
	got := l.post("/console/user/delete?name=bob", "Confirm", "bob")
	got.has(t, "You need permissions", "iam:DeleteLoginProfile")
	if got := b.get("/console/user?name=bob"); got.status != http.StatusOK {
		t.Errorf("bob: %d", got.status)
	}
}

// TestConsoleAccess enables, resets and disables it.
func TestConsoleAccess(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	b.post("/console/users/create", "UserName", "bob").has(t, "The user bob is created.")
	const page = "/console/user/console-access?user=bob"
	b.get(page).has(t, "Enable console access")
	b.post(page, "Password", "custom", "NewPassword", "weak", "Again", "weak").has(t, "minimum length of 8")
	b.post(page, "Password", "custom", "NewPassword", "Correct-Horse-1", "Again", "Correct-Horse-1").has(t, "The password is set.")
	bob := newBrowser(t, s)
	if got := bob.post("/signin/"+a.ID, "Account", a.ID, "UserName", "bob", "Password", "Correct-Horse-1"); got.path != "/console/" {
		t.Errorf("bob is at %s", got.path)
	}

	b.post(page, "Action", "reset", "Reset", "yes").has(t, "must choose a new password at the next sign-in", "Must be changed")
	b.post(page, "Action", "password", "Password", "generated").has(t, "data-secret")
	if got := bob.get("/console/"); !strings.HasPrefix(got.path, "/signin") {
		t.Errorf("bob's session goes on at %s", got.path)
	}

	b.post(page, "Action", "disable").has(t, "Console access of bob is disabled", "Console access is disabled")
	b.get(page).has(t, "Enable console access")
}

// TestPolicyEditor saves what is right, loses nothing, and names the place of what is wrong (journeys 43 and 51).
func TestPolicyEditor(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	a.NewUser("alice", "")
	const create, edit = "/console/user/policy?name=alice", "/console/user/policy?name=alice&policy=p"
	b.post(create, "PolicyName", "p", "PolicyDocument",
		"{\r\n  \"Version\": \"2012-10-17\",\r\n  \"Statement\": [{\"Effect\": \"Allow\", \"Resource\": \"*\"}]\r\n}").
		has(t, "Policy statement must contain actions.", `data-line="3"`, "Line 3, column 17")
	b.post(create, "PolicyName", "p", "PolicyDocument", touchtest.AdminPolicy).has(t, "The policy p is saved.")
	b.post(create, "PolicyName", "p", "PolicyDocument", touchtest.AdminPolicy).has(t, "The user has a policy of this name already.")
	b.get(edit).has(t, "&#34;Action&#34;:&#34;*&#34;")
	a.PutPolicy("alice", touchtest.FIDOPagePolicy) // another policy: no conflict
	other := strings.Replace(touchtest.AdminPolicy, `"Resource":"*"`, `"Resource":"arn:aws:iam::*:user/x"`, 1)
	before := func(policy string) string {
		t.Helper()
		return regexp.MustCompile(`name="Before" value="([0-9a-f]{64})"`).FindStringSubmatch(
			b.get("/console/user/policy?name=alice&policy=" + policy).body)[1]
	}
	opened := before("p")
	b.post(edit, "PolicyDocument", other, "Before", opened).has(t, "The policy p is saved.")
	changed := b.post(edit, "PolicyDocument", "mine", "Before", opened)
	changed.has(t, "changed by someone else", ">\nmine</textarea>", before("p"))
	b.post(edit, "PolicyDocument", touchtest.AdminPolicy, "Before", before("p")).has(t, "The policy p is saved.")

	// What others stored is opened and saved, whatever its white space.
	for name, document := range map[string]string{
		"returns": strings.ReplaceAll(other, ",", ",\r"),
		"spaces":  other + strings.Repeat(" ", 100000),
	} {
		if _, err := a.IAM(a.Root).PutUserPolicy(t.Context(),
			&awsiam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: &name, PolicyDocument: &document}); err != nil {
			t.Fatal(err)
		}
		b.post("/console/user/policy?name=alice&policy="+name, "PolicyDocument", document, "Before", before(name)).has(t,
			"The policy "+name+" is saved.")
	}

	// What AWS's own checks would answer in the words of the API is said in our own.
	for _, test := range []struct{ name, document, want string }{
		{"a b", touchtest.AdminPolicy, "Use 1 to 128 letters"},
		{"n", "", "Enter a policy."},
		{"n", "{\"\U0001F600\": \"\u2028\"}", "It has characters that no policy may have. What is found below says where they are."},
		{"n", "{}" + strings.Repeat(" ", 128<<10), "It is longer than a policy may be."},
	} {
		got := b.post(create, "PolicyName", test.name, "PolicyDocument", test.document)
		got.has(t, "<span>"+test.want)
		got.lacks(t, "validation error")
	}
	large := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":["` +
		strings.Repeat("arn:aws:iam::1:user/a\",\"", 200) + `*"]}]}`
	b.post(create, "PolicyName", "large", "PolicyDocument", large).has(t, "Maximum policy size of 2048 bytes exceeded")
	b.post("/console/user/policy/delete?name=alice&policy=p").has(t, "The policy p is deleted.")
}

func TestUsersPages(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	b := signedIn(t, s, a.SetUpRoot())
	for n := range 45 {
		name := "user-" + strconv.Itoa(100+n)
		if _, err := a.IAM(a.Root).CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: &name}); err != nil {
			t.Fatal(err)
		}
	}

	row := regexp.MustCompile(`/console/user\?name=(user-\d+)"`)
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`)
	seen := map[string]bool{}
	path, pages := "/console/users?size=20&sort=UserName&order=descending", 0
	for path != "" {
		got := b.get(path)
		got.has(t, "(45)")
		for _, found := range row.FindAllStringSubmatch(got.body, -1) {
			seen[found[1]] = true
		}
		pages++
		path = ""
		if found := next.FindStringSubmatch(got.body); found != nil {
			path = unescape(found[1])
		}
	}

	if len(seen) != 45 || pages != 3 {
		t.Errorf("%d users on %d pages", len(seen), pages)
	}
	b.get("/console/users?search=ER-14").has(t, "(5 found)", "user-144")
}

// TestNotices: the owner is told of a sign-in that stopped at the device (ruling of slowing down).
func TestNotices(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	alice := a.NewUser("alice", touchtest.AdminPolicy)
	key := softkey.New()
	a.SignIn(alice, nil).MustEnrol("", "yubikey", key)
	stranger := newBrowser(t, s)
	stranger.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password)
	if got := stranger.post("/auth/sign-out", "to", "/console/"); got.path != "/signin" {
		t.Errorf("cancelled: at %s", got.path)
	}
	b := signedIn(t, s, a.SignIn(alice, key))
	b.get("/console/").has(t, "Someone gave your right password but did not complete MFA",
		"If this was not you, change your password.")
	b.get("/console/").lacks(t, "Someone gave your right password")
}

package web_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// browser is a person's browser without scripts: it keeps cookies and follows redirects.
type browser struct {
	t      testing.TB
	url    string
	client *http.Client
}

func newBrowser(t testing.TB, s *touchtest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, s.URL, &http.Client{Jar: jar}}
}

// signedIn is the browser of somebody who is signed in.
func signedIn(t testing.TB, s *touchtest.Server, c *touchtest.Console) *browser {
	t.Helper()
	b := newBrowser(t, s)
	b.cookie("touchstone", c.Token)
	return b
}

func (b *browser) cookie(name, value string) {
	b.t.Helper()
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// answer is a page as it arrived.
type answer struct {
	status int
	path   string // where redirects led
	header http.Header
	body   string
}

func (b *browser) send(r *http.Request) *answer {
	b.t.Helper()
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &answer{response.StatusCode, response.Request.URL.RequestURI(), response.Header, string(body)}
}

func (b *browser) get(path string) *answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.send(r)
}

// post sends a form of names and values, as the page at the address would.
func (b *browser) post(path string, fields ...string) *answer {
	b.t.Helper()
	form := url.Values{}
	for n := 0; n+1 < len(fields); n += 2 {
		form.Add(fields[n], fields[n+1])
	}
	r, err := http.NewRequest(http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

// text is what the main part of the page says, for a failure.
func (a *answer) text() string {
	_, main, _ := strings.Cut(a.body, "<main")
	words := strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(main, " "))
	return strings.Join(words[:min(len(words), 200)], " ")
}

// has makes sure of what a page says.
func (a *answer) has(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s (%d) does not have %q:\n%s", a.path, a.status, text, a.text())
		}
	}
}

func (a *answer) lacks(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("%s (%d) has %q:\n%s", a.path, a.status, text, a.text())
		}
	}
}

// What differs from run to run, and what stands for it in the golden pages.
var varying = []struct {
	pattern *regexp.Regexp
	as      string
}{
	{regexp.MustCompile(`<svg [^>]*>.*?</svg>`), "<svg>"},
	{regexp.MustCompile(`localhost:\d+`), "localhost:8080"},
	{regexp.MustCompile(`(/static/[a-z-]+)-[0-9a-f]{12}\.`), "$1-HASH."},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "REQUEST"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "2026-11-23T19:20:00Z"},
	{regexp.MustCompile(`\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d UTC`), "23 Nov 2026, 19:20 UTC"},
	{regexp.MustCompile(`data-seconds="\d+"`), `data-seconds="3600"`},
	{regexp.MustCompile(`AKIA[A-Z0-9]{16}`), "AKIAIOSFODNN7EXAMPLE"},
	{regexp.MustCompile(`root[a-z2-7]+@example\.com`), "root@example.com"},
	{regexp.MustCompile(`(yubikey|spare)-[A-Z2-7]{26}`), "$1-K7QX2M5ZEXAMPLE4TQ3R6YABCD"},
	{regexp.MustCompile(`data-options="[^"]*"`), `data-options="…"`},
	{regexp.MustCompile(`name="ceremony" value="[^"]*"`), `name="ceremony" value="…"`},
	{regexp.MustCompile(`(session/end\?id=)[A-Za-z0-9-]+`), "${1}SESSION"},
	{regexp.MustCompile(`data-secret>[^<]*<`), "data-secret>SECRET<"},
	{regexp.MustCompile(`<datalist id="actions">.*</datalist>`), `<datalist id="actions">…</datalist>`},
	{regexp.MustCompile(`name="(Password|Secret access key)" value="[^"]{8,}"`), `name="$1" value="SECRET"`},
}

// settled is the page with what differs from run to run replaced.
func (a *answer) settled(account string) string {
	text := a.body
	for _, secret := range regexp.MustCompile(`data-secret>([^<]+)<`).FindAllStringSubmatch(text, -1) {
		text = strings.ReplaceAll(text, `data-copy="`+secret[1]+`"`, `data-copy="SECRET"`)
	}

	text = strings.ReplaceAll(text, account, "111122223333")
	text = strings.ReplaceAll(text, account[:4]+"-"+account[4:8]+"-"+account[8:], "1111-2222-3333")
	for _, v := range varying {
		text = v.pattern.ReplaceAllString(text, v.as)
	}
	return text
}

var (
	mainPart      = regexp.MustCompile(`(?s)<main.*</main>\n`)
	pageTitle     = regexp.MustCompile(`<title>(.*)</title>`)
	pageScript    = regexp.MustCompile(`<script type="module" src="/static/([a-z-]+)-HASH`)
	currentLink   = regexp.MustCompile(`<li><a href="([^"]+)" aria-current="page">`)
	sessionEnding = regexp.MustCompile(`\n<div [^>]*id="session-ending".*`)
)

// own is what a page has for itself: its title, its scripts, its place in the navigation, and its main part without the warning
// that the layout has there.
func own(text string) string {
	var out strings.Builder
	frame := mainPart.ReplaceAllString(text, "")
	fmt.Fprintln(&out, "title:", pageTitle.FindStringSubmatch(frame)[1])
	for _, script := range pageScript.FindAllStringSubmatch(frame, -1) {
		if script[1] != "app" {
			fmt.Fprintln(&out, "script:", script[1])
		}
	}
	for _, link := range currentLink.FindAllStringSubmatch(frame, -1) {
		fmt.Fprintln(&out, "navigation:", link[1])
	}
	return out.String() + "\n" + sessionEnding.ReplaceAllString(mainPart.FindString(text), "")
}

// golden compares a page's own part with the stored one.
func (a *answer) golden(t *testing.T, account, name string) {
	t.Helper()
	compare(t, name, fmt.Sprintf("%d %s\n%s", a.status, http.StatusText(a.status), own(a.settled(account))))
}

// layoutGolden compares what stands around a page's own part with the stored one.
func (a *answer) layoutGolden(t *testing.T, account, name string) {
	t.Helper()
	text := a.settled(account)
	warning := sessionEnding.FindString(text)
	compare(t, name, mainPart.ReplaceAllLiteralString(text, "<main>"+warning+"\n…\n</main>\n"))
}

func compare(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", "pages", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}

	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s is not as stored; if that is meant, run go test ./internal/web -update and review the difference\n%s", name,
			firstDifference(string(want), text))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for n := range min(len(w), len(g)) {
		if w[n] != g[n] {
			return fmt.Sprintf("line %d\n- %s\n+ %s", n+1, w[n], g[n])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// TestPages compares every page's own part, in its states, with the stored ones, and the two layouts once.
func TestPages(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	operator := s.State.Operator()
	operator.Clock = s.Clock.Now
	link, err := operator.SetUpLink(t.Context(), a.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	page := func(name string, got *answer) {
		t.Helper()
		token := link[strings.Index(link, "=")+1:]
		got.body = strings.ReplaceAll(got.body, token, "TOKEN")
		got.golden(t, a.ID, name)
	}

	visitor := newBrowser(t, s)
	visitor.get("/signin").layoutGolden(t, a.ID, "layout-entry")
	page("signin", visitor.get("/signin"))
	page("signin-no-email", visitor.post("/signin", "Type", "root", "Email", "alice"))
	page("signin-no-account", visitor.post("/signin", "Type", "user", "Account", "a/b"))
	page("root", visitor.post("/signin", "Type", "root", "Email", "root@example.com", "to", "/console/users"))
	page("root-incorrect", visitor.post("/auth/root", "Email", "nobody@example.com", "Password", "wrong"))
	page("root-name", visitor.post("/auth/root", "Email", "alice", "Password", "wrong"))
	page("signin-user", visitor.get("/signin/"+a.ID))
	page("signin-user-incorrect", visitor.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", "wrong", "Remember",
		"yes"))
	page("signin-user-empty", visitor.post("/signin/"+a.ID))
	page("signin-user-email", visitor.post("/signin/"+a.ID, "Account", "root@example.com", "UserName", "root", "Password", "wrong"))
	page("setup", visitor.get(link))
	page("setup-short", visitor.post(link, "NewPassword", "short", "Again", "short"))
	page("setup-twice", visitor.post(link, "NewPassword", touchtest.RootPassword, "Again", "other"))
	page("signed-out", visitor.get("/auth/signed-out"))
	page("not-found", visitor.get("/nowhere"))

	page("assign-device-root", visitor.post(link, "NewPassword", touchtest.RootPassword, "Again", touchtest.RootPassword))
	page("setup-over", newBrowser(t, s).get(link))
	root := visitor
	page("dashboard-root", root.get("/console/"))
	page("root-credentials-warning", root.get("/console/security-credentials"))
	page("root-credentials", root.get("/console/security-credentials?continue=yes"))
	page("create-access-key-root", root.get("/console/access-key/create"))
	page("users-empty", root.get("/console/users"))
	page("create-user", root.get("/console/users/create"))
	page("create-user-tag", root.post("/console/users/create", "UserName", "bob", "TagKey", "team", "TagValue", "eng", "AddTag",
		"yes"))
	page("create-user-problems", root.post("/console/users/create", "Access", "yes", "Password", "custom", "NewPassword", "a", "Again",
		"b"))
	page("user-created", root.post("/console/users/create", "UserName", "bob", "Access", "yes", "Password", "generated", "Reset",
		"yes", "TagKey", "team", "TagValue", "eng"))
	page("user-created-shown", root.get("/console/users/create?shown=yes"))
	page("create-user-exists", root.post("/console/users/create", "UserName", "Bob"))
	page("user-weak-password",
		root.post("/console/users/create", "UserName", "carol", "Access", "yes", "Password", "custom", "NewPassword", "password", "Again",
			"password"))

	alice := a.NewUser("alice", touchtest.AdminPolicy)
	page("users", root.get("/console/users"))
	page("users-sorted", root.get("/console/users?sort=CreateDate&order=descending&size=20"))
	page("users-none", root.get("/console/users?search=zzz"))
	page("users-marker", root.get("/console/users?from=hostile"))
	page("user-permissions", root.get("/console/user?name=alice"))
	page("user-tags", root.get("/console/user?name=bob&tab=tags"))
	page("user-credentials", root.get("/console/user?name=alice&tab=security-credentials"))
	page("user-not-found", root.get("/console/user?name=nobody"))
	page("policy-new", root.get("/console/user/policy?name=alice"))
	a.PutPolicy("bob", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}}`)
	page("policy-edit", root.get("/console/user/policy?name=bob&policy=test"))
	page("policy-malformed",
		root.post("/console/user/policy?name=alice", "PolicyName", "p", "PolicyDocument",
			"{\n \"Version\": 1,\n \"Statement\": [{\"Effect\": \"allow\"}]}"))
	page("policy-not-json", root.post("/console/user/policy?name=alice", "PolicyName", "p", "PolicyDocument", "{\n oops"))
	page("policy-check", root.post("/console/user/policy?name=alice", "PolicyName", "p", "Check", "PolicyDocument", "PolicyDocument",
		"{\n \"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"iam:PassRole\", \"iam:Fly\", \"iam:PassRole\"], \"Resource\": \"*\"}]}"))
	page("policy-changed",
		root.post("/console/user/policy?name=alice&policy=test", "PolicyDocument", "{}", "Before", "something else"))
	page("policy-delete", root.get("/console/user/policy/delete?name=alice&policy=test"))
	page("console-access", root.get("/console/user/console-access?user=alice"))
	page("delete-user", root.get("/console/user/delete?name=alice"))
	page("delete-user-confirm", root.post("/console/user/delete?name=alice", "Confirm", "bob"))
	page("alias", root.get("/console/alias"))
	page("alias-wrong", root.post("/console/alias", "AccountAlias", "Not An Alias"))
	page("alias-saved", root.post("/console/alias", "AccountAlias", "acme"))
	page("alias-delete", root.get("/console/alias/delete"))
	if got := root.post("/console/alias/delete", "AccountAlias", "acme"); got.path != "/console/" {
		t.Errorf("alias deleted: at %s", got.path)
	}

	bobsKey := regexp.MustCompile(`data-access-key>([A-Z0-9]+)<`).
		FindStringSubmatch(root.post("/console/access-key/create?user=bob", "Understood", "yes", "known", "").body)[1]
	signIn := a.SignIn(alice, nil)
	person := signedIn(t, s, signIn)
	person.get("/console/users").layoutGolden(t, a.ID, "layout-console")
	page("dashboard", person.get("/console/"))
	page("credentials-empty", person.get("/console/security-credentials"))
	page("assign-device", person.get("/console/mfa/assign"))
	page("assign-device-name", person.post("/console/mfa/assign", "DeviceName", "two words"))
	page("set-up-device", person.post("/console/mfa/assign", "DeviceName", "yubikey"))
	page("set-up-device-no-answer", person.post("/console/mfa/set-up?device=yubikey", "ceremony", "", "response", ""))
	page("set-up-device-refused", person.post("/console/mfa/set-up?device=yubikey", "ceremony", "hostile", "response", "{}"))
	key := softkey.New()
	serial := signIn.MustEnrol("", "yubikey", key)
	page("assign-device-without-mfa", person.get("/console/mfa/set-up?device=spare"))
	person = signedIn(t, s, a.SignIn(alice, key))
	page("credentials", person.get("/console/security-credentials"))
	page("assign-device-taken", person.get("/console/mfa/set-up?device=yubikey"))
	page("remove-device", person.get("/console/mfa/remove?serial="+url.QueryEscape(serial)))
	page("remove-device-unconfirmed", person.post("/console/mfa/remove", "serial", serial))
	page("remove-device-unselected", person.get("/console/mfa/remove"))
	page("password", person.get("/console/password"))
	page("password-wrong", person.post("/console/password", "OldPassword", "wrong", "NewPassword", "Correct-Horse-1", "Again",
		"Correct-Horse-1"))
	page("password-weak", person.post("/console/password", "OldPassword", alice.Password, "NewPassword", "weak", "Again", "weak"))
	page("create-access-key", person.get("/console/access-key/create"))
	page("access-key-status", person.get("/console/access-key/status?id="+alice.Key.AccessKeyID))
	page("access-key-delete-active", person.get("/console/access-key/delete?id="+alice.Key.AccessKeyID))
	root.post("/console/access-key/status?user=bob&id="+bobsKey, "Status", "Inactive")
	page("access-key-activate", root.get("/console/access-key/status?user=bob&id="+bobsKey))
	page("access-key-delete", root.get("/console/access-key/delete?user=bob&id="+bobsKey))
	page("access-key-created", person.post("/console/access-key/create", "Understood", "yes", "known", alice.Key.AccessKeyID))
	page("access-key-shown", person.get("/console/access-key/create?shown=yes"))
	page("sessions-end", person.get("/console/sessions/end"))
	page("sessions-end-other", root.get("/console/sessions/end?user=alice"))
	page("session-end", root.get("/console/session/end?user=alice&id="+signIn.Session.ID))
	page("alias-delete-none", root.get("/console/alias/delete"))

	challenged := newBrowser(t, s)
	page("mfa", challenged.post("/signin/"+a.ID, "Account", a.ID, "UserName", "alice", "Password", alice.Password))
	page("mfa-failed", challenged.post("/auth/mfa", "ceremony", "hostile", "response", "{}"))
	page("mfa-methods", challenged.get("/auth/mfa/methods"))
	page("mfa-troubleshoot", challenged.get("/auth/mfa/troubleshoot"))

	fido := a.NewUser("fido", touchtest.FIDOPagePolicy)
	person = signedIn(t, s, a.SignIn(fido, nil))
	page("fido-dashboard", person.get("/console/"))
	page("fido-credentials", person.get("/console/security-credentials"))
	page("fido-users", person.get("/console/users"))
	page("fido-user", person.get("/console/user?name=alice"))
	page("fido-create-user", person.post("/console/users/create", "UserName", "mallory"))
	arnOf := func(user string) string { return "arn:aws:iam::" + a.ID + ":user/" + user }
	page("fido-simulator", person.post("/console/simulator", "Mode", "existing", "UserName", "fido", "Actions", "iam:GetUser"))

	page("simulator", root.get("/console/simulator?name=fido"))
	page("simulator-keys", root.post("/console/simulator", "Mode", "existing", "UserName", "fido", "Do", "keys"))
	page("simulator-results",
		root.post("/console/simulator", "Mode", "existing", "UserName", "fido", "Actions", "iam:GetUser\r\niam:ListUsers",
			"Resources", arnOf("fido")+"\r\n"+arnOf("alice")))
	page("simulator-pasted",
		root.post("/console/simulator", "Mode", "new", "Policy1", "", "Policy2",
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
			"Boundary", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}`, "Actions",
			"s3:GetObject, s3:PutObject",
			"ResourcePolicy", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/secret"},{"Effect":"Allow","Principal":"*","Action":"s3:List*","Resource":"arn:aws:s3:::b/*"}]}`,
			"CallerArn", arnOf("fido"), "Resources", "arn:aws:s3:::b/secret\narn:aws:s3:::b/public"))
	page("simulator-nothing", root.post("/console/simulator", "Mode", "existing"))
	page("simulator-not-a-policy",
		root.post("/console/simulator", "Mode", "new", "Policy1", "{\"Version\":", "Actions", "iam:GetUser"))
	tester := a.NewUser("tester", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"*"}}`)
	page("simulator-text-denied", signedIn(t, s, a.SignIn(tester, nil)).
		post("/console/simulator", "Mode", "existing", "UserName", "fido", "Actions", "iam:GetUser", "Resources", arnOf("fido")))

	nothing := a.NewUser("nothing", "")
	person = signedIn(t, s, a.SignIn(nothing, nil))
	page("nothing-credentials", person.get("/console/security-credentials"))
	page("nothing-password",
		person.post("/console/password", "OldPassword", nothing.Password, "NewPassword", "Correct-Horse-1", "Again", "Correct-Horse-1"))
}

package web

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestDestination(t *testing.T) {
	for _, good := range []string{
		"/console/", "/console/users", "/console/users?search=a%2Fb&size=20", "/console/user?name=a%26b%2E%2E", "/console/#account",
	} {
		if got := destination(good); got != good {
			t.Errorf("destination(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "/", "/signin", "/auth/mfa", "console/", "//evil.example/console/", "https://evil.example/console/", "/\\evil.example",
		"/console/\\..\\..", "/console/../../evil", "/console/..", "/console/%2e%2e/auth/root", "\t//evil.example", "/console/\r\nSet-Cookie: a=b",
		"http:/console/", "javascript:alert(1)", "/console", "/consolex/", "/console/" + strings.Repeat("a", maxCookie), "/console/%zz",
	} {
		if got := destination(bad); got != "/console/" {
			t.Errorf("destination(%q) = %q", bad, got)
		}
	}
}

func TestTypedAccount(t *testing.T) {
	for _, test := range []struct {
		typed, account string
		ok             bool
	}{
		{"111122223333", "111122223333", true},
		{" 1111-2222-3333 ", "111122223333", true},
		{"Acme", "acme", true},
		{"my-alias-1", "my-alias-1", true},
		{"", "", false},
		{"a/b", "a/b", false},
		{"..", "..", false},
		{"alice@example.com", "alice@example.com", false},
		{strings.Repeat("a", 64), strings.Repeat("a", 64), false},
	} {
		account, ok := typedAccount(test.typed)
		if account != test.account || ok != test.ok {
			t.Errorf("typedAccount(%q) = %q, %t", test.typed, account, ok)
		}
	}
}

func TestFlashTakesOnlyOurs(t *testing.T) {
	for key, m := range messages {
		with := make([]string, strings.Count(m.Text, "%s"))
		for n := range with {
			with[n] = "%s<b>" // what fills a gap is no format, and no markup when it is shown
		}
		f := flash{key, with}
		filled := f.fill(m)
		if filled == nil || strings.Count(filled.Text, "%s<b>") != len(with) || strings.Contains(filled.Text, "%!") {
			t.Errorf("%s: %+v", key, filled)
		}
		if (&flash{key, append(with, "more")}).fill(m) != nil {
			t.Errorf("%s takes more than its gaps", key)
		}
	}
	for _, hostile := range []string{"", "!", "e30", packed("text"), packed(flash{Key: "no such key"}), packed(map[string]any{"k": 1})} {
		var f flash
		if unpack(hostile, &f) && f.Key != "" && messages[f.Key].Text != "" {
			t.Errorf("%q is taken", hostile)
		}
	}
}

func TestInert(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "alice": "alice", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "a=1": "a=1",
	} {
		if got := inert(cell); got != want {
			t.Errorf("inert(%q) = %q", cell, got)
		}
	}
}

func TestBrowserNames(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36":                         "Chrome on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0": "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15":         "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/604.1":     "Safari on iOS",
		"Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0":                                                          "Firefox on Android",
		"curl/8.1": "curl", "": "Unknown browser",
	} {
		if got := browser(agent); got != want {
			t.Errorf("browser(%q) = %q, want %q", agent, got, want)
		}
	}
}

func TestMoments(t *testing.T) {
	at := time.Date(2026, 11, 23, 19, 20, 0, 0, time.FixedZone("", 3600))
	for _, value := range []any{at, &at} {
		if m, err := momentOf(value, true); err != nil || m != (moment{"2026-11-23T18:20:00Z", "23 Nov 2026, 18:20 UTC", true}) {
			t.Errorf("%+v, %v", m, err)
		}
	}
	var never *time.Time
	if m, err := momentOf(never, true); err != nil || m != (moment{}) {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := momentOf("now", true); err == nil {
		t.Error("a text is taken for a time")
	}
}

// TestTemplatesKeepToThePolicy looks for what the Content-Security-Policy would refuse.
func TestTemplatesKeepToThePolicy(t *testing.T) {
	refused := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script[^>]*>[^<]|javascript:|<iframe|<base|https?://`)
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(templateFiles, name)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			if found := refused.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", name, n+1, found)
			}
		}
	}
}

// TestClassesAreDefined makes sure that the templates use only classes that the style sheet knows.
func TestClassesAreDefined(t *testing.T) {
	sheet, err := fs.ReadFile(staticFiles, "static/touchstone.css")
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	class := regexp.MustCompile(`ts-[a-z]+(-[a-z]+)*`)
	for _, name := range files {
		text, err := fs.ReadFile(templateFiles, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range class.FindAllString(string(text), -1) {
			if !strings.Contains(string(sheet), "."+found) {
				t.Errorf("%s: no class %s in the style sheet", name, found)
			}
		}
	}
}

package web

import (
	"strings"
	"testing"
	"time"
)

func TestDestination(t *testing.T) {
	for _, good := range []string{
		"/console/", "/console/users", "/console/users?search=a%2Fb&size=20", "/console/user?name=a%26b%2E%2E", "/console/#account",
	} {
		if got := Destination(good); got != good {
			t.Errorf("Destination(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "/", "/signin", "/auth/mfa", "console/", "//evil.example/console/", "https://evil.example/console/", "/\\evil.example",
		"/console/\\..\\..", "/console/../../evil", "/console/..", "/console/%2e%2e/auth/root", "\t//evil.example",
		"/console/\r\nSet-Cookie: a=b",
		"http:/console/", "javascript:alert(1)", "/console", "/consolex/", "/console/" + strings.Repeat("a", maxCookie), "/console/%zz",
	} {
		if got := Destination(bad); got != "/console/" {
			t.Errorf("Destination(%q) = %q", bad, got)
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

// TestFlashTakesOnlyOurs fills the gaps of messages, and takes no cookie that another site may have made.
func TestFlashTakesOnlyOurs(t *testing.T) {
	m := Message{"info", "%s is assigned to %s."}
	f := flash{"assigned", []string{"%s<b>", "bob"}} // what fills a gap is no format, and no markup when it is shown
	if filled := f.fill(m); filled == nil || *filled != (Message{"info", "%s<b> is assigned to bob."}) {
		t.Errorf("%+v", filled)
	}
	for _, with := range [][]string{nil, {"a"}, {"a", "b", "c"}} {
		if (&flash{"assigned", with}).fill(m) != nil {
			t.Errorf("filled with %q", with)
		}
	}

	for _, hostile := range []string{"", "!", "e30", Pack("text"), Pack(flash{Key: "no such key"}), Pack(map[string]any{"k": 1})} {
		var f flash
		if Unpack(hostile, &f) && f.Key != "" && messages[f.Key].Text != "" {
			t.Errorf("%q is taken", hostile)
		}
	}
}

package console

import (
	"strings"
	"testing"
)

func TestBrowserNames(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36":                         "Chrome on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0": "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15":         "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/604.1":     "Safari on iOS",
		"Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0":                                                          "Firefox on Android",
		"curl/8.1": "curl", "": "Unknown browser",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("browserName(%q) = %q, want %q", agent, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"aws:MultiFactorAuthPresent": "aws:|Multi|Factor|Auth|Present", "aws:username": "aws:|username",
		"aws:PrincipalTag/cost-center": "aws:|Principal|Tag/|cost-|center",
		"sts:TaskPolicyARN":            "sts:|Task|Policy|ARN", strings.Repeat("ä", 41): strings.Repeat("ä", 20) + "|" +
			strings.Repeat("ä", 20) + "|ä", "": "",
	} {
		if got := strings.Join(words(name), "|"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

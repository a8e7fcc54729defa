package audit

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Text is cut between characters: half of one would stand in the trail as U+FFFD, and be longer than the limit.
func TestLongTextIsCutBetweenCharacters(t *testing.T) {
	r := &Record{Time: time.Unix(0, 0), UserAgent: "a" + strings.Repeat("ä", maxText), ErrorMessage: strings.Repeat("漢", maxText)}
	event, err := r.event()
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsRune(event.Record, utf8.RuneError) || strings.Contains(event.Record, `\ufffd`) {
		t.Error("the event holds a part of a character")
	}
	for what, text := range map[string]string{"user agent": r.UserAgent, "error message": r.ErrorMessage} {
		if len(text) > maxText || len(text) < maxText-utf8.UTFMax {
			t.Errorf("%s has %d bytes", what, len(text))
		}
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"short", "abc", "abc"},
		{"as long as allowed", "abcd", "abcd"},
		{"too long", "abcde", "abcd"},
		{"at a character", "abcdé", "abcd"},
		{"within a character", "abcé", "abc"},
		{"not UTF-8", "a\xffb", "a?b"},
	} {
		if got := Cut(test.text, 4); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

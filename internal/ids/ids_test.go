package ids_test

import (
	"regexp"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/ids"
)

func TestForms(t *testing.T) {
	for pattern, make := range map[string]func() string{
		`^[a-z2-7]{26}$`:     ids.New,
		`^AIDA[A-Z2-7]{17}$`: func() string { return ids.NewUnique("AIDA") },
		`^AKIA[A-Z2-7]{16}$`: ids.NewAccessKey,
		`^[1-9][0-9]{11}$`:   ids.NewAccount,
		`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`: ids.NewUUID,
	} {
		seen := map[string]bool{}
		for range 200 {
			text := make()
			if !regexp.MustCompile(pattern).MatchString(text) {
				t.Fatalf("%q does not match %s", text, pattern)
			}
			if seen[text] {
				t.Fatalf("%q came twice", text)
			}
			seen[text] = true
		}
	}
}

func TestParseAccount(t *testing.T) {
	for typed, want := range map[string]string{
		"111122223333":     "111122223333",
		"1111-2222-3333":   "111122223333",
		" 1111-2222-3333 ": "111122223333",
		"000000000000":     "000000000000",

		"":               "",
		"11112222333":    "",
		"1111222233334":  "",
		"1111 2222 3333": "",
		"11112222333a":   "",
		"１１１１22223333":   "", // full-width digits
		"acme":           "",
	} {
		if account, ok := ids.ParseAccount(typed); account != want || ok != (want != "") {
			t.Errorf("ParseAccount(%q) = %q, %t, want %q", typed, account, ok, want)
		}
	}
}

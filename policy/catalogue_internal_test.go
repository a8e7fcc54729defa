package policy

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPatternsOfPatterns holds covers and overlap to what the patterns fit among all short texts.
func TestPatternsOfPatterns(t *testing.T) {
	texts := []string{""}
	for n := 0; len(texts[n]) < 6; n++ {
		texts = append(texts, texts[n]+"a", texts[n]+"b")
	}

	pattern := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?")), 0, 3, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		first, second := compileGlob(a, globSyntax{wildcards: true}), compileGlob(b, globSyntax{wildcards: true})
		all, some := true, false
		for _, text := range texts {
			fits, also := first.match(text, nil), second.match(text, nil)
			all = all && (fits || !also)
			some = some || fits && also
		}
		if covers(a, b) && !all {
			t.Fatalf("%q is said to cover %q", a, b)
		}
		if overlap(a, b) != some {
			t.Fatalf("%q and %q: overlap is %v, want %v", a, b, overlap(a, b), some)
		}
	})
}

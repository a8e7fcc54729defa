package iamapi

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/awsquery"
)

// Regular expressions that say the same as the models' patterns, in Go's syntax and anchored: what our own rules and tables
// are held against. Only the alias's has to be written otherwise, since Go's cannot look ahead.
func reference(text string) *regexp.Regexp {
	if text == patternAccountAliasType.Text {
		return regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])+$`)
	}
	text = regexp.MustCompile(`\\u([0-9A-F]{4})`).ReplaceAllString(text, `\x{$1}`)
	return regexp.MustCompile(`^(?:` + strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$") + `)\z`)
}

// patterns are those of every input of the service.
func patterns() map[string]*awsquery.Pattern {
	found := make(map[string]*awsquery.Pattern)
	var visit func(*awsquery.Shape)
	visit = func(s *awsquery.Shape) {
		if s.Pattern != nil {
			found[s.Pattern.Text] = s.Pattern
		}
		if s.Element != nil {
			visit(s.Element)
		}
		for n := range s.Members {
			visit(s.Members[n].Shape)
		}
	}
	for _, op := range operations {
		visit(op.Input)
	}
	return found
}

// Strings of the characters that the patterns are about, and whole values that one of them allows.
func value() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOf(rapid.SampledFrom([]rune("azAZ09_-./+=,@:?#&~ !\t\n\x7f\u0085\u00a0\u00a1\u00ff\u0100é日𝒳"))),
		rapid.StringMatching(`/?([a-z.+]{1,3}/){0,3}`),
		rapid.StringMatching(`[a-z0-9]?[a-z0-9-]{0,62}[a-z0-9]?`),
		rapid.StringMatching(`https?://[a-z.]{0,5}(/[a-z]{0,2})?(\?[a=&]{0,4})?(#[a/?#]{0,3})?`),
		rapid.StringMatching(`v[0-9]{0,3}(\.[A-Za-z0-9.-]{0,4})?`),
		rapid.StringMatching(`o-[0-9a-z]{9,33}/r-[0-9a-z]{3,33}[0-9a-z/-]{0,6}`),
		rapid.StringMatching(`p-[0-9a-zA-Z_]{7,129}`),
		rapid.StringMatching(`[0-9]{11,13}`),
		rapid.String(),
	)
}

func TestPatterns(t *testing.T) {
	all := patterns()
	if len(all) < 20 {
		t.Fatalf("only %d patterns", len(all))
	}
	for text, p := range all {
		t.Run(text, func(t *testing.T) {
			want := reference(text)
			rapid.Check(t, func(t *rapid.T) {
				s := value().Draw(t, "value")
				expected := want.MatchString(s)
				if text == patternAccountAliasType.Text {
					expected = expected && len(s) >= 3 && len(s) <= 63
				}
				if p.Match(s) != expected {
					t.Fatalf("%q: %v", s, !expected)
				}
			})
		})
	}
}

// The corner cases of the rules that are written by hand.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		pattern *awsquery.Pattern
		right   []string
		wrong   []string
	}{
		{
			&patternAccountAliasType,
			[]string{"abc", "a-b", "1a2", strings.Repeat("a", 63)},
			[]string{"", "ab", "-ab", "ab-", "a--b", "aBc", "a.b", strings.Repeat("a", 64), "ab\n"},
		},
		{
			&patternRedirectUrlType,
			[]string{"http://", "https://a.b/c", "https://a?x=y&z", "https://a?", "https://a#b", "https://a?b#c/d"},
			[]string{"", "http:/a", "httpx://a", "https://a?b?c", "https://a#b#c", "https://a#b?c", "https://a:80", "javascript://a"},
		},
		{&patternPathType, []string{"/", "/a/", "///", "/a//b/", "/~/"}, []string{"", "//", "a/", "/a", "/ /", "/é/", "/a/\n"}},
		{&patternPolicyPathType, []string{"/", "/a/", "/a/b.c/"}, []string{"", "//", "a/", "/a", "/a//b/", "/a b/"}},
		{
			&patternPolicyVersionIdType,
			[]string{"v1", "v10", "v1.", "v1.a-B"},
			[]string{"", "v", "v0", "v01", "1", "V1", "v1a", "v1.a.b", "v.1"},
		},
		{
			&patternOrganizationsEntityPathType,
			[]string{"o-a1b2c3d4e5/r-f6g7/", "o-a1b2c3d4e5/r-f6g7h8/ou-1/123456789012"},
			[]string{"", "o-a1b2c3d4e/r-f6g7/", "o-a1b2c3d4e5/r-f6g/", "o-a1b2c3d4e5", "o-a1b2c3d4e5/x-f6g7", "o-a1b2c3d4e5/r-f6g7/OU"},
		},
		{&patternPathPrefixType, []string{"/", "/a", "/a/", "/\x7f"}, []string{"", "a", " /", "/ ", "/é"}},
	} {
		for _, s := range c.right {
			if !c.pattern.Match(s) {
				t.Errorf("%s refuses %q", c.pattern.Text, s)
			}
		}
		for _, s := range c.wrong {
			if c.pattern.Match(s) {
				t.Errorf("%s allows %q", c.pattern.Text, s)
			}
		}
	}
}

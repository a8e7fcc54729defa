package iamapi

import (
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
)

// The corner cases of the rules that are written by hand; package model holds all patterns against regular expressions.
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

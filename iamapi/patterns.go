package iamapi

import "strings"

// The functions in this file decide the patterns that are more than one set of characters. Each reads its value once.

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// only reports whether s has nothing but letters, digits and the other characters.
func only(s, others string) bool {
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && !isLower(c) && !isUpper(c) && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// matchAccountAlias: 3 to 63 lower-case letters, digits and hyphens, no hyphen at either end and no two together.
func matchAccountAlias(s string) bool {
	if len(s) < 3 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' || strings.Contains(s, "--") {
		return false
	}
	return lowerDigits(s, '-')
}

// lowerDigits reports whether s has nothing but lower-case letters, digits and the other characters.
func lowerDigits(s string, others ...byte) bool {
next:
	for i := range len(s) {
		if isDigit(s[i]) || isLower(s[i]) {
			continue
		}
		for _, other := range others {
			if s[i] == other {
				continue next
			}
		}
		return false
	}
	return true
}

// matchRedirectURL: http or https, then host and path, an optional query, an optional fragment, each of few characters.
func matchRedirectURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "http")
	if !ok {
		return false
	}
	if rest, ok = strings.CutPrefix(strings.TrimPrefix(rest, "s"), "://"); !ok {
		return false
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	return only(rest, "._/-") && only(query, "._=&-") && only(fragment, "._/-")
}

// matchPath: "/", or printable ASCII between two slashes.
func matchPath(s string) bool {
	if s == "/" {
		return true
	}
	if len(s) < 3 || s[0] != '/' || s[len(s)-1] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

// matchPolicyPath: slashes with names between them, one at either end and no two together.
func matchPolicyPath(s string) bool {
	if s == "" || s[0] != '/' || s[len(s)-1] != '/' || strings.Contains(s, "//") {
		return false
	}
	return only(s, "/.,+@=_-")
}

// matchPolicyVersionID: "v", a number without leading zeros, and perhaps a dot with letters, digits and hyphens.
func matchPolicyVersionID(s string) bool {
	number, suffix, _ := strings.Cut(s, ".")
	if len(number) < 2 || number[0] != 'v' || number[1] == '0' || !only(suffix, "-") {
		return false
	}
	for i := 1; i < len(number); i++ {
		if !isDigit(number[i]) {
			return false
		}
	}
	return true
}

// matchOrganizationsEntityPath: "o-" with 10 to 32 lower-case letters and digits, "/r-" with at least 4, then those, hyphens
// and slashes.
func matchOrganizationsEntityPath(s string) bool {
	organization, rest, found := strings.Cut(s, "/")
	organization, ok := strings.CutPrefix(organization, "o-")
	if !found || !ok || len(organization) < 10 || len(organization) > 32 || !lowerDigits(organization) {
		return false
	}
	root, ok := strings.CutPrefix(rest, "r-")
	return ok && len(root) >= 4 && lowerDigits(root[:4]) && lowerDigits(root[4:], '-', '/')
}

// matchAccountPropertyKey: a letter, then letters, digits, slashes, underscores and hyphens.
func matchAccountPropertyKey(s string) bool {
	return s != "" && (isLower(s[0]) || isUpper(s[0])) && only(s, "/_-")
}

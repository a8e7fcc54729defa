package console

import (
	"strings"
	"unicode"
)

// words cuts a name such as aws:MultiFactorAuthPresent where a line may break. No piece is longer than a narrow column.
func words(name string) []string {
	const longest = 20
	var cut []string
	begin, length, before := 0, 0, rune(0)
	for at, r := range name {
		if length > 0 && (strings.ContainsRune(":/.-_", before) || unicode.IsLower(before) && unicode.IsUpper(r)) || length == longest {
			cut, begin, length = append(cut, name[begin:at]), at, 0
		}
		before, length = r, length+1
	}
	return append(cut, name[begin:])
}

// browserName returns what a person calls the browser with this User-Agent header.
func browserName(userAgent string) string {
	has := func(text string) bool { return strings.Contains(userAgent, text) }
	name, system := "Unknown browser", ""
	switch {
	case has("Edg/"):
		name = "Edge"
	case has("Firefox/"):
		name = "Firefox"
	case has("Chrome/"):
		name = "Chrome"
	case has("Safari/"):
		name = "Safari"
	case userAgent != "":
		name, _, _ = strings.Cut(userAgent, "/")
	}

	switch {
	case has("Android"):
		system = "Android"
	case has("iPhone"), has("iPad"):
		system = "iOS"
	case has("Windows"):
		system = "Windows"
	case has("Mac OS X"):
		system = "macOS"
	case has("Linux"):
		system = "Linux"
	}

	if system == "" {
		return name
	}
	return name + " on " + system
}

package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns the form in which names that are unique without regard to case are compared. It is Unicode's simple case folding:
// Fold(a) == Fold(b) exactly when strings.EqualFold(a, b).
//
// ASCII letters fold to lower case, so that folded names sort as their lower case does. Bytes that are not UTF-8 fold to U+FFFD.
func Fold(name string) string {
	for n := range len(name) {
		if c := name[n]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return strings.Map(foldRune, name)
		}
	}
	return name
}

// foldRune returns one character for all that differ from r by case alone: the least of them, in lower case if it is ASCII.
func foldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}

	if least >= 'A' && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

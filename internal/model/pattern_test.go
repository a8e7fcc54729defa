package model_test

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/awsquery"
)

// TestPatterns holds every table and function that decides a pattern against the regular expression that it stands for: each
// character there is, alone and within a value that matches, and many made-up values.
func TestPatterns(t *testing.T) {
	shapes := make(map[string]*awsquery.Shape) // with a pattern, by its text
	for _, operations := range services {
		for _, op := range operations {
			withPatterns(op.Input, shapes)
		}
	}

	if len(shapes) < 25 {
		t.Fatalf("only %d patterns", len(shapes))
	}

	for _, text := range slices.Sorted(maps.Keys(shapes)) {
		t.Run(text, func(t *testing.T) {
			pattern, matches := shapes[text].Pattern, reference(text)
			whole := sample(t, shapes[text])
			check := func(value string) {
				if got, want := pattern.Match(value), matches(value); got != want {
					t.Fatalf("%q: matches %v, want %v", value, got, want)
				}
			}

			check("")
			check(whole)
			middle := len(whole) / 2
			for r := rune(0); r <= utf8.MaxRune; r++ {
				if r > 0x2FFF && r%251 != 0 && !slices.Contains(edges, r) || !utf8.ValidRune(r) {
					continue
				}
				c := string(r)
				check(c)
				check(whole[:middle] + c + whole[middle:])
				check(whole + c)
			}

			random := rand.New(rand.NewPCG(1, 2))
			parts := append(strings.Split("a|Z|7|0|-|--|/|//|:|.|,|_|=|&|+|@|?|#|v|o-|/r-|p-|http|s|://|é| |\x00|aaaaaaaaaa", "|"), whole,
				pattern.Prefix)
			for range 5000 {
				value := ""
				for range random.IntN(9) {
					value += parts[random.IntN(len(parts))]
				}
				check(value)
			}
		})
	}
}

// edges are where sets of characters begin or end beyond the first planes.
var edges = []rune{0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF}

func withPatterns(s *awsquery.Shape, into map[string]*awsquery.Shape) {
	if s.Pattern != nil {
		into[s.Pattern.Text] = s
	}
	if s.Element != nil {
		withPatterns(s.Element, into)
	}
	for _, m := range s.Members {
		withPatterns(m.Shape, into)
	}
}

var fourDigits = regexp.MustCompile(`\\u([0-9A-F]{4})`)

// reference is the matcher of a model's pattern by package regexp. What that cannot say, or what the overlay corrects, is
// said here once more.
func reference(text string) func(string) bool {
	const lookahead = "-(?!-)"
	doubled := strings.Contains(text, lookahead)
	text = strings.ReplaceAll(text, lookahead, "-")
	text = strings.ReplaceAll(text, `\u10000-\u10FFFF`, `\x{10000}-\x{10FFFF}`)
	whole := regexp.MustCompile(`\A(?:` + fourDigits.ReplaceAllString(text, `\x{$1}`) + `)\z`)
	return func(s string) bool { return whole.MatchString(s) && !(doubled && strings.Contains(s, "--")) }
}

package awsquery

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is the character rule of a string, as a table rather than a regular expression: a literal beginning, then only
// characters of one set. The service matches the whole value.
type Pattern struct {
	Text   string    // as the model writes it, for messages
	Prefix string    // what the value begins with
	ASCII  [2]uint64 // the set's characters below 128, a bit each
	// Wide has the set's other characters.
	Wide []*unicode.RangeTable
	// Min and Max bound the number of characters after Prefix. Max 0 is no bound.
	Min, Max int
	// Func decides instead, for a rule that is not of this form.
	Func func(string) bool
}

// Match reports whether the whole of s fits.
func (p *Pattern) Match(s string) bool {
	if p.Func != nil {
		return p.Func(s)
	}

	s, ok := strings.CutPrefix(s, p.Prefix)
	if !ok {
		return false
	}

	n := 0
	for _, r := range s {
		if r < utf8.RuneSelf {
			if p.ASCII[r>>6]&(1<<(r&63)) == 0 {
				return false
			}
		} else if !unicode.In(r, p.Wide...) {
			return false
		}
		n++
	}
	return n >= p.Min && (p.Max == 0 || n <= p.Max)
}

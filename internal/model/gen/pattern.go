package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// set is a set of characters. It has a table for ASCII, and ranges and categories for the rest.
type set struct {
	ascii      [2]uint64
	ranges     [][2]rune
	categories []string
}

func (s *set) add(low, high rune) {
	for r := low; r <= high && r < utf8.RuneSelf; r++ {
		s.ascii[r>>6] |= 1 << (r & 63)
	}
	if high >= utf8.RuneSelf {
		s.ranges = append(s.ranges, [2]rune{max(low, utf8.RuneSelf), high})
	}
}

// simple is a pattern that a table can decide: a literal prefix, and then characters of one set, min to max of them. A max of 0 is
// no bound.
type simple struct {
	prefix   string
	set      set
	min, max int
}

var (
	// classForm is literal, class, quantifier. The class may be a shorthand.
	classForm  = regexp.MustCompile(`^\^?((?:[A-Za-z0-9-]|\\u[0-9A-F]{4})*)(\[(?:[^\]\\]|\\.)+\]|\\[dw])(\+|\*|\{\d+(?:,\d+)?\})\$?$`)
	quantifier = regexp.MustCompile(`^\{(\d+)(?:,(\d+))?\}$`)
	escapes    = regexp.MustCompile(`\\u(?:([0-9A-F]{4})|\{([0-9A-F]+)\})`)
)

// compile reads a pattern of the simple form. It knows only what the models use of regular expressions, and refuses the rest.
func compile(text string) (simple, error) {
	parts := classForm.FindStringSubmatch(text)
	if parts == nil {
		return simple{}, fmt.Errorf("pattern %s is not a class of characters: give it a function in overlay.json", text)
	}

	p := simple{prefix: escapes.ReplaceAllStringFunc(parts[1], func(e string) string { return string(codePoint(e)) })}
	switch parts[3] {
	case "*":
	case "+":
		p.min = 1
	default:
		bounds := quantifier.FindStringSubmatch(parts[3])
		p.min, _ = strconv.Atoi(bounds[1])
		p.max = p.min
		if bounds[2] != "" {
			p.max, _ = strconv.Atoi(bounds[2])
		}
	}
	return p, p.set.parse(strings.Trim(parts[2], "[]"))
}

// codePoint returns the character of an escape such as \u00FF or \u{10FFFF}.
func codePoint(escape string) rune {
	parts := escapes.FindStringSubmatch(escape)
	n, _ := strconv.ParseInt(parts[1]+parts[2], 16, 32)
	return rune(n)
}

// parse reads the inside of a class.
func (s *set) parse(text string) error {
	for text != "" {
		low, size, known, err := s.element(text)
		if err != nil {
			return err
		}
		text = text[size:]
		if known {
			continue
		}
		high := low
		if len(text) > 1 && text[0] == '-' {
			if high, size, known, err = s.element(text[1:]); err != nil || known {
				return fmt.Errorf("bad range before %q: %w", text, err)
			}
			text = text[1+size:]
		}
		if high < low {
			return fmt.Errorf("bad range %U-%U", low, high)
		}
		s.add(low, high)
	}

	return nil
}

// element reads one character and its size in the text. It adds a shorthand such as \w to the set at once, and then reports it as
// known.
func (s *set) element(text string) (r rune, size int, known bool, err error) {
	if text[0] != '\\' {
		r, size = utf8.DecodeRuneInString(text)
		return r, size, false, nil
	}

	switch {
	case strings.HasPrefix(text, `\w`):
		s.add('0', '9')
		s.add('A', 'Z')
		s.add('a', 'z')
		s.add('_', '_')
		return 0, 2, true, nil
	case strings.HasPrefix(text, `\d`):
		s.add('0', '9')
		return 0, 2, true, nil
	case strings.HasPrefix(text, `\p{`):
		name, _, closed := strings.Cut(text[3:], "}")
		if !closed {
			return 0, 0, false, fmt.Errorf("bad category in %q", text)
		}
		s.categories = append(s.categories, name)
		return 0, len(name) + 4, true, nil
	case strings.HasPrefix(text, `\u`):
		at := escapes.FindStringIndex(text)
		if at == nil || at[0] != 0 {
			return 0, 0, false, fmt.Errorf("bad escape in %q", text)
		}
		return codePoint(text[:at[1]]), at[1], false, nil
	case len(text) > 1 && strings.IndexByte(`.:/-+=_@,\`, text[1]) >= 0:
		return rune(text[1]), 2, false, nil
	}
	return 0, 0, false, fmt.Errorf("unknown escape in %q", text)
}

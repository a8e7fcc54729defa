package policy

import (
	"strings"
	"unicode/utf8"
)

// glob is a compiled pattern of literal text, '*', '?' and variables. Matching takes at most len(pattern) × len(subject) steps and
// never allocates. The pattern is cut at its stars into chunks. The first chunk must fit at the start of the subject and the last
// at its end. Each chunk between them is taken at its leftmost place, which leaves the most text for those that follow, so no
// choice ever has to be undone.
type glob struct {
	form   globForm
	fold   bool   // ignore letter case
	text   string // the literal of globExact and globPrefix
	chunks []chunk
}

type globForm uint8

const (
	globChunks globForm = iota
	globAny             // "*"
	globExact           // no wildcard, no variable
	globPrefix          // literal text, then one '*'
)

// chunk is what stands between two stars.
type chunk []element

// element is literal text, one arbitrary character, or a variable.
type element struct {
	kind     elementKind
	text     string // the literal, or a variable's default
	variable contextKey
}

type elementKind uint8

const (
	literalText elementKind = iota
	oneCharacter
	variable
	variableWithDefault
)

// globSyntax says which characters of a pattern are special where it stands.
type globSyntax struct {
	wildcards, variables, fold bool
}

// compileGlob prepares a pattern. The most frequent forms need no chunks.
func compileGlob(text string, syntax globSyntax) glob {
	switch special := specialAt(text, syntax); {
	case special == len(text):
		return glob{form: globExact, fold: syntax.fold, text: text}
	case text == "*":
		return glob{form: globAny}
	case special == len(text)-1 && text[special] == '*':
		return glob{form: globPrefix, fold: syntax.fold, text: text[:special]}
	}

	chunks := make([]chunk, 1, 2)
	last := &chunks[0]
	literal := func(s string) {
		if n := len(*last); n > 0 && (*last)[n-1].kind == literalText {
			(*last)[n-1].text += s
		} else {
			*last = append(*last, element{kind: literalText, text: s})
		}
	}

	for text != "" {
		special := specialAt(text, syntax)
		if special > 0 {
			literal(text[:special])
			text = text[special:]
			continue
		}

		switch text[0] {
		case '*':
			if len(chunks) == 1 || len(*last) > 0 { // "**" means "*"
				chunks = append(chunks, nil)
				last = &chunks[len(chunks)-1]
			}
			text = text[1:]
		case '?':
			*last = append(*last, element{kind: oneCharacter})
			text = text[1:]
		default:
			e, size := readVariable(text)
			if e.kind == literalText {
				literal(e.text)
			} else {
				*last = append(*last, e)
			}
			text = text[size:]
		}
	}
	return glob{fold: syntax.fold, chunks: chunks}
}

// specialAt returns where the next special character stands, or the length of text. A "${" that begins no well-formed
// variable is literal text.
func specialAt(text string, syntax globSyntax) int {
	for n := range len(text) {
		switch text[n] {
		case '*', '?':
			if syntax.wildcards {
				return n
			}
		case '$':
			if syntax.variables {
				if _, size := readVariable(text[n:]); size > 0 {
					return n
				}
			}
		}
	}
	return len(text)
}

// match reports whether the whole of s fits the pattern. A pattern with a variable that has no value fits nothing.
func (g *glob) match(s string, ctx *Context) bool {
	switch g.form {
	case globAny:
		return true
	case globExact:
		return s == g.text || g.fold && strings.EqualFold(s, g.text)
	case globPrefix:
		_, ok := g.cutLiteral(s, g.text)
		return ok
	}

	s, ok := g.cutPrefix(s, g.chunks[0], ctx)
	if !ok || len(g.chunks) == 1 {
		return ok && s == ""
	}
	last := len(g.chunks) - 1
	if s, ok = g.cutSuffix(s, g.chunks[last], ctx); !ok {
		return false
	}
	for _, c := range g.chunks[1:last] {
		if s, ok = g.cut(s, c, ctx); !ok {
			return false
		}
	}
	return true
}

// cut finds the leftmost place in s where a chunk fits, and returns what follows it.
func (g *glob) cut(s string, c chunk, ctx *Context) (string, bool) {
	// The usual chunk is plain text, for which the standard library's search is faster.
	if len(c) == 1 && c[0].kind == literalText && !g.fold {
		_, after, found := strings.Cut(s, c[0].text)
		return after, found
	}

	for {
		if rest, ok := g.cutPrefix(s, c, ctx); ok {
			return rest, true
		}
		if s == "" {
			return "", false
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
}

// cutPrefix returns s without a chunk that fits at its start.
func (g *glob) cutPrefix(s string, c chunk, ctx *Context) (string, bool) {
	for n := range c {
		if c[n].kind == oneCharacter {
			if s == "" {
				return "", false
			}
			_, size := utf8.DecodeRuneInString(s)
			s = s[size:]
			continue
		}

		text, ok := c[n].value(ctx)
		if ok {
			s, ok = g.cutLiteral(s, text)
		}
		if !ok {
			return "", false
		}
	}
	return s, true
}

// cutLiteral returns s without a literal prefix.
func (g *glob) cutLiteral(s, prefix string) (string, bool) {
	if rest, ok := strings.CutPrefix(s, prefix); ok || !g.fold {
		return rest, ok
	}
	return cutPrefixFold(s, prefix)
}

// cutSuffix returns s without a chunk that fits at its end.
func (g *glob) cutSuffix(s string, c chunk, ctx *Context) (string, bool) {
	for n := len(c) - 1; n >= 0; n-- {
		if c[n].kind == oneCharacter {
			if s == "" {
				return "", false
			}
			_, size := utf8.DecodeLastRuneInString(s)
			s = s[:len(s)-size]
			continue
		}

		text, ok := c[n].value(ctx)
		if ok && g.fold {
			s, ok = cutSuffixFold(s, text)
		} else if ok {
			s, ok = strings.CutSuffix(s, text)
		}
		if !ok {
			return "", false
		}
	}
	return s, true
}

// cutPrefixFold is strings.CutPrefix without regard to letter case.
func cutPrefixFold(s, prefix string) (string, bool) {
	for _, want := range prefix {
		got, size := utf8.DecodeRuneInString(s)
		if size == 0 || fold(got) != fold(want) {
			return "", false
		}
		s = s[size:]
	}
	return s, true
}

// cutSuffixFold is strings.CutSuffix without regard to letter case.
func cutSuffixFold(s, suffix string) (string, bool) {
	for suffix != "" {
		want, size := utf8.DecodeLastRuneInString(suffix)
		suffix = suffix[:len(suffix)-size]
		got, size := utf8.DecodeLastRuneInString(s)
		if size == 0 || fold(got) != fold(want) {
			return "", false
		}
		s = s[:len(s)-size]
	}
	return s, true
}

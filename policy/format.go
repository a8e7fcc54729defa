package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format returns the canonical form of a policy of any kind: elements in the order in which the guide introduces them, a single
// value without a list, Statement always a list, the values of conditions in quotes, one value a line, four spaces for each
// level. It changes no decision: the order of statements and of values stays, and no element is added or dropped. Text that is
// no JSON, or no object with a Statement, is a Violations error; elements that no policy has are kept behind the others, for Parse to refuse.
func Format(text []byte) ([]byte, error) {
	root, fault := readJSON(text)
	if fault != nil {
		return nil, sortViolations(text, []Violation{{Message: messageSyntax, Hint: fault.hint}}, []int{fault.offset})
	}
	if root.member("Statement") == nil {
		return nil, sortViolations(text, []Violation{{Message: messageSyntax, Hint: "Statement is missing"}}, []int{root.start})
	}
	var w formatter
	w.document(&root)
	w.WriteByte('\n')
	if utf8.RuneCount(w.Bytes()) > maxCharacters {
		return nil, fmt.Errorf("the canonical form is longer than the %d characters that a policy may have", maxCharacters)
	}
	return w.Bytes(), nil
}

// The order of elements (IAM User Guide, "IAM JSON policy elements reference").
var (
	documentOrder  = []string{"Version", "Id", "Statement"}
	statementOrder = []string{
		"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
	}
)

// formatter writes JSON.
type formatter struct {
	bytes.Buffer
	depth int
}

func (w *formatter) document(v *jsonValue) {
	w.object(v, documentOrder, func(name string, v *jsonValue) {
		switch {
		case name != "Statement":
			w.value(v)
		case v.kind == jsonArray:
			w.list(v.items, w.statement)
		default:
			w.list([]jsonValue{*v}, w.statement)
		}
	})
}

func (w *formatter) statement(v *jsonValue) {
	w.object(v, statementOrder, func(name string, v *jsonValue) {
		switch name {
		case "Condition":
			w.object(v, nil, func(_ string, v *jsonValue) { // by operator
				w.object(v, nil, func(_ string, v *jsonValue) { w.unlisted(v, w.conditionValue) }) // by key
			})
		case "Principal", "NotPrincipal":
			w.object(v, nil, func(_ string, v *jsonValue) { w.unlisted(v, w.value) })
		case "Action", "NotAction", "Resource", "NotResource":
			w.unlisted(v, w.value)
		default: // no list, and if one is written Parse refuses it
			w.value(v)
		}
	})
}

// unlisted writes a list of one as its item.
func (w *formatter) unlisted(v *jsonValue, write func(*jsonValue)) {
	switch {
	case v.kind != jsonArray:
		write(v)
	case len(v.items) == 1 && v.items[0].kind != jsonArray:
		write(&v.items[0])
	default:
		w.list(v.items, write)
	}
}

// conditionValue writes numbers and booleans in quotes, which mean the same.
func (w *formatter) conditionValue(v *jsonValue) {
	if v.kind == jsonNumber || v.kind == jsonBool {
		w.string(v.text)
		return
	}
	w.value(v)
}

// value writes any value as it is.
func (w *formatter) value(v *jsonValue) {
	switch v.kind {
	case jsonString:
		w.string(v.text)
	case jsonArray:
		w.list(v.items, w.value)
	case jsonObject:
		w.object(v, nil, func(_ string, v *jsonValue) { w.value(v) })
	default:
		w.WriteString(v.text)
	}
}

// object writes an object's members, those of order first; anything else it writes as it is.
func (w *formatter) object(v *jsonValue, order []string, write func(name string, v *jsonValue)) {
	if v.kind != jsonObject {
		w.value(v)
		return
	}
	members := slices.Clone(v.members)
	rank := func(m jsonMember) int {
		if n := slices.Index(order, m.name); n >= 0 {
			return n
		}
		return len(order)
	}
	slices.SortStableFunc(members, func(a, b jsonMember) int { return rank(a) - rank(b) })
	w.lines('{', '}', len(members), func(n int) {
		w.string(members[n].name)
		w.WriteString(": ")
		write(members[n].name, &members[n].value)
	})
}

func (w *formatter) list(items []jsonValue, write func(*jsonValue)) {
	w.lines('[', ']', len(items), func(n int) { write(&items[n]) })
}

// lines writes count things, a line each, between brackets.
func (w *formatter) lines(open, end byte, count int, write func(int)) {
	w.WriteByte(open)
	w.depth++
	for n := range count {
		if n > 0 {
			w.WriteByte(',')
		}
		w.newLine()
		write(n)
	}
	if w.depth--; count > 0 {
		w.newLine()
	}
	w.WriteByte(end)
}

func (w *formatter) newLine() {
	w.WriteByte('\n')
	w.WriteString(strings.Repeat("    ", w.depth))
}

// string writes a string so that Parse accepts it: what a policy's text may not hold is escaped.
func (w *formatter) string(s string) {
	w.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.WriteByte('\\')
			w.WriteRune(r)
		case r == '\n':
			w.WriteString(`\n`)
		case r == '\r':
			w.WriteString(`\r`)
		case r == '\t':
			w.WriteString(`\t`)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(w, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		case r < ' ' || r > 0xFF:
			fmt.Fprintf(w, `\u%04x`, r)
		default:
			w.WriteRune(r)
		}
	}
	w.WriteByte('"')
}

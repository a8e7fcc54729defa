package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format returns the canonical form of a policy of any kind. Elements stand in the order in which the guide introduces them, a
// single value is not in a list, Statement is always a list, and the values of conditions are in quotes. Each value has a line, and
// each level is indented by four spaces.
//
// The canonical form decides the same: the order of statements and of values stays, and no element is added or dropped. The error
// is of type [Violations] when the text is not JSON or not an object with a Statement. Elements that no policy has are kept, after
// the others, so that [Parse] can refuse them.
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

	// Indentation and escapes can make a text longer than a policy may be.
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

// formatter writes JSON in the canonical form.
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
		default: // the element has one value; when it has a list, Parse refuses it
			w.value(v)
		}
	})
}

// unlisted writes a list with a single item as that item.
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

// conditionValue writes a condition's value. Numbers and booleans mean the same in quotes, and are written so.
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

// object writes an object, whose members with a name in order come first. Anything but an object it writes as it is.
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

// lines writes count values between brackets, each on a line of its own.
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

// string writes a string in a form that Parse accepts: characters that the text of a policy must not contain are escaped.
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

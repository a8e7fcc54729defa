package policy

import (
	"strconv"
	"unicode/utf8"
)

// This file has a JSON reader of its own because encoding/json does not report where values stand, and accepts a key that occurs
// twice. The reader follows RFC 8259 strictly and reads the text in one pass. Its memory is bounded by the limits below, each of
// which is checked before the work that it bounds.

// maxCharacters is the longest text that any parameter holding a policy may have (IAM API, policyDocumentType).
const maxCharacters = 131072

// maxDepth bounds nesting. The grammar needs six levels: document, statements, statement, condition, operator, values.
const maxDepth = 16

// maxValues bounds the memory that a text can take. A policy within AWS's quotas has far fewer values.
const maxValues = maxCharacters / 4

// jsonValue is a value and its place: start is the offset of its first byte, and end the offset after its last byte.
type jsonValue struct {
	kind       jsonKind
	text       string // a string decoded, or another scalar as it is written
	members    []jsonMember
	items      []jsonValue
	start, end int
}

// jsonMember is a member of an object. Its start is the offset of its name.
type jsonMember struct {
	name  string
	start int
	value jsonValue
}

type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// jsonFault says where and why reading stopped.
type jsonFault struct {
	offset int
	hint   string
}

// jsonReader reads values from a text. Each of its methods reads at the offset, and leaves the offset after what it read. Their
// parameter depth is how many levels the value is nested in.
type jsonReader struct {
	text   []byte
	offset int
	values int // read so far
}

// readJSON reads a whole text, which must be one value.
func readJSON(text []byte) (jsonValue, *jsonFault) {
	if offset := checkText(text); offset >= 0 {
		return jsonValue{}, textFault(text, offset)
	}
	r := jsonReader{text: text}
	r.skipSpace()
	v, fault := r.value(0)
	if fault != nil {
		return jsonValue{}, fault
	}
	if r.skipSpace(); r.offset < len(text) {
		return jsonValue{}, r.fault("text after the end of the document")
	}
	return v, nil
}

// checkText returns the offset of the first thing that a policy must not contain, or -1 without any. These are bytes that are not
// UTF-8, characters other than tab, line feed, carriage return and U+0020 to U+00FF, and everything beyond maxCharacters. It reads
// no further than that.
func checkText(text []byte) int {
	characters := 0
	for offset := 0; offset < len(text); characters++ {
		r, size := utf8.DecodeRune(text[offset:])
		if characters == maxCharacters || r == utf8.RuneError || r > 0xFF || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return offset
		}
		offset += size
	}
	return -1
}

// textFault describes what checkText found at an offset.
func textFault(text []byte, offset int) *jsonFault {
	r, size := utf8.DecodeRune(text[offset:])
	switch {
	case r == utf8.RuneError && size == 1:
		return &jsonFault{offset, "not valid UTF-8"}
	case r > 0xFF || r < ' ' && r != '\t' && r != '\n' && r != '\r':
		return &jsonFault{offset, "character " + strconv.QuoteRuneToASCII(r) + " is not allowed in a policy"}
	}
	return &jsonFault{offset, "longer than " + strconv.Itoa(maxCharacters) + " characters"}
}

func (r *jsonReader) fault(hint string) *jsonFault { return &jsonFault{r.offset, hint} }

// unexpected returns the fault that the next character is not what is wanted there.
func (r *jsonReader) unexpected(want string) *jsonFault {
	if r.offset >= len(r.text) {
		return r.fault("the text ends where " + want + " should stand")
	}
	c, _ := utf8.DecodeRune(r.text[r.offset:])
	return r.fault(strconv.QuoteRune(c) + " stands where " + want + " should")
}

// peek returns the next byte, or 0 at the end of the text. checkText has made sure that no byte of the text is 0.
func (r *jsonReader) peek() byte {
	if r.offset < len(r.text) {
		return r.text[r.offset]
	}
	return 0
}

func (r *jsonReader) skipSpace() {
	for {
		switch r.peek() {
		case ' ', '\t', '\n', '\r':
			r.offset++
		default:
			return
		}
	}
}

// value reads a value of any kind.
func (r *jsonReader) value(depth int) (jsonValue, *jsonFault) {
	if r.values++; r.values > maxValues {
		return jsonValue{}, r.fault("more than " + strconv.Itoa(maxValues) + " values")
	}

	v := jsonValue{start: r.offset}
	var fault *jsonFault
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if depth == maxDepth {
			return jsonValue{}, r.fault("nested deeper than " + strconv.Itoa(maxDepth) + " levels")
		}
		r.offset++
		if c == '{' {
			v.kind = jsonObject
			v.members, fault = r.members(depth + 1)
		} else {
			v.kind = jsonArray
			v.items, fault = r.items(depth + 1)
		}
	case c == '"':
		v.kind = jsonString
		v.text, fault = r.string()
	case c == '-' || '0' <= c && c <= '9':
		v.kind = jsonNumber
		v.text, fault = r.number()
	default:
		v.kind, v.text, fault = r.word()
	}
	v.end = r.offset
	return v, fault
}

// members reads an object after its opening brace.
func (r *jsonReader) members(depth int) ([]jsonMember, *jsonFault) {
	if r.skipSpace(); r.peek() == '}' {
		r.offset++
		return nil, nil
	}

	var members []jsonMember
	var seen map[string]struct{} // the names in a large object; in a small one, looking through the members is faster
	for {
		r.skipSpace()
		m := jsonMember{start: r.offset}
		if r.peek() != '"' {
			return nil, r.unexpected("a key in quotes")
		}
		var fault *jsonFault
		if m.name, fault = r.string(); fault != nil {
			return nil, fault
		}

		if len(members) == 16 {
			seen = make(map[string]struct{})
			for _, earlier := range members {
				seen[earlier.name] = struct{}{}
			}
		}
		if isDuplicate(m.name, members, seen) {
			return nil, &jsonFault{m.start, "key " + strconv.Quote(printable(m.name)) + " occurs twice in one object"}
		}
		if seen != nil {
			seen[m.name] = struct{}{}
		}

		if r.skipSpace(); r.peek() != ':' {
			return nil, r.unexpected("a colon")
		}
		r.offset++
		r.skipSpace()
		if m.value, fault = r.value(depth); fault != nil {
			return nil, fault
		}
		members = append(members, m)

		more, fault := r.more('}')
		if fault != nil || !more {
			return members, fault
		}
	}
}

// isDuplicate reports whether a name is among the members. It uses seen when that is not nil.
func isDuplicate(name string, members []jsonMember, seen map[string]struct{}) bool {
	if seen != nil {
		_, found := seen[name]
		return found
	}
	for n := range members {
		if members[n].name == name {
			return true
		}
	}
	return false
}

// items reads an array after its opening bracket.
func (r *jsonReader) items(depth int) ([]jsonValue, *jsonFault) {
	if r.skipSpace(); r.peek() == ']' {
		r.offset++
		return nil, nil
	}

	var items []jsonValue
	for {
		r.skipSpace()
		item, fault := r.value(depth)
		if fault != nil {
			return nil, fault
		}
		items = append(items, item)
		more, fault := r.more(']')
		if fault != nil || !more {
			return items, fault
		}
	}
}

// more reads the comma before another element, or the closing brace or bracket. It reports whether there is another element.
func (r *jsonReader) more(end byte) (bool, *jsonFault) {
	r.skipSpace()
	c := r.peek()
	if c != ',' && c != end {
		return false, r.unexpected("a comma or " + strconv.QuoteRune(rune(end)))
	}
	r.offset++
	return c == ',', nil
}

// word reads true, false or null.
func (r *jsonReader) word() (jsonKind, string, *jsonFault) {
	start := r.offset
	for c := r.peek(); 'a' <= c && c <= 'z'; c = r.peek() {
		r.offset++
	}

	switch word := string(r.text[start:r.offset]); word {
	case "true", "false":
		return jsonBool, word, nil
	case "null":
		return jsonNull, word, nil
	}
	r.offset = start
	return jsonNull, "", r.unexpected("a value")
}

// number reads a number and returns it as it is written.
func (r *jsonReader) number() (string, *jsonFault) {
	start := r.offset
	digits := func() bool {
		from := r.offset
		for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
			r.offset++
		}
		return r.offset > from
	}

	if r.peek() == '-' {
		r.offset++
	}
	if r.peek() == '0' {
		r.offset++
	} else if !digits() {
		return "", r.unexpected("a digit")
	}
	if r.peek() == '.' {
		if r.offset++; !digits() {
			return "", r.unexpected("a digit")
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.offset++
		if c := r.peek(); c == '+' || c == '-' {
			r.offset++
		}
		if !digits() {
			return "", r.unexpected("a digit")
		}
	}

	text := string(r.text[start:r.offset])
	if _, ok := parseDecimal(text); !ok {
		return "", &jsonFault{start, "number out of range"}
	}
	return text, nil
}

// string reads a string, beginning at its opening quote, and decodes it.
func (r *jsonReader) string() (string, *jsonFault) {
	r.offset++
	start := r.offset
	for {
		switch c := r.peek(); {
		case c == '"':
			s := string(r.text[start:r.offset])
			r.offset++
			return s, nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.unexpected("the rest of a string")
		}
		r.offset++
	}
}

// escaped reads the rest of a string that begins at start, when the reader has come to its first backslash.
func (r *jsonReader) escaped(start int) (string, *jsonFault) {
	s := append([]byte(nil), r.text[start:r.offset]...)
	for {
		switch c := r.peek(); {
		case c == '"':
			r.offset++
			return string(s), nil

		case c == '\\':
			char, fault := r.escape()
			if fault != nil {
				return "", fault
			}
			s = utf8.AppendRune(s, char)

		case c < ' ':
			return "", r.unexpected("the rest of a string")
		default:
			s = append(s, c)
			r.offset++
		}
	}
}

// escape reads one escape sequence, or the two of a surrogate pair.
func (r *jsonReader) escape() (rune, *jsonFault) {
	at := r.offset
	r.offset++
	c := r.peek()
	r.offset++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return r.unicodeEscape(at)
	}

	return 0, &jsonFault{at, "unknown escape sequence"}
}

// unicodeEscape reads an escape sequence that begins at an offset, when the reader has come to its digits. A character beyond
// U+FFFF is written as two sequences, a surrogate pair.
func (r *jsonReader) unicodeEscape(at int) (rune, *jsonFault) {
	char, ok := r.hex()
	if ok && 0xD800 <= char && char < 0xDC00 && r.peek() == '\\' {
		r.offset++
		if low := rune(0); r.peek() == 'u' {
			r.offset++
			if low, ok = r.hex(); ok && 0xDC00 <= low && low < 0xE000 {
				return (char-0xD800)<<10 + (low - 0xDC00) + 0x10000, nil
			}
		}
	}

	switch {
	case !ok:
		return 0, &jsonFault{at, `\u without four hexadecimal digits`}
	case 0xD800 <= char && char < 0xE000:
		return 0, &jsonFault{at, "half of a surrogate pair"}
	case char == 0:
		return 0, &jsonFault{at, "the NUL character is not allowed in a policy"}
	}
	return char, nil
}

// hex reads four hexadecimal digits.
func (r *jsonReader) hex() (rune, bool) {
	var char rune
	for range 4 {
		digit := r.peek()
		switch {
		case '0' <= digit && digit <= '9':
			digit -= '0'
		case 'a' <= digit && digit <= 'f':
			digit -= 'a' - 10
		case 'A' <= digit && digit <= 'F':
			digit -= 'A' - 10
		default:
			return 0, false
		}
		char = char<<4 | rune(digit)
		r.offset++
	}
	return char, true
}

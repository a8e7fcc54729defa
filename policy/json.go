package policy

import (
	"strconv"
	"unicode/utf8"
)

// The JSON reader exists because encoding/json tells the place of few things and accepts a key twice. It is strict RFC 8259,
// reads in one pass, and its memory is bounded by the limits below, which are checked before the work that they bound.

// maxCharacters is the longest text that any parameter holding a policy may have (IAM API, policyDocumentType).
const maxCharacters = 131072

// maxDepth bounds nesting. The grammar needs six: document, statements, statement, condition, operator, values.
const maxDepth = 16

// maxValues bounds the memory that a text can come to. No policy within AWS's quotas has nearly as many.
const maxValues = maxCharacters / 4

// jsonValue is one value and where it stands: start is the offset of its first byte, end the one behind its last.
type jsonValue struct {
	kind       jsonKind
	text       string // of a string decoded, of any other scalar as written
	members    []jsonMember
	items      []jsonValue
	start, end int
}

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

// checkText returns the offset of the first thing that no policy may contain, or -1: bytes that are not UTF-8, characters other than
// tab, line feed, carriage return and U+0020 to U+00FF, and anything beyond the limit. It reads no further than the limit.
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

// unexpected is the fault of the character at hand where want should stand.
func (r *jsonReader) unexpected(want string) *jsonFault {
	if r.offset >= len(r.text) {
		return r.fault("the text ends where " + want + " should stand")
	}
	c, _ := utf8.DecodeRune(r.text[r.offset:])
	return r.fault(strconv.QuoteRune(c) + " stands where " + want + " should")
}

// peek returns the byte at hand, or 0 at the end of the text, where no byte is 0.
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

// members reads an object behind its brace.
func (r *jsonReader) members(depth int) ([]jsonMember, *jsonFault) {
	var members []jsonMember
	var seen map[string]struct{} // made for large objects only
	if r.skipSpace(); r.peek() == '}' {
		r.offset++
		return nil, nil
	}
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
			return nil, &jsonFault{m.start, "key " + strconv.Quote(told(m.name)) + " occurs twice in one object"}
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

// items reads an array behind its bracket.
func (r *jsonReader) items(depth int) ([]jsonValue, *jsonFault) {
	var items []jsonValue
	if r.skipSpace(); r.peek() == ']' {
		r.offset++
		return nil, nil
	}
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

// more reads the comma before another element, or the end.
func (r *jsonReader) more(end byte) (bool, *jsonFault) {
	r.skipSpace()
	c := r.peek()
	if c != ',' && c != end {
		return false, r.unexpected("a comma or " + strconv.QuoteRune(rune(end)))
	}
	r.offset++
	return c == ',', nil
}

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

// escaped reads the rest of a string that begins at start and has its first backslash at the offset.
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
	return 0, &jsonFault{at, "unknown escape sequence"}
}

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

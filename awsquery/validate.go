package awsquery

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Validate checks an input of the operation that did not come over the wire. The input is a struct or a pointer to one. A nil
// pointer, list or map is absent; so is a string or number that is zero, unless the model allows an empty string and requires the
// member. The error is one *[Error] with the code ValidationError that lists everything that is wrong.
func Validate(op *Operation, in any) error {
	v := violations{echo: op.EchoValues, path: make([]step, 0, 8)}
	v.structure(op.Input, reflect.Indirect(reflect.ValueOf(in)))
	return v.err()
}

// violations collects what is wrong with an input.
type violations struct {
	echo  bool
	path  []step
	texts []string
}

// step is one part of the path to a value: a member's name, the number of a list's item, or the key of a map's entry.
type step struct {
	name string
	item int
	key  bool // name is a key
}

// Limits of what a message tells, so that an answer is not many times its request.
const (
	maxViolations = 64   // those beyond are neither listed nor counted
	maxShown      = 2048 // bytes of a value; a longer one is left out
)

func (v *violations) push(name string)   { v.path = append(v.path, step{name: name}) }
func (v *violations) pushItem(item int)  { v.path = append(v.path, step{item: item}) }
func (v *violations) pushKey(key string) { v.path = append(v.path, step{name: key, key: true}) }
func (v *violations) pop()               { v.path = v.path[:len(v.path)-1] }

// err words the violations as AWS does.
func (v *violations) err() error {
	switch len(v.texts) {
	case 0:
		return nil
	case 1:
		return validationError("1 validation error detected: " + v.texts[0])
	}
	return validationError(strconv.Itoa(len(v.texts)) + " validation errors detected: " + strings.Join(v.texts, "; "))
}

// missing records that there is no value at the path. A service that shows values shows null.
func (v *violations) missing(s *Shape) {
	shown := ""
	if v.echo && !s.Sensitive {
		shown = "null "
	}
	v.record(shown, "not be null")
}

// add records what the value at the path must be. The value is shown if the service shows values and it is short and no secret.
func (v *violations) add(s *Shape, value, must string) {
	if !v.echo || s.Sensitive || s.Kind >= Blob || len(value) > maxShown {
		v.record("", must)
	} else {
		v.record("'"+value+"' ", must)
	}
}

func (v *violations) record(shown, must string) {
	v.note(shown, "Member must "+must)
}

// note adds a violation at the path, unless there are too many already.
func (v *violations) note(shown, constraint string) {
	if len(v.texts) < maxViolations {
		v.texts = append(v.texts, "Value "+shown+"at '"+v.where()+"' failed to satisfy constraint: "+constraint)
	}
}

// where writes the path as AWS does: tags.1.member.key.
func (v *violations) where() string {
	var b strings.Builder
	for n, step := range v.path {
		if n > 0 {
			b.WriteByte('.')
		}
		switch {
		case step.key:
			b.WriteString(step.name + ".member")
		case step.name == "":
			b.WriteString(strconv.Itoa(step.item) + ".member")
		default:
			first, size := utf8.DecodeRuneInString(step.name)
			b.WriteRune(unicode.ToLower(first))
			b.WriteString(step.name[size:])
		}
	}
	return b.String()
}

func (v *violations) structure(s *Shape, value reflect.Value) {
	for n := range s.Members {
		m := &s.Members[n]
		field := value.Field(n)
		v.push(m.Name)
		switch {
		case given(field, m):
			v.value(m.Shape, reflect.Indirect(field))
		case m.Required:
			v.missing(m.Shape)
		}
		v.pop()
	}
}

// given reports whether a member has a value.
func given(field reflect.Value, m *Member) bool {
	switch field.Kind() {
	case reflect.Struct, reflect.Bool:
		return true
	case reflect.String:
		return field.Len() > 0 || m.Required && m.Shape.Min == 0
	}
	return !field.IsZero()
}

func (v *violations) value(s *Shape, value reflect.Value) {
	switch s.Kind {
	case Structure:
		v.structure(s, value)
		return

	case Sequence:
		for n := range value.Len() {
			v.pushItem(n + 1)
			v.value(s.Element, value.Index(n))
			v.pop()
		}

	case Map:
		keys := value.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			if v.checkKey(s, key) {
				v.pushKey(key.String())
				v.value(s.Element, value.MapIndex(key))
				v.pop()
			}
		}
	}
	v.check(s, value)
}

// check applies the constraints of a shape to a value that is there, but not to what is inside it.
func (v *violations) check(s *Shape, value reflect.Value) {
	shown, faults := s.faults(value)
	for _, must := range faults {
		v.add(s, shown, must)
	}
}

// checkKey applies the constraints of a map's keys to one of them, and reports whether it satisfies them. The message names the map
// only, since a key that is not allowed may be any text.
func (v *violations) checkKey(s *Shape, key reflect.Value) bool {
	if s.Key == nil {
		return true
	}
	_, faults := s.Key.faults(key)
	if len(faults) == 0 {
		return true
	}
	v.note("", "Map keys must satisfy constraint: [Member must "+strings.Join(faults, ", Member must ")+"]")
	return false
}

// Allows reports whether a string satisfies the constraints of a shape of kind [String].
func (s *Shape) Allows(text string) bool {
	_, faults := s.faults(reflect.ValueOf(text))
	return len(faults) == 0
}

// faults lists what a value must be and is not, and how the value is shown to the client. What is inside the value is not checked.
func (s *Shape) faults(value reflect.Value) (shown string, faults []string) {
	switch s.Kind {
	case String:
		shown = value.String()
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, shown) {
			faults = append(faults, "satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
		}
		faults = append(faults, s.lengthFaults(utf8.RuneCountInString(shown))...)
		if s.Pattern != nil && !s.Pattern.Match(shown) {
			faults = append(faults, "satisfy regular expression pattern: "+s.Pattern.Text)
		}

	case Integer:
		n := int(value.Int())
		shown = strconv.Itoa(n)
		if n < s.Min {
			faults = append(faults, "have value greater than or equal to "+strconv.Itoa(s.Min))
		}
		if s.Max != 0 && n > s.Max {
			faults = append(faults, "have value less than or equal to "+strconv.Itoa(s.Max))
		}

	case Blob, Sequence, Map:
		faults = s.lengthFaults(value.Len())
	}
	return shown, faults
}

func (s *Shape) lengthFaults(length int) (faults []string) {
	if length < s.Min {
		faults = append(faults, "have length greater than or equal to "+strconv.Itoa(s.Min))
	}
	if s.Max != 0 && length > s.Max {
		faults = append(faults, "have length less than or equal to "+strconv.Itoa(s.Max))
	}
	return faults
}

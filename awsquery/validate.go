package awsquery

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Validate checks an input of the operation, given as a pointer or a struct, that did not come over the wire. A nil pointer,
// list or map is absent; so is a string or number that is zero, unless the model allows an empty string and requires the
// member. The error is one *Error with the code ValidationError that lists everything that is wrong.
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

// step is a member's name, or the number of a list's item.
type step struct {
	name string
	item int
}

// Limits of what a message tells, so that an answer is not many times its request.
const (
	maxViolations = 64   // those beyond are neither listed nor counted
	maxShown      = 2048 // bytes of a value; a longer one is left out
)

func (v *violations) push(name string)  { v.path = append(v.path, step{name: name}) }
func (v *violations) pushItem(item int) { v.path = append(v.path, step{item: item}) }
func (v *violations) pop()              { v.path = v.path[:len(v.path)-1] }

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

// missing records that there is no value at the path. Null is told where a value would be.
func (v *violations) missing(s *Shape) {
	shown := ""
	if v.echo && !s.Sensitive {
		shown = "null "
	}
	v.record(shown, "not be null")
}

// add records what the value at the path must be. The value is told where the service tells it, and is short and no secret.
func (v *violations) add(s *Shape, value, must string) {
	if !v.echo || s.Sensitive || s.Kind >= Blob || len(value) > maxShown {
		v.record("", must)
	} else {
		v.record("'"+value+"' ", must)
	}
}

func (v *violations) record(shown, must string) {
	if len(v.texts) == maxViolations {
		return
	}
	var b strings.Builder
	b.WriteString("Value " + shown + "at '")
	for n, step := range v.path {
		if n > 0 {
			b.WriteByte('.')
		}
		if step.name == "" {
			b.WriteString(strconv.Itoa(step.item) + ".member")
			continue
		}
		first, size := utf8.DecodeRuneInString(step.name)
		b.WriteRune(unicode.ToLower(first))
		b.WriteString(step.name[size:])
	}
	b.WriteString("' failed to satisfy constraint: Member must ")
	b.WriteString(must)
	v.texts = append(v.texts, b.String())
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
	}
	v.check(s, value)
}

// check applies the constraints of a shape to a value that is there, but not to what is inside it.
func (v *violations) check(s *Shape, value reflect.Value) {
	switch s.Kind {
	case String:
		v.text(s, value.String())
	case Integer:
		n := int(value.Int())
		if n < s.Min {
			v.add(s, strconv.Itoa(n), "have value greater than or equal to "+strconv.Itoa(s.Min))
		}
		if s.Max != 0 && n > s.Max {
			v.add(s, strconv.Itoa(n), "have value less than or equal to "+strconv.Itoa(s.Max))
		}
	case Blob, Sequence:
		v.length(s, "", value.Len())
	}
}

func (v *violations) text(s *Shape, text string) {
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		v.add(s, text, "satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
	v.length(s, text, utf8.RuneCountInString(text))
	if s.Pattern != nil && !s.Pattern.Match(text) {
		v.add(s, text, "satisfy regular expression pattern: "+s.Pattern.Text)
	}
}

func (v *violations) length(s *Shape, value string, length int) {
	if length < s.Min {
		v.add(s, value, "have length greater than or equal to "+strconv.Itoa(s.Min))
	}
	if s.Max != 0 && length > s.Max {
		v.add(s, value, "have length less than or equal to "+strconv.Itoa(s.Max))
	}
}

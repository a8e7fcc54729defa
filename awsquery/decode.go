package awsquery

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Decode fills into, a pointer to the operation's input, from the form, and checks it as Validate does. Unlike Validate it
// knows an empty value from an absent one. Parameters that the operation does not have are ignored. The error is an *Error.
func Decode(form Form, op *Operation, into any) error {
	d := decoder{violations{echo: op.EchoValues, path: make([]step, 0, 8)}}
	d.structure(form, 0, op.Input, reflect.ValueOf(into).Elem())
	return d.err()
}

type decoder struct{ violations }

// structure decodes the members whose names stand, in f, behind the skip bytes that all of f share.
func (d *decoder) structure(f Form, skip int, s *Shape, into reflect.Value) {
	for n := range s.Members {
		m := &s.Members[n]
		d.push(m.Name)
		value, given := f.exact(skip, m.Name)
		under, deeper := Form(nil), 0
		if m.Shape.Kind >= Sequence {
			under, deeper = f.below(skip, m.Name)
			given = given && value == "" && m.Shape.Kind == Sequence
		}
		if given || len(under) > 0 {
			d.value(value, under, deeper, m.Shape, into.Field(n))
		} else if m.Required {
			d.missing(m.Shape)
		}
		d.pop()
	}
}

// value decodes one value: of its own text, or of the parameters under it.
func (d *decoder) value(text string, under Form, skip int, s *Shape, into reflect.Value) {
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch s.Kind {
	case Structure:
		d.structure(under, skip, s, into)
		return
	case Sequence:
		d.list(under, skip, s, into)
	default:
		if wanted := scalar(text, s.Kind, into); wanted != "" {
			d.add(s, text, wanted)
			return
		}
	}
	d.check(s, into)
}

// list decodes Name.member.N. A name alone, with an empty value, is an empty list.
func (d *decoder) list(f Form, skip int, s *Shape, into reflect.Value) {
	f, skip = f.below(skip, "member")
	items := f.items(skip)
	into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
	for n, it := range items {
		text, _ := f.exact(skip, it.name)
		under, deeper := f.below(skip, it.name)
		d.pushItem(n + 1)
		d.value(text, under, deeper, s.Element, into.Index(n))
		d.pop()
	}
}

// scalar sets into to what the text says, or returns what the text must be.
func scalar(text string, k Kind, into reflect.Value) (wanted string) {
	switch k {
	case String:
		into.SetString(text)
	case Integer:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return "be an integer"
		}
		into.SetInt(n)
	case Boolean:
		switch {
		case strings.EqualFold(text, "true"):
			into.SetBool(true)
		case !strings.EqualFold(text, "false"):
			return "be true or false"
		}
	case Timestamp:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return "be a timestamp in ISO 8601 format"
		}
		into.Set(reflect.ValueOf(t.UTC()))
	case Blob:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return "be base64-encoded"
		}
		into.SetBytes(b)
	default:
		panic(fmt.Sprintf("awsquery: no scalar of kind %d", k))
	}
	return ""
}

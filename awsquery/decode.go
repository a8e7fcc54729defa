package awsquery

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Decode fills into, a pointer to the operation's input, from the form, and checks it as [Validate] does. Unlike Validate it
// can tell an empty value from an absent one. Parameters that the operation does not have are ignored.
//
// The error is an *[Error]: MalformedInput for a number, a boolean or an index that cannot be read, ValidationError for
// everything else.
func Decode(form Form, op *Operation, into any) error {
	d := decoder{violations: violations{echo: op.EchoValues, path: make([]step, 0, 8)}}
	d.structure(form, 0, op.Input, reflect.ValueOf(into).Elem())

	// What cannot be read at all is reported before what was read and is not allowed, as AWS does.
	if d.malformed != nil {
		return d.malformed
	}
	return d.err()
}

type decoder struct {
	violations
	malformed *Error // the first value or index that could not be read
}

// fail records what could not be read, unless something was recorded before.
func (d *decoder) fail(e *Error) {
	if d.malformed == nil {
		d.malformed = e
	}
}

// structure decodes the members whose names stand, in f, behind the skip bytes that all of f share.
func (d *decoder) structure(f Form, skip int, s *Shape, into reflect.Value) {
	for n := range s.Members {
		m := &s.Members[n]
		d.push(m.Name)

		// A list or map is given by the parameters below its name, or as an empty one by its name alone with an empty value. A
		// structure cannot be given empty.
		value, given := f.exact(skip, m.Name)
		under, deeper := Form(nil), 0
		if m.Shape.Kind >= Sequence {
			under, deeper = f.below(skip, m.Name)
			given = given && value == "" && m.Shape.Kind != Structure
		}

		if given || len(under) > 0 {
			d.value(value, under, deeper, m.Shape, into.Field(n))
		} else if m.Required {
			d.missing(m.Shape)
		}
		d.pop()
	}
}

// value decodes one value: a scalar from its text, anything else from the parameters under it.
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
	case Map:
		d.entries(under, skip, s, into)
	default:
		if !d.scalar(text, s, into) {
			return
		}
	}
	d.check(s, into)
}

// list decodes Name.member.N. A name alone, with an empty value, is an empty list.
func (d *decoder) list(f Form, skip int, s *Shape, into reflect.Value) {
	f, skip = f.below(skip, "member")
	items, err := f.items(skip)
	if err != nil {
		d.fail(err)
		return
	}

	into.Set(reflect.MakeSlice(into.Type(), listLength(items), listLength(items)))
	for n := range into.Len() {
		// An index that was skipped has no parameters: its element is empty, and must satisfy its constraints like the others.
		var text string
		var under Form
		deeper := 0
		if len(items) > 0 && items[0].index == n+1 {
			text, _ = f.exact(skip, items[0].name)
			under, deeper = f.below(skip, items[0].name)
			items = items[1:]
		}

		d.pushItem(n + 1)
		d.value(text, under, deeper, s.Element, into.Index(n))
		d.pop()
	}
}

// entries decodes a map: Name.entry.N.key and Name.entry.N.value, or the flattened Name.N.key and Name.N.value. The names of a
// value that is no scalar continue with those of its parts. A name alone, with an empty value, is an empty map.
func (d *decoder) entries(f Form, skip int, s *Shape, into reflect.Value) {
	if wrapped, deeper := f.below(skip, "entry"); len(wrapped) == len(f) {
		f, skip = wrapped, deeper
	} else if len(wrapped) > 0 {
		d.fail(malformedInput("The map at '%s' is given in two forms.", d.where()))
		return
	}
	items, err := f.items(skip)
	if err != nil {
		d.fail(err)
		return
	}

	// Unlike the elements of a list, entries have no position. An index that was skipped stands for nothing.
	into.Set(reflect.MakeMapWithSize(into.Type(), len(items)))
	for _, it := range items {
		entry, deeper := f.below(skip, it.name)
		d.entry(entry, deeper, s, into)
	}
}

// entry decodes one entry of a map and adds it, unless its key is missing, wrong or there already.
func (d *decoder) entry(f Form, skip int, s *Shape, into reflect.Value) {
	text, given := f.exact(skip, "key")
	if !given {
		d.add(s, "", "not have an entry without a key")
		return
	}
	key := reflect.ValueOf(text).Convert(into.Type().Key())
	if into.MapIndex(key).IsValid() {
		d.add(s, "", "not have two entries with the same key")
		return
	}
	if !d.checkKey(s, key) {
		return
	}

	value := reflect.New(into.Type().Elem()).Elem()
	text, given = f.exact(skip, "value")
	under, deeper := f.below(skip, "value")
	if s.Element.Kind >= Sequence {
		given = len(under) > 0
	}

	d.pushKey(key.String())
	if given {
		d.value(text, under, deeper, s.Element, value)
	} else {
		d.missing(s.Element)
	}
	d.pop()
	into.SetMapIndex(key, value)
}

// scalar sets into to what the text says. When the text says nothing of that kind, it records so and returns false.
func (d *decoder) scalar(text string, s *Shape, into reflect.Value) bool {
	switch s.Kind {
	case String:
		into.SetString(text)

	case Integer:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			d.fail(malformedInput("The value at '%s' must be an integer.", d.where()))
			return false
		}
		into.SetInt(n)

	case Boolean:
		switch text {
		case "true", "1":
			into.SetBool(true)
		case "false", "0":
		default:
			d.fail(malformedInput("The value at '%s' must be true or false.", d.where()))
			return false
		}

	case Timestamp:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			d.add(s, text, "be a timestamp in ISO 8601 format")
			return false
		}
		into.Set(reflect.ValueOf(t.UTC()))

	case Blob:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			d.add(s, text, "be base64-encoded")
			return false
		}
		into.SetBytes(b)

	default:
		panic(fmt.Sprintf("awsquery: no scalar of kind %d", s.Kind))
	}
	return true
}

package audit

import (
	"reflect"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/awsquery"
)

// Parameters describes an operation's input or output as an event shows it: member names begin in lower case, what was not
// given is left out, and secrets are left out always. It is nil when nothing is left.
func Parameters(v any) any {
	described := describe(reflect.ValueOf(v))
	if members, ok := described.(map[string]any); ok && len(members) == 0 {
		return nil
	}
	return described
}

var (
	secretType   = reflect.TypeFor[awsquery.Secret]()
	documentType = reflect.TypeFor[awsquery.Document]()
	timeType     = reflect.TypeFor[time.Time]()
)

// timeForm is how CloudTrail writes times inside parameters.
const timeForm = "Jan 2, 2006 3:04:05 PM"

// describe is v in the types of JSON, or nil for what is left out.
func describe(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return describe(v.Elem())
	case reflect.Struct:
		if v.Type() == timeType {
			return v.Interface().(time.Time).UTC().Format(timeForm)
		}
		members := make(map[string]any)
		for n := range v.NumField() {
			field := v.Type().Field(n)
			if !field.IsExported() || field.Type == secretType || v.Field(n).IsZero() {
				continue
			}
			if described := describe(v.Field(n)); described != nil {
				members[lowerFirst(field.Name)] = described
			}
		}
		return members
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return nil // blobs carry seeds, certificates and reports
		}
		items := make([]any, v.Len())
		for n := range items {
			items[n] = describe(v.Index(n))
		}
		return items
	case reflect.Map:
		// Keys are the caller's own words and stay as they are. A value that is secret leaves its key out too.
		members := make(map[string]any, v.Len())
		for _, key := range v.MapKeys() {
			if described := describe(v.MapIndex(key)); described != nil {
				members[key.String()] = described
			}
		}
		return members
	}

	switch v.Type() {
	case secretType:
		return nil
	case documentType:
		return awsquery.Document(v.String()).Encoded() // an event has documents as the answer has them
	}

	return v.Interface()
}

func lowerFirst(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[size:]
}

package model_test

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
)

// TestForms decodes the smallest and the largest form that each operation takes, and what the smallest lacks.
func TestForms(t *testing.T) {
	for service, operations := range services {
		for _, op := range operations {
			t.Run(service+"/"+op.Name, func(t *testing.T) {
				smallest, largest := url.Values{}, url.Values{}
				fill(t, smallest, "", op.Input, false)
				fill(t, largest, "", op.Input, true)
				decodeValid(t, op, smallest)
				in := reflect.ValueOf(decodeValid(t, op, largest)).Elem()
				for n, m := range op.Input.Members {
					if in.Field(n).IsZero() {
						t.Errorf("%s is given and did not arrive", m.Name)
					}
					if m.Required {
						decodeWithout(t, op, smallest, m.Name)
					}
				}
			})
		}
	}
}

func decodeValid(t *testing.T, op *awsquery.Operation, form url.Values) (in any) {
	t.Helper()
	in = op.NewInput()
	if err := decode(t, op, form, in); err != nil {
		t.Fatalf("%s: %v", form.Encode(), err)
	}
	if err := awsquery.Validate(op, in); err != nil {
		t.Errorf("%s: decoded, not valid: %v", form.Encode(), err)
	}
	return in
}

func decodeWithout(t *testing.T, op *awsquery.Operation, form url.Values, member string) {
	t.Helper()
	form = maps.Clone(form)
	maps.DeleteFunc(form, func(name string, _ []string) bool { return name == member || strings.HasPrefix(name, member+".") })
	err := decode(t, op, form, op.NewInput())
	if err == nil || !strings.Contains(err.Error(), "1 validation error detected: ") ||
		!strings.HasSuffix(err.Error(), "Member must not be null") {
		t.Errorf("without %s: %v", member, err)
	}
}

func decode(t *testing.T, op *awsquery.Operation, values url.Values, in any) error {
	t.Helper()
	form, err := awsquery.ParseForm(&http.Request{Method: http.MethodPost, URL: new(url.URL)}, []byte(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	return awsquery.Decode(form, op, in)
}

// fill adds what a shape needs, or all that it can have, to a form.
func fill(t *testing.T, form url.Values, name string, s *awsquery.Shape, all bool) {
	t.Helper()
	switch s.Kind {
	case awsquery.String:
		form.Set(name, sample(t, s))
	case awsquery.Integer:
		form.Set(name, strconv.Itoa(max(s.Min, 1)))
	case awsquery.Boolean:
		form.Set(name, "true")
	case awsquery.Sequence:
		for n := range max(s.Min, 1) {
			fill(t, form, name+".member."+strconv.Itoa(n+1), s.Element, all)
		}

	case awsquery.Map:
		fill(t, form, name+".entry.1.key", s.Key, all)
		fill(t, form, name+".entry.1.value", s.Element, all)

	case awsquery.Structure:
		// A form cannot tell a structure without members from none.
		all = all || name != "" && !slices.ContainsFunc(s.Members, func(m awsquery.Member) bool { return m.Required })
		for _, m := range s.Members {
			if m.Required || all {
				fill(t, form, strings.TrimPrefix(name+"."+m.Name, "."), m.Shape, all)
			}
		}

	default:
		t.Fatalf("%s: kind %d in an input", name, s.Kind)
	}
}

// sample is a short string that a shape allows.
func sample(t *testing.T, s *awsquery.Shape) string {
	t.Helper()
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	if s.Pattern == nil {
		return strings.Repeat("a", max(s.Min, 1))
	}
	for _, c := range []string{"a", "A", "1", "/", "o-aaaaaaaaaa/r-aaaa", "v1", "http://a"} {
		for n := range 40 {
			if text := s.Pattern.Prefix + strings.Repeat(c, n+1); len(text) >= max(s.Min, 1) && s.Pattern.Match(text) {
				return text
			}
		}
	}
	t.Fatalf("no sample of %s", s.Pattern.Text)
	return ""
}

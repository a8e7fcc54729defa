package touchtest

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// List is a call of an operation that lists, with the items that a test made for it to list.
type List struct {
	name     string
	expected []string // in the order of the list
	read     func(c *Console, marker string, size int) (items []string, next string, err error)
}

// ListOf returns a call of the operation with the input, whose items must be the expected ones in their order. items returns the
// names of the items in an answer.
func ListOf[In, Out any](o awsquery.Typed[In, Out], in In, expected []string, items func(*Out) []string) List {
	return List{o.Name, expected, func(c *Console, marker string, size int) ([]string, string, error) {
		paged := in
		fields := reflect.ValueOf(&paged).Elem()
		fields.FieldByName("Marker").SetString(marker)
		fields.FieldByName("MaxItems").SetInt(int64(size))

		out, err := Call(c, o, &paged)
		if err != nil {
			return nil, "", err
		}

		answer := reflect.ValueOf(out).Elem()
		next := answer.FieldByName("Marker").String()
		if answer.FieldByName("IsTruncated").Bool() != (next != "") {
			c.t.Errorf("%s: the answer with the marker %q says truncated: %t", o.Name, next, next == "")
		}
		return items(out), next, nil
	}}
}

// CheckPages demands three things: that there is a list for each operation that has pages and is among defined, where each is
// written service:Name; that in pages of any size no item is lost or comes twice; and that each list takes no markers but its own.
func CheckPages(t *testing.T, c *Console, defined []string, lists ...List) {
	t.Helper()
	var names []string
	for _, o := range slices.Concat(iamapi.Operations(), touchstoneapi.Operations()) {
		if _, paged := o.NewInput().(api.Paged); paged && slices.Contains(defined, o.Service+":"+o.Name) {
			names = append(names, o.Name)
		}
	}
	for _, l := range lists {
		n := slices.Index(names, l.name)
		if n < 0 {
			t.Errorf("%s is tested and has no pages", l.name)
			continue
		}
		names = slices.Delete(names, n, n+1)
	}
	if len(names) > 0 {
		t.Errorf("no test reads the pages of %v", names)
	}

	markers := make(map[string]string) // a marker of each list
	for _, l := range lists {
		for size := 1; size <= len(l.expected)+1; size++ {
			var all []string
			for marker := ""; ; {
				items, next, err := l.read(c, marker, size)
				if err != nil {
					t.Fatalf("%s behind %d items in pages of %d: %v", l.name, len(all), size, Told(err))
				}
				all = append(all, items...)
				if len(items) > size || next != "" && len(items) < size || len(all) > len(l.expected) {
					t.Fatalf("%s in pages of %d has a page of %d, after which there are %d of %d",
						l.name, size, len(items), len(all), len(l.expected))
				}
				if next == "" {
					break
				}
				marker, markers[l.name] = next, next
			}
			if !slices.Equal(all, l.expected) {
				t.Errorf("%s in pages of %d: %q\nwant %q", l.name, size, all, l.expected)
			}
		}
	}

	encode := base64.RawURLEncoding.EncodeToString
	for _, l := range lists {
		bad := []string{
			"x", "AAAA", " ", strings.Repeat("A", 320), encode([]byte(`{"o":"` + l.name + `"}`)), encode([]byte(`null`)),
			encode([]byte(`{"o":"` + l.name + `","l":"a"} more`)), encode([]byte(`{"o":"Another","l":"a"}`)),
		}
		for other, marker := range markers {
			if other != l.name && !strings.HasPrefix(l.name, "Simulate") { // both simulations list the same
				bad = append(bad, marker)
			}
		}
		for _, marker := range bad {
			if _, _, err := l.read(c, marker, 1); Told(err) != "400 ValidationError: Invalid Marker." {
				t.Errorf("%s with the marker %q: answered %q", l.name, marker, Told(err))
			}
		}
	}
}

package awsquery_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
)

func parse(t testing.TB, method, query, body string) (awsquery.Form, error) {
	t.Helper()
	r := &http.Request{Method: method, URL: &url.URL{Path: "/", RawQuery: query}}
	return awsquery.ParseForm(r, []byte(body))
}

func TestParseForm(t *testing.T) {
	for _, test := range []struct {
		name, method, query, body string
		want                      map[string]string // the value of each name; "absent" is none
		err                       string
	}{
		{
			name: "post", method: "POST", body: "Action=CreateUser&UserName=bob",
			want: map[string]string{"Action": "CreateUser", "UserName": "bob"},
		},
		{
			name: "get", method: "GET", query: "Action=CreateUser&UserName=bob",
			want: map[string]string{"Action": "CreateUser", "UserName": "bob"},
		},
		{name: "get has no body", method: "GET", body: "Action=CreateUser", want: map[string]string{"Action": "absent"}},
		{
			name: "body before query", method: "POST", query: "Action=A&X=query", body: "Action=B",
			want: map[string]string{"Action": "B", "X": "query"},
		},
		{name: "empty", method: "POST", want: map[string]string{"Action": "absent"}},
		{
			name: "plus and percent", method: "POST", body: "Path=%2Fa+b%2F&K=%C3%A9%2B",
			want: map[string]string{"Path": "/a b/", "K": "é+"},
		},
		{name: "empty value", method: "POST", body: "A=&B&&C=%3D=", want: map[string]string{"A": "", "B": "", "C": "==", "D": "absent"}},
		{name: "case counts", method: "POST", body: "username=bob", want: map[string]string{"UserName": "absent", "username": "bob"}},
		{
			name: "a prefix is another name", method: "POST", body: "Tags.member.1.Key=k",
			want: map[string]string{"Tags": "absent", "Tags.member.1": "absent"},
		},
		{
			name: "twice in the body", method: "POST", body: "A=1&B=2&A=1",
			err: "ValidationError: The parameter A is given more than once.",
		},
		{name: "twice in the query", method: "GET", query: "A=1&A=2", err: "ValidationError: The parameter A is given more than once."},
		{name: "twice by escaping", method: "POST", body: "A=1&%41=2", err: "ValidationError: The parameter A is given more than once."},
		{name: "bad escape", method: "POST", body: "A=%4", err: "MalformedQueryString: The query string contains a syntax error."},
		{
			name: "bad escape in a name", method: "POST", body: "%zz=1",
			err: "MalformedQueryString: The query string contains a syntax error.",
		},
		{
			name: "bad escape in the query", method: "POST", query: "A=%",
			err: "MalformedQueryString: The query string contains a syntax error.",
		},
		{name: "not UTF-8", method: "POST", body: "A=%ff", err: "MalformedQueryString: The query string contains a syntax error."},
		{
			name: "raw bytes that are not UTF-8", method: "POST", body: "A=\xff",
			err: "MalformedQueryString: The query string contains a syntax error.",
		},
		{
			name: "longest name", method: "POST", body: strings.Repeat("n", 512) + "=1",
			want: map[string]string{strings.Repeat("n", 512): "1"},
		},
		{
			name: "name too long", method: "POST", body: strings.Repeat("n", 513) + "=1",
			err: "ValidationError: The request has a parameter with a name longer than any that an operation takes.",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			form, err := parse(t, test.method, test.query, test.body)
			if message(err) != test.err {
				t.Fatalf("error %q, want %q", message(err), test.err)
			}
			for name, want := range test.want {
				value, given := form.Get(name)
				if !given {
					value = "absent"
				}
				if value != want {
					t.Errorf("%s = %q, want %q", name, value, want)
				}
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseFormLimitsParameters(t *testing.T) {
	text := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("p")
			b.WriteString(strings.Repeat("0", 5))
			b.WriteByte(byte('a' + (from+i)/676))
			b.WriteByte(byte('a' + (from+i)/26%26))
			b.WriteByte(byte('a' + (from+i)%26))
			b.WriteString("=&")
		}
		return b.String()
	}

	const tooMany = "ValidationError: The request has more parameters than any operation takes."
	for _, test := range []struct {
		name        string
		query, body string
		err         string
	}{
		{"as many as are allowed", "", text(0, 2000), ""},
		{"one more", "", text(0, 2001), tooMany},
		{"in both together", text(0, 1000), text(1000, 1001), tooMany},
		{"nothing but separators", "", strings.Repeat("&", 1<<20), tooMany},
	} {
		if _, err := parse(t, "POST", test.query, test.body); message(err) != test.err {
			t.Errorf("%s: error %q, want %q", test.name, message(err), test.err)
		}
	}
}

func TestRegistryFind(t *testing.T) {
	one := &awsquery.Operation{Name: "GetUser", Version: "2010-05-08"}
	two := &awsquery.Operation{Name: "GetUser", Version: "2011-06-15"}
	registry := awsquery.NewRegistry([]*awsquery.Operation{one}, []*awsquery.Operation{two})
	for _, test := range []struct {
		body string
		want *awsquery.Operation
		err  string
	}{
		{"Action=GetUser&Version=2010-05-08", one, ""},
		{"Action=GetUser&Version=2011-06-15", two, ""},
		{"Action=GetUser&Version=2012-01-01", nil, "InvalidAction: Could not find operation GetUser for version 2012-01-01"},
		{"Action=getuser&Version=2010-05-08", nil, "InvalidAction: Could not find operation getuser for version 2010-05-08"},
		{"Action=GetUser", nil, "InvalidAction: Could not find operation GetUser for version NO_VERSION_SPECIFIED"},
		{"Version=2010-05-08", nil, "MissingAction: The request is missing the parameter Action."},
	} {
		form, err := parse(t, "POST", "", test.body)
		if err != nil {
			t.Fatal(err)
		}
		op, err := registry.Find(form)
		if op != test.want || message(err) != test.err {
			t.Errorf("%s: %v, %q", test.body, op, message(err))
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("two operations of one name and version were taken")
		}
	}()

	awsquery.NewRegistry([]*awsquery.Operation{one, one})
}

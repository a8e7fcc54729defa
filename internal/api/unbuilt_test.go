package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/sigv4"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// TestEveryOperationHasARow calls every operation of IAM and STS that is not built, with the members that it requires. Each
// answers that it is not implemented, and names itself.
func TestEveryOperationHasARow(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	defined := s.API.Table.Defined()
	for _, o := range slices.Concat(iamapi.Operations(), stsapi.Operations()) {
		if slices.Contains(defined, o.Service+":"+o.Name) {
			continue
		}

		form := url.Values{"Action": {o.Name}, "Version": {o.Version}}
		require(t, form, "", o.Input)
		body := form.Encode()
		r := httptest.NewRequest(http.MethodPost, s.URL+"/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if !o.Unsigned {
			key := sigv4.Credentials{AccessKeyID: a.Root.AccessKeyID, SecretAccessKey: a.Root.SecretAccessKey}
			sigv4.Sign(r, []byte(body), key, "us-east-1", o.Service, time.Now())
		}

		w := httptest.NewRecorder()
		s.API.ServeHTTP(w, r)
		text := w.Body.String()
		if !strings.Contains(text, "<Code>NotImplemented</Code>") || !strings.Contains(text, o.Name) {
			t.Errorf("%s answers %d %s", o.Name, w.Code, text)
		}
	}
}

// require adds to a form the least that a shape takes.
func require(t *testing.T, form url.Values, name string, s *awsquery.Shape) {
	t.Helper()
	switch s.Kind {
	case awsquery.String:
		form.Set(name, allowed(t, s))
	case awsquery.Integer:
		form.Set(name, strconv.Itoa(s.Min))
	case awsquery.Boolean:
		form.Set(name, "true")
	case awsquery.Sequence:
		for n := range max(s.Min, 1) {
			require(t, form, fmt.Sprintf("%s.member.%d", name, n+1), s.Element)
		}

	case awsquery.Map:
		require(t, form, name+".entry.1.key", s.Key)
		require(t, form, name+".entry.1.value", s.Element)

	case awsquery.Structure:
		// A form cannot tell a structure without members from none.
		none := !slices.ContainsFunc(s.Members, func(m awsquery.Member) bool { return m.Required })
		for n, m := range s.Members {
			if m.Required || none && name != "" && n == 0 {
				require(t, form, strings.TrimPrefix(name+"."+m.Name, "."), m.Shape)
			}
		}

	default:
		t.Fatalf("%s is of kind %d", name, s.Kind)
	}
}

// allowed is a string that a shape takes.
func allowed(t *testing.T, s *awsquery.Shape) string {
	t.Helper()
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	for _, text := range []string{"a", "1", "/", "arn:aws:iam::123456789012:user/a", "http://a", "v1", "o-aaaaaaaaaa/r-aaaa"} {
		for _, times := range []int{1, s.Min, 12} {
			c := strings.Repeat(text, times)
			if len(c) >= s.Min && (s.Max == 0 || len(c) <= s.Max) && (s.Pattern == nil || s.Pattern.Match(c)) {
				return c
			}
		}
	}
	t.Fatalf("no string of %+v", s)
	return ""
}

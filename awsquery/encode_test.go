package awsquery_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/stsapi"
)

var update = flag.Bool("update", false, "write the answers in testdata anew")

const requestID = "7a62c49f-347e-4fc4-9331-6e8e52aeb07b"

// TestEncodeResponse compares answers to those in testdata, and reads them as XML.
func TestEncodeResponse(t *testing.T) {
	created := time.Date(2024, 5, 1, 14, 34, 56, 999, time.FixedZone("", 2*60*60))
	used := created.Add(time.Hour)
	user := iamapi.User{
		Path: "/", UserName: "bob", UserId: "AIDAEXAMPLE0000000001", Arn: "arn:aws:iam::123456789012:user/bob", CreateDate: created,
		Tags: []iamapi.Tag{{Key: "team", Value: ""}, {Key: "née", Value: `<a href="x">'&'</a>`}},
	}

	for _, test := range []struct {
		file, op string
		out      any
	}{
		{"create-user", "CreateUser", &iamapi.CreateUserOutput{User: &user}},
		{"create-user-without-output", "CreateUser", &iamapi.CreateUserOutput{}},
		{"get-user", "GetUser", &iamapi.GetUserOutput{User: iamapi.User{
			Path: "/", UserName: "bob", UserId: "AIDAEXAMPLE0000000001", Arn: "arn:aws:iam::123456789012:user/bob", CreateDate: created,
			PasswordLastUsed: &used,
		}}},
		{"list-users-empty", "ListUsers", &iamapi.ListUsersOutput{}},
		{"list-users-page", "ListUsers", &iamapi.ListUsersOutput{Users: []iamapi.User{user}, IsTruncated: true, Marker: "next"}},
		{"list-user-policies", "ListUserPolicies", &iamapi.ListUserPoliciesOutput{PolicyNames: []string{"a", "b"}}},
		{
			"get-account-summary", "GetAccountSummary",
			&iamapi.GetAccountSummaryOutput{SummaryMap: map[iamapi.SummaryKeyType]int32{"UsersQuota": 5000, "Users": 3}},
		},
		{"create-access-key", "CreateAccessKey", &iamapi.CreateAccessKeyOutput{AccessKey: iamapi.AccessKey{
			UserName: "bob", AccessKeyId: "AKIAEXAMPLE000000001", Status: iamapi.StatusTypeActive, SecretAccessKey: "an/example+secret",
			CreateDate: &created,
		}}},
		{
			"get-credential-report", "GetCredentialReport",
			&iamapi.GetCredentialReportOutput{Content: []byte("user,arn\n"), ReportFormat: "text/csv", GeneratedTime: &created},
		},
		{"delete-user", "DeleteUser", nil},
		{"tag-user", "TagUser", &struct{}{}},
		{
			"get-caller-identity", "GetCallerIdentity",
			&stsapi.GetCallerIdentityOutput{UserId: "AIDAEXAMPLE0000000001", Account: "123456789012", Arn: user.Arn},
		},
	} {
		t.Run(test.file, func(t *testing.T) {
			var w bytes.Buffer
			if err := awsquery.EncodeResponse(&w, operation(t, test.op), test.out, requestID); err != nil {
				t.Fatal(err)
			}
			golden(t, test.file, w.Bytes())
		})
	}
}

func TestEncodeResponseWithoutOutput(t *testing.T) {
	for _, out := range []any{nil, (*iamapi.GetUserOutput)(nil)} {
		if err := awsquery.EncodeResponse(new(bytes.Buffer), operation(t, "GetUser"), out, requestID); err == nil {
			t.Errorf("an answer without its output %#v was encoded", out)
		}
	}
}

func TestEncodeError(t *testing.T) {
	for _, test := range []struct {
		file, namespace string
		err             *awsquery.Error
	}{
		{"error-sender", iamapi.Namespace, iamapi.NoSuchEntity("The user with name %s cannot be found.", "<bob>")},
		{
			"error-receiver", stsapi.Namespace,
			&awsquery.Error{Code: "InternalFailure", Status: 500, Message: "m", Cause: io.ErrUnexpectedEOF},
		},
	} {
		t.Run(test.file, func(t *testing.T) {
			var w bytes.Buffer
			awsquery.EncodeError(&w, test.namespace, test.err, requestID)
			golden(t, test.file, w.Bytes())
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file+".xml")
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	for d := xml.NewDecoder(bytes.NewReader(got)); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("no XML: %v", err)
		}
	}
}

// FuzzEncode reads every text back from an answer as it was, but for what XML cannot hold.
func FuzzEncode(f *testing.F) {
	f.Add("plain")
	f.Add("<&>\"'\t\n\r ]]>")
	f.Add("\x00\x1b\x7f\u0085\u2028\ufffe\uffff\U0001f511")
	f.Add("broken \xff\xed\xa0\x80 end\xc3")
	f.Fuzz(func(t *testing.T, text string) {
		var w bytes.Buffer
		awsquery.EncodeError(&w, iamapi.Namespace, &awsquery.Error{Code: "C", Status: 400, Message: text}, requestID)
		var answer struct {
			XMLName   xml.Name `xml:"https://iam.amazonaws.com/doc/2010-05-08/ ErrorResponse"`
			Message   string   `xml:"Error>Message"`
			RequestID string   `xml:"RequestId"`
		}

		if err := xml.Unmarshal(w.Bytes(), &answer); err != nil {
			t.Fatalf("%q: %v in %s", text, err, &w)
		}

		var want strings.Builder
		for i, r := range text {
			_, size := utf8.DecodeRuneInString(text[i:])
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError && size == 1 {
				r = utf8.RuneError
			}
			want.WriteRune(r)
		}

		if answer.Message != want.String() || answer.RequestID != requestID {
			t.Errorf("%q came back as %q", want.String(), answer.Message)
		}
	})
}

func BenchmarkEncodeResponse(b *testing.B) {
	op := operation(b, "ListUsers")
	out := &iamapi.ListUsersOutput{Users: make([]iamapi.User, 100)}
	for n := range out.Users {
		out.Users[n] = iamapi.User{
			Path: "/", UserName: "bob", UserId: "AIDAEXAMPLE0000000001", Arn: "arn:aws:iam::123456789012:user/bob",
			CreateDate: time.Unix(1.7e9, 0),
		}
	}
	var w bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		if err := awsquery.EncodeResponse(&w, op, out, requestID); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(w.Len()))
}

package awsquery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/stsapi"
)

func operation(t testing.TB, name string) *awsquery.Operation {
	t.Helper()
	for _, operations := range [][]*awsquery.Operation{iamapi.Operations(), stsapi.Operations()} {
		for _, op := range operations {
			if op.Name == name {
				return op
			}
		}
	}
	t.Fatalf("no operation %s", name)
	return nil
}

func decode(t testing.TB, op *awsquery.Operation, body string) (any, error) {
	t.Helper()
	form, err := parse(t, "POST", "", body)
	if err != nil {
		t.Fatalf("parse %q: %v", body, err)
	}
	in := op.NewInput()
	return in, awsquery.Decode(form, op, in)
}

func TestDecode(t *testing.T) {
	yes, no := true, false
	for _, test := range []struct {
		name, op, body string
		want           any
	}{
		{"strings", "CreateUser", "UserName=bob&Path=%2Fstaff%2F", &iamapi.CreateUserInput{UserName: "bob", Path: "/staff/"}},
		{"what it does not have is ignored", "CreateUser", "UserName=bob&Foo=1&Action=X&username=eve&Tags=x", &iamapi.CreateUserInput{UserName: "bob"}},
		{"nothing optional", "GetUser", "", &iamapi.GetUserInput{}},
		{
			"structures in a list", "TagUser", "UserName=bob&Tags.member.1.Key=k&Tags.member.1.Value=%C3%A9%2B&Tags.member.2.Key=z&Tags.member.2.Value=",
			&iamapi.TagUserInput{UserName: "bob", Tags: []iamapi.Tag{{Key: "k", Value: "é+"}, {Key: "z"}}},
		},
		{
			"gaps, and order by number", "UntagUser", "UserName=bob&TagKeys.member.10=c&TagKeys.member.9=b&TagKeys.member.2=a",
			&iamapi.UntagUserInput{UserName: "bob", TagKeys: []string{"a", "b", "c"}},
		},
		{
			"what is no number is ignored", "UntagUser",
			"UserName=bob&TagKeys.member.1=a&TagKeys.member.0=b&TagKeys.member.01=c&TagKeys.member.-1=d&TagKeys.member.x=e&TagKeys.member.1x=f" +
				"&TagKeys.member.=g&TagKeys.member=h&TagKeys.1=i&TagKeys.member.99999999999999999999=j&TagKeys.member.%31%32=k",
			&iamapi.UntagUserInput{UserName: "bob", TagKeys: []string{"a", "k"}},
		},
		{"empty list", "TagUser", "UserName=bob&Tags=", &iamapi.TagUserInput{UserName: "bob", Tags: []iamapi.Tag{}}},
		{
			"names that begin alike", "CreateUser", "UserName=bob&Tags.member.1.Key=k&Tags.member.1.Value=v&Tags-=1&Tags.member-1=2&Tags/=3&TagsX.member.1.Key=4",
			&iamapi.CreateUserInput{UserName: "bob", Tags: []iamapi.Tag{{Key: "k", Value: "v"}}},
		},
		{"integer", "ListUsers", "MaxItems=0017", &iamapi.ListUsersInput{MaxItems: 17}},
		{"boolean", "UpdateLoginProfile", "UserName=bob&PasswordResetRequired=TRUE", &iamapi.UpdateLoginProfileInput{UserName: "bob", PasswordResetRequired: &yes}},
		{"a false that was given", "UpdateLoginProfile", "UserName=bob&PasswordResetRequired=False", &iamapi.UpdateLoginProfileInput{UserName: "bob", PasswordResetRequired: &no}},
		{"boolean not given", "UpdateLoginProfile", "UserName=bob", &iamapi.UpdateLoginProfileInput{UserName: "bob"}},
		{"enumeration", "UpdateAccessKey", "AccessKeyId=AKIAEXAMPLE000000001&Status=Inactive", &iamapi.UpdateAccessKeyInput{AccessKeyId: "AKIAEXAMPLE000000001", Status: iamapi.StatusTypeInactive}},
		{"secret", "ChangePassword", "OldPassword=old%20one&NewPassword=new", &iamapi.ChangePasswordInput{OldPassword: "old one", NewPassword: "new"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in, err := decode(t, operation(t, test.op), test.body)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(in, test.want) {
				t.Errorf("got  %+v\nwant %+v", in, test.want)
			}
		})
	}
}

// kinds is an operation with what no input of IAM or STS has.
var kinds = awsquery.Operation{
	EchoValues: true,
	NewInput:   func() any { return new(kindsInput) },
	Input: &awsquery.Shape{Kind: awsquery.Structure, Members: []awsquery.Member{
		{Name: "When", Shape: &awsquery.Shape{Kind: awsquery.Timestamp}},
		{Name: "Seed", Shape: &awsquery.Shape{Kind: awsquery.Blob, Min: 1, Max: 4}},
		{Name: "Inner", Shape: &awsquery.Shape{Kind: awsquery.Structure, Members: []awsquery.Member{
			{Name: "Count", Shape: &awsquery.Shape{Kind: awsquery.Integer}, Required: true},
			{Name: "Flag", Shape: &awsquery.Shape{Kind: awsquery.Boolean}},
		}}},
	}},
}

type kindsInput struct {
	When  *time.Time
	Seed  []byte
	Inner *struct {
		Count int
		Flag  bool
	}
}

func TestDecodeKinds(t *testing.T) {
	decoded, err := decode(t, &kinds, "When=2011-07-15T23:07:58.5%2B02:00&Seed=AQID&Inner.Count=7&Inner.Flag=true")
	if err != nil {
		t.Fatal(err)
	}
	in := decoded.(*kindsInput)
	if want := time.Date(2011, 7, 15, 21, 7, 58, 5e8, time.UTC); *in.When != want || string(in.Seed) != "\x01\x02\x03" || in.Inner.Count != 7 || !in.Inner.Flag {
		t.Errorf("decoded %v %v %+v", in.When, in.Seed, in.Inner)
	}
	decoded, err = decode(t, &kinds, "Inner=")
	if in = decoded.(*kindsInput); err != nil || in.When != nil || in.Seed != nil || in.Inner != nil {
		t.Errorf("absent members became %+v, %v", in, err)
	}
	for body, want := range map[string]string{
		"When=yesterday":         "Value 'yesterday' at 'when' failed to satisfy constraint: Member must be a timestamp in ISO 8601 format",
		"When=":                  "Value '' at 'when' failed to satisfy constraint: Member must be a timestamp in ISO 8601 format",
		"Seed=*":                 "Value at 'seed' failed to satisfy constraint: Member must be base64-encoded",
		"Seed=":                  "Value at 'seed' failed to satisfy constraint: Member must have length greater than or equal to 1",
		"Seed=AQIDBAU%3D":        "Value at 'seed' failed to satisfy constraint: Member must have length less than or equal to 4",
		"Inner.Flag=yes":         "Value null at 'inner.count' failed to satisfy constraint: Member must not be null; Value 'yes' at 'inner.flag' failed to satisfy constraint: Member must be true or false",
		"Inner.Count=1.5":        "Value '1.5' at 'inner.count' failed to satisfy constraint: Member must be an integer",
		"Inner.Count=":           "Value '' at 'inner.count' failed to satisfy constraint: Member must be an integer",
		"Inner.Count=2147483648": "Value '2147483648' at 'inner.count' failed to satisfy constraint: Member must be an integer",
		"Inner.Count=-1":         "Value '-1' at 'inner.count' failed to satisfy constraint: Member must have value greater than or equal to 0",
	} {
		_, err := decode(t, &kinds, body)
		var told *awsquery.Error
		if !errors.As(err, &told) || told.Code != "ValidationError" || told.Status != 400 || !strings.HasSuffix(told.Message, " detected: "+want) {
			t.Errorf("%s: %v\nwant %s", body, err, want)
		}
	}
}

// TestSecret proves that no way of printing shows a secret.
func TestSecret(t *testing.T) {
	const value = "hunter2"
	secret := awsquery.Secret(value)
	if secret.Reveal() != value {
		t.Error("the value is lost")
	}
	in := &iamapi.ChangePasswordInput{OldPassword: secret, NewPassword: secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%10.3s", "%c", "%U", "%e"} {
		for _, printed := range []any{secret, &secret, in, *in, []awsquery.Secret{secret}, map[string]awsquery.Secret{"a": secret}} {
			text := fmt.Sprintf(verb, printed)
			if strings.Contains(text, "hun") || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", value)) {
				t.Errorf("%s of a %T shows it: %s", verb, printed, text)
			}
		}
	}
	text, err := json.Marshal(map[string]any{"secret": secret, "in": in})
	if err != nil || strings.Contains(string(text), value) {
		t.Errorf("JSON: %s, %v", text, err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "secret", secret, "in", in)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "secret", secret, "in", in)
	if strings.Contains(log.String(), value) {
		t.Errorf("log: %s", &log)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("CreateUser", "UserName=bob&Path=%2F&Tags.member.1.Key=k&Tags.member.1.Value=")
	f.Add("ListUsers", "MaxItems=-1&Marker=%00")
	f.Add("TagUser", "UserName=&Tags=&Tags.member.18446744073709551617.Key=&Tags.member..Key=1&.=1&=")
	f.Add("AssumeRole", "RoleArn=arn&RoleSessionName=x&DurationSeconds=1e9&PolicyArns.member.1.arn=a&Tags.member.1=x")
	f.Add("ChangePassword", "OldPassword=%ff&NewPassword=%F0%9F%98%80")
	f.Add("SimulateCustomPolicy", "PolicyInputList.member.1=p&ContextEntries.member.1.ContextKeyValues.member.1=v&ActionNames.member.1=a%3Ab")
	f.Add("UpdateAccountPasswordPolicy", "MinimumPasswordLength=5&RequireSymbols=tRuE&MaxPasswordAge=0")
	registry := make(map[string]*awsquery.Operation)
	for _, op := range slices.Concat(iamapi.Operations(), stsapi.Operations()) {
		registry[op.Name] = op
	}
	f.Fuzz(func(t *testing.T, name, body string) {
		op := registry[name]
		form, err := parse(t, "POST", "", body)
		if op == nil || err != nil {
			return
		}
		in := op.NewInput()
		if err := awsquery.Decode(form, op, in); err != nil {
			var told *awsquery.Error
			if !errors.As(err, &told) || len(told.Message) > 8*(len(body)+4096) {
				t.Errorf("error of %T, %d bytes for %d", err, len(message(err)), len(body))
			}
			return
		}
		if err := awsquery.Validate(op, in); err != nil {
			t.Errorf("%s was decoded and is not valid: %v", body, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	op := operation(b, "CreateUser")
	body := "Action=CreateUser&Version=2010-05-08&UserName=bob&Path=%2Fstaff%2Fberlin%2F" +
		"&Tags.member.1.Key=department&Tags.member.1.Value=research&Tags.member.2.Key=cost-center&Tags.member.2.Value=4711"
	r, text := &http.Request{Method: http.MethodPost, URL: new(url.URL)}, []byte(body)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		form, err := awsquery.ParseForm(r, text)
		if err != nil {
			b.Fatal(err)
		}
		if err := awsquery.Decode(form, op, op.NewInput()); err != nil {
			b.Fatal(err)
		}
	}
}

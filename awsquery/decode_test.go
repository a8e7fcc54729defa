package awsquery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
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
		{
			"what it does not have is ignored", "CreateUser", "UserName=bob&Foo=1&Action=X&username=eve&Tags=x",
			&iamapi.CreateUserInput{UserName: "bob"},
		},
		{"nothing optional", "GetUser", "", &iamapi.GetUserInput{}},
		{
			"structures in a list", "TagUser", "UserName=bob&Tags.member.1.Key=k&Tags.member.1.Value=%C3%A9%2B&Tags.member.2.Key=z&Tags.member.2.Value=",
			&iamapi.TagUserInput{UserName: "bob", Tags: []iamapi.Tag{{Key: "k", Value: "é+"}, {Key: "z"}}},
		},
		{
			"order by number, leading zeros", "UntagUser", "UserName=bob&TagKeys.member.03=c&TagKeys.member.2=b&TagKeys.member.1=a",
			&iamapi.UntagUserInput{UserName: "bob", TagKeys: []string{"a", "b", "c"}},
		},
		{
			"unknown parameters are ignored", "UntagUser", "UserName=bob&TagKeys.member.%31=a&TagKeys.member=h&TagKeys.1=i",
			&iamapi.UntagUserInput{UserName: "bob", TagKeys: []string{"a"}},
		},
		{
			"map", "PutAccountProperties",
			"Properties.entry.2.key=b&Properties.entry.2.value=2&Properties.entry.1.key=a%2F&Properties.entry.1.value=%C3%A9&Properties.entry.12.value=x&Properties.entry.12.key=c",
			&iamapi.PutAccountPropertiesInput{Properties: map[string]string{"a/": "é", "b": "2", "c": "x"}},
		},
		{
			"flattened map", "PutAccountProperties", "Properties.1.key=a&Properties.1.value=1&Properties.2.key=b&Properties.2.value=2",
			&iamapi.PutAccountPropertiesInput{Properties: map[string]string{"a": "1", "b": "2"}},
		},
		{"empty map", "PutAccountProperties", "Properties=", &iamapi.PutAccountPropertiesInput{Properties: map[string]string{}}},
		{
			"map of structures", "AcquireRole",
			"TemplateArn=arn:aws:iam::aws:role-template/a/b:1&TemplateMinorVersion=0&ReplacementValues.entry.1.key=Department" +
				"&ReplacementValues.entry.1.value.Values.member.1=Engineering&ReplacementValues.entry.1.value.Values.member.2=Sales",
			&iamapi.AcquireRoleInput{
				TemplateArn: "arn:aws:iam::aws:role-template/a/b:1", TemplateMinorVersion: new(int),
				ReplacementValues: map[string]iamapi.ReplacementValueEntry{"Department": {Values: []string{"Engineering", "Sales"}}},
			},
		},
		{"empty list", "TagUser", "UserName=bob&Tags=", &iamapi.TagUserInput{UserName: "bob", Tags: []iamapi.Tag{}}},
		{
			"names that begin alike", "CreateUser",
			"UserName=bob&Tags.member.1.Key=k&Tags.member.1.Value=v&Tags-=1&Tags.member-1=2&Tags/=3&TagsX.member.1.Key=4",
			&iamapi.CreateUserInput{UserName: "bob", Tags: []iamapi.Tag{{Key: "k", Value: "v"}}},
		},
		{"integer", "ListUsers", "MaxItems=%2B0017", &iamapi.ListUsersInput{MaxItems: 17}},
		{
			"boolean", "UpdateLoginProfile", "UserName=bob&PasswordResetRequired=1",
			&iamapi.UpdateLoginProfileInput{UserName: "bob", PasswordResetRequired: &yes},
		},
		{
			"a false that was given", "UpdateLoginProfile", "UserName=bob&PasswordResetRequired=0",
			&iamapi.UpdateLoginProfileInput{UserName: "bob", PasswordResetRequired: &no},
		},
		{"boolean not given", "UpdateLoginProfile", "UserName=bob", &iamapi.UpdateLoginProfileInput{UserName: "bob"}},
		{
			"enumeration", "UpdateAccessKey", "AccessKeyId=AKIAEXAMPLE000000001&Status=Inactive",
			&iamapi.UpdateAccessKeyInput{AccessKeyId: "AKIAEXAMPLE000000001", Status: iamapi.StatusTypeInactive},
		},
		{
			"secret", "ChangePassword", "OldPassword=old%20one&NewPassword=new",
			&iamapi.ChangePasswordInput{OldPassword: "old one", NewPassword: "new"},
		},
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
	if want := time.Date(2011, 7, 15, 21, 7, 58, 5e8, time.UTC); *in.When != want || string(in.Seed) != "\x01\x02\x03" ||
		in.Inner.Count != 7 || !in.Inner.Flag {
		t.Errorf("decoded %v %v %+v", in.When, in.Seed, in.Inner)
	}

	decoded, err = decode(t, &kinds, "Inner=")
	if in = decoded.(*kindsInput); err != nil || in.When != nil || in.Seed != nil || in.Inner != nil {
		t.Errorf("absent members became %+v, %v", in, err)
	}

	for body, want := range map[string]string{
		"When=yesterday":  "Value 'yesterday' at 'when' failed to satisfy constraint: Member must be a timestamp in ISO 8601 format",
		"When=":           "Value '' at 'when' failed to satisfy constraint: Member must be a timestamp in ISO 8601 format",
		"Seed=*":          "Value at 'seed' failed to satisfy constraint: Member must be base64-encoded",
		"Seed=":           "Value at 'seed' failed to satisfy constraint: Member must have length greater than or equal to 1",
		"Seed=AQIDBAU%3D": "Value at 'seed' failed to satisfy constraint: Member must have length less than or equal to 4",
		"Inner.Flag=true": "Value null at 'inner.count' failed to satisfy constraint: Member must not be null",
		"Inner.Count=-1":  "Value '-1' at 'inner.count' failed to satisfy constraint: Member must have value greater than or equal to 0",
	} {
		_, err := decode(t, &kinds, body)
		var told *awsquery.Error
		if !errors.As(err, &told) || told.Code != "ValidationError" || told.Status != 400 ||
			!strings.HasSuffix(told.Message, " detected: "+want) {
			t.Errorf("%s: %v\nwant %s", body, err, want)
		}
	}
}

// TestDecodeMalformed has what cannot be read: AWS answers it with MalformedInput, whatever else is wrong.
func TestDecodeMalformed(t *testing.T) {
	const start, notBoolean = "Start of list found where not expected", "The value at 'passwordResetRequired' must be true or false."

	for _, test := range []struct{ op, body, want string }{
		{"UpdateLoginProfile", "PasswordResetRequired=True", notBoolean},
		{"UpdateLoginProfile", "PasswordResetRequired=", notBoolean},
		{"UpdateLoginProfile", "PasswordResetRequired=+true", notBoolean},
		{"ListUsers", "MaxItems=1.0", "The value at 'maxItems' must be an integer."},
		{"ListUsers", "MaxItems=", "The value at 'maxItems' must be an integer."},
		{"ListUsers", "MaxItems=2147483648", "The value at 'maxItems' must be an integer."},
		{"UntagUser", "TagKeys.member.0=a", "0 is not a valid index"},
		{"UntagUser", "TagKeys.member.-1=a", "Key -1 may not have a leading '-'"},
		{"UntagUser", "TagKeys.member.%2B1=a", start},
		{"UntagUser", "TagKeys.member.x=a", start},
		{"UntagUser", "TagKeys.member.1x=a", start},
		{"UntagUser", "TagKeys.member.=a", start},
		{"UntagUser", "TagKeys.member.12=a", "Excessively sparse input would skip 11 list elements"},
		{
			"UntagUser", "TagKeys.member.1=a&TagKeys.member.5=b&TagKeys.member.16=c",
			"Excessively sparse input would skip 11 list elements",
		},
		{"UntagUser", "TagKeys.member.99999999999999999999=a", "Excessively sparse input would skip 2147483646 list elements"},
		{"PutAccountProperties", "Properties.entry.0.key=a", "0 is not a valid index"},
		{"PutAccountProperties", "Properties.entry.x.key=a", start},
		{"PutAccountProperties", "Properties.entry.12.key=a", "Excessively sparse input would skip 11 list elements"},
		{
			"PutAccountProperties", "Properties.entry.1.key=a&Properties.entry.1.value=b&Properties.1.key=c&Properties.1.value=d",
			"The map at 'properties' is given in two forms.",
		},
	} {
		_, err := decode(t, operation(t, test.op), test.body)
		var told *awsquery.Error
		if !errors.As(err, &told) || told.Code != "MalformedInput" || told.Status != http.StatusBadRequest || told.Message != test.want {
			t.Errorf("%s: %v\nwant %s", test.body, err, test.want)
		}
	}
}

// TestDecodeRefused has lists and maps that can be read and are not allowed.
func TestDecodeRefused(t *testing.T) {
	const (
		one        = "1 validation error detected: "
		properties = one + "Value at 'properties' failed to satisfy constraint: "
	)

	entries := func(n int) string {
		var b strings.Builder
		b.WriteString("TemplateArn=arn:aws:iam::aws:role-template/a/b:1")
		for i := range n {
			fmt.Fprintf(&b, "&ReplacementValues.entry.%d.key=k%d&ReplacementValues.entry.%d.value.Values.member.1=v", i+1, i, i+1)
		}
		return b.String()
	}

	for _, test := range []struct{ op, body, want string }{
		{"UntagUser", "UserName=bob&TagKeys.member.1=a&TagKeys.member.01=b", "The index 1 is given more than once."},
		{"TagUser", "UserName=bob&Tags.member.2.Key=k&Tags.member.2.Value=", "2 validation errors detected: " +
			"Value at 'tags.1.member.key' failed to satisfy constraint: Member must not be null; " +
			"Value at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"},
		{"PutAccountProperties", "", properties + "Member must not be null"},
		{"PutAccountProperties", "Properties.entry.1.value=x", properties + "Member must not have an entry without a key"},
		{
			"PutAccountProperties", "Properties.entry.1.key=a",
			one + "Value at 'properties.a.member' failed to satisfy constraint: Member must not be null",
		},
		{
			"PutAccountProperties", "Properties.entry.1.key=a&Properties.entry.1.value=x&Properties.entry.2.key=a&Properties.entry.2.value=x",
			properties + "Member must not have two entries with the same key",
		},
		{
			"PutAccountProperties", "Properties.entry.1.key=a&Properties.entry.1.value=x&Properties.entry.01.key=b",
			"The index 1 is given more than once.",
		},
		{
			"PutAccountProperties", "Properties.entry.1.key=1&Properties.entry.1.value=x",
			properties + "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: ^[A-Za-z][A-Za-z0-9/_-]*$]",
		},
		{
			"PutAccountProperties", "Properties.entry.1.key=a&Properties.entry.1.value=" + strings.Repeat("x", 1025),
			one + "Value at 'properties.a.member' failed to satisfy constraint: Member must have length less than or equal to 1024",
		},
		{"AcquireRole", entries(30), ""},
		{"AcquireRole", entries(31), one + "Value at 'replacementValues' failed to satisfy constraint: Member must have length less than or equal to 30"},
		{
			"AcquireRole", entries(0) + "&ReplacementValues.entry.1.key=k&ReplacementValues.entry.1.value.Other=v",
			one + "Value at 'replacementValues.k.member.values' failed to satisfy constraint: Member must not be null",
		},
	} {
		op := operation(t, test.op)
		_, err := decode(t, op, test.body)
		if test.want != "" {
			test.want = "ValidationError: " + test.want
		}
		if message(err) != test.want {
			t.Errorf("%s:\n%s\nwant %s", test.body, message(err), test.want)
		}
	}
}

// TestMapsComeBack writes random maps as forms, in both forms and in any order, and decodes them to what they were.
func TestMapsComeBack(t *testing.T) {
	op := operation(t, "PutAccountProperties")
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		want := make(map[string]string)
		for range 1 + random.IntN(40) {
			want[string(rune('a'+random.IntN(26)))+strconv.Itoa(random.IntN(100))] = strings.Repeat("é&=", 1+random.IntN(3))
		}

		prefix, index, form := []string{"Properties.entry.", "Properties."}[random.IntN(2)], 0, make(url.Values)
		for key, value := range want {
			index += 1 + random.IntN(8)
			form.Set(prefix+strconv.Itoa(index)+".key", key)
			form.Set(prefix+strconv.Itoa(index)+".value", value)
		}
		in, err := decode(t, op, form.Encode())
		if err != nil {
			t.Fatalf("%s: %v", form.Encode(), err)
		}
		if got := in.(*iamapi.PutAccountPropertiesInput).Properties; !maps.Equal(got, want) {
			t.Fatalf("%s became %v", form.Encode(), got)
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
	f.Add("PutAccountProperties", "Properties.entry.1.key=a&Properties.entry.1.value=b&Properties.entry.2.key=a&Properties.3.key=c")
	f.Add("AcquireRole", "TemplateArn=&ReplacementValues.entry.1.key=k&ReplacementValues.entry.1.value.Values.member.1=v&ReplacementValues.1.key=")
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

package awsquery_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// TestValidationMessages has the texts of each constraint, and of several at once, as each service words them. What can be
// said of a typed input is said of it in the same words.
func TestValidationMessages(t *testing.T) {
	const failed = " failed to satisfy constraint: Member must "
	const userPattern = `satisfy regular expression pattern: [\w+=,.@-]+`
	long := strings.Repeat("a", 129)
	for _, test := range []struct {
		name, op string
		form     url.Values
		in       any // the same as a typed input, unless that cannot tell it apart
		want     []string
	}{
		{
			"required", "CreateUser",
			url.Values{},
			&iamapi.CreateUserInput{},
			[]string{"Value at 'userName'" + failed + "not be null"},
		},
		{
			"required secrets", "ChangePassword",
			url.Values{},
			&iamapi.ChangePasswordInput{},
			[]string{"Value at 'oldPassword'" + failed + "not be null", "Value at 'newPassword'" + failed + "not be null"},
		},
		{
			"required list", "TagUser",
			url.Values{"UserName": {"bob"}},
			&iamapi.TagUserInput{UserName: "bob"},
			[]string{"Value at 'tags'" + failed + "not be null"},
		},
		{
			"required list, given as something else", "TagUser",
			url.Values{"UserName": {"bob"}, "Tags": {"k"}},
			nil,
			[]string{"Value at 'tags'" + failed + "not be null"},
		},
		{
			"empty", "CreateUser",
			url.Values{"UserName": {""}},
			nil,
			[]string{
				"Value at 'userName'" + failed + "have length greater than or equal to 1",
				"Value at 'userName'" + failed + userPattern,
			},
		},
		{
			"too long", "GetUser",
			url.Values{"UserName": {long}},
			&iamapi.GetUserInput{UserName: long},
			[]string{"Value at 'userName'" + failed + "have length less than or equal to 128"},
		},
		{
			"code points are counted", "TagUser",
			url.Values{
				"UserName": {"bob"}, "Tags.member.1.Key": {strings.Repeat("é", 128)},
				"Tags.member.1.Value": {strings.Repeat("é", 257)},
			},
			&iamapi.TagUserInput{UserName: "bob", Tags: []iamapi.Tag{{Key: strings.Repeat("é", 128), Value: strings.Repeat("é", 257)}}},
			[]string{"Value at 'tags.1.member.value'" + failed + "have length less than or equal to 256"},
		},
		{
			"pattern", "GetUser",
			url.Values{"UserName": {"no spaces"}},
			&iamapi.GetUserInput{UserName: "no spaces"},
			[]string{"Value at 'userName'" + failed + userPattern},
		},
		{
			"enumeration", "UpdateAccessKey",
			url.Values{"AccessKeyId": {"AKIAEXAMPLE000000001"}, "Status": {"active"}},
			&iamapi.UpdateAccessKeyInput{AccessKeyId: "AKIAEXAMPLE000000001", Status: "active"},
			[]string{"Value at 'status'" + failed + "satisfy enum value set: [Active, Inactive, Expired]"},
		},
		{
			"numbers", "ListUsers",
			url.Values{"MaxItems": {"1001"}},
			&iamapi.ListUsersInput{MaxItems: 1001},
			[]string{"Value at 'maxItems'" + failed + "have value less than or equal to 1000"},
		},
		{
			"zero", "ListUsers",
			url.Values{"MaxItems": {"0"}},
			nil,
			[]string{"Value at 'maxItems'" + failed + "have value greater than or equal to 1"},
		},
		{
			"everything that is wrong", "CreateUser",
			url.Values{"UserName": {"?"}, "Path": {"x"}, "Tags.member.1.Key": {""}, "Tags.member.2.Value": {"v"}},
			nil,
			[]string{
				"Value at 'path'" + failed + `satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F)`,
				"Value at 'userName'" + failed + userPattern,
				"Value at 'tags.1.member.key'" + failed + "have length greater than or equal to 1",
				"Value at 'tags.1.member.key'" + failed + `satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`,
				"Value at 'tags.1.member.value'" + failed + "not be null",
				"Value at 'tags.2.member.key'" + failed + "not be null",
			},
		},
		{
			"STS shows the value", "GetFederationToken",
			url.Values{"Name": {"b b"}, "DurationSeconds": {"1"}},
			&stsapi.GetFederationTokenInput{Name: "b b", DurationSeconds: 1},
			[]string{
				"Value 'b b' at 'name'" + failed + `satisfy regular expression pattern: [\w+=,.@-]*`,
				"Value '1' at 'durationSeconds'" + failed + "have value greater than or equal to 900",
			},
		},
		{
			"STS shows null", "GetFederationToken",
			url.Values{},
			&stsapi.GetFederationTokenInput{},
			[]string{"Value null at 'name'" + failed + "not be null"},
		},
		{
			"STS shows no null of a secret", "AssumeRoleWithWebIdentity",
			url.Values{"RoleArn": {"arn:aws:iam::123456789012:role/r"}, "RoleSessionName": {"session"}},
			&stsapi.AssumeRoleWithWebIdentityInput{RoleArn: "arn:aws:iam::123456789012:role/r", RoleSessionName: "session"},
			[]string{"Value at 'webIdentityToken'" + failed + "not be null"},
		},
		{
			"STS shows no secret", "AssumeRoleWithWebIdentity",
			url.Values{"RoleArn": {"arn:aws:iam::123456789012:role/r"}, "RoleSessionName": {"session"}, "WebIdentityToken": {"abc"}},
			&stsapi.AssumeRoleWithWebIdentityInput{
				RoleArn: "arn:aws:iam::123456789012:role/r", RoleSessionName: "session",
				WebIdentityToken: "abc",
			},
			[]string{"Value at 'webIdentityToken'" + failed + "have length greater than or equal to 4"},
		},
		{
			"STS shows nothing endless", "GetFederationToken",
			url.Values{"Name": {strings.Repeat("n", 2049)}},
			&stsapi.GetFederationTokenInput{Name: strings.Repeat("n", 2049)},
			[]string{"Value at 'name'" + failed + "have length less than or equal to 32"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			op := operation(t, test.op)
			want := "1 validation error detected: " + test.want[0]
			if len(test.want) > 1 {
				want = strconv.Itoa(len(test.want)) + " validation errors detected: " + strings.Join(test.want, "; ")
			}

			check := func(from string, err error) {
				t.Helper()
				var told *awsquery.Error
				if !errors.As(err, &told) || told.Code != "ValidationError" || told.Status != 400 || told.Message != want {
					t.Errorf("%s:\ngot  %v\nwant %s", from, err, want)
				}
			}

			_, err := decode(t, op, test.form.Encode())
			check("decoded", err)
			if test.in != nil {
				check("typed", awsquery.Validate(op, test.in))
			}
		})
	}
}

// TestValidationMessagesEnd proves that a request cannot make its answer grow without end.
func TestValidationMessagesEnd(t *testing.T) {
	form := url.Values{"UserName": {"bob"}}
	for n := range 400 {
		form.Set("TagKeys.member."+strconv.Itoa(n+1), "")
	}
	tags := make([]string, 1000)
	for _, err := range []error{
		awsquery.Validate(operation(t, "UntagUser"), &iamapi.UntagUserInput{UserName: "bob", TagKeys: tags}),
		func() error { _, err := decode(t, operation(t, "UntagUser"), form.Encode()); return err }(),
	} {
		if n := strings.Count(message(err), "failed to satisfy"); n == 0 || n > 64 {
			t.Errorf("%d violations are listed", n)
		}
	}
}

func TestValidateTakesWhatIsRight(t *testing.T) {
	reset := false
	for name, in := range map[string]any{
		"CreateUser":         &iamapi.CreateUserInput{UserName: "bob", Path: "/a/b/", Tags: []iamapi.Tag{{Key: "k", Value: ""}}},
		"TagUser":            iamapi.TagUserInput{UserName: "bob", Tags: []iamapi.Tag{}}, // not only by a pointer
		"UpdateLoginProfile": &iamapi.UpdateLoginProfileInput{UserName: "bob", PasswordResetRequired: &reset},
		"ListUsers":          &iamapi.ListUsersInput{},
	} {
		if err := awsquery.Validate(operation(t, name), in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

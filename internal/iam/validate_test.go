package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

func TestValidatePolicy(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	console := a.SignIn(a.NewUser("alice", document(`{"Effect":"Deny","Action":"*","Resource":"*"}`)), nil)
	quota(t, a, "UserPolicySize", 120)
	validate := func(attachment touchstoneapi.PolicyAttachmentType, text string) (findings []string, size string) {
		t.Helper()
		out, err := touchtest.Call(console, touchstoneapi.ValidatePolicy,
			&touchstoneapi.ValidatePolicyInput{PolicyDocument: text, Attachment: attachment})
		must(t, err)
		for _, f := range out.Findings {
			findings = append(findings, fmt.Sprintf("%d:%d %s %s", f.Line, f.Column, f.Class, f.Code))
		}
		size = fmt.Sprint(out.Size)
		if out.MaxSize != nil {
			size += fmt.Sprintf(" of %d", *out.MaxSize)
		}
		return findings, size
	}

	const text = "{\"Version\": \"2012-10-17\",\n\"Statement\": {\"Effect\": \"Allow\",\n \"Action\": [\"iam:GetUser\", \"iam:GetUzer\"], \"Resource\": \"*\"}}"
	for _, test := range []struct {
		attachment touchstoneapi.PolicyAttachmentType
		text, size string
		want       []string
	}{
		{"user", text, "109 of 120", []string{"3:28 ERROR INVALID_ACTION"}},
		{"user", text + strings.Repeat(" ", 100) + strings.Repeat("\n", 100), "109 of 120", []string{"3:28 ERROR INVALID_ACTION"}},
		{
			"user", strings.Replace(text, "GetUser", "ListServiceSpecificCredentials", 1), "132 of 120",
			[]string{"3:51 ERROR INVALID_ACTION", "3:71 ERROR POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"},
		},
		{"managed", text, "109 of 6144", []string{"3:28 ERROR INVALID_ACTION"}},
		{"resource", "{", "1", []string{"1:2 ERROR MALFORMED_POLICY_DOCUMENT"}},
	} {
		findings, size := validate(test.attachment, test.text)
		if !slices.Equal(findings, test.want) || size != test.size {
			t.Errorf("%s %s\ngot  %q, %s\nwant %q, %s", test.attachment, test.text, findings, size, test.want, test.size)
		}
	}

	_, err := touchtest.Call(console, touchstoneapi.ValidatePolicy,
		&touchstoneapi.ValidatePolicyInput{PolicyDocument: "{}", Attachment: "other"})
	if touchtest.CodeOf(err) != "ValidationError" {
		t.Errorf("another attachment: %v", err)
	}
}

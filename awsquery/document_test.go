package awsquery_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
)

// TestDocument holds the encoding to RFC 3986: every byte but the unreserved ones is percent-encoded, and it decodes to itself.
func TestDocument(t *testing.T) {
	var all strings.Builder
	for r := rune(0); r < 0x300; r++ {
		all.WriteRune(r)
	}
	encoded := awsquery.Document(all.String()).Encoded()
	const allowed = "%-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if rest := strings.Trim(encoded, allowed); rest != "" {
		t.Errorf("%q is not encoded", rest)
	}
	if plain, err := url.PathUnescape(encoded); err != nil || plain != all.String() {
		t.Errorf("decoded to %q, %v", plain, err)
	}
	if got := awsquery.Document(" +~").Encoded(); got != "%20%2B~" {
		t.Errorf("a blank, a plus and a tilde are %s", got)
	}

	var answer bytes.Buffer
	out := iamapi.GetAccountAuthorizationDetailsOutput{
		UserDetailList: []iamapi.UserDetail{{UserPolicyList: []iamapi.PolicyDetail{{PolicyName: "p", PolicyDocument: `{"a": "+"}`}}}},
		RoleDetailList: []iamapi.RoleDetail{{AssumeRolePolicyDocument: "<&>"}},
	}
	if err := awsquery.EncodeResponse(&answer, iamapi.GetAccountAuthorizationDetails.Operation, &out, "id"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<PolicyDocument>%7B%22a%22%3A%20%22%2B%22%7D</PolicyDocument>",
		"<AssumeRolePolicyDocument>%3C%26%3E</AssumeRolePolicyDocument>",
	} {
		if !strings.Contains(answer.String(), want) {
			t.Errorf("no %s in %s", want, &answer)
		}
	}
}

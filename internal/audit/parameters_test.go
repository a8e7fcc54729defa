package audit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// TestParametersOfMapsAndDocuments has maps with their keys as they were given, secret values left out, and documents as the
// answer has them.
func TestParametersOfMapsAndDocuments(t *testing.T) {
	for _, test := range []struct {
		given any
		want  string
	}{
		{
			&iamapi.PutAccountPropertiesInput{Properties: map[string]string{"RoleManager/Enabled": "true"}},
			`{"properties":{"RoleManager/Enabled":"true"}}`,
		},
		{
			&iamapi.AcquireRoleInput{ReplacementValues: map[string]iamapi.ReplacementValueEntry{"Team": {Values: []string{"a", "b"}}}},
			`{"replacementValues":{"Team":{"values":["a","b"]}}}`,
		},
		{&iamapi.GetUserPolicyOutput{PolicyName: "p", PolicyDocument: `{ }`}, `{"policyDocument":"%7B%20%7D","policyName":"p"}`},
	} {
		got, err := json.Marshal(audit.Parameters(test.given))
		if err != nil || string(got) != test.want {
			t.Errorf("%s, %v, want %s", got, err, test.want)
		}
	}

	context := stsapi.TransactionContext{IdentityProvider: map[string]awsquery.Secret{"session": "hunter2"}}
	got, err := json.Marshal(audit.Parameters(&context))
	if err != nil || strings.Contains(string(got), "hunter2") || strings.Contains(string(got), "session") {
		t.Errorf("%s, %v", got, err)
	}
}

package iamapi_test

import (
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/iamapi"
)

func TestValidNames(t *testing.T) {
	for name, test := range map[string]struct {
		valid        func(string) bool
		right, wrong []string
	}{
		"user": {
			iamapi.ValidUserName,
			[]string{"a", "A.b_c@d+e=f,g-h", strings.Repeat("a", 64)},
			[]string{"", "a b", "é", "a\n", strings.Repeat("a", 65)},
		},
		"group":  {iamapi.ValidGroupName, []string{"a", strings.Repeat("a", 128)}, []string{"", "a/b", strings.Repeat("a", 129)}},
		"role":   {iamapi.ValidRoleName, []string{"a", strings.Repeat("a", 64)}, []string{"", "a:b", strings.Repeat("a", 65)}},
		"policy": {iamapi.ValidPolicyName, []string{"a", strings.Repeat("a", 128)}, []string{"", "a*", strings.Repeat("a", 129)}},
		"account id": {
			iamapi.ValidAccountID,
			[]string{"123456789012", "000000000000"},
			[]string{"", "12345678901", "1234567890123", "12345678901a", "١٢٣٤٥٦٧٨٩٠١٢"},
		},
		"access key": {
			iamapi.ValidAccessKeyID,
			[]string{"AKIAIOSFODNN7EXAMPLE", strings.Repeat("a", 16)},
			[]string{"", strings.Repeat("a", 15), "AKIAIOSFODNN7-EXAMPLE", strings.Repeat("a", 129)},
		},
		"alias": {
			iamapi.ValidAccountAlias,
			[]string{"abc", "a-b-c", strings.Repeat("a", 63)},
			[]string{"", "ab", "-ab", "ab-", "a--b", "Abc", strings.Repeat("a", 64)},
		},
	} {
		for _, s := range test.right {
			if !test.valid(s) {
				t.Errorf("%s %q is refused", name, s)
			}
		}
		for _, s := range test.wrong {
			if test.valid(s) {
				t.Errorf("%s %q is allowed", name, s)
			}
		}
	}
}

package policy_test

import (
	"testing"

	"github.com/touchstone-iam/touchstone/policy"
)

func TestKeyTypeAccepts(t *testing.T) {
	for keyType, c := range map[policy.KeyType]struct{ good, bad []string }{
		policy.KeyString:  {good: []string{"", "anything"}},
		policy.KeyNumeric: {good: []string{"0", "-1.5", "1e3"}, bad: []string{"", "one", "1 "}},
		policy.KeyDate: {
			good: []string{"2026-11-01", "2026-11-01T12:00:00Z", "1793000000"},
			bad:  []string{"", "yesterday", "2026-13-01"},
		},
		policy.KeyBool:             {good: []string{"true", "False"}, bad: []string{"", "yes", "1", "falſe"}},
		policy.KeyBinary:           {good: []string{"", "AQI="}, bad: []string{"AQI", "a b"}},
		policy.KeyAddress:          {good: []string{"10.0.0.1", "2001:db8::1"}, bad: []string{"", "10.0.0.0/8", "fe80::1%eth0"}},
		policy.KeyARN:              {good: []string{"arn:aws:s3:::bucket"}, bad: []string{"", "*", "arn:aws:s3"}},
		"ArrayOf" + policy.KeyBool: {good: []string{"true"}, bad: []string{"yes"}},
	} {
		for _, text := range c.good {
			if !keyType.Accepts(text) {
				t.Errorf("%s does not accept %q", keyType, text)
			}
		}
		for _, text := range c.bad {
			if keyType.Accepts(text) {
				t.Errorf("%s accepts %q", keyType, text)
			}
		}
	}
}

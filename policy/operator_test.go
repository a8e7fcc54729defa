package policy_test

import (
	"fmt"
	"testing"

	"github.com/touchstone-iam/touchstone/policy"
)

// TestMappedAddresses has IPv4 addresses written as IPv6 ones, which they are not, on either side.
func TestMappedAddresses(t *testing.T) {
	for _, c := range []struct {
		value, address string
		in             bool
	}{
		{"10.0.0.0/8", "::ffff:10.1.2.3", true},
		{"::ffff:10.0.0.0/104", "10.1.2.3", true},
		{"::ffff:10.0.0.0/104", "::ffff:a01:203", true},
		{"::ffff:10.0.0.0/104", "11.0.0.0", false},
		{"::ffff:10.1.2.3", "10.1.2.3", true},
		{"::ffff:0:0/96", "192.0.2.1", true},
		{"::ffff:0:0/96", "2001:db8::1", false},
		{"::ffff:0:0/95", "192.0.2.1", false}, // reaches beyond the mapped addresses, so it is an IPv6 range
		{"::/0", "::ffff:10.1.2.3", false},
		{"::/0", "10.1.2.3", false},
		{"0.0.0.0/0", "::1", false},
	} {
		request := consoleRequest("a:b", "*", "")
		request.Context.Set("aws:SourceIp", c.address)
		for operator, want := range map[string]bool{"IpAddress": c.in, "NotIpAddress": !c.in} {
			text := statement(fmt.Sprintf(`"Action":"*","Resource":"*","Condition":{%q:{"aws:SourceIp":%q}}`, operator, c.value))
			set := compile(t, policy.Identity, []byte(text))
			if got := policy.Evaluate(&policy.Policies{Identity: set}, request).Allowed(); got != want {
				t.Errorf("%s in %s by %s: %v", c.address, c.value, operator, got)
			}
		}
	}
}

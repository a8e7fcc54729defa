package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/touchstone-iam/touchstone/policy"
)

// TestDescribe compares all the condition keys that follow from each kind of caller.
func TestDescribe(t *testing.T) {
	const account = "111122223333"
	issued := time.Date(2026, 11, 24, 10, 0, 0, 0, time.FixedZone("", 3600))

	for name, c := range map[string]struct {
		caller policy.Caller
		want   map[string]string
	}{
		"anonymous": {
			policy.Caller{},
			map[string]string{"aws:PrincipalType": "Anonymous", "aws:PrincipalAccount": "anonymous"},
		},
		"root user": {
			policy.Caller{
				Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:root", AccountID: account, Root: true},
				UserID:    account,
			},
			map[string]string{
				"aws:PrincipalType": "Account", "aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false",
				"aws:PrincipalArn": "arn:aws:iam::111122223333:root", "aws:userid": account,
			},
		},
		"user with a long-term key": {
			policy.Caller{
				Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/a/b/alice", AccountID: account},
				UserID:    "AIDAEXAMPLE",
				Tags:      []policy.PrincipalTag{policy.NewPrincipalTag("Team", "red"), policy.NewPrincipalTag("empty", "")},
			},
			map[string]string{
				"aws:PrincipalType": "User", "aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false",
				"aws:PrincipalArn": "arn:aws:iam::111122223333:user/a/b/alice", "aws:userid": "AIDAEXAMPLE", "aws:username": "alice",
				"aws:PrincipalTag/Team": "red", "aws:PrincipalTag/empty": "",
			},
		},
		"user of whom only the ARN is known": {
			policy.Caller{Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/alice", AccountID: account}},
			map[string]string{
				"aws:PrincipalType": "User", "aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false",
				"aws:PrincipalArn": "arn:aws:iam::111122223333:user/alice", "aws:username": "alice",
			},
		},
		"user in a session with MFA": {
			policy.Caller{
				Principal:     policy.Principal{ARN: "arn:aws-cn:iam::111122223333:user/alice", AccountID: account},
				TokenIssuedAt: issued, MFA: policy.MFAUsed, MFAAge: 90*time.Second + 999*time.Millisecond,
			},
			map[string]string{
				"aws:PrincipalType": "User", "aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false",
				"aws:PrincipalArn": "arn:aws-cn:iam::111122223333:user/alice", "aws:username": "alice",
				"aws:TokenIssueTime": "2026-11-24T09:00:00Z", "aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "90",
			},
		},
		"role session": {
			policy.Caller{
				Principal: policy.Principal{
					ARN: "arn:aws:sts::111122223333:assumed-role/App/s1", AccountID: account,
					Issuer: "arn:aws:iam::111122223333:role/path/App",
				},
				UserID: "AROAEXAMPLE:s1", TokenIssuedAt: issued, MFA: policy.MFANotUsed, MFAAge: time.Hour,
			},
			map[string]string{
				"aws:PrincipalType": "AssumedRole", "aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false",
				"aws:PrincipalArn": "arn:aws:iam::111122223333:role/path/App", "aws:userid": "AROAEXAMPLE:s1",
				"aws:TokenIssueTime": "2026-11-24T09:00:00Z", "aws:MultiFactorAuthPresent": "false",
			},
		},
		"role session whose role is not known": {
			policy.Caller{Principal: policy.Principal{ARN: "arn:aws:sts::111122223333:assumed-role/App/s1", AccountID: account}},
			map[string]string{"aws:PrincipalType": "AssumedRole", "aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false"},
		},
		"federated user": {
			policy.Caller{Principal: policy.Principal{
				ARN: "arn:aws:sts::111122223333:federated-user/bob", AccountID: account,
				Issuer: "arn:aws:iam::111122223333:user/alice",
			}},
			map[string]string{
				"aws:PrincipalType": "FederatedUser", "aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false",
				"aws:PrincipalArn": "arn:aws:sts::111122223333:federated-user/bob", "aws:userid": "111122223333:bob",
			},
		},
		"group, which the simulator takes for a caller": {
			policy.Caller{Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:group/staff", AccountID: account}},
			map[string]string{"aws:PrincipalAccount": account, "aws:PrincipalIsAWSService": "false"},
		},
		"service": {
			policy.Caller{Principal: policy.Principal{Service: "ec2.amazonaws.com"}},
			map[string]string{"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": "ec2.amazonaws.com"},
		},
		"SAML provider": {
			policy.Caller{Principal: policy.Principal{Federated: "arn:aws:iam::111122223333:saml-provider/Corp"}},
			map[string]string{
				"aws:PrincipalType": "User", "aws:PrincipalAccount": account,
				"aws:userid": "arn:aws:iam::111122223333:saml-provider/Corp",
			},
		},
		"identity provider known by its name": {
			policy.Caller{Principal: policy.Principal{Federated: "accounts.google.com"}},
			map[string]string{"aws:PrincipalType": "User"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := policy.NewContext()
			c.caller.Describe(ctx)

			// All of these callers ask directly.
			c.want["aws:ViaAWSService"] = "false"
			got := make(map[string]string)
			for _, key := range ctx.Keys() {
				values, _ := ctx.Get(key)
				if len(values) != 1 {
					t.Errorf("%s has the values %q", key, values)
				}
				got[key] = values[0]
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("condition keys (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDescribeAllocates holds the promise that describing a caller with a long-term key costs no memory, tags included.
func TestDescribeAllocates(t *testing.T) {
	caller := policy.Caller{
		Principal: policy.Principal{ARN: alice, AccountID: "123456789012"},
		UserID:    "AIDAEXAMPLE",
		Tags:      []policy.PrincipalTag{policy.NewPrincipalTag("Team", "red")},
	}
	ctx := policy.NewContext()

	if n := testing.AllocsPerRun(100, func() {
		ctx.Reset()
		caller.Describe(ctx)
	}); n != 0 {
		t.Errorf("Describe makes %v allocations", n)
	}
}

package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/policy"
)

// fidoPage is the self-management policy that the IAM User Guide prints on "Enabling a FIDO security key (console)".
const fidoPage = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "AllowManageOwnUserMFA",
      "Effect": "Allow",
      "Action": ["iam:DeactivateMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ResyncMFADevice"],
      "Resource": "arn:aws:iam::*:user/${aws:username}"
    },
    {
      "Sid": "DenyAllExceptListedIfNoMFA",
      "Effect": "Deny",
      "NotAction": ["iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices", "iam:ResyncMFADevice"],
      "Resource": "*",
      "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    }
  ]
}`

const alice = "arn:aws:iam::123456789012:user/alice"

// consoleRequest is a request with the condition keys of a console session.
func consoleRequest(action, resource, mfa string) *policy.Request {
	ctx := policy.NewContext()
	for key, value := range map[string]string{
		"aws:CurrentTime": "2026-11-24T10:00:00Z", "aws:EpochTime": "1795514400", "aws:SecureTransport": "true",
		"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false", "aws:PrincipalArn": alice,
		"aws:PrincipalAccount": "123456789012", "aws:ResourceAccount": "123456789012", "aws:userid": "AIDAEXAMPLE",
		"aws:PrincipalType": "User", "aws:username": "alice", "aws:SourceIp": "203.0.113.9", "aws:UserAgent": "Mozilla/5.0",
		"aws:RequestedRegion": "us-east-1", "aws:TokenIssueTime": "2026-11-24T09:00:00Z",
	} {
		ctx.Set(key, value)
	}
	if mfa != "" {
		ctx.Set("aws:MultiFactorAuthPresent", mfa)
	}
	return &policy.Request{
		Principal: policy.Principal{ARN: alice, AccountID: "123456789012"},
		Action:    action, Resource: resource, ResourceAccountID: "123456789012", Context: ctx,
	}
}

func BenchmarkDecideFIDOPage(b *testing.B) {
	policies := &policy.Policies{Identity: compile(b, policy.Identity, []byte(fidoPage))}
	for _, c := range []struct{ name, action, mfa string }{
		{"allow", "iam:EnableMFADevice", "true"},
		{"explicitDeny", "iam:DeactivateMFADevice", "false"},
		{"implicitDeny", "iam:ListUsers", "true"},
	} {
		request := consoleRequest(c.action, alice, c.mfa)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				policy.Evaluate(policies, request)
			}
		})
	}
}

func BenchmarkParseFIDOPage(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Parse(policy.Identity, []byte(fidoPage)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse reads the worst texts in doubling sizes: the time for a byte should stay the same.
func BenchmarkParse(b *testing.B) {
	for _, f := range parseFamilies {
		for _, size := range []int{16_000, 32_000, 64_000, 128_000} {
			text := []byte(f.text(size))
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(f.name, " ", "-"), size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					policy.Parse(f.kind, text)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text)), "ns/byte")
			})
		}
	}
}

func BenchmarkCompileFIDOPage(b *testing.B) {
	document, err := policy.Parse(policy.Identity, []byte(fidoPage))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		policy.Compile(policy.Source{ID: "inline:Self", Document: document})
	}
}

func BenchmarkContext(b *testing.B) {
	ctx := policy.NewContext()
	b.ReportAllocs()
	for b.Loop() {
		ctx.Reset()
		ctx.Set("aws:username", "alice")
		ctx.Set("aws:SourceIp", "203.0.113.9")
		ctx.Set("aws:TagKeys", "a", "b")
	}
}

// BenchmarkDescribe describes a user with two tags, in a context that is used again for every request.
func BenchmarkDescribe(b *testing.B) {
	ctx := policy.NewContext()
	caller := policy.Caller{
		Principal: policy.Principal{ARN: alice, AccountID: "123456789012"},
		UserID:    "AIDAEXAMPLE",
		Tags:      []policy.PrincipalTag{policy.NewPrincipalTag("Team", "red"), policy.NewPrincipalTag("Stage", "test")},
	}

	b.ReportAllocs()
	for b.Loop() {
		ctx.Reset()
		caller.Describe(ctx)
	}
}

// BenchmarkManyStatements is a thousand statements of which one is about the request.
func BenchmarkManyStatements(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"Version":"2012-10-17","Statement":[`)
	for n := range 1000 {
		if n > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket-%d/*"}`, n)
	}
	text.WriteString(`]}`)
	policies := &policy.Policies{Identity: compile(b, policy.Identity, []byte(text.String()))}
	request := consoleRequest("s3:GetObject", "arn:aws:s3:::bucket-999/x", "")
	b.ReportAllocs()
	for b.Loop() {
		policy.Evaluate(policies, request)
	}
}

// BenchmarkAdversarialWildcards doubles both pattern and subject: the time may grow fourfold, no more.
func BenchmarkAdversarialWildcards(b *testing.B) {
	for _, c := range []struct{ name, part string }{{"stars", "*a"}, {"characters", "a?"}, {"variables", "${aws:username}"}} {
		for _, size := range []int{15, 30, 60} {
			pattern := "*" + strings.Repeat(c.part, size) + "b*"
			policies := &policy.Policies{Identity: compile(b, policy.Identity, fmt.Appendf(nil,
				`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::%s"}}`, pattern))}
			request := consoleRequest("s3:GetObject", "arn:aws:s3:::"+strings.Repeat("a", 64*size), "")
			request.Context.Set("aws:username", "a")
			b.Run(fmt.Sprintf("%s/%d", c.name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if policy.Evaluate(policies, request).Allowed() {
						b.Fatal("matched")
					}
				}
			})
		}
	}
}

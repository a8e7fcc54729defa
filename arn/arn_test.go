package arn_test

import (
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/arn"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]arn.ARN{
		"arn:aws:iam::123456789012:user/eng/alice": {
			Partition: "aws", Service: "iam", AccountID: "123456789012",
			Resource: "user/eng/alice",
		},
		"arn:aws:s3:::bucket/a:b:c": {Partition: "aws", Service: "s3", Resource: "bucket/a:b:c"},
		"arn:aws-cn:sqs:cn-north-1:1:jobs": {
			Partition: "aws-cn", Service: "sqs", Region: "cn-north-1", AccountID: "1",
			Resource: "jobs",
		},
	} {
		got, err := arn.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("Parse(%q).String() = %q", text, got)
		}
	}

	for _, text := range []string{
		"", "*", "arn", "arn:", "arn:aws:iam::1", "arn:::::", "arn::iam::1:x", "arn:aws:::1:x",
		"ARN:aws:iam::1:x", "arn:aws:iam::1:",
	} {
		if got, err := arn.Parse(text); err == nil || got != (arn.ARN{}) {
			t.Errorf("Parse(%q) = %+v, %v; want an error and nothing else", text, got, err)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "*", true},
		{"*", "anything", true},
		{"arn:aws:iam::1:*", "*", false},
		{"arn:aws:iam::*:user/x", "arn:aws:iam::1:user/x", true},
		{"arn:aws:iam::*:user/x", "arn:aws:iam:::user/x", true},
		{"arn:aws:iam:::user/x", "arn:aws:iam::1:user/x", false},
		{"arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a/b/c", true},
		{"arn:aws:iam::1:user/*", "arn:aws:iam::1:group/a", false},
		{"arn:aws:s3:::data/*/test/*", "arn:aws:s3:::data/1///test///x", true},
		{"arn:aws:s3:::data/*/test/*", "arn:aws:s3:::data/1-test/x", false},
		{"arn:aws:sqs:*:jobs", "arn:aws:sqs:r:1:jobs", false},
		{"arn:aws:sqs:*:*:jo?s", "arn:aws:sqs:r:1:jobs", true},
		{"arn:aws:sqs:*:*:jobs?", "arn:aws:sqs:r:1:jobs", false},
		{"arn:aws:sqs:r:1:?", "arn:aws:sqs:r:1:é", true},
		{"arn:aws:sqs:r:1:a*b*", "arn:aws:sqs:r:1:a:x:b:y", true},
		{"arn:aws:sqs:r:1:A", "arn:aws:sqs:r:1:a", false},
		{"arn:aws:sqs:r:1:*a*a*a*b", "arn:aws:sqs:r:1:" + strings.Repeat("a", 5000), false},
	} {
		if got := arn.Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("arn:aws:iam::123456789012:user/alice")
	f.Add("arn:aws:s3:::b/a:b")
	f.Add("arn:::::")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := arn.Parse(text)
		if err != nil {
			if a != (arn.ARN{}) {
				t.Fatalf("Parse(%q) returned %+v with an error", text, a)
			}
			return
		}

		if a.String() != text {
			t.Fatalf("Parse(%q).String() = %q", text, a)
		}
		if !strings.ContainsAny(text, "*?") && !arn.Match(text, text) {
			t.Fatalf("%q does not match itself", text)
		}
	})
}

func TestIsAccountID(t *testing.T) {
	for text, want := range map[string]bool{
		"111122223333":   true,
		"000000000000":   true,
		"":               false,
		"11112222333":    false,
		"1111222233334":  false,
		"1111-2222-3333": false,
		"11112222333a":   false,
		" 11112222333":   false,
		"aws":            false,
	} {
		if got := arn.IsAccountID(text); got != want {
			t.Errorf("IsAccountID(%q) = %t", text, got)
		}
	}
}

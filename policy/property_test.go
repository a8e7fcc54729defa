package policy_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/policy"
)

// The generators draw from few values, so that statements and requests often meet.
var (
	actions   = []string{"iam:GetUser", "iam:ListUsers", "s3:GetObject"}
	resources = []string{"*", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/b/c", "arn:aws:s3:::x/y"}
	patterns  = []string{
		"*", "arn:aws:iam::*:user/*", "arn:aws:iam::1:user/${k}", "arn:aws:s3:::x/?",
		"arn:aws:iam::1:user/${k, 'a'}*",
	}
	values     = []string{"", "a", "b", "true", "false", "1", "2.5", "2024-01-01", "10.0.0.1", "arn:aws:iam::1:user/a", "QQ=="}
	conditions = []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLikeIfExists", "NumericLessThan",
		"NumericNotEquals",
		"DateGreaterThanEquals", "Bool", "BoolIfExists", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnLike", "ArnNotEquals", "Null",
		"ForAllValues:StringLike", "ForAnyValue:StringNotEquals", "ForAnyValue:NumericEqualsIfExists",
	}
)

type object = map[string]any

func drawStatement(t *rapid.T, effect string) object {
	s := object{"Effect": effect}
	element := rapid.SampledFrom([]string{"Action", "Action", "NotAction"}).Draw(t, "element")
	s[element] = rapid.SliceOfN(rapid.SampledFrom(append([]string{"*", "IAM:*", "iam:?e*", "s3:Get*"}, actions...)), 1, 3).Draw(t,
		"actions")
	element = rapid.SampledFrom([]string{"Resource", "Resource", "NotResource"}).Draw(t, "element")
	s[element] = rapid.SliceOfN(rapid.SampledFrom(patterns), 1, 3).Draw(t, "resources")
	if rapid.Bool().Draw(t, "conditional") {
		operator := rapid.SampledFrom(conditions).Draw(t, "operator")
		wanted := values
		if strings.HasPrefix(operator, "Date") {
			wanted = []string{"2024", "0", "2024-01-01T00:00:00Z"}
		}
		key := rapid.SampledFrom([]string{"k", "K2"}).Draw(t, "key")
		s["Condition"] = object{operator: object{key: rapid.SliceOfN(rapid.SampledFrom(wanted), 1, 3).Draw(t, "values")}}
	}
	return s
}

func drawStatements(t *rapid.T, least int) []object {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) object {
		return drawStatement(t, rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"))
	}), least, 5).Draw(t, "statements")
}

func drawRequest(t *rapid.T) *policy.Request {
	r := &policy.Request{
		Principal: policy.Principal{ARN: "arn:aws:iam::1:user/a", AccountID: "1"}, ResourceAccountID: "1", Context: policy.NewContext(),
		Action: rapid.SampledFrom(actions).Draw(t, "action"), Resource: rapid.SampledFrom(resources).Draw(t, "resource"),
	}
	for _, key := range []string{"k", "k2"} {
		if rapid.Bool().Draw(t, "present") {
			r.Context.Set(key, rapid.SliceOfN(rapid.SampledFrom(values), 0, 2).Draw(t, "values")...)
		}
	}
	return r
}

func compileStatements(t rapid.TB, statements ...object) *policy.Set {
	if len(statements) == 0 {
		return policy.Compile()
	}
	text, err := json.Marshal(object{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	document, err := policy.Parse(policy.Identity, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return policy.Compile(policy.Source{Document: document})
}

func effect(identity *policy.Set, r *policy.Request) policy.Effect {
	return policy.Evaluate(&policy.Policies{Identity: identity}, r).Effect
}

func TestDenyNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, request := drawStatements(t, 0), drawRequest(t)
		before := effect(compileStatements(t, statements...), request)
		after := effect(compileStatements(t, append(statements, drawStatement(t, "Deny"))...), request)
		if after != before && after != policy.ExplicitDeny {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestAllowNeverNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, request := drawStatements(t, 0), drawRequest(t)
		before := effect(compileStatements(t, statements...), request)
		after := effect(compileStatements(t, append(statements, drawStatement(t, "Allow"))...), request)
		if after != before && (before != policy.ImplicitDeny || after != policy.Allow) {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, request := drawStatements(t, 1), drawRequest(t)
		want := effect(compileStatements(t, statements...), request)
		shuffled := rapid.Permutation(statements).Draw(t, "shuffled")
		for n, s := range shuffled {
			shuffled[n] = object{}
			for element, value := range s {
				if list, ok := value.([]string); ok {
					list = slices.Clone(list)
					slices.Reverse(list)
					value = list
				}
				shuffled[n][element] = value
			}
		}
		if got := effect(compileStatements(t, shuffled...), request); got != want {
			t.Fatalf("%v became %v", want, got)
		}
	})
}

func TestLimitsOnlyNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		identity, limit, request := compileStatements(t, drawStatements(t, 0)...), compileStatements(t,
			drawStatements(t, 0)...), drawRequest(t)
		for _, p := range []*policy.Policies{
			{Identity: identity, Boundary: limit},
			{Identity: identity, Session: limit},
			{Identity: identity, ServiceControl: []*policy.Set{limit}},
			{Identity: identity, ResourceControl: []*policy.Set{limit}},
		} {
			both := effect(identity, request) == policy.Allow && effect(limit, request) == policy.Allow
			if got := policy.Evaluate(p, request); got.Allowed() != both {
				t.Fatalf("%+v, want allowed %v", got, both)
			}
		}
	})
}

// TestWildcards compares the matching of resources and of StringLike with the other matcher that there is, package arn's.
func TestWildcards(t *testing.T) {
	text := func(alphabet string) *rapid.Generator[string] {
		return rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), 1, 12, -1)
	}

	rapid.Check(t, func(t *rapid.T) {
		pattern, name := "arn:aws:s3:::"+text("ab*?:é").Draw(t, "pattern"), "arn:aws:s3:::"+text("abé:").Draw(t, "name")
		request := &policy.Request{
			Principal: policy.Principal{ARN: "arn:aws:iam::1:user/a", AccountID: "1"}, Action: "s3:GetObject", Resource: name,
			ResourceAccountID: "1",
			Context:           policy.NewContext(),
		}
		request.Context.Set("k", name)
		want := arn.Match(pattern, name)
		for _, s := range []object{
			{"Resource": pattern},
			{"Resource": "*", "Condition": object{"StringLike": object{"k": pattern}}},
			{"Resource": "*", "Condition": object{"ArnLike": object{"k": pattern}}},
		} {
			s["Effect"], s["Action"] = "Allow", "*"
			if got := effect(compileStatements(t, s), request) == policy.Allow; got != want {
				t.Fatalf("%v: %v, want %v", s, got, want)
			}
		}

		// Actions ignore letter case and match like the rest.
		action := strings.ReplaceAll(strings.TrimPrefix(pattern, "arn:aws:s3:::"), ":", "")
		request.Action = "S3:" + strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(name, "arn:aws:s3:::"), ":", ""))
		want = arn.Match("arn:aws:s3:::x"+action, "arn:aws:s3:::x"+strings.ToLower(strings.TrimPrefix(request.Action, "S3:")))
		allow := compileStatements(t, object{"Effect": "Allow", "Resource": "*", "Action": "s3:" + action})
		if got := effect(allow, request) == policy.Allow; got != want {
			t.Fatalf("action pattern %q, action %q: %v, want %v", action, request.Action, got, want)
		}
	})
}

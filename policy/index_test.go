package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/policy"
)

// Short names over few letters, so that heads of resources are often equal or each other's beginnings.
var (
	indexedActions = []string{
		"*", "*:*", "s3:*", "S3:Get*", "s3:*Object", "s3:?et*", "s3:GetObject", "S3:GETOBJECT", "iam:GetUser", "iam:getuser",
		"iam:?etUser", "iam:Get*", "sqs:*",
		"*:GetUser", "s3:GetObjectAcl",
	}
	requestedActions = []string{
		"s3:GetObject", "S3:getobject", "s3:GetObjectAcl", "iam:GetUser", "IAM:GETUSER", "sqs:x", "s3", "",
		"ſ3:GetObject", "sqs:\u212a",
	}
	indexedResources = []string{
		"*", "arn:aws:s3:*", "arn:aws:s3:::*", "arn:aws:s3:::?", "arn:aws:s3:::a", "arn:aws:s3:::ab", "arn:aws:s3:::ab*",
		"arn:aws:s3:::a*c", "arn:aws:s3:::abc", "arn:aws:s3:::b*",
		"arn:*:s3:::a", "arn:aws:s3:*:*:a*", "arn:aws:s3:r:?:b", "arn:aws:s3:::${k}", "arn:aws:s3:::a${k}", "arn:aws:s3:::${*}",
		"arn:aws:s3:::a${$}b", "arn:aws:s3:::${k, 'a'}",
	}
	requestedResources = []string{
		"*", "arn:aws:s3:::a", "arn:aws:s3:::ab", "arn:aws:s3:::abc", "arn:aws:s3:::abd", "arn:aws:s3:::b", "arn:aws:s3:r:1:b",
		"arn:aws:s3:r:1:a",
		"arn:aws-cn:s3:::a", "arn:aws:s3:::", "arn:aws:s3:::*", "arn:aws:s3:::a$b", "", "x",
	}
)

func drawIndexed(t *rapid.T) object {
	s := object{"Effect": rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect")}
	element := rapid.SampledFrom([]string{"Action", "Action", "Action", "Action", "NotAction"}).Draw(t, "element")
	s[element] = rapid.SliceOfN(rapid.SampledFrom(indexedActions), 1, 3).Draw(t, "actions")
	element = rapid.SampledFrom([]string{"Resource", "Resource", "Resource", "Resource", "NotResource"}).Draw(t, "element")
	s[element] = rapid.SliceOfN(rapid.SampledFrom(indexedResources), 1, 3).Draw(t, "resources")
	if rapid.IntRange(0, 2).Draw(t, "conditional") == 0 {
		s["Condition"] = object{"StringEquals": object{"k": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "value")}}
	}
	return s
}

// TestIndexChangesNoDecision compares looking up with looking through: the same effect, by the same statement.
func TestIndexChangesNoDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := compileStatements(t, rapid.SliceOfN(rapid.Custom(drawIndexed), 1, 40).Draw(t, "statements")...)
		with, without := set.Indexed(true), set.Indexed(false)
		ctx := policy.NewContext()
		if value := rapid.SampledFrom([]string{"", "a", "b", "*"}).Draw(t, "k"); value != "" {
			ctx.Set("k", value)
		}

		for _, action := range requestedActions {
			for _, resource := range requestedResources {
				r := &policy.Request{
					Principal: policy.Principal{ARN: "arn:aws:iam::1:user/a", AccountID: "1"}, Action: action, Resource: resource,
					ResourceAccountID: "1", Context: ctx,
				}
				want := policy.Evaluate(&policy.Policies{Identity: without}, r)
				if got := policy.Evaluate(&policy.Policies{Identity: with}, r); got != want {
					t.Fatalf("%s on %s: with the index %v by %p, without %v by %p", action, resource, got.Effect, got.Statement, want.Effect,
						want.Statement)
				}
			}
		}
	})
}

// TestCasesWithIndex repeats the recorded decisions with sets that are indexed though small.
func TestCasesWithIndex(t *testing.T) {
	for _, c := range readCases(t) {
		p := c.policies(t)
		for _, set := range []**policy.Set{&p.Identity, &p.Boundary, &p.Session} {
			if *set != nil {
				*set = (*set).Indexed(true)
			}
		}
		for n := range p.ServiceControl {
			p.ServiceControl[n] = p.ServiceControl[n].Indexed(true)
		}
		if got := policy.Evaluate(p, c.request()).Effect.String(); got != c.Expect {
			t.Errorf("%s: %s, want %s: %s", c.Name, got, c.Expect, c.Why)
		}
	}
}

// TestIndexBounds has statements with more pairs of action and resource than the index has places for, and asks for each.
func TestIndexBounds(t *testing.T) {
	var statements []object
	for n := range 24 {
		var actions, resources []string
		for m := range 20 {
			actions = append(actions, fmt.Sprintf("svc%d:Action%d", n, m))
			resources = append(resources, fmt.Sprintf("arn:aws:svc%d:::thing-%d/*", n, m))
		}
		statements = append(statements, object{"Effect": "Allow", "Action": actions, "Resource": resources})
	}

	set := compileStatements(t, statements...)
	if !set.HasIndex() || compileStatements(t, statements[0]).HasIndex() {
		t.Error("many statements have an index and few have none")
	}

	for n := range 24 {
		for m := range 20 {
			r := &policy.Request{
				Principal: policy.Principal{ARN: "arn:aws:iam::1:user/a", AccountID: "1"}, Action: fmt.Sprintf("svc%d:Action%d", n, m),
				Resource: fmt.Sprintf("arn:aws:svc%d:::thing-%d/x", n, 19-m), ResourceAccountID: "1",
			}
			if !policy.Evaluate(&policy.Policies{Identity: set}, r).Allowed() {
				t.Fatalf("%s on %s is not allowed", r.Action, r.Resource)
			}
			if m == 0 && testing.AllocsPerRun(10, func() { policy.Evaluate(&policy.Policies{Identity: set}, r) }) != 0 {
				t.Errorf("%s on %s: allocates", r.Action, r.Resource)
			}
		}
	}
}

// TestPatternsOfResources compares patterns that have wildcards in any field with package arn, which has no forms to choose from.
func TestPatternsOfResources(t *testing.T) {
	field := func(alphabet string, least int) *rapid.Generator[string] {
		return rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), least, 3, -1)
	}

	draw := func(t *rapid.T, alphabet, resource, service string) string {
		return strings.Join([]string{
			"arn", rapid.SampledFrom([]string{"aws", "aws-cn", "aws-us-gov"}).Draw(t, "partition"), service, field(alphabet, 0).Draw(t,
				"region"),
			field(alphabet, 0).Draw(t, "account"), field(resource, 0).Draw(t, "resource"),
		}, ":")
	}

	rapid.Check(t, func(t *rapid.T) {
		pattern := draw(t, "a*?", "ab*?:", "s3")
		if rapid.Bool().Draw(t, "any partition") {
			pattern = "arn:*" + pattern[strings.Index(pattern, ":s3"):]
		}

		name := draw(t, "ab", "ab:", rapid.SampledFrom([]string{"s3", "s", ""}).Draw(t, "service"))
		if rapid.Bool().Draw(t, "no partition") {
			name = "arn:" + name[strings.IndexByte(name[4:], ':')+4:]
		}

		r := &policy.Request{
			Principal: policy.Principal{ARN: "arn:aws:iam::1:user/a", AccountID: "1"}, Action: "s3:GetObject", Resource: name,
			ResourceAccountID: "1",
		}

		text, err := json.Marshal(object{
			"Version":   "2012-10-17",
			"Statement": object{"Effect": "Allow", "Action": "*", "Resource": pattern},
		})
		if err != nil {
			t.Fatal(err)
		}

		document, err := policy.Parse(policy.Identity, text)
		if err != nil {
			t.Skip(err) // a form that no policy can have
		}

		set := policy.Compile(policy.Source{Document: document})
		if got, want := effect(set, r) == policy.Allow, arn.Match(pattern, name); got != want {
			t.Fatalf("pattern %s, name %s: %v, want %v", pattern, name, got, want)
		}
	})
}

// TestFoldHash is about equal hashes of texts that differ in letter case only, and of few others.
func TestFoldHash(t *testing.T) {
	letters := []rune("abkszABKSZ@[`{09:é\u00c9\u212a\u017f\uFFFD\U00010400\U00010428")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom(letters), 0, 20, -1)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		for _, other := range []string{strings.ToUpper(a), strings.ToLower(a), b} {
			if same := strings.EqualFold(a, other); same != (policy.FoldHash(a) == policy.FoldHash(other)) {
				t.Fatalf("%q, %q: differ in case only: %v, which their hashes deny", a, other, same)
			}
		}
	})
	if policy.FoldHash("\xff") != policy.FoldHash("\xfe") || policy.FoldHash("Kelvin") != policy.FoldHash("\u212aelvin") {
		t.Error("the hash is not of what EqualFold compares")
	}
}

// TestContextKeepsKeys compares a context with a map.
func TestContextKeepsKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx, model := new(policy.Context), make(map[string][]string)
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			number := rapid.IntRange(0, 99).Draw(t, "number")
			key := fmt.Sprintf("aws:ResourceTag/Key%d", number)
			switch folded := strings.ToLower(key); rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				ctx.Reset()
				clear(model)
			case 1, 2:
				ctx.Delete(strings.ToUpper(key))
				delete(model, folded)
			default:
				model[folded] = rapid.SliceOfN(rapid.Just(fmt.Sprint(number)), 0, 2).Draw(t, "values")
				ctx.Set(key, model[folded]...)
			}
		}

		for number := range 100 {
			key := fmt.Sprintf("aws:resourcetag/key%d", number)
			want, present := model[key]
			if got, ok := ctx.Get(key); ok != present || !slices.Equal(got, want) {
				t.Fatalf("%s: %q, %v; want %q, %v", key, got, ok, want, present)
			}
		}
	})
}

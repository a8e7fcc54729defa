package policy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/policy"
)

// subjects are those of testdata/guide-cases.jsonl, in the file's order, each with how many cases it has at least. The name of a case
// begins with its subject.
var subjects = []struct {
	name  string
	least int
}{
	{"string", 40}, {"numeric", 25}, {"date", 25}, {"bool", 8}, {"binary", 6}, {"ip", 24},
}

// pages are the pages of the IAM User Guide that the cases rest on.
var pages = []string{
	"reference_policies_condition-keys",
	"reference_policies_elements_condition",
	"reference_policies_elements_condition_operators",
	"reference_policies_examples_s3_home-directory-console",
	"reference_policies_grammar",
	"reference_policies_multi-value-conditions",
	"reference_policies_variables",
}

// world is the case for the naive evaluator.
func (c *evaluationCase) world() *world {
	texts := func(documents ...json.RawMessage) []string {
		list := []string{}
		for _, document := range documents {
			list = append(list, string(document))
		}
		return list
	}
	w := &world{identity: texts(c.IdentityPolicies...), trust: c.isTrust()}
	if c.ResourcePolicy != nil {
		w.resource = texts(c.ResourcePolicy)
	}
	if c.Boundary != nil {
		w.boundary = texts(c.Boundary)
	}
	if len(c.SessionPolicies) > 0 {
		w.session = texts(c.SessionPolicies...)
	}
	for _, level := range c.SCPs {
		w.serviceControl = append(w.serviceControl, texts(level.Policies...))
	}
	for _, level := range c.RCPs {
		w.resourceControl = append(w.resourceControl, texts(level.Policies...))
	}
	return w
}

// content is what a case asks, without its name, its reason and its answer.
func (c *evaluationCase) content(t testing.TB) string {
	t.Helper()
	asked := *c
	asked.Name, asked.Why, asked.Expect = "", "", ""
	text, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGuideCases holds both evaluators, and explanations, to decisions that follow from the pages of the IAM User Guide.
func TestGuideCases(t *testing.T) {
	cases := readCaseFile(t, "guide-cases.jsonl")
	seen := make(map[string]int)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			policies, request := c.policies(t), c.request()
			decision := policy.Evaluate(policies, request)
			if got := decision.Effect.String(); got != c.Expect {
				t.Errorf("engine: %s, want %s: %s", got, c.Expect, c.Why)
			}
			q := &question{principal: request.Principal, action: c.Action, resource: c.Resource, owner: c.ResourceAccount, context: c.Context}
			if got := (&naive{q, seen}).answer(c.world()).effect.String(); got != c.Expect {
				t.Errorf("naive evaluator: %s, want %s: %s", got, c.Expect, c.Why)
			}
			if explained := policy.Explain(policies, request).Decision; explained != decision {
				t.Errorf("explains %+v, decides %+v", explained, decision)
			}
		})
	}
}

// TestGuideCasesAreOurs asks of the cases themselves: that they are more than the recorded ones and repeat neither them nor each other,
// that each has its page, and that no subject and no type of policy is left out.
func TestGuideCasesAreOurs(t *testing.T) {
	recorded, cases := readCases(t), readCaseFile(t, "guide-cases.jsonl")
	names, contents := make(map[string]bool), make(map[string]string)
	for _, c := range recorded {
		names[c.Name] = true
		contents[c.content(t)] = c.Name
	}
	nameForm, whyForm := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`), regexp.MustCompile(`^\S.* \[([A-Za-z0-9_-]+)\]$`)
	bySubject, byPage := make(map[string]int), make(map[string]int)
	current := 0
	for _, c := range cases {
		if !nameForm.MatchString(c.Name) || names[c.Name] {
			t.Errorf("%s: the name has another form, or occurs twice", c.Name)
		}
		names[c.Name] = true
		if other, ok := contents[c.content(t)]; ok {
			t.Errorf("%s repeats %s", c.Name, other)
		}
		contents[c.content(t)] = c.Name

		subject, _, _ := strings.Cut(c.Name, "-")
		for current < len(subjects) && subjects[current].name != subject {
			current++
		}
		if current == len(subjects) {
			t.Fatalf("%s: no subject, or not in its place", c.Name)
		}
		bySubject[subject]++

		if why := whyForm.FindStringSubmatch(c.Why); why == nil || !slices.Contains(pages, why[1]) {
			t.Errorf("%s: %q does not end with a page of the guide", c.Name, c.Why)
		} else {
			byPage[why[1]]++
		}
	}
	for _, s := range subjects {
		if bySubject[s.name] < s.least {
			t.Errorf("%d cases of %s, want %d", bySubject[s.name], s.name, s.least)
		}
	}
	for _, page := range pages {
		if byPage[page] == 0 {
			t.Errorf("no case rests on %s", page)
		}
	}
}

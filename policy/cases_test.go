package policy_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/policy"
)

// evaluationCase is a line of testdata/policy-cases.jsonl or guide-cases.jsonl: policies, a request, and the decision that a page
// of the IAM User Guide gives for it. A principal is told by its ARN; the issuer of a session only where that does not give it; a
// call without credentials by the provider or service behind it.
type evaluationCase struct {
	Name             string
	IdentityPolicies []json.RawMessage
	ResourcePolicy   json.RawMessage
	Boundary         json.RawMessage
	SessionPolicies  []json.RawMessage
	SCPs, RCPs       []caseLevel
	Principal        string
	Issuer           string
	Federated        string
	Service          string
	Action           string
	Resource         string
	ResourceAccount  string
	Context          map[string][]string
	Expect           string
	Why              string
}

// caseLevel is the policies of one level of an organization.
type caseLevel struct {
	Level    string
	Policies []json.RawMessage
}

func (c *evaluationCase) identityOnly() bool {
	return c.ResourcePolicy == nil && c.Boundary == nil && len(c.SessionPolicies) == 0 && len(c.SCPs) == 0
}

// isTrust reports whether the resource-based policy is a role's trust policy.
func (c *evaluationCase) isTrust() bool {
	return c.ResourcePolicy != nil && strings.HasPrefix(c.Action, "sts:")
}

// readCases reads the recorded cases.
func readCases(t testing.TB) []evaluationCase {
	t.Helper()
	return readCaseFile(t, "policy-cases.jsonl")
}

func readCaseFile(t testing.TB, name string) []evaluationCase {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cases []evaluationCase
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var c evaluationCase
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&c); err != nil {
			t.Fatalf("%v\n%s", err, lines.Bytes())
		}
		if string(c.ResourcePolicy) == "null" {
			c.ResourcePolicy = nil
		}
		if string(c.Boundary) == "null" {
			c.Boundary = nil
		}
		cases = append(cases, c)
	}

	return cases
}

func (c *evaluationCase) policies(t testing.TB) *policy.Policies {
	t.Helper()
	p := &policy.Policies{Identity: compile(t, policy.Identity, c.IdentityPolicies...)}
	if c.ResourcePolicy != nil {
		kind := policy.Resource
		if c.isTrust() {
			kind = policy.Trust
		}
		p.Resource = compile(t, kind, c.ResourcePolicy)
	}

	if c.Boundary != nil {
		p.Boundary = compile(t, policy.Boundary, c.Boundary)
	}
	if len(c.SessionPolicies) > 0 {
		p.Session = compile(t, policy.Session, c.SessionPolicies...)
	}

	for _, level := range c.SCPs {
		p.ServiceControl = append(p.ServiceControl, compile(t, policy.ServiceControl, level.Policies...))
	}

	for _, level := range c.RCPs {
		p.ResourceControl = append(p.ResourceControl, compile(t, policy.ResourceControl, level.Policies...))
	}
	return p
}

func (c *evaluationCase) request() *policy.Request {
	r := &policy.Request{
		Principal: c.principal(), Action: c.Action, Resource: c.Resource,
		ResourceAccountID: c.ResourceAccount, Context: policy.NewContext(),
	}
	for key, values := range c.Context {
		r.Context.Set(key, values...)
	}
	return r
}

func (c *evaluationCase) principal() policy.Principal {
	p := principalOf(c.Principal)
	p.Federated, p.Service = c.Federated, c.Service
	if c.Issuer != "" {
		p.Issuer = c.Issuer
	}
	return p
}

// principalOf makes a principal from the ARN that a refusal would print. Roles have no path here.
func principalOf(name string) policy.Principal {
	if name == "anonymous" {
		return policy.Principal{}
	}
	fields := strings.SplitN(name, ":", 6)
	p := policy.Principal{ARN: name, AccountID: fields[4], Root: fields[5] == "root"}
	if rest, ok := strings.CutPrefix(fields[5], "assumed-role/"); ok {
		role, _, _ := strings.Cut(rest, "/")
		p.Issuer = "arn:aws:iam::" + p.AccountID + ":role/" + role
	}
	return p
}

func compile(t testing.TB, kind policy.Kind, texts ...json.RawMessage) *policy.Set {
	t.Helper()
	var sources []policy.Source
	for _, text := range texts {
		document, err := policy.Parse(kind, text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		sources = append(sources, policy.Source{ID: "inline:Test", Document: document})
	}
	return policy.Compile(sources...)
}

// TestCases holds the engine to recorded decisions of AWS.
func TestCases(t *testing.T) {
	cases := readCases(t)
	identityOnly := 0
	for _, c := range cases {
		if c.identityOnly() {
			identityOnly++
		}
		t.Run(c.Name, func(t *testing.T) {
			if got := policy.Evaluate(c.policies(t), c.request()).Effect.String(); got != c.Expect {
				t.Errorf("%s, want %s: %s", got, c.Expect, c.Why)
			}
		})
	}
	if len(cases) != 304 || identityOnly != 237 {
		t.Errorf("%d cases, %d of them of identity-based policies only; want 304 and 237", len(cases), identityOnly)
	}
}

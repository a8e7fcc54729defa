package policy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/policy"
)

// subjects are those of testdata/guide-cases.jsonl, in the file's order, each with how many cases it has at least. The name of a
// case begins with its subject.
var subjects = []struct {
	name  string
	least int
}{
	{"string", 40},
	{"numeric", 25},
	{"date", 30},
	{"bool", 8},
	{"binary", 6},
	{"ip", 24},
	{"arn", 30},
	{"null", 10},
	{"set", 110},
	{"block", 10},
	{"action", 24},
	{"resource", 30},
	{"variable", 40},
	{"principal", 40},
	{"grant", 25},
	{"cross", 20},
	{"boundary", 18},
	{"session", 24},
	{"scp", 16},
	{"rcp", 16},
	{"trust", 50},
	{"root", 15},
	{"anonymous", 12},
	{"mfa", 28},
	{"abac", 20},
	{"guide", 80},
}

// pages are the pages of the IAM User Guide that the cases rest on.
var pages = []string{
	"access_policies",
	"access_policies_boundaries",
	"access_policies_identity-vs-resource",
	"access_tags",
	"confused-deputy",
	"id_credentials_mfa_configure-api-require",
	"id_credentials_mfa_fido_supported_configurations",
	"id_credentials_temp_control-access_assumerole",
	"id_credentials_temp_control-access_disable-perms",
	"id_credentials_temp_control-access_getfederationtoken",
	"id_credentials_temp_control-access_monitor",
	"id_roles_compare-resource-policies",
	"id_roles_create_for-idp_oidc",
	"id_roles_create_for-idp_saml",
	"id_roles_create_for-service",
	"id_roles_create_for-user_externalid",
	"id_roles_providers_create_saml",
	"id_roles_use_passrole",
	"id_roles_use_revoke-sessions",
	"id_root-user",
	"id_session-tags",
	"reference_identifiers",
	"reference_policies_condition-keys",
	"reference_policies_elements_action",
	"reference_policies_elements_condition",
	"reference_policies_elements_condition_operators",
	"reference_policies_elements_notaction",
	"reference_policies_elements_notprincipal",
	"reference_policies_elements_notresource",
	"reference_policies_elements_principal",
	"reference_policies_elements_resource",
	"reference_policies_elements_sid",
	"reference_policies_elements_statement",
	"reference_policies_elements_version",
	"reference_policies_evaluation-logic",
	"reference_policies_evaluation-logic-cross-account",
	"reference_policies_examples_aws-dates",
	"reference_policies_examples_aws_deny-ip",
	"reference_policies_examples_aws_deny-requested-region",
	"reference_policies_examples_aws_mfa-dates",
	"reference_policies_examples_aws_my-sec-creds-self-manage",
	"reference_policies_examples_aws_my-sec-creds-self-manage-pass-accesskeys-ssh",
	"reference_policies_examples_aws_my-sec-creds-self-manage-password-only",
	"reference_policies_examples_dynamodb_columns",
	"reference_policies_examples_dynamodb_rows",
	"reference_policies_examples_dynamodb_specific-table",
	"reference_policies_examples_ec2-start-stop-match-tags",
	"reference_policies_examples_ec2-start-stop-tags",
	"reference_policies_examples_ec2_region",
	"reference_policies_examples_ec2_tag-owner",
	"reference_policies_examples_ec2_terminate-ip",
	"reference_policies_examples_iam-add-tag",
	"reference_policies_examples_iam-manage-tags",
	"reference_policies_examples_iam-new-user-tag",
	"reference_policies_examples_iam_credentials_console",
	"reference_policies_examples_iam_limit-managed",
	"reference_policies_examples_iam_mfa-selfmanage",
	"reference_policies_examples_iam_policy-sim-path",
	"reference_policies_examples_s3_cognito-bucket",
	"reference_policies_examples_s3_deny-except-bucket",
	"reference_policies_examples_s3_federated-home-directory-console",
	"reference_policies_examples_s3_home-directory-console",
	"reference_policies_examples_s3_rw-bucket",
	"reference_policies_grammar",
	"reference_policies_iam-condition-keys",
	"reference_policies_multi-value-conditions",
	"reference_policies_single-vs-multi-valued-condition-keys",
	"reference_policies_variables",
	"troubleshoot_policies",
	"tutorial_attribute-based-access-control",
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
			q := &question{
				principal: request.Principal, action: c.Action, resource: c.Resource, owner: c.ResourceAccount,
				context: c.Context,
			}
			if got := (&naive{q, seen}).answer(c.world()).effect.String(); got != c.Expect {
				t.Errorf("naive evaluator: %s, want %s: %s", got, c.Expect, c.Why)
			}
			if explained := policy.Explain(policies, request).Decision; explained != decision {
				t.Errorf("explains %+v, decides %+v", explained, decision)
			}
		})
	}

	wanted := everyPart()
	for _, operator := range operatorNames {
		if operator == strings.TrimSuffix(operator, "IfExists") {
			wanted = append(wanted, "operator "+operator+" true", "operator "+operator+" false")
		} else if seen["operator "+operator+" true"]+seen["operator "+operator+" false"] == 0 {
			t.Errorf("no case has the operator %s", operator)
		}
	}

	for _, what := range wanted {
		if seen[what] == 0 {
			t.Errorf("no case has %q", what)
		}
	}
}

// TestGuideCasesAreOurs asks of the cases themselves: that they are more than the recorded ones and repeat neither them nor each
// other, that each has its page, and that no subject and no type of policy is left out.
func TestGuideCasesAreOurs(t *testing.T) {
	recorded, cases := readCases(t), readCaseFile(t, "guide-cases.jsonl")
	if len(cases) <= len(recorded) {
		t.Errorf("%d cases, want more than the %d recorded ones", len(cases), len(recorded))
	}
	names, contents := make(map[string]bool), make(map[string]string)
	for _, c := range recorded {
		names[c.Name] = true
		contents[c.content(t)] = c.Name
	}
	nameForm, whyForm := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`), regexp.MustCompile(`^\S.* \[([A-Za-z0-9_-]+)\]$`)
	bySubject, byPage, byType := make(map[string]int), make(map[string]int), make(map[string]int)
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

		for kind, takesPart := range map[string]bool{
			"identity": len(c.IdentityPolicies) > 0, "resource": c.ResourcePolicy != nil && !c.isTrust(), "trust": c.isTrust(),
			"boundary": c.Boundary != nil, "session": len(c.SessionPolicies) > 0, "service control": len(c.SCPs) > 0,
			"resource control": len(c.RCPs) > 0,
		} {
			if takesPart {
				byType[kind]++
			}
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
	for kind, least := range map[string]int{
		"identity": 600, "resource": 120, "trust": 50, "boundary": 35, "session": 35, "service control": 24, "resource control": 20,
	} {
		if byType[kind] < least {
			t.Errorf("%d cases with a policy of type %s, want %d", byType[kind], kind, least)
		}
	}
}

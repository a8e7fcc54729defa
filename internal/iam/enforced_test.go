package iam_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func contextEntry(name string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: &name, ContextKeyType: kind, ContextKeyValues: values}
}

// A simulation says what really happens.
func TestSimulationIsWhatIsEnforced(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	bob := touchtest.NewTarget(t, a)
	u := a.NewUser("alice", "")
	console := a.SignIn(u, nil)
	for _, policy := range []string{
		touchtest.AdminPolicy, document(`{"Effect":"Deny","Action":"*","Resource":"*"}`), allow("iam:Get*",
			"iam:List*"), touchtest.FIDOPagePolicy,
		document(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"red"}}}`),
		document(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::*:user/x/*"}`),
		document(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"},"Bool":{"aws:ViaAWSService":"false","aws:PrincipalIsAWSService":"false"}}}`),
		document(`{"Effect":"Allow","NotAction":"iam:Delete*","Resource":"*"}`,
			`{"Effect":"Deny","Action":"*","NotResource":"arn:aws:iam::*:user/x/*"}`),
	} {
		a.PutPolicy("alice", policy)
		for _, o := range operations(bob) {
			if o.Wire == nil || strings.HasPrefix(o.Name, "Delete") || o.Name == "DeactivateMFADevice" {
				continue // what others need must stay
			}

			in := &awsiam.SimulatePrincipalPolicyInput{
				PolicySourceArn: aws.String(userARN(a, "/alice")), ActionNames: []string{o.Action}, ResourceArns: []string{o.Resource},
				ContextEntries: []types.ContextEntry{contextEntry("aws:MultiFactorAuthPresent", "boolean", "false")},
			}

			if o.Resource == bob.ARN() {
				in.ContextEntries = append(in.ContextEntries, contextEntry("iam:ResourceTag/team", "string", "red"))
			}

			out, err := c.SimulatePrincipalPolicy(ctx, in)
			must(t, err)
			got := map[types.PolicyEvaluationDecisionType]string{
				"allowed": "", "implicitDeny": o.NotAllowed(userARN(a, "/alice")), "explicitDeny": o.Forbidden(userARN(a, "/alice")),
			}[out.EvaluationResults[0].EvalDecision]

			enforced := o.Console(console)
			if got == "" && touchtest.CodeOf(enforced) == "AccessDenied" || got != "" && touchtest.Told(enforced) != got {
				t.Errorf("%s under %s: simulated %s, and then: %v", o.Name, policy, out.EvaluationResults[0].EvalDecision, enforced)
			}
		}
	}
}

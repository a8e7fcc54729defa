package simulate_test

import (
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/simulate"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// operations are those of this package, about the target where they are about a user.
func operations(u touchtest.Target) []touchtest.Operation {
	document := allowEverything
	return []touchtest.Operation{
		touchtest.Of(iamapi.SimulateCustomPolicy, "*", "", iamapi.SimulateCustomPolicyInput{
			PolicyInputList: []string{document}, ActionNames: []string{"iam:GetUser"},
		}),
		touchtest.Of(iamapi.SimulatePrincipalPolicy, u.ARN(), "", iamapi.SimulatePrincipalPolicyInput{
			PolicySourceArn: u.ARN(), ActionNames: []string{"iam:GetUser"},
		}),
		touchtest.Of(iamapi.GetContextKeysForCustomPolicy, "*", "",
			iamapi.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{document}}),
		touchtest.Of(iamapi.GetContextKeysForPrincipalPolicy, u.ARN(), "",
			iamapi.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: u.ARN()}),
	}
}

// declaredErrors are the errors that the model declares for them.
var declaredErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		"SimulateCustomPolicy InvalidInput": func(s *touchtest.Stage) error {
			return second(s.Root.SimulateCustomPolicy(ctx,
				&awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{"{}"}, ActionNames: []string{"iam:GetUser"}}))
		},
		"SimulatePrincipalPolicy InvalidInput": func(s *touchtest.Stage) error {
			source := "arn:aws:sts::" + s.ID + ":assumed-role/a/b"
			return second(s.Root.SimulatePrincipalPolicy(ctx,
				&awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: []string{"iam:GetUser"}}))
		},
		"SimulatePrincipalPolicy PolicyEvaluation": func(s *touchtest.Stage) error {
			s.BreakPolicy("alice")
			source := userARN(s.Account, "/alice")
			return second(s.Root.SimulatePrincipalPolicy(ctx,
				&awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: []string{"iam:GetUser"}}))
		},
		"GetContextKeysForCustomPolicy InvalidInput": func(s *touchtest.Stage) error {
			return second(s.Root.GetContextKeysForCustomPolicy(ctx,
				&awsiam.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{"{}"}}))
		},
		"GetContextKeysForPrincipalPolicy InvalidInput": func(s *touchtest.Stage) error {
			source := userARN(s.Account, "/alice")
			return second(s.Root.GetContextKeysForPrincipalPolicy(ctx,
				&awsiam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: &source, PolicyInputList: []string{"{}"}}))
		},
	},
	Unreachable: map[string]string{
		"SimulateCustomPolicy PolicyEvaluation": "what cannot be read is InvalidInput, and what was read can be evaluated",
	},
}

// definedHere lists the operations that this package defines.
func definedHere() []string {
	table := api.NewTable(iamapi.Operations())
	new(simulate.Operations).Define(table)
	return table.Defined()
}

func TestEveryOperationIsInTheTable(t *testing.T) {
	t.Parallel()
	touchtest.CheckTable(t, definedHere(), operations(touchtest.Target{}))
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	bob := touchtest.NewTarget(t, a)
	touchtest.CheckPermissions(t, a, bob, operations(bob))
}

func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	touchtest.CheckSecrecy(t, a, operations)
}

func TestUndecidablePolicy(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	touchtest.CheckUndecidable(t, a, operations(touchtest.NewTarget(t, a)))
}

func TestDeclaredErrors(t *testing.T) {
	t.Parallel()
	touchtest.CheckErrors(t, touchtest.Start(t, touchtest.ReadsAreRecordedAtOnce), definedHere(), operations, declaredErrors)
}

// Every list can be read in pages of every size, in the order of the request.
func TestPages(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	root := a.SetUpRoot()
	a.NewUser("alice", allowEverything)
	actions := []string{"iam:GetUser", "s3:GetObject", "iam:CreateUser", "ec2:RunInstances"}
	names := func(results []iamapi.EvaluationResult) (names []string) {
		for _, r := range results {
			names = append(names, r.EvalActionName)
		}
		return names
	}

	touchtest.CheckPages(t, root, definedHere(),
		touchtest.ListOf(iamapi.SimulateCustomPolicy,
			iamapi.SimulateCustomPolicyInput{PolicyInputList: []string{allowEverything}, ActionNames: actions}, actions,
			func(out *iamapi.SimulateCustomPolicyOutput) []string { return names(out.EvaluationResults) }),
		touchtest.ListOf(iamapi.SimulatePrincipalPolicy,
			iamapi.SimulatePrincipalPolicyInput{PolicySourceArn: userARN(a, "/alice"), ActionNames: actions}, actions,
			func(out *iamapi.SimulatePrincipalPolicyOutput) []string { return names(out.EvaluationResults) }),
	)
}

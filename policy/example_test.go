package policy_test

import (
	"fmt"
	"strings"

	"github.com/touchstone-iam/touchstone/policy"
)

// selfService lets users read their own user, and denies everything when they have signed in without MFA.
const selfService = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ReadOwnUser",
      "Effect": "Allow",
      "Action": "iam:GetUser",
      "Resource": "arn:aws:iam::*:user/${aws:username}"
    },
    {
      "Sid": "DenyWithoutMFA",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    }
  ]
}`

// askForBob returns alice's policy and her request to read another user.
func askForBob() (*policy.Policies, *policy.Request, error) {
	document, err := policy.Parse(policy.Identity, []byte(selfService))
	if err != nil {
		return nil, nil, err
	}
	policies := &policy.Policies{Identity: policy.Compile(policy.Source{ID: "inline:Self", Document: document})}

	caller := policy.Caller{
		Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/alice", AccountID: "111122223333"},
		MFA:       policy.MFAUsed,
	}
	ctx := policy.NewContext()
	caller.Describe(ctx)

	return policies, &policy.Request{
		Principal:         caller.Principal,
		Action:            "iam:GetUser",
		Resource:          "arn:aws:iam::111122223333:user/bob",
		ResourceAccountID: "111122223333",
		Context:           ctx,
	}, nil
}

func Example() {
	// Read the policy once, when it is stored or loaded.
	document, err := policy.Parse(policy.Identity, []byte(selfService))
	if err != nil {
		fmt.Println(err)
		return
	}
	policies := &policy.Policies{
		Identity: policy.Compile(policy.Source{ID: "inline:Self", Document: document}),
	}

	// Describe who asks. Keys that depend on the request, such as aws:SourceIp, are set beside these.
	caller := policy.Caller{
		Principal: policy.Principal{ARN: "arn:aws:iam::111122223333:user/alice", AccountID: "111122223333"},
		MFA:       policy.MFAUsed,
	}
	ctx := policy.NewContext()
	caller.Describe(ctx)
	ctx.Set("aws:SourceIp", "203.0.113.9")

	// Decide about each request.
	for _, user := range []string{"alice", "bob"} {
		decision := policy.Evaluate(policies, &policy.Request{
			Principal:         caller.Principal,
			Action:            "iam:GetUser",
			Resource:          "arn:aws:iam::111122223333:user/" + user,
			ResourceAccountID: "111122223333",
			Context:           ctx,
		})
		if decision.Allowed() {
			fmt.Println(user, "is allowed")
		} else {
			fmt.Println(user, "is denied", decision.Reason("iam:GetUser"))
		}
	}
	// Output:
	// alice is allowed
	// bob is denied because no identity-based policy allows the iam:GetUser action
}

func ExampleParse() {
	_, err := policy.Parse(policy.Identity, []byte(`{
  "Version": "2012-10-17",
  "Statement": {"Effect": "allow", "Action": "GetUser", "Resource": "*"}
}`))
	for _, v := range err.(policy.Violations) {
		fmt.Printf("line %d: %v\n", v.Line, v)
	}
	// Output:
	// line 3: Statement.Effect: The policy failed legacy parsing (Effect is Allow or Deny in this letter case)
	// line 3: Statement.Action: Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.
}

func ExampleCompile() {
	document, err := policy.Parse(policy.Identity, []byte(selfService))
	if err != nil {
		fmt.Println(err)
		return
	}

	// All policies of one type go into one set. The IDs come back with decisions.
	set := policy.Compile(
		policy.Source{ID: "inline:Self", Document: document},
		policy.Source{ID: "arn:aws:iam::111122223333:policy/Self", Document: document},
	)
	fmt.Println(set.Len(), "statements")
	// Output: 4 statements
}

func ExampleEvaluate() {
	policies, request, err := askForBob()
	if err != nil {
		fmt.Println(err)
		return
	}

	request.Context.Set("aws:MultiFactorAuthPresent", "false")
	decision := policy.Evaluate(policies, request)
	fmt.Println(decision.Effect, decision.Reason(request.Action))
	fmt.Println("decided by", decision.Source, decision.Statement.SID)
	// Output:
	// explicitDeny with an explicit deny in an identity-based policy
	// decided by inline:Self DenyWithoutMFA
}

func ExampleExplain() {
	policies, request, err := askForBob()
	if err != nil {
		fmt.Println(err)
		return
	}

	explanation := policy.Explain(policies, request)
	fmt.Println(explanation.Decision.Effect)
	for n := range explanation.Considered {
		c := &explanation.Considered[n]
		fmt.Printf("%s: %s\n", c.Statement.SID, c.Failure())
	}
	// Output:
	// implicitDeny
	// ReadOwnUser: resource: request has "arn:aws:iam::111122223333:user/bob", policy asks "arn:aws:iam::*:user/${aws:username}" (aws:username is "alice")
	// DenyWithoutMFA: condition BoolIfExists aws:MultiFactorAuthPresent: request has "true", policy asks "false"
}

func ExampleLint() {
	attachment, _ := policy.AttachmentNamed("user")
	text := strings.Replace(selfService, "BoolIfExists", "Bool", 1)

	// A catalogue, which is nil here, would also find actions and condition keys that do not exist.
	for _, f := range policy.Lint(attachment, []byte(text), nil) {
		fmt.Printf("%d:%d %s %s: %s (%s)\n", f.Line, f.Column, f.Class, f.Code, f.Message, f.Hint)
	}
	// Output:
	// 15:30 SECURITY_WARNING MFA_KEY_MAY_BE_ABSENT: does not deny requests with long-term access keys, which have no aws:MultiFactorAuthPresent (use BoolIfExists)
}

func ExampleCaller_Describe() {
	session := policy.Caller{
		Principal: policy.Principal{
			ARN:       "arn:aws:sts::111122223333:assumed-role/Deploy/run-7",
			AccountID: "111122223333",
			Issuer:    "arn:aws:iam::111122223333:role/ci/Deploy",
		},
		UserID: "AROAEXAMPLEROLEID0001:run-7",
		Tags:   []policy.PrincipalTag{policy.NewPrincipalTag("Team", "red")},
	}
	ctx := policy.NewContext()
	session.Describe(ctx)

	for _, key := range []string{"aws:PrincipalType", "aws:PrincipalArn", "aws:userid", "aws:PrincipalTag/Team", "aws:username"} {
		values, present := ctx.Get(key)
		fmt.Println(key, values, present)
	}
	// Output:
	// aws:PrincipalType [AssumedRole] true
	// aws:PrincipalArn [arn:aws:iam::111122223333:role/ci/Deploy] true
	// aws:userid [AROAEXAMPLEROLEID0001:run-7] true
	// aws:PrincipalTag/Team [red] true
	// aws:username [] false
}

func ExampleFormat() {
	text, err := policy.Format([]byte(`{"Statement":{"Action":["iam:GetUser"],"Effect":"Allow","Resource":"*"},"Version":"2012-10-17"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output:
	// {
	//     "Version": "2012-10-17",
	//     "Statement": [
	//         {
	//             "Effect": "Allow",
	//             "Action": "iam:GetUser",
	//             "Resource": "*"
	//         }
	//     ]
	// }
}

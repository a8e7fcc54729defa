package simulate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

const (
	allowEverything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	denyEverything  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	// withMFA denies what is done without MFA, after the guide's self-management policies.
	withMFA = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "iam:*", "Resource": ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:mfa/ä"]}, {
      "Effect": "Deny", "NotAction": "iam:EnableMFADevice", "Resource": "*",
      "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    }
  ]
}`
	alicesARN = "arn:aws:iam::111122223333:user/dev/alice"
	bucket    = "arn:aws:s3:::bucket"
)

// inOneLine is a result as a line, to compare with: what is decided, then each member that is there.
func inOneLine(r *types.EvaluationResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", *r.EvalActionName, *r.EvalResourceName, r.EvalDecision)
	rest := func(statements []types.Statement, missing []string, details map[string]types.PolicyEvaluationDecisionType,
		boundary *types.PermissionsBoundaryDecisionDetail,
	) {
		for _, s := range statements {
			fmt.Fprintf(&b, " by %s (%s) %d:%d-%d:%d", *s.SourcePolicyId, s.SourcePolicyType,
				s.StartPosition.Line, s.StartPosition.Column, s.EndPosition.Line, s.EndPosition.Column)
		}
		if len(missing) > 0 {
			fmt.Fprintf(&b, " missing %v", missing)
		}
		if details != nil {
			fmt.Fprintf(&b, " %v", details)
		}
		if boundary != nil {
			fmt.Fprintf(&b, " boundary:%t", boundary.AllowedByPermissionsBoundary)
		}
	}

	rest(r.MatchedStatements, r.MissingContextValues, r.EvalDecisionDetails, r.PermissionsBoundaryDecisionDetail)
	if r.OrganizationsDecisionDetail != nil {
		fmt.Fprintf(&b, " organizations:%t", r.OrganizationsDecisionDetail.AllowedByOrganizations)
	}

	for _, one := range r.ResourceSpecificResults {
		fmt.Fprintf(&b, "\n  %s %s", *one.EvalResourceName, one.EvalResourceDecision)
		rest(one.MatchedStatements, one.MissingContextValues, one.EvalDecisionDetails, one.PermissionsBoundaryDecisionDetail)
	}
	return b.String()
}

func entry(name string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: &name, ContextKeyType: kind, ContextKeyValues: values}
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func TestSimulateCustomPolicy(t *testing.T) {
	t.Parallel()
	_, c := newAccount(t)
	withoutMFA := entry("aws:MultiFactorAuthPresent", "boolean", "false")
	trust := document(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}`)
	bucketPolicy := document(`{"Effect":"Allow","Principal":{"AWS":"`+alicesARN+`"},"Action":"s3:GetObject","Resource":"`+bucket+
		`/*"}`,
		`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"`+bucket+
			`/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)
	for name, test := range map[string]struct {
		in   awsiam.SimulateCustomPolicyInput
		want string
	}{
		"allowed on everything": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allowEverything, "{\n" + allowEverything[1:]},
				ActionNames:     []string{"s3:GetObject"},
			},
			`s3:GetObject * allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 by PolicyInputList.2 (IAM Policy) 2:36-2:82`,
		},
		"nothing allows": {
			awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{document(`{"Effect":"Allow","Action":"s3:*","Resource":"` + bucket +
				`"}`)}, ActionNames: []string{"s3:GetObject"}},
			`s3:GetObject * implicitDeny`,
		},
		"only what denies is told": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allowEverything, withMFA},
				ActionNames:     []string{"iam:DeactivateMFADevice"}, ContextEntries: []types.ContextEntry{withoutMFA},
			},
			`iam:DeactivateMFADevice * explicitDeny by PolicyInputList.2 (IAM Policy) 4:122-7:6 missing [aws:username]`,
		},
		"with MFA": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{withMFA}, ActionNames: []string{"iam:DeactivateMFADevice"},
				ResourceArns: []string{"arn:aws:iam::111122223333:user/alice"},
				ContextEntries: []types.ContextEntry{
					entry("AWS:multifactorauthpresent", "boolean", "true"),
					entry("aws:username", "string", "alice"),
				},
			},
			`iam:DeactivateMFADevice arn:aws:iam::111122223333:user/alice allowed by PolicyInputList.1 (IAM Policy) 4:5-4:120 map[]
  arn:aws:iam::111122223333:user/alice allowed by PolicyInputList.1 (IAM Policy) 4:5-4:120 map[]`,
		},
		"a long-term key has no MFA key": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{withMFA},
				ActionNames:     []string{"iam:DeactivateMFADevice", "iam:EnableMFADevice"},
			},
			`iam:DeactivateMFADevice * explicitDeny by PolicyInputList.1 (IAM Policy) 4:122-7:6 missing [aws:MultiFactorAuthPresent aws:username]
iam:EnableMFADevice * implicitDeny missing [aws:username]`,
		},
		"several resources": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{document(
					`{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::1:user/a","arn:aws:iam::1:user/c"]}`,
					`{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}`)},
				ActionNames: []string{"iam:GetUser", "jobs:Run"}, ResourceArns: []string{
					"arn:aws:iam::1:user/a", "arn:aws:iam::1:user/b",
					"arn:aws:iam::1:user/c",
				},
			},
			`iam:GetUser arn:*:iam::*:user/* implicitDeny missing [aws:ResourceTag/team] map[]
  arn:aws:iam::1:user/a allowed by PolicyInputList.1 (IAM Policy) 1:38-1:140 missing [aws:ResourceTag/team] map[]
  arn:aws:iam::1:user/b implicitDeny missing [aws:ResourceTag/team] map[]
  arn:aws:iam::1:user/c allowed by PolicyInputList.1 (IAM Policy) 1:38-1:140 missing [aws:ResourceTag/team] map[]
jobs:Run * implicitDeny map[]
  arn:aws:iam::1:user/a implicitDeny map[]
  arn:aws:iam::1:user/b implicitDeny map[]
  arn:aws:iam::1:user/c implicitDeny map[]`,
		},
		"everything, then another account's": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allowEverything}, ActionNames: []string{"SQS:sendmessage", "iam:getuser"}, ResourceArns: []string{
					"*",
					"arn:aws:sqs:us-east-1:444455556666:q",
				},
				ResourcePolicy: aws.String(document(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)),
				CallerArn:      aws.String(alicesARN),
			},
			`SQS:sendmessage * allowed by ResourcePolicy (Resource Policy) 1:38-1:100 by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[IAM Policy:allowed Resource Policy:allowed]
  * allowed by ResourcePolicy (Resource Policy) 1:38-1:100 by PolicyInputList.1 (IAM Policy) 1:37-1:83
  arn:aws:sqs:us-east-1:444455556666:q allowed by ResourcePolicy (Resource Policy) 1:38-1:100 by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[IAM Policy:allowed Resource Policy:allowed]
iam:getuser arn:*:iam::*:user/* allowed by ResourcePolicy (Resource Policy) 1:38-1:100 by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[IAM Policy:allowed Resource Policy:allowed]
  * allowed by ResourcePolicy (Resource Policy) 1:38-1:100 by PolicyInputList.1 (IAM Policy) 1:37-1:83
  arn:aws:sqs:us-east-1:444455556666:q allowed by ResourcePolicy (Resource Policy) 1:38-1:100 by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[IAM Policy:allowed Resource Policy:allowed]`,
		},
		"what is no account in a name is not another one": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allowEverything}, ActionNames: []string{"iam:GetPolicy"},
				ResourceArns: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
				CallerArn:    aws.String(alicesARN), ResourceOwner: aws.String("arn:aws:iam::111122223333:root"),
			},
			`iam:GetPolicy arn:aws:iam::aws:policy/ReadOnlyAccess allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[]
  arn:aws:iam::aws:policy/ReadOnlyAccess allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[]`,
		},
		"all of several": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allowEverything}, ActionNames: []string{"iam:GetUser"},
				ResourceArns: []string{"arn:aws:iam::1:user/a", "*"},
			},
			`iam:GetUser arn:*:iam::*:user/* allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[]
  arn:aws:iam::1:user/a allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[]
  * allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83`,
		},
		"a boundary that allows": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList:                    []string{allowEverything},
				PermissionsBoundaryPolicyInputList: []string{allow("s3:*")}, ActionNames: []string{"s3:GetObject", "iam:GetUser"},
			},
			`s3:GetObject * allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 by PermissionsBoundaryPolicyInputList.1 (IAM Permissions Boundary Policy) 1:37-1:88 boundary:true
iam:GetUser * implicitDeny boundary:false`,
		},
		"a boundary that denies": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList:                    []string{allowEverything},
				PermissionsBoundaryPolicyInputList: []string{denyEverything}, ActionNames: []string{"s3:GetObject"},
			},
			`s3:GetObject * explicitDeny by PermissionsBoundaryPolicyInputList.1 (IAM Permissions Boundary Policy) 1:37-1:82 boundary:false`,
		},
		"an organization that denies ends the simulation": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{denyEverything}, PermissionsBoundaryPolicyInputList: []string{allowEverything},
				ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{bucket},
				OrderedOrganizationPolicyInputList: []types.OrderedOrganizationPolicyType{{
					ServiceControlPolicyInputList: []string{allowEverything, denyEverything},
				}},
			},
			`s3:GetObject arn:aws:s3:::bucket explicitDeny organizations:false
  arn:aws:s3:::bucket explicitDeny`,
		},
		"an organization that denies one of several": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allowEverything}, ActionNames: []string{"jobs:Run"}, ResourceArns: []string{bucket, bucket + "/a"},
				OrderedOrganizationPolicyInputList: []types.OrderedOrganizationPolicyType{
					{ServiceControlPolicyInputList: []string{document(`{"Effect":"Allow","Action":"*","Resource":"` + bucket + `"}`)}},
				},
			},
			`jobs:Run * implicitDeny organizations:false
  arn:aws:s3:::bucket allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 map[]
  arn:aws:s3:::bucket/a implicitDeny`,
		},
		"an organization": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allowEverything}, ActionNames: []string{"s3:GetObject", "iam:GetUser", "iam:CreateUser"},
				OrderedOrganizationPolicyInputList: []types.OrderedOrganizationPolicyType{
					{ServiceControlPolicyInputList: []string{allowEverything}},
					{ServiceControlPolicyInputList: []string{
						allow("iam:*"),
						document(`{"Effect":"Deny","Action":"iam:Create*","Resource":"*","Condition":{"Null":{"aws:Anything":"true"}}}`),
					}},
				},
			},
			`s3:GetObject * implicitDeny organizations:false
iam:GetUser * allowed by PolicyInputList.1 (IAM Policy) 1:37-1:83 organizations:true
iam:CreateUser * explicitDeny organizations:false`,
		},
		"a resource policy of the same account": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sqs:*")}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{bucket + "/a"},
				ResourcePolicy: &bucketPolicy, CallerArn: aws.String(alicesARN),
				ContextEntries: []types.ContextEntry{entry("aws:SecureTransport", "boolean", "true")},
			},
			`s3:GetObject arn:aws:s3:::bucket/a allowed by ResourcePolicy (Resource Policy) 1:38-1:178 map[]
  arn:aws:s3:::bucket/a allowed by ResourcePolicy (Resource Policy) 1:38-1:178 map[]`,
		},
		"a resource policy of another account needs both": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sqs:*")}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{bucket + "/a"},
				ResourcePolicy: &bucketPolicy, CallerArn: aws.String(alicesARN), ResourceOwner: aws.String("arn:aws:iam::444455556666:root"),
				PermissionsBoundaryPolicyInputList: []string{allowEverything},
			},
			`s3:GetObject arn:aws:s3:::bucket/a implicitDeny missing [aws:SecureTransport] map[IAM Permissions Boundary Policy:allowed IAM Policy:implicitDeny Resource Policy:allowed] boundary:true
  arn:aws:s3:::bucket/a implicitDeny missing [aws:SecureTransport] map[IAM Permissions Boundary Policy:allowed IAM Policy:implicitDeny Resource Policy:allowed] boundary:true`,
		},
		"between accounts, and both allow": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("s3:*")}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{bucket + "/a"},
				ResourcePolicy: &bucketPolicy, CallerArn: aws.String(alicesARN), ResourceOwner: aws.String("444455556666"),
				ContextEntries: []types.ContextEntry{entry("aws:SecureTransport", "boolean", "true")},
			},
			`s3:GetObject arn:aws:s3:::bucket/a allowed by ResourcePolicy (Resource Policy) 1:38-1:178 by PolicyInputList.1 (IAM Policy) 1:37-1:88 map[IAM Policy:allowed Resource Policy:allowed]
  arn:aws:s3:::bucket/a allowed by ResourcePolicy (Resource Policy) 1:38-1:178 by PolicyInputList.1 (IAM Policy) 1:37-1:88 map[IAM Policy:allowed Resource Policy:allowed]`,
		},
		"the name of a resource tells its account": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sqs:*")}, ActionNames: []string{"sqs:SendMessage"},
				ResourceArns:   []string{"arn:aws:sqs:us-east-1:444455556666:q"},
				ResourcePolicy: aws.String(document(`{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}`)),
				CallerArn:      aws.String(alicesARN),
			},
			`sqs:SendMessage arn:aws:sqs:us-east-1:444455556666:q explicitDeny by ResourcePolicy (Resource Policy) 1:38-1:103 map[IAM Policy:allowed Resource Policy:explicitDeny]
  arn:aws:sqs:us-east-1:444455556666:q explicitDeny by ResourcePolicy (Resource Policy) 1:38-1:103 map[IAM Policy:allowed Resource Policy:explicitDeny]`,
		},
		"another account's resource without a policy": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sqs:*")}, ActionNames: []string{"sqs:SendMessage"}, ResourceOwner: aws.String("444455556666"),
				CallerArn: aws.String(alicesARN),
			},
			`sqs:SendMessage * implicitDeny map[IAM Policy:allowed Resource Policy:implicitDeny]`,
		},
		"only the caller's side without a resource policy": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sqs:*")}, ActionNames: []string{"sqs:SendMessage"},
				ResourceArns: []string{"arn:aws:sqs:us-east-1:444455556666:q"},
			},
			`sqs:SendMessage arn:aws:sqs:us-east-1:444455556666:q allowed by PolicyInputList.1 (IAM Policy) 1:37-1:89 map[]
  arn:aws:sqs:us-east-1:444455556666:q allowed by PolicyInputList.1 (IAM Policy) 1:37-1:89 map[]`,
		},
		"a trust policy without MFA": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sts:AssumeRole")}, ActionNames: []string{"sts:AssumeRole"},
				ResourceArns:   []string{"arn:aws:iam::111122223333:role/admin"},
				ResourcePolicy: &trust, CallerArn: aws.String(alicesARN), ContextEntries: []types.ContextEntry{withoutMFA},
			},
			`sts:AssumeRole arn:aws:iam::111122223333:role/admin implicitDeny map[]
  arn:aws:iam::111122223333:role/admin implicitDeny map[]`,
		},
		"a trust policy with MFA": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sts:AssumeRole")}, ActionNames: []string{"sts:AssumeRole"},
				ResourceArns:   []string{"arn:aws:iam::111122223333:role/admin"},
				ResourcePolicy: &trust, CallerArn: aws.String(alicesARN),
				ContextEntries: []types.ContextEntry{entry("aws:MultiFactorAuthPresent", "boolean", "TRUE")},
			},
			`sts:AssumeRole arn:aws:iam::111122223333:role/admin allowed by ResourcePolicy (Resource Policy) 1:38-1:194 by PolicyInputList.1 (IAM Policy) 1:37-1:98 map[]
  arn:aws:iam::111122223333:role/admin allowed by ResourcePolicy (Resource Policy) 1:38-1:194 by PolicyInputList.1 (IAM Policy) 1:37-1:98 map[]`,
		},
		"a role acts as its sessions": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{allow("sqs:*")}, PermissionsBoundaryPolicyInputList: []string{allow("sqs:*")},
				ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{bucket + "/a"},
				ResourcePolicy: aws.String(strings.ReplaceAll(bucketPolicy, "user/dev/alice", "role/dev/worker")),
				CallerArn:      aws.String("arn:aws:iam::111122223333:role/dev/worker"),
				ContextEntries: []types.ContextEntry{entry("aws:SecureTransport", "boolean", "true")},
			},
			`s3:GetObject arn:aws:s3:::bucket/a implicitDeny map[] boundary:false
  arn:aws:s3:::bucket/a implicitDeny map[] boundary:false`,
		},
		"what follows from the caller": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{document(`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/*","Condition":{
					"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/dev/*"},"StringEquals":{"aws:PrincipalType":"User","aws:PrincipalAccount":"111122223333"}}}`)},
				ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::home/alice/a"}, CallerArn: aws.String(alicesARN),
			},
			`s3:GetObject arn:aws:s3:::home/alice/a allowed by PolicyInputList.1 (IAM Policy) 1:38-2:148 map[]
  arn:aws:s3:::home/alice/a allowed by PolicyInputList.1 (IAM Policy) 1:38-2:148 map[]`,
		},
		"a given key wins": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{document(
					`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:username":"bob"}}}`)},
				ActionNames: []string{"s3:GetObject"}, CallerArn: aws.String(alicesARN),
				ContextEntries: []types.ContextEntry{entry("aws:UserName", "string", "bob")},
			},
			`s3:GetObject * allowed by PolicyInputList.1 (IAM Policy) 1:38-1:139`,
		},
		"every type of key": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{document(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{
					"StringEquals":{"k:string":"a"},"ForAllValues:StringEquals":{"k:stringList":["a","b"]},
					"NumericEquals":{"k:numeric":"2"},"ForAnyValue:NumericEquals":{"k:numericList":"2"},
					"Bool":{"k:boolean":"true"},"ForAllValues:Bool":{"k:booleanList":"true"},
					"IpAddress":{"my:ip":"10.0.0.0/8"},"ForAnyValue:IpAddress":{"my:ipList":"2001:db8::/32"},
					"BinaryEquals":{"k:binary":"AQI="},"ForAnyValue:BinaryEquals":{"k:binaryList":"AQI="},
					"DateEquals":{"k:date":"2026-11-01T00:00:00Z"},"ForAnyValue:DateEquals":{"k:dateList":"2026-11-01"},
					"Null":{"k:empty":"true"}}}`)},
				ActionNames: []string{"s3:GetObject"}, ContextEntries: []types.ContextEntry{
					entry("k:string", "string", "a"), entry("k:stringList", "stringList", "b", "a"),
					entry("k:numeric", "numeric", "2.0"), entry("k:numericList", "numericList", "1", "2"),
					entry("k:boolean", "boolean", "true"), entry("k:booleanList", "booleanList", "true", "true"),
					entry("my:ip", "ip", "10.1.2.3"), entry("my:ipList", "ipList", "10.1.2.3", "2001:db8::1"),
					entry("k:binary", "binary", "AQI="), entry("k:binaryList", "binaryList", "AAA=", "AQI="),
					entry("k:date", "date", "1793491200"), entry("k:dateList", "dateList", "2026-11-01T00:00Z"), entry("k:empty", "stringList"),
				},
			},
			`s3:GetObject * allowed by PolicyInputList.1 (IAM Policy) 1:38-8:33`,
		},
		"EC2 with what it needs": {
			awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{denyEverything}, ActionNames: []string{"ec2:RunInstances"},
				ResourceHandlingOption: aws.String("EC2-VPC-InstanceStore"),
				ResourceArns: []string{
					"arn:aws:ec2:us-east-1:1:instance/*", "arn:aws:ec2:us-east-1::image/ami-1",
					"arn:aws:ec2:us-east-1:1:security-group/sg-1", "arn:aws:ec2:us-east-1:1:network-interface/*",
				},
			},
			`ec2:RunInstances * explicitDeny by PolicyInputList.1 (IAM Policy) 1:37-1:82 map[]
  arn:aws:ec2:us-east-1:1:instance/* explicitDeny by PolicyInputList.1 (IAM Policy) 1:37-1:82 map[]
  arn:aws:ec2:us-east-1::image/ami-1 explicitDeny by PolicyInputList.1 (IAM Policy) 1:37-1:82 map[]
  arn:aws:ec2:us-east-1:1:security-group/sg-1 explicitDeny by PolicyInputList.1 (IAM Policy) 1:37-1:82 map[]
  arn:aws:ec2:us-east-1:1:network-interface/* explicitDeny by PolicyInputList.1 (IAM Policy) 1:37-1:82 map[]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := c.SimulateCustomPolicy(ctx, &test.in)
			must(t, err)
			var lines []string
			for n := range out.EvaluationResults {
				lines = append(lines, inOneLine(&out.EvaluationResults[n]))
			}

			if diff := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(strings.Join(lines, "\n"), "\n")); diff != "" ||
				out.IsTruncated || out.Marker != nil {
				t.Error(diff)
			}
		})
	}
}

// The positions cut the statement out of its document.
func TestSimulationPositions(t *testing.T) {
	t.Parallel()
	_, c := newAccount(t)
	statements := []string{
		`{"Effect":"Allow","Action":"a:b",` + "\n\t" + `"Resource":"arn:aws:a:::ä"}`,
		"{\r\n" + `"Effect":"Allow","Action":"a:c","Resource":"*"}`,
	}
	for _, before := range []string{
		"", " ", "\n", "\n\n  \t",
		`{"Sid":"A","Effect":"Deny","Action":"a:d","Resource":"arn:aws:a:::üÿ"},`,
	} {
		text := document(before+statements[0], before+statements[1])
		if strings.HasSuffix(before, ",") {
			text = document(before+statements[0], strings.Replace(before, "A", "B", 1)+statements[1])
		}

		out, err := c.SimulateCustomPolicy(ctx,
			&awsiam.SimulateCustomPolicyInput{
				PolicyInputList: []string{text}, ActionNames: []string{"a:b", "a:c"},
				ResourceArns: []string{"*"},
			})
		must(t, err)
		lines := strings.SplitAfter(text, "\n")
		offset := func(p *types.Position) int {
			before := strings.Join(lines[:p.Line-1], "")
			return len(before) + len(string([]rune(lines[p.Line-1])[:p.Column-1]))
		}

		matched := out.EvaluationResults[1].MatchedStatements
		if len(matched) != 1 || text[offset(matched[0].StartPosition):offset(matched[0].EndPosition)] != statements[1] {
			t.Errorf("%q: matched %+v", text, matched)
		}
	}
}

// What is wrong with the input is told with the parameter that it is in.
func TestSimulationRefuses(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	a.NewUser("alice", "")
	level := func(texts ...string) []types.OrderedOrganizationPolicyType {
		return []types.OrderedOrganizationPolicyType{{ServiceControlPolicyInputList: texts}}
	}

	for _, test := range []struct {
		change func(*awsiam.SimulateCustomPolicyInput)
		want   string
	}{
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.ActionNames = []string{"GetUser"} },
			`ActionNames: "GetUser" is not of the form service:Action, such as iam:GetUser.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.ActionNames = []string{"iam:GetUser", "iam:Get*"} },
			`ActionNames: "iam:Get*" has a wildcard: name each action.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.ResourceArns = []string{"bucket"} },
			`ResourceArns: "bucket" is neither an ARN nor "*".`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.PolicyInputList = []string{allowEverything, "{\n]"} },
			`PolicyInputList.2: line 2, column 1: Syntax errors in policy. (']' stands where a key in quotes should)`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.PermissionsBoundaryPolicyInputList = []string{"x"} },
			`PermissionsBoundaryPolicyInputList.1: line 1, column 1: Syntax errors in policy. ('x' stands where a value should)`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.PermissionsBoundaryPolicyInputList = []string{allowEverything, allowEverything}
			},
			`PermissionsBoundaryPolicyInputList: a principal has one permissions boundary at a time; give one policy.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.OrderedOrganizationPolicyInputList = level("{}") },
			`OrderedOrganizationPolicyInputList.1.ServiceControlPolicyInputList.1: line 1, column 1: Syntax errors in policy. (Statement is missing)`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.ResourcePolicy = aws.String(allowEverything) },
			`CallerArn: a resource policy needs the ARN of who calls, so that its principals can be compared.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ResourcePolicy, in.CallerArn = aws.String(allowEverything), aws.String(alicesARN)
			},
			`ResourcePolicy: line 1, column 37: Statement: Missing required field Principal`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ActionNames, in.CallerArn = []string{"sts:AssumeRole"}, aws.String(alicesARN)
				in.ResourcePolicy = aws.String(document(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}`))
			},
			`ResourcePolicy: line 1, column 98: Statement[0]: Has prohibited field Resource.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.CallerArn = aws.String("arn:aws:sts::111122223333:assumed-role/a/b")
			},
			`CallerArn: "arn:aws:sts::111122223333:assumed-role/a/b" is not the ARN of an IAM user, group or role.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.ResourceOwner = aws.String("me") },
			`ResourceOwner: "me" is not the ARN of an account, such as arn:aws:iam::111122223333:root.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.ResourceHandlingOption = aws.String("EC2-Classic-EBS") },
			`ResourceHandlingOption: "EC2-Classic-EBS" is not one of EC2-VPC-EBS, EC2-VPC-EBS-Subnet, EC2-VPC-InstanceStore, EC2-VPC-InstanceStore-Subnet.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ResourceHandlingOption, in.ResourceArns = aws.String("EC2-VPC-EBS"), []string{"arn:aws:ec2:us-east-1:1:instance/*"}
			},
			`ResourceArns: EC2-VPC-EBS needs the ARN of a resource of the type image.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ContextEntries = []types.ContextEntry{{ContextKeyValues: []string{"a"}}}
			},
			`ContextEntries.1: there is no ContextKeyName.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ContextEntries = []types.ContextEntry{entry("aws:username", "string", "a", "b")}
			},
			`ContextEntries.1: aws:username has 2 values; the type string has one. Use stringList for several.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ContextEntries = []types.ContextEntry{entry("aws:CurrentTime", "dateList", "2026-11-01", "soon")}
			},
			`ContextEntries.1: the value "soon" of aws:CurrentTime is not of the type date.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				statement := `{"Effect":"Deny","Action":"a:b","Resource":"*"}`
				in.PolicyInputList = []string{document(slices.Repeat([]string{statement}, 1000)...)}
				in.ResourceArns = slices.Repeat([]string{"arn:aws:s3:::b"}, 200)
			},
			`ResourceArns: the policies, values and names are too long to simulate at once. Ask about fewer resources at a time, or shorten the policies.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { // a long value that is compared with long patterns
				pattern := `"` + strings.Repeat("*?ab", 16) + `"`
				in.PolicyInputList = []string{document(`{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringLike":{"k:aaa":[` +
					strings.TrimSuffix(strings.Repeat(pattern+",", 1000), ",") + `]}}}`)}
				in.ContextEntries = []types.ContextEntry{entry("k:aaa", "string", strings.Repeat("a", 50_000))}
			},
			`ResourceArns: the policies, values and names are too long to simulate at once. Ask about fewer resources at a time, or shorten the policies.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { // the same of what follows from the caller
				pattern := `"` + strings.Repeat("*a?", 8) + `b"`
				in.PolicyInputList = []string{document(
					`{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringLike":{"aws:username":[` +
						strings.TrimSuffix(strings.Repeat(pattern+",", 4300), ",") + `]}}}`)}
				in.CallerArn = aws.String("arn:aws:iam::111122223333:user/" + strings.Repeat("a", 2000))
			},
			`ResourceArns: the policies, values and names are too long to simulate at once. Ask about fewer resources at a time, or shorten the policies.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.ActionNames = []string{} },
			`ActionNames: name at least one action.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ContextEntries = []types.ContextEntry{entry("aws:username", "string", "a"), entry("AWS:UserName", "string", "b")}
			},
			`ContextEntries.2: AWS:UserName is there twice.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.ResourcePolicy,
					in.CallerArn = aws.String(document(`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"`+bucket+`/*"}`)),
					aws.String(alicesARN)
				in.ResourceArns = []string{bucket + "/a", bucket}
			},
			`ResourcePolicy: no statement is about the resource arn:aws:s3:::bucket.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) { in.CallerArn = aws.String("arn:aws:iam::*:user/a") },
			`CallerArn: "arn:aws:iam::*:user/a" is not the ARN of an IAM user, group or role.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.CallerArn = aws.String("arn:aws:iam::111122223333:role/a/")
			},
			`CallerArn: "arn:aws:iam::111122223333:role/a/" is not the ARN of an IAM user, group or role.`,
		},
		{
			func(in *awsiam.SimulateCustomPolicyInput) {
				in.CallerArn = aws.String("arn:aws:iam:us-east-1:111122223333:user/a")
			},
			`CallerArn: "arn:aws:iam:us-east-1:111122223333:user/a" is not the ARN of an IAM user, group or role.`,
		},
	} {
		in := awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{allowEverything}, ActionNames: []string{"iam:GetUser"}}
		test.change(&in)
		_, err := c.SimulateCustomPolicy(ctx, &in)
		want(t, "simulate", err, "400 InvalidInput: "+test.want)
	}

	alice := userARN(a, "/alice")
	for _, test := range []struct {
		exclusion types.PolicyIdentifier
		want      string
	}{
		{
			&types.PolicyIdentifierMemberPolicyArn{Value: "arn:aws:iam::*:policy/a"},
			`PolicyExclusionList.1: "arn:aws:iam::*:policy/a" is not the ARN of a policy.`,
		},
		{
			&types.PolicyIdentifierMemberPolicyArn{Value: "arn:aws:iam::aws:policy/*a*"},
			`PolicyExclusionList.1: "*a*" has more than one *.`,
		},
		{
			&types.PolicyIdentifierMemberInlinePolicyIdentifier{Value: types.InlinePolicyIdentifierType{
				PolicyName:     aws.String("p"),
				AttachmentName: aws.String("**"), AttachmentType: "user",
			}},
			`PolicyExclusionList.1: "**" has more than one *.`,
		},
	} {
		_, err := c.SimulatePrincipalPolicy(ctx, &awsiam.SimulatePrincipalPolicyInput{
			PolicySourceArn: &alice, ActionNames: []string{"iam:GetUser"}, PolicyExclusionList: []types.PolicyIdentifier{test.exclusion},
		})
		want(t, "exclude", err, "400 InvalidInput: "+test.want)
	}
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	_, err := c.CreateUser(ctx,
		&awsiam.CreateUserInput{
			UserName: aws.String("Bob"), Path: aws.String("/x/"),
			Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("red")}},
		})
	must(t, err)
	for name, document := range map[string]string{
		"mfa":  withMFA,
		"team": document(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"},"StringLike":{"aws:userid":"AIDA*"}}}`),
	} {
		_, err := c.PutUserPolicy(ctx,
			&awsiam.PutUserPolicyInput{UserName: aws.String("bob"), PolicyName: &name, PolicyDocument: &document})
		must(t, err)
	}

	bob := userARN(a, "/x/Bob")
	inline := func(name, entity string, kind types.AttachmentType) types.PolicyIdentifier {
		return &types.PolicyIdentifierMemberInlinePolicyIdentifier{Value: types.InlinePolicyIdentifierType{
			PolicyName:     &name,
			AttachmentName: &entity, AttachmentType: kind,
		}}
	}

	mfa := []types.ContextEntry{entry("aws:MultiFactorAuthPresent", "boolean", "true")}
	const byTeam = ` allowed by user_Bob_team (IAM Policy) 1:38-1:184`
	for name, test := range map[string]struct {
		in   awsiam.SimulatePrincipalPolicyInput
		want string
	}{
		"without MFA": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames:  []string{"iam:DeactivateMFADevice"},
				ResourceArns: []string{"arn:aws:iam::1:user/Bob"},
			},
			`iam:DeactivateMFADevice arn:aws:iam::1:user/Bob explicitDeny by user_Bob_mfa (IAM Policy) 4:122-7:6 missing [aws:MultiFactorAuthPresent] map[]
  arn:aws:iam::1:user/Bob explicitDeny by user_Bob_mfa (IAM Policy) 4:122-7:6 missing [aws:MultiFactorAuthPresent] map[]`,
		},
		"with MFA": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames:  []string{"iam:DeactivateMFADevice"},
				ResourceArns: []string{"arn:aws:iam::1:user/Bob"}, ContextEntries: mfa,
			},
			`iam:DeactivateMFADevice arn:aws:iam::1:user/Bob allowed by user_Bob_mfa (IAM Policy) 4:5-4:120 map[]
  arn:aws:iam::1:user/Bob allowed by user_Bob_mfa (IAM Policy) 4:5-4:120 map[]`,
		},
		"tags and id": {
			awsiam.SimulatePrincipalPolicyInput{ActionNames: []string{"s3:GetObject"}, ContextEntries: mfa},
			`s3:GetObject *` + byTeam,
		},
		"another caller has not the tags": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames: []string{"s3:GetObject"}, ContextEntries: mfa,
				CallerArn: aws.String(alicesARN),
			},
			`s3:GetObject * implicitDeny missing [aws:PrincipalTag/team aws:userid]`,
		},
		"more policies": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames: []string{"sqs:SendMessage"}, ContextEntries: mfa,
				PolicyInputList: []string{allow("sqs:*")}, PermissionsBoundaryPolicyInputList: []string{allowEverything},
			},
			`sqs:SendMessage * allowed by PolicyInputList.1 (IAM Policy) 1:37-1:89 by PermissionsBoundaryPolicyInputList.1 (IAM Permissions Boundary Policy) 1:37-1:83 boundary:true`,
		},
		"a resource policy about the user": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames: []string{"sqs:SendMessage"}, ContextEntries: mfa,
				ResourcePolicy: aws.String(document(`{"Effect":"Allow","Principal":{"AWS":"` + bob + `"},"Action":"sqs:*","Resource":"*"}`)),
			},
			`sqs:SendMessage * allowed by ResourcePolicy (Resource Policy) 1:38-1:147`,
		},
		"without all inline policies": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames:         []string{"s3:GetObject"},
				PolicyExclusionList: []types.PolicyIdentifier{&types.PolicyIdentifierMemberPolicyType{Value: "inline"}},
			},
			`s3:GetObject * implicitDeny`,
		},
		"without one": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames:         []string{"s3:GetObject"},
				PolicyExclusionList: []types.PolicyIdentifier{inline("mfa", "b?*", "user")},
			},
			`s3:GetObject *` + byTeam,
		},
		"without others": {
			awsiam.SimulatePrincipalPolicyInput{
				ActionNames: []string{"s3:GetObject"}, ContextEntries: mfa,
				PolicyExclusionList: []types.PolicyIdentifier{
					inline("team", "bo", "user"), inline("team", "Bob", "group"), inline("TEAM", "Bob", "user"),
					&types.PolicyIdentifierMemberPolicyType{Value: "permission-boundary"},
					&types.PolicyIdentifierMemberPolicyArn{Value: "arn:aws:iam::aws:policy/job-function/View*"},
					&types.PolicyIdentifierMemberPolicyArn{Value: "arn:aws:organizations::111122223333:policy/o-1/service_control_policy/p-1"},
				},
			},
			`s3:GetObject *` + byTeam,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.in.PolicySourceArn = &bob
			out, err := c.SimulatePrincipalPolicy(ctx, &test.in)
			must(t, err)
			var lines []string
			for n := range out.EvaluationResults {
				lines = append(lines, inOneLine(&out.EvaluationResults[n]))
			}
			if got := strings.Join(lines, "\n"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}

	for source, expected := range map[string]string{
		userARN(a, "/x/"): "400 InvalidInput: Invalid Entity Arn: " + userARN(a, "/x/") +
			" does not clearly define entity type and name.",
		userARN(a, "/Bob"):                          noUser("Bob"),
		"arn:aws:iam::000000000000:user/x/Bob":      noUser("Bob"),
		"arn:aws:iam::" + a.ID + ":group/x/testers": "404 NoSuchEntity: The group with name testers cannot be found.",
		"arn:aws:iam::" + a.ID + ":role/worker":     "404 NoSuchEntity: The role with name worker cannot be found.",
		"arn:aws:iam::" + a.ID + ":root": "400 InvalidInput: Invalid Entity Arn: arn:aws:iam::" + a.ID +
			":root does not clearly define entity type and name.",
		"arn:aws:iam::" + a.ID + ":policy/worker": "400 InvalidInput: Invalid Entity Arn: arn:aws:iam::" + a.ID +
			":policy/worker does not clearly define entity type and name.",
	} {
		_, err := c.SimulatePrincipalPolicy(ctx,
			&awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: []string{"iam:GetUser"}})
		want(t, "simulate "+source, err, expected)
		_, err = c.GetContextKeysForPrincipalPolicy(ctx, &awsiam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: &source})
		want(t, "keys of "+source, err, expected)
	}
}

// Pages hold whole actions. One may be shorter than was asked for, when there is much to look at.
func TestSimulationPages(t *testing.T) {
	t.Parallel()
	_, c := newAccount(t)
	var actions []string
	for n := range 230 {
		actions = append(actions, fmt.Sprintf("jobs:Run%d", n))
	}

	many := document(slices.Repeat([]string{`{"Effect":"Allow","Action":"jobs:Run1","Resource":"*"}`}, 1999)...)
	for _, test := range []struct {
		policy string
		size   int32
		want   []int
	}{
		{allowEverything, 0, []int{100, 100, 30}},
		{allowEverything, 230, []int{230}},
		{allowEverything, 229, []int{229, 1}},
		{many, 100, []int{76, 76, 76, 2}}, // as much as 8 MiB of policies at a time
	} {
		in := &awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{test.policy}, ActionNames: actions}
		if test.size > 0 {
			in.MaxItems = &test.size
		}
		var sizes []int
		var seen []string
		for pages := awsiam.NewSimulateCustomPolicyPaginator(c, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			must(t, err)
			sizes = append(sizes, len(page.EvaluationResults))
			for _, r := range page.EvaluationResults {
				seen = append(seen, *r.EvalActionName)
			}
		}
		if !slices.Equal(sizes, test.want) || !slices.Equal(seen, actions) {
			t.Errorf("pages of %v, want %v", sizes, test.want)
		}
	}

	for _, marker := range []string{"x", "eyJvIjoiU2ltdWxhdGUiLCJsIjoiMjMwIn0", "eyJvIjoiU2ltdWxhdGUiLCJsIjoiLTEifQ"} {
		_, err := c.SimulateCustomPolicy(ctx,
			&awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{allowEverything}, ActionNames: actions, Marker: &marker})
		want(t, "marker "+marker, err, "400 ValidationError: Invalid Marker.")
	}
}

func TestGetContextKeys(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	a.NewUser("alice", withMFA)
	more := document(`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/${*}","Condition":{"StringLike":{"AWS:Username":"${s3:prefix, 'none'}"}}}`)
	custom, err := c.GetContextKeysForCustomPolicy(ctx,
		&awsiam.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{more, withMFA}})
	must(t, err)
	if want := []string{
		"AWS:Username", "aws:MultiFactorAuthPresent", "aws:PrincipalTag/team",
		"s3:prefix",
	}; !slices.Equal(custom.ContextKeyNames, want) {
		t.Errorf("got %v, want %v", custom.ContextKeyNames, want)
	}

	own, err := c.GetContextKeysForPrincipalPolicy(ctx,
		&awsiam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: aws.String(userARN(a, "/alice"))})
	must(t, err)
	if want := []string{"aws:MultiFactorAuthPresent", "aws:username"}; !slices.Equal(own.ContextKeyNames, want) {
		t.Errorf("got %v, want %v", own.ContextKeyNames, want)
	}

	both, err := c.GetContextKeysForPrincipalPolicy(ctx,
		&awsiam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: aws.String(userARN(a, "/alice")), PolicyInputList: []string{more}})
	must(t, err)
	if want := []string{
		"aws:MultiFactorAuthPresent", "aws:PrincipalTag/team", "aws:username",
		"s3:prefix",
	}; !slices.Equal(both.ContextKeyNames, want) {
		t.Errorf("got %v, want %v", both.ContextKeyNames, want)
	}

	none, err := c.GetContextKeysForCustomPolicy(ctx,
		&awsiam.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{allowEverything}})
	must(t, err)
	if none.ContextKeyNames == nil || len(none.ContextKeyNames) > 0 {
		t.Errorf("got %v", none.ContextKeyNames)
	}
}

// A user's managed policies and boundary are simulated as they are enforced. A boundary that is given takes the place of the
// user's, and each can be left out.
func TestSimulateManagedPolicies(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	a.NewUser("alice", "")
	create := func(name, document string) *string {
		t.Helper()
		out, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
		must(t, err)
		return out.Policy.Arn
	}
	own, limit := create("own", allow("s3:*", "sqs:*")), create("limit", allow("s3:*"))
	must(t, second(c.AttachUserPolicy(ctx, &awsiam.AttachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: own})))
	must(t, second(c.PutUserPermissionsBoundary(ctx,
		&awsiam.PutUserPermissionsBoundaryInput{UserName: aws.String("alice"), PermissionsBoundary: limit})))

	const allowed, denied = types.PolicyEvaluationDecisionTypeAllowed, types.PolicyEvaluationDecisionTypeImplicitDeny
	for _, test := range []struct {
		what    string
		in      awsiam.SimulatePrincipalPolicyInput
		s3, sqs types.PolicyEvaluationDecisionType
	}{
		{"what is enforced", awsiam.SimulatePrincipalPolicyInput{}, allowed, denied},
		{
			"another boundary",
			awsiam.SimulatePrincipalPolicyInput{PermissionsBoundaryPolicyInputList: []string{allow("sqs:*")}},
			denied, allowed,
		},
		{
			"without boundaries", awsiam.SimulatePrincipalPolicyInput{PolicyExclusionList: []types.PolicyIdentifier{
				&types.PolicyIdentifierMemberPolicyType{Value: types.PolicyIdentifierPolicyTypePermissionBoundary},
			}}, allowed, allowed,
		},
		{
			"without the boundary's ARN", awsiam.SimulatePrincipalPolicyInput{PolicyExclusionList: []types.PolicyIdentifier{
				&types.PolicyIdentifierMemberPolicyArn{Value: *limit},
			}}, allowed, allowed,
		},
		{
			"without managed policies", awsiam.SimulatePrincipalPolicyInput{PolicyExclusionList: []types.PolicyIdentifier{
				&types.PolicyIdentifierMemberPolicyType{Value: types.PolicyIdentifierPolicyTypeUserManaged},
			}}, denied, denied,
		},
		{
			"without the policy's ARN", awsiam.SimulatePrincipalPolicyInput{PolicyExclusionList: []types.PolicyIdentifier{
				&types.PolicyIdentifierMemberPolicyArn{Value: *own},
			}}, denied, denied,
		},
	} {
		test.in.PolicySourceArn, test.in.ActionNames = aws.String(userARN(a, "/alice")), []string{"s3:GetObject", "sqs:SendMessage"}
		out, err := c.SimulatePrincipalPolicy(ctx, &test.in)
		must(t, err)
		if s3, sqs := out.EvaluationResults[0].EvalDecision, out.EvaluationResults[1].EvalDecision; s3 != test.s3 || sqs != test.sqs {
			t.Errorf("%s: decided %s and %s, want %s and %s", test.what, s3, sqs, test.s3, test.sqs)
		}
	}
}

package policy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/policy"
)

func testCatalogue(t testing.TB) *policy.Catalogue {
	t.Helper()
	c, err := policy.ParseCatalogue([]byte(`{
		"services": {"sts": {"actions": {"AssumeRole": {}, "AssumeRoleWithSAML": {}, "AssumeRoleWithWebIdentity": {}, "TagSession": {}}}, "iam": {
			"actions": {"GetUser": {"resources": ["user"], "keys": ["iam:Blob"]}, "GetGroup": {"resources": ["group"]}, "ListUsers": {},
				"PassRole": {"resources": ["role"], "keys": ["iam:PassedToService"]}, "CreateServiceLinkedRole": {"resources": ["role"], "keys": ["iam:AWSServiceName"]}},
			"resources": {"user": "arn:*:iam::*:user/*", "group": "arn:*:iam::*:group/*", "role": "arn:*:iam::*:role/*"}}},
		"keys": {"aws:username": "String", "aws:SourceIp": "IPAddress", "aws:TagKeys": "ArrayOfString", "aws:RequestTag/*": "String",
			"aws:MultiFactorAuthPresent": "Bool", "aws:EpochTime": "Date", "aws:CurrentTime": "Date", "aws:PrincipalArn": "ARN", "aws:MultiFactorAuthAge": "Numeric",
			"iam:PassedToService": "String", "iam:AWSServiceName": "String", "iam:Blob": "Binary", "aws:VpcSourceIp": "IPAddress", "aws:SourceVpc": "String"}}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lintCases are statements with what is found about them: class, code and place.
var lintCases = []struct {
	kind      policy.Kind
	statement string
	want      string
}{
	{0, `{"Effect":"Allow","Action":["iam:GetUser","IAM:list*"],"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, ``},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username}"}`, ``},
	{0, `{"Effect":"Deny","NotAction":"iam:GetUser","Resource":"*","Condition":{"BoolIfExists":{"AWS:multifactorauthpresent":"false"}}}`, ``},
	{0, `{"Effect":"Allow","Action":"iam:GetUser"}`, `ERROR MALFORMED_POLICY_DOCUMENT Statement[0]`},
	{
		0, `{"Effect":"Allow","Action":["iam:GetUser","jobs:Run"],"Resource":"*"}`,
		`WARNING INVALID_SERVICE_IN_ACTION Statement[0].Action[1]`,
	},
	{
		0,
		`{"Effect":"Allow","Action":["jobs:Stop","JOBS:Run","other:Run"],"Resource":"*"},{"Effect":"Deny","Action":"jobs:Pause","Resource":"*"}`,
		`WARNING INVALID_SERVICE_IN_ACTION Statement[0].Action[0] WARNING INVALID_SERVICE_IN_ACTION Statement[0].Action[2]`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUzer","Resource":"*"}`, `ERROR INVALID_ACTION Statement[0].Action`},
	{0, `{"Effect":"Deny","NotAction":"iam:Grant*","Resource":"*"}`, `ERROR INVALID_ACTION Statement[0].NotAction`},
	{
		0, `{"Effect":"Allow","NotAction":"iam:GetUser","Resource":"*"}`,
		`SECURITY_WARNING ALLOW_WITH_NOT_ACTION Statement[0].NotAction SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION Statement[0].NotAction WARNING CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION Statement[0].NotAction`,
	},
	{0, `{"Effect":"Allow","Action":["iam:GetUser","iam:Get*"],"Resource":"*"}`, `SUGGESTION REDUNDANT_ACTION Statement[0].Action[0]`},
	{
		0, `{"Effect":"Allow","Action":["iam:GetUser","IAM:getuser"],"Resource":"*"}`,
		`SUGGESTION REDUNDANT_ACTION Statement[0].Action[1]`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::111122223333:user/a?","arn:aws:iam::111122223333:user/*"]}`,
		`SUGGESTION REDUNDANT_RESOURCE Statement[0].Resource[0]`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::111122223333:user/a*","arn:aws:iam::111122223333:user/a?"]}`,
		`SUGGESTION REDUNDANT_RESOURCE Statement[0].Resource[1]`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::111122223333:user/a?","arn:aws:iam::111122223333:user/a*b"]}`, ``},
	{
		0, `{"Effect":"Allow","Action":["iam:GetUser","iam:GetGroup"],"Resource":"arn:aws:iam::111122223333:user/a"}`,
		`ERROR RESOURCE_TYPE_MISMATCH Statement[0].Action[1]`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:ListUsers","Resource":"arn:aws:iam::111122223333:user/a"}`,
		`ERROR RESOURCE_TYPE_MISMATCH Statement[0].Action`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}`,
		`SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_RESOURCE Statement[0].Action`,
	},
	{
		0, `{"Effect":"Allow","Action":["iam:GetUser","iam:Pass*"],"Resource":"*"}`,
		`SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE Statement[0].Action[1]`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:PassRole","NotResource":"arn:aws:iam::111122223333:role/a"}`,
		`SECURITY_WARNING PASS_ROLE_WITH_NOT_RESOURCE Statement[0].Action`,
	},
	{0, `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`, ``},
	{0, `{"Sid":"","Effect":"Allow","Action":"iam:GetUser","Resource":"*"}`, `SUGGESTION EMPTY_SID_VALUE Statement[0].Sid`},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{}}`,
		`SUGGESTION EMPTY_OBJECT_CONDITION Statement[0].Condition`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:username":[]}}}`,
		`SUGGESTION EMPTY_ARRAY_CONDITION Statement[0].Condition.StringEquals.aws:username`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:Sourcelp":"a"}}}`,
		`WARNING INVALID_GLOBAL_CONDITION_KEY Statement[0].Condition.StringEquals.aws:Sourcelp`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"iam:None":"a"}}}`,
		`ERROR INVALID_SERVICE_CONDITION_KEY Statement[0].Condition.StringEquals.iam:None`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"jobs:Queue":"a"}}}`,
		`WARNING INVALID_SERVICE_IN_CONDITION_KEY Statement[0].Condition.StringEquals.jobs:Queue`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"idp.example.com:sub":"a"}}}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"username":"a"}}}`,
		`ERROR INVALID_CONDITION_KEY_FORMAT Statement[0].Condition.StringEquals.username`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:usrname}"}`,
		`WARNING INVALID_GLOBAL_CONDITION_KEY Statement[0].Resource`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:TagKeys}"}`,
		`ERROR MULTIVALUED_VARIABLE Statement[0].Resource`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"NumericEquals":{"aws:MultiFactorAuthAge":"${aws:EpochTime}"}}}`,
		`ERROR INVALID_VARIABLE_FOR_OPERATOR Statement[0].Condition.NumericEquals.aws:MultiFactorAuthAge`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":[300,"5m"]}}}`,
		`WARNING TYPE_MISMATCH_NUMBER Statement[0].Condition.NumericLessThan.aws:MultiFactorAuthAge[1]`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"Null":{"aws:username":"no"}}}`,
		`WARNING TYPE_MISMATCH_BOOLEAN Statement[0].Condition.Null.aws:username`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.1.2.3/8"}}}`,
		`SUGGESTION IMPROVE_IP_RANGE Statement[0].Condition.IpAddress.aws:SourceIp`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:SourceIp":"10.1.2.3"}}}`,
		`WARNING TYPE_MISMATCH Statement[0].Condition.StringEquals.aws:SourceIp`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":"*a"}}}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:TagKeys":"a"}}}`,
		`ERROR MISSING_QUALIFIER Statement[0].Condition.StringEquals.aws:TagKeys`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:RequestTag/a":"a"}}}`,
		`SECURITY_WARNING FORALLVALUES_WITH_SINGLE_VALUED_KEY Statement[0].Condition.ForAllValues:StringEquals.aws:RequestTag/a`,
	},
	{
		0, `{"Effect":"Deny","Action":"iam:GetUser","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":false}}}`,
		`SECURITY_WARNING MFA_KEY_MAY_BE_ABSENT Statement[0].Condition.Bool.aws:MultiFactorAuthPresent`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}}`,
		`SECURITY_WARNING MFA_KEY_MAY_BE_ABSENT Statement[0].Condition.BoolIfExists.aws:MultiFactorAuthPresent`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},{"Effect":"Allow","Action":"iam:get*","Resource":"*"}`,
		`SUGGESTION REDUNDANT_STATEMENT Statement[0]`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}`,
		`SUGGESTION REDUNDANT_STATEMENT Statement[1]`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},{"Effect":"Deny","Action":"iam:GetUser","Resource":"*"}`, ``},
	// What an action for roles does not mean.
	{0, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::*"}`, ``},
	{
		0, `{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"arn:aws:s3:::*"}`,
		`SECURITY_WARNING ALLOW_WITH_NOT_ACTION Statement[0].NotAction WARNING INVALID_SERVICE_IN_ACTION Statement[0].NotAction`,
	},
	{policy.Resource, `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"a"}}}`, ``},
	{policy.Resource, `{"Effect":"Deny","Principal":"*","Action":"iam:GetUser","Resource":"arn:aws:iam::111122223333:user/a"},{"Effect":"Deny","Principal":"*","Action":"iam:GetUser"}`, ``},
	// What one resource is not among.
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam:*:111122223333","arn:aws:iam::111122223333:user/a"]}`,
		`ERROR MISSING_ARN_FIELD Statement[0].Resource[0]`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::*:user/${*}","arn:aws:iam::*:user/${aws:username}"]}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::*:user/*","arn:aws:iam::*:user/${aws:username}"]}`,
		`SUGGESTION REDUNDANT_RESOURCE Statement[0].Resource[1]`,
	},
	{
		0, `{"Effect":"Deny","Action":"iam:GetUser","Resource":["arn:aws:iam::amazon:user/a","arn:aws:iam::12345:user/a"]}`,
		`ERROR INVALID_ARN_ACCOUNT Statement[0].Resource[1]`,
	},
	// Empty lists of what must not be.
	{
		0, `{"Effect":"Deny","Action":"iam:GetUser","Resource":"*","Condition":{"ForAnyValue:StringNotEquals":{"aws:TagKeys":[]}}}`,
		`SUGGESTION EMPTY_ARRAY_CONDITION_FORANYVALUE Statement[0].Condition.ForAnyValue:StringNotEquals.aws:TagKeys`,
	},
	{0, `{"Effect":"Deny","Action":"iam:GetUser","Resource":"*","Condition":{"ForAllValues:Bool":{"aws:MultiFactorAuthPresent":"false"}}}`, ``},
	{
		policy.Trust, `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}`,
		`SECURITY_WARNING ALLOW_EVERYONE Statement[0].Principal`,
	},
	{
		policy.Resource, `{"Effect":"Allow","Action":"iam:GetUser","NotPrincipal":{"AWS":"111122223333"}}`,
		`SECURITY_WARNING ALLOW_WITH_NOT_PRINCIPAL Statement[0].NotPrincipal`,
	},
	{
		policy.Resource, `{"Effect":"Deny","Action":"iam:GetUser","Principal":{}}`,
		`SUGGESTION EMPTY_OBJECT_PRINCIPAL Statement[0].Principal`,
	},
	{
		policy.Resource, `{"Effect":"Deny","Action":"iam:GetUser","Principal":{"AWS":[]}}`,
		`SUGGESTION EMPTY_ARRAY_PRINCIPAL Statement[0].Principal.AWS`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/*"}`,
		`SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_RESOURCE Statement[0].Action`,
	},
	{0, `{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/app/*"}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::*:role/aws-service-role/*"}`,
		`WARNING CREATE_SLR_WITH_STAR_IN_RESOURCE Statement[0].Action`,
	},
	{0, `{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/*"}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:Create*","Resource":"*"}`,
		`WARNING CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE Statement[0].Action`,
	},
	{
		0, `{"Effect":"Allow","Action":"*","Resource":"*"}`,
		`SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE Statement[0].Action WARNING CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE Statement[0].Action`,
	},
	{0, `{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*","Condition":{"StringEquals":{"iam:AWSServiceName":"ecs.amazonaws.com"}}}`, ``},
	{0, `{"Effect":"Deny","Action":"iam:PassRole","Resource":"*"}`, ``},
	{policy.Boundary, `{"Effect":"Allow","NotAction":"iam:GetUser","Resource":"*"}`, ``},
	{policy.Session, `{"Effect":"Allow","NotAction":"iam:GetUser","Resource":"*"}`, ``},
	{policy.ServiceControl, `{"Effect":"Allow","NotAction":"iam:GetUser","Resource":"*"}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:*","NotResource":"arn:aws:iam::111122223333:role/a"}`,
		`SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE Statement[0].Action WARNING CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE Statement[0].Action`,
	},
	{
		0, `{"Effect":"Allow","NotAction":"iam:GetUser","NotResource":"arn:aws:iam::111122223333:role/a"}`,
		`SECURITY_WARNING PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE Statement[0].NotAction WARNING CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE Statement[0].NotAction SECURITY_WARNING ALLOW_WITH_NOT_ACTION Statement[0].NotAction`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","NotResource":"arn:aws:iam::111122223333:role/a"}`,
		`WARNING CREATE_SLR_WITH_NOT_RESOURCE Statement[0].Action`,
	},
	{
		0, `{"Effect":"Allow","NotAction":["iam:Pass*","iam:CreateServiceLinkedRole"],"Resource":"*"}`,
		`SECURITY_WARNING ALLOW_WITH_NOT_ACTION Statement[0].NotAction`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:IAM::111122223333:user/a"}`,
		`ERROR INVALID_ARN_SERVICE_CASE Statement[0].Resource ERROR RESOURCE_TYPE_MISMATCH Statement[0].Action`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::1234:user/a"}`,
		`ERROR INVALID_ARN_ACCOUNT Statement[0].Resource`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::12345678901:user/a","arn:aws:iam::5678*:user/a"]}`,
		`ERROR INVALID_ARN_ACCOUNT Statement[0].Resource[0]`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["*","arn:aws:iam:user/a"]}`,
		`ERROR MISSING_ARN_FIELD Statement[0].Resource[1] SUGGESTION REDUNDANT_RESOURCE Statement[0].Resource[1]`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["*","arn:aws:sqs:*:${aws:username}:q"]}`,
		`ERROR VARIABLE_UNSUPPORTED_IN_ELEMENT Statement[0].Resource[1] SUGGESTION REDUNDANT_RESOURCE Statement[0].Resource[1]`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username"}`,
		`ERROR MISSING_BRACE_IN_VARIABLE Statement[0].Resource`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username, 'x}"}`,
		`ERROR MISSING_QUOTE_IN_VARIABLE Statement[0].Resource`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username,'x'}"}`,
		`ERROR MISSING_QUOTE_IN_VARIABLE Statement[0].Resource`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${*}${?}${$}${}"}`,
		`ERROR EMPTY_VARIABLE Statement[0].Resource`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:user name}"}`,
		`ERROR UNSUPPORTED_SPACE_IN_VARIABLE Statement[0].Resource WARNING INVALID_GLOBAL_CONDITION_KEY Statement[0].Resource`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:RequestTag/a b}"}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:user${x}"}`,
		`ERROR UNSUPPORTED_SYMBOL_IN_VARIABLE Statement[0].Resource WARNING INVALID_GLOBAL_CONDITION_KEY Statement[0].Resource`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username, '${'}"}`, ``},
	{
		0, `{"Effect":"Allow","Action":"iam:Get${username}","Resource":"*"}`,
		`ERROR VARIABLE_UNSUPPORTED_IN_ELEMENT Statement[0].Action`,
	},
	{
		0, `{"Effect":"Deny","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"a"}}}`,
		`WARNING UNSUPPORTED_CONDITION_KEY_FOR_ACTION Statement[0].Condition.StringEquals.iam:PassedToService`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{}}}`,
		`SUGGESTION EMPTY_OBJECT_CONDITION Statement[0].Condition.StringEquals`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":[]}}}`,
		`SUGGESTION EMPTY_ARRAY_CONDITION_FORALLVALUES Statement[0].Condition.ForAllValues:StringEquals.aws:TagKeys`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":[]}}}`,
		`SUGGESTION EMPTY_ARRAY_CONDITION_FORANYVALUE Statement[0].Condition.ForAnyValue:StringEquals.aws:TagKeys`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:username":[]}}}`,
		`SUGGESTION EMPTY_ARRAY_CONDITION_IFEXISTS Statement[0].Condition.StringEqualsIfExists.aws:username`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:username":"a","AWS:UserName":"b"}}}`,
		`ERROR DUPLICATE_KEYS_WITH_DIFFERENT_CASE Statement[0].Condition.StringEquals.AWS:UserName`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:username":"a"},"StringLike":{"AWS:UserName":"b"}}}`, ``},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":["true","false"]}}}`,
		`ERROR INVALID_CONDITION_MULTIPLE_BOOLEAN Statement[0].Condition.Bool.aws:MultiFactorAuthPresent`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"yes"}}}`,
		`WARNING TYPE_MISMATCH_BOOLEAN Statement[0].Condition.Bool.aws:MultiFactorAuthPresent`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}`,
		`WARNING TYPE_MISMATCH_IP_RANGE Statement[0].Condition.IpAddress.aws:SourceIp`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"BinaryEquals":{"iam:Blob":"=x"}}}`,
		`WARNING TYPE_MISMATCH_STRING Statement[0].Condition.BinaryEquals.iam:Blob`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"user/a"}}}`,
		`WARNING TYPE_MISMATCH_ARN Statement[0].Condition.ArnLike.aws:PrincipalArn`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringNotEquals":{"aws:username":["a","b*"]}}}`,
		`WARNING WILDCARD_WITHOUT_LIKE_OPERATOR Statement[0].Condition.StringNotEquals.aws:username[1]`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:username":"${*}${aws:RequestTag/a*}"},"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}}`, ``},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":["1795514400"]},"DateGreaterThan":{"aws:EpochTime":"1795514400"}}}`,
		`WARNING INVALID_DATE_VALUE Statement[0].Condition.DateLessThan.aws:CurrentTime[0]`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":[300,600]},"NumericEquals":{"aws:MultiFactorAuthAge":[300,600]}}}`,
		`SUGGESTION REDUNDANT_CONDITION_VALUE_NUM Statement[0].Condition.NumericLessThan.aws:MultiFactorAuthAge`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"DateGreaterThanEquals":{"aws:EpochTime":["2024","2025"]}}}`,
		`SUGGESTION REDUNDANT_CONDITION_VALUE_DATE Statement[0].Condition.DateGreaterThanEquals.aws:EpochTime`,
	},
	{
		0,
		`{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag":"a","aws:requesttag/":"b"}}}`,
		`ERROR MISSING_TAG_KEY_IN_CONDITION Statement[0].Condition.StringEquals.aws:RequestTag ERROR MISSING_TAG_KEY_IN_CONDITION Statement[0].Condition.StringEquals.aws:requesttag/`,
	},
	{
		0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}}}`,
		`SECURITY_WARNING MISSING_PAIRED_CONDITION_KEYS Statement[0].Condition`,
	},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"},"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`, ``},
	{
		policy.Resource,
		`{"Effect":"Allow","Action":"iam:GetUser","Principal":{"AWS":["AIDACKCEVSQ6C2EXAMPLE","AROACKCEVSQ6C2EXAMPLE"]}}`,
		`WARNING INVALID_USER_REFERENCE Statement[0].Principal.AWS[0] WARNING INVALID_ROLE_REFERENCE Statement[0].Principal.AWS[1]`,
	},
	{
		policy.Resource,
		`{"Effect":"Allow","Action":"iam:GetUser","Principal":{"Service":["ec2.amazonaws.com","s3.amazonaws.com.cn","ec2"]}}`,
		`ERROR INVALID_SERVICE_PRINCIPAL_FORMAT Statement[0].Principal.Service[2]`,
	},
	{
		policy.Resource, `{"Effect":"Allow","Action":"iam:GetUser","Principal":{"Service":"${aws:username}.amazonaws.com"}}`,
		`ERROR VARIABLE_UNSUPPORTED_IN_ELEMENT Statement[0].Principal.Service`,
	},
	{
		policy.Trust,
		`{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/p"}}`,
		`ERROR MISMATCHED_ACTION_FOR_PRINCIPAL Statement[0].Action[0]`,
	},
	{policy.Trust, `{"Effect":"Allow","Action":"sts:AssumeRoleWithSAML","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/p"}}`, ``},
	{
		policy.Trust,
		`{"Effect":"Allow","Action":"sts:AssumeRoleWithSAML","Principal":{"AWS":"111122223333","Federated":"accounts.google.com"}}`,
		`ERROR MISMATCHED_ACTION_FOR_PRINCIPAL Statement[0].Action`,
	},
	{
		policy.Trust, `{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Service":"ec2.amazonaws.com"}}`,
		`ERROR MISMATCHED_ACTION_FOR_PRINCIPAL Statement[0].Action`,
	},
	{
		policy.Trust,
		`{"Effect":"Allow","Action":"STS:AssumeRoleWith*","Principal":{"Federated":["accounts.google.com","arn:aws:iam::111122223333:oidc-provider/idp.example.com/a"]},"Condition":{"StringEquals":{"IDP.example.com/a:aud":"app"}}}`,
		`SECURITY_WARNING MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL Statement[0].Principal.Federated[0]`,
	},
	{policy.Trust, `{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"accounts.google.com"},"Condition":{"StringEquals":{"accounts.google.com:aud":"app"}}}`, ``},
	{policy.ResourceControl, `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`, ``},
	{
		policy.ResourceControl, `{"Effect":"Allow","Principal":"*","Action":"iam:*","Resource":"*"}`,
		`ERROR RCP_SYNTAX_ERROR_ALLOW Statement[0].Effect`,
	},
	{
		policy.ResourceControl, `{"Effect":"Deny","Principal":"*","NotAction":"iam:GetUser","Resource":"*"}`,
		`ERROR RCP_SYNTAX_ERROR_NOTACTION Statement[0].NotAction`,
	},
}

func TestLint(t *testing.T) {
	known := testCatalogue(t)
	seen := map[string]bool{}
	for _, c := range lintCases {
		findings := policy.Lint(policy.Attachment{Kind: c.kind}, []byte(`{"Version":"2012-10-17","Statement":[`+c.statement+`]}`), known)
		var got []string
		for _, f := range findings {
			got = append(got, fmt.Sprintf("%s %s %s", f.Class, f.Code, f.Path))
			seen[f.Code] = true
		}
		// The order of two findings is that of the text, which the cases do not repeat.
		for want := range strings.FieldsSeq(c.want) {
			if !strings.Contains(strings.Join(got, " "), want) {
				t.Errorf("%s\ngot  %v\nwant %s", c.statement, findings, c.want)
			}
		}
		if len(got) != len(strings.Fields(c.want))/3 {
			t.Errorf("%s\ngot  %v\nwant %s", c.statement, findings, c.want)
		}
	}

	for _, c := range []struct{ text, want string }{
		{
			"{\n \"Statement\": {\"Effect\":\"Allow\",\"Action\":\"*\",\n  \"Resource\":\"arn:aws:s3:::${aws:username}\"}}",
			"1:1  MISSING_VERSION, 3:14 Statement.Resource VARIABLE_UNSUPPORTED_IN_VERSION",
		},
		{"{\n \"Statement\": ]", `2:15  MALFORMED_POLICY_DOCUMENT`},
	} {
		var got []string
		for _, f := range policy.Lint(policy.Attachment{}, []byte(c.text), nil) {
			got = append(got, fmt.Sprintf("%d:%d %s %s", f.Line, f.Column, f.Path, f.Code))
			seen[f.Code] = true
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, got, c.want)
		}
	}

	for _, name := range policy.AttachmentNames() {
		a, _ := policy.AttachmentNamed(name)
		text := func(size int) []byte {
			const head, tail = `{"Version":"2012-10-17",` + "\n" + `"Statement":[],"Id":"`, `"}`
			return []byte(head + strings.Repeat("ü", size-len(head)+1-len(tail)) + tail)
		}
		if a.MaxSize == 0 {
			a.MaxSize = 131072 - 2
			a.Kind = policy.Resource
		}
		for _, f := range policy.Lint(a, text(a.MaxSize), nil) {
			if f.Class != policy.ClassSuggestion && f.Code != policy.CodeMalformed {
				t.Errorf("%s: %+v", name, f)
			}
		}
		findings := policy.Lint(a, text(a.MaxSize+1), nil)
		last := findings[len(findings)-1]
		seen[last.Code] = true
		if !strings.HasPrefix(last.Code, "POLICY_SIZE_EXCEEDS_") || last.Line != 2 ||
			last.Column != a.MaxSize+1-len(`{"Version":"2012-10-17",`) {
			t.Errorf("%s: %+v", name, last)
		}
	}

	managed, _ := policy.AttachmentNamed("managed")
	for text, want := range map[string]string{
		`"Version":"2012-10-17",`:          "",
		`"Version":"2008-10-17",`:          "Version MALFORMED_POLICY_DOCUMENT Policy document must be version 2012-10-17 or greater.",
		``:                                 " MALFORMED_POLICY_DOCUMENT Policy document must be version 2012-10-17 or greater.",
		`"Version":"2012-10-17","Id":"a",`: "Id UNSUPPORTED_ID Id is an element of resource-based policies",
	} {
		var got []string
		for _, f := range policy.Lint(managed, []byte(`{`+text+`"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*"}}`), nil) {
			got = append(got, f.Path+" "+f.Code+" "+f.Message)
			seen[f.Code] = true
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("managed, %s\ngot  %q\nwant %s", text, got, want)
		}
	}

	for _, code := range lintCodes(t) {
		if !seen[code] {
			t.Errorf("no case has the finding %s", code)
		}
	}
}

// lintCodes are the codes that stand in the linter's source.
func lintCodes(t *testing.T) []string {
	names, err := filepath.Glob("lint*.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"([A-Z]+(?:_[A-Z]+)+)"`).FindAllStringSubmatch(string(source), -1) {
			if code := m[1]; code != string(policy.ClassSecurityWarning) && !strings.HasSuffix(name, "_test.go") {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// TestLintDocumented holds the table of findings in the documentation to those that there are.
func TestLintDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/policy-engine.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range lintCodes(t) {
		if !strings.Contains(string(text), "`"+code+"`") {
			t.Errorf("docs/policy-engine.md does not name %s", code)
		}
	}
}

// TestLintKeysOfActions looks for condition keys that requests for a statement's actions never have.
func TestLintKeysOfActions(t *testing.T) {
	told, err := policy.ParseCatalogue([]byte(`{
		"services": {
			"jobs": {"actions": {"Run": {"keys": ["jobs:Queue", "jobs:Tag/*"]}, "List": {}, "Rate": {"keys": ["jobs:Tag/*"]}}},
			"silent": {"actions": {"Run": {}}}},
		"keys": {"jobs:Queue": "String", "jobs:Tag/*": "String", "silent:Queue": "String", "aws:username": "String"}}`))
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		actions, key string
		found        bool
	}{
		{`"Action":"jobs:Run"`, "jobs:queue", false},
		{`"Action":["jobs:List","jobs:R*"]`, "jobs:Queue", false},
		{`"Action":"jobs:List"`, "jobs:Queue", true},
		{`"Action":"jobs:Rate"`, "jobs:Queue", true},
		{`"Action":"JOBS:rate"`, "Jobs:tag/a", false},
		{`"Action":"jobs:Rate"`, "aws:username", false},
		{`"Action":"jobs:Rate"`, "saml.example.com:sub", false},
		{`"Action":["jobs:Rate","*"]`, "jobs:Queue", false},
		{`"Action":["jobs:Rate","other:Run"]`, "jobs:Queue", false},
		{`"Action":["jobs:Rate","silent:Run"]`, "jobs:Queue", false},
		{`"Action":"silent:Run"`, "silent:Queue", false},
		{`"Action":"jobs:Rate"`, "silent:Queue", true},
		{`"NotAction":"jobs:Run"`, "jobs:Queue", false},
	} {
		text := `{"Version":"2012-10-17","Statement":{"Effect":"Deny",` + c.actions + `,"Resource":"*","Condition":{"StringEquals":{"` +
			c.key + `":"a"}}}}`
		found := false
		for _, f := range policy.Lint(policy.Attachment{}, []byte(text), told) {
			found = found || f.Code == "UNSUPPORTED_CONDITION_KEY_FOR_ACTION" && f.Path == "Statement.Condition.StringEquals."+c.key
		}
		if found != c.found {
			t.Errorf("%s with %s: found %v", c.actions, c.key, found)
		}
	}
}

func TestLintHints(t *testing.T) {
	for action, want := range map[string]string{
		"iam:GetUzer": "is GetUser meant?", "iam:getgrup": "is GetGroup meant?",
		"iam:Nothing": "", "iam:GetUserXXXX": "",
	} {
		findings := policy.Lint(policy.Attachment{},
			[]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"`+action+`","Resource":"*"}}`), testCatalogue(t))
		if len(findings) != 1 || findings[0].Hint != want {
			t.Errorf("%s: %+v, want the hint %q", action, findings, want)
		}
	}
}

func TestCatalogue(t *testing.T) {
	for text, want := range map[string]string{
		`{"services":{"a":{"actions":{"B":{"resources":["c"]}}}}}`:                      `catalogue: action a:B has resources of type "c", which a does not have`,
		`{"services":{"a":{"resources":{"c":"d"}}}}`:                                    `catalogue: resource type c of a: "d" is not the pattern of an ARN`,
		`{"services":{"a":{"actions":{"B":{"keys":["a:c"]}}}},"keys":{"a:d":"String"}}`: `catalogue: action a:B has the condition key "a:c", which is not among the keys`,
		`{"keys":{"a:b":"Text"}}`:                                                       `catalogue: condition key a:b has the unknown type "Text"`,
		`{"other":1}`:                                                                   `catalogue: json: unknown field "other"`,
		`{} trailing {`:                                                                 `catalogue: there is text after the end`,
		`{"services":{"S3":{}}}`:                                                        `catalogue: the service S3: a prefix is in lower case`,
	} {
		if _, err := policy.ParseCatalogue([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}

	added, err := policy.ParseCatalogue([]byte(`{"services":{"jobs":{"actions":{"Run":{}}}},"keys":{"jobs:Queue":"String"}}`))
	if err != nil {
		t.Fatal(err)
	}

	text := []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["jobs:Run","iam:GetUser"],"Resource":"*","Condition":{"StringEquals":{"jobs:Queue":"${aws:username}"}}}}`)
	if got := policy.Lint(policy.Attachment{}, text, testCatalogue(t).With(added)); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestLintWithWhatIsServed asks about policies as people have them, with the built-in catalogue.
func TestLintWithWhatIsServed(t *testing.T) {
	const github = "token.actions.githubusercontent.com"
	web := func(provider, condition string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
			condition + `}}`
	}

	for _, c := range []struct {
		kind      policy.Kind
		statement string
		want      string // the codes
	}{
		{
			policy.Trust,
			web("arn:aws:iam::111122223333:oidc-provider/"+github, `"StringEquals":{"`+github+`:aud":"sts.amazonaws.com"},"StringLike":{"`+
				github+`:sub":"repo:octo/*"}`), "",
		},
		{
			policy.Trust, web("arn:aws:iam::111122223333:oidc-provider/"+github, `"StringEquals":{"`+github+`:aud":"sts.amazonaws.com"}`),
			"MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
		},
		{
			policy.Trust, web("arn:aws:iam::111122223333:oidc-provider/"+github, `"StringNotEquals":{"`+github+`:sub":"repo:octo/x"}`),
			"MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
		},
		{
			policy.Trust,
			web("arn:aws:iam::111122223333:oidc-provider/"+github, `"ForAllValues:StringLike":{"`+github+`:sub":"repo:octo/*"}`),
			"MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
		},
		{policy.Trust, web("accounts.google.com", `"StringEquals":{"accounts.google.com:aud":"app"}`), ""},
		{
			policy.Trust, web("accounts.google.com", `"Null":{"accounts.google.com:aud":"true"}`),
			"MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
		},
		{policy.Trust, `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/x"},"Action":"sts:AssumeRoleWithSAML","Condition":{"ForAllValues:StringLike":{"saml:edupersonaffiliation":["student"]}}}`, ""},
		{policy.Trust, `{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","translate.aws.internal"]},"Action":"sts:AssumeRole"}`, ""},
		{policy.Identity, `{"Effect":"Allow","Action":["sts:GetFederationToken","sts:TagSession"],"Resource":"arn:aws:sts::111122223333:federated-user/*"}`, ""},
		{policy.Resource, `{"Effect":"Deny","Principal":"*","Action":"iam:*","Resource":"*","Condition":{"StringNotEquals":{"aws:VpceAccount":"111122223333","AWS:SourceOwner":"111122223333"}}}`, ""},
		{policy.Identity, `{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringNotEquals":{"aws:Ec2InstanceSourcePrivateIPv4":"${aws:VpcSourceIp}"},"DateLessThan":{"aws:EpochTime":"1700000000"}}}`, ""},
	} {
		var got []string
		for _, f := range policy.Lint(policy.Attachment{Kind: c.kind}, []byte(`{"Version":"2012-10-17","Statement":`+c.statement+`}`),
			catalogue.Builtin()) {
			got = append(got, f.Code)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.statement, got, c.want)
		}
	}
}

// TestLintIsTotal asks for no more than an answer, with places that exist, about any policy and any text.
func TestLintIsTotal(t *testing.T) {
	known := testCatalogue(t)
	rapid.Check(t, func(t *rapid.T) {
		d := newDrawer(t)
		kind := policy.Kind(d.index(7))
		text := d.document(kind)
		for _, f := range policy.Lint(policy.Attachment{Kind: kind}, []byte(text), known) {
			if f.Line != 1 || f.Column < 1 || f.Column > len(text) || f.Code == "" || f.Message == "" || f.Code == policy.CodeMalformed {
				t.Fatalf("%+v\n%s", f, text)
			}
		}
		if n := d.index(len(text)); len(policy.Lint(policy.Attachment{Kind: kind}, []byte(text[:n]), known)) == 0 {
			t.Fatalf("nothing is found about %s", text[:n])
		}
	})
}

// TestLintIsBounded looks through the largest texts that compare most with each other.
func TestLintIsBounded(t *testing.T) {
	known := catalogue.Builtin()
	list := func(one string, length int) string {
		return `["` + strings.Join(strings.Fields(strings.Repeat(one+" ", length/(len(one)+3))), `","`) + `"]`
	}

	var keys strings.Builder
	for n := range 8_000 {
		fmt.Fprintf(&keys, `"i.d:%d":"",`, n)
	}

	var distinct, providers, claims strings.Builder
	for n := range 8_000 {
		fmt.Fprintf(&distinct, `"iam:*%x*",`, n)
	}

	for n := range 3_000 {
		fmt.Fprintf(&providers, `"idp%d.com",`, n)
		fmt.Fprintf(&claims, `"idp%d.com:aud":"app",`, n)
	}

	statements := strings.TrimSuffix(strings.Repeat(`{"Effect":"Deny","Action":"a:b","Resource":"*"},`, 2700), ",")
	for name, text := range map[string]string{
		"actions":         `{"Effect":"Allow","Resource":"*","Action":` + list("a:b", 130_000) + `}`,
		"unknown actions": `{"Effect":"Allow","Resource":"*","Action":` + list("iam:Gxx", 130_000) + `}`,
		"resources": `{"Effect":"Allow","Action":` + list("iam:GetUser", 65_000) + `,"Resource":` +
			list("arn:aws:s3:::*a*b*c", 65_000) + `}`,
		"long resources": `{"Effect":"Allow","Action":"iam:GetUser","Resource":` +
			list("arn:aws:iam::111122223333:group/"+strings.Repeat("a*", 60)+"b", 130_000) + `}`,
		"statements": statements,
		"patterns": `{"Effect":"Allow","Resource":"arn:aws:iam::111122223333:user/*","Action":[` + distinct.String() +
			`"iam:*"],"Condition":{"StringEquals":{"iam:PassedToService":"a","iam:AWSServiceName":"b"}}}`,
		"role actions": `{"Effect":"Allow","NotAction":[` + distinct.String() + `"iam:x"],"NotResource":` +
			list("arn:aws:iam::111122223333:role/*", 30_000) + `}`,
		"long path": `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NumericEquals":{"aws:` +
			strings.Repeat("k", 60_000) + `":` + list("x", 60_000) + `}}}`,
		"variables": `{"Effect":"Allow","Action":"iam:GetUser","Resource":` + list("arn:aws:s3:::"+strings.Repeat("${", 100),
			130_000) + `}`,
		"values": `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":` +
			list("*", 130_000) + `}}}`,
		"value variables": `{"Sid":"","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":` +
			list("${aws:userid}", 130_000) + `}}}`,
		"key variables": `{"Sid":"","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":` +
			list("${a.:b}", 130_000) + `}}}`,
		"trust": `{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":[` + providers.String() +
			`"x.com"]},"Condition":{"StringEquals":{` + claims.String() + `"y.com:aud":"app"}}}`,
		"condition keys": `{"Sid":"","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{` + keys.String() +
			`"a.b:c":"d"}}}`,
	} {
		kind := policy.Identity
		if name == "trust" {
			kind = policy.Trust
		}
		findings := policy.Lint(policy.Attachment{Kind: kind}, []byte(`{"Version":"2012-10-17","Statement":[`+text+`]}`), known)
		if len(findings) == 0 || len(findings) > 100 || findings[0].Code == policy.CodeMalformed {
			t.Errorf("%s: %d findings, %+v", name, len(findings), findings[:min(1, len(findings))])
		}
		if size := len(fmt.Sprint(findings)); size > 200_000 {
			t.Errorf("%s: %d bytes of findings", name, size)
		}
	}
}

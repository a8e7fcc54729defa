package policy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/policy"
)

func testCatalogue(t testing.TB) *policy.Catalogue {
	t.Helper()
	c, err := policy.ParseCatalogue([]byte(`{
		"services": {"iam": {
			"actions": {"GetUser": {"resources": ["user"]}, "GetGroup": {"resources": ["group"]}, "ListUsers": {}, "PassRole": {"resources": ["role"]}},
			"resources": {"user": "arn:*:iam::*:user/*", "group": "arn:*:iam::*:group/*", "role": "arn:*:iam::*:role/*"}}},
		"keys": {"aws:username": "String", "aws:SourceIp": "IPAddress", "aws:TagKeys": "ArrayOfString", "aws:RequestTag/*": "String",
			"aws:MultiFactorAuthPresent": "Bool", "aws:EpochTime": "Date", "aws:PrincipalArn": "ARN", "aws:MultiFactorAuthAge": "Numeric",
			"iam:PassedToService": "String"}}`))
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
	{0, `{"Effect":"Allow","Action":["iam:GetUser","jobs:Run"],"Resource":"*"}`, `WARNING INVALID_SERVICE_IN_ACTION Statement[0].Action[1]`},
	{0, `{"Effect":"Allow","Action":"iam:GetUzer","Resource":"*"}`, `ERROR INVALID_ACTION Statement[0].Action`},
	{0, `{"Effect":"Deny","NotAction":"iam:Grant*","Resource":"*"}`, `ERROR INVALID_ACTION Statement[0].NotAction`},
	{0, `{"Effect":"Allow","NotAction":"iam:GetUser","Resource":"*"}`, `SECURITY_WARNING ALLOW_WITH_NOT_ACTION Statement[0].NotAction`},
	{0, `{"Effect":"Allow","Action":["iam:GetUser","iam:Get*"],"Resource":"*"}`, `SUGGESTION REDUNDANT_ACTION Statement[0].Action[0]`},
	{0, `{"Effect":"Allow","Action":["iam:GetUser","IAM:getuser"],"Resource":"*"}`, `SUGGESTION REDUNDANT_ACTION Statement[0].Action[1]`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::1:user/a?","arn:aws:iam::1:user/*"]}`, `SUGGESTION REDUNDANT_RESOURCE Statement[0].Resource[0]`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::1:user/a*","arn:aws:iam::1:user/a?"]}`, `SUGGESTION REDUNDANT_RESOURCE Statement[0].Resource[1]`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":["arn:aws:iam::1:user/a?","arn:aws:iam::1:user/a*b"]}`, ``},
	{0, `{"Effect":"Allow","Action":["iam:GetUser","iam:GetGroup"],"Resource":"arn:aws:iam::1:user/a"}`, `ERROR RESOURCE_TYPE_MISMATCH Statement[0].Action[1]`},
	{0, `{"Effect":"Allow","Action":"iam:ListUsers","Resource":"arn:aws:iam::1:user/a"}`, `ERROR RESOURCE_TYPE_MISMATCH Statement[0].Action`},
	{0, `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}`, `SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_RESOURCE Statement[0].Action`},
	{0, `{"Effect":"Allow","Action":["iam:GetUser","iam:Pass*"],"Resource":"*"}`, `SECURITY_WARNING PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE Statement[0].Action[1]`},
	{0, `{"Effect":"Allow","Action":"iam:PassRole","NotResource":"arn:aws:iam::1:role/a"}`, `SECURITY_WARNING PASS_ROLE_WITH_NOT_RESOURCE Statement[0].Action`},
	{0, `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`, ``},
	{0, `{"Sid":"","Effect":"Allow","Action":"iam:GetUser","Resource":"*"}`, `SUGGESTION EMPTY_SID_VALUE Statement[0].Sid`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{}}`, `SUGGESTION EMPTY_OBJECT_CONDITION Statement[0].Condition`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:username":[]}}}`, `SUGGESTION EMPTY_ARRAY_CONDITION Statement[0].Condition.StringEquals.aws:username`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:Sourcelp":"a"}}}`, `ERROR INVALID_GLOBAL_CONDITION_KEY Statement[0].Condition.StringEquals.aws:Sourcelp`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"iam:None":"a"}}}`, `ERROR INVALID_SERVICE_CONDITION_KEY Statement[0].Condition.StringEquals.iam:None`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"jobs:Queue":"a"}}}`, `WARNING INVALID_SERVICE_IN_CONDITION_KEY Statement[0].Condition.StringEquals.jobs:Queue`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"idp.example.com:sub":"a"}}}`, ``},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"username":"a"}}}`, `ERROR INVALID_CONDITION_KEY_FORMAT Statement[0].Condition.StringEquals.username`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:usrname}"}`, `ERROR INVALID_GLOBAL_CONDITION_KEY Statement[0].Resource`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:TagKeys}"}`, `ERROR MULTIVALUED_VARIABLE Statement[0].Resource`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"NumericEquals":{"aws:MultiFactorAuthAge":"${aws:EpochTime}"}}}`, `ERROR INVALID_VARIABLE_FOR_OPERATOR Statement[0].Condition.NumericEquals.aws:MultiFactorAuthAge`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":[300,"5m"]}}}`, `ERROR TYPE_MISMATCH Statement[0].Condition.NumericLessThan.aws:MultiFactorAuthAge[1]`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"Null":{"aws:username":"no"}}}`, `ERROR TYPE_MISMATCH Statement[0].Condition.Null.aws:username`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.1.2.3/8"}}}`, `SUGGESTION IMPROVE_IP_RANGE Statement[0].Condition.IpAddress.aws:SourceIp`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:SourceIp":"10.1.2.3"}}}`, `ERROR DATA_TYPE_MISMATCH Statement[0].Condition.StringEquals.aws:SourceIp`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":"*a"}}}`, ``},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"StringEquals":{"aws:TagKeys":"a"}}}`, `ERROR MISSING_QUALIFIER Statement[0].Condition.StringEquals.aws:TagKeys`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:RequestTag/a":"a"}}}`, `SECURITY_WARNING FORALLVALUES_WITH_SINGLE_VALUED_KEY Statement[0].Condition.ForAllValues:StringEquals.aws:RequestTag/a`},
	{0, `{"Effect":"Deny","Action":"iam:GetUser","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":false}}}`, `SECURITY_WARNING MFA_KEY_MAY_BE_ABSENT Statement[0].Condition.Bool.aws:MultiFactorAuthPresent`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}}`, `SECURITY_WARNING MFA_KEY_MAY_BE_ABSENT Statement[0].Condition.BoolIfExists.aws:MultiFactorAuthPresent`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},{"Effect":"Allow","Action":"iam:get*","Resource":"*"}`, `SUGGESTION REDUNDANT_STATEMENT Statement[0]`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}`, `SUGGESTION REDUNDANT_STATEMENT Statement[1]`},
	{0, `{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"},{"Effect":"Deny","Action":"iam:GetUser","Resource":"*"}`, ``},
	{policy.Trust, `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}`, `SECURITY_WARNING ALLOW_EVERYONE Statement[0].Principal WARNING INVALID_SERVICE_IN_ACTION Statement[0].Action`},
	{policy.Resource, `{"Effect":"Allow","Action":"iam:GetUser","NotPrincipal":{"AWS":"111122223333"}}`, `SECURITY_WARNING ALLOW_WITH_NOT_PRINCIPAL Statement[0].NotPrincipal`},
	{policy.Resource, `{"Effect":"Deny","Action":"iam:GetUser","Principal":{}}`, `SUGGESTION EMPTY_OBJECT_PRINCIPAL Statement[0].Principal`},
	{policy.Resource, `{"Effect":"Deny","Action":"iam:GetUser","Principal":{"AWS":[]}}`, `SUGGESTION EMPTY_ARRAY_PRINCIPAL Statement[0].Principal.AWS`},
}

func TestLint(t *testing.T) {
	catalogue := testCatalogue(t)
	seen := map[string]bool{}
	for _, c := range lintCases {
		findings := policy.Lint(policy.Attachment{Kind: c.kind}, []byte(`{"Version":"2012-10-17","Statement":[`+c.statement+`]}`), catalogue)
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
			"1:1  MISSING_VERSION, 3:14 Statement.Resource VARIABLE_WITH_OLD_VERSION",
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
			a.MaxSize = 131072 - 1
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
		if !strings.HasPrefix(last.Code, "POLICY_SIZE_EXCEEDS_") || last.Line != 2 || last.Column != a.MaxSize+1-len(`{"Version":"2012-10-17",`) {
			t.Errorf("%s: %+v", name, last)
		}
	}
	source, err := os.ReadFile("lint.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"([A-Z]+(?:_[A-Z]+)+)"`).FindAllStringSubmatch(string(source), -1) {
		if !seen[m[1]] && m[1] != string(policy.ClassSecurityWarning) {
			t.Errorf("no case has the finding %s", m[1])
		}
	}
}

func TestLintHints(t *testing.T) {
	for action, want := range map[string]string{"iam:GetUzer": "is GetUser meant?", "iam:getgrup": "is GetGroup meant?", "iam:Nothing": "", "iam:GetUserXXXX": ""} {
		findings := policy.Lint(policy.Attachment{}, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"`+action+`","Resource":"*"}}`), testCatalogue(t))
		if len(findings) != 1 || findings[0].Hint != want {
			t.Errorf("%s: %+v, want the hint %q", action, findings, want)
		}
	}
}

func TestCatalogue(t *testing.T) {
	for text, want := range map[string]string{
		`{"services":{"a":{"actions":{"B":{"resources":["c"]}}}}}`: `catalogue: action a:B has resources of type "c", which a does not have`,
		`{"services":{"a":{"resources":{"c":"d"}}}}`:               `catalogue: resource type c of a: "d" is not the pattern of an ARN`,
		`{"keys":{"a:b":"Text"}}`:                                  `catalogue: condition key a:b has the unknown type "Text"`,
		`{"other":1}`:                                              `catalogue: json: unknown field "other"`,
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

// TestLintIsTotal asks for no more than an answer, with places that exist, about any policy and any text.
func TestLintIsTotal(t *testing.T) {
	catalogue := testCatalogue(t)
	rapid.Check(t, func(t *rapid.T) {
		d := newDrawer(t)
		kind := policy.Kind(d.index(7))
		text := d.document(kind)
		for _, f := range policy.Lint(policy.Attachment{Kind: kind}, []byte(text), catalogue) {
			if f.Line != 1 || f.Column < 1 || f.Column > len(text) || f.Code == "" || f.Message == "" || f.Code == policy.CodeMalformed {
				t.Fatalf("%+v\n%s", f, text)
			}
		}
		if n := d.index(len(text)); len(policy.Lint(policy.Attachment{Kind: kind}, []byte(text[:n]), catalogue)) == 0 {
			t.Fatalf("nothing is found about %s", text[:n])
		}
	})
}

// TestLintIsBounded looks through the largest texts that compare most with each other.
func TestLintIsBounded(t *testing.T) {
	catalogue := testCatalogue(t)
	list := func(one string, length int) string {
		return `["` + strings.Join(strings.Fields(strings.Repeat(one+" ", length/(len(one)+3))), `","`) + `"]`
	}
	var keys strings.Builder
	for n := range 8_000 {
		fmt.Fprintf(&keys, `"i.d:%d":"",`, n)
	}
	statements := strings.TrimSuffix(strings.Repeat(`{"Effect":"Deny","Action":"a:b","Resource":"*"},`, 2700), ",")
	for name, text := range map[string]string{
		"actions":         `{"Effect":"Allow","Resource":"*","Action":` + list("a:b", 130_000) + `}`,
		"unknown actions": `{"Effect":"Allow","Resource":"*","Action":` + list("iam:Gxx", 130_000) + `}`,
		"resources":       `{"Effect":"Allow","Action":` + list("iam:GetUser", 65_000) + `,"Resource":` + list("arn:aws:s3:::*a*b*c", 65_000) + `}`,
		"long resources":  `{"Effect":"Allow","Action":"iam:GetUser","Resource":` + list("arn:aws:iam::1:group/"+strings.Repeat("a*", 60)+"b", 130_000) + `}`,
		"statements":      statements,
		"condition keys":  `{"Sid":"","Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{` + keys.String() + `"a.b:c":"d"}}}`,
	} {
		findings := policy.Lint(policy.Attachment{}, []byte(`{"Version":"2012-10-17","Statement":[`+text+`]}`), catalogue)
		if len(findings) == 0 || len(findings) > 100 || findings[0].Code == policy.CodeMalformed {
			t.Errorf("%s: %d findings, %+v", name, len(findings), findings[:min(1, len(findings))])
		}
	}
}

package policytest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/policy"
	"github.com/touchstone-iam/touchstone/policy/policytest"
)

// TestGuide runs the suites of the guide's self-management policies, which the documentation shows as examples.
func TestGuide(t *testing.T) {
	results, err := policytest.Run("../../docs/policies", catalogue.Builtin())
	if err != nil {
		t.Fatal(err)
	}

	for n := range results {
		if results[n].Failed() {
			t.Error(&results[n])
		}
	}

	names, err := filepath.Glob("../../docs/policies/*")
	if err != nil {
		t.Fatal(err)
	}

	forms := make(map[string]int)
	tested := 0
	for _, name := range names {
		if policytest.IsSuite(name) {
			tested++
			forms[filepath.Ext(name)]++
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if findings := policy.Lint(policy.Attachment{}, text, catalogue.Builtin()); len(findings) > 0 {
			t.Errorf("%s: %+v", name, findings)
		}
		if formatted, err := policy.Format(text); err != nil || string(formatted) != string(text) {
			t.Errorf("%s is not in its canonical form: %v", name, err)
		}
	}

	if tested*2 != len(names) || len(results) < 80 || len(forms) != 2 {
		t.Errorf("%d suites for %d policies, %d decisions, forms %v", tested, len(names)-tested, len(results), forms)
	}
}

// write makes a folder with files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const allowAll = `{"Version":"2012-10-17","Statement":{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}}`

func TestRun(t *testing.T) {
	dir := write(t, map[string]string{
		"all.json": allowAll,
		"a.test.json": `{
			"policies": {
				"identity": ["all.json"], "boundary": ["all.json"], "session": ["all.json", ` + allowAll + `],
				"serviceControl": [["all.json"], ["all.json"]],
				"resourceControl": [[{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Null": {"x": "false"}}}}]]
			},
			"principal": "arn:aws:sts::111122223333:assumed-role/App/s1", "issuer": "arn:aws:iam::111122223333:role/path/App",
			"context": {"x": [1, true, "a"]},
			"tests": [
				{"name": "file's context", "action": ["a:b", "a:c"], "resource": ["*", "arn:aws:s3:::x"], "expect": "allowed", "by": "All"},
				{"name": "absent key", "action": "a:b", "context": {"x": null}, "expect": "implicitDeny"},
				{"name": "other principal", "principal": "arn:aws:iam::444455556666:root", "action": "a:b", "resource": "arn:aws:sqs::111122223333:q", "expect": "implicitDeny"},
				{"name": "other account", "action": "a:b", "resourceAccount": "444455556666", "expect": "implicitDeny"}
			]}`,
		"b.test.json": `{"policies": {"trust": [{"Statement": {"Effect": "Allow", "Principal": {"Federated": "accounts.google.com"}, "Action": "sts:AssumeRoleWithWebIdentity"}}]},
			"principal": "accounts.google.com",
			"tests": [{"name": "trust", "action": "sts:AssumeRoleWithWebIdentity", "resource": "arn:aws:iam::111122223333:role/x", "expect": "allowed"}]}`,
		"ignored.json": `nonsense`,
	})

	results, err := policytest.Run(dir, catalogue.Builtin())
	if err != nil {
		t.Fatal(err)
	}

	for n := range results {
		if results[n].Failed() {
			t.Error(&results[n])
		}
	}

	if len(results) != 8 {
		t.Errorf("%d results", len(results))
	}
}

// Of many faulty policies the first are told.
func TestManyFaults(t *testing.T) {
	dir := write(t,
		map[string]string{"x.test.json": `{"policies":{"identity":[0` + strings.Repeat(",0", 200_000) + `]},"tests":[{"name":"a"}]}`})
	_, err := policytest.Run(dir, nil)
	if err == nil || strings.Count(err.Error(), "\n") != 99 {
		t.Errorf("%.300v", err)
	}
}

func TestRunErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                     `unexpected EOF`,
		"{\n,":                  `line 2: invalid character ','`,
		"{\"principal\":\n\n1}": `line 3: principal cannot be a number`,
		"{\"tests\":[]}\n[]":    `line 2: there is text after the end`,
		"{\"tests\":[{\n\"name\":\"a\",\"name\":\"b\"}]}":                                                              `line 2: key "name" occurs twice in one object`,
		`{"context":{"a":"","A":""},"tests":[{"name":"a","action":"a:b","principal":"anonymous","expect":"allowed"}]}`: `line 1: key "a" occurs twice in one object`,
		`{"tests":"` + strings.Repeat("x", 1<<20) +
			`"}`: `has more than 1048576 bytes`,
		strings.Repeat("[",
			500_000): "line 1: invalid character '[' exceeded max depth",
		`{"other":1}`:              `line 1: there is no field "other"`,
		`{"tests":[]}`:             `there are no tests`,
		`{"tests":[{}]}`:           `test number 1 has no name`,
		`{"tests":[{"name":"a"}]}`: `test "a": expect is allowed, explicitDeny or implicitDeny, not ""`,
		`{"tests":[{"name":"a","expect":"allowed"}]}`:                                                                                       `test "a": there is no action`,
		`{"tests":[{"name":"a","expect":"allowed","action":"a:b"}]}`:                                                                        `"" is not a principal`,
		`{"tests":[{"name":"a","expect":"allowed","action":{"a":1}}]}`:                                                                      `is not a string, a number, a boolean or a list of them`,
		`{"policies":{"identity":["none.json"]},"tests":[{"name":"a"}]}`:                                                                    `none.json`,
		`{"policies":{"identity":[{}],"boundary":[{"Statement":[]}]},"tests":[{"name":"a"}]}`:                                               `identity-based policy 0: line 1: Syntax errors in policy. (Statement is missing)`,
		"{\n\"tests\":[{\"nam\":\"a\"}]}":                                                                                                   `line 2: there is no field "nam"`,
		`{"policies":{"identity":[{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}]},"tests":[{"name":"a","action":"GetUser"}]}`: `test "a": "GetUser" is not of the form service:Action`,
		`{"tests":[{"name":"a","action":"iam:*"}]}`:                                                                                         `test "a": "iam:*" has a wildcard: name each action`,
		`{"policies":{"identity":{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}},"tests":[{"name":"a","action":["s3:Any","IAM:deactivatemfadevices"]}]}`: `test "a": service IAM has no action deactivatemfadevices (is DeactivateMFADevice meant?)`,
		"{\"tests\":[{\"name\":\"a\",\"expect\":\"allowed\",\n\"Expect\":\"implicitDeny\"}]}":                                                                         `line 2: key "expect" occurs twice`,
		"{\"tests\":[],\n\"Tests\":[]}":                                      `line 2: key "tests" occurs twice`,
		`{"policies":{"identity":"{\"Version\":1}"},"tests":[{"name":"a"}]}`: `"{\"Version\":1}" is not the name of a file`,
		`{"tests":[{"name":"a","expect":"allowed","principal":"anonymous","action":["a:b"` + strings.Repeat(`,"a:b"`, 999) +
			`],"resource":["*"` + strings.Repeat(`,"*"`, 999) + `]}]}`: `a file has at most 100000 requests`,
		`{"policies":{"trust":[],"resource":[]},"tests":[{"name":"a"}]}`: `not both`,
	} {
		dir := write(t, map[string]string{"x.test.json": text})
		if _, err := policytest.Run(dir, catalogue.Builtin()); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "x.test.json: ") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}

	if _, err := policytest.Run(t.TempDir(), nil); err == nil {
		t.Error("a folder without tests passes")
	}
	if _, err := policytest.Run("testdata/none", nil); err == nil {
		t.Error("a missing folder passes")
	}
}

func TestParsePrincipal(t *testing.T) {
	for text, want := range map[string]policy.Principal{
		"anonymous":                      {},
		"ec2.amazonaws.com":              {Service: "ec2.amazonaws.com"},
		"accounts.google.com":            {Federated: "accounts.google.com"},
		"cognito-identity.amazonaws.com": {Federated: "cognito-identity.amazonaws.com"},
		"arn:aws:iam::1:saml-provider/p": {Federated: "arn:aws:iam::1:saml-provider/p"},
		"arn:aws:iam::1:user/path/alice": {ARN: "arn:aws:iam::1:user/path/alice", AccountID: "1"},
		"arn:aws:iam::1:root":            {ARN: "arn:aws:iam::1:root", AccountID: "1", Root: true},
		"arn:aws:sts::1:assumed-role/App/s": {
			ARN: "arn:aws:sts::1:assumed-role/App/s", AccountID: "1",
			Issuer: "arn:aws:iam::1:role/App",
		},
		"arn:aws:sts::1:federated-user/alice": {
			ARN: "arn:aws:sts::1:federated-user/alice", AccountID: "1",
			Issuer: "arn:aws:iam::1:user/alice",
		},
	} {
		if got, err := policytest.ParsePrincipal(text, ""); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}

	for _, text := range []string{
		"", "alice", "*", "arn:aws:iam::1:role/x", "arn:aws:iam::1:group/x", "arn:aws:iam::1:user/",
		"arn:aws:sts::1:assumed-role/x",
	} {
		if got, err := policytest.ParsePrincipal(text, ""); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// TestContext looks at one condition key of each kind of principal; package policy tests them all.
func TestContext(t *testing.T) {
	for _, c := range []struct{ principal, key, want string }{
		{"anonymous", "aws:PrincipalType", "Anonymous"},
		{"ec2.amazonaws.com", "aws:PrincipalIsAWSService", "true"},
		{"ec2.amazonaws.com", "aws:PrincipalType", ""},
		{"ec2.amazonaws.com", "aws:PrincipalAccount", ""},
		{"arn:aws:iam::1:saml-provider/p", "aws:PrincipalAccount", "1"},
		{"arn:aws:iam::1:user/path/alice", "aws:username", "alice"},
		{"arn:aws:iam::1:user/path/alice", "aws:ViaAWSService", "false"},
		{"arn:aws:iam::1:user/path/alice", "aws:MultiFactorAuthPresent", ""},
		{"arn:aws:sts::1:assumed-role/App/s", "aws:PrincipalArn", "arn:aws:iam::1:role/App"},
		{"arn:aws:sts::1:assumed-role/App/s", "aws:MultiFactorAuthPresent", "false"},
		{"arn:aws:sts::1:federated-user/alice", "aws:userid", "1:alice"},
		{"arn:aws:sts::1:federated-user/alice", "aws:MultiFactorAuthPresent", "false"},
	} {
		p, err := policytest.ParsePrincipal(c.principal, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := policytest.Context(&p).Get(c.key); strings.Join(got, ",") != c.want {
			t.Errorf("%s: %s is %q, want %q", c.principal, c.key, got, c.want)
		}
	}
}

func TestReports(t *testing.T) {
	dir := write(t, map[string]string{
		"all.json": allowAll,
		"x.test.json": `{"policies": {"identity": ["all.json"]}, "principal": "arn:aws:iam::111122223333:user/alice", "tests": [
			{"name": "right", "action": "a:b", "expect": "allowed"},
			{"name": "wrong # <b>", "action": "a:b", "expect": "explicitDeny", "by": "No"},
			{"name": "other statement", "action": "a:b", "expect": "allowed", "by": "No"}]}`,
	})

	results, err := policytest.Run(dir, catalogue.Builtin())
	if err != nil {
		t.Fatal(err)
	}

	for n := range results {
		results[n].File = "x.test.json"
	}

	var tap, junit strings.Builder
	if err := policytest.WriteTAP(&tap, results); err != nil {
		t.Fatal(err)
	}
	if err := policytest.WriteJUnit(&junit, results); err != nil {
		t.Fatal(err)
	}

	const wantTAP = `TAP version 13
1..3
ok 1 - x.test.json: right: a:b on *
not ok 2 - x.test.json: wrong \# <b>: a:b on *
# x.test.json: wrong # <b>
#     a:b on *
#   - explicitDeny by No
#   + allowed by All
#     all.json, statement 0 (All): applies: allowed
not ok 3 - x.test.json: other statement: a:b on *
# x.test.json: other statement
#     a:b on *
#   - allowed by No
#   + allowed by All
#     all.json, statement 0 (All): applies: allowed
`

	if tap.String() != wantTAP {
		t.Errorf("%s", &tap)
	}

	for _, want := range []string{
		`<testsuite name="x.test.json" tests="3" failures="2">`, `<testcase classname="x.test.json" name="right: a:b on *"></testcase>`,
		`<failure message="want explicitDeny by No, got allowed by All">x.test.json: wrong # &lt;b&gt;`,
	} {
		if !strings.Contains(junit.String(), want) {
			t.Errorf("no %s in\n%s", want, &junit)
		}
	}
}

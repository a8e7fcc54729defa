package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/touchstone-iam/touchstone/policy"
)

func TestParse(t *testing.T) {
	text := `{
  "Version": "2012-10-17", "Id": "an id",
  "Statement": {
    "Sid": "A1", "Effect": "Deny", "NotPrincipal": {"AWS": ["123456789012"], "Service": "ec2.amazonaws.com"},
    "NotAction": "s3:Get*", "NotResource": ["*"],
    "Condition": {"NumericEqualsIfExists": {"s3:max-keys": [10, "1e1"]}, "Bool": {"aws:SecureTransport": true}, "Nonsense": {}}
  }
}`

	got, err := policy.Parse(policy.Resource, []byte(text))
	if err != nil {
		t.Fatal(err)
	}

	want := &policy.Document{Kind: policy.Resource, Version: "2012-10-17", ID: "an id", Statements: []policy.Statement{{
		SID: "A1", Effect: policy.ExplicitDeny,
		NotPrincipal: &policy.Principals{AWS: []string{"123456789012"}, Service: []string{"ec2.amazonaws.com"}},
		NotActions:   []string{"s3:Get*"}, NotResources: []string{"*"},
		Conditions: []policy.Condition{
			{Operator: "NumericEqualsIfExists", Key: "s3:max-keys", Values: []string{"10", "1e1"}},
			{Operator: "Bool", Key: "aws:SecureTransport", Values: []string{"true"}},
		},
		Start: policy.Position{Line: 3, Column: 16}, End: policy.Position{Line: 7, Column: 4},
	}}}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestParseAccepts lists what looks wrong and is stored all the same.
func TestParseAccepts(t *testing.T) {
	for name, c := range map[string]struct {
		kind policy.Kind
		text string
	}{
		"no version":                 {policy.Identity, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`},
		"unknown action":             {policy.Identity, statement(`"Action":"nosuch:Thing","Resource":"*"`)},
		"any service":                {policy.Identity, statement(`"Action":"*:*","Resource":"*"`)},
		"id in an identity policy":   {policy.Identity, `{"Id":"x","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`},
		"resource of sts:AssumeRoot": {policy.Identity, statement(`"Action":"sts:AssumeRoot","Resource":"arn:aws:iam::*:root"`)},
		"any partition":              {policy.Identity, statement(`"Action":"*","Resource":"arn:*:s3:::x"`)},
		"value of another type": {
			policy.Identity,
			statement(`"Action":"*","Resource":"*","Condition":{"NumericEquals":{"a":"x"},"IpAddress":{"a":"x"}}`),
		},
		"empty list of values": {policy.Identity, statement(`"Action":"*","Resource":"*","Condition":{"StringEquals":{"a":[]}}`)},
		"escapes":              {policy.Identity, statement(`"Action":"*","Resource":"arn:aws:s3:::\u0061\ud83d\ude00\n"`)},
		"the longest":          {policy.Identity, longest},
		"equal empty sids": {
			policy.Identity,
			`{"Statement":[{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"}]}`,
		},
		"trust everyone": {
			policy.Trust,
			statement(`"Action":["sts:AssumeRole","sts:TagSession","sts:*"],"Principal":{"AWS":"*","Federated":"accounts.google.com"}`),
		},
		"trust by unique id": {policy.Trust, statement(`"Action":"sts:AssumeRole","Principal":{"AWS":"AIDACKCEVSQ6C2EXAMPLE"}`)},
		"no resource":        {policy.Resource, statement(`"Action":"ecr:*","Principal":"*"`)},
		"sid with spaces":    {policy.Resource, statement(`"Sid":"a b","Action":"s3:*","Principal":"*","Resource":"*"`)},
	} {
		if _, err := policy.Parse(c.kind, []byte(c.text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var longest = func() string {
	text := `{"Id":"","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	return strings.Replace(text, `""`, `"`+strings.Repeat("é", 131072-len(text))+`"`, 1)
}()

func statement(elements string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + elements + `}]}`
}

const syntaxErrors = "Syntax errors in policy."

func TestParseViolations(t *testing.T) {
	const noVendor = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	for _, c := range []struct {
		name, text string
		kind       policy.Kind
		want       []policy.Violation
	}{
		{"empty", ``, policy.Identity, violations(1, 1, "", syntaxErrors)},
		{
			"resource control for some", `{"Statement":{"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"*","Resource":"*"}}`,
			policy.ResourceControl,
			violations(1, 43, "Statement", syntaxErrors),
		},
		{
			"resource control for others", `{"Statement":{"Effect":"Deny","NotPrincipal":"*","Action":"*","Resource":"*"}}`,
			policy.ResourceControl,
			violations(1, 31, "Statement", "Has prohibited field NotPrincipal."),
		},
		{"not an object", `[]`, policy.Identity, violations(1, 1, "", syntaxErrors)},
		{"two documents", "{}\n {}", policy.Identity, violations(2, 2, "", syntaxErrors)},
		{
			"duplicate key far down", "{" + numbered(1000, `"k%d":0`) + ",\n\"k17\":0}", policy.Identity,
			violations(2, 1, "", syntaxErrors),
		},
		{"trust json", `{`, policy.Trust, violations(1, 2, "", "This policy contains invalid Json")},
		{
			"duplicate key", "{\"Version\":\"2012-10-17\",\n\"Version\":\"2012-10-17\"}", policy.Identity,
			violations(2, 1, "", syntaxErrors),
		},
		{"duplicate by escape", `{"Id":"","\u0049d":""}`, policy.Identity, violations(1, 10, "", syntaxErrors)},
		{"trailing comma", `{"Id":"",}`, policy.Identity, violations(1, 10, "", syntaxErrors)},
		{"utf-8", "{\"Id\":\"\xff\"}", policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"utf-8 cut off", "{\"Id\":\"\xc3", policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"utf-8 overlong", "{\n\"Id\":\"é\xc0\xaf\"}", policy.Identity, violations(2, 8, "", syntaxErrors)},
		{"utf-8 of a surrogate", "{\"Id\":\"\xed\xa0\xbd\"}", policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"utf-8 outside strings", "\xff", policy.Identity, violations(1, 1, "", syntaxErrors)},
		{"byte order mark", "\ufeff{}", policy.Identity, violations(1, 1, "", syntaxErrors)},
		{"nul", "{\"Id\":\"\x00\"}", policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"escaped nul", `{"Id":"\u0000"}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"beyond latin", `{"Id":"é☃"}`, policy.Identity, violations(1, 9, "", syntaxErrors)},
		{"line feed in string", "{\"Id\":\"a\nb\"}", policy.Identity, violations(1, 9, "", syntaxErrors)},
		{"high surrogate", `{"Id":"\ud83d"}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"low surrogate", `{"Id":"\ude00"}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"two high surrogates", `{"Id":"\ud83d\ud83d"}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"high surrogate and a letter", `{"Id":"é\ud83d\u0041"}`, policy.Identity, violations(1, 9, "", syntaxErrors)},
		{"surrogates in the wrong order", `{"Id":"\ude00\ud83d"}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"lone surrogate in a key", "{\n \"\\ud83d\":0}", policy.Identity, violations(2, 3, "", syntaxErrors)},
		{"escape", `{"Id":"\x"}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"huge number", `{"Id":1e999}`, policy.Identity, violations(1, 7, "", syntaxErrors)},
		{"huge negative number", `{"Id":-1e999}`, policy.Identity, violations(1, 7, "", syntaxErrors)},
		{"tiny number", `{"Id":1e-999}`, policy.Identity, violations(1, 7, "", syntaxErrors)},
		{"huge exponent", `{"Id":1E9999999999}`, policy.Identity, violations(1, 7, "", syntaxErrors)},
		{
			"huge number in a condition",
			statement(`"Action":"*","Resource":"*","Condition":{"NumericEquals":{"a":[1e308,` + "\n" + `1e999]}}`), policy.Identity,
			violations(2, 1, "", syntaxErrors),
		},
		{"no digit after point", `{"Id":1.}`, policy.Identity, violations(1, 9, "", syntaxErrors)},
		{"no exponent", `{"Id":1e+}`, policy.Identity, violations(1, 10, "", syntaxErrors)},
		{"minus", `{"Id":-}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"word", `{"Id":nil}`, policy.Identity, violations(1, 7, "", syntaxErrors)},
		{"key without quotes", `{Id:1}`, policy.Identity, violations(1, 2, "", syntaxErrors)},
		{"no colon", `{"Id" 1}`, policy.Identity, violations(1, 7, "", syntaxErrors)},
		{"hexadecimal digits", `{"Id":"\u00g0"}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"unfinished string", `{"Id":"\"`, policy.Identity, violations(1, 10, "", syntaxErrors)},
		{
			"id type", `{"Id":-1.5E+2,"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`, policy.Identity,
			violations(1, 7, "Id", syntaxErrors),
		},
		{"leading zero", `{"Id":01}`, policy.Identity, violations(1, 8, "", syntaxErrors)},
		{"deep", strings.Repeat("[", 10000), policy.Identity, violations(1, 17, "", syntaxErrors)},
		{"deep object", strings.Repeat(`{"a":`, 10000), policy.Identity, violations(1, 81, "", syntaxErrors)},
		{"too many values", "[" + strings.Repeat("0,", 40_000) + "0]", policy.Identity, violations(1, 2*32767+2, "", syntaxErrors)},
		{
			"one character too long", `{"Id":"` + strings.Repeat("é", 131072-9) + `"}` + " ", policy.Identity,
			violations(1, 131073, "", syntaxErrors),
		},
		{"too long", strings.Repeat(" \n", 100<<20/2), policy.Identity, violations(131072/2+1, 1, "", syntaxErrors)},

		{"no statement", `{"Version":"2012-10-17"}`, policy.Identity, violations(1, 1, "", syntaxErrors)},
		{"empty statement", `{"Statement":[]}`, policy.Identity, violations(1, 14, "Statement", syntaxErrors)},
		{
			"version", `{"Version":"2012-10-18","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, policy.Identity,
			violations(1, 12, "Version", syntaxErrors),
		},
		{
			"unknown element", `{"statement":{},"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, policy.Identity,
			violations(1, 2, "statement", syntaxErrors),
		},
		{
			"unknown in statement", statement(`"Action":"*","Resource":"*","resource":"*"`), policy.Identity,
			violations(1, 84, "Statement[0].resource", syntaxErrors),
		},
		{
			"effect", `{"Statement":{"Effect":"Permit","Action":"*","Resource":"*"}}`, policy.Identity,
			violations(1, 24, "Statement.Effect", syntaxErrors),
		},
		{
			"effect case", `{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}`, policy.Identity,
			violations(1, 24, "Statement.Effect", "The policy failed legacy parsing"),
		},
		{"no effect", `{"Statement":{"Action":"*","Resource":"*"}}`, policy.Identity, violations(1, 14, "Statement", syntaxErrors)},
		{
			"both", `{"Statement":{"Effect":"Deny","Action":"*","NotAction":"*","Resource":"*"}}`, policy.Identity,
			violations(1, 14, "Statement", syntaxErrors),
		},
		{
			"sid", statement(`"Sid":"a b","Action":"*","Resource":"*"`), policy.Identity,
			violations(1, 62, "Statement[0].Sid",
				"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"),
		},
		{
			"sid twice",
			"{\"Statement\":[{\"Sid\":\"a\",\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},\n{\"Sid\":\"a\",\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
			policy.Identity, violations(2, 1, "Statement", "Statement IDs (SID) in a single policy must be unique."),
		},
		{
			"no action", statement(`"Resource":"*"`), policy.Identity,
			violations(1, 38, "Statement[0]", "Policy statement must contain actions."),
		},
		{
			"empty action", statement(`"Action":[],"Resource":"*"`), policy.Identity,
			violations(1, 38, "Statement[0]", "Policy statement must contain actions."),
		},
		{
			"action type", statement(`"Action":["s3:*",1],"Resource":"*"`), policy.Identity,
			violations(1, 73, "Statement[0].Action[1]", syntaxErrors),
		},
		{
			"action vendor", statement(`"Action":"GetUser","Resource":"*"`), policy.Identity,
			violations(1, 65, "Statement[0].Action", noVendor),
		},
		{
			"action colons", statement(`"Action":"iam:Get:User","Resource":"*"`), policy.Identity,
			violations(1, 65, "Statement[0].Action", "Actions/Condition can contain only one colon."),
		},
		{
			"action prefix", statement(`"Action":"co*:GetUser","Resource":"*"`), policy.Identity,
			violations(1, 65, "Statement[0].Action", "Vendor co* is not valid"),
		},
		{
			"resource", statement(`"Action":"*","Resource":"x"`), policy.Identity,
			violations(1, 80, "Statement[0].Resource", `Resource x must be in ARN format or "*".`),
		},
		{
			"resource partition", statement(`"Action":"*","Resource":"arn:a:s3:::x"`), policy.Identity,
			violations(1, 80, "Statement[0].Resource", `Partition "a" is not valid for resource "arn:a:s3:::x".`),
		},
		{
			"resource service", statement(`"Action":"*","Resource":"arn:aws:s*:::x"`), policy.Identity,
			violations(1, 80, "Statement[0].Resource", "Resource vendor must be fully qualified and cannot contain regexes."),
		},
		{
			"resource colons", statement(`"Action":"*","Resource":"arn:aws:s3::x"`), policy.Identity,
			violations(1, 80, "Statement[0].Resource", "The policy failed legacy parsing"),
		},
		{
			"resource region", statement(`"Action":"*","Resource":"arn:aws:iam:r:1:user/x"`), policy.Identity,
			violations(1, 80, "Statement[0].Resource", "IAM resource arn:aws:iam:r:1:user/x cannot contain region information."),
		},
		{
			"no resource", statement(`"Action":"*"`), policy.Identity,
			violations(1, 38, "Statement[0]", "Policy statement must contain resources."),
		},
		{
			"principal", statement(`"Action":"*","Resource":"*","Principal":"*"`), policy.Identity,
			violations(1, 84, "Statement[0]", "Policy document should not specify a principal."),
		},
		{
			"operator", statement(`"Action":"*","Resource":"*","Condition":{"StringIs":{"a":"b"}}`), policy.Identity,
			violations(1, 97, "Statement[0].Condition.StringIs", syntaxErrors),
		},
		{
			"null if exists", statement(`"Action":"*","Resource":"*","Condition":{"NullIfExists":{"a":"true"}}`), policy.Identity,
			violations(1, 97, "Statement[0].Condition.NullIfExists", syntaxErrors),
		},
		{
			"two qualifiers", statement(`"Action":"*","Resource":"*","Condition":{"ForAnyValue:ForAllValues:StringLike":{"a":"true"}}`),
			policy.Identity, violations(1, 97, "Statement[0].Condition.ForAnyValue:ForAllValues:StringLike", syntaxErrors),
		},
		{
			"condition value", statement(`"Action":"*","Resource":"*","Condition":{"Bool":{"a":[true,null]}}`), policy.Identity,
			violations(1, 115, "Statement[0].Condition.Bool.a[1]", syntaxErrors),
		},
		{
			"condition", statement(`"Action":"*","Resource":"*","Condition":[]`), policy.Identity,
			violations(1, 96, "Statement[0].Condition", syntaxErrors),
		},
		{
			"condition of operator", statement(`"Action":"*","Resource":"*","Condition":{"Bool":true}`), policy.Identity,
			violations(1, 104, "Statement[0].Condition.Bool", syntaxErrors),
		},
		{
			"date", statement(`"Action":"*","Resource":"*","Condition":{"DateEquals":{"a":"2024-02-30"}}`), policy.Identity,
			violations(1, 115, "Statement[0].Condition.DateEquals.a", "The policy failed legacy parsing"),
		},
		{
			"wildcards", statement(`"Action":"s3:` + strings.Repeat("?*", 65) + `","Resource":"*"`), policy.Identity,
			violations(1, 65, "Statement[0].Action", syntaxErrors),
		},

		{
			"trust resource", statement(`"Action":"sts:AssumeRole","Resource":"*","Principal":"*"`), policy.Trust,
			violations(1, 82, "Statement[0]", "Has prohibited field Resource."),
		},
		{
			"trust principal", statement(`"Action":"sts:AssumeRole"`), policy.Trust,
			violations(1, 38, "Statement[0]", "Missing required field Principal"),
		},
		{
			"trust action", statement(`"Action":"s3:*","Principal":"*"`), policy.Trust,
			violations(1, 65, "Statement[0].Action", "AssumeRole policy may only specify STS AssumeRole actions."),
		},
		{
			"principal text", statement(`"Action":"sts:AssumeRole","Principal":"me"`), policy.Trust,
			violations(1, 94, "Statement[0].Principal", syntaxErrors),
		},
		{
			"principal kind", statement(`"Action":"sts:AssumeRole","Principal":{"Aws":"*"}`), policy.Trust,
			violations(1, 95, "Statement[0].Principal.Aws", syntaxErrors),
		},
		{
			"trust group", statement(`"Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:group/g"}`), policy.Trust,
			violations(1, 101, "Statement[0].Principal.AWS", `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:group/g"`),
		},
		{
			"trust wildcard", statement(`"Action":"sts:AssumeRole","Principal":{"Service":"*.amazonaws.com"}`), policy.Trust,
			violations(1, 105, "Statement[0].Principal.Service", `Invalid principal in policy: "SERVICE":"*.amazonaws.com"`),
		},

		{
			"all at once, as AWS orders them",
			"{\"Statement\":[\n{\"Effect\":\"Allow\",\"Action\":\"x\",\"Resource\":\"y\"},\n{\"Effect\":\"Maybe\"}]}", policy.Identity,
			[]policy.Violation{
				{Position: policy.Position{Line: 3, Column: 11}, Path: "Statement[1].Effect", Message: syntaxErrors},
				{Position: policy.Position{Line: 3, Column: 1}, Path: "Statement[1]", Message: "Policy statement must contain actions."},
				{
					Position: policy.Position{Line: 2, Column: 43}, Path: "Statement[0].Resource",
					Message: `Resource y must be in ARN format or "*".`,
				},
				{Position: policy.Position{Line: 2, Column: 28}, Path: "Statement[0].Action", Message: noVendor},
				{Position: policy.Position{Line: 3, Column: 1}, Path: "Statement[1]", Message: "Policy statement must contain resources."},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			document, err := policy.Parse(c.kind, []byte(c.text))
			var got policy.Violations
			if !errors.As(err, &got) || document != nil {
				t.Fatalf("Parse = %v, %v; want violations and no document", document, err)
			}
			if diff := cmp.Diff(policy.Violations(c.want), got, cmpopts.IgnoreFields(policy.Violation{}, "Hint"),
				cmpopts.IgnoreUnexported(policy.Violation{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func violations(line, column int, path, message string) []policy.Violation {
	return []policy.Violation{{Position: policy.Position{Line: line, Column: column}, Path: path, Message: message}}
}

func TestViolationsError(t *testing.T) {
	_, err := policy.Parse(policy.Identity, []byte(`{"Statement":{"Effect":"Allow","Action":"x","Resource":"*","Extra":1}}`))
	want := "1:60: Statement.Extra: Syntax errors in policy. (unknown element)\n" +
		"1:41: Statement.Action: Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestToldNames has names that would move a terminal's cursor or turn its text round.
func TestToldNames(t *testing.T) {
	const name = `\u001b[2J\u202e\u009b\n`
	for _, text := range []string{
		`{"` + name + `":0}`,
		statement(`"Action":"` + name + `:x","Resource":"` + name + `"`),
		statement(`"Action":"*","Resource":"*","Condition":{"StringEquals":{"` + name + `":"${` + name + `}"}}`),
		statement(`"Action":"*","Resource":"*","Condition":{"` + name + `":{"a":"b"}}`),
	} {
		findings := policy.Lint(policy.Attachment{}, []byte(text), testCatalogue(t))
		if len(findings) == 0 {
			t.Errorf("nothing is found about %s", text)
		}
		for _, f := range findings {
			if told := f.Path + f.Message + f.Hint; strings.ContainsAny(told, "\x1b\u202e\u009b\n") {
				t.Errorf("%s: %q", text, told)
			}
		}
	}
}

// TestParseBounds reads the worst texts of nearly the largest size; what is told of them must stay small.
func TestParseBounds(t *testing.T) {
	if size := allocated(policy.Identity, strings.Repeat(" \n", 100<<20/2)); size > 1<<20 {
		t.Errorf("%d bytes are allocated for a text of 100 MB", size)
	}
	refused := 0
	for _, f := range parseFamilies {
		_, err := policy.Parse(f.kind, []byte(f.text(130_000)))
		if err == nil {
			continue
		}
		refused++
		if violations := err.(policy.Violations); len(violations) > 100 || len(err.Error()) > 100_000 {
			t.Errorf("%s: %d violations in %d bytes", f.name, len(violations), len(err.Error()))
		}
	}
	if refused < len(parseFamilies)/2 {
		t.Errorf("only %d texts are refused", refused)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]int{
		"":                          0,
		" {\n\t\"a\" : \"b c\"\r} ": 11,
		`{"é \\\" ":" "}`:           15,
	} {
		if got := policy.Size([]byte(text)); got != want {
			t.Errorf("Size(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestParsePrincipals(t *testing.T) {
	for text, want := range map[string]bool{
		"*":                                     true,
		"111122223333":                          true,
		"arn:aws:iam::111122223333:root":        true,
		"arn:aws-cn:iam::111122223333:user/a/b": true,
		"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E": true,
		"arn:aws:sts::111122223333:assumed-role/r/s":                       true,
		"AIDAAAAAAAAAAAAAAAAAA":                                            true,
		"":                                                                 false,
		"11112222333":                                                      false,
		"arn:aws:iam::123:root":                                            false,
		"arn:aws:iam::111122223333:user/":                                  false,
		"arn:aws:iam::111122223333:user/a/":                                false,
		"arn:aws:iam:us-east-1:111122223333:user/a":                        false,
		"arn:aws:iam::cloudfront:role/r":                                   false,
		"arn:aws:s3:::bucket":                                              false,
		"arn:aws:iam::111122223333:user/*":                                 false,
	} {
		document := `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + text + `"},"Action":"s3:*","Resource":"*"}}`
		if _, err := policy.Parse(policy.Resource, []byte(document)); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(fidoPage))
	for _, c := range readCases(f) {
		for _, text := range c.IdentityPolicies {
			f.Add([]byte(text))
		}
		if c.ResourcePolicy != nil {
			f.Add([]byte(c.ResourcePolicy))
		}
	}

	for _, text := range []string{
		``, `{`, `[]`, `{"Statement":1e999}`, `{"Id":"\ud83d\ude00\u0000"}`, "\xff",
		statement(`"Action":"*","Resource":"arn:aws:s3:::${a, 'b'}${*}${"`),
		statement(`"Action":"sts:AssumeRole","Principal":{"AWS":"*"},"Condition":{"ForAnyValue:DateLessThanIfExists":{"a":["2020","1.5"]}}`),
	} {
		f.Add([]byte(text))
	}

	request := consoleRequest("iam:GetUser", alice, "true")
	f.Fuzz(func(t *testing.T, text []byte) {
		for kind := policy.Identity; kind <= policy.ResourceControl; kind++ {
			document, err := policy.Parse(kind, text)
			if (document == nil) != (err != nil) {
				t.Fatalf("document %v with error %v", document, err)
			}
			if err != nil {
				found := err.(policy.Violations)
				for _, v := range found {
					if v.Line < 1 || v.Column < 1 || v.Message == "" {
						t.Fatalf("violation without place or message: %+v", v)
					}
				}
				if len(found) == 0 {
					t.Fatal("error without violations")
				}
				continue
			}
			if !json.Valid(text) {
				t.Fatal("accepted what is not JSON")
			}
			set := policy.Compile(policy.Source{ID: "fuzz", Document: document})
			decision := policy.Evaluate(&policy.Policies{Identity: set}, request)
			if policy.Evaluate(&policy.Policies{Identity: set, Boundary: policy.Compile()}, request).Allowed() {
				t.Fatal("allowed beyond an empty boundary")
			}
			if decision.Allowed() != (decision.Statement != nil && decision.Statement.Effect == policy.Allow) {
				t.Fatalf("decision %+v and its statement disagree", decision)
			}
		}
	})
}

package policytest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/policy/policytest"
)

// TestYAML reads what YAML has other readings for: each value must come out as it is written.
func TestYAML(t *testing.T) {
	dir := write(t, map[string]string{
		"all.json": allowAll,
		"a.test.yml": `# A policy may stand in the suite.
policies:
  identity:
    - all.json
    - Version: 2012-10-17
      Statement:
        Sid: Old
        Effect: Deny
        Action: '*'
        Resource: "*"
        Condition:
          Null: {a:none: true}         # the operator
          Bool: {a:flag: yes}          # true, in YAML 1.1; no boolean here
          StringEquals: {a:account: 012345678901}
principal: arn:aws:iam::012345678901:user/alice
context:
  a:account: 012345678901
  a:octal: 0777
  a:hex: 0x1F
  a:under: 1_000
  a:exponent: 1e999
  a:float: 1.50
  a:date: 2026-11-24
  a:time: 2026-11-24 10:00:00
  a:sexagesimal: 20:30:10
  a:yes: yes
  a:off: OFF
  a:true: true
  a:infinity: .inf
  a:tilde: ~
  a:null: null
  a:empty:
  a:quoted: "\u00e9\n"
  a:text: "null"
  a:folded: >-
    one
    two
  a:list: [no, 1, 07]
  <: [on, *]
tests:
  - &first
    name: 1
    action: a:b
    expect: allowed
    by: All
  - name: "2"
    action: [a:c]
    expect: allowed
    resourceAccount: 012345678901
`,
	})

	if _, err := policytest.Run(dir, nil); err == nil || !strings.Contains(err.Error(), "yaml: line 39: ") { // an alias without a name
		t.Fatalf("%v", err)
	}

	text, err := os.ReadFile(filepath.Join(dir, "a.test.yml"))
	if err != nil {
		t.Fatal(err)
	}

	dir = write(t, map[string]string{"all.json": allowAll, "a.test.yml": strings.Replace(string(text), "[on, *]", "[on]", 1)})
	results, err := policytest.Run(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 {
		t.Fatalf("%d results", len(results))
	}

	for n := range results {
		if results[n].Failed() {
			t.Error(&results[n])
		}
	}

	if account := results[1].Request.ResourceAccountID; account != "012345678901" {
		t.Errorf("the resource's account is %s", account)
	}

	for key, want := range map[string][]string{
		"a:account": {"012345678901"}, "a:octal": {"0777"}, "a:hex": {"0x1F"}, "a:under": {"1_000"}, "a:exponent": {"1e999"},
		"a:float": {"1.50"},
		"a:date":  {"2026-11-24"}, "a:time": {"2026-11-24 10:00:00"}, "a:sexagesimal": {"20:30:10"}, "a:yes": {"yes"}, "a:off": {"OFF"},
		"a:true": {"true"}, "a:infinity": {".inf"}, "a:tilde": nil, "a:null": nil, "a:empty": nil, "a:quoted": {"é\n"},
		"a:text":   {"null"},
		"a:folded": {"one two"}, "a:list": {"no", "1", "07"}, "<": {"on"},
	} {
		got, found := results[0].Request.Context.Get(key)
		if !slices.Equal(got, want) || found != (want != nil) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestYAMLErrors(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for name := 'b'; name <= 'k'; name++ {
		bomb += fmt.Sprintf("%c: &%[1]c [%s]\n", name, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", name-1), 10), ", "))
	}

	for text, want := range map[string]string{
		"":                                "the file is empty",
		"# nothing":                       "the file is empty",
		"---":                             "there are no tests",
		"- a":                             "line 1: a suite cannot be an array",
		"tests: []\n---\n{}":              "line 2: a file is one document",
		"tests: []\n...\n]":               "yaml: line 2: ",
		"tests:\n  - name: a\n name: b":   "yaml: line 2: ",
		"tests:\n\t- a":                   "yaml: line 2: ",
		"a: \xff":                         "yaml: ",
		"a: \x00":                         "yaml: ",
		"tests: *none":                    "yaml: unknown anchor 'none' referenced",
		"other: 1":                        `line 1: there is no field "other"`,
		"principal: a\nprincipal: b":      `line 2: key "principal" occurs twice in one object`,
		"context:\n  a: 1\n  \"a\": 2":    `line 3: key "a" occurs twice in one object`,
		"tests:\n  - expect: !!str 1":     "line 2: the tag !!str is not read; write text in quotes",
		"tests: !python/object:os.x []":   "line 1: the tag !python/object:os.x is not read",
		"context: {? [a]: b}":             "line 1: a key is not text",
		"context: {~: b}":                 "line 1: a key is not text",
		"a: &a {}\ncontext:\n  <<: *a":    "line 3: merge keys are not read",
		"a: &a [*a]":                      "line 1: more than 64 levels",
		"a: &a\n  b: *a":                  "line 2: more than 64 levels",
		strings.Repeat("[", 65) + "}":     "yaml: ",
		strings.Repeat("[", 500_000):      "yaml: ",
		strings.Repeat("- ", 500_000):     "yaml: ",
		strings.Repeat("{a: ", 250_000):   "yaml: ",
		strings.Repeat("a: ", 300_000):    "yaml: ",
		strings.Repeat("#\n", 500_000):    "the file is empty",
		strings.Repeat("a\n", 500_001):    "a suite cannot be a string",
		strings.Repeat("- &a\n", 200_000): "a suite cannot be an array",
		"- " + strings.Repeat(" ", 1<<20): "has more than 1048576 bytes",
		bomb:                              "the file comes to more than 4194304 bytes, with its aliases written out",
		"a: &a \"" + strings.Repeat("<", 1<<19) + "\"\nb: [*a, *a, *a]": "line 2: the file comes to more than 4194304 bytes",
		"policies:\n  identity:\n    - Version: 2012-10-17\n      Statement:\n        - Effect: Allow\n          Action: iam\n          Resource: \"*\"\ntests: [{name: a}]": "x.test.yaml: identity-based policy 0: line 6: Statement[0].Action: Actions/Conditions must be prefaced",
		"policies: {identity: [{Statement: {Effect: Allow}}, null]}\ntests: [{name: a}]":                                                                                     "identity-based policy 1: line 1: Syntax errors in policy. (a policy is an object)",
	} {
		dir := write(t, map[string]string{"x.test.yaml": text})
		if _, err := policytest.Run(dir, nil); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "x.test.yaml: ") {
			t.Errorf("%.80q: %.200v, want %s", text, err, want)
		}
	}
}

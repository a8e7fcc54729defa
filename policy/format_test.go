package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/policy"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{
			`{"Statement":{"Resource":["*"],"Action":["iam:GetUser","s3:*"],"Condition":{"Bool":{"a":true},"NumericEquals":{"n":[1,2.50]},"Null":{}},"Effect":"Allow","Sid":"A"},"Version":"2012-10-17"}`,
			`{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "A",
            "Effect": "Allow",
            "Action": [
                "iam:GetUser",
                "s3:*"
            ],
            "Resource": "*",
            "Condition": {
                "Bool": {
                    "a": "true"
                },
                "NumericEquals": {
                    "n": [
                        "1",
                        "2.50"
                    ]
                },
                "Null": {}
            }
        }
    ]
}
`,
		},
		{
			`{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":["1"],"Service":["a","b"]},"Action":[],"Other":{"x":null,"y":[[1]]}}],"Extra":-1e5,"Id":"\u0041\"\\\n\t\r\u0001\u4e2d\ud83d\ude00ÿ/"}`,
			`{
    "Id": "A\"\\\n\t\r\u0001\u4e2d\ud83d\ude00ÿ/",
    "Statement": [
        {
            "Effect": "Deny",
            "NotPrincipal": {
                "AWS": "1",
                "Service": [
                    "a",
                    "b"
                ]
            },
            "Action": [],
            "Other": {
                "x": null,
                "y": [
                    [
                        1
                    ]
                ]
            }
        }
    ],
    "Extra": -1e5
}
`,
		},
		{`{"Statement":"text"}`, "{\n    \"Statement\": [\n        \"text\"\n    ]\n}\n"},
	} {
		for _, text := range []string{c.text, c.want} {
			got, err := policy.Format([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Error(diff)
			}
		}
	}

	if _, err := policy.Format([]byte("{\n  \"a\": }")); err == nil ||
		err.Error() != `2:8: Syntax errors in policy. ('}' stands where a value should)` {
		t.Error(err)
	}

	long := []byte(`{"Statement":[`)
	for len(long) < 130_000 {
		long = append(long, `{},`...)
	}

	if _, err := policy.Format(append(long, `{}]}`...)); err == nil {
		t.Error("the canonical form may be longer than a policy")
	}
}

// sameButPositions compares documents apart from where their statements stand.
var sameButPositions = cmpopts.IgnoreFields(policy.Statement{}, "Start", "End")

// TestFormatChangesNothing reads the canonical form of generated policies: it says the same, decides the same, and is its own
// canonical form.
func TestFormatChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDrawer(t)
		format := func(kind policy.Kind, texts []string) {
			for n, text := range texts {
				texts[n] = formatted(t, kind, text)
			}
		}

		w := d.world()
		q, _ := d.question(w)
		before := policy.Evaluate(w.policies(t), q.request())
		format(policy.Identity, w.identity)
		format(policy.Boundary, w.boundary)
		format(policy.Session, w.session)
		if w.trust {
			format(policy.Trust, w.resource)
		} else {
			format(policy.Resource, w.resource)
		}

		for _, level := range w.serviceControl {
			format(policy.ServiceControl, level)
		}

		for _, level := range w.resourceControl {
			format(policy.ResourceControl, level)
		}

		after := policy.Evaluate(w.policies(t), q.request())
		if before.Effect != after.Effect || before.Type != after.Type || before.Source != after.Source {
			t.Fatalf("%+v became %+v", before, after)
		}
	})
}

func formatted(t rapid.TB, kind policy.Kind, text string) string {
	t.Helper()
	once, err := policy.Format([]byte(text))
	if err != nil {
		t.Fatal(err)
	}

	twice, err := policy.Format(once)
	if err != nil || string(twice) != string(once) {
		t.Fatalf("the canonical form of\n%s is\n%s, %v", once, twice, err)
	}

	before, err := policy.Parse(kind, []byte(text))
	if err != nil {
		t.Fatal(err)
	}

	after, err := policy.Parse(kind, once)
	if err != nil {
		t.Fatalf("%v\n%s", err, once)
	}
	if diff := cmp.Diff(before, after, sameButPositions); diff != "" {
		t.Fatal(diff)
	}
	return string(once)
}

// FuzzFormat asks the same of any text that Parse accepts, and no more than an answer for any other.
// Lists that no policy has are left for Parse to refuse.
func TestFormatMendsNothing(t *testing.T) {
	for _, text := range []string{
		`{"Statement":{"Sid":["a"],"Effect":"Deny","Action":"*","Resource":"*"}}`,
		`{"Statement":{"Effect":["Deny"],"Action":"*","Resource":"*"}}`,
	} {
		formatted, err := policy.Format([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.Parse(policy.Identity, formatted); err == nil {
			t.Errorf("%s becomes a policy: %s", text, formatted)
		}
	}
}

// What is not a policy at all is left alone.
func TestFormatRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{`:             "1:2: Syntax errors in policy. (",
		` {"hello": 1}`: "1:2: Syntax errors in policy. (Statement is missing)",
		`"text"`:        "1:1: Syntax errors in policy. (Statement is missing)",
		`[]`:            "1:1: Syntax errors in policy. (Statement is missing)",
	} {
		if got, err := policy.Format([]byte(text)); err == nil || got != nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add(`{"Statement":{"Effect":"Allow","Action":"*","Resource":["*"],"Condition":{"Bool":{"a":[true]}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		once, err := policy.Format([]byte(text))
		if _, invalid := policy.Parse(policy.Identity, []byte(text)); invalid == nil && err == nil {
			formatted(t, policy.Identity, text)
		} else if err == nil {
			if twice, err := policy.Format(once); err != nil || string(twice) != string(once) {
				t.Errorf("the canonical form of\n%s is\n%s, %v", once, twice, err)
			}
		}
	})
}

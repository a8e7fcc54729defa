package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/policy"
)

// TestExplainWords holds what is told about a statement that does not apply.
func TestExplainWords(t *testing.T) {
	for _, c := range []struct {
		elements string // of a statement, beside the Effect
		version  string
		kind     policy.Kind
		want     string
	}{
		{`"Action":"iam:*","Resource":"*"`, "", policy.Identity, ``},
		{
			`"Action":["s3:*","sqs:*"],"Resource":"*"`, "", policy.Identity,
			`action: request has "iam:GetUser", policy asks "s3:*" or "sqs:*"`,
		},
		{
			`"NotAction":"iam:Get*","Resource":"*"`, "", policy.Identity,
			`NotAction: request has "iam:GetUser", policy asks anything but "iam:Get*"`,
		},
		{
			`"Action":"*","Resource":"arn:aws:iam::*:user/${aws:username}"`, "", policy.Identity,
			`resource: request has "arn:aws:iam::111122223333:user/alice", policy asks "arn:aws:iam::*:user/${aws:username}" (aws:username is "bob")`,
		},
		{
			`"Action":"*","Resource":"arn:aws:iam::*:user/${aws:username}"`, "2008-10-17", policy.Identity,
			`resource: request has "arn:aws:iam::111122223333:user/alice", policy asks "arn:aws:iam::*:user/${aws:username}" (variables are literal text unless Version is 2012-10-17)`,
		},
		{
			`"Action":"*","NotResource":"*"`, "", policy.Identity,
			`NotResource: request has "arn:aws:iam::111122223333:user/alice", policy asks anything but "*"`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, "", policy.Identity,
			`condition BoolIfExists aws:MultiFactorAuthPresent: request has "true", policy asks "false"`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"StringNotEquals":{"k":["a","b"]}}`, "", policy.Identity,
			`condition StringNotEquals k: request has "a", policy asks anything but "a" or "b"`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"Bool":{"absent":true}}`, "", policy.Identity,
			`condition Bool absent: request lacks the key, policy asks "true"`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"StringEquals":{"empty":"x"}}`, "", policy.Identity,
			`condition StringEquals empty: request has the key without a value, policy asks "x"`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"Null":{"k":"true"}}`, "", policy.Identity,
			`condition Null k: request has "a", policy asks "true" (true: that the key is absent or empty; false: that it has a value)`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"NumericLessThan":{"k":"5"}}`, "", policy.Identity,
			`condition NumericLessThan k: request has "a", policy asks "5" ("a" is not a number)`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}`, "", policy.Identity,
			`condition IpAddress aws:SourceIp: request has "10.0.0.1", policy asks "10.0.0.0/33" ("10.0.0.0/33" is not an IP address or a range of them)`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"ArnLike":{"k":"${absent}"}}`, "", policy.Identity,
			`condition ArnLike k: request has "a", policy asks "${absent}" ("a" is not an ARN)`,
		},
		{
			`"Action":"*","Resource":"*","Condition":{"StringEquals":{"k":["${absent}","${many}"]}}`, "", policy.Identity,
			`condition StringEquals k: request has "a", policy asks "${absent}" or "${many}" (absent is absent, many has not exactly one value)`,
		},
		{`"Action":"*","Principal":"*"`, "", policy.Resource, ``},
		{
			`"Action":"*","Principal":{"AWS":["444455556666","arn:aws:iam::111122223333:user/carol"]}`, "", policy.Resource,
			`principal: request has "arn:aws:iam::111122223333:user/bob", policy asks "444455556666" or "arn:aws:iam::111122223333:user/carol"`,
		},
		{
			`"Action":"*","NotPrincipal":{"AWS":"111122223333"}`, "", policy.Resource,
			`NotPrincipal: request has "arn:aws:iam::111122223333:user/bob", policy asks anything but "111122223333"`,
		},
		{
			`"Action":["a:1","a:2","a:3","a:4","a:5","a:6","a:7","a:8","a:9","a:0"],"Resource":"*"`, "", policy.Identity,
			`action: request has "iam:GetUser", policy asks "a:1", "a:2", "a:3", "a:4", "a:5", "a:6", "a:7", "a:8" or one of 2 more`,
		},
	} {
		if c.version == "" {
			c.version = policy.Version2012
		}
		set := compile(t, c.kind, []byte(`{"Version":"`+c.version+`","Statement":{"Effect":"Allow",`+c.elements+`}}`))
		policies := &policy.Policies{Identity: set}
		if c.kind == policy.Resource {
			policies = &policy.Policies{Resource: set}
		}
		q := question{
			principal: policy.Principal{ARN: bob1, AccountID: accountA}, action: "iam:GetUser", resource: alice1, owner: accountA,
			context: map[string][]string{
				"aws:username": {"bob"}, "aws:MultiFactorAuthPresent": {"true"}, "k": {"a"}, "empty": {}, "many": {
					"a",
					"b",
				}, "aws:SourceIp": {"10.0.0.1"},
			},
		}
		considered := policy.Explain(policies, q.request()).Considered
		if len(considered) != 1 || considered[0].Failure() != c.want || considered[0].Applies != (c.want == "") {
			t.Errorf("%s\ngot  %+v\nwant %s", c.elements, considered, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	policies := &policy.Policies{
		Identity: compile(t, policy.Identity, []byte(fidoPage)),
		Session: compile(t, policy.Session, []byte(allowAll),
			[]byte(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:Nothing":"true"}}}]}`)),
	}

	request := consoleRequest("iam:ChangePassword", alice, "true")
	got := policy.Explain(policies, request)
	want := []policy.Verdict{
		{Type: policy.Identity},
		{Type: policy.Session, Effect: policy.Allow, Note: "it grants nothing by itself, and denies what it does not allow"},
	}

	if diff := cmp.Diff(want, got.Verdicts); diff != "" {
		t.Error(diff)
	}
	if len(got.Considered) != 4 || got.Considered[1].Index != 1 || got.Considered[1].Source != "inline:Test" ||
		got.Considered[1].Failure() != `condition BoolIfExists aws:MultiFactorAuthPresent: request has "true", policy asks "false"` {
		t.Errorf("%+v", got.Considered)
	}
	if len(got.Missing) != 0 {
		t.Errorf("missing %q, though only statements about other actions read it", got.Missing)
	}

	request.Action = "s3:GetObject"
	if got := policy.Explain(policies, request).Missing; !slices.Equal(got, []string{"aws:Nothing"}) {
		t.Errorf("missing %q", got)
	}
}

func TestContextKeys(t *testing.T) {
	const text = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::${b}/${A, 'x'}/${*}","arn:aws:s3::${no}:x"],"Condition":{"StringLike":{"B":"${c","k":"${d}"}}},
		{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"n":"${no}"},"Null":{"e":"true"}}}]}`
	for version, want := range map[string]string{policy.Version2012: "A b d e k n", policy.Version2008: "B e k n"} {
		document, err := policy.Parse(policy.Identity, []byte(strings.Replace(text, policy.Version2012, version, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(policy.ContextKeys(document), " "); got != want {
			t.Errorf("version %s: %s, want %s", version, got, want)
		}
	}
}

// TestExplainAgrees holds an explanation to the decision, and to itself.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDrawer(t)
		w := d.world()
		policies := w.policies(t)
		for range 3 {
			q, _ := d.question(w)
			decision, e := policy.Evaluate(policies, q.request()), policy.Explain(policies, q.request())
			if e.Decision != decision {
				t.Fatalf("explains %+v, decides %+v", e.Decision, decision)
			}

			decides, denies := decision.Statement == nil, false
			for _, c := range e.Considered {
				if c.Applies != (c.Failure() == "") {
					t.Fatalf("%+v", c)
				}
				denies = denies || c.Applies && c.Statement.Effect == policy.ExplicitDeny
				decides = decides || c.Applies && c.Statement == decision.Statement && c.Type == decision.Type && c.Source == decision.Source
			}

			if !decides || denies != (decision.Effect == policy.ExplicitDeny) {
				t.Fatalf("%+v does not follow from %+v", decision, e.Considered)
			}

			// What no statement allows cannot have been allowed by its type, and an implicit denial is of a type that did not allow.
			for _, v := range e.Verdicts {
				switch {
				case v.Type == decision.Type && decision.Effect == policy.ImplicitDeny && v.Effect == policy.Allow &&
					v.Type != policy.Resource && v.Type != policy.Trust && v.Type != policy.ServiceControl && v.Type != policy.ResourceControl,
					v.Effect == policy.ImplicitDeny && decision.Allowed() && (v.Type == policy.ServiceControl || v.Type == policy.ResourceControl):
					t.Fatalf("%+v does not follow from %+v", decision, e.Verdicts)
				}
			}
		}
	})
}

package policy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/policy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestConditions evaluates one condition against the values of key k; nil means that the key is absent. A variable's key is v.
func TestConditions(t *testing.T) {
	for _, c := range []struct {
		condition string
		values    []string
		v         []string
		want      bool
	}{
		{condition: `"StringEqualsIgnoreCase":{"k":"${v}-X"}`, values: []string{"Straße-x"}, v: []string{"straSSe"}, want: false},
		{condition: `"StringEqualsIgnoreCase":{"k":"${v}-X"}`, values: []string{"\u212Aelvin-x"}, v: []string{"kelvin"}, want: true},
		{condition: `"StringLike":{"k":"a*${v}*"}`, values: []string{"a:*:b"}, v: []string{"*"}, want: true},
		{condition: `"StringLike":{"k":"a*${v}*"}`, values: []string{"a:x:b"}, v: []string{"*"}, want: false},
		{condition: `"StringLike":{"k":"*${v}"}`, values: []string{"xab"}, v: []string{"ab"}, want: true},
		{condition: `"StringLike":{"k":"${v}?"}`, values: []string{"abé"}, v: []string{"ab"}, want: true},
		{condition: `"StringEquals":{"k":"${v}"}`, values: []string{"a"}, v: []string{"a", "b"}, want: false},
		{condition: `"StringEquals":{"k":["${v}","a"]}`, values: []string{"a"}, want: true},
		{condition: `"StringEquals":{"k":"${v, 'it''s'}"}`, values: []string{"it''s"}, want: true},
		{condition: `"StringEquals":{"k":"${v,'x'}"}`, values: []string{"${v,'x'}"}, want: true},
		{condition: `"StringEquals":{"k":"${v"}`, values: []string{"${v"}, v: []string{"a"}, want: true},
		{condition: `"StringEquals":{"k":"${}"}`, values: []string{"${}"}, want: true},
		{condition: `"StringEquals":{"k":"${v}"}`, values: []string{""}, v: []string{""}, want: true},
		{condition: `"StringEquals":{"k":["b","c"]}`, values: []string{"a", "b"}, want: true},
		{condition: `"StringEquals":{"k":"a"}`, values: []string{}, want: false},
		{condition: `"StringNotEquals":{"k":"a"}`, values: []string{"a", "b"}, want: false},
		{condition: `"StringNotEqualsIfExists":{"k":"a"}`, want: true},
		{condition: `"Bool":{"k":"TRUE"}`, values: []string{"true"}, want: true},
		{condition: `"Bool":{"k":"${v}"}`, values: []string{"true"}, v: []string{"true"}, want: true},
		{condition: `"Bool":{"k":"yes"}`, values: []string{"yes"}, want: false},
		{condition: `"NumericEquals":{"k":"9007199254740993"}`, values: []string{"9007199254740992"}, want: false},
		{condition: `"NumericEquals":{"k":1e1}`, values: []string{"010.0"}, want: true},
		{condition: `"NumericEquals":{"k":0}`, values: []string{"-0.00"}, want: true},
		{condition: `"NumericLessThan":{"k":"-1.5"}`, values: []string{"-1.51"}, want: true},
		{condition: `"NumericGreaterThan":{"k":"-1"}`, values: []string{"0.001"}, want: true},
		{condition: `"NumericLessThan":{"k":"0.01"}`, values: []string{"0.009"}, want: true},
		{condition: `"NumericGreaterThan":{"k":"99"}`, values: []string{"100"}, want: true},
		{condition: `"NumericNotEquals":{"k":"1"}`, values: []string{"x"}, want: false},
		{condition: `"NumericNotEquals":{"k":"x"}`, values: []string{"1"}, want: false},
		{condition: `"NumericEquals":{"k":["x","1"]}`, values: []string{"1"}, want: true},
		{condition: `"NumericEquals":{"k":"1"}`, values: []string{"1_0"}, want: false},
		{condition: `"NumericLessThan":{"k":"${v}"}`, values: []string{"1"}, v: []string{"2"}, want: false},
		{condition: `"DateEquals":{"k":"2024"}`, values: []string{"2024-01-01T00:00:00Z"}, want: true},
		{condition: `"DateEquals":{"k":2024}`, values: []string{"2024-01"}, want: true},
		{condition: `"DateEquals":{"k":"2024-02-29"}`, values: []string{"1709164800"}, want: true},
		{condition: `"DateEquals":{"k":"2024-01-01T05:30+05:30"}`, values: []string{"2024-01-01T00:00Z"}, want: true},
		{condition: `"DateLessThan":{"k":"2024-01-01T00:00:00.25Z"}`, values: []string{"2024-01-01T00:00:00.249999999Z"}, want: true},
		{condition: `"DateEquals":{"k":"0"}`, values: []string{"1970-01-01"}, want: true},
		{condition: `"DateNotEquals":{"k":"2024"}`, values: []string{"soon"}, want: false},
		{condition: `"DateGreaterThan":{"k":"2024"}`, values: []string{"2024-13-01"}, want: false},
		{condition: `"DateGreaterThan":{"k":"2020"}`, values: []string{"2024-01-01T00:00:00"}, want: false},
		{condition: `"BinaryEquals":{"k":"QQ=="}`, values: []string{"QQ=="}, want: true},
		{condition: `"BinaryEquals":{"k":"!"}`, values: []string{"!"}, want: false},
		{condition: `"IpAddress":{"k":"10.1.2.3/8"}`, values: []string{"10.9.9.9"}, want: true},
		{condition: `"IpAddress":{"k":"0.0.0.0/0"}`, values: []string{"::1"}, want: false},
		{condition: `"IpAddress":{"k":"2001:db8::1"}`, values: []string{"2001:0db8:0::0001"}, want: true},
		{condition: `"IpAddress":{"k":"10.0.0.0/8"}`, values: []string{"::ffff:10.0.0.1"}, want: true},
		{condition: `"IpAddress":{"k":"10.0.0.0/8"}`, values: []string{"not an address"}, want: false},
		{condition: `"NotIpAddress":{"k":"10.0.0.0/8"}`, values: []string{"2001:db8::1"}, want: true},
		{condition: `"ArnLike":{"k":"*"}`, values: []string{"arn:aws:iam::1:user/x"}, want: true},
		{condition: `"ArnLike":{"k":"*"}`, values: []string{"x"}, want: false},
		{condition: `"ArnNotLike":{"k":"arn:aws:iam::1:user/x"}`, values: []string{"x"}, want: true},
		{
			condition: `"ArnEquals":{"k":"${v}"}`, values: []string{"arn:aws:iam::1:user/x"}, v: []string{"arn:aws:iam::1:user/x"},
			want: true,
		},
		{
			condition: `"ArnEquals":{"k":"arn:aws:iam::${v}:role/*"}`, values: []string{"arn:aws:iam::1:role/x"}, v: []string{"1"},
			want: true,
		},
		{
			condition: `"ArnEquals":{"k":"arn:aws:iam::${aws:PrincipalAccount, '2'}:role/*"}`, values: []string{"arn:aws:iam::2:role/x"},
			want: true,
		},
		{condition: `"ArnLike":{"k":"arn:aws:iam::*:role/${*}"}`, values: []string{"arn:aws:iam::2:role/x"}, want: false},
		{condition: `"Null":{"k":"true"}`, values: []string{""}, want: true},
		{condition: `"Null":{"k":false}`, values: []string{}, want: false},
		{condition: `"Null":{"k":["true","false"]}`, values: []string{"x"}, want: true},
		{condition: `"Null":{"k":"perhaps"}`, want: false},
		{condition: `"ForAllValues:StringEquals":{"k":"a"}`, values: []string{""}, want: true},
		{condition: `"ForAnyValue:StringLike":{"k":"*"}`, values: []string{""}, want: false},
		{condition: `"ForAnyValue:StringNotEquals":{"k":"a"}`, want: false},
		{condition: `"ForAnyValue:StringEqualsIfExists":{"k":"a"}`, want: true},
		{condition: `"ForAllValues:NumericLessThan":{"k":"5"}`, values: []string{"1", "x"}, want: false},
		{condition: `"ForAnyValue:IpAddress":{"k":"10.0.0.0/8"}`, values: []string{"x", "10.0.0.1"}, want: true},
		{condition: `"StringIs":{}`, values: []string{"x"}, want: true},
	} {
		ctx := policy.NewContext()
		if c.values != nil {
			ctx.Set("K", c.values...)
		}
		if c.v != nil {
			ctx.Set("v", c.v...)
		}
		set := compile(t, policy.Identity, []byte(statement(`"Action":"*","Resource":"*","Condition":{`+c.condition+`}`)))
		request := &policy.Request{
			Principal: policy.Principal{ARN: alice, AccountID: "1"}, Action: "a:b", Resource: "*",
			ResourceAccountID: "1", Context: ctx,
		}
		if got := policy.Evaluate(&policy.Policies{Identity: set}, request).Allowed(); got != c.want {
			t.Errorf("%s with k=%q v=%q: %v, want %v", c.condition, c.values, c.v, got, c.want)
		}
	}
}

// TestFIDOPage is the table of decisions of the FIDO page's policy: by call, and by what is known of MFA.
func TestFIDOPage(t *testing.T) {
	policies := &policy.Policies{Identity: compile(t, policy.Identity, []byte(fidoPage))}
	const bob = "arn:aws:iam::123456789012:user/bob"
	for _, c := range []struct {
		action, resource        string
		noMFA, withMFA, longKey string
	}{
		{"iam:EnableMFADevice", alice, "allowed", "allowed", "allowed"},
		{"iam:DeactivateMFADevice", alice, "explicitDeny", "allowed", "explicitDeny"},
		{"iam:ResyncMFADevice", alice, "allowed", "allowed", "allowed"},
		{"iam:ListMFADevices", alice, "allowed", "allowed", "allowed"},
		{"iam:GetUser", alice, "allowed", "allowed", "allowed"},
		{"iam:EnableMFADevice", bob, "implicitDeny", "implicitDeny", "implicitDeny"},
		{"iam:GetMFADevice", alice, "explicitDeny", "implicitDeny", "explicitDeny"},
		{"iam:ListVirtualMFADevices", "*", "explicitDeny", "implicitDeny", "explicitDeny"},
		{"iam:ChangePassword", alice, "explicitDeny", "implicitDeny", "explicitDeny"},
	} {
		for mfa, want := range map[string]string{"false": c.noMFA, "true": c.withMFA, "": c.longKey} {
			request := consoleRequest(c.action, c.resource, mfa)
			if got := policy.Evaluate(policies, request).Effect.String(); got != want {
				t.Errorf("%s on %s with MFA %q: %s, want %s", c.action, c.resource, mfa, got, want)
			}

			request.Principal = policy.Principal{ARN: "arn:aws:iam::123456789012:root", AccountID: "123456789012", Root: true}
			if !policy.Evaluate(policies, request).Allowed() {
				t.Errorf("%s on %s with MFA %q: root is not allowed", c.action, c.resource, mfa)
			}
		}
	}
}

const (
	allowAll = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	denyAll  = `{"Version":"2012-10-17","Statement":{"Sid":"No","Effect":"Deny","Action":"*","Resource":"*"}}`
)

// TestResourceGrants is the guide's table of what else limits a grant of a resource-based policy, cell by cell.
func TestResourceGrants(t *testing.T) {
	const (
		account = "123456789012"
		user    = "arn:aws:iam::123456789012:user/alice"
		role    = "arn:aws:iam::123456789012:role/path/app"
		session = "arn:aws:sts::123456789012:assumed-role/app/s"
		guest   = "arn:aws:sts::123456789012:federated-user/carol"
		root    = "arn:aws:iam::123456789012:root"
	)

	asUser := policy.Principal{ARN: user, AccountID: account}
	asRole := policy.Principal{ARN: session, AccountID: account, Issuer: role}
	asGuest := policy.Principal{ARN: guest, AccountID: account, Issuer: user}
	asRoot := policy.Principal{ARN: root, AccountID: account, Root: true}
	for _, c := range []struct {
		named     string
		principal policy.Principal
		limits    string // which of identity, boundary and session policies must allow too
	}{
		{user, asUser, ""},
		{user, asGuest, "bs"},
		{guest, asGuest, ""},
		{role, asRole, "bs"},
		{session, asRole, ""},
		{account, asUser, "ibs"},
		{root, asUser, "ibs"},
		{root, asRole, "ibs"},
		{root, asRoot, ""},
		{account, asRoot, ""},
		{"*", asUser, ""},
		{"*", asRole, ""},
		{"arn:aws:iam::123456789012:user/bob", asRoot, ""},
	} {
		resource := fmt.Sprintf(`{"Statement":{"Effect":"Allow","Principal":{"AWS":%q},"Action":"*","Resource":"*"}}`, c.named)
		for without := range 8 { // which of the three do not allow
			p := &policy.Policies{
				Identity: policy.Compile(), Boundary: policy.Compile(), Session: policy.Compile(),
				Resource: compile(t, policy.Resource, []byte(resource)),
			}
			missing := ""
			for n, s := range []struct {
				set  **policy.Set
				kind policy.Kind
			}{{&p.Identity, policy.Identity}, {&p.Boundary, policy.Boundary}, {&p.Session, policy.Session}} {
				if without&(1<<n) == 0 {
					*s.set = compile(t, s.kind, []byte(allowAll))
				} else {
					missing += "ibs"[n : n+1]
				}
			}
			request := &policy.Request{
				Principal: c.principal, Action: "s3:GetObject", Resource: "arn:aws:s3:::x",
				ResourceAccountID: account,
			}
			want := !strings.ContainsAny(missing, c.limits) || c.limits == ""
			if got := policy.Evaluate(p, request).Allowed(); got != want {
				t.Errorf("policy names %s, %s asks, %q allow not: allowed %v, want %v", c.named, c.principal.ARN, missing, got, want)
			}
			p.Session = compile(t, policy.Session, []byte(denyAll))
			if !c.principal.Root && policy.Evaluate(p, request).Effect != policy.ExplicitDeny {
				t.Errorf("policy names %s: an explicit deny of the session policy does not win", c.named)
			}
		}
	}
}

func TestTrust(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		principal policy.Principal
		want      bool
	}{
		"federated": {
			`"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::1:saml-provider/P"}`,
			policy.Principal{Federated: "arn:aws:iam::1:saml-provider/P"},
			true,
		},
		"other provider": {
			`"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::1:saml-provider/P"}`,
			policy.Principal{Federated: "accounts.google.com"},
			false,
		},
		"service": {
			`"Effect":"Allow","Principal":{"Service":["a.amazonaws.com","b.amazonaws.com"]}`,
			policy.Principal{Service: "b.amazonaws.com"},
			true,
		},
		"anonymous": {`"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"}`, policy.Principal{}, false},
		"root of account": {
			`"Effect":"Allow","Principal":{"AWS":"123456789012"}`,
			policy.Principal{ARN: "arn:aws:iam::123456789012:root", AccountID: "123456789012", Root: true},
			true,
		},
		"root not named": {
			`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/x"}`,
			policy.Principal{ARN: "arn:aws:iam::123456789012:root", AccountID: "123456789012", Root: true},
			false,
		},
	} {
		trust := compile(t, policy.Trust, []byte(`{"Statement":{"Action":"sts:AssumeRole*",`+c.statement+`}}`))
		decision := policy.Evaluate(&policy.Policies{Resource: trust}, &policy.Request{
			Principal: c.principal, Action: "sts:AssumeRoleWithSAML", Resource: "arn:aws:iam::123456789012:role/r",
			ResourceAccountID: "123456789012",
		})
		if decision.Allowed() != c.want {
			t.Errorf("%s: %+v", name, decision)
		}
	}
}

// TestNotPrincipal says who escapes a statement by being listed: who is listed in every form that he is known by.
func TestNotPrincipal(t *testing.T) {
	const account, role, session = "123456789012", "arn:aws:iam::123456789012:role/app", "arn:aws:sts::123456789012:assumed-role/app/s"
	asRole := policy.Principal{ARN: session, AccountID: account, Issuer: role}
	asUser := policy.Principal{ARN: alice, AccountID: account}
	asRoot := policy.Principal{ARN: "arn:aws:iam::123456789012:root", AccountID: account, Root: true}
	for _, c := range []struct {
		listed       []string
		principal    policy.Principal
		deny, allows bool // what a statement of that effect does to him
	}{
		{[]string{alice}, asUser, true, false},
		{[]string{account}, asUser, true, false},
		{[]string{alice, account}, asUser, false, false},
		{[]string{session, role, account}, asRole, false, false},
		{[]string{session, account}, asRole, true, false},
		{[]string{role, account}, asRole, true, false},
		{[]string{account}, asRoot, false, false},
		{[]string{"*"}, asUser, false, false},
		{[]string{"444455556666"}, asUser, true, true},
		{[]string{alice}, policy.Principal{}, true, true},
	} {
		for _, effect := range []string{"Deny", "Allow"} {
			text, err := json.Marshal(object{"Statement": object{"Effect": effect, "NotPrincipal": object{"AWS": c.listed}, "Action": "*"}})
			if err != nil {
				t.Fatal(err)
			}

			got := policy.Evaluate(&policy.Policies{Resource: compile(t, policy.Resource, text)}, &policy.Request{
				Principal: c.principal, Action: "s3:GetObject", Resource: "arn:aws:s3:::x", ResourceAccountID: account,
			}).Effect

			want := policy.ImplicitDeny
			switch {
			case effect == "Deny" && c.deny:
				want = policy.ExplicitDeny
			case effect == "Allow" && c.allows, c.principal.Root && want != policy.ExplicitDeny:
				want = policy.Allow
			}

			if got != want {
				t.Errorf("%s with NotPrincipal %q, %q asks: %v, want %v", effect, c.listed, c.principal.ARN, got, want)
			}
		}
	}
}

// TestDeniesByDefault asks about what nobody said anything of.
func TestDeniesByDefault(t *testing.T) {
	if (policy.Decision{}).Allowed() {
		t.Error("the zero decision allows")
	}
	if policy.Evaluate(&policy.Policies{}, &policy.Request{}).Allowed() {
		t.Error("the zero request is allowed")
	}

	all := compile(t, policy.Identity, []byte(allowAll))
	for name, p := range map[string]policy.Principal{
		"anonymous":       {},
		"without account": {ARN: alice},
		"stranger":        {ARN: "arn:aws:iam::444455556666:user/dave", AccountID: "444455556666"},
		"foreign root":    {ARN: "arn:aws:iam::444455556666:root", AccountID: "444455556666", Root: true},
	} {
		request := &policy.Request{Principal: p, Action: "iam:GetUser", Resource: alice, ResourceAccountID: "123456789012"}
		if policy.Evaluate(&policy.Policies{Identity: all}, request).Allowed() {
			t.Errorf("%s is allowed", name)
		}
	}

	// An identity-based policy names no principal, so it grants nothing where one is needed.
	if policy.Evaluate(&policy.Policies{Resource: all}, consoleRequest("iam:GetUser", alice, "true")).Allowed() {
		t.Error("an identity-based policy grants as a resource-based one")
	}
}

// TestReason writes the end of AccessDenied for each type of policy that can deny.
func TestReason(t *testing.T) {
	some := compile(t, policy.Identity, []byte(allowAll))
	none := policy.Compile()
	resourceText := `{"Statement":{"Effect":"%s","Principal":{"AWS":"%s"},"Action":"%s"}}`
	resource := func(kind policy.Kind, effect, principal, action string) *policy.Set {
		return compile(t, kind, fmt.Appendf(nil, resourceText, effect, principal, action))
	}

	deny := func(kind policy.Kind) *policy.Set { return compile(t, kind, []byte(denyAll)) }
	everyone := compile(t, policy.ResourceControl,
		[]byte(`{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`))
	const other = "arn:aws:iam::123456789012:user/bob"
	var got strings.Builder
	for _, c := range []struct {
		name     string
		policies policy.Policies
		account  string
	}{
		{"identity, implicit", policy.Policies{Identity: none}, ""},
		{"identity, explicit", policy.Policies{Identity: deny(policy.Identity)}, ""},
		{"boundary, implicit", policy.Policies{Identity: some, Boundary: none}, ""},
		{"boundary, explicit", policy.Policies{Identity: some, Boundary: deny(policy.Boundary)}, ""},
		{"session, implicit", policy.Policies{Identity: some, Session: none}, ""},
		{"session, explicit", policy.Policies{Identity: some, Session: deny(policy.Session)}, ""},
		{"resource, implicit", policy.Policies{Identity: none, Resource: resource(policy.Resource, "Allow", other, "*")}, ""},
		{"resource, explicit", policy.Policies{Identity: some, Resource: resource(policy.Resource, "Deny", alice, "*")}, ""},
		{"trust, implicit", policy.Policies{Identity: some, Resource: resource(policy.Trust, "Allow", other, "sts:*")}, ""},
		{"trust, explicit", policy.Policies{Identity: some, Resource: resource(policy.Trust, "Deny", alice, "sts:*")}, ""},
		{"service control, implicit", policy.Policies{Identity: some, ServiceControl: []*policy.Set{some, none}}, ""},
		{
			"service control, explicit",
			policy.Policies{Identity: some, ServiceControl: []*policy.Set{none, deny(policy.ServiceControl)}},
			"",
		},
		{"resource control, implicit", policy.Policies{Identity: some, ResourceControl: []*policy.Set{none}}, ""},
		{"resource control, explicit", policy.Policies{Identity: some, ResourceControl: []*policy.Set{everyone}}, ""},
		{
			"explicit before implicit",
			policy.Policies{Identity: none, Boundary: none, Session: deny(policy.Session), ServiceControl: []*policy.Set{none}},
			"",
		},
		{"another account", policy.Policies{Identity: deny(policy.Identity)}, "444455556666"},
		{"allowed", policy.Policies{Identity: some}, ""},
	} {
		request := consoleRequest("sts:AssumeRole", "arn:aws:iam::123456789012:role/app", "true")
		if c.account != "" {
			request.ResourceAccountID = c.account
		}
		fmt.Fprintf(&got, "%s: %s\n", c.name, policy.Evaluate(&c.policies, request).Reason(request.Action))
	}

	const golden = "testdata/reason/reasons.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDecisionNamesStatement(t *testing.T) {
	policies := &policy.Policies{Identity: compile(t, policy.Identity, []byte(fidoPage))}
	d := policy.Evaluate(policies, consoleRequest("iam:DeactivateMFADevice", alice, "false"))
	if d.Source != "inline:Test" || d.Statement == nil || d.Statement.SID != "DenyAllExceptListedIfNoMFA" ||
		d.Statement.Start.Line != 10 {
		t.Errorf("%+v", d)
	}
	if d = policy.Evaluate(policies, consoleRequest("iam:ListUsers", "*", "true")); d.Source != "" || d.Statement != nil {
		t.Errorf("%+v", d)
	}
}

// TestDecisionsAllocateNothing covers every recorded case, and so every operator and type of policy.
func TestDecisionsAllocateNothing(t *testing.T) {
	for _, c := range readCases(t) {
		policies, request := c.policies(t), c.request()
		if n := testing.AllocsPerRun(10, func() { policy.Evaluate(policies, request) }); n != 0 {
			t.Errorf("%s: %v allocations", c.Name, n)
		}
	}
}

func TestContext(t *testing.T) {
	ctx := policy.NewContext()
	ctx.Set("aws:PrincipalTag/Équipe", "a", "b")
	ctx.Set("AWS:principaltag/éQUIPE", "c")
	ctx.Set("aws:username", "alice")
	ctx.Delete("aws:USERNAME")
	if values, ok := ctx.Get("aws:PrincipalTag/équipe"); !ok || !cmp.Equal(values, []string{"c"}) {
		t.Errorf("got %q, %v", values, ok)
	}
	if _, ok := ctx.Get("aws:username"); ok {
		t.Error("deleted key is present")
	}

	ctx.Reset()
	if _, ok := ctx.Get("aws:PrincipalTag/équipe"); ok {
		t.Error("key is present after Reset")
	}
	if n := testing.AllocsPerRun(10,
		func() { ctx.Reset(); ctx.Set("aws:TagKeys", "a", "b"); ctx.Set("aws:username", "alice") }); n != 0 {
		t.Errorf("filling a used context allocates %v times", n)
	}
}

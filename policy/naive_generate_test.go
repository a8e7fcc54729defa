package policy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/touchstone-iam/touchstone/policy"
)

// Generators of policies and requests for the comparison with the naive evaluator. They draw from few values so that policies and
// requests meet often, and from all that the language has.

const (
	accountA = "111122223333"
	accountB = "444455556666"
)

// operatorNames is every operator with every qualifier and IfExists.
var operatorNames = func() []string {
	names := []string{"Null"}
	for _, operator := range []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
		"Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike",
	} {
		for _, qualifier := range []string{"", "ForAllValues:", "ForAnyValue:"} {
			names = append(names, qualifier+operator, qualifier+operator+"IfExists")
		}
	}
	return names
}()

// A keyType is a type of condition key: the values that policies ask for, and those that requests have.
type keyType struct {
	operators      string // how the names of its operators begin
	wanted, values []any
}

var keyTypes = map[string]*keyType{
	"t:Text": {"String", nil, nil}, // built from pieces
	"t:Number": {
		"Numeric",
		[]any{
			"0", "-0", "1", "1.0", "+1", "1e0", "10", "2.5", "-1.5", "0.001", "-2", "9007199254740993", "x", "1e999", "${t:Number}", 1,
			2.5, json.Number("1e1"),
		},
		[]any{
			"0", "1", "01.0", "10", "2.5", "2.50001", "-1.5", "-2", "1e-3", "9007199254740992", "9007199254740993", "x", "", "1e999",
			" 1", "1.",
		},
	},
	"t:Date": {
		"Date",
		[]any{
			"2024-01-01", "2024", "2024-01", "2024-01-01T00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5Z", "2024-01-01T05:30+05:30",
			"2023-12-31T18:00:00-06:00", "1704067200", "1704067201", "0", "1970", 1704067200, "2024-02-29",
		},
		[]any{
			"2024-01-01T00:00:00Z", "2024-01-01T00:00:00.25Z", "1704067200", "2023", "2024-01", "2025-06-01T12:00:00+01:00", "0",
			"1709164800", "20240101",
			"x", "", "2024-13-01", "2023-02-29", "2024-01-01T00:00:00", "2024-01-01T24:00Z", "-1",
		},
	},
	"t:Bool": {
		"Bool",
		[]any{"true", "false", "TRUE", "False", true, false, "yes", "${t:Bool}"},
		[]any{"true", "false", "True", "yes", ""},
	},
	"t:Bytes": {
		"Binary",
		[]any{"QQ==", "QUI=", "QR==", "!", "QQ", "${t:Bytes}"},
		[]any{"QQ==", "QUI=", "QR==", "!", "QQ", "QUJD", ""},
	},
	"t:Address": {
		"Ip",
		[]any{
			"10.0.0.0/8", "10.1.2.3", "10.1.2.3/16", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1", "x", "10.0.0.0/33",
			"010.0.0.1", "${t:Address}",
		},
		[]any{
			"10.1.2.3", "10.255.0.1", "11.0.0.1", "::1", "2001:db8::1", "2001:DB8:0:0::1", "2001:db9::1", "::ffff:10.0.0.1", "x", "",
			"10.0.0",
		},
	},
	"t:Name": {"Arn", nil, nil}, // built from pieces
}

var keyNames = []string{"t:Text", "t:Number", "t:Date", "t:Bool", "t:Bytes", "t:Address", "t:Name"}

// drawer draws policies and requests. It remembers what its policies ask for, by condition key and for resources by "", so that
// requests come close to it.
type drawer struct {
	t     *rapid.T
	state *uint64
	asked map[string][]string
}

func newDrawer(t *rapid.T) drawer {
	state := rapid.Uint64().Draw(t, "state")
	return drawer{t, &state, make(map[string][]string)}
}

// index draws from 0 to n-1. Rapid prefers small numbers, which would leave the ends of lists unseen; adding a pseudo-random
// number to each makes all alike, and still lets rapid replay and simplify.
func (d drawer) index(n int) int {
	*d.state = *d.state*6364136223846793005 + 1442695040888963407
	return (rapid.IntRange(0, n-1).Draw(d.t, "index") + int(*d.state>>33)) % n
}

func pick[T any](d drawer, from ...T) T { return from[d.index(len(from))] }

func (d drawer) chance(percent int) bool { return d.index(100) < percent }

var quotedDefault = regexp.MustCompile(`^\$\{[^}]*, '([^']*)'\}`)

// near makes a text that a pattern fits, or almost.
func (d drawer) near(pattern string) string {
	var b strings.Builder
	for pattern != "" {
		size := 1
		switch c := pattern[0]; {
		case c == '*':
			b.WriteString(pick(d, "", "a", "b", "/", "ab", "é"))
		case c == '?':
			b.WriteString(pick(d, "a", "b", "é"))
		case strings.HasPrefix(pattern, "${") && strings.Contains(pattern, "}"):
			size = strings.Index(pattern, "}") + 1
			if m := quotedDefault.FindStringSubmatch(pattern); m != nil {
				b.WriteString(m[1])
			} else if size == len("${*}") {
				b.WriteByte(pattern[2])
			} else {
				b.WriteString(pick(d, "a", "b", "1", "alice"))
			}
		default:
			b.WriteByte(c)
		}
		pattern = pattern[size:]
	}

	text := []rune(b.String())
	if len(text) > 0 && d.chance(20) {
		at := d.index(len(text))
		text = slices.Delete(text, at, at+1)
	}
	return string(text)
}

func (d drawer) pieces(most int, from ...string) string {
	var b strings.Builder
	for range 1 + d.index(most) {
		b.WriteString(pick(d, from...))
	}
	return b.String()
}

func list[T any](d drawer, most int, one func() T) []T {
	items := make([]T, 1+d.index(most))
	for n := range items {
		items[n] = one()
	}
	return items
}

// pattern is text with all that is special somewhere; name is text that such a pattern may fit.
func (d drawer) pattern() string {
	if d.chance(15) {
		return pick(d, "*", "a*", "*a*a*b", "*ab*b", "*a*a", "${T:text}", "${T:text}*")
	}
	return d.pieces(4, "a", "b", "a", "b", "/", ":", "*", "*", "?", "é", "A", "${t:Text}", "${T:TEXT, 'a'}", "${t:Absent}",
		"${t:Absent, 'a'}", "${t:Absent, '*'}",
		"${*}", "${?}", "${$}", "${", "$", "${t:Absent,'a'}")
}

func (d drawer) name() string {
	return d.pieces(4, "a", "b", "a", "b", "/", ":", "*", "?", "$", "é", "A")
}

func (d drawer) resourcePattern() string {
	pattern := d.anyResourcePattern()
	d.asked[""] = append(d.asked[""], pattern)
	return pattern
}

func (d drawer) anyResourcePattern() string {
	switch {
	case d.chance(35):
		return "*"
	case d.chance(30):
		return "arn:aws:iam::" + pick(d, "*", accountA, "11112222333?", "") + ":" + pick(d, "*", "user/*", "user/${aws:username}",
			"role/path/app", "user/a?ice", "user/${aws:username, 'alice'}")
	}
	return "arn:" + pick(d, "aws", "*", "aw?") + ":s3:" + pick(d, "", "*", "r") + ":" + pick(d, "", "*", accountA, "${t:Account}") +
		":" + d.pattern()
}

func (d drawer) resource() string {
	switch {
	case len(d.asked[""]) > 0 && d.chance(50):
		return d.near(pick(d, d.asked[""]...))
	case d.chance(15):
		return "*"
	case d.chance(40):
		return "arn:aws:iam::" + accountA + ":" + pick(d, "user/alice", "user/bob", "role/path/app", "group/g")
	}
	return "arn:aws:s3:" + pick(d, "", "", "r") + ":" + pick(d, "", "", accountA) + ":" + d.name()
}

func (d drawer) arnPattern() string {
	switch {
	case d.chance(15):
		return pick(d, "*", "${t:Name}", "${t:Absent, 'arn:aws:s3:::a'}", "a", "arn:aws:s3", "arn:aws:s3:::", "${t:Name}*")
	}
	return "arn:" + pick(d, "aws", "*", "aw?", "${t:Absent, 'aws'}") + ":" + pick(d, "s3", "s3", "*", "iam") + ":" +
		pick(d, "", "*", "r") + ":" + pick(d, "", "*", "1", "${t:Account}") + ":" + d.pattern()
}

func (d drawer) wanted(key string) any {
	switch key {
	case "t:Text":
		return d.pattern()
	case "t:Name":
		return d.arnPattern()
	}
	return pick(d, keyTypes[key].wanted...)
}

func (d drawer) value(key string) string {
	if len(d.asked[key]) > 0 && d.chance(50) {
		return d.near(pick(d, d.asked[key]...))
	}
	switch key {
	case "t:Text":
		if d.chance(10) {
			return ""
		}
		return d.name()
	case "t:Name":
		if d.chance(15) {
			return pick(d, "", "a", "arn:aws:s3:::", "arn:aws:s3")
		}
		return "arn:aws:" + pick(d, "s3", "s3", "iam") + ":" + pick(d, "", "r") + ":" + pick(d, "", "1") + ":" + d.name()
	}
	return pick(d, keyTypes[key].values...).(string)
}

func (d drawer) condition() (operator, key string, wanted any) {
	operator = pick(d, operatorNames...)
	if operator == "Null" {
		return operator, pick(d, keyNames...), shorten(d, list(d, 2, func() any { return pick[any](d, "true", "false", true, false) }))
	}
	plain := strings.TrimPrefix(operator[strings.Index(operator, ":")+1:], "Not")
	key = keyNames[slices.IndexFunc(keyNames, func(name string) bool { return strings.HasPrefix(plain, keyTypes[name].operators) })]
	wanted = shorten(d, list(d, 3, func() any {
		value := d.wanted(key)
		if text, ok := value.(string); ok {
			d.asked[key] = append(d.asked[key], text)
		}
		return value
	}))
	if d.chance(10) { // a key of another type
		key = pick(d, keyNames...)
	}
	return operator, strings.ToLower(key[:2]) + pick(d, key[2:], strings.ToUpper(key[2:])), wanted
}

// shorten writes a list of one as its item, half of the time.
func shorten[T any](d drawer, items []T) any {
	if len(items) == 1 && d.chance(50) {
		return items[0]
	}
	return items
}

func (d drawer) principal() any {
	if d.chance(25) {
		return "*"
	}
	names := object{}
	if d.chance(85) {
		names["AWS"] = shorten(d, list(d, 3, func() string {
			return pick(d, "*", accountA, accountB, "arn:aws:iam::"+accountA+":root", alice1, bob1, role1, session1, federated1, otherUser,
				otherRole)
		}))
	}
	if len(names) == 0 || d.chance(20) {
		names["Federated"] = shorten(d,
			list(d, 2, func() string { return pick(d, "cognito-identity.amazonaws.com", "accounts.google.com") }))
		names["Service"] = "ec2.amazonaws.com"
	}
	return names
}

func (d drawer) statement(kind policy.Kind) object {
	s := object{"Effect": pick(d, "Allow", "Allow", "Allow", "Deny")}
	not := func(element string, percent int) string {
		if d.chance(percent) {
			return "Not" + element
		}
		return element
	}

	action := func() string {
		return pick(d, "*", "iam:GetUser", "IAM:getuser", "iam:*", "s3:Get*", "s3:?et*t", "*:*", "s3:PutObject", "sts:*")
	}

	if kind == policy.Trust {
		s["Action"] = shorten(d, list(d, 2, func() string {
			return pick(d, "sts:AssumeRole", "sts:Assume*", "sts:*", "STS:assumerole", "sts:TagSession")
		}))
	} else {
		s[not("Action", 15)] = shorten(d, list(d, 3, action))
		s[not("Resource", 15)] = shorten(d, list(d, 3, d.resourcePattern))
	}

	switch kind {
	case policy.Trust:
		s["Principal"] = d.principal()
	case policy.Resource:
		s[not("Principal", 20)] = d.principal()
		if d.chance(10) {
			delete(s, "Resource")
			delete(s, "NotResource")
		}
	case policy.ResourceControl:
		s["Principal"] = "*"
	}

	if d.chance(60) {
		block := object{}
		for range 1 + d.index(2) {
			operator, key, wanted := d.condition()
			if block[operator] == nil {
				block[operator] = object{}
			}
			block[operator].(object)[key] = wanted
		}
		s["Condition"] = block
	}
	return s
}

func (d drawer) document(kind policy.Kind) string {
	document := object{"Statement": shorten(d, list(d, 3, func() object { return d.statement(kind) }))}
	if version := pick(d, policy.Version2012, policy.Version2012, policy.Version2012, policy.Version2008, ""); version != "" {
		document["Version"] = version
	}
	if (kind == policy.ServiceControl || kind == policy.ResourceControl || kind == policy.Boundary) && d.chance(60) {
		s := object{"Effect": "Allow", "Action": "*", "Resource": "*"}
		if kind == policy.ResourceControl {
			s["Principal"] = "*"
		}
		document["Statement"] = []any{s, d.statement(kind)}
	}
	text, err := json.Marshal(document)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func (d drawer) documents(kind policy.Kind, most int) []string {
	return list(d, most, func() string { return d.document(kind) })
}

// focused is a statement whose condition or resource alone decides.
func (d drawer) focused() string {
	s := object{"Effect": "Allow", "Action": "*", "Resource": "*"}
	if d.chance(25) {
		s["Resource"] = d.resourcePattern()
	} else {
		operator, key, wanted := d.condition()
		s["Condition"] = object{operator: object{key: wanted}}
	}
	text, err := json.Marshal(object{"Version": policy.Version2012, "Statement": s})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func (d drawer) world() *world {
	if d.chance(40) {
		return &world{identity: []string{d.focused()}}
	}

	w := &world{trust: d.chance(15)}
	switch {
	case d.chance(5): // so many statements that the engine looks them up in its index
		for range 16 {
			w.identity = append(w.identity, d.documents(policy.Identity, 2)...)
		}
	case d.chance(85):
		w.identity = d.documents(policy.Identity, 2)
	}

	if w.trust {
		w.resource = d.documents(policy.Trust, 1)
	} else if d.chance(40) {
		w.resource = d.documents(policy.Resource, 1)
	}

	if d.chance(25) {
		w.boundary = d.documents(policy.Boundary, 1)
	}
	if d.chance(25) {
		w.session = d.documents(policy.Session, 2)
	}

	for _, of := range []struct {
		kind   policy.Kind
		levels *[][]string
	}{{policy.ServiceControl, &w.serviceControl}, {policy.ResourceControl, &w.resourceControl}} {
		if d.chance(20) {
			*of.levels = list(d, 2, func() []string { return d.documents(of.kind, 2) })
		}
	}
	return w
}

const (
	alice1     = "arn:aws:iam::" + accountA + ":user/alice"
	bob1       = "arn:aws:iam::" + accountA + ":user/bob"
	role1      = "arn:aws:iam::" + accountA + ":role/path/app"
	session1   = "arn:aws:sts::" + accountA + ":assumed-role/app/s1"
	federated1 = "arn:aws:sts::" + accountA + ":federated-user/alice"
	otherUser  = "arn:aws:iam::" + accountB + ":user/alice"
	otherRole  = "arn:aws:iam::" + accountB + ":role/app"
)

var principals = map[string]policy.Principal{
	"user":                  {ARN: alice1, AccountID: accountA},
	"role session":          {ARN: session1, AccountID: accountA, Issuer: role1},
	"federated user":        {ARN: federated1, AccountID: accountA, Issuer: alice1},
	"root":                  {ARN: "arn:aws:iam::" + accountA + ":root", AccountID: accountA, Root: true},
	"other account's user":  {ARN: otherUser, AccountID: accountB},
	"other account's role":  {ARN: "arn:aws:sts::" + accountB + ":assumed-role/app/s1", AccountID: accountB, Issuer: otherRole},
	"other account's root":  {ARN: "arn:aws:iam::" + accountB + ":root", AccountID: accountB, Root: true},
	"anonymous":             {},
	"web identity":          {Federated: "cognito-identity.amazonaws.com"},
	"service":               {Service: "ec2.amazonaws.com"},
	"user without a policy": {ARN: bob1, AccountID: accountA},
}

func (d drawer) question(w *world) (q *question, who string) {
	who = pick(d, "user", "user", "user", "role session", "role session", "federated user", "root", "other account's user",
		"other account's role",
		"other account's root", "anonymous", "web identity", "service", "user without a policy")
	q = &question{
		principal: principals[who], action: pick(d, "iam:GetUser", "s3:GetObject", "S3:getobject"), resource: d.resource(),
		owner:   accountA,
		context: map[string][]string{"aws:username": {"alice"}},
	}

	if w.trust && d.chance(90) {
		q.action, q.resource = "sts:AssumeRole", role1
	}

	for _, key := range keyNames {
		switch n := d.index(10); {
		case n == 0:
			q.context[key] = []string{}
		case n < 3:
			q.context[key] = []string{d.value(key), d.value(key)}
		case n < 8:
			q.context[key] = []string{d.value(key)}
		}
	}

	if d.chance(50) {
		q.context["T:account"] = []string{pick(d, "1", accountA, "*")}
	}
	return q, who
}

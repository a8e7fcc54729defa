package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/policy"
)

// The naive evaluator is a second implementation of what Parse, Compile and Evaluate do together: slow, without preparation or
// short cuts, from the same pages of the guide. It shares no code with the engine, so that a mistake would have to be made
// twice, in two ways, to stay unseen. It expects documents that Parse accepts.

// world is the policies that apply to a question, as text. A nil boundary, session or resource takes no part.
type world struct {
	identity, resource, boundary, session []string
	serviceControl, resourceControl       [][]string // a list for each level
	trust                                 bool       // resource is a role's trust policy
}

// question is a request as the naive evaluator reads it.
type question struct {
	principal       policy.Principal
	action          string
	resource, owner string
	context         map[string][]string
}

// answer is the decision, and for an explicit deny the type of policy that comes first among those that deny.
type answer struct {
	effect policy.Effect
	denier policy.Kind
}

// naive evaluates one question. What it meets is noted in seen, from which the generators' coverage is told.
type naive struct {
	q    *question
	seen map[string]int
}

func (n *naive) note(what string) { n.seen[what]++ }

func (n *naive) answer(w *world) answer {
	resourceKind := policy.Resource
	if w.trust {
		resourceKind = policy.Trust
	}

	identity, boundary, session := w.identity, w.boundary, w.session
	if n.q.principal.Root { // has no policies of its own
		identity, boundary, session = nil, nil, nil
	}

	for _, of := range []struct {
		kind   policy.Kind
		levels [][]string
	}{
		{policy.ServiceControl, w.serviceControl},
		{policy.ResourceControl, w.resourceControl},
		{resourceKind, [][]string{w.resource}},
		{policy.Identity, [][]string{identity}},
		{policy.Boundary, [][]string{boundary}},
		{policy.Session, [][]string{session}},
	} {
		for _, documents := range of.levels {
			if n.statements(of.kind, documents, "Deny") > 0 {
				n.note("deny by " + of.kind.String())
				return answer{policy.ExplicitDeny, of.kind}
			}
		}
	}

	for _, level := range w.resourceControl {
		if n.statements(policy.ResourceControl, level, "Allow") == 0 {
			n.note("not allowed by " + policy.ResourceControl.String())
			return answer{}
		}
	}

	for _, level := range w.serviceControl {
		if n.statements(policy.ServiceControl, level, "Allow") == 0 {
			n.note("not allowed by " + policy.ServiceControl.String())
			return answer{}
		}
	}

	allows := func(kind policy.Kind, documents []string) bool {
		allowed := documents == nil || n.statements(kind, documents, "Allow") > 0
		if !allowed {
			n.note("not allowed by " + kind.String())
		}
		return allowed
	}

	limits := allows(policy.Boundary, boundary) && allows(policy.Session, session)
	if strings.Contains(n.q.principal.ARN, ":federated-user/") && session == nil {
		limits = false
	}

	own := n.q.principal.Root || identity != nil && allows(policy.Identity, identity) && limits
	grant := n.statements(resourceKind, w.resource, "Allow")
	n.note("grant " + strconv.Itoa(grant))
	var allowed bool
	switch {
	case n.q.principal.ARN == "":
		allowed = grant == 3
	case n.q.principal.AccountID != n.q.owner:
		allowed = grant > 0 && own
		n.note("other account")
	case w.trust:
		allowed = grant == 3 || grant == 2 && limits || grant == 1 && own
	default:
		allowed = grant == 3 || grant == 2 && limits || own
	}

	if allowed {
		n.note("allowed")
		return answer{effect: policy.Allow}
	}

	n.note("not allowed")
	return answer{}
}

// statements returns how strongly the statements with an effect apply: 0 not at all. Those of resource-based policies that allow
// apply by 1 to the account, by 2 to the role or user that a session is of, by 3 to the principal itself; all others by 3.
func (n *naive) statements(kind policy.Kind, documents []string, effect string) int {
	most := 0
	for _, text := range documents {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var document map[string]any
		if err := decoder.Decode(&document); err != nil {
			panic(err)
		}
		variables := document["Version"] == "2012-10-17"
		for _, item := range listOf(document["Statement"]) {
			s := item.(map[string]any)
			if s["Effect"] != effect {
				continue
			}
			strength := 3
			if kind == policy.Resource || kind == policy.Trust {
				strength = n.principals(s, effect == "Deny")
			}
			// Every element is looked at, also when another one failed already.
			action, resource, condition := n.actions(s), n.resources(s, variables), n.conditions(s, variables)
			if action && resource && condition {
				most = max(most, strength)
			}
		}
	}

	return most
}

func listOf(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// textsOf returns a value, or a list of values, in text form.
func textsOf(v any) []string {
	var texts []string
	for _, item := range listOf(v) {
		switch item := item.(type) {
		case string:
			texts = append(texts, item)
		case json.Number:
			texts = append(texts, item.String())
		case bool:
			texts = append(texts, strconv.FormatBool(item))
		}
	}
	return texts
}

func (n *naive) principals(s map[string]any, deny bool) int {
	if listed, ok := s["NotPrincipal"]; ok {
		n.note("NotPrincipal")
		if deny {
			for _, identity := range n.identities() {
				if n.named(listed, identity) == 0 {
					return 3
				}
			}
			return 0
		}
		for _, identity := range n.identities() {
			if n.named(listed, identity) > 0 {
				return 0
			}
		}
		return 3
	}

	strength := 0
	for _, identity := range n.identities() {
		strength = max(strength, n.named(s["Principal"], identity))
	}
	return strength
}

// identity is one of the names by which policies can mean the principal, with the strength of a grant to it.
type identity struct {
	kind, name string
	strength   int
}

func (n *naive) identities() []identity {
	p := &n.q.principal
	var all []identity
	if p.AccountID != "" {
		strength := 1
		if p.Root {
			strength = 3
		}
		all = append(all, identity{"AWS", p.AccountID, strength})
	}

	if p.Issuer != "" {
		all = append(all, identity{"AWS", p.Issuer, 2})
	}
	if p.ARN != "" && !p.Root {
		all = append(all, identity{"AWS", p.ARN, 3})
	}
	if p.Federated != "" {
		all = append(all, identity{"Federated", p.Federated, 3})
	}
	if p.Service != "" {
		all = append(all, identity{"Service", p.Service, 3})
	}
	if len(all) == 0 {
		all = append(all, identity{})
	}
	return all
}

// named returns how strongly a principal element means an identity.
func (n *naive) named(element any, of identity) int {
	if element == "*" {
		return 3
	}
	names := element.(map[string]any)
	if slices.Contains(textsOf(names["AWS"]), "*") {
		return 3
	}
	for _, name := range textsOf(names[of.kind]) {
		if name == of.name || of.kind == "AWS" && name == "arn:aws:iam::"+of.name+":root" {
			n.note("principal " + of.kind + " " + strconv.Itoa(of.strength))
			return of.strength
		}
	}
	return 0
}

func (n *naive) actions(s map[string]any) bool {
	element, not := s["Action"], false
	if other, ok := s["NotAction"]; ok {
		element, not = other, true
		n.note("NotAction")
	}
	matched := false
	for _, pattern := range textsOf(element) {
		tokens, _ := n.tokens(strings.ToLower(pattern), false, true)
		if fits(tokens, strings.ToLower(n.q.action)) {
			matched = true
			n.noteWildcards("Action", tokens)
		}
	}
	return matched != not
}

func (n *naive) resources(s map[string]any, variables bool) bool {
	element, not := s["Resource"], false
	if other, ok := s["NotResource"]; ok {
		element, not = other, true
		n.note("NotResource")
	}
	if element == nil {
		return true
	}
	matched := false
	for _, pattern := range textsOf(element) {
		if pattern == "*" || n.arnFits("Resource", strings.SplitN(pattern, ":", 6), n.q.resource, variables, false) {
			matched = true
		}
	}
	return matched != not
}

// arnFits compares field by field. In a condition every field may have variables, in a resource the last.
func (n *naive) arnFits(where string, pattern []string, name string, variables, everywhere bool) bool {
	fields := strings.SplitN(name, ":", 6)
	if !isARN(fields) || len(pattern) < 6 || pattern[0] != "arn" {
		return false
	}
	for i := 1; i < 6; i++ {
		tokens, ok := n.tokens(pattern[i], variables && (everywhere || i == 5), true)
		if !ok || !fits(tokens, fields[i]) {
			return false
		}
		n.noteWildcards(where, tokens)
	}
	return true
}

func isARN(fields []string) bool {
	return len(fields) == 6 && fields[0] == "arn" && fields[1] != "" && fields[2] != "" && fields[5] != ""
}

// token is one character of a pattern; for '*' and '?' with their special meaning, special is set.
type token struct {
	char    rune
	special bool
}

var variableForm = regexp.MustCompile(`(?s)^\$\{([^,}]+)(?:, '(.*?)')?\}`)

// tokens reads a pattern and puts the values of variables in. It is false when one has no value.
func (n *naive) tokens(text string, variables, wildcards bool) ([]token, bool) {
	var tokens []token
	literal := func(s string) {
		for _, char := range s {
			tokens = append(tokens, token{char: char})
		}
	}

	for text != "" {
		if m := variableForm.FindStringSubmatchIndex(text); variables && m != nil {
			key := text[m[2]:m[3]]
			values, present := n.lookup(key)
			switch {
			case m[4] < 0 && (key == "*" || key == "?" || key == "$"):
				n.note("variable ${" + key + "}")
				literal(key)
			case present && len(values) == 1:
				n.note("variable with a value")
				literal(values[0])
			case !present && m[4] >= 0:
				n.note("variable with a default")
				literal(text[m[4]:m[5]])
			case present:
				n.note("variable with several values or none")
				return nil, false
			default:
				n.note("variable without a value")
				return nil, false
			}
			text = text[m[1]:]
			continue
		}
		if strings.HasPrefix(text, "${") && !variables {
			n.note("variable as literal text")
		}
		char := []rune(text)[0]
		tokens = append(tokens, token{char, wildcards && (char == '*' || char == '?')})
		text = text[len(string(char)):]
	}
	return tokens, true
}

func (n *naive) noteWildcards(where string, tokens []token) {
	for _, t := range tokens {
		if t.special {
			n.note("wildcard " + string(t.char) + " in " + where)
		}
	}
}

func (n *naive) lookup(key string) ([]string, bool) {
	for name, values := range n.q.context {
		if strings.EqualFold(name, key) {
			return values, true
		}
	}
	return nil, false
}

// fits matches by trying everything, and remembers what was tried.
func fits(pattern []token, text string) bool {
	subject := []rune(text)
	tried := make(map[[2]int]bool)
	var try func(p, s int) bool
	try = func(p, s int) bool {
		if result, ok := tried[[2]int{p, s}]; ok {
			return result
		}
		result := false
		switch {
		case p == len(pattern):
			result = s == len(subject)
		case pattern[p] == token{'*', true}:
			result = try(p+1, s) || s < len(subject) && try(p, s+1)
		case s == len(subject):
		case pattern[p].special || pattern[p].char == subject[s]:
			result = try(p+1, s+1)
		}
		tried[[2]int{p, s}] = result
		return result
	}

	return try(0, 0)
}

func (n *naive) conditions(s map[string]any, variables bool) bool {
	all := true
	block, _ := s["Condition"].(map[string]any)
	for name, keys := range block {
		for key, wanted := range keys.(map[string]any) {
			holds := n.condition(name, key, textsOf(wanted), variables)
			n.note("operator " + name + " " + strconv.FormatBool(holds))
			all = all && holds
		}
	}
	return all
}

func (n *naive) condition(name, key string, wanted []string, variables bool) bool {
	values, present := n.lookup(key)
	null := len(values) == 0 || len(values) == 1 && values[0] == ""
	if name == "Null" {
		return slices.Contains(wanted, strconv.FormatBool(null))
	}

	operator, ifExists := strings.CutSuffix(name, "IfExists")
	operator, forAll := strings.CutPrefix(operator, "ForAllValues:")
	operator, forAny := strings.CutPrefix(operator, "ForAnyValue:")
	negated := strings.Contains(operator, "Not")
	switch {
	case !present && ifExists:
		return true
	case null && forAll:
		return true
	case null && forAny:
		return false
	case !present:
		return negated
	}

	hold := 0
	for _, value := range values {
		if n.compare(operator, value, wanted, variables) {
			hold++
		}
	}

	if forAll || negated && !forAny {
		return hold == len(values)
	}
	return hold > 0
}

// compare reports whether an operator, negated or not, holds for one value of the request.
func (n *naive) compare(operator, value string, wanted []string, variables bool) bool {
	some := func(match func(string) bool) bool { return slices.ContainsFunc(wanted, match) }
	text := func(fit func([]token) bool, wildcards bool) bool {
		return some(func(want string) bool {
			tokens, ok := n.tokens(want, variables, wildcards)
			ok = ok && fit(tokens)
			if ok {
				n.noteWildcards("StringLike", tokens)
			}
			return ok
		})
	}

	plain := func(tokens []token) string {
		var b strings.Builder
		for _, t := range tokens {
			b.WriteRune(t.char)
		}
		return b.String()
	}

	switch operator {
	case "StringEquals":
		return text(func(t []token) bool { return plain(t) == value }, false)
	case "StringEqualsIgnoreCase":
		return text(func(t []token) bool { return strings.EqualFold(plain(t), value) }, false)
	case "StringLike":
		return text(func(t []token) bool { return fits(t, value) }, true)
	case "Bool":
		isBool := strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
		return isBool && text(func(t []token) bool { return strings.EqualFold(plain(t), value) }, false)
	case "ArnEquals", "ArnLike":
		return some(func(want string) bool { return n.arnCondition(want, value, variables) })
	case "IpAddress":
		return some(func(want string) bool { return inRange(value, want) })
	case "BinaryEquals":
		return some(func(want string) bool { return sameBytes(value, want) })
	case "StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike", "NotIpAddress":
		return !n.compare(strings.Replace(operator, "Not", "", 1), value, wanted, variables)
	}

	order := compareNumbers
	relation, isDate := strings.CutPrefix(operator, "Date")
	if isDate {
		order = compareDates
	} else {
		relation = strings.TrimPrefix(operator, "Numeric")
	}
	return orderHolds(relation, value, wanted, order)
}

// orderHolds compares numbers or dates. What cannot be converted makes both an operator and its negation false.
func orderHolds(relation, value string, wanted []string, order func(a, b string) (int, bool)) bool {
	if relation == "NotEquals" {
		return !slices.ContainsFunc(wanted, func(want string) bool {
			result, ok := order(value, want)
			return !ok || result == 0
		})
	}

	return slices.ContainsFunc(wanted, func(want string) bool {
		result, ok := order(value, want)
		switch relation {
		case "Equals":
			return ok && result == 0
		case "LessThan":
			return ok && result < 0
		case "LessThanEquals":
			return ok && result <= 0
		case "GreaterThan":
			return ok && result > 0
		case "GreaterThanEquals":
			return ok && result >= 0
		}
		panic("unknown relation " + relation)
	})
}

var numberForm = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)

func compareNumbers(a, b string) (int, bool) {
	var values [2]*big.Rat
	for i, text := range []string{a, b} {
		if !numberForm.MatchString(text) {
			return 0, false
		}
		values[i], _ = new(big.Rat).SetString(text)
		if size, _ := new(big.Float).SetRat(values[i]).Float64(); size > 1e308 || size < -1e308 {
			return 0, false
		}
	}
	return values[0].Cmp(values[1]), true
}

var (
	epochForm = regexp.MustCompile(`^([0-9]{1,3}|[0-9]{5,12})$`)
	dateForm  = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))?)?)?$`)
)

func readDate(text string) (time.Time, bool) {
	if epochForm.MatchString(text) {
		seconds, err := strconv.ParseInt(text, 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	if !dateForm.MatchString(text) {
		return time.Time{}, false
	}
	for _, layout := range []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func compareDates(a, b string) (int, bool) {
	first, ok := readDate(a)
	second, also := readDate(b)
	return first.Compare(second), ok && also
}

func inRange(address, block string) bool {
	ip := net.ParseIP(address)
	if ip == nil {
		return false
	}
	if _, network, err := net.ParseCIDR(block); err == nil {
		return network.Contains(ip)
	}
	single := net.ParseIP(block)
	return single != nil && single.Equal(ip)
}

func sameBytes(a, b string) bool {
	first, err := base64.StdEncoding.Strict().DecodeString(a)
	if err != nil {
		return false
	}
	second, err := base64.StdEncoding.Strict().DecodeString(b)
	return err == nil && string(first) == string(second)
}

// arnCondition compares a value with the pattern of an Arn operator. A pattern may be one variable that stands for a whole ARN.
func (n *naive) arnCondition(pattern, value string, variables bool) bool {
	if !isARN(strings.SplitN(value, ":", 6)) {
		return false
	}
	if pattern == "*" {
		n.note("wildcard * in ArnLike")
		return true
	}
	if variables && variableForm.FindString(pattern) == pattern && pattern != "" {
		tokens, ok := n.tokens(pattern, true, false)
		return ok && fits(tokens, value)
	}

	// Colons within a variable separate nothing.
	var fields []string
	field, rest := "", pattern
	for rest != "" {
		size := 1
		if variables {
			size = max(1, len(variableForm.FindString(rest)))
		}
		if rest[0] == ':' && len(fields) < 5 {
			fields = append(fields, field)
			field = ""
		} else {
			field += rest[:size]
		}
		rest = rest[size:]
	}
	return n.arnFits("ArnLike", append(fields, field), value, variables, true)
}

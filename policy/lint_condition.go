package policy

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// lintConditions checks the Condition of the current statement.
func (l *linter) lintConditions() {
	m := l.value.member("Condition")
	if m == nil {
		return
	}
	if len(m.value.members) == 0 {
		l.report(l.at(-1, "Condition"), ClassSuggestion, "EMPTY_OBJECT_CONDITION", "leave it out", "the condition is empty")
	}

	// The document has a list of conditions, and the JSON has the keys by operator, in the same order.
	n := 0
	for i := range m.value.members {
		op := &m.value.members[i]
		at := place{m.start, l.path + ".Condition"}.member(op)
		if len(op.value.members) == 0 {
			l.report(at, ClassSuggestion, "EMPTY_OBJECT_CONDITION", "leave it out", "%s has no condition key", op.name)
		}

		seen := make(map[string]bool)
		for j := range op.value.members {
			if len(l.found) == maxViolations {
				return
			}
			key := &op.value.members[j]
			at := at.member(key)
			if folded := strings.ToLower(key.name); seen[folded] {
				l.report(at, ClassError, "DUPLICATE_KEYS_WITH_DIFFERENT_CASE", "put the values into one list",
					"%s has the key %s twice, as letter case does not matter", op.name, key.name)
			} else {
				seen[folded] = true
			}
			l.lintCondition(at, &l.statement.Conditions[n], &key.value)
			n++
		}
	}

	if l.keys["aws:vpcsourceip"] && !l.keys["aws:sourcevpc"] && !l.keys["aws:sourcevpce"] {
		l.report(l.at(-1, "Condition"), ClassSecurityWarning, "MISSING_PAIRED_CONDITION_KEYS", "add a condition on aws:SourceVpc",
			"every network may have the private addresses that aws:VpcSourceIp is compared with")
	}
}

// supports reports whether requests for an action of the statement may have a condition key of a service. Where the catalogue does
// not say, they may.
func (l *linter) supports(key string) bool {
	if prefix, _, _ := strings.Cut(key, ":"); l.statement.Actions == nil {
		return true
	} else if _, served := l.catalogue.service(prefix); !served { // a global key, or an identity provider's
		return true
	}

	key = strings.ToLower(key)
	for _, action := range l.statement.Actions {
		m := l.meaning(action)
		if len(m.names) == 0 || !m.service.listsKeys() {
			return true
		}
		for _, name := range m.names {
			for _, pattern := range m.service.Actions[name].Keys {
				if l.budget -= 16 + len(pattern); l.budget <= 0 || covers(strings.ToLower(pattern), key) {
					return true
				}
			}
		}
	}
	return false
}

// unreadableCodes are the codes of findings about values that are not of the operator's type. Dates are not among them, because
// Parse refuses them.
var unreadableCodes = map[family]string{
	numericFamily: "TYPE_MISMATCH_NUMBER", boolFamily: "TYPE_MISMATCH_BOOLEAN", nullFamily: "TYPE_MISMATCH_BOOLEAN",
	addressFamily: "TYPE_MISMATCH_IP_RANGE", binaryFamily: "TYPE_MISMATCH_STRING", arnFamily: "TYPE_MISMATCH_ARN",
}

// lintCondition checks one key under one operator.
func (l *linter) lintCondition(at place, c *Condition, value *jsonValue) {
	op, _ := parseOperator(c.Operator) // Parse has refused unknown operators
	if len(c.Values) == 0 {
		l.lintNoValues(at, op)
	}

	t, known := l.keyType(at, c.Key)
	for n, text := range c.Values {
		if len(l.found) == maxViolations {
			return
		}
		l.lintValue(at.item(value, n), c, op, text)
	}

	if (op.family == boolFamily || op.family == nullFamily) && len(c.Values) > 1 {
		l.report(at, ClassError, "INVALID_CONDITION_MULTIPLE_BOOLEAN", "keep one", "%s compares with one value, true or false",
			c.Operator)
	}

	l.lintNeedlessValues(at, c, op)
	if known && op.family != nullFamily {
		l.lintType(at, c, op, t)
	}
	if known && !l.supports(c.Key) {
		l.report(at, ClassWarning, "UNSUPPORTED_CONDITION_KEY_FOR_ACTION", "",
			"requests for the statement's actions never have the key %s", c.Key)
	}
	l.lintMFA(at, c, op)
}

// lintNoValues reports an empty list of values, which has another meaning with each form of operator.
func (l *linter) lintNoValues(at place, op operator) {
	code, message := "EMPTY_ARRAY_CONDITION", "asks for no value, so it never holds"
	switch {
	case op.qualifier == forAnyValue:
		code, message = "EMPTY_ARRAY_CONDITION_FORANYVALUE", "asks for any of no values, which nothing is"
	case op.qualifier == forAllValues:
		code, message = "EMPTY_ARRAY_CONDITION_FORALLVALUES", "holds only when the key is absent"
	case op.ifExists:
		code, message = "EMPTY_ARRAY_CONDITION_IFEXISTS", "holds only when the key is absent"
	}
	if op.negated {
		// With no value to differ from, every value differs.
		message = "holds whatever the value is"
		if op.qualifier == forAnyValue {
			message = "holds whenever the key has a value"
		}
	}
	l.report(at, ClassSuggestion, code, "leave the key out, or give values; use Null to ask whether it is absent", "%s", message)
}

// lintValue checks one value of a condition. It reports one thing about it at most, apart from faults of its variables.
func (l *linter) lintValue(at place, c *Condition, op operator, value string) {
	variables := variableKeys(Version2012, []string{value})
	if len(variables) > 0 && !op.family.hasVariables() {
		l.report(at, ClassError, "INVALID_VARIABLE_FOR_OPERATOR", "write the value itself", "with %s a variable is literal text",
			c.Operator)
		return
	}

	what := op.family.unreadable(value)
	if op.family == nullFamily && !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
		what = "true or false"
	}
	if what != "" && len(variables) == 0 {
		l.report(at, ClassWarning, unreadableCodes[op.family], "", "%s compares with %s, which %q is not", c.Operator, what, value)
		return
	}

	switch op.family {
	case stringFamily, stringIgnoreCaseFamily:
		if strings.ContainsAny(replaceVariables(value, "", ""), "*?") {
			l.report(at, ClassWarning, "WILDCARD_WITHOUT_LIKE_OPERATOR", "use StringLike, or write ${*} or ${?}",
				"with %s the characters * and ? are no wildcards", c.Operator)
		}
	case addressFamily:
		if prefix, err := netip.ParsePrefix(value); err == nil && prefix != prefix.Masked() {
			l.report(at, ClassSuggestion, "IMPROVE_IP_RANGE", "write "+prefix.Masked().String(),
				"the range %s begins at another address", value)
		}
	case dateFamily:
		if len(value) != 4 && isDigits(value) && !strings.EqualFold(c.Key, "aws:EpochTime") {
			l.report(at, ClassWarning, "INVALID_DATE_VALUE", "write it as 2026-11-24T10:00:00Z",
				"%s is taken for seconds since 1970", value)
		}
	}

	if op.family.hasVariables() {
		l.lintVariables(at, value)
	}
}

// lintNeedlessValues reports values of which only the greatest or the least matters.
func (l *linter) lintNeedlessValues(at place, c *Condition, op operator) {
	unreadable := func(value string) bool { return op.family.unreadable(value) != "" }
	if op.relation == equal || len(c.Values) < 2 || slices.ContainsFunc(c.Values, unreadable) {
		return
	}

	code := map[family]string{
		numericFamily: "REDUNDANT_CONDITION_VALUE_NUM", dateFamily: "REDUNDANT_CONDITION_VALUE_DATE",
	}[op.family]
	which := map[relation]string{less: "greatest", lessOrEqual: "greatest", greater: "least", greaterOrEqual: "least"}[op.relation]
	l.report(at, ClassSuggestion, code, "keep that one", "with %s only the %s value counts", c.Operator, which)
}

// lintType compares the type of a condition key with the operator.
func (l *linter) lintType(at place, c *Condition, op operator, t KeyType) {
	fits := map[KeyType][]family{
		KeyString:  {stringFamily, stringIgnoreCaseFamily, stringLikeFamily},
		KeyARN:     {arnFamily, stringFamily, stringIgnoreCaseFamily, stringLikeFamily},
		KeyNumeric: {numericFamily}, KeyDate: {dateFamily, numericFamily}, KeyBool: {boolFamily}, KeyBinary: {binaryFamily},
		KeyAddress: {addressFamily},
	}

	// Operators of addresses take no variables, so an address can be compared with one only by another operator.
	asVariable := op.family.hasVariables() && len(variableKeys(Version2012, c.Values)) > 0
	if !slices.Contains(fits[t.single()], op.family) && !(t.single() == KeyAddress && asVariable) {
		l.report(at, ClassWarning, "TYPE_MISMATCH", "", "%s does not suit the condition key %s, whose type is %s", c.Operator, c.Key, t)
	}

	switch many := t != t.single(); {
	case many && op.qualifier == noQualifier:
		l.report(at, ClassError, "MISSING_QUALIFIER", "put ForAllValues: or ForAnyValue: before the operator",
			"a request can have several values of %s", c.Key)
	case !many && op.qualifier == forAllValues && l.statement.Effect == Allow:
		l.report(at, ClassSecurityWarning, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", "leave ForAllValues: out",
			"also allows requests without %s", c.Key)
	}
}

// lintMFA reports conditions on MFA that do not stop requests with long-term access keys, because such requests do not have the key
// (IAM User Guide, "aws:MultiFactorAuthPresent").
func (l *linter) lintMFA(at place, c *Condition, op operator) {
	if !strings.EqualFold(c.Key, "aws:MultiFactorAuthPresent") || op.family != boolFamily || len(c.Values) != 1 {
		return
	}

	asks := strings.EqualFold(c.Values[0], "true")
	switch {
	case l.statement.Effect == ExplicitDeny && !asks && !op.ifExists && op.qualifier != forAllValues:
		l.report(at, ClassSecurityWarning, "MFA_KEY_MAY_BE_ABSENT", "use BoolIfExists",
			"does not deny requests with long-term access keys, which have no %s", c.Key)
	case l.statement.Effect == Allow && asks && op.ifExists:
		l.report(at, ClassSecurityWarning, "MFA_KEY_MAY_BE_ABSENT", "use Bool",
			"allows requests with long-term access keys, which have no %s", c.Key)
	}
}

// lintVariables checks the variables of a value where they are substituted.
func (l *linter) lintVariables(at place, value string) {
	keys := variableKeys(Version2012, []string{value})
	if l.document.Version != Version2012 {
		if len(keys) > 0 {
			l.report(at, ClassError, "VARIABLE_UNSUPPORTED_IN_VERSION", `use "Version": "`+Version2012+`"`,
				"under version %s the variable ${%s} is literal text", l.document.Version, keys[0])
		}
		return
	}

	if code, message := variableFault(value); code != "" {
		l.report(at, ClassError, code, "${*} is a literal star, ${?} a question mark and ${$} a dollar", "%s", message)
	}
	for _, key := range keys {
		if t, known := l.keyType(at, key); known && t != t.single() {
			l.report(at, ClassError, "MULTIVALUED_VARIABLE", "", "%s can have several values, so it has no value as a variable", key)
		}
	}
}

// variableFault describes the first malformed variable of a value. It returns empty texts when there is none (IAM User Guide, "IAM
// policy elements: Variables and tags").
func variableFault(value string) (code, message string) {
	for {
		start := strings.Index(value, "${")
		if start < 0 {
			return "", ""
		}
		value = value[start:]

		e, size := readVariable(value)
		body := value[len("${"):]
		end := strings.IndexAny(body, "},")
		switch {
		case size > 0 && e.kind == literalText:
		case size > 0:
			name, _, _ := strings.Cut(body[:end], "/") // the keys of tags may have any character
			if strings.Contains(name, " ") {
				return "UNSUPPORTED_SPACE_IN_VARIABLE", "the variable ${" + name + "} has a space in its name"
			}
			if strings.ContainsAny(name, "${*?") {
				return "UNSUPPORTED_SYMBOL_IN_VARIABLE", "the variable ${" + name + "} has a character in its name that no condition key has"
			}
		case end == 0 && body[0] == '}':
			return "EMPTY_VARIABLE", "${} names no variable, and is literal text"
		case !strings.Contains(body, "}"):
			return "MISSING_BRACE_IN_VARIABLE", "the variable has no closing brace, and is literal text"
		default:
			return "MISSING_QUOTE_IN_VARIABLE", "a default stands in single quotes after a comma and a space; this is literal text"
		}

		value = value[max(size, len("${")):]
	}
}

// keyMeaning is what the catalogue knows of a condition key.
type keyMeaning struct {
	keyType KeyType // empty for a key that the catalogue does not have
	exact   bool    // whether it has the key by this name, and not by a pattern only
}

// lookUp looks a condition key up in the catalogue. Once the budget is spent, every key counts as unknown.
func (l *linter) lookUp(key string) keyMeaning {
	key = strings.ToLower(key)
	if m, found := l.keyMeanings[key]; found {
		return m
	}

	var m keyMeaning
	for name, t := range l.catalogue.Keys {
		if l.budget -= 16 + len(name); l.budget <= 0 {
			break
		}
		folded := strings.ToLower(name)
		if m.exact = folded == key; m.exact {
			m.keyType = t
			break
		}
		if strings.Contains(folded, "*") && covers(folded, key) {
			m.keyType = t
		}
	}

	l.keyMeanings[key] = m
	return m
}

// keyType returns the type of a condition key, and whether the catalogue has it. It reports a key that does not exist.
func (l *linter) keyType(at place, key string) (KeyType, bool) {
	prefix, _, found := strings.Cut(key, ":")
	if !found {
		l.report(at, ClassError, "INVALID_CONDITION_KEY_FORMAT", "", "%q does not have the form of a condition key, service:name", key)
		return "", false
	}
	if l.catalogue == nil {
		return "", false
	}

	bare := strings.TrimSuffix(key, "/")
	tagged := l.lookUp(bare + "/*").exact
	m := l.lookUp(key)
	t, known := m.keyType, m.keyType != ""
	_, served := l.catalogue.service(prefix)
	switch {
	case tagged && !strings.Contains(bare, "/"):
		l.report(at, ClassError, "MISSING_TAG_KEY_IN_CONDITION", "write "+bare+"/ and the key of the tag",
			"%s does not name the key of a tag", key)
		return "", false
	case known:
	case strings.EqualFold(prefix, "aws"):
		l.report(at, ClassWarning, "INVALID_GLOBAL_CONDITION_KEY", nearest(key, maps.Keys(l.catalogue.Keys)),
			"there is no global condition key %s", key)
	case served:
		l.report(at, ClassError, "INVALID_SERVICE_CONDITION_KEY", nearest(key, maps.Keys(l.catalogue.Keys)),
			"service %s has no condition key %s", prefix, key)
	case !strings.Contains(prefix, ".") && !l.unknown[strings.ToLower(prefix)]: // with a point it is an identity provider's
		l.unknown[strings.ToLower(prefix)] = true
		l.report(at, ClassWarning, "INVALID_SERVICE_IN_CONDITION_KEY", "check the prefix, or add a catalogue that has the key",
			"no catalogue has the condition key %s", key)
	}
	return t, known
}

package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// Class is how grave a finding is (IAM User Guide, "Access Analyzer policy check reference").
type Class string

// The classes of findings.
const (
	ClassError           Class = "ERROR"            // the policy does not do what it says
	ClassSecurityWarning Class = "SECURITY_WARNING" // it allows more than its author may believe
	ClassWarning         Class = "WARNING"          // it is not as the guide advises
	ClassSuggestion      Class = "SUGGESTION"       // it could be simpler
)

// Finding is one thing about a policy that its author should look at.
type Finding struct {
	Position
	Path    string // to the element, such as "Statement[0].Action[2]"; empty for the document
	Class   Class
	Code    string // names the check, as Access Analyzer does where it has the same
	Message string
	Hint    string // what to do about it; may be empty
}

// CodeMalformed is the code of findings that are violations: with them AWS does not store the policy.
const CodeMalformed = "MALFORMED_POLICY_DOCUMENT"

// Lint reads a policy that is to be attached so and reports what is wrong, dangerous or needless in it, in the order of the text. A
// text that Parse refuses has the violations as findings, and no others but its size. Without a catalogue the checks of what exists
// are left out. At most 101 findings are reported, and the work is bounded: in a text far beyond AWS's quotas not all values
// are compared with all others.
func Lint(a Attachment, text []byte, catalogue *Catalogue) []Finding {
	findings := lintText(a.Kind, text, catalogue)
	if size, over := measure(text, a.MaxSize); a.MaxSize > 0 && size > a.MaxSize {
		places := locator{text: text, at: Position{1, 1}}
		findings = append(findings, Finding{
			places.locate(over), "", ClassError, a.Kind.sizeCode(),
			fmt.Sprintf("the policy has %d characters, white space not counted, and may have %d", size, a.MaxSize), "split it, or say the same in fewer statements",
		})
		slices.SortStableFunc(findings, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
	}
	return findings
}

// sizeCode is the code of the finding about a policy that is too large.
func (k Kind) sizeCode() string {
	switch k {
	case Resource, Trust:
		return "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA"
	case ServiceControl:
		return "POLICY_SIZE_EXCEEDS_SERVICE_CONTROL_POLICY_QUOTA"
	case ResourceControl:
		return "POLICY_SIZE_EXCEEDS_RESOURCE_CONTROL_POLICY_QUOTA"
	}
	return "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"
}

func lintText(kind Kind, text []byte, catalogue *Catalogue) []Finding {
	document, err := Parse(kind, text)
	if violations, ok := err.(Violations); ok {
		findings := make([]Finding, len(violations))
		for n, v := range violations {
			findings[n] = Finding{v.Position, v.Path, ClassError, CodeMalformed, v.Message, v.Hint}
		}
		return findings
	}
	root, _ := readJSON(text) // Parse read it
	l := linter{document: document, catalogue: catalogue, root: &root, budget: maxLintSteps}
	l.lintDocument()
	slices.SortStableFunc(l.found, func(a, b found) int { return cmp.Compare(a.offset, b.offset) })
	places := locator{text: text, at: Position{1, 1}}
	findings := make([]Finding, len(l.found))
	for n, f := range l.found {
		f.Position = places.locate(f.offset)
		findings[n] = f.Finding
	}
	return findings
}

// found is a finding whose offset is still to be turned into its position.
type found struct {
	Finding
	offset int
}

type linter struct {
	document  *Document
	catalogue *Catalogue // may be nil
	root      *jsonValue
	found     []found
	budget    int // steps of comparing patterns that may still be made
	// of the statement at hand
	statement *Statement
	value     *jsonValue
	path      string
}

// maxLintSteps bounds the comparing of patterns with each other: some tenths of a second. A policy within AWS's quotas needs less.
const maxLintSteps = 1 << 26

// covers is the function covers, and false when the budget is spent.
func (l *linter) covers(pattern, other string) bool {
	l.budget -= 16 + len(pattern)*len(other)
	return l.budget > 0 && covers(pattern, other)
}

// place is an element, or a value in it, of the statement at hand.
type place struct {
	offset int
	path   string
}

// at finds an element by the names of the members that lead to it, and item n of its list; a single value is item 0, and n below 0
// means the element itself.
func (l *linter) at(n int, names ...string) place {
	p := place{l.value.start, l.path}
	v := l.value
	for _, name := range names {
		m := v.member(name)
		if m == nil {
			return p
		}
		p = place{m.start, p.path + "." + name}
		v = &m.value
	}
	switch {
	case n < 0:
	case v.kind == jsonArray && n < len(v.items):
		p = place{v.items[n].start, fmt.Sprintf("%s[%d]", p.path, n)}
	default:
		p.offset = v.start
	}
	return p
}

func (l *linter) report(at place, class Class, code, hint, format string, args ...any) {
	if len(l.found) < maxViolations {
		l.found = append(l.found, found{Finding{Path: at.path, Class: class, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}, at.offset})
	}
}

func (l *linter) lintDocument() {
	if l.root.member("Version") == nil {
		l.report(place{l.root.start, ""}, ClassWarning, "MISSING_VERSION", `add "Version": "`+Version2012+`"`, "without Version the policy has version %s, which has no variables", Version2008)
	}
	for n := range l.document.Statements {
		l.statement, l.path = &l.document.Statements[n], "Statement"
		l.value = &l.root.member("Statement").value
		if l.value.kind == jsonArray {
			l.value, l.path = &l.value.items[n], fmt.Sprintf("Statement[%d]", n)
		}
		l.lintStatement()
		l.lintRedundancy(n)
	}
}

func (l *linter) lintStatement() {
	s := l.statement
	if m := l.value.member("Sid"); m != nil && s.SID == "" {
		l.report(l.at(-1, "Sid"), ClassSuggestion, "EMPTY_SID_VALUE", "give it a name or leave it out", "the statement's Sid is empty")
	}
	l.lintPrincipals()
	l.lintActions("Action", s.Actions)
	l.lintActions("NotAction", s.NotActions)
	l.lintResources("Resource", s.Resources)
	l.lintResources("NotResource", s.NotResources)
	l.lintResourceTypes()
	if s.Effect == Allow {
		if s.NotActions != nil {
			l.report(l.at(-1, "NotAction"), ClassSecurityWarning, "ALLOW_WITH_NOT_ACTION", "list the actions that are meant, or use NotAction with Deny",
				"allows every action of every service but those listed, also such as come later")
		}
		l.lintPassRole()
	}
	if m := l.value.member("Condition"); m != nil && len(m.value.members) == 0 {
		l.report(l.at(-1, "Condition"), ClassSuggestion, "EMPTY_OBJECT_CONDITION", "leave it out", "the condition is empty")
	}
	for n := range s.Conditions {
		if len(l.found) == maxViolations {
			return
		}
		l.lintCondition(&s.Conditions[n])
	}
}

func (l *linter) lintPrincipals() {
	s := l.statement
	if s.NotPrincipal != nil && s.Effect == Allow {
		l.report(l.at(-1, "NotPrincipal"), ClassSecurityWarning, "ALLOW_WITH_NOT_PRINCIPAL", "list the principals that are meant",
			"allows everyone but those listed, also callers without credentials")
	}
	if s.Principal != nil && s.Effect == Allow && s.Principal.everyone() && len(s.Conditions) == 0 && l.document.Kind != ResourceControl {
		l.report(l.at(-1, "Principal"), ClassSecurityWarning, "ALLOW_EVERYONE", "name the principals, or add a condition", "allows everyone, in every account")
	}
	for _, name := range []string{"Principal", "NotPrincipal"} {
		m := l.value.member(name)
		if m == nil || m.value.kind != jsonObject {
			continue
		}
		if len(m.value.members) == 0 {
			l.report(l.at(-1, name), ClassSuggestion, "EMPTY_OBJECT_PRINCIPAL", "leave the statement out, or name principals", "names no principal")
		}
		for _, kind := range m.value.members {
			if kind.value.kind == jsonArray && len(kind.value.items) == 0 {
				l.report(l.at(-1, name, kind.name), ClassSuggestion, "EMPTY_ARRAY_PRINCIPAL", "leave it out, or name principals", "names no principal")
			}
		}
	}
}

func (l *linter) lintActions(element string, patterns []string) {
	for n, pattern := range patterns {
		if len(l.found) == maxViolations {
			return
		}
		if l.catalogue != nil && pattern != "*" {
			prefix, name, _ := strings.Cut(pattern, ":")
			service, known := l.catalogue.service(prefix)
			switch {
			case prefix == "*":
			case !known:
				l.report(l.at(n, element), ClassWarning, "INVALID_SERVICE_IN_ACTION", "check the prefix, or add a catalogue that has the service",
					"no catalogue has a service %q", prefix)
			case len(service.matching(name)) == 0:
				l.report(l.at(n, element), ClassError, "INVALID_ACTION", nearest(name, service.Actions), "service %s has no action %s", prefix, name)
			}
		}
		l.lintCovered(element, "REDUNDANT_ACTION", patterns, n, true)
	}
}

// matching returns the service's actions that a pattern of their names means, sorted.
func (s CatalogueService) matching(pattern string) []string {
	var names []string
	for name := range s.Actions {
		if covers(strings.ToLower(pattern), strings.ToLower(name)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// far is a distance at which one name is no misspelling of another.
const far = 4

// nearest names the action that a misspelt one may be.
func nearest(name string, actions map[string]CatalogueAction) string {
	best, least := "", far
	for candidate := range actions {
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if d < least || d == least && d < far && candidate < best {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "is " + best + " meant?"
}

// distance is how many letters must be added, dropped or changed to turn a into b; far is all that is told of texts whose lengths differ
// that much, and of long ones.
func distance(a, b string) int {
	if len(a)-len(b) >= far || len(b)-len(a) >= far || len(a) > 128 {
		return far
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

func (l *linter) lintResources(element string, patterns []string) {
	for n, pattern := range patterns {
		l.lintVariables(l.at(n, element), variableKeys(Version2012, []string{pattern}))
		l.lintCovered(element, "REDUNDANT_RESOURCE", patterns, n, false)
	}
}

// lintCovered reports a value that another one of the list makes needless.
func (l *linter) lintCovered(element, code string, patterns []string, n int, fold bool) {
	form := func(s string) string {
		if fold {
			return strings.ToLower(s)
		}
		return s
	}
	for other, pattern := range patterns {
		if l.budget <= 0 {
			return
		}
		if other != n && l.covers(form(pattern), form(patterns[n])) && (other < n || !l.covers(form(patterns[n]), form(pattern))) {
			l.report(l.at(n, element), ClassSuggestion, code, "leave it out", "%s is among what %s means", patterns[n], pattern)
			return
		}
	}
}

// lintResourceTypes reports actions that can be about none of the statement's resources.
func (l *linter) lintResourceTypes() {
	s := l.statement
	if l.catalogue == nil || len(s.Resources) == 0 {
		return
	}
	for n, pattern := range s.Actions {
		prefix, name, _ := strings.Cut(pattern, ":")
		service, known := l.catalogue.service(prefix)
		matching := service.matching(name)
		if !known || len(matching) == 0 {
			continue
		}
		types := make(map[string]bool)
		about := slices.ContainsFunc(matching, func(name string) bool {
			for _, kind := range service.Actions[name].Resources {
				types[kind] = true
				if slices.ContainsFunc(s.Resources, func(r string) bool {
					l.budget -= 64 + len(r)*len(service.Resources[kind])
					return l.budget <= 0 || resourcesOverlap(r, service.Resources[kind])
				}) {
					return true
				}
			}
			return len(service.Actions[name].Resources) == 0 && slices.Contains(s.Resources, "*")
		})
		switch {
		case about:
		case len(types) == 0:
			l.report(l.at(n, "Action"), ClassError, "RESOURCE_TYPE_MISMATCH", `use Resource "*" in a statement of its own`, "%s cannot be restricted to resources, so the statement does not apply to it", pattern)
		default:
			names := make([]string, 0, len(types))
			for kind := range types {
				names = append(names, service.Resources[kind])
			}
			slices.Sort(names)
			l.report(l.at(n, "Action"), ClassError, "RESOURCE_TYPE_MISMATCH", "", "%s is about %s, which no resource of the statement is", pattern, quote(names...))
		}
	}
}

// resourcesOverlap reports whether a resource of a statement can be of a type. A variable may have any value.
func resourcesOverlap(resource, kind string) bool {
	if resource == "*" || kind == "*" {
		return true
	}
	fields, kinds := strings.SplitN(resource, ":", 6), strings.SplitN(kind, ":", 6)
	if len(fields) < 6 {
		return false
	}
	for n := range fields {
		if !overlap(withoutVariables(fields[n]), kinds[n]) {
			return false
		}
	}
	return true
}

func withoutVariables(text string) string {
	var b strings.Builder
	for text != "" {
		e, size := readVariable(text)
		switch {
		case size == 0:
			b.WriteByte(text[0])
			size = 1
		case e.kind == literalText:
			b.WriteByte('?')
		default:
			b.WriteByte('*')
		}
		text = text[size:]
	}
	return b.String()
}

// lintPassRole reports that any role may be handed to any service, which lets whoever may do it act as that role.
func (l *linter) lintPassRole() {
	s := l.statement
	n := slices.IndexFunc(s.Actions, func(pattern string) bool { return covers(strings.ToLower(pattern), "iam:passrole") })
	if n < 0 || slices.ContainsFunc(s.Conditions, func(c Condition) bool {
		return strings.EqualFold(c.Key, "iam:PassedToService") || strings.EqualFold(c.Key, "iam:AssociatedResourceArn")
	}) {
		return
	}
	const hint = "name the roles, or add a condition on iam:PassedToService"
	switch star := slices.Contains(s.Resources, "*"); {
	case s.NotResources != nil:
		l.report(l.at(n, "Action"), ClassSecurityWarning, "PASS_ROLE_WITH_NOT_RESOURCE", hint, "allows iam:PassRole for all roles but those listed")
	case star && strings.Contains(s.Actions[n], "*"):
		l.report(l.at(n, "Action"), ClassSecurityWarning, "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", hint, "%s includes iam:PassRole, for every role", s.Actions[n])
	case star:
		l.report(l.at(n, "Action"), ClassSecurityWarning, "PASS_ROLE_WITH_STAR_IN_RESOURCE", hint, "allows iam:PassRole for every role")
	}
}

// lintRedundancy reports a statement that another one makes needless.
func (l *linter) lintRedundancy(n int) {
	for other := range l.document.Statements {
		a, b := &l.document.Statements[other], &l.document.Statements[n]
		if l.budget <= 0 {
			return
		}
		if other != n && l.includes(a, b) && (other < n || !l.includes(b, a)) {
			l.report(place{l.value.start, l.path}, ClassSuggestion, "REDUNDANT_STATEMENT", "leave it out", "statement %d says all that this one says", other)
			return
		}
	}
}

// includes reports whether a statement applies, to the same effect, wherever another one does, as far as that can be seen from their
// texts.
func (l *linter) includes(wide, narrow *Statement) bool {
	l.budget -= 256
	all := func(wide, narrow []string, form func(string) string) bool {
		for _, pattern := range narrow {
			if !slices.ContainsFunc(wide, func(w string) bool { return l.covers(form(w), form(pattern)) }) {
				return false
			}
		}
		return true
	}
	same := func(s string) string { return s }
	return wide.Effect == narrow.Effect &&
		reflect.DeepEqual(wide.Principal, narrow.Principal) && reflect.DeepEqual(wide.NotPrincipal, narrow.NotPrincipal) &&
		slices.Equal(wide.NotActions, narrow.NotActions) && slices.Equal(wide.NotResources, narrow.NotResources) &&
		all(wide.Actions, narrow.Actions, strings.ToLower) && all(wide.Resources, narrow.Resources, same) &&
		(len(wide.Conditions) == 0 || reflect.DeepEqual(wide.Conditions, narrow.Conditions))
}

// lintCondition checks one key under one operator.
func (l *linter) lintCondition(c *Condition) {
	op, _ := parseOperator(c.Operator) // Parse let no other pass
	at := l.at(-1, "Condition", c.Operator, c.Key)
	if len(c.Values) == 0 {
		l.report(at, ClassSuggestion, "EMPTY_ARRAY_CONDITION", "leave the key out, or ask for values", "asks for no value")
	}
	t, known := l.keyType(at, c.Key)
	for n, value := range c.Values {
		at := l.at(n, "Condition", c.Operator, c.Key)
		variables := variableKeys(Version2012, []string{value})
		if len(variables) > 0 && c.variables(Version2012) == nil {
			l.report(at, ClassError, "INVALID_VARIABLE_FOR_OPERATOR", "write the value itself", "with %s a variable is literal text", c.Operator)
			continue
		}
		l.lintVariables(at, variables)
		if what := op.family.unreadable(value); what != "" && len(variables) == 0 {
			l.report(at, ClassError, "TYPE_MISMATCH", "", "%s compares with %s, which %q is not", c.Operator, what, value)
		} else if prefix, err := netip.ParsePrefix(value); op.family == addressFamily && err == nil && prefix != prefix.Masked() {
			l.report(at, ClassSuggestion, "IMPROVE_IP_RANGE", "write "+prefix.Masked().String(), "the range %s begins at another address", value)
		} else if op.family == nullFamily && !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			l.report(at, ClassError, "TYPE_MISMATCH", "", "Null compares with true or false, which %q is not", value)
		}
	}
	if known && op.family != nullFamily {
		l.lintType(at, c, op, t)
	}
	l.lintMFA(at, c, op)
}

func (l *linter) lintType(at place, c *Condition, op operator, t KeyType) {
	fits := map[KeyType][]family{
		KeyString:  {stringFamily, stringIgnoreCaseFamily, stringLikeFamily},
		KeyARN:     {arnFamily, stringFamily, stringIgnoreCaseFamily, stringLikeFamily},
		KeyNumeric: {numericFamily}, KeyDate: {dateFamily, numericFamily}, KeyBool: {boolFamily}, KeyBinary: {binaryFamily},
		KeyAddress: {addressFamily},
	}
	if !slices.Contains(fits[t.single()], op.family) {
		l.report(at, ClassError, "DATA_TYPE_MISMATCH", "", "%s does not suit the condition key %s, whose type is %s", c.Operator, c.Key, t)
	}
	switch many := t != t.single(); {
	case many && op.qualifier == noQualifier:
		l.report(at, ClassError, "MISSING_QUALIFIER", "put ForAllValues: or ForAnyValue: before the operator", "a request can have several values of %s", c.Key)
	case !many && op.qualifier == forAllValues && l.statement.Effect == Allow:
		l.report(at, ClassSecurityWarning, "FORALLVALUES_WITH_SINGLE_VALUED_KEY", "leave ForAllValues: out", "allows when %s is absent, too", c.Key)
	}
}

// lintMFA reports conditions that requests with long-term access keys slip past, which do not have the key (IAM User Guide,
// "aws:MultiFactorAuthPresent").
func (l *linter) lintMFA(at place, c *Condition, op operator) {
	if !strings.EqualFold(c.Key, "aws:MultiFactorAuthPresent") || op.family != boolFamily || len(c.Values) != 1 {
		return
	}
	asks := strings.EqualFold(c.Values[0], "true")
	switch {
	case l.statement.Effect == ExplicitDeny && !asks && !op.ifExists:
		l.report(at, ClassSecurityWarning, "MFA_KEY_MAY_BE_ABSENT", "use BoolIfExists", "does not deny requests with long-term access keys, which have no %s", c.Key)
	case l.statement.Effect == Allow && asks && op.ifExists:
		l.report(at, ClassSecurityWarning, "MFA_KEY_MAY_BE_ABSENT", "use Bool", "allows requests with long-term access keys, which have no %s", c.Key)
	}
}

// lintVariables checks the variables of a value.
func (l *linter) lintVariables(at place, keys []string) {
	for _, key := range keys {
		if l.document.Version != Version2012 {
			l.report(at, ClassWarning, "VARIABLE_WITH_OLD_VERSION", `use "Version": "`+Version2012+`"`, "under version %s the variable ${%s} is literal text", l.document.Version, key)
			return
		}
		if t, known := l.keyType(at, key); known && t != t.single() {
			l.report(at, ClassError, "MULTIVALUED_VARIABLE", "", "%s can have several values, so it has no value as a variable", key)
		}
	}
}

// keyType finds the type of a condition key and reports one that does not exist.
func (l *linter) keyType(at place, key string) (KeyType, bool) {
	prefix, _, found := strings.Cut(key, ":")
	if !found {
		l.report(at, ClassError, "INVALID_CONDITION_KEY_FORMAT", "", "a condition key has the form service:name, which %q has not", key)
		return "", false
	}
	if l.catalogue == nil {
		return "", false
	}
	if t, known := l.catalogue.keyType(key); known {
		return t, true
	}
	_, served := l.catalogue.service(prefix)
	switch {
	case strings.EqualFold(prefix, "aws"):
		l.report(at, ClassError, "INVALID_GLOBAL_CONDITION_KEY", "", "there is no global condition key %s", key)
	case served:
		l.report(at, ClassError, "INVALID_SERVICE_CONDITION_KEY", "", "service %s has no condition key %s", prefix, key)
	case !strings.Contains(prefix, "."): // with a point it is an identity provider's
		l.report(at, ClassWarning, "INVALID_SERVICE_IN_CONDITION_KEY", "check the prefix, or add a catalogue that has the key", "no catalogue has the condition key %s", key)
	}
	return "", false
}

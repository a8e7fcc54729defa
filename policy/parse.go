package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads a document of the given kind. An error is of type [Violations]: it names everything that is wrong with the document,
// or the first thing when the text is not JSON. With an error there is no document. The text is not kept.
//
// Parse accepts what AWS accepts. An action, condition key or resource that does not exist is no violation, and neither is a value
// that does not suit its operator; they never match. [Lint] reports them. Quotas limit the size of what is stored together, so they
// are left to the caller, who uses [Size].
func Parse(kind Kind, text []byte) (*Document, error) {
	root, fault := readJSON(text)
	if fault != nil {
		message := messageSyntax
		if kind == Trust {
			message = messageTrustJSON
		}
		return nil, sortViolations(text, []Violation{{Message: message, Hint: fault.hint}}, []int{fault.offset})
	}

	p := parser{text: text, locator: locator{text: text, at: Position{1, 1}}, document: &Document{Kind: kind, Version: Version2008}}
	p.readDocument(&root)
	if len(p.violations) > 0 {
		return nil, sortViolations(text, p.violations, p.offsets)
	}
	return p.document, nil
}

// Size returns the number of characters that count against the quotas for the size of policies. White space outside strings does
// not count (IAM User Guide, "IAM and AWS STS quotas").
func Size(text []byte) int {
	size, _ := measure(text, 0)
	return size
}

// measure returns the size of a text, and the offset of the first character that exceeds the limit. When none does, that is the
// length of the text.
func measure(text []byte, limit int) (size, over int) {
	over = len(text)
	inString, escaped := false, false
	for offset, c := range text {
		switch {
		case !inString && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			continue
		case escaped:
			escaped = false
		case c == '\\':
			escaped = inString
		case c == '"':
			inString = !inString
		}

		// A character is counted at its first byte.
		if utf8.RuneStart(c) {
			if size == limit {
				over = offset
			}
			size++
		}
	}
	return size, over
}

// parser builds a document from JSON and collects what is wrong.
type parser struct {
	text       []byte
	locator    locator
	document   *Document
	path       []step
	violations []Violation
	offsets    []int // of the violations
}

// step is one part of a path: the name of a member, or the index of an item.
type step struct {
	name   string
	index  int
	isItem bool
}

func (p *parser) enter(name string) { p.path = append(p.path, step{name: name}) }
func (p *parser) enterItem(n int)   { p.path = append(p.path, step{index: n, isItem: true}) }
func (p *parser) leave()            { p.path = p.path[:len(p.path)-1] }

// pathString returns the path of the current element, such as "Statement[0].Action[2]".
func (p *parser) pathString() string {
	var b strings.Builder
	for _, s := range p.path {
		switch {
		case s.isItem:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case b.Len() > 0:
			b.WriteString("." + printable(s.name))
		default:
			b.WriteString(printable(s.name))
		}
	}
	return b.String()
}

// report adds a violation at an offset in the current element. Beyond maxViolations it adds none.
func (p *parser) report(c check, offset int, message, hint string) {
	if len(p.violations) < maxViolations {
		p.violations = append(p.violations, Violation{Path: p.pathString(), Message: message, Hint: hint, check: c})
		p.offsets = append(p.offsets, offset)
	}
}

func (p *parser) reportSyntax(v *jsonValue, hint string) {
	p.report(checkSyntax, v.start, messageSyntax, hint)
}

func (p *parser) readDocument(root *jsonValue) {
	if root.kind != jsonObject {
		p.reportSyntax(root, "a policy is an object")
		return
	}

	hasStatement := false
	for n := range root.members {
		m := &root.members[n]
		p.enter(m.name)
		switch m.name {
		case "Version":
			p.document.Version = m.value.text
			if m.value.kind != jsonString || m.value.text != Version2008 && m.value.text != Version2012 {
				p.reportSyntax(&m.value, "Version is "+Version2012+" or "+Version2008)
			}
		case "Id":
			p.document.ID = p.readString(&m.value)
		case "Statement":
			hasStatement = true
			p.readStatements(&m.value)
		default:
			p.report(checkSyntax, m.start, messageSyntax, "unknown element")
		}
		p.leave()
	}
	if !hasStatement {
		p.reportSyntax(root, "Statement is missing")
	}
}

// readStatements reads the value of Statement: a list of statements, or a single one.
func (p *parser) readStatements(v *jsonValue) {
	items := v.items
	switch {
	case v.kind == jsonObject:
		items = []jsonValue{*v}
	case v.kind != jsonArray || len(items) == 0:
		p.reportSyntax(v, "Statement is an object or a list of at least one")
		return
	case len(items) > maxStatements:
		p.reportSyntax(v, "more than "+strconv.Itoa(maxStatements)+" statements")
		return
	}

	offsets := make([]int, len(items))
	p.document.Statements = make([]Statement, len(items))
	for n := range items {
		if v.kind == jsonArray {
			p.enterItem(n)
		}
		offsets[n] = items[n].start
		p.readStatement(&items[n], &p.document.Statements[n])
		if v.kind == jsonArray {
			p.leave()
		}
	}

	p.checkSIDs(offsets)
}

func (p *parser) readStatement(v *jsonValue, s *Statement) {
	if v.kind != jsonObject {
		p.reportSyntax(v, "a statement is an object")
		return
	}
	s.Start, s.End = p.locator.locate(v.start), p.locator.locate(v.end)

	for n := range v.members {
		m := &v.members[n]
		p.enter(m.name)
		switch m.name {
		case "Sid":
			s.SID = p.readString(&m.value)
			if kind := p.document.Kind; kind != Resource && kind < ServiceControl && s.SID != "" && !isName(s.SID, "") {
				p.report(checkSIDCharacters, m.value.start, messageSID, "")
			}
		case "Effect":
			s.Effect = p.readEffect(&m.value)
		case "Principal":
			s.Principal = p.readPrincipals(m)
		case "NotPrincipal":
			s.NotPrincipal = p.readPrincipals(m)
		case "Action":
			s.Actions = p.readValues(&m.value, p.checkAction)
		case "NotAction":
			s.NotActions = p.readValues(&m.value, p.checkAction)
		case "Resource":
			s.Resources = p.readValues(&m.value, p.checkResource)
		case "NotResource":
			s.NotResources = p.readValues(&m.value, p.checkResource)
		case "Condition":
			s.Conditions = p.readConditions(&m.value)
		default:
			p.report(checkSyntax, m.start, messageSyntax, "unknown element")
		}
		p.leave()
	}
	p.checkElements(v)
}

// checkElements checks which elements a statement has.
func (p *parser) checkElements(v *jsonValue) {
	has := func(name string) bool { return v.member(name) != nil }
	if !has("Effect") {
		p.reportSyntax(v, "Effect is missing")
	}
	for _, name := range []string{"Action", "Resource", "Principal"} {
		if has(name) && has("Not"+name) {
			p.reportSyntax(v, name+" and Not"+name+" exclude each other")
		}
	}
	if v.isEmpty("Action") && v.isEmpty("NotAction") {
		p.report(checkHasAction, v.start, messageNoAction, "")
	}
	p.checkResourceElements(v)
	p.checkPrincipalElements(v)
}

// checkResourceElements checks whether a statement has the resource that its kind of policy needs, or must not have. In a
// resource-based policy the resource may be missing, since it is what the policy is attached to.
func (p *parser) checkResourceElements(v *jsonValue) {
	switch p.document.Kind {
	case Trust:
		for _, name := range []string{"Resource", "NotResource", "NotPrincipal", "NotAction"} {
			if v.member(name) != nil {
				p.report(checkNoField, v.member(name).start, "Has prohibited field "+name+".", "")
			}
		}
	case Resource:
		written := v.member("Resource") != nil || v.member("NotResource") != nil
		if written && v.isEmpty("Resource") && v.isEmpty("NotResource") {
			p.report(checkHasResource, v.start, messageNoResource, "")
		}
	default:
		if v.isEmpty("Resource") && v.isEmpty("NotResource") {
			p.report(checkHasResource, v.start, messageNoResource, "")
		}
	}
}

// checkPrincipalElements checks whether a statement has the principal that its kind of policy needs, or must not have.
func (p *parser) checkPrincipalElements(v *jsonValue) {
	principal, notPrincipal := v.member("Principal"), v.member("NotPrincipal")

	switch p.document.Kind {
	case ResourceControl: // it is about everyone, so decisions do not look at its principal
		switch {
		case notPrincipal != nil:
			p.report(checkNoField, notPrincipal.start, "Has prohibited field NotPrincipal.", "")
		case principal == nil:
			p.report(checkHasPrincipal, v.start, messageNeedsTrustee, "")
		case principal.value.kind != jsonString || principal.value.text != "*":
			p.reportSyntax(&principal.value, `Principal of a resource control policy is "*"`)
		}
	case Trust, Resource:
		if principal == nil && notPrincipal == nil {
			p.report(checkHasPrincipal, v.start, messageNeedsTrustee, "")
		}
	default:
		for _, m := range []*jsonMember{principal, notPrincipal} {
			if m != nil {
				p.report(checkNoPrincipal, m.start, messagePrincipal, "")
			}
		}
	}
}

// member returns the member of an object with a name, or nil.
func (v *jsonValue) member(name string) *jsonMember {
	for n := range v.members {
		if v.members[n].name == name {
			return &v.members[n]
		}
	}
	return nil
}

// isEmpty reports whether a member is missing or an empty list.
func (v *jsonValue) isEmpty(name string) bool {
	m := v.member(name)
	return m == nil || m.value.kind == jsonArray && len(m.value.items) == 0
}

func (p *parser) readString(v *jsonValue) string {
	if v.kind != jsonString {
		p.reportSyntax(v, "not a string")
	}
	return v.text
}

func (p *parser) readEffect(v *jsonValue) Effect {
	switch {
	case v.kind == jsonString && v.text == "Allow":
		return Allow
	case v.kind == jsonString && v.text == "Deny":
		return ExplicitDeny
	case v.kind == jsonString && (strings.EqualFold(v.text, "Allow") || strings.EqualFold(v.text, "Deny")):
		p.report(checkLegacy, v.start, messageLegacy, "Effect is Allow or Deny in this letter case")
	default:
		p.reportSyntax(v, "Effect is Allow or Deny")
	}
	return ImplicitDeny
}

// readValues reads a string or a list of strings and checks each.
func (p *parser) readValues(v *jsonValue, check func(*jsonValue)) []string {
	return p.readList(v, func(item *jsonValue) {
		if item.kind != jsonString {
			p.reportSyntax(item, "not a string")
			return
		}
		check(item)
	})
}

// readList reads one value or a list, and calls check for each value.
func (p *parser) readList(v *jsonValue, check func(*jsonValue)) []string {
	items := v.items
	if v.kind != jsonArray {
		items = []jsonValue{*v}
	}

	values := make([]string, len(items))
	for n := range items {
		if v.kind == jsonArray {
			p.enterItem(n)
		}
		values[n] = items[n].text
		check(&items[n])
		if specials(values[n]) > maxSpecials {
			p.reportSyntax(&items[n], "more than "+strconv.Itoa(maxSpecials)+" wildcards and variables in one value")
		}
		if v.kind == jsonArray {
			p.leave()
		}
	}
	return values
}

// specials counts the wildcards and variables in a value, which are what matching it takes time for.
func specials(s string) int {
	return strings.Count(s, "*") + strings.Count(s, "?") + strings.Count(s, "${")
}

func (p *parser) readPrincipals(m *jsonMember) *Principals {
	v := &m.value
	names := &Principals{}
	if v.kind == jsonString && v.text == "*" {
		names.AWS = []string{"*"}
		return names
	}
	if v.kind != jsonObject {
		p.reportSyntax(v, `a principal is "*" or an object`)
		return names
	}

	for n := range v.members {
		member := &v.members[n]
		p.enter(member.name)
		list := p.readValues(&member.value, func(item *jsonValue) { p.checkPrincipal(member.name, item) })
		switch member.name {
		case "AWS":
			names.AWS = list
		case "Federated":
			names.Federated = list
		case "Service":
			names.Service = list
		case "CanonicalUser":
			names.CanonicalUser = list
		default:
			p.report(checkSyntax, member.start, messageSyntax, "unknown kind of principal")
		}
		p.leave()
	}
	return names
}

func (p *parser) readConditions(v *jsonValue) []Condition {
	if v.kind != jsonObject {
		p.reportSyntax(v, "Condition is an object of operators")
		return nil
	}
	var conditions []Condition
	for n := range v.members {
		m := &v.members[n]
		p.enter(m.name)
		conditions = p.readOperator(conditions, m)
		p.leave()
	}
	return conditions
}

// readOperator reads the condition keys under one operator, and adds a condition for each.
func (p *parser) readOperator(conditions []Condition, m *jsonMember) []Condition {
	op, known := parseOperator(m.name)
	switch {
	case m.value.kind != jsonObject:
		p.reportSyntax(&m.value, "an operator has an object of condition keys")
		return conditions
	case !known && len(m.value.members) > 0:
		p.report(checkSyntax, m.start, messageSyntax, "unknown operator")
		return conditions
	}

	for n := range m.value.members {
		key := &m.value.members[n]
		p.enter(key.name)
		values := p.readList(&key.value, func(item *jsonValue) {
			switch item.kind {
			case jsonString, jsonNumber, jsonBool:
			default:
				p.reportSyntax(item, "a condition's value is a string, a number or a boolean")
				return
			}
			if _, ok := parseInstant(item.text); op.family == dateFamily && !ok {
				p.report(checkLegacy, item.start, messageLegacy, "not a date of ISO 8601")
			}
		})
		conditions = append(conditions, Condition{Operator: m.name, Key: key.name, Values: values})
		p.leave()
	}
	return conditions
}

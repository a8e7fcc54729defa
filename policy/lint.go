package policy

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Class is how serious a finding is (IAM User Guide, "Access Analyzer policy check reference").
type Class string

// The classes of findings.
const (
	ClassError           Class = "ERROR"            // the policy does not do what it says
	ClassSecurityWarning Class = "SECURITY_WARNING" // it allows more than its author may expect
	ClassWarning         Class = "WARNING"          // it does not follow the guide's advice
	ClassSuggestion      Class = "SUGGESTION"       // it could be simpler
)

// Finding is one thing about a policy that its author should look at.
type Finding struct {
	Position
	Path    string // to the element, such as "Statement[0].Action[2]"; empty for the document
	Class   Class
	Code    string // of the check: Access Analyzer's, when it has the same check
	Message string
	Hint    string // what to do about it; may be empty
}

// CodeMalformed is the code of findings that are [Violations]. AWS does not store a policy that has any.
const CodeMalformed = "MALFORMED_POLICY_DOCUMENT"

// Lint reports what is wrong, dangerous or needless in a policy with a given attachment, in the order of the text. When [Parse]
// refuses the text, the findings are the violations, and the size when it is too large. Without a catalogue Lint does not check
// whether actions, resources and condition keys exist. It reports at most 101 findings. Its work is bounded: in a text far beyond
// AWS's quotas it does not compare all values with all others.
func Lint(a Attachment, text []byte, catalogue *Catalogue) []Finding {
	findings := lintText(a, text, catalogue)

	// A text of more than maxCharacters is a violation already.
	if size, over := measure(text, a.MaxSize); a.MaxSize > 0 && size > a.MaxSize && utf8.RuneCount(text) <= maxCharacters {
		places := locator{text: text, at: Position{1, 1}}
		findings = append(findings, Finding{
			places.locate(over), "", ClassError, a.Kind.sizeCode(),
			fmt.Sprintf("the policy has %d characters, white space not counted, and may have %d", size, a.MaxSize),
			"split it, or say the same in fewer statements",
		})
		slices.SortStableFunc(findings, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
	}
	return findings
}

// sizeCode returns the code of the finding about a policy that is too large.
func (k Kind) sizeCode() string {
	switch k {
	case Resource, Trust:
		return "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA"
	case ServiceControl:
		return "POLICY_SIZE_EXCEEDS_SCP_QUOTA"
	case ResourceControl:
		return "POLICY_SIZE_EXCEEDS_RCP_QUOTA"
	}
	return "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"
}

// lintText returns all findings but the one about the size.
func lintText(a Attachment, text []byte, catalogue *Catalogue) []Finding {
	document, err := Parse(a.Kind, text)
	if violations, ok := err.(Violations); ok {
		findings := make([]Finding, len(violations))
		for n, v := range violations {
			findings[n] = Finding{v.Position, v.Path, ClassError, CodeMalformed, v.Message, v.Hint}
		}
		return findings
	}

	root, _ := readJSON(text) // it is JSON, since Parse has read it
	l := linter{
		attachment: a, document: document, catalogue: catalogue, root: &root, budget: maxLintSteps,
		meanings: make(map[string]meaning), unknown: make(map[string]bool), keyMeanings: make(map[string]keyMeaning),
	}
	l.lintDocument()

	// The locator goes through the text once, so it needs the findings in the order of the text.
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

// linter looks for findings. It has the document for what statements mean, and its JSON for where they stand.
type linter struct {
	attachment Attachment
	document   *Document
	catalogue  *Catalogue // may be nil
	root       *jsonValue
	found      []found
	budget     int                // how many steps of comparing patterns are left
	meanings   map[string]meaning // of patterns of actions
	unknown    map[string]bool    // services that were reported as unknown, in lower case

	keyMeanings map[string]keyMeaning // of condition keys, in lower case

	// The statement that is being looked at.
	statement *Statement
	value     *jsonValue
	path      string
	keys      map[string]bool // its condition keys, in lower case
}

// maxLintSteps bounds how long patterns are compared with each other, to some tenths of a second. A policy within AWS's quotas
// needs fewer steps.
const maxLintSteps = 1 << 26

// covers does what the function covers does. It returns false when the budget is spent.
func (l *linter) covers(pattern, other string) bool {
	l.budget -= 16 + len(pattern)*len(other)
	return l.budget > 0 && covers(pattern, other)
}

// place is where an element of the current statement, or a value in it, stands.
type place struct {
	offset int
	path   string
}

// at returns the place of item n of an element, which is found by the names of the members that lead to it. A single value is item
// 0. A negative n means the element itself. Where a member is missing, the place is that of the object that lacks it.
func (l *linter) at(n int, names ...string) place {
	p := place{l.value.start, l.path}
	v := l.value

	for _, name := range names {
		m := v.member(name)
		if m == nil {
			return p
		}
		p = p.member(m)
		v = &m.value
	}

	if n < 0 {
		return p
	}
	return p.item(v, n)
}

// member returns the place of a member of the object at p.
func (p place) member(m *jsonMember) place { return place{m.start, p.path + "." + printable(m.name)} }

// item returns the place of item n of the value at p. A single value is its own item.
func (p place) item(v *jsonValue, n int) place {
	if v.kind != jsonArray {
		return place{v.start, p.path}
	}
	return place{v.items[n].start, fmt.Sprintf("%s[%d]", p.path, n)}
}

// report adds a finding. Beyond maxViolations it adds none. Texts of the policy go into the message only as arguments, so that they
// are made printable.
func (l *linter) report(at place, class Class, code, hint, format string, args ...any) {
	if len(l.found) >= maxViolations {
		return
	}

	for n := range args {
		if text, ok := args[n].(string); ok {
			args[n] = printable(text)
		}
	}
	l.found = append(l.found, found{
		Finding{Path: at.path, Class: class, Code: code, Message: fmt.Sprintf(format, args...), Hint: printable(hint)}, at.offset,
	})
}

func (l *linter) lintDocument() {
	l.lintVersion()
	if id := l.root.member("Id"); id != nil && l.document.Kind != Resource && l.document.Kind != Trust {
		l.report(place{id.start, "Id"}, ClassWarning, "UNSUPPORTED_ID", "leave it out", "Id is an element of resource-based policies")
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

// lintVersion reports a version that the attachment does not accept, and one that is missing.
func (l *linter) lintVersion() {
	start := place{l.root.start, ""}
	version := l.root.member("Version")
	switch {
	case l.attachment.Version2012 && l.document.Version != Version2012:
		if version != nil {
			start = place{version.value.start, "Version"}
		}
		l.report(start, ClassError, CodeMalformed, `use "Version": "`+Version2012+`"`, "%s", messageVersion)
	case version == nil:
		l.report(start, ClassWarning, "MISSING_VERSION", `add "Version": "`+Version2012+`"`,
			"without Version the policy has version %s, which has no variables", Version2008)
	}
}

func (l *linter) lintStatement() {
	s := l.statement
	l.keys = make(map[string]bool)
	for n := range s.Conditions {
		l.keys[strings.ToLower(s.Conditions[n].Key)] = true
	}
	if m := l.value.member("Sid"); m != nil && s.SID == "" {
		l.report(l.at(-1, "Sid"), ClassSuggestion, "EMPTY_SID_VALUE", "give it a name or leave it out", "the statement's Sid is empty")
	}

	l.lintPrincipals()
	l.lintActions("Action", s.Actions)
	l.lintActions("NotAction", s.NotActions)
	l.lintResources("Resource", s.Resources)
	l.lintResources("NotResource", s.NotResources)
	l.lintResourceTypes()

	switch {
	case l.document.Kind == ResourceControl:
		l.lintResourceControl()
	case s.Effect == Allow && !l.document.Kind.limits():
		if s.NotActions != nil {
			l.report(l.at(-1, "NotAction"), ClassSecurityWarning, "ALLOW_WITH_NOT_ACTION",
				"list the actions that are meant, or use NotAction with Deny",
				"allows every action of every service except those listed, also actions that are added later")
		}
		if l.document.Kind == Identity {
			l.lintRoles()
		}
	}

	l.lintConditions()
}

// limits reports whether policies of the kind grant nothing and only limit what other policies grant.
func (k Kind) limits() bool {
	return k == Boundary || k == Session || k == ServiceControl || k == ResourceControl
}

// lintResourceControl reports what a resource control policy must not have, although all other policies may (AWS Organizations User
// Guide, "RCP syntax"). Service control policies have the whole language since 2025.
func (l *linter) lintResourceControl() {
	s := l.statement
	full := slices.Equal(s.Actions, []string{"*"}) && slices.Equal(s.Resources, []string{"*"}) && len(s.Conditions) == 0
	if s.Effect == Allow && !full {
		l.report(l.at(-1, "Effect"), ClassError, "RCP_SYNTAX_ERROR_ALLOW", "use Deny, with the condition negated",
			"a resource control policy can only deny, except for the one that allows everything")
	}
	if s.NotActions != nil {
		l.report(l.at(-1, "NotAction"), ClassError, "RCP_SYNTAX_ERROR_NOTACTION", "list the actions that are meant",
			"a resource control policy cannot have NotAction")
	}
}

// lintRedundancy reports statement n when another one makes it needless. Of two that say the same, the later one is needless.
func (l *linter) lintRedundancy(n int) {
	for other := range l.document.Statements {
		a, b := &l.document.Statements[other], &l.document.Statements[n]
		if l.budget <= 0 {
			return
		}
		if other != n && l.includes(a, b) && (other < n || !l.includes(b, a)) {
			l.report(place{l.value.start, l.path}, ClassSuggestion, "REDUNDANT_STATEMENT", "leave it out",
				"statement %d says everything that this one says", other)
			return
		}
	}
}

// includes reports whether a statement has the same effect as another one and applies wherever that one does, as far as their texts
// show.
func (l *linter) includes(wide, narrow *Statement) bool {
	l.budget -= 256
	all := func(wide, narrow []string, covers func(pattern, other string) bool) bool {
		for _, pattern := range narrow {
			if !slices.ContainsFunc(wide, func(w string) bool { return covers(w, pattern) }) {
				return false
			}
		}
		return true
	}

	return wide.Effect == narrow.Effect &&
		reflect.DeepEqual(wide.Principal, narrow.Principal) && reflect.DeepEqual(wide.NotPrincipal, narrow.NotPrincipal) &&
		slices.Equal(wide.NotActions, narrow.NotActions) && slices.Equal(wide.NotResources, narrow.NotResources) &&
		(wide.Resources == nil) == (narrow.Resources == nil) &&
		all(wide.Actions, narrow.Actions, l.coversAction) && all(wide.Resources, narrow.Resources, l.coversResource) &&
		(len(wide.Conditions) == 0 || reflect.DeepEqual(wide.Conditions, narrow.Conditions))
}

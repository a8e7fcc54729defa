package policy

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
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
	findings := lintText(a, text, catalogue)
	// Of a text too long to be read, Parse says so.
	if size, over := measure(text, a.MaxSize); a.MaxSize > 0 && size > a.MaxSize && utf8.RuneCount(text) <= maxCharacters {
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
		return "POLICY_SIZE_EXCEEDS_SCP_QUOTA"
	case ResourceControl:
		return "POLICY_SIZE_EXCEEDS_RCP_QUOTA"
	}
	return "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"
}

func lintText(a Attachment, text []byte, catalogue *Catalogue) []Finding {
	document, err := Parse(a.Kind, text)
	if violations, ok := err.(Violations); ok {
		findings := make([]Finding, len(violations))
		for n, v := range violations {
			findings[n] = Finding{v.Position, v.Path, ClassError, CodeMalformed, v.Message, v.Hint}
		}
		return findings
	}
	root, _ := readJSON(text) // Parse read it
	l := linter{attachment: a, document: document, catalogue: catalogue, root: &root, budget: maxLintSteps, meanings: make(map[string]meaning), unknown: make(map[string]bool), keyMeanings: make(map[string]keyMeaning)}
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
	attachment Attachment
	document   *Document
	catalogue  *Catalogue // may be nil
	root       *jsonValue
	found      []found
	budget     int                // steps of comparing patterns that may still be made
	meanings   map[string]meaning // of patterns of actions
	unknown    map[string]bool    // services that are reported as unknown, in lower case
	// keyMeanings are what the catalogue knows of condition keys, in lower case
	keyMeanings map[string]keyMeaning
	// of the statement at hand
	statement *Statement
	value     *jsonValue
	path      string
	keys      map[string]bool // its condition keys, in lower case
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
		p = p.member(m)
		v = &m.value
	}
	if n < 0 {
		return p
	}
	return p.item(v, n)
}

// member is the place of an element within the one at p.
func (p place) member(m *jsonMember) place { return place{m.start, p.path + "." + printable(m.name)} }

// item is the place of item n of the value of the element at p.
func (p place) item(v *jsonValue, n int) place {
	if v.kind != jsonArray {
		return place{v.start, p.path}
	}
	return place{v.items[n].start, fmt.Sprintf("%s[%d]", p.path, n)}
}

func (l *linter) report(at place, class Class, code, hint, format string, args ...any) {
	if len(l.found) < maxViolations {
		for n := range args {
			if text, ok := args[n].(string); ok {
				args[n] = printable(text)
			}
		}
		l.found = append(l.found, found{Finding{Path: at.path, Class: class, Code: code, Message: fmt.Sprintf(format, args...), Hint: printable(hint)}, at.offset})
	}
}

func (l *linter) lintDocument() {
	start := place{l.root.start, ""}
	version := l.root.member("Version")
	switch {
	case l.attachment.Version2012 && l.document.Version != Version2012:
		if version != nil {
			start = place{version.value.start, "Version"}
		}
		l.report(start, ClassError, CodeMalformed, `use "Version": "`+Version2012+`"`, "%s", messageVersion)
	case version == nil:
		l.report(start, ClassWarning, "MISSING_VERSION", `add "Version": "`+Version2012+`"`, "without Version the policy has version %s, which has no variables", Version2008)
	}
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
			l.report(l.at(-1, "NotAction"), ClassSecurityWarning, "ALLOW_WITH_NOT_ACTION", "list the actions that are meant, or use NotAction with Deny",
				"allows every action of every service but those listed, also such as come later")
		}
		if l.document.Kind == Identity {
			l.lintRoles()
		}
	}
	l.lintConditions()
}

// limits reports whether policies of the kind grant nothing and only limit what others grant.
func (k Kind) limits() bool {
	return k == Boundary || k == Session || k == ServiceControl || k == ResourceControl
}

// lintResourceControl checks what only resource control policies may not have (AWS Organizations User Guide, "RCP syntax"). Service
// control policies have had the whole language since 2025.
func (l *linter) lintResourceControl() {
	s := l.statement
	full := slices.Equal(s.Actions, []string{"*"}) && slices.Equal(s.Resources, []string{"*"}) && len(s.Conditions) == 0
	if s.Effect == Allow && !full {
		l.report(l.at(-1, "Effect"), ClassError, "RCP_SYNTAX_ERROR_ALLOW", "use Deny, with the condition negated", "a resource control policy can only deny, but for the one that allows everything")
	}
	if s.NotActions != nil {
		l.report(l.at(-1, "NotAction"), ClassError, "RCP_SYNTAX_ERROR_NOTACTION", "list the actions that are meant", "a resource control policy cannot have NotAction")
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

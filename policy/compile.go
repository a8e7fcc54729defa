package policy

import (
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
)

// Source is a document and what it is called where it is attached, such as "inline:Self" or the ARN of a managed policy.
type Source struct {
	ID       string
	Document *Document
}

// Set is the compiled policies of one type that apply together: any of them may allow, any may deny. It is immutable. A nil
// *Set has no statements.
type Set struct {
	kind       Kind
	sources    []Source    // as compiled, for Explain
	statements []statement // those that deny first
	denying    int         // how many deny
	index      *index      // nil for few statements
}

// statement is a compiled Statement.
type statement struct {
	source       string
	origin       *Statement
	notPrincipal bool
	notAction    bool
	notResource  bool
	principals   *Principals // nil when the statement has none
	actions      []actionPattern
	resources    []arnPattern
	conditions   []condition
}

// Len returns the number of statements.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.statements)
}

// IsAbout reports whether a statement of the set is about a resource, whatever else it asks.
func (s *Set) IsAbout(resource string, ctx *Context) bool {
	q := query{request: &Request{Resource: resource, Context: ctx}}
	return s != nil && slices.ContainsFunc(s.statements, func(st statement) bool { return st.matchesResource(&q) })
}

// Compile prepares documents of one kind for Evaluate. The documents must have come from Parse.
func Compile(sources ...Source) *Set {
	set := &Set{sources: slices.Clone(sources)}
	for _, effect := range []Effect{ExplicitDeny, Allow} {
		for _, source := range sources {
			set.kind = source.Document.Kind
			variables := source.Document.Version == Version2012
			for n := range source.Document.Statements {
				if s := &source.Document.Statements[n]; s.Effect == effect {
					set.statements = append(set.statements, compileStatement(source.ID, s, variables))
				}
			}
		}
		if effect == ExplicitDeny {
			set.denying = len(set.statements)
		}
	}
	if len(set.statements) >= indexFrom {
		set.index = newIndex(set.statements)
	}
	return set
}

func compileStatement(source string, s *Statement, variables bool) statement {
	compiled := statement{
		source: source, origin: s,
		principals: s.Principal, notPrincipal: s.NotPrincipal != nil,
		notAction: s.NotActions != nil, notResource: s.NotResources != nil,
	}
	if s.NotPrincipal != nil {
		compiled.principals = s.NotPrincipal
	}
	for _, action := range append(s.Actions[:len(s.Actions):len(s.Actions)], s.NotActions...) {
		compiled.actions = append(compiled.actions, compileAction(action))
	}
	for _, resource := range append(s.Resources[:len(s.Resources):len(s.Resources)], s.NotResources...) {
		compiled.resources = append(compiled.resources, compileARN(resource, variables, false))
	}
	for n := range s.Conditions {
		compiled.conditions = append(compiled.conditions, compileCondition(&s.Conditions[n], variables))
	}
	return compiled
}

// actionPattern is a compiled value of Action or NotAction. Letter case is ignored.
type actionPattern struct {
	glob
	hash uint64 // foldHash of globExact's text; else of the service and its colon, or 0 for a pattern of every service
}

func compileAction(text string) actionPattern {
	p := actionPattern{glob: compileGlob(text, globSyntax{wildcards: true, fold: true})}
	if p.form == globExact {
		p.hash = foldHash(text)
	} else if colon := strings.IndexByte(text, ':'); colon >= 0 && !strings.ContainsAny(text[:colon], "*?") {
		p.hash = foldHash(text[:colon+1])
	}
	return p
}

// applies reports whether all elements but the principal hold. The cheapest come first.
func (s *statement) applies(q *query) bool {
	return s.matchesAction(q) && s.matchesResource(q) && s.conditionsHold(q.request.Context)
}

// matchesAction compares two numbers for most actions that do not fit.
func (s *statement) matchesAction(q *query) bool {
	for n := range s.actions {
		p := &s.actions[n]
		if (p.form != globExact || p.hash == q.action) && p.match(q.request.Action, nil) {
			return !s.notAction
		}
	}
	return s.notAction
}

// matchesResource is true for the policies that have no Resource, as those of roles: they are about what they are attached to.
func (s *statement) matchesResource(q *query) bool {
	for n := range s.resources {
		if s.resources[n].match(q.request.Resource, q.request.Context) {
			return !s.notResource
		}
	}
	return s.notResource || len(s.resources) == 0
}

func (s *statement) conditionsHold(ctx *Context) bool {
	for n := range s.conditions {
		if !s.conditions[n].holds(ctx) {
			return false
		}
	}
	return true
}

// accountOf returns the account that an AWS principal stands for as a whole, by number or as its root ARN.
func accountOf(principal string) (string, bool) {
	if arn.IsAccountID(principal) {
		return principal, true
	}
	if name, err := arn.Parse(principal); err == nil && name.Service == "iam" && name.Resource == "root" {
		return name.AccountID, true
	}
	return "", false
}

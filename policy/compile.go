package policy

import (
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
)

// Source is a document with the name that it has where it is attached, such as "inline:Self" or the ARN of a managed policy. A
// [Decision] repeats that name.
type Source struct {
	ID       string
	Document *Document
}

// Set holds the compiled policies of one type that apply together: each of them may allow, and each may deny. It is made by
// [Compile] and never changes. A nil *Set has no statements.
type Set struct {
	kind       Kind
	sources    []Source    // as they were given to Compile, for Explain
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

// IsAbout reports whether the Resource or NotResource of some statement in the set matches a resource. The other elements of the
// statement are not looked at.
func (s *Set) IsAbout(resource string, ctx *Context) bool {
	q := query{request: &Request{Resource: resource, Context: ctx}}
	return s != nil && slices.ContainsFunc(s.statements, func(st statement) bool { return st.matchesResource(&q) })
}

// Compile prepares documents of one kind for [Evaluate] and [Explain]. The documents must have come from [Parse].
func Compile(sources ...Source) *Set {
	set := &Set{sources: slices.Clone(sources)}

	// Statements that deny come first, so that the first statement that applies decides.
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

	// At most one list of each pair is set. The full slice expressions keep append from writing into the document.
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

	// hash is the foldHash of the whole action when the pattern has no wildcard. Otherwise it is the foldHash of the service
	// with its colon, or 0 when the pattern is not limited to one service.
	hash uint64
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

// applies reports whether all elements but the principal match. It looks at the cheapest first.
func (s *statement) applies(q *query) bool {
	return s.matchesAction(q) && s.matchesResource(q) && s.conditionsHold(q.request.Context)
}

// matchesAction reports whether Action or NotAction matches. Comparing the hashes first spares the comparison of texts for most
// actions that do not match.
func (s *statement) matchesAction(q *query) bool {
	for n := range s.actions {
		p := &s.actions[n]
		if (p.form != globExact || p.hash == q.action) && p.match(q.request.Action, nil) {
			return !s.notAction
		}
	}
	return s.notAction
}

// matchesResource reports whether Resource or NotResource matches. A policy without either, such as the trust policy of a role, is
// about what it is attached to, so it always matches.
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

// accountOf returns the id of the account when an AWS principal stands for a whole account: by its number, or by the ARN of its
// root user.
func accountOf(principal string) (string, bool) {
	if arn.IsAccountID(principal) {
		return principal, true
	}
	if name, err := arn.Parse(principal); err == nil && name.Service == "iam" && name.Resource == "root" {
		return name.AccountID, true
	}
	return "", false
}

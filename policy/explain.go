package policy

import (
	"slices"
	"strings"
)

// Explanation is a decision with an account of how it came about.
type Explanation struct {
	Decision   Decision     // the same as Evaluate returns
	Verdicts   []Verdict    // one for each type of policy that takes part, in the order in which an explicit deny is looked for
	Considered []Considered // every statement of these types, in the same order
	Missing    []string     // condition keys that statements about the action use and the request lacks, sorted
}

// Verdict is what the policies of one type come to together. It is ImplicitDeny when no statement applies.
type Verdict struct {
	Type   Kind
	Level  int // of an organization's policies: 0 is its root
	Effect Effect
	Note   string // a fact that one needs to understand the verdict; often empty
}

// Considered is a statement with the result of comparing it with the request.
type Considered struct {
	Type      Kind
	Level     int
	Source    string // the ID of its Source
	Index     int    // of the statement in its document
	Statement *Statement
	Applies   bool
	Missing   []string // condition keys that the statement uses and the request lacks, up to the element that did not match

	request *Request
	version string // of its document
	failed  cause
	at      int // the index of the condition, when a condition failed
}

// cause is the element of a statement that keeps it from applying.
type cause uint8

const (
	noCause cause = iota
	principalCause
	actionCause
	resourceCause
	conditionCause
)

// Explain decides as [Evaluate] does and accounts for every statement (IAM User Guide, "Policy evaluation logic" and "Troubleshoot
// access denied error messages"). It matches each element with the code that Evaluate uses, so an explanation cannot disagree with
// the decision. It is slower, because it looks at every statement: use it for people and for simulations.
func Explain(p *Policies, r *Request) Explanation {
	e := explainer{query: query{request: r, action: foldHash(r.Action)}}
	e.Decision = Evaluate(p, r)

	for level, set := range p.ServiceControl {
		e.consider(ServiceControl, level, set, "")
	}
	for level, set := range p.ResourceControl {
		e.consider(ResourceControl, level, set, "")
	}
	e.considerResource(p)
	e.considerOwn(p)

	for n := range e.Considered {
		e.Missing = append(e.Missing, e.Considered[n].Missing...)
	}
	e.Missing = DistinctKeys(e.Missing)
	return e.Explanation
}

// explainer builds an explanation.
type explainer struct {
	Explanation
	query
}

// note adds the verdict of a type of which the request has no policies.
func (e *explainer) note(kind Kind, effect Effect, note string) {
	e.Verdicts = append(e.Verdicts, Verdict{Type: kind, Effect: effect, Note: note})
}

// considerResource adds the verdict of the resource's policy, or says what follows from having none.
func (e *explainer) considerResource(p *Policies) {
	r := e.request
	foreign := r.Principal.ARN != "" && r.Principal.AccountID != r.ResourceAccountID

	switch {
	case p.Resource != nil && p.Resource.kind == Trust:
		e.consider(Trust, 0, p.Resource, "a role's trust policy must allow whoever assumes the role")
	case p.Resource != nil && foreign:
		e.consider(Resource, 0, p.Resource, "the resource belongs to another account, so its policy must allow too")
	case p.Resource != nil:
		e.consider(Resource, 0, p.Resource, "")
	case foreign:
		e.note(Resource, ImplicitDeny, "the resource belongs to another account and has no policy that could allow")
	case r.Principal.ARN == "":
		e.note(Resource, ImplicitDeny, "only a policy of the resource could allow a caller without credentials")
	}
}

// considerOwn adds the verdicts of the principal's own policies.
func (e *explainer) considerOwn(p *Policies) {
	r := e.request
	if r.Principal.Root {
		e.note(Identity, Allow, "the root user may do everything in its account")
		return
	}

	const limits = "it grants nothing by itself, and denies what it does not allow"
	if p.Identity != nil || r.Principal.ARN != "" {
		e.consider(Identity, 0, p.Identity, "")
	}
	if p.Boundary != nil {
		e.consider(Boundary, 0, p.Boundary, limits)
	}
	if p.Session != nil {
		e.consider(Session, 0, p.Session, limits)
	} else if isFederatedUser(r.Principal.ARN) {
		e.note(Session, ImplicitDeny, "without a session policy, a federated user has no permissions of its own")
	}
}

// consider adds every statement of a set, and the verdict that they come to. The set may be nil.
func (e *explainer) consider(kind Kind, level int, set *Set, note string) {
	verdict := Verdict{Type: kind, Level: level, Note: note}
	if set == nil {
		e.Verdicts = append(e.Verdicts, verdict)
		return
	}

	// Compile has put the statements that deny first. Apart from that they keep their order, so two counters find each of them.
	denying, allowing := 0, set.denying
	for _, source := range set.sources {
		for n := range source.Document.Statements {
			s := &source.Document.Statements[n]
			next := &allowing
			if s.Effect == ExplicitDeny {
				next = &denying
			}

			c := Considered{
				Type: kind, Level: level, Source: source.ID, Index: n, Statement: s,
				request: e.request, version: source.Document.Version,
			}
			c.match(&e.query, &set.statements[*next])
			*next++
			e.Considered = append(e.Considered, c)

			if c.Applies && verdict.Effect != ExplicitDeny {
				verdict.Effect = s.Effect
			}
		}
	}
	e.Verdicts = append(e.Verdicts, verdict)
}

// match finds the first element that does not match.
func (c *Considered) match(q *query, compiled *statement) {
	c.failed, c.at = c.firstFailure(q, compiled)
	c.Applies = c.failed == noCause
	c.Missing = DistinctKeys(c.Missing)
}

// firstFailure returns the element that does not match, with the index of the condition when it is one. On the way it notes which
// condition keys are missing: only those of statements about the action matter to whoever asks.
func (c *Considered) firstFailure(q *query, compiled *statement) (cause, int) {
	s := c.Statement
	if (c.Type == Resource || c.Type == Trust) && !compiled.isAbout(&q.request.Principal) {
		return principalCause, 0
	}
	if !compiled.matchesAction(q) {
		return actionCause, 0
	}

	c.noteMissing(s.resourceVariables(c.version))
	if !compiled.matchesResource(q) {
		return resourceCause, 0
	}

	// Note the keys of all conditions before the first that fails ends the search.
	for n := range s.Conditions {
		c.noteMissing(append(s.Conditions[n].variables(c.version), s.Conditions[n].Key))
	}
	for n := range s.Conditions {
		if !compiled.conditions[n].holds(q.request.Context) {
			return conditionCause, n
		}
	}
	return noCause, 0
}

// noteMissing notes which of the keys the request lacks.
func (c *Considered) noteMissing(keys []string) {
	for _, key := range keys {
		if _, present := c.request.Context.Get(key); !present {
			c.Missing = append(c.Missing, key)
		}
	}
}

// isAbout reports whether a statement of a resource's policy is about a principal.
func (s *statement) isAbout(p *Principal) bool {
	if s.origin.Effect == ExplicitDeny {
		return s.deniesTo(p)
	}
	return s.grantTo(p) != noGrant
}

// ContextKeys returns the condition keys that documents use in their conditions and as variables (IAM API,
// GetContextKeysForCustomPolicy). The keys are sorted. Each is there once, as it is written at its first place.
func ContextKeys(documents ...*Document) []string {
	var keys []string
	for _, d := range documents {
		for n := range d.Statements {
			s := &d.Statements[n]
			keys = append(keys, s.resourceVariables(d.Version)...)
			for n := range s.Conditions {
				keys = append(keys, s.Conditions[n].Key)
				keys = append(keys, s.Conditions[n].variables(d.Version)...)
			}
		}
	}
	return DistinctKeys(keys)
}

// DistinctKeys sorts names of condition keys and drops those that differ from an earlier one in letter case only. It changes the
// slice that it is given.
func DistinctKeys(names []string) []string {
	if len(names) < 2 {
		return names
	}
	seen := make(map[string]bool, len(names))
	names = slices.DeleteFunc(names, func(name string) bool {
		folded := strings.ToLower(name)
		if seen[folded] {
			return true
		}
		seen[folded] = true
		return false
	})
	slices.Sort(names)
	return names
}

// resourceVariables returns the keys of the variables in Resource and NotResource. Variables are substituted only after the fifth
// colon.
func (s *Statement) resourceVariables(version string) []string {
	var values []string
	for _, resource := range slices.Concat(s.Resources, s.NotResources) {
		if fields := strings.SplitN(resource, ":", 6); len(fields) == 6 {
			values = append(values, fields[5])
		}
	}
	return variableKeys(version, values)
}

// variables returns the keys of the variables in a condition's values. With some operators variables are literal text.
func (c *Condition) variables(version string) []string {
	op, _ := parseOperator(c.Operator)
	if !op.family.hasVariables() {
		return nil
	}
	return variableKeys(version, c.Values)
}

// hasVariables reports whether variables are substituted in the values of the family's operators.
func (f family) hasVariables() bool {
	switch f {
	case numericFamily, dateFamily, binaryFamily, addressFamily, nullFamily:
		return false
	}
	return true
}

// variableKeys returns the keys of all variables in values. The version 2008-10-17 has no variables.
func variableKeys(version string, values []string) []string {
	if version != Version2012 {
		return nil
	}

	var keys []string
	for _, value := range values {
		for {
			at := strings.Index(value, "${")
			if at < 0 {
				break
			}
			value = value[at:]

			e, size := readVariable(value)
			if size > 0 && e.kind != literalText {
				keys = append(keys, value[len("${"):strings.IndexAny(value, ",}")])
			}
			value = value[max(size, len("${")):]
		}
	}
	return keys
}

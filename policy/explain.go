package policy

import (
	"slices"
	"strings"
)

// Explanation says how a decision came about.
type Explanation struct {
	Decision   Decision     // what Evaluate returns
	Verdicts   []Verdict    // of the types of policy that take part, in the order in which an explicit deny is looked for
	Considered []Considered // every statement of these types, in the same order
	Missing    []string     // condition keys that the statements about this action read and the request lacks, sorted
}

// Verdict is what the policies of one type say together: ImplicitDeny when no statement applies.
type Verdict struct {
	Type   Kind
	Level  int // of an organization's policies: 0 is its root
	Effect Effect
	Note   string // what else must be known to understand it; often empty
}

// Considered is a statement and what came of it.
type Considered struct {
	Type      Kind
	Level     int
	Source    string // the ID of its Source
	Index     int    // of the statement in its document
	Statement *Statement
	Applies   bool
	Missing   []string // condition keys that it reads and the request lacks, as far as it was looked at

	request *Request
	version string // of its document
	failed  cause
	at      int // of failed conditions: which
}

// cause is the part of a statement that keeps it from applying.
type cause uint8

const (
	noCause cause = iota
	principalCause
	actionCause
	resourceCause
	conditionCause
)

// Explain decides as Evaluate does and accounts for every statement (IAM User Guide, "Policy evaluation logic" and "Troubleshoot
// access denied error messages"). Each element is matched by what Evaluate matches it with, so an explanation cannot disagree with
// the decision. It is for people and for simulations: it looks at every statement.
func Explain(p *Policies, r *Request) Explanation {
	e := explainer{query: query{request: r, action: foldHash(r.Action)}}
	e.Decision = Evaluate(p, r)
	for level, set := range p.ServiceControl {
		e.consider(ServiceControl, level, set, "")
	}
	for level, set := range p.ResourceControl {
		e.consider(ResourceControl, level, set, "")
	}
	foreign := r.Principal.ARN != "" && r.Principal.AccountID != r.ResourceAccountID
	switch {
	case p.Resource != nil && p.Resource.kind == Trust:
		e.consider(Trust, 0, p.Resource, "a role's trust policy must allow whoever assumes the role")
	case p.Resource != nil && foreign:
		e.consider(Resource, 0, p.Resource, "the resource is another account's, so its policy must allow too")
	case p.Resource != nil:
		e.consider(Resource, 0, p.Resource, "")
	case foreign:
		e.Verdicts = append(e.Verdicts, Verdict{Type: Resource, Note: "the resource is another account's and has no policy that could allow"})
	case r.Principal.ARN == "":
		e.Verdicts = append(e.Verdicts, Verdict{Type: Resource, Note: "only a policy of the resource could allow a caller without credentials"})
	}
	if r.Principal.Root {
		e.Verdicts = append(e.Verdicts, Verdict{Type: Identity, Effect: Allow, Note: "the root user may do everything in its account"})
		return e.finish()
	}
	if p.Identity != nil || r.Principal.ARN != "" {
		e.consider(Identity, 0, p.Identity, "")
	}
	if p.Boundary != nil {
		e.consider(Boundary, 0, p.Boundary, "it allows nothing by itself, and what it does not allow is denied")
	}
	if p.Session != nil {
		e.consider(Session, 0, p.Session, "it allows nothing by itself, and what it does not allow is denied")
	} else if isFederatedUser(r.Principal.ARN) {
		e.Verdicts = append(e.Verdicts, Verdict{Type: Session, Note: "a federated user's session without session policies may do nothing of its own"})
	}
	return e.finish()
}

type explainer struct {
	Explanation
	query
}

func (e *explainer) finish() Explanation {
	for n := range e.Considered {
		e.Missing = append(e.Missing, e.Considered[n].Missing...)
	}
	e.Missing = DistinctKeys(e.Missing)
	return e.Explanation
}

func (e *explainer) consider(kind Kind, level int, set *Set, note string) {
	verdict := Verdict{Type: kind, Level: level, Note: note}
	if set != nil {
		denying, allowing := 0, set.denying // the next compiled statements: within an effect they keep the order of the sources
		for _, source := range set.sources {
			for n := range source.Document.Statements {
				s := &source.Document.Statements[n]
				c := Considered{
					Type: kind, Level: level, Source: source.ID, Index: n, Statement: s,
					request: e.request, version: source.Document.Version,
				}
				next := &allowing
				if s.Effect == ExplicitDeny {
					next = &denying
				}
				c.match(&e.query, &set.statements[*next])
				*next++
				e.Considered = append(e.Considered, c)
				if c.Applies && verdict.Effect != ExplicitDeny {
					verdict.Effect = s.Effect
				}
			}
		}
	}
	e.Verdicts = append(e.Verdicts, verdict)
}

// match finds the first element that does not hold.
func (c *Considered) match(q *query, compiled *statement) {
	c.failed, c.at = c.firstFailure(q, compiled)
	c.Applies = c.failed == noCause
	c.Missing = DistinctKeys(c.Missing)
}

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

// ContextKeys returns the condition keys that documents read, in their conditions and as variables, each once, as first
// written, sorted (IAM API, GetContextKeysForCustomPolicy).
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

// DistinctKeys sorts names of condition keys, in place, and leaves out those that differ from an earlier one only in letter case.
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

// resourceVariables returns the keys of the variables in Resource and NotResource, which count behind the fifth colon only.
func (s *Statement) resourceVariables(version string) []string {
	var values []string
	for _, resource := range slices.Concat(s.Resources, s.NotResources) {
		if fields := strings.SplitN(resource, ":", 6); len(fields) == 6 {
			values = append(values, fields[5])
		}
	}
	return variableKeys(version, values)
}

// variables returns the keys of the variables in a condition's values; with some operators they are literal text.
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

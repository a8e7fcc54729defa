package policy

import (
	"slices"
	"strconv"
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
	// Failure tells the first element that did not hold: what the request has and what the policy asks. It is empty when the
	// statement applies.
	Failure string
}

// Explain decides as Evaluate does and accounts for every statement (IAM User Guide, "Policy evaluation logic" and "Troubleshoot
// access denied error messages"). Each element is matched by what Evaluate matches it with, so an explanation cannot disagree with
// the decision. It is for people and for simulations: it looks at every statement and words what failed.
func Explain(p *Policies, r *Request) Explanation {
	e := explainer{query: query{request: r, action: foldHash(r.Action)}}
	e.Decision = Evaluate(p, r)
	for level, set := range p.ServiceControl {
		e.consider(ServiceControl, level, set, "")
	}
	for level, set := range p.ResourceControl {
		e.consider(ResourceControl, level, set, "")
	}
	foreign := r.Principal.AccountID != r.ResourceAccountID
	switch {
	case p.Resource != nil && p.Resource.kind == Trust:
		e.consider(Trust, 0, p.Resource, "a role's trust policy must allow whoever assumes the role")
	case p.Resource != nil && foreign:
		e.consider(Resource, 0, p.Resource, "the resource is another account's, so its policy must allow too")
	case p.Resource != nil:
		e.consider(Resource, 0, p.Resource, "")
	case foreign:
		e.Verdicts = append(e.Verdicts, Verdict{Type: Resource, Note: "the resource is another account's and has no policy that could allow"})
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
	noted []string // keys that the statement at hand misses
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
		compiled := make(map[*Statement]*statement, len(set.statements))
		for n := range set.statements {
			compiled[set.statements[n].origin] = &set.statements[n]
		}
		for _, source := range set.sources {
			for n := range source.Document.Statements {
				s := &source.Document.Statements[n]
				e.noted = nil
				failure := e.failure(kind, source.Document.Version, compiled[s])
				e.Considered = append(e.Considered, Considered{
					Type: kind, Level: level, Source: source.ID, Index: n, Statement: s,
					Applies: failure == "", Missing: DistinctKeys(e.noted), Failure: failure,
				})
				if failure == "" && verdict.Effect != ExplicitDeny {
					verdict.Effect = s.Effect
				}
			}
		}
	}
	e.Verdicts = append(e.Verdicts, verdict)
}

// failure returns what keeps a statement from applying.
func (e *explainer) failure(kind Kind, version string, compiled *statement) string {
	s := compiled.origin
	if kind == Resource || kind == Trust {
		if failure := e.principalFailure(compiled); failure != "" {
			return failure
		}
	}
	if !compiled.matchesAction(&e.query) {
		return listFailure("action", "NotAction", quote(e.request.Action), s.Actions, s.NotActions)
	}
	e.noteMissing(s.resourceVariables(version))
	if !compiled.matchesResource(&e.query) {
		return listFailure("resource", "NotResource", quote(e.request.Resource), s.Resources, s.NotResources) +
			e.variableHints(version, s.resourceVariables)
	}
	for n := range s.Conditions {
		e.noteMissing(append(s.Conditions[n].variables(version), s.Conditions[n].Key))
	}
	for n := range s.Conditions {
		if !compiled.conditions[n].holds(e.request.Context) {
			return e.conditionFailure(version, &s.Conditions[n])
		}
	}
	return ""
}

func listFailure(name, notName, has string, list, notList []string) string {
	if notList != nil {
		return notName + ": request has " + has + ", policy asks anything but " + quote(notList...)
	}
	return name + ": request has " + has + ", policy asks " + quote(list...)
}

func (e *explainer) principalFailure(compiled *statement) string {
	p := &e.request.Principal
	effect := compiled.origin.Effect
	if effect == ExplicitDeny && compiled.deniesTo(p) || effect == Allow && compiled.grantTo(p) != noGrant {
		return ""
	}
	has := "an anonymous caller"
	switch {
	case p.ARN != "":
		has = quote(p.ARN)
	case p.Federated != "":
		has = quote(p.Federated)
	case p.Service != "":
		has = quote(p.Service)
	}
	names := compiled.principals
	if names == nil {
		return "principal: the statement names none"
	}
	all := slices.Concat(names.AWS, names.Federated, names.Service, names.CanonicalUser)
	if compiled.notPrincipal {
		return listFailure("", "NotPrincipal", has, nil, all)
	}
	return listFailure("principal", "", has, all, nil)
}

func (e *explainer) conditionFailure(version string, c *Condition) string {
	values, present := e.request.Context.Get(c.Key)
	has := "request has " + quote(values...)
	switch {
	case !present:
		has = "request lacks the key"
	case len(values) == 0:
		has = "request has the key without a value"
	}
	op, _ := parseOperator(c.Operator) // Parse let no other pass
	asks := ", policy asks "
	if op.negated {
		asks += "anything but "
	}
	failure := "condition " + c.Operator + " " + c.Key + ": " + has + asks + quote(c.Values...)
	if op.family == nullFamily {
		return failure + " (true: that the key is absent or empty; false: that it has a value)"
	}
	for _, list := range [][]string{values, c.Values} {
		for _, value := range list {
			if what := op.family.unreadable(value); what != "" {
				return failure + " (" + quote(value) + " is not " + what + ")"
			}
		}
	}
	return failure + e.variableHints(version, c.variables)
}

// unreadable says what a value should be that is not of the operators' type.
func (f family) unreadable(value string) string {
	ok, what := true, ""
	switch f {
	case numericFamily:
		_, ok = parseDecimal(value)
		what = "a number"
	case dateFamily:
		_, ok = parseInstant(value)
		what = "a date"
	case boolFamily:
		ok = strings.EqualFold(value, "true") || strings.EqualFold(value, "false") || strings.Contains(value, "${")
		what = "true or false"
	case addressFamily:
		ok = len(compileAddresses([]string{value})) > 0
		what = "an IP address or a range of them"
	case binaryFamily:
		ok = len(compileBinaries([]string{value})) > 0
		what = "base64"
	case arnFamily:
		ok = value == "*" || strings.HasPrefix(value, "arn:") && strings.Count(value, ":") >= 5 || strings.Contains(value, "${")
		what = "an ARN"
	}
	if ok {
		return ""
	}
	return what
}

// variableHints tells what the variables in values stand for.
func (e *explainer) variableHints(version string, variables func(version string) []string) string {
	if version != Version2012 && len(variables(Version2012)) > 0 {
		return " (variables are literal text unless Version is " + Version2012 + ")"
	}
	var hints []string
	for _, key := range variables(version) {
		hint := key + " is absent"
		if got, present := e.request.Context.Get(key); present && len(got) == 1 {
			hint = key + " is " + quote(got...)
		} else if present {
			hint = key + " has not exactly one value"
		}
		if !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
	}
	if len(hints) == 0 {
		return ""
	}
	return " (" + strings.Join(hints, ", ") + ")"
}

func (e *explainer) noteMissing(keys []string) {
	for _, key := range keys {
		if _, present := e.request.Context.Get(key); !present {
			e.noted = append(e.noted, key)
		}
	}
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

// DistinctKeys sorts names of condition keys and leaves out those that differ from an earlier one only in letter case.
func DistinctKeys(names []string) []string {
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
	switch op.family {
	case numericFamily, dateFamily, binaryFamily, addressFamily, nullFamily:
		return nil
	}
	return variableKeys(version, c.Values)
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

// maxQuoted bounds how many values of a list are told.
const maxQuoted = 8

// quote writes values in quotes. What others chose may hold anything, so it is escaped.
func quote(values ...string) string {
	var b strings.Builder
	for n, value := range values {
		switch {
		case n == maxQuoted:
			b.WriteString(" or one of " + strconv.Itoa(len(values)-n) + " more")
			return b.String()
		case n > 0 && n == len(values)-1:
			b.WriteString(" or ")
		case n > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(value))
	}
	return b.String()
}

package policy

import "strings"

// condition is a compiled Condition.
type condition struct {
	key contextKey
	operator
	matcher matcher // nil for Null
	wanted  [2]bool // for Null: whether the values contain false, and whether they contain true
}

func compileCondition(c *Condition, variables bool) condition {
	op, _ := parseOperator(c.Operator) // Parse has refused unknown operators
	compiled := condition{key: newContextKey(c.Key), operator: op}
	if op.family != nullFamily {
		compiled.matcher = op.compileMatcher(c.Values, variables)
		return compiled
	}

	for _, value := range c.Values {
		compiled.wanted[0] = compiled.wanted[0] || strings.EqualFold(value, "false")
		compiled.wanted[1] = compiled.wanted[1] || strings.EqualFold(value, "true")
	}
	return compiled
}

// holds reports whether a condition is true of a request (IAM User Guide, "Conditions with multiple context keys or values" and
// "Condition operators").
func (c *condition) holds(ctx *Context) bool {
	values, present := ctx.lookup(&c.key)

	// The guide calls a key null when it has no value or the empty string. This matters to Null and to the set qualifiers only.
	null := len(values) == 0 || len(values) == 1 && values[0] == ""
	switch {
	case c.family == nullFamily:
		return null && c.wanted[1] || !null && c.wanted[0]
	case !present && c.ifExists:
		return true
	case c.qualifier == forAllValues && null:
		return true
	case c.qualifier == forAnyValue && null:
		return false
	case !present:
		return c.negated
	}

	// A negated operator without a qualifier must hold for every value, a positive one for any. The loop ends at the first value
	// that settles the matter.
	all := c.qualifier == forAllValues || c.qualifier == noQualifier && c.negated
	for _, value := range values {
		got := c.matcher.match(value, ctx)
		holds := got == matches && !c.negated || got == differs && c.negated
		if holds != all {
			return holds
		}
	}
	return all
}

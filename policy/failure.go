package policy

import (
	"slices"
	"strconv"
	"strings"
)

// Failure describes the first element that did not match: what the request has and what the policy asks. It is empty when the
// statement applies. The request must not have been changed since it was explained.
func (c *Considered) Failure() string {
	s := c.Statement
	switch c.failed {
	case principalCause:
		return c.principalFailure()
	case actionCause:
		return listFailure("action", "NotAction", quote(c.request.Action), s.Actions, s.NotActions)
	case resourceCause:
		return listFailure("resource", "NotResource", quote(c.request.Resource), s.Resources, s.NotResources) +
			c.variableHints(s.resourceVariables)
	case conditionCause:
		return c.conditionFailure(&s.Conditions[c.at])
	}
	return ""
}

// listFailure describes a list of values, or of excluded values, that does not match what the request has.
func listFailure(name, notName, has string, list, notList []string) string {
	if notList != nil {
		return notName + ": request has " + has + ", policy asks anything but " + quote(notList...)
	}
	return name + ": request has " + has + ", policy asks " + quote(list...)
}

// principalFailure describes a Principal or NotPrincipal that does not match.
func (c *Considered) principalFailure() string {
	p := &c.request.Principal
	has := "an anonymous caller"
	switch {
	case p.ARN != "":
		has = quote(p.ARN)
	case p.Federated != "":
		has = quote(p.Federated)
	case p.Service != "":
		has = quote(p.Service)
	}

	names, not := c.Statement.Principal, c.Statement.NotPrincipal
	if not != nil {
		names = not
	}
	if names == nil {
		return "principal: the statement names none"
	}

	all := slices.Concat(names.AWS, names.Federated, names.Service, names.CanonicalUser)
	if not != nil {
		return listFailure("", "NotPrincipal", has, nil, all)
	}
	return listFailure("principal", "", has, all, nil)
}

// conditionFailure describes a condition that does not hold, with a hint when a value is not of the operator's type.
func (c *Considered) conditionFailure(failed *Condition) string {
	values, present := c.request.Context.Get(failed.Key)
	has := "request has " + quote(values...)
	switch {
	case !present:
		has = "request lacks the key"
	case len(values) == 0:
		has = "request has the key without a value"
	}

	op, _ := parseOperator(failed.Operator) // Parse has refused unknown operators
	asks := ", policy asks "
	if op.negated {
		asks += "anything but "
	}

	failure := "condition " + failed.Operator + " " + failed.Key + ": " + has + asks + quote(failed.Values...)
	if op.family == nullFamily {
		return failure + " (true: that the key is absent or empty; false: that it has a value)"
	}

	// A value that cannot be compared is the most likely mistake, on either side.
	for _, list := range [][]string{values, failed.Values} {
		for _, value := range list {
			if what := op.family.unreadable(value); what != "" {
				return failure + " (" + quote(value) + " is not " + what + ")"
			}
		}
	}
	return failure + c.variableHints(failed.variables)
}

// unreadable returns what a value should be, such as "a number", when it is not of the type that the operators compare. It returns
// an empty text when the value is.
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

// variableHints returns, in brackets, which values the variables of an element have in the request.
func (c *Considered) variableHints(variables func(version string) []string) string {
	if c.version != Version2012 && len(variables(Version2012)) > 0 {
		return " (variables are literal text unless Version is " + Version2012 + ")"
	}

	var hints []string
	for _, key := range variables(c.version) {
		hint := key + " is absent"
		if got, present := c.request.Context.Get(key); present && len(got) == 1 {
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

// maxQuoted is how many values of a list a message repeats.
const maxQuoted = 8

// quote lists values in quotes. It escapes them, because a value that somebody else chose may contain anything.
func quote(values ...string) string {
	if len(values) == 0 {
		return "nothing"
	}

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

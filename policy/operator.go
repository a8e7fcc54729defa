package policy

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/arn"
)

// operator is what the name of a condition operator means (IAM User Guide, "IAM JSON policy elements: Condition operators").
type operator struct {
	family    family
	relation  relation
	negated   bool
	ifExists  bool
	qualifier qualifier
}

// family is the type of value that an operator compares.
type family uint8

const (
	stringFamily family = iota
	stringIgnoreCaseFamily
	stringLikeFamily
	numericFamily
	dateFamily
	boolFamily
	binaryFamily
	addressFamily
	arnFamily
	nullFamily
)

// relation is what must hold between a request's value and a policy's.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

func (r relation) holds(order int) bool {
	switch r {
	case less:
		return order < 0
	case lessOrEqual:
		return order <= 0
	case greater:
		return order > 0
	case greaterOrEqual:
		return order >= 0
	}
	return order == 0
}

// qualifier says for how many of the values of a request's key an operator must hold.
type qualifier uint8

const (
	noQualifier qualifier = iota
	forAllValues
	forAnyValue
)

var operators = map[string]operator{
	"StringEquals":              {family: stringFamily},
	"StringNotEquals":           {family: stringFamily, negated: true},
	"StringEqualsIgnoreCase":    {family: stringIgnoreCaseFamily},
	"StringNotEqualsIgnoreCase": {family: stringIgnoreCaseFamily, negated: true},
	"StringLike":                {family: stringLikeFamily},
	"StringNotLike":             {family: stringLikeFamily, negated: true},
	"NumericEquals":             {family: numericFamily},
	"NumericNotEquals":          {family: numericFamily, negated: true},
	"NumericLessThan":           {family: numericFamily, relation: less},
	"NumericLessThanEquals":     {family: numericFamily, relation: lessOrEqual},
	"NumericGreaterThan":        {family: numericFamily, relation: greater},
	"NumericGreaterThanEquals":  {family: numericFamily, relation: greaterOrEqual},
	"DateEquals":                {family: dateFamily},
	"DateNotEquals":             {family: dateFamily, negated: true},
	"DateLessThan":              {family: dateFamily, relation: less},
	"DateLessThanEquals":        {family: dateFamily, relation: lessOrEqual},
	"DateGreaterThan":           {family: dateFamily, relation: greater},
	"DateGreaterThanEquals":     {family: dateFamily, relation: greaterOrEqual},
	"Bool":                      {family: boolFamily},
	"BinaryEquals":              {family: binaryFamily},
	"IpAddress":                 {family: addressFamily},
	"NotIpAddress":              {family: addressFamily, negated: true},
	"ArnEquals":                 {family: arnFamily},
	"ArnNotEquals":              {family: arnFamily, negated: true},
	"ArnLike":                   {family: arnFamily},
	"ArnNotLike":                {family: arnFamily, negated: true},
	"Null":                      {family: nullFamily},
}

// parseOperator reads an operator with its set qualifier and IfExists. Null takes neither.
func parseOperator(name string) (operator, bool) {
	q := noQualifier
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		q, name = forAllValues, rest
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		q, name = forAnyValue, rest
	}

	name, ifExists := strings.CutSuffix(name, "IfExists")
	op, ok := operators[name]
	if op.family == nullFamily && (q != noQualifier || ifExists) {
		return operator{}, false
	}
	op.qualifier, op.ifExists = q, ifExists
	return op, ok
}

// outcome is the result of comparing one value of a request with all values of a policy.
type outcome uint8

const (
	differs outcome = iota
	matches
	incomparable // a value is not of the operator's type, so neither the operator nor its negation holds
)

// matcher compares a value of a request with the values of a policy, of which one must match.
type matcher interface {
	match(value string, ctx *Context) outcome
}

// compileMatcher prepares the values of a condition. With variables false, variables are literal text. A value that is not of the
// operator's type is accepted, as AWS accepts it, and never matches.
func (op operator) compileMatcher(values []string, variables bool) matcher {
	switch op.family {
	case stringIgnoreCaseFamily:
		return compileTexts(values, globSyntax{variables: variables, fold: true})
	case stringLikeFamily:
		return compileTexts(values, globSyntax{variables: variables, wildcards: true})
	case numericFamily:
		return compileOrdered(values, op.relation, parseDecimal, compareDecimals)
	case dateFamily:
		return compileOrdered(values, op.relation, parseInstant, time.Time.Compare)
	case boolFamily:
		return booleans{compileTexts(values, globSyntax{variables: variables, fold: true})}
	case binaryFamily:
		return compileBinaries(values)
	case addressFamily:
		return compileAddresses(values)
	case arnFamily:
		return compileARNs(values, variables)
	}

	return compileTexts(values, globSyntax{variables: variables})
}

// texts compares strings.
type texts []glob

func compileTexts(values []string, syntax globSyntax) texts {
	m := make(texts, len(values))
	for n, value := range values {
		m[n] = compileGlob(value, syntax)
	}
	return m
}

func (m texts) match(value string, ctx *Context) outcome {
	for n := range m {
		if m[n].match(value, ctx) {
			return matches
		}
	}
	return differs
}

// booleans compares the words true and false in any letter case.
type booleans struct{ texts texts }

func (m booleans) match(value string, ctx *Context) outcome {
	if !isBoolean(value) {
		return incomparable
	}
	return m.texts.match(value, ctx)
}

// isBoolean reports whether s is true or false in any letter case. It compares the lengths too, because some letters beyond ASCII
// differ from an ASCII letter in case only, such as the long s.
func isBoolean(s string) bool {
	return len(s) == len("true") && equalFold(s, "true") || len(s) == len("false") && equalFold(s, "false")
}

// ordered compares numbers or dates.
type ordered[T any] struct {
	relation relation
	values   []T
	bad      bool // at least one value could not be read
	parse    func(string) (T, bool)
	compare  func(a, b T) int
}

func compileOrdered[T any](
	values []string, r relation, parse func(string) (T, bool), compare func(a, b T) int,
) *ordered[T] {
	m := &ordered[T]{relation: r, parse: parse, compare: compare}
	for _, text := range values {
		value, ok := parse(text)
		if !ok {
			m.bad = true
			continue
		}
		m.values = append(m.values, value)
	}
	return m
}

func (m *ordered[T]) match(text string, _ *Context) outcome {
	value, ok := m.parse(text)
	if !ok {
		return incomparable
	}

	for n := range m.values {
		if m.relation.holds(m.compare(value, m.values[n])) {
			return matches
		}
	}
	if m.bad {
		return incomparable
	}
	return differs
}

// binaries compares bytes that are written in base64. Each sequence of bytes has only one strict encoding, so comparing the texts
// is enough.
type binaries []string

func compileBinaries(values []string) binaries {
	var m binaries
	for _, value := range values {
		if _, err := base64.StdEncoding.Strict().DecodeString(value); err == nil && !strings.ContainsAny(value, "\r\n") {
			m = append(m, value)
		}
	}
	return m
}

func (m binaries) match(value string, _ *Context) outcome {
	for _, want := range m {
		if value == want {
			return matches
		}
	}
	return differs
}

// addresses looks for an address in ranges. An IPv4 address is in no IPv6 range, and an IPv6 address in no IPv4 range. An IPv4
// address that is mapped into IPv6 counts as an IPv4 address, in requests and in policies.
type addresses []netip.Prefix

func compileAddresses(values []string) addresses {
	var m addresses
	for _, value := range values {
		if prefix, err := netip.ParsePrefix(value); err == nil {
			if address := prefix.Addr(); address.Is4In6() && prefix.Bits() >= 96 {
				prefix = netip.PrefixFrom(address.Unmap(), prefix.Bits()-96)
			}
			m = append(m, prefix.Masked())
		} else if address, err := netip.ParseAddr(value); err == nil && address.Zone() == "" {
			address = address.Unmap()
			m = append(m, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	return m
}

func (m addresses) match(value string, _ *Context) outcome {
	// ParseAddr allocates its errors. This check spares most of them, and refuses zones.
	if !mayBeAddress(value) {
		return differs
	}
	address, err := netip.ParseAddr(value)
	if err != nil {
		return differs
	}

	address = address.Unmap()
	for _, prefix := range m {
		if prefix.Contains(address) {
			return matches
		}
	}
	return differs
}

// mayBeAddress reports whether s has only characters that an address without a zone can have, and about the right length.
func mayBeAddress(s string) bool {
	if len(s) < len("::") || len(s) > len("0000:0000:0000:0000:0000:ffff:255.255.255.255") {
		return false
	}
	for n := range len(s) {
		switch c := s[n]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F', c == ':', c == '.':
		default:
			return false
		}
	}
	return true
}

// arns compares ARNs field by field.
type arns []arnPattern

func compileARNs(values []string, variables bool) arns {
	m := make(arns, len(values))
	for n, value := range values {
		m[n] = compileARN(value, variables, variables)
	}
	return m
}

func (m arns) match(value string, ctx *Context) outcome {
	if _, err := arn.Parse(value); err != nil {
		return differs
	}
	for n := range m {
		if m[n].match(value, ctx) {
			return matches
		}
	}
	return differs
}

package policy

import (
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
)

// resourceName is a name taken apart once, to be matched against many patterns.
type resourceName struct {
	text  string
	arn   arn.ARN
	isARN bool
}

func newResourceName(text string) resourceName {
	parsed, err := arn.Parse(text)
	return resourceName{text, parsed, err == nil}
}

// arnPattern is a compiled pattern of ARNs. A wildcard stays within its field (IAM User Guide, "Resource").
type arnPattern struct {
	any    bool // "*"
	whole  *glob
	fields *[5]glob // partition, service, region, account, resource; nil when the pattern is no ARN
}

// compileARN prepares a pattern. Variables are substituted in the resource field, and where everywhere is true in the other
// fields too, or for the whole ARN. Text that is neither an ARN nor "*" matches nothing.
func compileARN(text string, variables, everywhere bool) arnPattern {
	if text == "*" {
		return arnPattern{any: true}
	}
	parts, ok := splitARN(text, everywhere)
	if !ok {
		if e, size := readVariable(text); everywhere && size == len(text) && e.kind != literalText {
			whole := compileGlob(text, globSyntax{variables: true})
			return arnPattern{whole: &whole}
		}
		return arnPattern{}
	}
	var fields [5]glob
	for n, part := range parts {
		fields[n] = compileGlob(part, globSyntax{wildcards: true, variables: variables && (everywhere || n == 4)})
	}
	return arnPattern{fields: &fields}
}

// splitARN cuts a pattern at its first five colons, not counting those inside variables.
func splitARN(text string, variables bool) (parts [5]string, ok bool) {
	rest, ok := strings.CutPrefix(text, "arn:")
	if !ok {
		return parts, false
	}
	part := 0
	for start, n := 0, 0; n < len(rest); n++ {
		if variables && rest[n] == '$' {
			if _, size := readVariable(rest[n:]); size > 0 {
				n += size - 1
			}
		} else if rest[n] == ':' {
			parts[part] = rest[start:n]
			start = n + 1
			if part++; part == 4 {
				parts[4] = rest[start:]
				return parts, true
			}
		}
	}
	return parts, false
}

func (p *arnPattern) match(name *resourceName, ctx *Context) bool {
	switch {
	case p.any:
		return true
	case !name.isARN:
		return false
	case p.whole != nil:
		return p.whole.match(name.text, ctx)
	case p.fields == nil:
		return false
	}
	f, a := p.fields, &name.arn
	return f[1].match(a.Service, ctx) && f[4].match(a.Resource, ctx) && f[3].match(a.AccountID, ctx) &&
		f[2].match(a.Region, ctx) && f[0].match(a.Partition, ctx)
}

package policy

import (
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
)

// arnPattern is a compiled pattern of ARNs. A wildcard fits text within its field only (IAM User Guide, "Resource").
type arnPattern struct {
	form   arnForm
	from   uint8  // the number of the first field in fields: 0 is the partition, 4 the resource
	start  int    // the offset at which that field begins
	head   string // the literal text that every fitting name begins with
	fields []glob // the fields from there to the resource, or one for the whole ARN
}

type arnForm uint8

const (
	arnNone   arnForm = iota // fits nothing
	arnAny                   // "*"
	arnExact                 // the head
	arnPrefix                // the head, and any text after it in the resource field
	arnFields
	arnWhole
)

// compileARN prepares a pattern. Variables are substituted in the resource field. With everywhere true they are substituted in all
// fields, and one variable can stand for the whole ARN. Text that is neither an ARN nor "*" matches nothing.
func compileARN(text string, variables, everywhere bool) arnPattern {
	if text == "*" {
		return arnPattern{form: arnAny}
	}
	parts, ok := splitARN(text, everywhere)
	if !ok {
		if e, size := readVariable(text); everywhere && size == len(text) && e.kind != literalText {
			return arnPattern{form: arnWhole, fields: []glob{compileGlob(text, globSyntax{variables: true})}}
		}
		return arnPattern{}
	}

	syntax := func(field int) globSyntax {
		return globSyntax{wildcards: true, variables: variables && (everywhere || field == 4)}
	}

	// Find the first field with a wildcard or a variable. Most patterns are literal up to the resource field, and often to their
	// end. Then comparing the head with a name is enough.
	start := len("arn:")
	for from, part := range parts {
		special := specialAt(part, syntax(from))
		if special == len(part) && from < 4 {
			if part == "" && from < 2 {
				return arnPattern{}
			}
			start += len(part) + 1
			continue
		}

		p := arnPattern{form: arnFields, from: uint8(from), start: start, head: text[:start+special]}
		_, err := arn.Parse(p.head)
		switch {
		case special == len(part) && err != nil:
			return arnPattern{}
		case special == len(part):
			return arnPattern{form: arnExact, head: text}
		case err == nil && part[special:] == "*":
			return arnPattern{form: arnPrefix, head: p.head}
		}

		for n, part := range parts[from:] {
			p.fields = append(p.fields, compileGlob(part, syntax(from+n)))
		}
		return p
	}
	return arnPattern{}
}

// splitARN cuts a pattern at its first five colons, of which the first follows "arn". With variables true it does not cut inside
// variables.
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

// match reports whether a name fits. Every pattern but "*" fits ARNs only. For a pattern of the form arnWhole, the caller has
// checked that the name is an ARN.
func (p *arnPattern) match(name string, ctx *Context) bool {
	if !strings.HasPrefix(name, p.head) {
		return false
	}
	switch p.form {
	case arnNone:
		return false
	case arnExact:
		return len(name) == len(p.head)
	case arnAny, arnPrefix:
		return true
	case arnWhole:
		return p.fields[0].match(name, ctx)
	}

	rest, last := name[p.start:], len(p.fields)-1
	for n := range p.fields[:last] {
		field, after, ok := strings.Cut(rest, ":")
		if !ok || field == "" && int(p.from)+n < 2 || !p.fields[n].match(field, ctx) {
			return false
		}
		rest = after
	}
	return rest != "" && p.fields[last].match(rest, ctx)
}

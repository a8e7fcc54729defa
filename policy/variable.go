package policy

import "strings"

// readVariable reads the variable at the start of text and returns it with its length. The length is 0 when there is no variable
// (IAM User Guide, "IAM policy elements: Variables and tags"). A variable has one of three forms: ${key} is a condition key,
// ${key, 'default'} is a condition key with a default, and ${*}, ${?} and ${$} are special characters that stand for themselves.
func readVariable(text string) (element, int) {
	body, ok := strings.CutPrefix(text, "${")
	if !ok {
		return element{}, 0
	}
	end := strings.IndexAny(body, "},")
	if end <= 0 {
		return element{}, 0
	}

	key := body[:end]
	size := len("${") + end
	if body[end] == '}' {
		if key == "*" || key == "?" || key == "$" {
			return element{kind: literalText, text: key}, size + 1
		}
		return element{kind: variable, variable: newContextKey(key)}, size + 1
	}

	rest, ok := strings.CutPrefix(body[end:], ", '")
	if !ok {
		return element{}, 0
	}
	value, _, ok := strings.Cut(rest, "'}")
	if !ok {
		return element{}, 0
	}
	e := element{kind: variableWithDefault, text: value, variable: newContextKey(key)}
	return e, size + len(", '") + len(value) + len("'}")
}

// value returns the text that an element stands for, and whether it stands for one. The value of a variable is plain text, so a '*'
// in it is no wildcard. A key with several values cannot be used as a variable.
func (e *element) value(ctx *Context) (string, bool) {
	if e.kind == literalText {
		return e.text, true
	}
	values, present := ctx.lookup(&e.variable)
	switch {
	case !present:
		return e.text, e.kind == variableWithDefault
	case len(values) != 1:
		return "", false
	}
	return values[0], true
}

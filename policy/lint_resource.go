package policy

import (
	"slices"
	"strings"
)

func (l *linter) lintResources(element string, patterns []string) {
	for n, pattern := range patterns {
		if len(l.found) == maxViolations {
			return
		}

		at := l.at(n, element)
		l.lintARN(at, pattern)
		l.lintVariables(at, pattern)
		l.lintCovered(element, "REDUNDANT_RESOURCE", patterns, n, l.coversResource)
	}
}

// coversResource reports whether a pattern of resources fits everything that another one fits. It compares them field by field,
// since a wildcard stays within its field. Special characters such as ${*} are no wildcards.
func (l *linter) coversResource(pattern, other string) bool {
	if pattern == "*" || pattern == other {
		return true
	}
	literal := strings.NewReplacer("${*}", "\x01", "${?}", "\x02")
	fields, others := strings.SplitN(literal.Replace(pattern), ":", 6), strings.SplitN(literal.Replace(other), ":", 6)
	if len(fields) < 6 || len(others) < 6 {
		return false
	}
	for n := range fields {
		if !l.covers(fields[n], others[n]) {
			return false
		}
	}
	return true
}

// lintARN checks the fields of a resource before the last.
func (l *linter) lintARN(at place, pattern string) {
	fields := strings.SplitN(pattern, ":", 6)
	switch {
	case pattern == "*":
		return
	case len(fields) < 6:
		l.report(at, ClassError, "MISSING_ARN_FIELD", "", "an ARN has five colons, so %s is no resource", pattern)
		return
	case slices.ContainsFunc(fields[:5], func(field string) bool { return strings.Contains(field, "${") }):
		l.report(at, ClassError, "VARIABLE_UNSUPPORTED_IN_ELEMENT", "use a wildcard, and a condition if need be",
			"before the fifth colon of an ARN a variable is literal text")
		return
	}

	if service := fields[2]; service != strings.ToLower(service) {
		l.report(at, ClassError, "INVALID_ARN_SERVICE_CASE", "write "+strings.ToLower(service),
			"no ARN has the service %s in this letter case", service)
	}

	// Some of AWS's own resources have a name in place of the account.
	if account := fields[4]; account != "" && isDigits(account) && len(account) != 12 {
		l.report(at, ClassError, "INVALID_ARN_ACCOUNT", "", "the account %s does not have twelve digits", account)
	}
}

// lintResourceTypes reports actions that cannot be about any of the statement's resources.
func (l *linter) lintResourceTypes() {
	s := l.statement
	if l.catalogue == nil || len(s.Resources) == 0 {
		return
	}
	for n, pattern := range s.Actions {
		if len(l.found) == maxViolations {
			return
		}
		m := l.meaning(pattern)
		if len(m.names) == 0 {
			continue
		}

		// Look for one action that the pattern fits and that can be about one of the resources.
		service, types := m.service, make(map[string]bool)
		about := slices.ContainsFunc(m.names, func(name string) bool {
			for _, kind := range service.Actions[name].Resources {
				types[kind] = true
				if slices.ContainsFunc(s.Resources, func(r string) bool {
					l.budget -= 64 + len(r)*len(service.Resources[kind])
					return l.budget <= 0 || resourcesOverlap(r, service.Resources[kind])
				}) {
					return true
				}
			}
			return len(service.Actions[name].Resources) == 0 && slices.Contains(s.Resources, "*")
		})

		switch {
		case about:
		case len(types) == 0:
			l.report(l.at(n, "Action"), ClassError, "RESOURCE_TYPE_MISMATCH", `use Resource "*" in a statement of its own`,
				"%s cannot be restricted to resources, so the statement does not apply to it", pattern)
		default:
			names := make([]string, 0, len(types))
			for kind := range types {
				names = append(names, service.Resources[kind])
			}
			slices.Sort(names)
			l.report(l.at(n, "Action"), ClassError, "RESOURCE_TYPE_MISMATCH", "",
				"%s is about %s, and no resource of the statement is", pattern, quote(names...))
		}
	}
}

// resourcesOverlap reports whether a resource of a statement can be of a type. It assumes that a variable can have any value.
func resourcesOverlap(resource, kind string) bool {
	if resource == "*" || kind == "*" {
		return true
	}
	fields, kinds := strings.SplitN(resource, ":", 6), strings.SplitN(kind, ":", 6)
	if len(fields) < 6 {
		return false
	}
	for n := range fields {
		if !overlap(withoutVariables(fields[n]), kinds[n]) {
			return false
		}
	}
	return true
}

// withoutVariables returns a pattern that fits whatever a resource can fit with any values of its variables.
func withoutVariables(text string) string { return replaceVariables(text, "*", "?") }

// replaceVariables replaces each variable by one text, and each literal special character by another.
func replaceVariables(text, variable, literal string) string {
	var b strings.Builder
	for text != "" {
		e, size := readVariable(text)
		switch {
		case size == 0:
			b.WriteByte(text[0])
			size = 1
		case e.kind == literalText:
			b.WriteString(literal)
		default:
			b.WriteString(variable)
		}
		text = text[size:]
	}
	return b.String()
}

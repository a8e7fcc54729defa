package policy

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// meaning is what the catalogue knows of a pattern of actions.
type meaning struct {
	service CatalogueService
	known   bool     // whether the catalogue has the service
	names   []string // the service's actions that the pattern fits, sorted; none when the pattern is not limited to one service
}

// meaning looks a pattern of actions up in the catalogue. Once the budget is spent, every pattern counts as unknown.
func (l *linter) meaning(pattern string) meaning {
	prefix, name, _ := strings.Cut(strings.ToLower(pattern), ":")
	key := prefix + ":" + name
	if m, found := l.meanings[key]; found || l.catalogue == nil {
		return m
	}

	var m meaning
	if m.service, m.known = l.catalogue.service(prefix); m.known {
		l.budget -= len(m.service.Actions) * 64
		if m.known = l.budget > 0; m.known {
			for candidate := range m.service.Actions {
				if covers(name, strings.ToLower(candidate)) {
					m.names = append(m.names, candidate)
				}
			}
			slices.Sort(m.names)
		}
	}
	l.meanings[key] = m
	return m
}

func (l *linter) lintActions(element string, patterns []string) {
	for n, pattern := range patterns {
		if len(l.found) == maxViolations {
			return
		}

		prefix, name, _ := strings.Cut(pattern, ":")
		m := l.meaning(pattern)
		switch {
		case strings.Contains(pattern, "${"):
			l.report(l.at(n, element), ClassError, "VARIABLE_UNSUPPORTED_IN_ELEMENT", "list the actions that are meant",
				"in an action a variable is literal text")
		case l.catalogue == nil || l.budget <= 0 || prefix == "*":
		case !m.known && l.unknown[strings.ToLower(prefix)]: // it was reported at its first place
		case !m.known:
			l.unknown[strings.ToLower(prefix)] = true
			l.report(l.at(n, element), ClassWarning, "INVALID_SERVICE_IN_ACTION",
				"check the prefix, or add a catalogue that has the service", "no catalogue has a service %q", prefix)
		case len(m.names) == 0:
			l.report(l.at(n, element), ClassError, "INVALID_ACTION", nearest(name, maps.Keys(m.service.Actions)),
				"service %s has no action %s", prefix, name)
		}

		l.lintCovered(element, "REDUNDANT_ACTION", patterns, n, l.coversAction)
	}
}

// far is the smallest distance at which one name is not taken for a misspelling of another.
const far = 4

// nearest returns a hint with the candidate that a misspelt name is most like, or an empty text when none is like it.
func nearest(name string, candidates iter.Seq[string]) string {
	best, least := "", far
	for candidate := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if d < least || d == least && d < far && candidate < best {
			best, least = candidate, d
		}
	}

	if best == "" {
		return ""
	}
	return "is " + best + " meant?"
}

// distance returns how many letters must be added, dropped or changed to turn a into b. It returns far, without computing more, for
// long texts and for texts whose lengths differ by that much.
func distance(a, b string) int {
	if len(a)-len(b) >= far || len(b)-len(a) >= far || len(a) > 128 {
		return far
	}

	// The row for i has the distances of a[:i] from each b[:j]. It is computed in place from the row before.
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// coversAction reports whether a pattern of actions fits everything that another one fits.
func (l *linter) coversAction(pattern, other string) bool {
	return l.covers(strings.ToLower(pattern), strings.ToLower(other))
}

// lintCovered reports value n of a list when another one makes it needless. Of two that mean the same, the later one is needless.
func (l *linter) lintCovered(element, code string, patterns []string, n int, covers func(pattern, other string) bool) {
	for other, pattern := range patterns {
		if l.budget <= 0 {
			return
		}
		if other != n && covers(pattern, patterns[n]) && (other < n || !covers(patterns[n], pattern)) {
			message := fmt.Sprintf("%s includes %s", pattern, patterns[n])
			if strings.EqualFold(pattern, patterns[n]) {
				message = patterns[n] + " is there twice"
			}
			l.report(l.at(n, element), ClassSuggestion, code, "leave it out", "%s", message)
			return
		}
	}
}

// roleAction is an action that should not be allowed on every role, because it can give a user more permissions than was intended.
type roleAction struct {
	action string
	roles  string // the pattern that fits every role that it is about
	class  Class
	keys   []string // condition keys that limit it, in lower case
	hint   string

	// codes has a row for the action itself, one for a pattern with a wildcard, and one for NotAction. The first code of a row is
	// for a statement about every role, the second for a statement with NotResource.
	codes [3][2]string
}

var roleActions = []roleAction{
	{
		action: "iam:PassRole", roles: "role/*", class: ClassSecurityWarning,
		keys: []string{"iam:passedtoservice", "iam:associatedresourcearn"},
		hint: "name the roles, or add a condition on iam:PassedToService",
		codes: [3][2]string{
			{"PASS_ROLE_WITH_STAR_IN_RESOURCE", "PASS_ROLE_WITH_NOT_RESOURCE"},
			{"PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"},
			{"PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE"},
		},
	},
	{
		action: "iam:CreateServiceLinkedRole", roles: "role/aws-service-role/*", class: ClassWarning,
		keys: []string{"iam:awsservicename"}, hint: "name the service's roles, or add a condition on iam:AWSServiceName",
		codes: [3][2]string{
			{"CREATE_SLR_WITH_STAR_IN_RESOURCE", "CREATE_SLR_WITH_NOT_RESOURCE"},
			{"CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE", "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"},
			{"CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE"},
		},
	},
}

// lintRoles reports statements that allow passing every role to every service, or creating the roles of every service. Whoever may
// pass a role to a service can act as that role through the service.
func (l *linter) lintRoles() {
	s := l.statement
	for _, r := range roleActions {
		means := func(pattern string) bool { return covers(strings.ToLower(pattern), strings.ToLower(r.action)) }

		// Does the statement allow the action, and how?
		at, how, what := l.at(-1, "NotAction"), 2, 0
		if s.NotActions == nil {
			n := slices.IndexFunc(s.Actions, means)
			if n < 0 {
				continue
			}
			at, how = l.at(n, "Action"), 0
			if strings.ContainsAny(s.Actions[n], "*?") {
				how = 1
			}
		} else if slices.ContainsFunc(s.NotActions, means) {
			continue
		}

		// Does it allow the action on every role?
		if s.NotResources != nil {
			what = 1
		} else if !slices.ContainsFunc(s.Resources, func(pattern string) bool {
			fields := strings.SplitN(pattern, ":", 6)
			return pattern == "*" || len(fields) == 6 && fields[2] == "iam" && covers(fields[5], r.roles)
		}) {
			continue
		}

		// A condition may limit it.
		if slices.ContainsFunc(r.keys, func(key string) bool { return l.keys[key] }) {
			continue
		}
		message := [...]string{"allows %s for every role", "allows %s for all roles except those listed"}[what]
		l.report(at, r.class, r.codes[how][what], r.hint, message, r.action)
	}
}

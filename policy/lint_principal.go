package policy

import (
	"slices"
	"strings"
)

func (l *linter) lintPrincipals() {
	s := l.statement
	if s.NotPrincipal != nil && s.Effect == Allow {
		l.report(l.at(-1, "NotPrincipal"), ClassSecurityWarning, "ALLOW_WITH_NOT_PRINCIPAL", "list the principals that are meant",
			"allows everyone except those listed, also callers without credentials")
	}
	grantsToAll := s.Principal != nil && s.Effect == Allow && s.Principal.everyone() && len(s.Conditions) == 0
	if grantsToAll && l.document.Kind != ResourceControl {
		l.report(l.at(-1, "Principal"), ClassSecurityWarning, "ALLOW_EVERYONE", "name the principals, or add a condition",
			"allows everyone, in every account")
	}

	for _, name := range []string{"Principal", "NotPrincipal"} {
		m := l.value.member(name)
		if m == nil || m.value.kind != jsonObject {
			continue
		}
		if len(m.value.members) == 0 {
			l.report(l.at(-1, name), ClassSuggestion, "EMPTY_OBJECT_PRINCIPAL", "leave the statement out, or name principals",
				"names no principal")
		}
		for n := range m.value.members {
			l.lintPrincipal(l.at(-1, name, m.value.members[n].name), &m.value.members[n])
		}
	}

	if l.document.Kind == Trust {
		l.lintTrust()
	}
}

// lintPrincipal checks the principals of one kind.
func (l *linter) lintPrincipal(at place, m *jsonMember) {
	values := m.value.items
	switch {
	case m.value.kind != jsonArray:
		values = []jsonValue{m.value}
	case len(values) == 0:
		l.report(at, ClassSuggestion, "EMPTY_ARRAY_PRINCIPAL", "leave it out, or name principals", "names no principal")
	}

	for n := range values {
		if len(l.found) == maxViolations {
			return
		}

		at, text := at.item(&m.value, n), values[n].text
		switch {
		case strings.Contains(text, "${"):
			l.report(at, ClassError, "VARIABLE_UNSUPPORTED_IN_ELEMENT", "use a condition on aws:PrincipalArn",
				"in a principal a variable is literal text")
		case m.name == "AWS" && strings.HasPrefix(text, "AIDA"):
			l.report(at, ClassWarning, "INVALID_USER_REFERENCE", "write the user's ARN",
				"names a user by its id, which names nobody once that user is deleted")
		case m.name == "AWS" && strings.HasPrefix(text, "AROA"):
			l.report(at, ClassWarning, "INVALID_ROLE_REFERENCE", "write the role's ARN",
				"names a role by its id, which names nobody once that role is deleted")
		case m.name == "Service" && text != "*" && !isServicePrincipal(text):
			l.report(at, ClassError, "INVALID_SERVICE_PRINCIPAL_FORMAT", "", "%q does not have the form of a service's name, "+
				"such as ec2.amazonaws.com", text)
		}
	}
}

// isServicePrincipal reports whether a text has the form of a service's name (IAM User Guide, "Principal", AWS services).
func isServicePrincipal(text string) bool {
	name, ok := strings.CutSuffix(strings.TrimSuffix(text, ".cn"), ".amazonaws.com")
	if !ok {
		name, ok = strings.CutSuffix(text, ".aws.internal")
	}
	return ok && isName(name, "-.")
}

// sharedProviders are the identity providers whose tokens have the same audience for all customers (IAM User Guide,
// "Identity-provider controls for shared OIDC providers").
var sharedProviders = map[string]bool{
	"token.actions.githubusercontent.com": true, "gitlab.com": true, "app.terraform.io": true, "oidc.circleci.com": true,
	"api.pulumi.com": true,
}

// isSAML reports whether a federated principal is a SAML provider. All others are providers of web identities.
func isSAML(name string) bool { return strings.Contains(name, ":saml-provider/") }

// lintTrust compares the actions of a trust policy with its principals (IAM User Guide, "Principal", and "Creating a role for web
// identity").
func (l *linter) lintTrust() {
	s := l.statement
	if s.Principal == nil || s.Principal.everyone() {
		return
	}

	// Each action is for some types of principal only.
	can := map[string]bool{
		"sts:assumerole":                len(s.Principal.AWS)+len(s.Principal.Service) > 0,
		"sts:assumerolewithsaml":        slices.ContainsFunc(s.Principal.Federated, isSAML),
		"sts:assumerolewithwebidentity": slices.ContainsFunc(s.Principal.Federated, func(name string) bool { return !isSAML(name) }),
	}

	web := false
	for n, pattern := range s.Actions {
		folded := strings.ToLower(pattern)
		web = web || l.covers(folded, "sts:assumerolewithwebidentity")
		if possible, ok := can[folded]; ok && !possible {
			l.report(l.at(n, "Action"), ClassError, "MISMATCHED_ACTION_FOR_PRINCIPAL",
				"sts:AssumeRole is for AWS and Service, sts:AssumeRoleWithSAML and sts:AssumeRoleWithWebIdentity are for Federated",
				"no principal of the statement can call %s", pattern)
		}
	}
	if web && s.Effect == Allow {
		l.lintWebIdentity()
	}
}

// lintWebIdentity reports the providers of web identities that a statement trusts without a condition on who the user is. Anyone
// with an account at the provider could then assume the role.
func (l *linter) lintWebIdentity() {
	s := l.statement

	// Find the providers of which a condition demands a claim. At a shared provider the audience does not limit who may come.
	asked := make(map[string]bool)
	for n := range s.Conditions {
		key := strings.ToLower(s.Conditions[n].Key)
		op, _ := parseOperator(s.Conditions[n].Operator) // Parse has refused unknown operators
		colon := strings.LastIndexByte(key, ':')
		if colon < 0 || op.family == nullFamily || op.negated || op.ifExists || op.qualifier == forAllValues {
			continue
		}
		if provider := key[:colon]; key[colon:] != ":aud" || !sharedProviders[provider] {
			asked[provider] = true
		}
	}

	for n, name := range s.Principal.Federated {
		if _, host, ok := strings.Cut(name, ":oidc-provider/"); ok {
			name = host
		}
		if !isSAML(name) && !asked[strings.ToLower(name)] {
			l.report(l.at(n, "Principal", "Federated"), ClassSecurityWarning, "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL",
				"add a condition on "+name+":aud or "+name+":sub; :aud alone is not enough when all customers of the provider share its value",
				"allows anyone with an account at %s, from any application", name)
		}
	}
}

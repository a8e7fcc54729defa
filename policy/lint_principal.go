package policy

import (
	"slices"
	"strings"
)

func (l *linter) lintPrincipals() {
	s := l.statement
	if s.NotPrincipal != nil && s.Effect == Allow {
		l.report(l.at(-1, "NotPrincipal"), ClassSecurityWarning, "ALLOW_WITH_NOT_PRINCIPAL", "list the principals that are meant",
			"allows everyone but those listed, also callers without credentials")
	}
	if s.Principal != nil && s.Effect == Allow && s.Principal.everyone() && len(s.Conditions) == 0 && l.document.Kind != ResourceControl {
		l.report(l.at(-1, "Principal"), ClassSecurityWarning, "ALLOW_EVERYONE", "name the principals, or add a condition", "allows everyone, in every account")
	}
	for _, name := range []string{"Principal", "NotPrincipal"} {
		m := l.value.member(name)
		if m == nil || m.value.kind != jsonObject {
			continue
		}
		if len(m.value.members) == 0 {
			l.report(l.at(-1, name), ClassSuggestion, "EMPTY_OBJECT_PRINCIPAL", "leave the statement out, or name principals", "names no principal")
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
			l.report(at, ClassError, "VARIABLE_UNSUPPORTED_IN_ELEMENT", "use a condition on aws:PrincipalArn", "in a principal a variable is literal text")
		case m.name == "AWS" && strings.HasPrefix(text, "AIDA"):
			l.report(at, ClassWarning, "INVALID_USER_REFERENCE", "write the user's ARN", "names a user by its id, and no longer anyone when that user is deleted")
		case m.name == "AWS" && strings.HasPrefix(text, "AROA"):
			l.report(at, ClassWarning, "INVALID_ROLE_REFERENCE", "write the role's ARN", "names a role by its id, and no longer anyone when that role is deleted")
		case m.name == "Service" && text != "*" && !isServicePrincipal(text):
			l.report(at, ClassError, "INVALID_SERVICE_PRINCIPAL_FORMAT", "", "a service is named like ec2.amazonaws.com, which %q is not", text)
		}
	}
}

// isServicePrincipal checks the form of a service's name (IAM User Guide, "Principal", AWS services).
func isServicePrincipal(text string) bool {
	name, ok := strings.CutSuffix(strings.TrimSuffix(text, ".cn"), ".amazonaws.com")
	if !ok {
		name, ok = strings.CutSuffix(text, ".aws.internal")
	}
	return ok && isName(name, "-.")
}

// sharedProviders are those at which the audience is the same for everybody (IAM User Guide, "Identity-provider controls for shared OIDC
// providers").
var sharedProviders = map[string]bool{
	"token.actions.githubusercontent.com": true, "gitlab.com": true, "app.terraform.io": true, "oidc.circleci.com": true, "api.pulumi.com": true,
}

// lintTrust compares a trust policy's actions with who they are for (IAM User Guide, "Principal", and "Creating a role for web
// identity").
func (l *linter) lintTrust() {
	s := l.statement
	if s.Principal == nil || s.Principal.everyone() {
		return
	}
	isSAML := func(name string) bool { return strings.Contains(name, ":saml-provider/") }
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
	if !web || s.Effect != Allow {
		return
	}
	asked := make(map[string]bool) // providers of which a condition asks for a claim, by the part of its key before it
	for n := range s.Conditions {
		key := strings.ToLower(s.Conditions[n].Key)
		op, _ := parseOperator(s.Conditions[n].Operator) // Parse let no other pass
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
				"add a condition on "+name+":aud or "+name+":sub, which :aud alone is not when its value is everybody's", "lets everybody in who has an account with %s, of whatever application", name)
		}
	}
}

package policy

import "slices"

// grant is how directly a resource-based policy names the principal that it allows. It determines which other policies must allow
// too (IAM User Guide, "Policy evaluation logic", resource-based policies, and "Principal").
type grant uint8

const (
	noGrant          grant = iota
	grantToAccount         // to the account as a whole: an identity-based policy must allow too
	grantToIssuer          // to the role or user of a session: its boundary and session policies must allow too
	grantToPrincipal       // to the user, the session, or everyone: in the same account nothing else needs to allow
)

// grant returns an explicit deny of a resource-based policy. Without one it returns the most direct grant.
func (s *Set) grant(q *query) (verdict, grant) {
	if s == nil {
		return verdict{}, noGrant
	}

	best, most := verdict{}, noGrant
	for n := range s.statements {
		st := &s.statements[n]
		if n < s.denying {
			if st.deniesTo(&q.request.Principal) && st.applies(q) {
				return verdict{ExplicitDeny, st}, noGrant
			}
		} else if g := st.grantTo(&q.request.Principal); g > most && st.applies(q) {
			best, most = verdict{Allow, st}, g
		}
	}
	return best, most
}

// deniesTo reports whether a statement that denies is about p. A statement without a principal denies everyone. NotPrincipal spares
// a principal only when it lists everything that the principal is known by: itself, its issuer and its account.
func (s *statement) deniesTo(p *Principal) bool {
	switch {
	case s.principals == nil:
		return true
	case !s.notPrincipal:
		return s.principals.grantTo(p) != noGrant
	case s.principals.everyone():
		return false
	case p.ARN == "":
		return s.principals.grantTo(p) == noGrant
	}

	account := slices.ContainsFunc(s.principals.AWS, func(name string) bool {
		id, ok := accountOf(name)
		return ok && id == p.AccountID
	})
	named := p.Root || slices.Contains(s.principals.AWS, p.ARN)
	issuer := p.Issuer == "" || slices.Contains(s.principals.AWS, p.Issuer)
	return !account || !named || !issuer
}

// grantTo returns how directly a statement that allows names p.
func (s *statement) grantTo(p *Principal) grant {
	switch {
	case s.principals == nil:
		return noGrant
	case !s.notPrincipal:
		return s.principals.grantTo(p)
	case s.principals.grantTo(p) == noGrant:
		return grantToPrincipal
	}
	return noGrant
}

// everyone reports whether the principals include everyone.
func (names *Principals) everyone() bool { return slices.Contains(names.AWS, "*") }

// grantTo returns how directly the principals include p.
func (names *Principals) grantTo(p *Principal) grant {
	switch {
	case names.everyone(), p.ARN != "" && slices.Contains(names.AWS, p.ARN):
		return grantToPrincipal
	case p.Federated != "" && slices.Contains(names.Federated, p.Federated):
		return grantToPrincipal
	case p.Service != "" && slices.Contains(names.Service, p.Service):
		return grantToPrincipal
	case p.Issuer != "" && slices.Contains(names.AWS, p.Issuer):
		return grantToIssuer
	case p.ARN == "":
		return noGrant
	}

	for _, name := range names.AWS {
		if id, ok := accountOf(name); ok && id == p.AccountID {
			if p.Root {
				return grantToPrincipal
			}
			return grantToAccount
		}
	}
	return noGrant
}

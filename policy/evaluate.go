package policy

import "strings"

// Policies holds the policies that apply to a request, by type. A field is nil when its type takes no part in the decision; an
// empty set takes part and allows nothing.
type Policies struct {
	Identity        *Set   // of the user and its groups, or of the role
	Resource        *Set   // of the resource; for sts:AssumeRole the role's trust policy
	Boundary        *Set   // of the user or role
	Session         *Set   // of the session
	ServiceControl  []*Set // of the principal's organization, a set for each level from its root to the account
	ResourceControl []*Set // of the resource's organization, likewise
}

// Request is the question that [Evaluate] answers.
type Request struct {
	Principal         Principal
	Action            string // service:Name, in any letter case
	Resource          string // an ARN, or "*" for an action that is not about one resource
	ResourceAccountID string // the account that owns the resource
	Context           *Context
}

// Principal is who makes a request. The zero Principal is anonymous.
type Principal struct {
	ARN       string // of the user, of the session of a role or federated user, or of the account's root user
	AccountID string
	Root      bool   // the account's root user
	Issuer    string // of a session: the ARN of the role or user that it was made from
	Federated string // of a call without credentials: the identity provider that vouches, as trust policies name it
	Service   string // of a call by a service: its name, such as ec2.amazonaws.com
}

// query is a request that is prepared for matching.
type query struct {
	request *Request
	action  uint64 // its foldHash
}

// Evaluate decides about a request (IAM User Guide, "Policy evaluation logic"). An explicit deny in any policy is final. Otherwise
// each type of policy that only limits must allow the request, and so must one that grants: an identity-based policy or, in the
// same account, a resource-based policy. Between accounts both must. Evaluate allocates no memory.
func Evaluate(p *Policies, r *Request) Decision {
	d := decide(p, &query{request: r, action: foldHash(r.Action)})
	d.foreign = r.Principal.AccountID != r.ResourceAccountID
	return d
}

// decide looks for an explicit deny in every type of policy first, and then at what is allowed.
func decide(p *Policies, q *query) Decision {
	serviceControl := decideLevels(p.ServiceControl, q)
	if serviceControl.effect == ExplicitDeny {
		return serviceControl.decision(ServiceControl)
	}
	resourceControl := decideLevels(p.ResourceControl, q)
	if resourceControl.effect == ExplicitDeny {
		return resourceControl.decision(ResourceControl)
	}

	resourceKind := Resource
	if p.Resource != nil && p.Resource.kind == Trust {
		resourceKind = Trust
	}
	granted, grant := p.Resource.grant(q)
	if granted.effect == ExplicitDeny {
		return granted.decision(resourceKind)
	}

	own := decideOwn(p, q, grant)
	principal := &q.request.Principal
	switch {
	case own.Effect == ExplicitDeny:
		return own
	case serviceControl.effect != Allow:
		return Decision{Type: ServiceControl}
	case resourceControl.effect != Allow:
		return Decision{Type: ResourceControl}
	case principal.ARN == "": // anonymous: there is no account whose policies could allow too
		if grant == grantToPrincipal {
			return granted.decision(resourceKind)
		}
		return Decision{Type: resourceKind}
	case principal.AccountID != q.request.ResourceAccountID:
		if grant == noGrant {
			return Decision{Type: resourceKind}
		}
		return own
	case grant == grantToPrincipal, grant == grantToIssuer && own.Allowed():
		return granted.decision(resourceKind)
	case grant == noGrant && p.Resource != nil && (resourceKind == Trust || !own.Allowed() && own.Type == Identity):
		return Decision{Type: resourceKind}
	}
	return own
}

// decideOwn decides by the principal's own policies: identity-based policies, permissions boundary and session policies. When a
// resource-based policy in the same account grants access to the issuer of a session, no identity-based policy needs to allow,
// but the boundary and the session policies must.
func decideOwn(p *Policies, q *query, grant grant) Decision {
	principal := &q.request.Principal
	if principal.Root {
		return Decision{Effect: Allow, Type: Identity}
	}
	identity := p.Identity.decide(q)
	if identity.effect == ExplicitDeny {
		return identity.decision(Identity)
	}

	boundary, session := verdict{effect: Allow}, verdict{effect: Allow}
	if p.Boundary != nil {
		if boundary = p.Boundary.decide(q); boundary.effect == ExplicitDeny {
			return boundary.decision(Boundary)
		}
	}
	if p.Session != nil {
		if session = p.Session.decide(q); session.effect == ExplicitDeny {
			return session.decision(Session)
		}
	} else if isFederatedUser(principal.ARN) {
		session.effect = ImplicitDeny // without a session policy, a federated user has no permissions of its own
	}

	needsIdentity := grant != grantToIssuer || principal.AccountID != q.request.ResourceAccountID
	switch {
	case needsIdentity && identity.effect != Allow:
		return Decision{Type: Identity}
	case boundary.effect != Allow:
		return Decision{Type: Boundary}
	case session.effect != Allow:
		return Decision{Type: Session}
	case identity.effect != Allow:
		return Decision{Effect: Allow, Type: Identity} // by the grant to the issuer
	}
	return identity.decision(Identity)
}

// isFederatedUser reports whether an ARN is that of a federated user. It compares the service before it searches the rest, because
// most principals belong to IAM.
func isFederatedUser(arn string) bool {
	_, rest, _ := strings.Cut(strings.TrimPrefix(arn, "arn:"), ":")
	return strings.HasPrefix(rest, "sts:") && strings.Contains(rest, ":federated-user/")
}

// verdict is the effect of the policies of one type, and the statement that decided it.
type verdict struct {
	effect Effect
	by     *statement
}

func (v verdict) decision(kind Kind) Decision {
	d := Decision{Effect: v.effect, Type: kind}
	if v.by != nil {
		d.Source, d.Statement = v.by.source, v.by.origin
	}
	return d
}

// decide returns the verdict of a set whose statements name no principals.
func (s *Set) decide(q *query) verdict {
	if s == nil {
		return verdict{}
	}

	// Statements that deny come before those that allow, so the first that applies decides.
	first := len(s.statements)
	if s.index != nil {
		first = s.index.first(s.statements, q)
	} else {
		for n := range s.statements {
			if s.statements[n].applies(q) {
				first = n
				break
			}
		}
	}

	switch {
	case first == len(s.statements):
		return verdict{}
	case first < s.denying:
		return verdict{ExplicitDeny, &s.statements[first]}
	}
	return verdict{Allow, &s.statements[first]}
}

// decideLevels returns the verdict of an organization's policies. The policies of every level must allow.
func decideLevels(levels []*Set, q *query) verdict {
	all := verdict{effect: Allow}
	for _, level := range levels {
		switch v := level.decide(q); v.effect {
		case ExplicitDeny:
			return v
		case ImplicitDeny:
			all.effect = ImplicitDeny
		}
	}
	return all
}

package policy

// Effect is the result of a decision, or of a statement that applies.
type Effect uint8

// The effects. ImplicitDeny means that no statement denies the request and none allows it.
const (
	ImplicitDeny Effect = iota
	ExplicitDeny
	Allow
)

// String returns the effect as the policy simulator writes a decision (IAM API, PolicyEvaluationDecisionType).
func (e Effect) String() string {
	switch e {
	case ExplicitDeny:
		return "explicitDeny"
	case Allow:
		return "allowed"
	}
	return "implicitDeny"
}

// Decision is the answer of [Evaluate]. The zero Decision denies.
type Decision struct {
	Effect    Effect
	Type      Kind       // the type of policy that decided, or that failed to allow
	Source    string     // the ID of the Source whose statement decided; empty when none did
	Statement *Statement // the statement that decided; nil when none did, as for every implicit denial and for the root user
	foreign   bool       // the resource belongs to another account; a denial then states no reason
}

// Allowed reports whether the action may be performed.
func (d Decision) Allowed() bool { return d.Effect == Allow }

// Reason returns the end of AWS's message about a denied action, which begins with "because" or "with" (IAM User Guide,
// "Troubleshoot access denied error messages"). It is empty when access is allowed, and when the resource belongs to another
// account.
func (d Decision) Reason(action string) string {
	switch {
	case d.foreign:
		return ""
	case d.Effect == ImplicitDeny:
		return "because no " + d.Type.String() + " allows the " + action + " action"
	case d.Effect == ExplicitDeny:
		article := "a "
		switch d.Type {
		case Identity:
			article = "an "
		case Trust:
			article = "the "
		}
		return "with an explicit deny in " + article + d.Type.String()
	}
	return ""
}

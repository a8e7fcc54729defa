package policy

import "fmt"

// Kind says what a policy is attached to, and so which elements it may have and what it can do (IAM User Guide, "Policies and
// permissions in IAM").
type Kind uint8

// The kinds of policy.
const (
	Identity        Kind = iota // of a user, group or role, inline or managed
	Resource                    // of a resource
	Trust                       // of a role: who may assume it
	Boundary                    // a managed policy used as permissions boundary
	Session                     // passed when temporary credentials are asked for
	ServiceControl              // of an organization: what its accounts' principals may do at most
	ResourceControl             // of an organization: what its accounts' resources let be done at most
)

// String returns the kind as messages about denied access name it.
func (k Kind) String() string {
	switch k {
	case Identity:
		return "identity-based policy"
	case Resource:
		return "resource-based policy"
	case Trust:
		return "role trust policy"
	case Boundary:
		return "permissions boundary"
	case Session:
		return "session policy"
	case ServiceControl:
		return "service control policy"
	case ResourceControl:
		return "resource control policy"
	}
	return fmt.Sprintf("policy of kind %d", uint8(k))
}

// The versions of the policy language. A document without Version has Version2008, where variables are literal text
// (IAM User Guide, "IAM JSON policy elements: Version").
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Document is a policy as Parse read it. It keeps what was written, in the order in which it was written, except that a single
// value and a list of one are the same. Documents that were compiled must not be changed.
type Document struct {
	Kind       Kind
	Version    string // Version2008 when the text has none
	ID         string
	Statements []Statement
}

// Statement is one element of a document's Statement. Of each pair such as Action and NotAction at most one is set.
type Statement struct {
	SID                     string
	Effect                  Effect      // Allow or ExplicitDeny
	Principal, NotPrincipal *Principals // nil where the element is absent
	Actions, NotActions     []string
	Resources, NotResources []string
	Conditions              []Condition
	Start, End              Position // of the object: its brace, and behind its closing brace
}

// Principals is the value of Principal or NotPrincipal; "*" alone reads as AWS: "*", which means the same.
type Principals struct {
	AWS, Federated, Service, CanonicalUser []string
}

// Condition is one key under one operator of a Condition element, with the values that it is compared with. Numbers and
// booleans that were written without quotes are here as text.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}

// Position is a place in a document's text. Both numbers count from 1; Column counts characters.
type Position struct {
	Line, Column int
}

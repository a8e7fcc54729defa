package policy

import "fmt"

// Kind is the type of a policy. It determines which elements the policy may have and what it can do (IAM User Guide, "Policies and
// permissions in IAM").
type Kind uint8

// The kinds of policy.
const (
	Identity        Kind = iota // what a user, the members of a group, or a role may do; inline or managed
	Resource                    // who may do what with a resource
	Trust                       // who may assume a role
	Boundary                    // what a user or role may do at most: a managed policy used as permissions boundary
	Session                     // what a session may do at most: passed when temporary credentials are requested
	ServiceControl              // what the principals in the accounts of an organization may do at most
	ResourceControl             // what may be done at most with the resources in the accounts of an organization
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

// Document is a policy as [Parse] read it. It keeps what was written in the same order, except that a single value and a list with
// that value are the same. A document must not be changed after it was given to [Compile].
type Document struct {
	Kind       Kind
	Version    string // Version2008 when the text has none
	ID         string
	Statements []Statement
}

// Statement is one statement of a document. At most one is set of each pair, such as Actions and NotActions.
type Statement struct {
	SID                     string
	Effect                  Effect      // Allow or ExplicitDeny
	Principal, NotPrincipal *Principals // nil where the element is absent
	Actions, NotActions     []string
	Resources, NotResources []string
	Conditions              []Condition
	Start, End              Position // of the object: its opening brace, and just after its closing brace
}

// Principals is the value of Principal or NotPrincipal. A lone "*" is read as {"AWS": "*"}, which means the same.
type Principals struct {
	AWS, Federated, Service, CanonicalUser []string
}

// Condition is one key under one operator of a Condition element, with the values that it is compared with. Numbers and
// booleans that were written without quotes are kept as text.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}

// Position is a place in a document's text. Both numbers count from 1; Column counts characters.
type Position struct {
	Line, Column int
}

package authz

import (
	"fmt"
	"sync"

	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// Policy is one policy that governs a principal, with where it comes from.
type Policy struct {
	// ID names the policy in decisions: the ARN of a managed policy, and otherwise kind_principal_name, as the policy simulator does.
	ID string
	// Owner is the principal that an inline policy belongs to, which is the governed one or a group that it is in. It is nil for a
	// managed policy.
	Owner    *store.Principal
	Name     string // of the policy
	Text     string // the document, byte for byte as it was put
	Document *policy.Document
}

// Governing is everything that governs a principal, as one transaction reads it. Decisions, simulations and descriptions of a
// principal's permissions all start from it, so that they cannot differ.
type Governing struct {
	Tags     []store.Tag
	Policies []Policy // that allow and deny
	Boundary *Policy  // that limits; nil without one

	versions []Version
}

// Version names one state of something that policies were gathered from. Two states that differ have different versions.
type Version struct{ ID, State string }

// Source is one place that contributes to what governs a principal: its own inline policies, the groups that it is in, the managed
// policies that are attached to it, its boundary.
type Source struct {
	// Versions reads the present state of everything that Gather would read for the principal. It is asked at each change of the
	// account, so it should be one small statement.
	Versions func(*store.Tx, *store.Principal) ([]Version, error)
	// Gather adds what the source contributes. The documents of the policies are left to the caller, who parses each text once.
	Gather func(*store.Tx, *store.Principal, *Governing) error
}

// ownPolicies contributes a principal's own inline policies and tags. The store raises the principal's version when they change.
var ownPolicies = Source{
	Versions: func(_ *store.Tx, p *store.Principal) ([]Version, error) {
		return []Version{{p.ID, fmt.Sprint(p.Version)}}, nil
	},
	Gather: func(tx *store.Tx, p *store.Principal, g *Governing) (err error) {
		if g.Tags, err = tx.Tags(p.AccountID, p.Owner()); err != nil {
			return err
		}
		inline, err := tx.InlinePolicies(p.AccountID, p.ID)
		if err != nil {
			return err
		}
		for _, each := range inline {
			g.Policies = append(g.Policies, Policy{
				ID: string(p.Kind) + "_" + p.Name + "_" + each.Name, Owner: p, Name: each.Name, Text: each.Document,
			})
		}
		return nil
	},
}

// managedPolicies contributes the managed policies that are attached to a principal, and the one that is its boundary. Which these
// are is part of the principal's own version; the store raises that of a policy when another text of it comes into force.
var managedPolicies = Source{
	Versions: func(tx *store.Tx, p *store.Principal) ([]Version, error) {
		states, err := tx.PolicyStates(p.AccountID, p.ID)
		versions := make([]Version, len(states))
		for n, s := range states {
			versions[n] = Version{s.ID, fmt.Sprint(s.Version)}
		}
		return versions, err
	},
	Gather: func(tx *store.Tx, p *store.Principal, g *Governing) error {
		governing, err := tx.GoverningPolicies(p.AccountID, p.ID)
		if err != nil {
			return err
		}
		for _, each := range governing {
			managed := Policy{ID: each.ARN, Name: each.Name, Text: each.Document}
			if each.Boundary {
				g.Boundary = &managed
			} else {
				g.Policies = append(g.Policies, managed)
			}
		}
		return nil
	},
}

// UnreadablePolicyError is returned by Gather for a stored policy that does not parse. Nothing is decided without it.
type UnreadablePolicyError struct {
	Principal *store.Principal
	Policy    string // its name
	Err       error
}

// Error names the policy and what is wrong with it.
func (e *UnreadablePolicyError) Error() string {
	return fmt.Sprintf("stored policy %q of %s: %v", e.Policy, e.Principal.ARN(), e.Err)
}

// Unwrap returns what is wrong.
func (e *UnreadablePolicyError) Unwrap() error { return e.Err }

// Gather reads everything that governs a principal. The root user is governed by nothing: its Governing is empty.
func (a *Authorizer) Gather(tx *store.Tx, p *store.Principal) (*Governing, error) {
	g := new(Governing)
	if p.Kind == store.Root {
		return g, nil
	}
	var err error
	if g.versions, err = a.versions(tx, p); err != nil {
		return nil, err
	}
	for _, source := range a.sources {
		if err := source.Gather(tx, p, g); err != nil {
			return nil, err
		}
	}

	for n := range g.Policies {
		if err := a.documents.parse(policy.Identity, p, &g.Policies[n]); err != nil {
			return nil, err
		}
	}
	if g.Boundary != nil {
		if err := a.documents.parse(policy.Boundary, p, g.Boundary); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// versions reads the state of everything that Gather would read.
func (a *Authorizer) versions(tx *store.Tx, p *store.Principal) ([]Version, error) {
	var all []Version
	for _, source := range a.sources {
		some, err := source.Versions(tx, p)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// maxDocuments bounds the texts of the parsed documents that are kept, in bytes. A parsed document takes several times its text.
const maxDocuments = 16 << 20

// documents keeps parsed documents by their content. A document is the same whoever it governs, so all principals share it, and a
// write transaction may use it, too.
type documents struct {
	mu    sync.Mutex
	known map[documentKey]*policy.Document
	size  int // of the texts, in bytes
}

type documentKey struct {
	kind policy.Kind
	text string
}

// parse sets the document of a policy that governs p.
func (d *documents) parse(kind policy.Kind, p *store.Principal, each *Policy) error {
	key := documentKey{kind, each.Text}
	d.mu.Lock()
	each.Document = d.known[key]
	d.mu.Unlock()
	if each.Document != nil {
		return nil
	}

	document, err := policy.Parse(kind, []byte(each.Text))
	if err != nil {
		return &UnreadablePolicyError{Principal: p, Policy: each.Name, Err: err}
	}
	each.Document = document

	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || d.size+len(each.Text) > maxDocuments {
		d.known, d.size = make(map[documentKey]*policy.Document), 0 // what is in use is parsed once more, and kept again
	}
	if d.known[key] == nil {
		d.known[key] = document
		d.size += len(each.Text)
	}
	return nil
}

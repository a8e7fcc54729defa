package authz

import (
	"slices"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// maxPrincipals bounds the cache of compiled principals; at the bound an arbitrary one makes room.
const maxPrincipals = 8192

// compiled is what governs a principal, ready for decisions, with the state that it was compiled from. It is never changed, only
// replaced.
type compiled struct {
	freshness store.Freshness
	versions  []Version
	identity  *policy.Set
	boundary  *policy.Set // nil without a boundary
	tags      []policy.PrincipalTag
}

// compiled returns what governs the caller. It comes from memory when the account has not changed since, or when nothing that it
// was compiled from has.
func (a *Authorizer) compiled(tx *store.Tx, c *authn.Caller) (*compiled, error) {
	if c.Principal == nil {
		return new(compiled), nil // a caller without a row in the store has no policies of its own
	}

	// What a write transaction reads may still be rolled back, so it is neither kept nor compared with what is kept.
	if tx.Writes() {
		return a.compile(tx, c)
	}

	a.mu.RLock()
	known := a.cache[c.Principal.ID]
	a.mu.RUnlock()
	if known != nil && known.freshness == c.Freshness {
		return known, nil
	}

	fresh, err := a.renew(tx, c, known)
	if err != nil {
		return nil, err
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.cache[c.Principal.ID]; !known && len(a.cache) >= maxPrincipals {
		for other := range a.cache {
			delete(a.cache, other)
			break
		}
	}
	a.cache[c.Principal.ID] = fresh
	return fresh, nil
}

// renew returns known under the caller's freshness when the account changed but nothing that known was compiled from did, and
// compiles anew otherwise.
func (a *Authorizer) renew(tx *store.Tx, c *authn.Caller, known *compiled) (*compiled, error) {
	if known == nil || known.freshness.Incarnation != c.Freshness.Incarnation || c.IsRoot() {
		return a.compile(tx, c)
	}
	versions, err := a.versions(tx, c.Principal)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(versions, known.versions) {
		return a.compile(tx, c)
	}

	renewed := *known
	renewed.freshness = c.Freshness
	return &renewed, nil
}

// compile gathers and compiles what governs the caller.
func (a *Authorizer) compile(tx *store.Tx, c *authn.Caller) (*compiled, error) {
	g, err := a.Gather(tx, c.Principal)
	if err != nil {
		return nil, err
	}
	p := &compiled{freshness: c.Freshness, versions: g.versions, identity: policy.Compile(g.Sources()...)}
	for _, tag := range g.Tags {
		p.tags = append(p.tags, policy.NewPrincipalTag(tag.Key, tag.Value))
	}
	if g.Boundary != nil {
		p.boundary = policy.Compile(policy.Source{ID: g.Boundary.ID, Document: g.Boundary.Document})
	}
	return p, nil
}

// Sources are the policies that allow and deny, as the engine takes them.
func (g *Governing) Sources() []policy.Source {
	sources := make([]policy.Source, len(g.Policies))
	for n := range g.Policies {
		sources[n] = policy.Source{ID: g.Policies[n].ID, Document: g.Policies[n].Document}
	}
	return sources
}

// Package authz asks the policy engine whether a caller may do something.
//
// It gathers what governs the caller ([Gather]), derives the condition keys of the request, asks the engine, and describes a
// refusal ([Denial]). It decides nothing itself. Compiled policies are cached under everything that they were compiled from, so
// that a change is in force for the next request, in this process and in every other.
package authz

import (
	"errors"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// Environment is what a request says about itself, apart from who makes it.
type Environment struct {
	Now       time.Time
	Address   netip.Addr // the client's; invalid when unknown
	UserAgent string
	Referer   string
	Secure    bool   // TLS, or a public URL of https behind the trusted proxy
	Region    string // that the request was signed for; "us-east-1" for IAM
}

// Check is one question: may the caller do Action on Resource?
type Check struct {
	Action   string // "" stands for the operation's own action
	Resource string // an ARN, or "*" when the action knows no resource
	// Account owns the resource; "" stands for the caller's own account.
	Account string
	// Named is the resource as the caller named it, in the form that AWS's refusals have for the operation, such as "user alice".
	// A refusal prints it in place of the ARN, so that it reads the same whether the resource exists or not. "" stands for the ARN.
	Named string
	// Refusal is the whole message of a refusal, for the few operations whose message has a form of its own.
	Refusal string
	Keys    []Key // condition keys of this action and resource
}

// Key is a condition key with its values.
type Key struct {
	Name   string
	Values []string
}

// Authorizer answers Checks. It is safe for concurrent use.
type Authorizer struct {
	sources   []Source
	documents documents
	contexts  sync.Pool

	mu    sync.RWMutex
	cache map[string]*compiled // by internal principal id
}

// New returns an authorizer with empty caches. Principals are governed by their own inline policies and tags, by the
// managed policies that are attached to them and their boundary, and by what the extra sources contribute.
func New(extra ...Source) *Authorizer {
	return &Authorizer{
		sources:  append([]Source{ownPolicies, managedPolicies}, extra...),
		contexts: sync.Pool{New: func() any { return policy.NewContext() }},
		cache:    make(map[string]*compiled),
	}
}

// Authorize answers nil when every check is allowed, and otherwise the refusal of the first that is not: AccessDenied, whose
// cause is a [*Denial]. A check that cannot be decided is an error and never an allow.
func (a *Authorizer) Authorize(tx *store.Tx, c *authn.Caller, env *Environment, checks []Check) error {
	if !c.Valid() {
		return errors.New("authorize: caller was not authenticated")
	}
	p, err := a.compiled(tx, c)
	if err != nil {
		return err
	}

	caller := describeCaller(c, p, env.Now)
	ctx := a.contexts.Get().(*policy.Context)
	defer a.contexts.Put(ctx)

	for n := range checks {
		check := &checks[n]
		owner := check.Account
		if owner == "" {
			owner = c.AccountID()
		}

		ctx.Reset()
		env.describe(ctx)
		caller.Describe(ctx)
		ctx.Set("aws:ResourceAccount", owner)
		for _, key := range check.Keys {
			ctx.Set(key.Name, key.Values...)
		}

		decision := policy.Evaluate(&policy.Policies{Identity: p.identity, Boundary: p.boundary}, &policy.Request{
			Principal:         caller.Principal,
			Action:            check.Action,
			Resource:          check.Resource,
			ResourceAccountID: owner,
			Context:           ctx,
		})
		if !decision.Allowed() {
			return newDenial(c, check, decision).refusal()
		}
	}
	return nil
}

// describeCaller is the caller as the policy engine knows principals.
func describeCaller(c *authn.Caller, p *compiled, now time.Time) policy.Caller {
	caller := policy.Caller{
		Principal: policy.Principal{ARN: c.ARN(), AccountID: c.AccountID(), Root: c.IsRoot()},
		UserID:    c.UserID(), Tags: p.tags,
	}
	if proof := c.Proof(); proof != nil {
		caller.Federated = proof.Provider
	}

	// Long-term keys say nothing of MFA: policies see the difference between false and absent.
	if c.IsTemporary() {
		caller.TokenIssuedAt, caller.MFA = c.IssuedAt, policy.MFANotUsed
		if c.UsedMFA() {
			caller.MFA, caller.MFAAge = policy.MFAUsed, now.Sub(c.MFAAt)
		}
	}
	return caller
}

// Allows reports whether a check is allowed, for a page that shows only what its reader may see.
func (a *Authorizer) Allows(tx *store.Tx, c *authn.Caller, env *Environment, check Check) (bool, error) {
	err := a.Authorize(tx, c, env, []Check{check})
	var denial *Denial
	if errors.As(err, &denial) {
		return false, nil
	}
	return err == nil, err
}

// describe sets the global condition keys that follow from the request (IAM User Guide, "AWS global condition context keys"); those
// that follow from who asks are policy.Caller's. A key that is not known is absent: none is made up.
func (env *Environment) describe(ctx *policy.Context) {
	ctx.Set("aws:CurrentTime", env.Now.UTC().Format(time.RFC3339))
	ctx.Set("aws:EpochTime", strconv.FormatInt(env.Now.Unix(), 10))
	ctx.Set("aws:SecureTransport", strconv.FormatBool(env.Secure))
	if env.Address.IsValid() {
		ctx.Set("aws:SourceIp", env.Address.String())
	}
	if env.UserAgent != "" {
		ctx.Set("aws:UserAgent", env.UserAgent)
	}
	if env.Referer != "" {
		ctx.Set("aws:referer", env.Referer)
	}
	if env.Region != "" {
		ctx.Set("aws:RequestedRegion", env.Region)
	}
}

// ResourceTags are the condition keys of the tags of an IAM resource, under both of their names (IAM User Guide, "Controlling
// access to IAM resources using tags").
func ResourceTags(tags []store.Tag) []Key {
	keys := make([]Key, 0, 2*len(tags))
	for _, t := range tags {
		keys = append(keys,
			Key{Name: "aws:ResourceTag/" + t.Key, Values: []string{t.Value}},
			Key{Name: "iam:ResourceTag/" + t.Key, Values: []string{t.Value}})
	}
	return keys
}

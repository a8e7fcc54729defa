// Package authz asks the policy engine whether a caller may do something.
//
// It gathers what the engine needs (the caller's compiled policies, the condition keys of the request) and words the refusal.
// It decides nothing itself. Compiled principals are cached under the state of the account that they were read from, so that
// a change is in force for the next request, in this process and in every other.
package authz

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
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
	Named    string // how a refusal names the resource, when not by its ARN
	Keys     []Key  // condition keys of this action and resource
}

// Key is a condition key with its values.
type Key struct {
	Name   string
	Values []string
}

// Authorizer answers Checks. It is safe for concurrent use.
type Authorizer struct {
	mu       sync.RWMutex
	cache    map[string]*compiled // by internal principal id
	contexts sync.Pool
}

// New returns an authorizer with an empty cache.
func New() *Authorizer {
	return &Authorizer{
		cache:    make(map[string]*compiled),
		contexts: sync.Pool{New: func() any { return policy.NewContext() }},
	}
}

// maxPrincipals bounds the cache of compiled principals; at the bound an arbitrary one makes room.
const maxPrincipals = 8192

// compiled is a principal's compiled policies and tags. It is never changed, only replaced.
type compiled struct {
	freshness store.Freshness
	version   int64
	policies  *policy.Set
	tags      []store.Tag
}

// Authorize answers nil when every check is allowed, and otherwise AccessDenied for the first that is not. A check that
// cannot be decided is an error and never an allow.
func (a *Authorizer) Authorize(tx *store.Tx, c *authn.Caller, env *Environment, checks []Check) error {
	if !c.Valid() {
		return errors.New("authorize: caller was not authenticated")
	}
	p, err := a.compiled(tx, c)
	if err != nil {
		return err
	}
	ctx := a.contexts.Get().(*policy.Context)
	defer a.contexts.Put(ctx)
	for n := range checks {
		ctx.Reset()
		describe(ctx, c, p, env)
		for _, key := range checks[n].Keys {
			ctx.Set(key.Name, key.Values...)
		}
		decision := policy.Evaluate(&policy.Policies{Identity: p.policies}, &policy.Request{
			Principal:         policy.Principal{ARN: c.Principal.ARN(), AccountID: c.AccountID(), Root: c.IsRoot()},
			Action:            checks[n].Action,
			Resource:          checks[n].Resource,
			ResourceAccountID: c.AccountID(),
			Context:           ctx,
		})
		if !decision.Allowed() {
			return denied(c, &checks[n], decision)
		}
	}
	return nil
}

// Allows reports whether a check is allowed, for a page that shows only what its reader may see.
func (a *Authorizer) Allows(tx *store.Tx, c *authn.Caller, env *Environment, check Check) (bool, error) {
	err := a.Authorize(tx, c, env, []Check{check})
	var refusal *awsquery.Error
	if errors.As(err, &refusal) {
		return false, nil
	}
	return err == nil, err
}

// denied words the refusal (IAM User Guide, "Troubleshoot access denied error messages").
func denied(c *authn.Caller, check *Check, d policy.Decision) error {
	resource := check.Resource
	if check.Named != "" {
		resource = check.Named
	}
	return AccessDenied(fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		c.Principal.ARN(), check.Action, resource, d.Reason(check.Action)))
}

// AccessDenied is the refusal with the given words.
func AccessDenied(message string) *awsquery.Error {
	return &awsquery.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: message}
}

// compiled returns the caller's compiled policies: from memory when neither the account nor the principal changed.
func (a *Authorizer) compiled(tx *store.Tx, c *authn.Caller) (*compiled, error) {
	if tx.Writes() {
		return compile(tx, c)
	}
	a.mu.RLock()
	known := a.cache[c.Principal.ID]
	a.mu.RUnlock()
	if known != nil && known.freshness == c.Freshness {
		return known, nil
	}
	var fresh *compiled
	if known != nil && known.freshness.Incarnation == c.Freshness.Incarnation && known.version == c.Principal.Version {
		renewed := *known
		renewed.freshness = c.Freshness
		fresh = &renewed
	} else {
		var err error
		if fresh, err = compile(tx, c); err != nil {
			return nil, err
		}
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

// compile reads and compiles what governs the caller.
func compile(tx *store.Tx, c *authn.Caller) (*compiled, error) {
	p := &compiled{freshness: c.Freshness, version: c.Principal.Version}
	if c.IsRoot() {
		p.policies = policy.Compile()
		return p, nil
	}
	documents, err := tx.InlinePolicies(c.AccountID(), c.Principal.ID)
	if err != nil {
		return nil, err
	}
	sources := make([]policy.Source, len(documents))
	for n, d := range documents {
		parsed, err := policy.Parse(policy.Identity, []byte(d.Document))
		if err != nil {
			return nil, fmt.Errorf("stored policy %q of %s: %w", d.Name, c.Principal.ARN(), err)
		}
		sources[n] = policy.Source{ID: d.Name, Document: parsed}
	}
	p.policies = policy.Compile(sources...)
	if p.tags, err = tx.Tags(c.AccountID(), c.Principal.Owner()); err != nil {
		return nil, err
	}
	return p, nil
}

// describe sets the global condition keys (IAM User Guide, "AWS global condition context keys"). A key that is not known is
// absent: none is made up.
func describe(ctx *policy.Context, c *authn.Caller, p *compiled, env *Environment) {
	ctx.Set("aws:CurrentTime", env.Now.UTC().Format(time.RFC3339))
	ctx.Set("aws:EpochTime", strconv.FormatInt(env.Now.Unix(), 10))
	ctx.Set("aws:SecureTransport", strconv.FormatBool(env.Secure))
	ctx.Set("aws:ViaAWSService", "false")
	ctx.Set("aws:PrincipalIsAWSService", "false")
	ctx.Set("aws:PrincipalArn", c.Principal.ARN())
	ctx.Set("aws:PrincipalAccount", c.AccountID())
	ctx.Set("aws:ResourceAccount", c.AccountID())
	ctx.Set("aws:userid", c.Principal.UniqueID)
	if c.IsRoot() {
		ctx.Set("aws:PrincipalType", "Account")
	} else {
		ctx.Set("aws:PrincipalType", "User")
		ctx.Set("aws:username", c.Principal.Name)
	}
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
	if c.Credential == authn.ConsoleSession {
		ctx.Set("aws:TokenIssueTime", c.SessionCreatedAt.UTC().Format(time.RFC3339))
		ctx.Set("aws:MultiFactorAuthPresent", strconv.FormatBool(c.UsedMFA()))
		if c.UsedMFA() {
			ctx.Set("aws:MultiFactorAuthAge", strconv.FormatInt(int64(env.Now.Sub(c.MFAAt)/time.Second), 10))
		}
	}
	for _, tag := range p.tags {
		ctx.Set("aws:PrincipalTag/"+tag.Key, tag.Value)
	}
}

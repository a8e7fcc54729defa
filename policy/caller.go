package policy

import (
	"strconv"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/arn"
)

// Caller is a principal with everything that is known of its identity and its credentials. A field that is not known stays zero.
// Put the embedded [Principal] into a [Request]; everything else reaches policies as condition keys, by [Caller.Describe].
type Caller struct {
	Principal

	// UserID is the unique id of the user ("AIDA…"), or of the role with the name of the session ("AROA…:session"). The ids of
	// a root user and of a federated user follow from the Principal and need not be given.
	UserID string

	// Tags are those of the user or role, and those of the session, which replace tags with the same key.
	Tags []PrincipalTag

	// TokenIssuedAt is when temporary credentials were issued. It is zero for long-term access keys.
	TokenIssuedAt time.Time

	// MFA says whether the credentials were issued after multi-factor authentication, and MFAAge how long ago that was. The
	// age counts only with MFAUsed.
	MFA    MFA
	MFAAge time.Duration
}

// MFA is what the credentials of a request say about multi-factor authentication.
type MFA uint8

// What credentials can say about multi-factor authentication (IAM User Guide, "aws:MultiFactorAuthPresent").
const (
	MFAUnknown MFA = iota // nothing, as long-term access keys do: both condition keys are absent
	MFANotUsed            // temporary credentials that were issued without it, and all those of roles and federated users
	MFAUsed               // temporary credentials that were issued with it
)

// PrincipalTag is a tag of a user, role or session, as the condition key aws:PrincipalTag/key has it. Make it once with
// [NewPrincipalTag] and use it for many requests.
type PrincipalTag struct {
	key   contextKey
	value string
}

// NewPrincipalTag returns the tag with a key and a value.
func NewPrincipalTag(key, value string) PrincipalTag {
	return PrincipalTag{newContextKey("aws:PrincipalTag/" + key), value}
}

// The condition keys that Describe sets. They are hashed once, not with every request.
var (
	keyMFAAge         = newContextKey("aws:MultiFactorAuthAge")
	keyMFAPresent     = newContextKey("aws:MultiFactorAuthPresent")
	keyAccount        = newContextKey("aws:PrincipalAccount")
	keyARN            = newContextKey("aws:PrincipalArn")
	keyIsService      = newContextKey("aws:PrincipalIsAWSService")
	keyServiceName    = newContextKey("aws:PrincipalServiceName")
	keyType           = newContextKey("aws:PrincipalType")
	keyTokenIssueTime = newContextKey("aws:TokenIssueTime")
	keyUserID         = newContextKey("aws:userid")
	keyUserName       = newContextKey("aws:username")
	keyViaService     = newContextKey("aws:ViaAWSService")
)

// Describe sets the condition keys that follow from who asks, and no others (IAM User Guide, "IAM policy elements: Variables
// and tags", the table of principals, and "AWS global condition context keys"). A key whose value is not known, or that such
// a caller does not have, is left as it is.
//
// The caller is taken to ask directly, so aws:ViaAWSService is false; set that key afterwards for a request that a service
// forwards. Describe allocates no memory, except for the id of a federated user and for the two keys that hold a time.
func (c *Caller) Describe(ctx *Context) {
	ctx.set(keyViaService, "false")

	switch {
	case c.Service != "":
		ctx.set(keyIsService, "true")
		ctx.set(keyServiceName, c.Service)
		return
	case c.Federated != "":
		c.describeProvider(ctx)
		return
	case c.ARN == "":
		ctx.set(keyType, "Anonymous")
		ctx.set(keyAccount, "anonymous")
		return
	}

	ctx.set(keyIsService, "false")
	if c.AccountID != "" {
		ctx.set(keyAccount, c.AccountID)
	}
	c.describeIdentity(ctx)
	for n := range c.Tags {
		ctx.set(c.Tags[n].key, c.Tags[n].value)
	}
	c.describeCredentials(ctx)
}

// describeProvider describes a call that carries a provider's token or assertion in place of a signature. To the role's
// trust policy such a caller is a user whose id is the provider's ARN. The providers that are known by a name, such as
// accounts.google.com, have no ARN and belong to no account.
func (c *Caller) describeProvider(ctx *Context) {
	ctx.set(keyType, "User")
	if provider, err := arn.Parse(c.Federated); err == nil {
		ctx.set(keyUserID, c.Federated)
		ctx.set(keyAccount, provider.AccountID)
	}
}

// describeIdentity sets the keys of the table of principals: type, ARN, id and name.
func (c *Caller) describeIdentity(ctx *Context) {
	name, err := arn.Parse(c.ARN)
	if err != nil {
		return
	}
	kind, rest, _ := strings.Cut(name.Resource, "/")
	userID := c.UserID

	switch {
	case c.Root:
		ctx.set(keyType, "Account")
		ctx.set(keyARN, c.ARN)
		userID = c.AccountID
	case name.Service == "iam" && kind == "user":
		ctx.set(keyType, "User")
		ctx.set(keyARN, c.ARN)
		ctx.set(keyUserName, rest[strings.LastIndexByte(rest, '/')+1:])
	case name.Service == "sts" && kind == "assumed-role":
		ctx.set(keyType, "AssumedRole")
		// Policies compare the role, which has a path, and not its session.
		if c.Issuer != "" {
			ctx.set(keyARN, c.Issuer)
		}
	case name.Service == "sts" && kind == "federated-user":
		ctx.set(keyType, "FederatedUser")
		ctx.set(keyARN, c.ARN)
		userID = c.AccountID + ":" + rest
	}

	if userID != "" {
		ctx.set(keyUserID, userID)
	}
}

// describeCredentials sets the keys that only temporary credentials have.
func (c *Caller) describeCredentials(ctx *Context) {
	if !c.TokenIssuedAt.IsZero() {
		ctx.set(keyTokenIssueTime, c.TokenIssuedAt.UTC().Format(time.RFC3339))
	}

	switch c.MFA {
	case MFANotUsed:
		ctx.set(keyMFAPresent, "false")
	case MFAUsed:
		ctx.set(keyMFAPresent, "true")
		ctx.set(keyMFAAge, strconv.FormatInt(int64(c.MFAAge/time.Second), 10))
	}
}

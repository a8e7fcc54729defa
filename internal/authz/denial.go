package authz

import (
	"net/http"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/policy"
)

// Denial is a refusal by policy, as data. It is the cause of the AccessDenied that [Authorizer.Authorize] returns, where
// errors.As finds it: pages and the trail read it instead of taking the message apart.
type Denial struct {
	Principal string          // the ARN of who asked
	Action    string          // such as iam:GetUser
	Resource  string          // as the caller named it, such as "user alice"; an ARN for what would be created
	Decision  policy.Decision // with the type of policy, and the statement, that decided
	PolicyARN string          // of the managed policy that denied explicitly; "" otherwise

	message string // "" for the usual form
	rule    string // the reason, when it is not a policy's
}

func newDenial(c *authn.Caller, check *Check, d policy.Decision) *Denial {
	denial := &Denial{Principal: c.ARN(), Action: check.Action, Resource: check.Resource, Decision: d, message: check.Refusal}
	if check.Named != "" {
		denial.Resource = check.Named
	}

	// Only managed policies are named. An inline policy's name would tell the caller nothing that they could look up.
	if d.Effect == policy.ExplicitDeny && strings.HasPrefix(d.Source, "arn:") {
		denial.PolicyARN = d.Source
	}
	return denial
}

// Reason is how AWS ends the message, such as "because no identity-based policy allows the iam:GetUser action" (IAM User Guide,
// "Troubleshoot access denied error messages"). It is "" when the resource is another account's, which tells strangers no reasons.
func (d *Denial) Reason() string {
	if d.rule != "" {
		return d.rule
	}
	reason := d.Decision.Reason(d.Action)
	if reason != "" && d.PolicyARN != "" {
		reason += ": " + d.PolicyARN
	}
	return reason
}

// Error words the denial as AWS does.
func (d *Denial) Error() string {
	if d.message != "" {
		return d.message
	}
	text := "User: " + d.Principal + " is not authorized to perform: " + d.Action + " on resource: " + d.Resource
	if reason := d.Reason(); reason != "" {
		text += " " + reason
	}
	return text
}

// refusal is the denial as the error that a client is told.
func (d *Denial) refusal() error {
	e := AccessDenied(d.Error())
	e.Cause = d
	return e
}

// AccessDenied is a refusal that is not a policy's, with its own words.
func AccessDenied(message string) *awsquery.Error {
	return &awsquery.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: message}
}

// Refuse returns a refusal in the form of a denial whose reason is a rule of ours and not a policy, such as "because an MFA device
// of the user must be used to sign in first".
func Refuse(c *authn.Caller, action, resource, reason string) error {
	d := &Denial{Principal: c.ARN(), Action: action, Resource: resource, rule: reason}
	return d.refusal()
}

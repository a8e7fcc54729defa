// Package iam holds the operations of IAM, and Touchstone's own on the same resources, a file per resource.
//
// An operation here says only what is particular to it: what is authorised, what it does, what may go wrong. Everything else
// (shapes, limits, the order of things, the audit trail) is the pipeline's. What is the same for users, groups and roles is
// written once, as a family, for every kind of principal. Which operations exist is the model's; those not defined here
// answer NotImplemented.
package iam

import (
	"time"

	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// Operations are what the operations work with, beside the store.
type Operations struct {
	SignIn       *signin.Service
	Hasher       *secret.Hasher
	Secrets      *secret.Keyring
	RelyingParty *mfa.RelyingParty
	Authn        *authn.Authenticator
	Authz        *authz.Authorizer
	KeyUses      *api.KeyUses
	Catalogue    *policy.Catalogue // of what exists, for ValidatePolicy
}

// Define gives every operation built so far its functions.
func (o *Operations) Define(t *api.Table) {
	o.defineUsers(t)
	o.definePolicies(t)
	o.defineLoginProfiles(t)
	o.defineAccessKeys(t)
	o.defineAccount(t)
	o.defineMFADevices(t)
	o.defineEnrolment(t)
	o.defineSessions(t)
	o.defineDirectory(t)
	o.defineValidation(t)
}

// onAccount authorises an operation that is about the account as a whole: its action knows no resource.
func onAccount[In any](*api.Request, *store.Tx, *In) (api.Subject[struct{}], error) {
	return api.Subject[struct{}]{Checks: api.Ask(authz.Check{Resource: "*"})}, nil
}

// open lets everybody who is signed in do an operation.
func open[In any](*api.Request, *store.Tx, *In) (api.Subject[struct{}], error) {
	return api.Subject[struct{}]{Checks: api.Open()}, nil
}

// timePointer returns t, or nil for never.
func timePointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

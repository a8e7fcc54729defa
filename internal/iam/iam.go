// Package iam holds the operations of IAM, and Touchstone's own on the same resources, a file per resource.
//
// An operation here says only what is particular to it: what is authorised, what it does, what may go wrong. Everything else
// (shapes, limits, the order of things, the audit trail) is the pipeline's. Which operations exist is the model's; those not
// defined here answer NotImplemented.
package iam

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
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
	Master       *secret.MasterKey
	RelyingParty *mfa.RelyingParty
	Authn        *authn.Authenticator
	Authz        *authz.Authorizer
	KeyUses      *api.KeyUses
	Catalogue    *policy.Catalogue // of what exists, for ValidatePolicy and the simulations
}

// Define gives every operation built so far its functions.
func (o *Operations) Define(t *api.Table) {
	o.defineUsers(t)
	o.defineLoginProfiles(t)
	o.defineUserPolicies(t)
	o.defineAccessKeys(t)
	o.defineAccount(t)
	o.defineMFADevices(t)
	o.defineEnrolment(t)
	o.defineSessions(t)
	o.defineDirectory(t)
	o.defineValidation(t)
	o.defineSimulations(t)
}

// subject is whom an operation is about.
type subject struct {
	name      string           // as given; "" for the caller
	principal *store.Principal // nil when there is no such user
	tags      []store.Tag
}

// subjectOf finds whom the name names: a user of the caller's account, or, without a name, the caller.
func subjectOf(r *api.Request, tx *store.Tx, name string) (*subject, error) {
	s := &subject{name: name}
	var err error
	if name == "" {
		s.principal, s.tags, err = tx.Tagged(r.Caller.AccountID(), r.Caller.Principal.ID)
	} else {
		s.principal, s.tags, err = tx.TaggedPrincipal(r.Caller.AccountID(), store.User, name)
	}
	if errors.Is(err, store.ErrNotFound) {
		s.principal, err = nil, nil
	}
	return s, err
}

// check asks for the operation's action on the subject. Somebody who does not exist is authorised as a user of that name with
// the path "/", so that whether there is one is told only to who may know.
func (s *subject) check(r *api.Request) authz.Check {
	if s.principal == nil {
		return authz.Check{Resource: store.UserARN(r.Caller.AccountID(), "/", s.name)}
	}
	return authz.Check{Resource: s.principal.ARN(), Keys: resourceTags(s.tags)}
}

// found is the subject's principal, or NoSuchEntity.
func (s *subject) found() (*store.Principal, error) {
	if s.principal == nil {
		return nil, noSuchUser(s.name)
	}
	return s.principal, nil
}

func noSuchUser(name string) error {
	return iamapi.NoSuchEntity("The user with name %s cannot be found.", name)
}

// onSubject authorises an operation on the user that the input names.
func onSubject[In any](name func(*In) string) func(*api.Request, *store.Tx, *In) ([]authz.Check, error) {
	return func(r *api.Request, tx *store.Tx, in *In) ([]authz.Check, error) {
		s, err := subjectOf(r, tx, name(in))
		if err != nil {
			return nil, err
		}
		return []authz.Check{s.check(r)}, nil
	}
}

// onEverything authorises an operation whose action knows no resource.
func onEverything[In any](*api.Request, *store.Tx, *In) ([]authz.Check, error) {
	return []authz.Check{{Resource: "*"}}, nil
}

// find is the principal that the name names, inside Execute.
func find(r *api.Request, tx *store.Tx, name string) (*store.Principal, error) {
	var (
		i   *store.Principal
		err error
	)
	if name == "" {
		i, err = tx.Principal(r.Caller.AccountID(), r.Caller.Principal.ID)
	} else {
		i, err = tx.PrincipalByName(r.Caller.AccountID(), store.User, name)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchUser(name)
	}
	return i, err
}

// resourceTags are the condition keys of a user's tags, under both of their names (IAM User Guide, "Controlling access to IAM
// resources using tags").
func resourceTags(tags []store.Tag) []authz.Key {
	keys := make([]authz.Key, 0, 2*len(tags))
	for _, t := range tags {
		keys = append(keys,
			authz.Key{Name: "aws:ResourceTag/" + t.Key, Values: []string{t.Value}},
			authz.Key{Name: "iam:ResourceTag/" + t.Key, Values: []string{t.Value}})
	}
	return keys
}

// invalid is InvalidInput about a parameter, with which its message begins.
func invalid(parameter, format string, args ...any) error {
	e := iamapi.InvalidInput("%s: %s", parameter, fmt.Sprintf(format, args...))
	e.Parameter = parameter
	return e
}

// validationError is the answer to input that its shape allows and its meaning does not.
func validationError(message string) error {
	return &awsquery.Error{Code: "ValidationError", Status: http.StatusBadRequest, Message: message}
}

// defaultPage is how many items a page has when MaxItems is not given (IAM API Reference).
const defaultPage = 100

func pageSize(maxItems int) int {
	if maxItems == 0 {
		return defaultPage
	}
	return maxItems
}

// marker is where the next page of a list continues. On the wire it is opaque.
type marker struct {
	Operation string `json:"o"`
	Last      string `json:"l"`
}

// encodeMarker makes the marker of the page that follows the item named last.
func encodeMarker(operation, last string) string {
	text, err := json.Marshal(marker{operation, last})
	if err != nil {
		panic(err) // two strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeMarker returns the item that a marker of the operation stands behind; "" without a marker.
func decodeMarker(operation, text string) (last string, err error) {
	if text == "" {
		return "", nil
	}
	var m marker
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &m)
	}
	if err != nil || m.Operation != operation || m.Last == "" {
		return "", validationError("Invalid Marker.")
	}
	return m.Last, nil
}

// page cuts a whole list to the page that the marker and size ask for. Items come in the order of their keys; the item that a
// marker names may be gone by now.
func page[T any](items []T, key func(*T) string, operation, mark string, maxItems int) (part []T, next string, err error) {
	last, err := decodeMarker(operation, mark)
	if err != nil {
		return nil, "", err
	}
	for last != "" && len(items) > 0 && key(&items[0]) <= last {
		items = items[1:]
	}
	if size := pageSize(maxItems); len(items) > size {
		items = items[:size]
		next = encodeMarker(operation, key(&items[size-1]))
	}
	return items, next, nil
}

// timePointer is t, or nil for never.
func timePointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

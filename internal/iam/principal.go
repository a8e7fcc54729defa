package iam

import (
	"cmp"
	"errors"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// kind is what differs between users, groups and roles in the operations that all of them have.
type kind struct {
	of         store.Kind
	noun       string // in messages: "user"
	title      string // at the beginning of messages: "User"
	inlineSize *quota // of all its inline policies together
	attached   *quota
}

var users = &kind{of: store.User, noun: "user", title: "User", inlineSize: userPolicySize, attached: policiesPerUser}

// arn is the ARN that a principal of the kind has, or would have.
func (k *kind) arn(account, path, name string) string {
	return "arn:aws:iam::" + account + ":" + k.noun + path + name
}

// missing is the answer about a principal who does not exist.
func (k *kind) missing(name string) error {
	return iamapi.NoSuchEntity("The %s with name %s cannot be found.", k.noun, name)
}

// taken turns a conflict into the answer that the name is taken.
func (k *kind) taken(err error, name string) error {
	return api.Taken(err, "%s with name %s already exists.", k.title, name)
}

// target is the principal that an operation is about, with its tags.
type target struct {
	*store.Principal
	Tags     []store.Tag
	boundary string // ARN of its permissions boundary; "" when it has none
}

// carried returns the principal's tags, and what carries them.
func (t *target) carried() (account string, owner store.Owner, tags []store.Tag) {
	return t.AccountID, t.Owner(), t.Tags
}

// naming is an input that names a principal. For users, "" names the caller.
type naming[In any] interface {
	*In
	Principal() string
}

// onUser authorises an operation on the user that the input names.
func onUser[In any, P naming[In]](r *api.Request, tx *store.Tx, in *In) (api.Subject[*target], error) {
	return resolve(r, tx, users, P(in).Principal())
}

// on authorises an operation on the principal of a kind that the input names.
func on[In any, P naming[In]](k *kind) api.Resolver[In, *target] {
	return func(r *api.Request, tx *store.Tx, in *In) (api.Subject[*target], error) {
		return resolve(r, tx, k, P(in).Principal())
	}
}

// resolve finds the principal of the caller's account that the name names, or the caller when there is no name. One that does not
// exist is authorised under the ARN that it would have with the path "/", and a refusal names it as the caller did, so that only
// who may know learns whether it exists.
func resolve(r *api.Request, tx *store.Tx, k *kind, name string) (s api.Subject[*target], err error) {
	account := r.Caller.AccountID()
	var found *store.Described
	if name == "" {
		found, err = tx.Described(account, r.Caller.Principal.ID)
	} else {
		found, err = tx.DescribedByName(account, k.of, name)
	}

	if errors.Is(err, store.ErrNotFound) {
		s.Checks = api.Ask(authz.Check{Resource: k.arn(account, "/", name), Named: k.noun + " " + name})
		s.Missing = k.missing(name)
		return s, nil
	}
	if err != nil {
		return s, err
	}

	t := &target{&found.Principal, found.Tags, found.Boundary}
	s.About, s.Checks = t, api.Ask(k.check(t, name))
	return s, nil
}

// check asks for the operation's action on a principal that exists.
func (k *kind) check(t *target, name string) authz.Check {
	check := authz.Check{Resource: t.ARN(), Keys: authz.ResourceTags(t.Tags)}
	if t.Kind == k.of { // the root user has no name
		check.Named = k.noun + " " + cmp.Or(name, t.Name)
	}
	return check
}

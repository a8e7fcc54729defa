package iam

import (
	"errors"
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// attachments are the operations on the managed policies that are attached to one kind of principal, with the parts of them that
// the model names differently for each kind.
type attachments[AttachIn, DetachIn, ListIn, ListOut any] struct {
	attach awsquery.Typed[AttachIn, struct{}]
	detach awsquery.Typed[DetachIn, struct{}]
	list   awsquery.Typed[ListIn, ListOut]
	listed func([]iamapi.AttachedPolicy) *ListOut
}

// attaching is an input that names a managed policy and a principal.
type attaching[In any] interface {
	naming[In]
	PolicyARN() string
}

// listingUnder is an input that lists something of a principal, under a path.
type listingUnder[In any] interface {
	listing[In]
	Prefix() string
}

// defineAttachments defines the operations on the managed policies that are attached to a kind of principal.
func defineAttachments[
	AttachIn, DetachIn, ListIn, ListOut any,
	Attach attaching[AttachIn], Detach attaching[DetachIn], List listingUnder[ListIn], Page paged[ListOut],
](t *api.Table, k *kind, o attachments[AttachIn, DetachIn, ListIn, ListOut]) {
	api.Change(t, o.attach, onAttached[AttachIn, Attach](k),
		func(r *api.Request, tx *store.Tx, about *target, in *AttachIn) (*struct{}, error) {
			return nil, attachPolicy(r, tx, k, about, Attach(in).PolicyARN())
		})

	api.Change(t, o.detach, onAttached[DetachIn, Detach](k),
		func(_ *api.Request, tx *store.Tx, about *target, in *DetachIn) (*struct{}, error) {
			policyARN := Detach(in).PolicyARN()
			return nil, api.Missing(tx.Detach(about.AccountID, about.ID, policyARN), "Policy %s was not found.", policyARN)
		})

	api.Read(t, o.list, on[ListIn, List](k), func(_ *api.Request, tx *store.Tx, about *target, in *ListIn) (*ListOut, error) {
		attached, err := attachedUnder(tx, about.Principal, List(in).Prefix())
		if err != nil {
			return nil, err
		}
		// The marker of a long ARN is a digest, so the list has the order of its places, which need not be that of the ARNs.
		place := func(p *iamapi.AttachedPolicy) string { return api.Fit(o.list.Name, p.PolicyArn) }
		slices.SortFunc(attached, func(a, b iamapi.AttachedPolicy) int { return strings.Compare(place(&a), place(&b)) })
		page, next, err := api.List(o.list.Name, List(in), api.Cut(attached, place), place)
		if err != nil {
			return nil, err
		}

		out := o.listed(append([]iamapi.AttachedPolicy{}, page...)) // an empty list is written, too
		Page(out).SetPage(next)
		return out, nil
	})
}

// onAttached authorises a change of which policies are attached to a principal: with the policy, and the boundary that the
// principal has, as condition keys (Service Authorization Reference, IAM).
func onAttached[In any, P attaching[In]](k *kind) api.Resolver[In, *target] {
	return func(r *api.Request, tx *store.Tx, in *In) (api.Subject[*target], error) {
		s, err := resolveBounded(r, tx, k, P(in).Principal())
		s.Checks = s.Checks.With(authz.Key{Name: "iam:PolicyARN", Values: []string{P(in).PolicyARN()}})
		return s, err
	}
}

// attachPolicy attaches a managed policy, if it exists and there is room for it.
func attachPolicy(r *api.Request, tx *store.Tx, k *kind, about *target, policyARN string) error {
	if _, err := attachable(tx, about.AccountID, policyARN); err != nil {
		return err
	}
	limit, err := k.attached.of(tx, about.AccountID)
	if err != nil {
		return err
	}

	err = tx.Attach(about.AccountID, about.ID, policyARN, limit, r.Now)
	if errors.Is(err, store.ErrLimit) {
		return api.LimitExceeded(k.attached.name, limit)
	}
	return err
}

// attachable finds the managed policy that a principal of the account could have. This is the one place that knows where managed
// policies come from.
func attachable(tx *store.Tx, account, policyARN string) (*store.ManagedPolicy, error) {
	if _, err := arn.Parse(policyARN); err != nil {
		return nil, errInvalidARN
	}
	p, err := tx.ManagedPolicy(account, policyARN)
	return p, api.Missing(err, "Policy %s does not exist or is not attachable.", policyARN)
}

// errInvalidARN has live AWS's words, with its two blanks.
var errInvalidARN = api.ValidationError("Invalid ARN:  Could not be parsed!")

// attachedUnder lists the managed policies under a path that are attached to a principal. A principal has a few of them.
func attachedUnder(tx *store.Tx, p *store.Principal, prefix string) ([]iamapi.AttachedPolicy, error) {
	arns, err := tx.Attachments(p.AccountID, p.ID, "", maxAttached)
	if err != nil {
		return nil, err
	}

	var attached []iamapi.AttachedPolicy
	for _, each := range arns {
		_, name, _ := strings.Cut(each, ":policy")
		path, name := name[:strings.LastIndexByte(name, '/')+1], name[strings.LastIndexByte(name, '/')+1:]
		if strings.HasPrefix(path, prefix) {
			attached = append(attached, iamapi.AttachedPolicy{PolicyName: name, PolicyArn: each})
		}
	}
	return attached, nil
}

// maxAttached is more than any operator lets a principal have attached.
const maxAttached = 1 << 16

package iam

import (
	"errors"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// inlinePolicies are the operations on the inline policies of one kind of principal, with the parts of them that the model names
// differently for each kind.
type inlinePolicies[PutIn, GetIn, GetOut, DeleteIn, ListIn, ListOut any] struct {
	put    awsquery.Typed[PutIn, struct{}]
	get    awsquery.Typed[GetIn, GetOut]
	got    func(p *store.Principal, name, document string) *GetOut
	delete awsquery.Typed[DeleteIn, struct{}]
	list   awsquery.Typed[ListIn, ListOut]
	listed func(names []string) *ListOut
}

// policyNaming is an input that names an inline policy of a principal.
type policyNaming[In any] interface {
	naming[In]
	Policy() string
}

// policyPutting is an input that brings the document of an inline policy.
type policyPutting[In any] interface {
	policyNaming[In]
	Document() string
}

// listing is an input that lists something of a principal.
type listing[In any] interface {
	naming[In]
	api.Paged
}

// paged is the output of a list.
type paged[Out any] interface {
	*Out
	SetPage(marker string)
}

// defineInlinePolicies defines the operations on the inline policies of a kind of principal.
func defineInlinePolicies[
	PutIn, GetIn, GetOut, DeleteIn, ListIn, ListOut any,
	Put policyPutting[PutIn], Get policyNaming[GetIn], Delete policyNaming[DeleteIn], List listing[ListIn], Page paged[ListOut],
](t *api.Table, k *kind, o inlinePolicies[PutIn, GetIn, GetOut, DeleteIn, ListIn, ListOut]) {
	api.Change(t, o.put, onBounded[PutIn, Put](k), func(r *api.Request, tx *store.Tx, about *target, in *PutIn) (*struct{}, error) {
		return nil, putInlinePolicy(r, tx, k, about, Put(in).Policy(), Put(in).Document())
	})

	api.Read(t, o.get, on[GetIn, Get](k), func(_ *api.Request, tx *store.Tx, about *target, in *GetIn) (*GetOut, error) {
		p, err := tx.InlinePolicy(about.AccountID, about.ID, Get(in).Policy())
		if err != nil {
			return nil, k.missingPolicy(err, Get(in).Policy())
		}
		return o.got(about.Principal, p.Name, p.Document), nil
	})

	api.Change(t, o.delete, onBounded[DeleteIn, Delete](k),
		func(_ *api.Request, tx *store.Tx, about *target, in *DeleteIn) (*struct{}, error) {
			name := Delete(in).Policy()
			return nil, k.missingPolicy(tx.DeleteInlinePolicy(about.AccountID, about.ID, name), name)
		})

	api.Read(t, o.list, on[ListIn, List](k), func(_ *api.Request, tx *store.Tx, about *target, in *ListIn) (*ListOut, error) {
		read := func(after string, limit int) ([]string, error) {
			return tx.InlinePolicyNames(about.AccountID, about.ID, after, limit)
		}
		names, next, err := api.List(o.list.Name, List(in), read, func(name *string) string { return *name })
		if err != nil {
			return nil, err
		}
		out := o.listed(append([]string{}, names...)) // an empty list is written, too
		Page(out).SetPage(next)
		return out, nil
	})
}

func (k *kind) missingPolicy(err error, name string) error {
	return api.Missing(err, "The %s policy with name %s cannot be found.", k.noun, name)
}

// putInlinePolicy stores a policy that parses and for which the principal has room.
func putInlinePolicy(r *api.Request, tx *store.Tx, k *kind, about *target, name, document string) error {
	if _, err := policy.Parse(policy.Identity, []byte(document)); err != nil {
		return malformed(err)
	}
	if err := checkInlineSize(tx, k, about, name, document); err != nil {
		return err
	}
	return tx.PutInlinePolicy(about.AccountID, about.ID, name, document, r.Now)
}

// checkInlineSize holds the sum of a principal's inline policies, white space not counted, to its quota (IAM User Guide, "IAM and
// AWS STS quotas").
func checkInlineSize(tx *store.Tx, k *kind, about *target, name, document string) error {
	others, err := tx.InlinePolicies(about.AccountID, about.ID)
	if err != nil {
		return err
	}
	limit, err := k.inlineSize.of(tx, about.AccountID)
	if err != nil {
		return err
	}

	size := policy.Size([]byte(document))
	for _, p := range others {
		if p.Name != name {
			size += policy.Size([]byte(p.Document))
		}
	}
	if size > limit {
		return iamapi.LimitExceeded("Maximum policy size of %d bytes exceeded for %s %s", limit, k.noun, about.Name)
	}
	return nil
}

// malformed is AWS's answer to a document that is not a policy: its message names the first thing wrong.
func malformed(err error) error {
	var violations policy.Violations
	if !errors.As(err, &violations) {
		return err
	}
	return iamapi.MalformedPolicyDocument("%s", violations[0].Message)
}

package iam

import (
	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// boundaries are the operations on the permissions boundary of one kind of principal.
type boundaries[PutIn, DeleteIn any] struct {
	put    awsquery.Typed[PutIn, struct{}]
	delete awsquery.Typed[DeleteIn, struct{}]
}

// bounding is an input that names a permissions boundary and a principal.
type bounding[In any] interface {
	naming[In]
	BoundaryARN() string
}

// defineBoundaries defines the operations on the permissions boundary of a kind of principal.
func defineBoundaries[PutIn, DeleteIn any, Put bounding[PutIn], Delete naming[DeleteIn]](
	t *api.Table, k *kind, o boundaries[PutIn, DeleteIn],
) {
	// The boundary that is to be is the condition key, not the one that is.
	onBounding := func(r *api.Request, tx *store.Tx, in *PutIn) (api.Subject[*target], error) {
		s, err := resolve(r, tx, k, Put(in).Principal())
		s.Checks = s.Checks.With(boundaryKey(Put(in).BoundaryARN())...)
		return s, err
	}
	api.Change(t, o.put, onBounding, func(_ *api.Request, tx *store.Tx, about *target, in *PutIn) (*struct{}, error) {
		return nil, putBoundary(tx, about.Principal, Put(in).BoundaryARN())
	})

	api.Change(t, o.delete, onBounded[DeleteIn, Delete](k),
		func(_ *api.Request, tx *store.Tx, about *target, _ *DeleteIn) (*struct{}, error) {
			return nil, api.Missing(tx.DeleteBoundary(about.AccountID, about.ID),
				"%s with name %s does not have a permissions boundary.", k.title, about.Name)
		})
}

// putBoundary makes a managed policy, which must exist, the permissions boundary of a principal.
func putBoundary(tx *store.Tx, p *store.Principal, policyARN string) error {
	if _, err := attachable(tx, p.AccountID, policyARN); err != nil {
		return err
	}
	return tx.SetBoundary(p.AccountID, p.ID, policyARN)
}

// resolveBounded is [resolve] for an operation whose condition keys include the boundary that the principal has.
func resolveBounded(r *api.Request, tx *store.Tx, k *kind, name string) (api.Subject[*target], error) {
	s, err := resolve(r, tx, k, name)
	if err != nil || s.About == nil {
		return s, err
	}
	s.Checks = s.Checks.With(boundaryKey(s.About.boundary)...)
	return s, nil
}

// onBounded is [on] for an operation whose condition keys include the boundary that the principal has.
func onBounded[In any, P naming[In]](k *kind) api.Resolver[In, *target] {
	return func(r *api.Request, tx *store.Tx, in *In) (api.Subject[*target], error) {
		return resolveBounded(r, tx, k, P(in).Principal())
	}
}

// boundaryKey is the condition key of a boundary; none when there is no boundary.
func boundaryKey(policyARN string) []authz.Key {
	if policyARN == "" {
		return nil
	}
	return []authz.Key{{Name: "iam:PermissionsBoundary", Values: []string{policyARN}}}
}

// describeBoundary returns a boundary as the API shows it, or nil. The type is what live AWS answers; its reference names another
// one.
func describeBoundary(policyARN string) *iamapi.AttachedPermissionsBoundary {
	if policyARN == "" {
		return nil
	}
	return &iamapi.AttachedPermissionsBoundary{PermissionsBoundaryType: "Policy", PermissionsBoundaryArn: policyARN}
}

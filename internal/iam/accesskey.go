package iam

import (
	"errors"
	"fmt"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineAccessKeys(t *api.Table) {
	api.Define(t, iamapi.CreateAccessKey, api.Op[iamapi.CreateAccessKeyInput, iamapi.CreateAccessKeyOutput]{
		Resources: onSubject(func(in *iamapi.CreateAccessKeyInput) string { return in.UserName }),
		Execute:   o.createAccessKey,
	})
	api.Define(t, iamapi.ListAccessKeys, api.Op[iamapi.ListAccessKeysInput, iamapi.ListAccessKeysOutput]{
		Resources: onSubject(func(in *iamapi.ListAccessKeysInput) string { return in.UserName }),
		Execute:   listAccessKeys,
	})
	api.Define(t, iamapi.UpdateAccessKey, api.Op[iamapi.UpdateAccessKeyInput, struct{}]{
		Resources: onSubject(func(in *iamapi.UpdateAccessKeyInput) string { return in.UserName }),
		Execute:   updateAccessKey,
	})
	api.Define(t, iamapi.DeleteAccessKey, api.Op[iamapi.DeleteAccessKeyInput, struct{}]{
		Resources: onSubject(func(in *iamapi.DeleteAccessKeyInput) string { return in.UserName }),
		Execute:   deleteAccessKey,
	})
	api.Define(t, iamapi.GetAccessKeyLastUsed, api.Op[iamapi.GetAccessKeyLastUsedInput, iamapi.GetAccessKeyLastUsedOutput]{
		Resources: accessKeyOwner,
		Execute:   o.getAccessKeyLastUsed,
	})
}

func (o *Operations) createAccessKey(r *api.Request, tx *store.Tx, in *iamapi.CreateAccessKeyInput) (*iamapi.CreateAccessKeyOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	keys, err := tx.AccessKeys(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	if err := within(tx, i.AccountID, AccessKeysPerUser, len(keys)); err != nil {
		return nil, err
	}
	id, plain := ids.NewAccessKey(), secret.NewSecretAccessKey()
	sealed := o.Master.Seal([]byte(plain), authn.SecretContext(i.AccountID, id))
	if err := tx.InsertAccessKey(&store.AccessKey{
		AccountID: i.AccountID, ID: id, PrincipalID: i.ID, Active: true, SealedSecret: sealed, CreatedAt: r.Now,
	}); err != nil {
		return nil, err
	}
	return &iamapi.CreateAccessKeyOutput{AccessKey: iamapi.AccessKey{
		UserName: i.Name, AccessKeyId: id, Status: iamapi.StatusTypeActive, SecretAccessKey: awsquery.Secret(plain), CreateDate: &r.Now,
	}}, nil
}

func keyStatus(k *store.AccessKey) iamapi.StatusType {
	if k.Active {
		return iamapi.StatusTypeActive
	}
	return iamapi.StatusTypeInactive
}

func listAccessKeys(r *api.Request, tx *store.Tx, in *iamapi.ListAccessKeysInput) (*iamapi.ListAccessKeysOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	keys, err := tx.AccessKeys(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	part, next, err := page(keys, func(k *store.AccessKey) string {
		return fmt.Sprintf("%016x %s", k.CreatedAt.UnixMicro(), k.ID)
	}, "ListAccessKeys", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListAccessKeysOutput{AccessKeyMetadata: []iamapi.AccessKeyMetadata{}, IsTruncated: next != "", Marker: next}
	for n := range part {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, iamapi.AccessKeyMetadata{
			UserName: i.Name, AccessKeyId: part[n].ID, Status: keyStatus(&part[n]), CreateDate: &part[n].CreatedAt,
		})
	}
	return out, nil
}

func noSuchKey(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return iamapi.NoSuchEntity("The Access Key with id %s cannot be found.", id)
	}
	return err
}

func updateAccessKey(r *api.Request, tx *store.Tx, in *iamapi.UpdateAccessKeyInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	if in.Status != iamapi.StatusTypeActive && in.Status != iamapi.StatusTypeInactive {
		return nil, validationError("1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]")
	}
	return nil, noSuchKey(tx.SetAccessKeyActive(i.AccountID, i.ID, in.AccessKeyId, in.Status == iamapi.StatusTypeActive), in.AccessKeyId)
}

func deleteAccessKey(r *api.Request, tx *store.Tx, in *iamapi.DeleteAccessKeyInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, noSuchKey(tx.DeleteAccessKey(i.AccountID, i.ID, in.AccessKeyId), in.AccessKeyId)
}

// accessKeyOwner authorises on the user whose key it is. A key that the account does not have is refused in the words that AWS
// uses for it, whoever asks.
func accessKeyOwner(r *api.Request, tx *store.Tx, in *iamapi.GetAccessKeyLastUsedInput) ([]authz.Check, error) {
	key, err := tx.AccessKey(r.Caller.AccountID(), in.AccessKeyId)
	if errors.Is(err, store.ErrNotFound) {
		return nil, authz.AccessDenied(fmt.Sprintf("User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s",
			r.Caller.Principal.ARN(), in.AccessKeyId))
	}
	if err != nil {
		return nil, err
	}
	owner, err := tx.Principal(key.AccountID, key.PrincipalID)
	if err != nil {
		return nil, err
	}
	tags, err := tx.Tags(owner.AccountID, owner.Owner())
	if err != nil {
		return nil, err
	}
	return []authz.Check{(&subject{principal: owner, tags: tags}).check(r)}, nil
}

func (o *Operations) getAccessKeyLastUsed(r *api.Request, tx *store.Tx, in *iamapi.GetAccessKeyLastUsedInput) (*iamapi.GetAccessKeyLastUsedOutput, error) {
	key, err := tx.AccessKey(r.Caller.AccountID(), in.AccessKeyId)
	if err != nil {
		return nil, noSuchKey(err, in.AccessKeyId)
	}
	owner, err := tx.Principal(key.AccountID, key.PrincipalID)
	if err != nil {
		return nil, err
	}
	service, region, at := key.LastUsedService, key.LastUsedRegion, key.LastUsedAt
	if s, g, t := o.KeyUses.Pending(key.ID); t.After(at) {
		service, region, at = s, g, t
	}
	used := &iamapi.AccessKeyLastUsed{LastUsedDate: timePointer(at), ServiceName: or(service, "N/A"), Region: or(region, "N/A")}
	return &iamapi.GetAccessKeyLastUsedOutput{UserName: owner.Name, AccessKeyLastUsed: used}, nil
}

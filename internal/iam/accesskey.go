package iam

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineAccessKeys(t *api.Table) {
	api.Read(t, iamapi.ListAccessKeys, onUser, listAccessKeys)
	api.Read(t, iamapi.GetAccessKeyLastUsed, onAccessKey, o.getAccessKeyLastUsed)
	api.Change(t, iamapi.CreateAccessKey, onUser, o.createAccessKey)
	api.Change(t, iamapi.UpdateAccessKey, onUser, updateAccessKey)
	api.Change(t, iamapi.DeleteAccessKey, onUser, deleteAccessKey)
}

func (o *Operations) createAccessKey(r *api.Request, tx *store.Tx, about *target,
	_ *iamapi.CreateAccessKeyInput,
) (*iamapi.CreateAccessKeyOutput, error) {
	if err := roomForAccessKey(tx, about); err != nil {
		return nil, err
	}
	id, plain, err := authn.NewAccessKey(tx, o.Secrets, about.AccountID, about.ID, r.Now)
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateAccessKeyOutput{AccessKey: iamapi.AccessKey{
		UserName: about.Name, AccessKeyId: id, Status: iamapi.StatusTypeActive, SecretAccessKey: awsquery.Secret(plain),
		CreateDate: &r.Now,
	}}, nil
}

// roomForAccessKey returns LimitExceeded when the principal has as many keys as it may have.
func roomForAccessKey(tx *store.Tx, about *target) error {
	keys, err := tx.AccessKeys(about.AccountID, about.ID)
	if err != nil {
		return err
	}
	return accessKeysPerUser.room(tx, about.AccountID, len(keys))
}

func keyStatus(k *store.AccessKey) iamapi.StatusType {
	if k.Active {
		return iamapi.StatusTypeActive
	}
	return iamapi.StatusTypeInactive
}

func listAccessKeys(_ *api.Request, tx *store.Tx, about *target,
	in *iamapi.ListAccessKeysInput,
) (*iamapi.ListAccessKeysOutput, error) {
	keys, err := tx.AccessKeys(about.AccountID, about.ID)
	if err != nil {
		return nil, err
	}
	place := func(k *store.AccessKey) string { return chronological(k.CreatedAt, k.ID) }
	keys, next, err := api.List(iamapi.ListAccessKeys.Name, in, api.Cut(keys, place), place)
	if err != nil {
		return nil, err
	}

	out := &iamapi.ListAccessKeysOutput{AccessKeyMetadata: make([]iamapi.AccessKeyMetadata, len(keys))}
	for n := range keys {
		out.AccessKeyMetadata[n] = iamapi.AccessKeyMetadata{
			UserName: about.Name, AccessKeyId: keys[n].ID, Status: keyStatus(&keys[n]), CreateDate: &keys[n].CreatedAt,
		}
	}
	out.SetPage(next)
	return out, nil
}

// chronological is a place in a list that is ordered by time and then by id. Places sort by bytes as the times do.
func chronological(t time.Time, id string) string { return fmt.Sprintf("%016x %s", t.UnixMicro(), id) }

func noSuchKey(err error, id string) error {
	return api.Missing(err, "The Access Key with id %s cannot be found.", id)
}

func updateAccessKey(_ *api.Request, tx *store.Tx, about *target, in *iamapi.UpdateAccessKeyInput) (*struct{}, error) {
	if in.Status != iamapi.StatusTypeActive && in.Status != iamapi.StatusTypeInactive {
		return nil, api.ValidationError("1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]")
	}
	active := in.Status == iamapi.StatusTypeActive
	return nil, noSuchKey(tx.SetAccessKeyActive(about.AccountID, about.ID, in.AccessKeyId, active), in.AccessKeyId)
}

func deleteAccessKey(_ *api.Request, tx *store.Tx, about *target, in *iamapi.DeleteAccessKeyInput) (*struct{}, error) {
	return nil, noSuchKey(tx.DeleteAccessKey(about.AccountID, about.ID, in.AccessKeyId), in.AccessKeyId)
}

// ownedKey is an access key with whose it is.
type ownedKey struct {
	*store.AccessKey
	owner *store.Principal
}

// onAccessKey authorises on the user whose key it is. The words of a refusal are AWS's own for this operation and name only the
// key: whether the account has it, and whose it is, is told only to who may know. A key that the account does not have is refused
// in the same words, whoever asks, as AWS does.
func onAccessKey(r *api.Request, tx *store.Tx, in *iamapi.GetAccessKeyLastUsedInput) (s api.Subject[*ownedKey], err error) {
	refusal := fmt.Sprintf("User: %s is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key %s", r.Caller.ARN(),
		in.AccessKeyId)
	key, err := tx.AccessKey(r.Caller.AccountID(), in.AccessKeyId)
	if errors.Is(err, store.ErrNotFound) {
		return s, authz.AccessDenied(refusal)
	}
	if err != nil {
		return s, err
	}

	owner, err := tx.Described(key.AccountID, key.PrincipalID)
	if err != nil {
		return s, err
	}
	check := authz.Check{Resource: owner.ARN(), Keys: authz.ResourceTags(owner.Tags), Refusal: refusal}
	return api.Subject[*ownedKey]{About: &ownedKey{key, &owner.Principal}, Checks: api.Ask(check)}, nil
}

func (o *Operations) getAccessKeyLastUsed(
	_ *api.Request, _ *store.Tx, about *ownedKey, _ *iamapi.GetAccessKeyLastUsedInput,
) (*iamapi.GetAccessKeyLastUsedOutput, error) {
	service, region, at := about.LastUsedService, about.LastUsedRegion, about.LastUsedAt
	if s, g, t := o.KeyUses.Pending(about.ID); t.After(at) {
		service, region, at = s, g, t
	}
	return &iamapi.GetAccessKeyLastUsedOutput{UserName: about.owner.Name, AccessKeyLastUsed: &iamapi.AccessKeyLastUsed{
		LastUsedDate: timePointer(at), ServiceName: cmp.Or(service, "N/A"), Region: cmp.Or(region, "N/A"),
	}}, nil
}

package iam

import (
	"errors"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineAccount(t *api.Table) {
	api.Define(t, iamapi.CreateAccountAlias, api.Op[iamapi.CreateAccountAliasInput, struct{}]{
		Resources: onEverything[iamapi.CreateAccountAliasInput], Execute: createAccountAlias,
	})
	api.Define(t, iamapi.DeleteAccountAlias, api.Op[iamapi.DeleteAccountAliasInput, struct{}]{
		Resources: onEverything[iamapi.DeleteAccountAliasInput], Execute: deleteAccountAlias,
	})
	api.Define(t, iamapi.ListAccountAliases, api.Op[iamapi.ListAccountAliasesInput, iamapi.ListAccountAliasesOutput]{
		Resources: onEverything[iamapi.ListAccountAliasesInput], Execute: listAccountAliases,
	})
	api.Define(t, iamapi.GetAccountSummary, api.Op[iamapi.GetAccountSummaryInput, iamapi.GetAccountSummaryOutput]{
		Resources: onEverything[iamapi.GetAccountSummaryInput], Execute: getAccountSummary,
	})
}

// createAccountAlias replaces an earlier alias: an account has at most one.
func createAccountAlias(r *api.Request, tx *store.Tx, in *iamapi.CreateAccountAliasInput) (*struct{}, error) {
	if _, ok := ids.ParseAccount(in.AccountAlias); ok {
		return nil, validationError("The account alias must not be a 12-digit number, with or without hyphens.")
	}
	err := tx.SetAlias(r.Caller.AccountID(), in.AccountAlias, r.Now)
	if errors.Is(err, store.ErrConflict) {
		return nil, iamapi.EntityAlreadyExists("The account alias %s already exists.", in.AccountAlias)
	}
	return nil, err
}

func deleteAccountAlias(r *api.Request, tx *store.Tx, in *iamapi.DeleteAccountAliasInput) (*struct{}, error) {
	err := tx.DeleteAlias(r.Caller.AccountID(), in.AccountAlias)
	if errors.Is(err, store.ErrNotFound) {
		return nil, iamapi.NoSuchEntity("The account alias %s cannot be found.", in.AccountAlias)
	}
	return nil, err
}

func listAccountAliases(r *api.Request, tx *store.Tx, in *iamapi.ListAccountAliasesInput) (*iamapi.ListAccountAliasesOutput, error) {
	if _, err := decodeMarker("ListAccountAliases", in.Marker); err != nil {
		return nil, err
	}
	alias, err := tx.Alias(r.Caller.AccountID())
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListAccountAliasesOutput{AccountAliases: []string{}}
	if alias != "" {
		out.AccountAliases = append(out.AccountAliases, alias)
	}
	return out, nil
}

// getAccountSummary answers with AWS's keys. What cannot exist yet is counted as none; quotas of it are AWS's.
func getAccountSummary(r *api.Request, tx *store.Tx, _ *iamapi.GetAccountSummaryInput) (*iamapi.GetAccountSummaryOutput, error) {
	account := r.Caller.AccountID()
	users, err := tx.CountUsers(account)
	if err != nil {
		return nil, err
	}
	devices, err := tx.CountAccountMFADevices(account)
	if err != nil {
		return nil, err
	}
	root, err := rootSummary(tx, account)
	if err != nil {
		return nil, err
	}
	quotas := make(map[Quota]int32)
	for name := range defaults {
		value, err := quota(tx, account, name)
		if err != nil {
			return nil, err
		}
		quotas[name] = int32(value)
	}
	return &iamapi.GetAccountSummaryOutput{SummaryMap: map[iamapi.SummaryKeyType]int32{
		"Users": int32(users), "UsersQuota": quotas[UsersPerAccount],
		"Groups": 0, "GroupsQuota": 300,
		"Roles": 0, "RolesQuota": 1000,
		"Policies": 0, "PoliciesQuota": 1500,
		"PolicyVersionsInUse": 0, "PolicyVersionsInUseQuota": 10000,
		"InstanceProfiles": 0, "InstanceProfilesQuota": 1000,
		"ServerCertificates": 0, "ServerCertificatesQuota": 20,
		"Providers":  0,
		"MFADevices": int32(devices), "MFADevicesInUse": int32(devices),
		"AccountMFAEnabled": flag(root.devices > 0), "AccountAccessKeysPresent": flag(root.keys > 0),
		"AccountPasswordPresent": flag(root.hasPassword), "AccountSigningCertificatesPresent": 0,
		"AccessKeysPerUserQuota": quotas[AccessKeysPerUser], "SigningCertificatesPerUserQuota": 2,
		"GroupsPerUserQuota": 10, "VersionsPerPolicyQuota": 5,
		"AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10, "AttachedPoliciesPerUserQuota": 10,
		"PolicySizeQuota": 6144, "UserPolicySizeQuota": quotas[UserPolicySize], "GroupPolicySizeQuota": 5120,
		"RolePolicySizeQuota": 10240, "AssumeRolePolicySizeQuota": 2048,
		"GlobalEndpointTokenVersion": 1,
	}}, nil
}

func flag(set bool) int32 {
	if set {
		return 1
	}
	return 0
}

// rootState is what is told of the root user's credentials.
type rootState struct {
	devices, keys int
	hasPassword   bool
}

func rootSummary(tx *store.Tx, account string) (s rootState, err error) {
	root, err := tx.RootUser(account)
	if err != nil {
		return s, err
	}
	if s.devices, err = tx.CountMFADevices(account, root.ID); err != nil {
		return s, err
	}
	keys, err := tx.AccessKeys(account, root.ID)
	if err != nil {
		return s, err
	}
	s.keys = len(keys)
	s.hasPassword, err = tx.HasPassword(account, root.ID)
	return s, err
}

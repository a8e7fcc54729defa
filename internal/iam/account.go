package iam

import (
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineAccount(t *api.Table) {
	api.Read(t, iamapi.ListAccountAliases, onAccount, listAccountAliases)
	api.Read(t, iamapi.GetAccountSummary, onAccount, getAccountSummary)
	api.Change(t, iamapi.CreateAccountAlias, onAccount, createAccountAlias)
	api.Change(t, iamapi.DeleteAccountAlias, onAccount, deleteAccountAlias)
}

// createAccountAlias replaces an earlier alias: an account has at most one.
func createAccountAlias(r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.CreateAccountAliasInput) (*struct{}, error) {
	if _, ok := ids.ParseAccount(in.AccountAlias); ok {
		return nil, api.ValidationError("The account alias must not be a 12-digit number, with or without hyphens.")
	}
	err := tx.SetAlias(r.Caller.AccountID(), in.AccountAlias, r.Now)
	return nil, api.Taken(err, "The account alias %s already exists.", in.AccountAlias)
}

func deleteAccountAlias(r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.DeleteAccountAliasInput) (*struct{}, error) {
	err := tx.DeleteAlias(r.Caller.AccountID(), in.AccountAlias)
	return nil, api.Missing(err, "The account alias %s cannot be found.", in.AccountAlias)
}

func listAccountAliases(r *api.Request, tx *store.Tx, _ struct{},
	in *iamapi.ListAccountAliasesInput,
) (*iamapi.ListAccountAliasesOutput, error) {
	alias, err := tx.Alias(r.Caller.AccountID())
	if err != nil {
		return nil, err
	}
	aliases := []string{}
	if alias != "" {
		aliases = append(aliases, alias)
	}

	place := func(alias *string) string { return *alias }
	aliases, next, err := api.List(iamapi.ListAccountAliases.Name, in, api.Cut(aliases, place), place)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListAccountAliasesOutput{AccountAliases: append([]string{}, aliases...)}
	out.SetPage(next)
	return out, nil
}

// getAccountSummary answers with AWS's keys. What cannot exist yet is counted as none.
func getAccountSummary(r *api.Request, tx *store.Tx, _ struct{},
	_ *iamapi.GetAccountSummaryInput,
) (*iamapi.GetAccountSummaryOutput, error) {
	account := r.Caller.AccountID()
	count, err := tx.CountPrincipals(account, store.PrincipalQuery{Kind: store.User})
	if err != nil {
		return nil, err
	}
	policies, err := tx.CountManagedPolicies(account)
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

	summary := map[iamapi.SummaryKeyType]int32{
		"Users": int32(count), "Groups": 0, "Roles": 0, "InstanceProfiles": 0, "ServerCertificates": 0, "Providers": 0,
		"Policies": int32(policies), "PolicyVersionsInUse": int32(policies), // each has one version in force
		"MFADevices": int32(devices), "MFADevicesInUse": int32(devices),
		"AccountMFAEnabled": oneIf(root.devices > 0), "AccountAccessKeysPresent": oneIf(root.keys > 0),
		"AccountPasswordPresent": oneIf(root.hasPassword), "AccountSigningCertificatesPresent": 0,
		"GlobalEndpointTokenVersion": 1,
	}
	for _, q := range quotas {
		if q.summary == "" {
			continue
		}
		limit, err := q.of(tx, account)
		if err != nil {
			return nil, err
		}
		summary[q.summary] = int32(limit)
	}
	return &iamapi.GetAccountSummaryOutput{SummaryMap: summary}, nil
}

func oneIf(set bool) int32 {
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

package iam

import (
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// quota is one of an account's limits (IAM User Guide, "IAM and AWS STS quotas").
type quota struct {
	name     string // as AWS's LimitExceeded messages have it
	standard int    // AWS's default
	summary  iamapi.SummaryKeyType
	// ahead says that nothing of the kind can be made yet: the summary shows AWS's default, and an operator has nothing to raise.
	ahead bool
}

// The quotas that are enforced so far.
var (
	usersPerAccount   = &quota{name: "UsersPerAccount", standard: 5000, summary: "UsersQuota"}
	accessKeysPerUser = &quota{name: "AccessKeysPerUser", standard: 2, summary: "AccessKeysPerUserQuota"}
	mfaDevicesPerUser = &quota{name: "MFADevicesPerUser", standard: 8}
	tagsPerUser       = &quota{name: "TagsPerUser", standard: 50}
	userPolicySize    = &quota{name: "UserPolicySize", standard: 2048, summary: "UserPolicySizeQuota"}

	policiesPerAccount = &quota{name: "PoliciesPerAccount", standard: 1500, summary: "PoliciesQuota"}
	policySize         = &quota{name: "PolicySize", standard: 6144, summary: "PolicySizeQuota"}
	versionsPerPolicy  = &quota{name: "VersionsPerPolicy", standard: 5, summary: "VersionsPerPolicyQuota"}
	policiesPerUser    = &quota{name: "PoliciesPerUser", standard: 10, summary: "AttachedPoliciesPerUserQuota"}
	tagsPerPolicy      = &quota{name: "TagsPerPolicy", standard: 50}
)

// quotas are all of them.
var quotas = []*quota{
	usersPerAccount, accessKeysPerUser, mfaDevicesPerUser, tagsPerUser, userPolicySize,
	policiesPerAccount, policySize, versionsPerPolicy, policiesPerUser, tagsPerPolicy,
	{name: "GroupsPerAccount", standard: 300, summary: "GroupsQuota", ahead: true},
	{name: "GroupsPerUser", standard: 10, summary: "GroupsPerUserQuota", ahead: true},
	{name: "GroupPolicySize", standard: 5120, summary: "GroupPolicySizeQuota", ahead: true},
	{name: "RolesPerAccount", standard: 1000, summary: "RolesQuota", ahead: true},
	{name: "RolePolicySize", standard: 10240, summary: "RolePolicySizeQuota", ahead: true},
	{name: "AssumeRolePolicySize", standard: 2048, summary: "AssumeRolePolicySizeQuota", ahead: true},
	{name: "PolicyVersionsInUse", standard: 10000, summary: "PolicyVersionsInUseQuota", ahead: true},
	{name: "PoliciesPerGroup", standard: 10, summary: "AttachedPoliciesPerGroupQuota", ahead: true},
	{name: "PoliciesPerRole", standard: 10, summary: "AttachedPoliciesPerRoleQuota", ahead: true},
	{name: "InstanceProfilesPerAccount", standard: 1000, summary: "InstanceProfilesQuota", ahead: true},
	{name: "ServerCertificatesPerAccount", standard: 20, summary: "ServerCertificatesQuota", ahead: true},
	{name: "SigningCertificatesPerUser", standard: 2, summary: "SigningCertificatesPerUserQuota", ahead: true},
}

// IsQuota reports whether an operator can set a quota of that name.
func IsQuota(name string) bool {
	return slices.ContainsFunc(quotas, func(q *quota) bool { return q.name == name && !q.ahead })
}

// QuotaNames lists the names of the quotas that an operator can set, for a person.
func QuotaNames() string {
	var names []string
	for _, q := range quotas {
		if !q.ahead {
			names = append(names, q.name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// QuotaValue is the value of one of an account's quotas.
type QuotaValue struct {
	Name    string // as AWS's LimitExceeded messages have it
	Value   int    // what the account may have
	Default int    // what an account may have for which the operator has set nothing
}

// QuotaValues returns the account's values of the quotas that an operator can set, by name.
func QuotaValues(tx *store.Tx, account string) ([]QuotaValue, error) {
	var values []QuotaValue
	for _, q := range quotas {
		if q.ahead {
			continue
		}
		value, err := q.of(tx, account)
		if err != nil {
			return nil, err
		}
		values = append(values, QuotaValue{q.name, value, q.standard})
	}
	slices.SortFunc(values, func(a, b QuotaValue) int { return strings.Compare(a.Name, b.Name) })
	return values, nil
}

// of returns the account's value of the quota: what the operator set, or else AWS's default.
func (q *quota) of(tx *store.Tx, account string) (int, error) {
	value, ok, err := tx.Quota(account, q.name)
	if err != nil || ok {
		return value, err
	}
	return q.standard, nil
}

// room returns LimitExceeded when an account that has so many of something may not have another.
func (q *quota) room(tx *store.Tx, account string, has int) error {
	limit, err := q.of(tx, account)
	if err != nil {
		return err
	}
	if has >= limit {
		return api.LimitExceeded(q.name, limit)
	}
	return nil
}

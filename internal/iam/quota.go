package iam

import (
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Quota names one of an account's limits, as AWS's LimitExceeded messages do.
type Quota string

// The quotas that are enforced so far (IAM User Guide, "IAM and AWS STS quotas").
const (
	UsersPerAccount   Quota = "UsersPerAccount"
	AccessKeysPerUser Quota = "AccessKeysPerUser"
	MFADevicesPerUser Quota = "MFADevicesPerUser"
	TagsPerUser       Quota = "TagsPerUser"
	UserPolicySize    Quota = "UserPolicySize"
)

// defaults are AWS's.
var defaults = map[Quota]int{
	UsersPerAccount:   5000,
	AccessKeysPerUser: 2,
	MFADevicesPerUser: 8,
	TagsPerUser:       50,
	UserPolicySize:    2048,
}

// IsQuota reports whether there is a quota of that name.
func IsQuota(name string) bool {
	_, ok := defaults[Quota(name)]
	return ok
}

// QuotaNames lists the names of the quotas, for a person.
func QuotaNames() string {
	var names []string
	for name := range defaults {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// quota is the account's value of a quota: what the operator set, else AWS's default.
func quota(tx *store.Tx, account string, name Quota) (int, error) {
	value, ok, err := tx.Quota(account, string(name))
	if err != nil || ok {
		return value, err
	}
	return defaults[name], nil
}

// within is LimitExceeded when an account that has so many of something may not have another.
func within(tx *store.Tx, account string, name Quota, has int) error {
	limit, err := quota(tx, account, name)
	if err != nil {
		return err
	}
	if has >= limit {
		return iamapi.LimitExceeded("Cannot exceed quota for %s: %d", name, limit)
	}
	return nil
}

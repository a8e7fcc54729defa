package console

import (
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// limits are how many things of a kind a principal of the account may have.
type limits struct {
	AccessKeys int
	Devices    int
	Tags       int
}

// limitsOf returns the limits of an account: AWS's defaults, or what the operator set.
func limitsOf(account *touchstoneapi.DescribeAccountOutput) limits {
	return limits{
		AccessKeys: account.AccessKeysPerUserQuota, Devices: account.MFADevicesPerUserQuota, Tags: account.TagsPerUserQuota,
	}
}

// accountLimits returns the limits of the account of the person signed in.
func accountLimits(v *web.Visit) (limits, error) {
	account, err := v.Account()
	if err != nil {
		return limits{}, err
	}
	return limitsOf(account), nil
}

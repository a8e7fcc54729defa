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

// limitsOf returns the limits of an account. They are AWS's defaults (IAM User Guide, "IAM and AWS STS quotas").
func limitsOf(*touchstoneapi.DescribeAccountOutput) limits {
	return limits{AccessKeys: 2, Devices: 8, Tags: 50}
}

// accountLimits returns the limits of the account of the person signed in.
func accountLimits(v *web.Visit) (limits, error) {
	account, err := v.Account()
	if err != nil {
		return limits{}, err
	}
	return limitsOf(account), nil
}

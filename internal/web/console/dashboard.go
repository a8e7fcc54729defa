package console

import (
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// dashboardView is the first page after sign-in.
type dashboardView struct {
	web.Page
	Account   *touchstoneapi.DescribeAccountOutput
	SignInURL string
	Devices   devicesPart // one's own
	Resources resourcesPart
}

// resourcesPart is how many users and other things the account has.
type resourcesPart struct {
	web.Section
	Summary *iamapi.GetAccountSummaryOutput
}

// Count returns how many of something the account has, by its key in the summary.
func (p *resourcesPart) Count(of string) int {
	return int(p.Summary.SummaryMap[iamapi.SummaryKeyType(of)])
}

func dashboard(v *web.Visit) error {
	shown := &dashboardView{Page: web.Page{Title: "IAM Dashboard", Nav: web.Home}}
	var err error
	if shown.Account, err = v.Account(); err != nil {
		return err
	}
	if shown.SignInURL, err = signInURL(v); err != nil {
		return err
	}
	if shown.Devices, err = readDevices(v, holder{}); err != nil {
		return err
	}

	summary, err := web.Call(v, iamapi.GetAccountSummary, &iamapi.GetAccountSummaryInput{})
	if shown.Resources.Section, err = v.Section(err); err != nil {
		return err
	}
	shown.Resources.Summary = summary
	return v.Show("dashboard", shown)
}

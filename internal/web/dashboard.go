package web

import (
	"net/url"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// dashboardView is the first page after sign-in.
type dashboardView struct {
	page
	Account   *touchstoneapi.DescribeAccountOutput
	SignInURL string
	Devices   devicesPart // one's own
	Resources resourcesPart
}

// resourcesPart is how much of what there is.
type resourcesPart struct {
	section
	Summary *iamapi.GetAccountSummaryOutput
}

// Count is the account's number of something.
func (p *resourcesPart) Count(of string) int {
	return int(p.Summary.SummaryMap[iamapi.SummaryKeyType(of)])
}

func (v *visit) dashboard() error {
	shown := &dashboardView{page: page{Title: "IAM Dashboard", Nav: home}}
	var err error
	shown.Account, err = call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
	if err != nil {
		return err
	}
	shown.SignInURL = v.signInURL(shown.Account)
	if shown.Devices, err = v.devicesPart(subject{}); err != nil {
		return err
	}
	summary, err := call(v, iamapi.GetAccountSummary, &iamapi.GetAccountSummaryInput{})
	if shown.Resources.section, err = v.section(err); err != nil {
		return err
	}
	shown.Resources.Summary = summary
	return v.show("dashboard", shown)
}

// aliasView is a page about the account alias.
type aliasView struct {
	page
	Form  form
	Alias string // the current one
	Base  string // of the sign-in address
}

func (v *visit) aliasView(title string, f form) (*aliasView, error) {
	account, err := call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
	if err != nil {
		return nil, err
	}
	return &aliasView{
		page: page{Title: title, Nav: home, Crumbs: []crumb{{title, ""}}}, Form: f, Alias: account.Alias, Base: v.URL + "/signin/",
	}, nil
}

func (v *visit) showAlias(f form) error {
	shown, err := v.aliasView("Account alias", f)
	if err != nil {
		return err
	}
	if f.Values == nil {
		shown.Form.Values = url.Values{"AccountAlias": {shown.Alias}}
	}
	return v.show("alias", shown)
}

func (v *visit) editAlias() error { return v.showAlias(form{}) }

func (v *visit) saveAlias() error {
	f := form{Values: v.form}
	alias := f.Value("AccountAlias")
	required(&f, "AccountAlias", "Enter an alias.")
	if len(f.Problems) > 0 {
		return v.showAlias(f)
	}
	if err := do(v, iamapi.CreateAccountAlias, &iamapi.CreateAccountAliasInput{AccountAlias: alias}); err != nil {
		if isCode(err, "ValidationError") {
			f.wrong("AccountAlias", "Use 3 to 63 lowercase letters, digits and single hyphens, beginning and ending with a letter or digit. It must not be a 12-digit number.")
		} else if err := f.refused(v, err, map[string]string{"EntityAlreadyExists": "AccountAlias"}); err != nil {
			return err
		}
		return v.showAlias(f)
	}
	v.say("alias-saved", alias)
	v.to(home)
	return nil
}

func (v *visit) confirmDeleteAlias() error {
	shown, err := v.aliasView("Delete account alias", form{Values: url.Values{}})
	if err != nil {
		return err
	}
	return v.show("delete-alias", shown)
}

func (v *visit) deleteAlias() error {
	shown, err := v.aliasView("Delete account alias", form{Values: v.form})
	if err != nil {
		return err
	}
	if err := do(v, iamapi.DeleteAccountAlias, &iamapi.DeleteAccountAliasInput{AccountAlias: shown.Form.Value("AccountAlias")}); err != nil {
		if err := shown.Form.refused(v, err, nil); err != nil {
			return err
		}
		return v.show("delete-alias", shown)
	}
	v.say("alias-deleted", shown.Form.Value("AccountAlias"))
	v.to(home)
	return nil
}

package console

import (
	"net/url"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// aliasView is the form for the account alias.
type aliasView struct {
	web.Page
	Form  web.Form
	Alias string // the current one
	Base  string // of the sign-in address
}

// aliasBase returns the address at which the account's users sign in, without the alias at its end.
func aliasBase(v *web.Visit) string { return v.URL + "/signin/" }

// aliasPage returns what the pages about the account alias have in common.
func aliasPage(title string) web.Page {
	return web.Page{Title: title, Nav: web.Home, Crumbs: web.Crumbs(title)}
}

func editAlias(v *web.Visit) error {
	account, err := v.Account()
	if err != nil {
		return err
	}
	return showAlias(v, web.Form{Values: url.Values{"AccountAlias": {account.Alias}}})
}

func showAlias(v *web.Visit, f web.Form) error {
	account, err := v.Account()
	if err != nil {
		return err
	}
	return v.Show("alias", &aliasView{Page: aliasPage("Account alias"), Form: f, Alias: account.Alias, Base: aliasBase(v)})
}

func saveAlias(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	alias := f.Value("AccountAlias")
	f.Require("AccountAlias", "Enter an alias.")
	if len(f.Problems) > 0 {
		return showAlias(v, f)
	}

	if err := web.Do(v, iamapi.CreateAccountAlias, &iamapi.CreateAccountAliasInput{AccountAlias: alias}); err != nil {
		if web.IsCode(err, "ValidationError") {
			f.Wrong("AccountAlias", "Use 3 to 63 lowercase letters, digits and single hyphens, "+
				"beginning and ending with a letter or digit. "+
				"It must not be a 12-digit number.")
		} else if err := f.Refused(v, err, map[string]string{"EntityAlreadyExists": "AccountAlias"}); err != nil {
			return err
		}
		return showAlias(v, f)
	}
	v.LeaveMessage("alias-saved", alias)
	v.Redirect(web.Home)
	return nil
}

// deleteAlias asks before the address with the alias stops working.
func deleteAlias(v *web.Visit) (*web.Confirmation, error) {
	account, err := v.Account()
	if err != nil {
		return nil, err
	}
	c := &web.Confirmation{Page: aliasPage("Delete account alias"), Heading: "Delete account alias?", Cancel: web.Home}
	if account.Alias == "" {
		c.Text = web.Words("This account has no alias.")
		c.Instead = &web.Instead{Text: "Back to the dashboard", Address: web.Home}
		return c, nil
	}

	c.Text = web.Words("The address %s stops working, and others may take the alias %s. Users sign in with the account ID.",
		web.Location(aliasBase(v)+account.Alias), web.Name(account.Alias))
	c.Button, c.Danger = "Delete", true

	// The form names the alias that was shown. If the account was given another one in the meantime, that one stays.
	c.Hidden = []web.Field{{Name: "AccountAlias", Value: account.Alias}}
	c.Do = func() error {
		alias := v.Form.Get("AccountAlias")
		if err := web.Do(v, iamapi.DeleteAccountAlias, &iamapi.DeleteAccountAliasInput{AccountAlias: alias}); err != nil {
			return err
		}
		v.LeaveMessage("alias-deleted", alias)
		return nil
	}
	return c, nil
}

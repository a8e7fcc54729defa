package console

import (
	"net/url"

	"github.com/touchstone-iam/touchstone/internal/web"
)

// passwordView asks for old and new password.
type passwordView struct {
	web.Page
	Form   web.Form
	Forced bool // never: that page is in package entry
}

func editPassword(v *web.Visit) error { return showPassword(v, web.Form{Values: url.Values{}}) }

func showPassword(v *web.Visit, f web.Form) error {
	return v.Show("password", &passwordView{
		Page: web.Page{
			Title: "Change password", Nav: credentialsPath, Crumbs: web.Crumbs("Security credentials", credentialsPath, "Change password"),
		},
		Form: f,
	})
}

func changePassword(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	done, err := v.ChangePassword(&f)
	if err != nil {
		return err
	}
	if !done {
		return showPassword(v, f)
	}
	v.LeaveMessage("password-changed")
	v.Redirect(credentialsPath)
	return nil
}

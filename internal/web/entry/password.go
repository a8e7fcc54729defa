package entry

import "github.com/touchstone-iam/touchstone/internal/web"

// passwordView asks for the new password that comes before anything else.
type passwordView struct {
	web.Page
	Form   web.Form
	Forced bool
}

func mustChangePassword(v *web.Visit) error { return showPasswordForm(v, web.Form{}) }

func showPasswordForm(v *web.Visit, f web.Form) error {
	return v.Show("must-change-password", &passwordView{Page: web.Page{Title: "Change your password"}, Form: f, Forced: true})
}

func changeRequiredPassword(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	done, err := v.ChangePassword(&f)
	if err != nil {
		return err
	}
	if !done {
		return showPasswordForm(v, f)
	}

	p, err := v.SignIn.PasswordChanged(v.Context(), v.Visitor(), v.Token)
	if err != nil {
		return err
	}
	advance(v, p)
	return nil
}

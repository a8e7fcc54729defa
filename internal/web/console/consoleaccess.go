package console

import (
	"net/http"
	"net/url"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// accessView is the page on a user's console access.
type accessView struct {
	web.Page
	Form      web.Form
	Holder    holder
	SignIn    signInPart
	Password  string // shown in this answer alone
	Done      bool
	SignInURL string
}

// Created returns the name of the user whose credentials the page shows. The template shares it with the page of a new user.
func (a *accessView) Created() string { return a.Holder.Name }

// newAccessView returns the view of the page about the user whom the address names.
func newAccessView(v *web.Visit, f web.Form) (*accessView, error) {
	h := holderOf(v)
	if h.Own() {
		return nil, &awsquery.Error{
			Code: "ValidationError", Status: http.StatusBadRequest, Message: "Console access is managed on the page of a user.",
		}
	}

	shown := &accessView{Page: h.page("Manage console access"), Form: f, Holder: h}
	var err error
	if shown.SignInURL, err = signInURL(v); err != nil {
		return nil, err
	}
	shown.SignIn, err = readSignIn(v, h)
	return shown, err
}

func editConsoleAccess(v *web.Visit) error {
	shown, err := newAccessView(v, web.Form{Values: url.Values{"Action": {"password"}, "Password": {"generated"}, "Reset": {"yes"}}})
	if err != nil {
		return err
	}
	shown.Done = v.Query.Has("shown")
	return v.Show("console-access", shown)
}

// saveConsoleAccess enables, resets or disables a user's console access.
func saveConsoleAccess(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	shown, err := newAccessView(v, f)
	if err != nil {
		return err
	}

	name := shown.Holder.UserName
	switch {
	case f.Checked("Action", "disable"):
		err = web.Do(v, iamapi.DeleteLoginProfile, &iamapi.DeleteLoginProfileInput{UserName: name})
		if err == nil {
			v.LeaveMessage("console-disabled", name)
		}
	case f.Checked("Action", "reset"):
		required, message := f.Checked("Reset", "yes"), "reset-not-required"
		if required {
			message = "reset-required"
		}
		err = web.Do(v, iamapi.UpdateLoginProfile, &iamapi.UpdateLoginProfileInput{UserName: name, PasswordResetRequired: &required})
		if err == nil {
			v.LeaveMessage(message, name)
		}
	default:
		return saveNewPassword(v, shown)
	}

	if err == nil {
		v.Redirect(shown.Holder.Home())
		return nil
	}
	if err := shown.Form.Refused(v, err, nil); err != nil {
		return err
	}
	return v.Show("console-access", shown)
}

// saveNewPassword gives a user a password, the first or another.
func saveNewPassword(v *web.Visit, shown *accessView) error {
	f := &shown.Form
	password, reset, name := secret.GeneratePassword(), f.Checked("Reset", "yes"), shown.Holder.UserName
	if f.Checked("Password", "custom") {
		password = f.Values.Get("NewPassword")
		f.RequireNewPassword()
	}
	if len(f.Problems) > 0 {
		return v.Show("console-access", shown)
	}

	var err error
	if shown.SignIn.Profile == nil {
		_, err = web.Call(v, iamapi.CreateLoginProfile, &iamapi.CreateLoginProfileInput{
			UserName: name, Password: awsquery.Secret(password), PasswordResetRequired: reset,
		})
	} else {
		err = web.Do(v, iamapi.UpdateLoginProfile, &iamapi.UpdateLoginProfileInput{
			UserName: name, Password: awsquery.Secret(password), PasswordResetRequired: &reset,
		})
	}
	if err == nil {
		shown.Done, shown.Password = true, password
		return v.Show("console-access", shown)
	}
	if err := f.Refused(v, err, map[string]string{"PasswordPolicyViolation": "NewPassword"}); err != nil {
		return err
	}
	return v.Show("console-access", shown)
}

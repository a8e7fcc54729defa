package web

import (
	"errors"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
)

// ChangePassword changes the password of the person signed in, from a form that the template "password-form" drew. It returns
// false when the form has to be shown again, with what is wrong noted in it.
func (v *Visit) ChangePassword(f *Form) (done bool, err error) {
	if f.Values.Get("OldPassword") == "" {
		f.Wrong("OldPassword", "Enter your old password.")
	}
	f.RequireNewPassword()
	if len(f.Problems) > 0 {
		return false, nil
	}

	err = Do(v, iamapi.ChangePassword, &iamapi.ChangePasswordInput{
		OldPassword: awsquery.Secret(f.Values.Get("OldPassword")), NewPassword: awsquery.Secret(f.Values.Get("NewPassword")),
	})
	if err == nil {
		return true, nil
	}

	// A wrong old password is denied as well, but no policy is to blame.
	var told *awsquery.Error
	if errors.As(err, &told) && told.Parameter == "OldPassword" {
		f.Wrong("OldPassword", "%s", told.Message)
		return false, nil
	}
	return false, f.Refused(v, err, map[string]string{"PasswordPolicyViolation": "NewPassword", "ValidationError": "NewPassword"})
}

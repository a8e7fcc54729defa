package web

import (
	"errors"
	"net/url"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/signin"
)

// challengeView asks for a security key.
type challengeView struct {
	page
	Form     form
	Ceremony string
	Options  string // JSON for navigator.credentials.get
	Root     bool
}

// askForDevice asks for one of the MFA devices of whoever gave the right password.
func (v *visit) askForDevice() error { return v.challenge(form{}) }

func (v *visit) challenge(f form) error {
	c, err := v.SignIn.BeginMFA(v.ctx(), v.token)
	if err != nil {
		return err
	}
	return v.show("mfa", &challengeView{
		page: page{Title: "Multi-factor authentication", Scripts: []string{"webauthn.js"}},
		Form: f, Ceremony: c.Ceremony, Options: string(c.Options),
	})
}

// checkDevice takes the security key's answer. Whatever is wrong with it, the words are the same, and a new challenge is given.
func (v *visit) checkDevice() error {
	p, err := v.SignIn.FinishMFA(v.ctx(), v.visitor(), v.token, v.form.Get("ceremony"), []byte(v.form.Get("response")))
	if err == nil {
		v.advance(p)
		return nil
	}
	var f form
	refusal := new(mfa.Refusal)
	switch {
	case errors.Is(err, signin.ErrCeremony):
		f.wrong("", "The request to your security key has expired. Try again.")
	case errors.Is(err, signin.ErrCounter):
		f.wrong("", "Your security key was used in two places at once. Try again.")
	case errors.As(err, &refusal):
		f.wrong("", "Multi-factor authentication failed. Try again, or use another of your MFA devices.")
	default:
		return err
	}
	return v.challenge(f)
}

// mfaMethods lists the kinds of device that can be used. There is one kind; which devices there are is not told.
func (v *visit) mfaMethods() error {
	return v.show("mfa-methods", &challengeView{page: page{Title: "Additional verification required"}})
}

// mfaTroubleshoot says what to do about a lost device.
func (v *visit) mfaTroubleshoot() error {
	return v.show("mfa-troubleshoot", &challengeView{
		page: page{Title: "Troubleshoot your authentication device"}, Root: v.principal.Name == "",
	})
}

// passwordView is a page with old and new password.
type passwordView struct {
	page
	Form   form
	Forced bool
}

// mustChangePassword asks for the new password that comes before anything else.
func (v *visit) mustChangePassword() error { return v.showForcedChange(form{}) }

func (v *visit) showForcedChange(f form) error {
	return v.show("must-change-password", &passwordView{page: page{Title: "Change your password"}, Form: f, Forced: true})
}

func (v *visit) changeRequiredPassword() error {
	f := form{Values: v.form}
	done, err := v.replacePassword(&f)
	if err != nil {
		return err
	}
	if !done {
		return v.showForcedChange(f)
	}
	p, err := v.SignIn.PasswordChanged(v.ctx(), v.token)
	if err != nil {
		return err
	}
	v.advance(p)
	return nil
}

// replacePassword changes the password of the person signed in; false when the form has to be shown again.
func (v *visit) replacePassword(f *form) (done bool, err error) {
	if f.Values.Get("OldPassword") == "" {
		f.wrong("OldPassword", "Enter your old password.")
	}
	twice(f)
	if len(f.Problems) > 0 {
		return false, nil
	}
	err = do(v, iamapi.ChangePassword, &iamapi.ChangePasswordInput{
		OldPassword: awsquery.Secret(f.Values.Get("OldPassword")), NewPassword: awsquery.Secret(f.Values.Get("NewPassword")),
	})
	if err == nil {
		return true, nil
	}
	var told *awsquery.Error
	if errors.As(err, &told) && told.Code == "AccessDenied" && strings.Contains(told.Message, "old password") {
		f.wrong("OldPassword", "%s", told.Message)
		return false, nil
	}
	return false, f.refused(v, err, map[string]string{"PasswordPolicyViolation": "NewPassword", "ValidationError": "NewPassword"})
}

// editPassword asks for old and new password.
func (v *visit) editPassword() error { return v.showPassword(form{Values: url.Values{}}) }

func (v *visit) showPassword(f form) error {
	return v.show("password", &passwordView{
		page: page{
			Title: "Change password", Nav: credentialsPath,
			Crumbs: []crumb{{"Security credentials", credentialsPath}, {"Change password", ""}},
		}, Form: f,
	})
}

func (v *visit) changePassword() error {
	f := form{Values: v.form}
	done, err := v.replacePassword(&f)
	if err != nil {
		return err
	}
	if !done {
		return v.showPassword(f)
	}
	v.say("password-changed")
	v.to(credentialsPath)
	return nil
}

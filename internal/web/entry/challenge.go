package entry

import (
	"errors"

	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// challengeView asks for a security key.
type challengeView struct {
	web.Page
	Form     web.Form
	Ceremony string
	Options  string // JSON for navigator.credentials.get
}

// askForDevice asks for one of the MFA devices of whoever gave the right password.
func askForDevice(v *web.Visit) error { return showChallenge(v, web.Form{}) }

func showChallenge(v *web.Visit, f web.Form) error {
	c, err := v.SignIn.BeginMFA(v.Context(), v.Token)
	if err != nil {
		return err
	}
	return v.Show("mfa", &challengeView{
		Page: web.Page{Title: "Multi-factor authentication", Scripts: []string{"webauthn.js"}},
		Form: f, Ceremony: c.Ceremony, Options: string(c.Options),
	})
}

// checkDevice takes the security key's answer. A wrong answer is always told in the same words, and a new challenge is given.
func checkDevice(v *web.Visit) error {
	p, err := v.SignIn.FinishMFA(v.Context(), v.Visitor(), v.Token, v.Form.Get("ceremony"), []byte(v.Form.Get("response")))
	if err == nil {
		advance(v, p)
		return nil
	}

	var f web.Form
	refusal := new(mfa.Refusal)
	switch {
	case errors.Is(err, signin.ErrCeremony):
		f.Wrong("", "The request to your security key has expired. Try again.")
	case errors.Is(err, signin.ErrCounter):
		f.Wrong("", "Your security key was used in two places at once. Try again.")
	case errors.Is(err, mfa.ErrOrigin):
		f.Wrong("", "Security keys work only at %s. Open this page there.", v.URL)
	case errors.As(err, &refusal):
		f.Wrong("", "Multi-factor authentication failed. Try again, or use another of your MFA devices.")
	default:
		return err
	}
	return showChallenge(v, f)
}

// deviceMethods lists the kinds of device that can be used, of which there is one. It does not tell which devices the person has.
func deviceMethods(v *web.Visit) error {
	return v.Show("mfa-methods", &view{Page: web.Page{Title: "Additional verification required"}})
}

// troubleshootView says what to do about a lost device.
type troubleshootView struct {
	web.Page
	Root bool
}

func troubleshoot(v *web.Visit) error {
	return v.Show("mfa-troubleshoot", &troubleshootView{
		Page: web.Page{Title: "Troubleshoot your authentication device"}, Root: v.Principal.Name == "",
	})
}

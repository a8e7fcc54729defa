package entry

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// setUp is the page of a set-up link, which asks the root user for a first or a new password.
func setUp(v *web.Visit) error {
	return showSetUp(v, web.Form{Values: url.Values{}})
}

func showSetUp(v *web.Visit, f web.Form) error {
	account, err := v.SignIn.SetUpAccount(v.Context(), v.Query.Get("link"))
	if errors.Is(err, signin.ErrLinkUsed) {
		v.Status = http.StatusGone
		return v.Show("setup-over", &view{Page: web.Page{Title: "Set-up link not valid"}})
	}
	if err != nil {
		return err
	}
	return v.Show("setup", &view{
		Page: web.Page{Title: "Set up your account"}, Form: f, Account: account.ID, Email: account.RootEmail,
	})
}

func setPassword(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	f.RequireNewPassword()
	if len(f.Problems) > 0 {
		return showSetUp(v, f)
	}

	p, err := v.SignIn.SetUp(v.Context(), v.Visitor(), v.Query.Get("link"), v.Form.Get("NewPassword"))
	rule := new(signin.PasswordRule)
	switch {
	case errors.As(err, &rule):
		f.Wrong("NewPassword", "%s", rule.Reason)
		return showSetUp(v, f)
	case errors.Is(err, signin.ErrLinkUsed):
		return showSetUp(v, web.Form{}) // the page says that the link was used
	case err != nil:
		return err
	}

	// A root user who has no device yet is led to assigning one.
	if p.Session.Stage == store.StageFull {
		p.Session.Destination = "/console/mfa/assign"
		v.LeaveMessage("set-up")
	}
	advance(v, p)
	return nil
}

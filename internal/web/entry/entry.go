// Package entry has the pages before a sign-in is complete: sign-in, set-up, the challenge of a security key, the change of
// password that comes before anything else, and what is left after signing out.
//
// None of them tells a stranger what exists: an unknown account or user is answered like a wrong password.
package entry

import (
	"embed"

	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/web"
)

//go:embed templates/*.html
var templates embed.FS

// routes are the addresses of the pages. Whoever ends a sign-in or a session need not have one.
var routes = []web.Route{
	{Path: "/signin", Get: chooseUserType, Post: userTypeChosen},
	{Path: "/signin/{account}", Get: userSignIn, Post: signUserIn},
	{Path: "/auth/root", Get: rootSignIn, Post: signRootIn},
	{Path: "/auth/setup", Get: setUp, Post: setPassword},
	{Path: "/auth/signed-out", Get: signedOut},
	{Path: "/auth/sign-out", Post: signOut},

	{Path: "/auth/mfa", Access: web.AtMFA, Get: askForDevice, Post: checkDevice, Limit: web.MaxAnswerForm},
	{Path: "/auth/mfa/methods", Access: web.AtMFA, Get: deviceMethods},
	{Path: "/auth/mfa/troubleshoot", Access: web.AtMFA, Get: troubleshoot},

	{Path: "/auth/change-password", Access: web.AtNewPassword, Get: mustChangePassword, Post: changeRequiredPassword},
}

// messages are those that the pages leave for the next page.
var messages = map[string]web.Message{
	"set-up": {Kind: "success", Text: "Your password is set and you are signed in. " +
		"Now assign an MFA device, so that a password alone is not enough."},
}

// Pages returns the pages before sign-in.
func Pages() web.Part { return web.Part{Routes: routes, Templates: templates, Messages: messages} }

// view is a page of the sign-in.
type view struct {
	web.Page
	Form    web.Form
	To      string // where the person was going
	Account string
	Email   string
}

// advance gives the browser the session of a sign-in's next stage, and redirects to that stage's page.
func advance(v *web.Visit, p *signin.Progress) {
	v.SetCookie(v.Cookies.Session, p.Token, 0)
	if p.DeviceCookie != "" {
		v.SetCookie(v.Cookies.Device, p.DeviceCookie, web.Year)
	}
	v.Redirect(web.StagePage(p.Session))
}

// signOut ends the session, at whatever stage it is. A form with the field "to" leads to a new sign-in for that page.
func signOut(v *web.Visit) error {
	if err := v.SignOut(); err != nil {
		return err
	}
	if v.Form.Has("to") {
		v.Redirect(v.SignInPage(web.Destination(v.Form.Get("to"))))
		return nil
	}
	v.Redirect("/auth/signed-out")
	return nil
}

func signedOut(v *web.Visit) error {
	return v.Show("signed-out", &signedOutView{Page: web.Page{Title: "Signed out"}, SignInPage: v.SignInPage("")})
}

// signedOutView says that one is signed out.
type signedOutView struct {
	web.Page
	SignInPage string
}

// Package console has the pages of those who are signed in.
package console

import (
	"embed"
	"html/template"

	"github.com/touchstone-iam/touchstone/internal/web"
)

//go:embed templates/*.html
var templates embed.FS

// Addresses that more than one file leads to.
const (
	credentialsPath   = "/console/security-credentials"
	usersPath         = "/console/users"
	userPath          = "/console/user"
	policyPath        = "/console/user/policy"
	consoleAccessPath = "/console/user/console-access"
	assignDevicePath  = "/console/mfa/assign"
	setUpDevicePath   = "/console/mfa/set-up"
	removeDevicePath  = "/console/mfa/remove"
	keyStatusPath     = "/console/access-key/status"
	simulatorPath     = "/console/simulator"
)

// Catalogue is what the policy simulator offers: the actions and condition keys of the operator's catalogue.
type Catalogue struct {
	Actions  []string          // such as iam:GetUser, in order
	KeyTypes map[string]string // of condition keys, by their names
}

// Pages returns the pages of the console.
func Pages(c Catalogue) web.Part {
	return web.Part{
		Routes: routes(newSimulator(c)), Templates: templates, Messages: messages,
		Funcs: template.FuncMap{"words": words, "browser": browserName},
	}
}

// routes are the addresses of the pages.
func routes(s *simulator) []web.Route {
	return []web.Route{
		page("/console/{$}", dashboard, nil),
		page("/console/alias", editAlias, saveAlias),
		confirmation("/console/alias/delete", deleteAlias),

		page(credentialsPath, ownCredentials, nil),
		page("/console/password", editPassword, changePassword),
		page(assignDevicePath, selectDevice, deviceSelected),
		large(page(setUpDevicePath, setUpDevice, assignDevice), web.MaxAnswerForm),
		confirmation(removeDevicePath, removeDevice),
		page("/console/access-key/create", newAccessKey, createAccessKey),
		confirmation(keyStatusPath, setKeyStatus),
		confirmation("/console/access-key/delete", deleteAccessKey),
		confirmation("/console/session/end", endSession),
		confirmation("/console/sessions/end", endSessions),
		script(page("/console/csv", nil, downloadCSV)),

		page(usersPath, listUsers, nil),
		page("/console/users/create", newUser, createUser),
		page(userPath, showUser, nil),
		confirmation("/console/user/delete", deleteUser),
		page(consoleAccessPath, editConsoleAccess, saveConsoleAccess),
		large(page(policyPath, editPolicy, savePolicy), web.MaxPolicyForm),
		confirmation("/console/user/policy/delete", deletePolicy),

		large(page(simulatorPath, s.open, s.submit), maxSimulatorForm),
		script(large(page("/console/validate", nil, validate), web.MaxPolicyForm)),
	}
}

// page returns the route of a page for those who are signed in. A handler is nil for a method that the page does not have.
func page(path string, get, post web.Handler) web.Route {
	return web.Route{Path: path, Access: web.SignedIn, Get: get, Post: post}
}

// confirmation returns the route of a page that asks before something is done.
func confirmation(path string, describe func(*web.Visit) (*web.Confirmation, error)) web.Route {
	handler := web.Confirm(describe)
	return page(path, handler, handler)
}

// large returns the route with another limit for the size of its form, in bytes.
func large(r web.Route, limit int64) web.Route {
	r.Limit = limit
	return r
}

// script marks a route that shows no page: a download, or what a script asks for.
func script(r web.Route) web.Route {
	r.NoReturn = true
	return r
}

// messages are those that the pages leave for the next page.
var messages = map[string]web.Message{
	"password-changed": {Kind: "success", Text: "Your password is changed. Your other sessions have ended."},

	"device-assigned": {Kind: "success", Text: "You have successfully assigned the device %s. " +
		"You have registered %s of %s MFA devices. It is asked for at every sign-in from now on."},
	"device-assigned-to": {Kind: "success", Text: "The MFA device %s is assigned to %s, " +
		"who is asked for it at every sign-in from now on. " +
		"%s of %s MFA devices are registered."},
	"device-removed": {Kind: "success", Text: "The MFA device %s is removed. It can no longer be used to sign in."},
	"device-select":  {Kind: "warning", Text: "Select an MFA device first, then choose Remove."},

	"key-activated":   {Kind: "success", Text: "The access key %s is active."},
	"key-deactivated": {Kind: "success", Text: "The access key %s is inactive. Requests signed with it are refused."},
	"key-deleted":     {Kind: "success", Text: "The access key %s is deleted."},

	"session-removed":  {Kind: "success", Text: "The session is ended."},
	"sessions-removed": {Kind: "success", Text: "All other sessions are ended."},

	"user-created":       {Kind: "success", Text: "The user %s is created."},
	"user-deleted":       {Kind: "success", Text: "The user %s is deleted."},
	"console-disabled":   {Kind: "success", Text: "Console access of %s is disabled. Its sessions have ended."},
	"reset-required":     {Kind: "success", Text: "The user %s must choose a new password at the next sign-in."},
	"reset-not-required": {Kind: "success", Text: "The user %s need not choose a new password at the next sign-in."},

	"policy-saved":   {Kind: "success", Text: "The policy %s is saved. It is in force now."},
	"policy-deleted": {Kind: "success", Text: "The policy %s is deleted. This is in force now."},

	"alias-saved":   {Kind: "success", Text: "The account alias is now %s."},
	"alias-deleted": {Kind: "success", Text: "The account alias %s is deleted."},
}

// signInURL returns the address at which the account's users sign in.
func signInURL(v *web.Visit) (string, error) {
	account, err := v.Account()
	if err != nil {
		return "", err
	}
	if account.Alias != "" {
		return v.URL + "/signin/" + account.Alias, nil
	}
	return v.URL + "/signin/" + account.AccountId, nil
}

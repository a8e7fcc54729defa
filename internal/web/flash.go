package web

import (
	"fmt"
	"strings"
	"time"
)

// flash is a message for the next page. The cookie that carries it holds a key of the table below and what fills its gaps, so
// that no text from elsewhere can be shown as ours; secrets are never among it.
type flash struct {
	Key  string   `json:"k"`
	With []string `json:"w,omitempty"`
}

// message is what a page shows at its top.
type message struct {
	Kind string // success, info, warning or danger: an alert's colour
	Text string
}

// messages are all the messages that there are, by key.
var messages = map[string]message{
	"session-ended":       {"warning", "Your session ended before the page could do this, so nothing was changed. Sign in again, then repeat the last step."},
	"session-over":        {"info", "Your session has ended. Sign in again to go on."},
	"sign-in-over":        {"info", "This sign-in took too long or was ended. Start again."},
	"password-changed":    {"success", "Your password is changed. Your other sessions have ended."},
	"device-assigned":     {"success", "You have successfully assigned the device %s. You have registered %s of 8 MFA devices. It is asked for at every sign-in from now on."},
	"device-assigned-to":  {"success", "The MFA device %s is assigned to %s, who is asked for it at every sign-in from now on. %s of 8 MFA devices are registered."},
	"device-removed":      {"success", "The MFA device %s is removed. It can no longer be used to sign in."},
	"device-select":       {"warning", "Select an MFA device first, then choose Remove."},
	"key-activated":       {"success", "The access key %s is active."},
	"key-deactivated":     {"success", "The access key %s is inactive. Requests signed with it are refused."},
	"key-deleted":         {"success", "The access key %s is deleted."},
	"session-removed":     {"success", "The session is ended."},
	"sessions-removed":    {"success", "All other sessions are ended."},
	"user-deleted":        {"success", "The user %s is deleted."},
	"user-created":        {"success", "The user %s is created."},
	"console-disabled":    {"success", "Console access of %s is disabled. Its sessions have ended."},
	"reset-required":      {"success", "The user %s must choose a new password at the next sign-in."},
	"reset-not-required":  {"success", "The user %s need not choose a new password at the next sign-in."},
	"policy-saved":        {"success", "The policy %s is saved. It is in force now."},
	"policy-deleted":      {"success", "The policy %s is deleted. This is in force now."},
	"alias-saved":         {"success", "The account alias is now %s."},
	"alias-deleted":       {"success", "The account alias %s is deleted."},
	"set-up":              {"success", "Your password is set and you are signed in. Now assign an MFA device, so that a password alone is not enough."},
	"sign-in-without-mfa": {"warning", "Someone gave your right password but did not complete MFA: %s. If this was not you, change your password."},
}

const (
	flashLife   = 10 * time.Minute
	maxFlashGap = 512
)

// say leaves a message for the next page.
func (v *visit) say(key string, with ...string) {
	for n := range with {
		if len(with[n]) > maxFlashGap {
			with[n] = strings.ToValidUTF8(with[n][:maxFlashGap], "") + "…"
		}
	}
	v.setCookie(v.cookies.flash, packed(flash{key, with}), flashLife)
}

// said is the message that was left for this page; nil without one. It stays until it is taken.
func (v *visit) said() *message {
	var f flash
	if !unpack(v.cookie(v.cookies.flash), &f) {
		return nil
	}
	m, ok := messages[f.Key]
	if !ok {
		return nil
	}
	return f.fill(m)
}

// fill puts what a flash brings into its message. A cookie with too little or too much is not ours.
func (f *flash) fill(m message) *message {
	if strings.Count(m.Text, "%s") != len(f.With) {
		return nil
	}
	args := make([]any, len(f.With))
	for n := range args {
		args[n] = f.With[n]
	}
	return &message{m.Kind, fmt.Sprintf(m.Text, args...)}
}

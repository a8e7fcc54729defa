package web

import (
	"fmt"
	"strings"
)

// flash is a message for the next page, as its cookie carries it: the key of one of our messages and the texts for the message's
// gaps. A forged cookie can therefore fill gaps, but cannot show a message of its own. No secret is ever put into it.
type flash struct {
	Key  string   `json:"k"`
	With []string `json:"w,omitempty"`
}

// Message is a text that a page shows at its top. In the table of a part it has a gap, %s, for each text that [Visit.LeaveMessage]
// is given.
type Message struct {
	Kind string // success, info, warning or danger: an alert's colour
	Text string
}

// messages are those that the kit leaves, and the notices of package signin, by key or kind.
var messages = map[string]Message{
	"session-ended": {"warning", "Your session ended before the page could do this, so nothing was changed. " +
		"Sign in again, then repeat the last step."},
	"session-over": {"info", "Your session has ended. Sign in again to go on."},
	"sign-in-over": {"info", "This sign-in took too long or was ended. Start again."},
	"sign-in-without-mfa": {"warning", "Someone gave your right password but did not complete MFA: %s. " +
		"If this was not you, change your password."},
}

// maxFlashGap is how many bytes of a text are carried to the next page.
const maxFlashGap = 512

// LeaveMessage leaves a message for the next page.
func (v *Visit) LeaveMessage(key string, with ...string) {
	for n := range with {
		if len(with[n]) > maxFlashGap {
			with[n] = strings.ToValidUTF8(with[n][:maxFlashGap], "") + "…"
		}
	}
	v.SetCookie(v.Cookies.Flash, Pack(flash{key, with}), Moment)
}

// leftMessage returns the message that was left for this page, or nil. The message stays until its cookie is dropped.
func (v *Visit) leftMessage() *Message {
	var f flash
	if !Unpack(v.Cookie(v.Cookies.Flash), &f) {
		return nil
	}
	m, ok := v.site.messages[f.Key]
	if !ok {
		return nil
	}
	return f.fill(m)
}

// fill puts the texts of a flash into the gaps of its message. It returns nil when there are too few or too many, because such a
// cookie is not ours.
func (f *flash) fill(m Message) *Message {
	if strings.Count(m.Text, "%s") != len(f.With) {
		return nil
	}
	args := make([]any, len(f.With))
	for n := range args {
		args[n] = f.With[n]
	}
	return &Message{m.Kind, fmt.Sprintf(m.Text, args...)}
}

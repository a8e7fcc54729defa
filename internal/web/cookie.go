package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Cookies are the names of the cookies. Over TLS they have the prefix that binds them to this host (RFC 6265bis §4.1.3.2); on a
// loopback address without TLS browsers refuse that prefix.
type Cookies struct {
	Session  string // the session's token; ends with the browser
	Device   string // from a completed sign-in, for a year: see package signin
	Remember string // account and user name of the last sign-in, for a year
	Root     string // the root user's e-mail, between the two pages of its sign-in
	Flash    string // a message for the next page
	Theme    string // "light" or "dark"; none follows the browser
}

func newCookies(secure bool) Cookies {
	prefix := ""
	if secure {
		prefix = "__Host-"
	}
	return Cookies{
		Session: prefix + "touchstone", Device: prefix + "touchstone-device", Remember: prefix + "touchstone-remember",
		Root: prefix + "touchstone-root", Flash: prefix + "touchstone-flash", Theme: prefix + "touchstone-theme",
	}
}

const (
	// Year is how long a browser keeps a cookie that outlives its session.
	Year = 365 * 24 * time.Hour
	// Moment is how long it keeps one that is for the next page.
	Moment = 10 * time.Minute

	maxCookie = 2048 // bytes of a value that we take
)

// Cookie returns the value of a cookie; "" without it, or when it is too long to be ours.
func (v *Visit) Cookie(name string) string {
	c, err := v.Request.Cookie(name)
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return c.Value
}

// SetCookie sets a cookie for a time. With 0 the browser keeps it until it is closed; a negative time removes it.
func (v *Visit) SetCookie(name, value string, life time.Duration) {
	c := &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: v.site.secure, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case life < 0:
		c.MaxAge = -1
	case life > 0:
		c.MaxAge = int(life / time.Second)
	}
	http.SetCookie(v.Writer, c)
}

// DropCookie removes a cookie from the browser.
func (v *Visit) DropCookie(name string) { v.SetCookie(name, "", -1) }

// Pack returns a small value as the text of a cookie. The value must be one that JSON can hold.
func Pack(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// Unpack reads what [Pack] made. It returns false for any other text, since a browser may send anything.
func Unpack(text string, value any) bool {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(plain, value) == nil
}

// Remembered names the account and the user whose sign-in page opens next time. It fills in the form and proves nothing.
type Remembered struct {
	Account string `json:"a"` // as typed: id or alias
	User    string `json:"u"`
}

// Remembered returns the account and user that the browser remembers, or a zero Remembered.
func (v *Visit) Remembered() (r Remembered) {
	if !Unpack(v.Cookie(v.Cookies.Remember), &r) || r.Account == "" || strings.ContainsAny(r.Account, "/?#") {
		return Remembered{}
	}
	return r
}

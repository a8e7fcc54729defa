package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// cookieNames are the names of the cookies. Over TLS they have the prefix that binds them to this host (RFC 6265bis §4.1.3.2);
// on a loopback address without TLS browsers refuse that prefix.
type cookieNames struct {
	session  string // the session's token; ends with the browser
	device   string // from a completed sign-in, for a year: see package signin
	remember string // account and user name of the last sign-in, for a year
	root     string // the root user's e-mail, between the two pages of its sign-in
	flash    string // a message for the next page
	theme    string // "light" or "dark"; none follows the browser
}

func newCookieNames(secure bool) cookieNames {
	prefix := ""
	if secure {
		prefix = "__Host-"
	}
	return cookieNames{
		session: prefix + "touchstone", device: prefix + "touchstone-device", remember: prefix + "touchstone-remember",
		root: prefix + "touchstone-root", flash: prefix + "touchstone-flash", theme: prefix + "touchstone-theme",
	}
}

const (
	year      = 365 * 24 * time.Hour
	maxCookie = 2048 // bytes of a value that we take
)

// cookie is the value of a cookie; "" without it, or when it is too long to be ours.
func (v *visit) cookie(name string) string {
	c, err := v.r.Cookie(name)
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie for a time; 0 is until the browser ends, and a negative time removes it.
func (v *visit) setCookie(name, value string, life time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode}
	switch {
	case life < 0:
		c.MaxAge = -1
	case life > 0:
		c.MaxAge = int(life / time.Second)
	}
	http.SetCookie(v.w, c)
}

func (v *visit) dropCookie(name string) { v.setCookie(name, "", -1) }

// packed is a small value as the text of a cookie.
func packed(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings always encode
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// unpack is the inverse of packed. What a browser sends is anything: false when it is not ours.
func unpack(text string, value any) bool {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(plain, value) == nil
}

// remembered is whose sign-in page opens next time. It is never more than this.
type remembered struct {
	Account string `json:"a"` // as typed: id or alias
	User    string `json:"u"`
}

func (v *visit) remembered() (r remembered) {
	if !unpack(v.cookie(v.cookies.remember), &r) || r.Account == "" || strings.ContainsAny(r.Account, "/?#") {
		return remembered{}
	}
	return r
}

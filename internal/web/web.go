// Package web serves the pages: sign-in and console.
//
// A page does nothing by itself. It calls the operations of package api, in process, as the person who is signed in, and shows
// what they answer; what that person may see and do is decided there, by the same policies as by API. Signing in is package
// signin's. This package holds the addresses, the forms, the words and the look.
//
// Invariants. Every address is in one table (route.go), with what a session must have come to. A page without the right session
// runs no handler. Requests that change something are refused from other sites. Text reaches HTML through html/template alone. A
// secret is in the one answer that shows it, which no cache keeps, and never in an address, a cookie or a message. Everything
// but the ceremony with a security key works without a script.
package web

import (
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/signin"
)

// Config is what the pages work with. All fields are required.
type Config struct {
	API    *api.Service
	SignIn *signin.Service
	URL    string // the public origin
	Logger *slog.Logger

	// What there is to simulate, as far as the operator's catalogue knows.
	Actions  []string          // such as iam:GetUser, in order
	KeyTypes map[string]string // of condition keys, by their names
}

// site is the handler.
type site struct {
	Config
	secure  bool // the public origin is https
	local   bool // the public origin is localhost
	cookies cookieNames
	mux     *http.ServeMux
	origins *http.CrossOriginProtection
	actions map[string][]string // by the service, in lower case

	// Both are made at the first page, so that a start does not pay for them.
	assets    func() (*assets, error)
	templates func() (*template.Template, error)
}

// New returns the handler of all pages.
func New(c Config) (http.Handler, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	s := &site{Config: c, secure: u.Scheme == "https", local: u.Hostname() == "localhost", mux: http.NewServeMux(), origins: http.NewCrossOriginProtection()}
	s.URL = u.Scheme + "://" + u.Host
	s.cookies = newCookieNames(s.secure)
	// Behind a proxy the Host header may be another than the browser's.
	if err := s.origins.AddTrustedOrigin(s.URL); err != nil {
		return nil, err
	}
	s.actions = make(map[string][]string)
	for _, action := range c.Actions {
		service, _, _ := strings.Cut(strings.ToLower(action), ":")
		s.actions[service] = append(s.actions[service], action)
	}
	s.assets, s.templates = sync.OnceValues(newAssets), sync.OnceValues(s.parseTemplates)
	for _, r := range routes {
		s.mux.Handle(r.pattern, s.handler(r))
	}
	s.mux.HandleFunc("GET /static/{file}", s.static)
	s.mux.HandleFunc("/", s.notFound)
	return s, nil
}

// contentSecurityPolicy is of every page: nothing comes from elsewhere, nothing inline runs, nobody frames us, and no text becomes
// code or markup in a script (Content Security Policy Level 3, Trusted Types).
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// ServeHTTP answers a request for a page.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if to := byName(r); to != "" && s.local {
		http.Redirect(w, r, to, http.StatusPermanentRedirect)
		return
	}
	if err := s.origins.Check(r); err != nil {
		s.problem(w, r, http.StatusForbidden, "Request refused", "This form was sent from another site, so nothing was done. Open the page here and send it again.")
		return
	}
	s.mux.ServeHTTP(w, r)
}

// byName is where a page asked for at a loopback address is: security keys work for names only (WebAuthn §5.1.2, effective
// domain). "" when the page is asked for by name.
func byName(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ""
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	if host != "127.0.0.1" && strings.Trim(host, "[]") != "::1" {
		return ""
	}
	to := url.URL{Scheme: "http", Host: "localhost", Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if r.TLS != nil {
		to.Scheme = "https"
	}
	if port != "" {
		to.Host = net.JoinHostPort("localhost", port)
	}
	return to.String()
}

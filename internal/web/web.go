// Package web is the kit that the pages are made of: what every page uses, and the handler that serves them.
//
// The pages themselves are in two packages that import this one and not each other: package entry has those before the sign-in is
// complete, package console those after it. Each hands its Part to New: its routes, its templates and its messages.
//
// A page does nothing by itself. It calls the operations of package api, in process, as the person who is signed in, and shows
// their answers. What that person may see and do is decided there, by the same policies that decide about API requests. Package
// signin signs people in. This package and the two below it hold the addresses, the forms, the words and the look.
//
// Invariants:
//   - Each part has one table of its addresses, which names the stage that a session must have reached for each. Without such a
//     session no handler runs.
//   - Requests that change something are refused when they come from other sites.
//   - Text reaches HTML only through html/template.
//   - A secret is only in the one answer that shows it, which no cache keeps. It is never in an address, a cookie or a message.
//   - Everything works without a script, except the ceremony with a security key.
package web

import (
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/signin"
)

// Config is what the pages work with. All fields are required.
type Config struct {
	API    *api.Service
	SignIn *signin.Service
	URL    string // the public origin
	Logger *slog.Logger
}

// Part is a set of pages that belong together.
type Part struct {
	Routes    []Route
	Templates fs.FS              // files named templates/*.html
	Funcs     template.FuncMap   // that its templates use, beside the kit's
	Messages  map[string]Message // that its pages leave for the next page, by key
}

// site is the handler of all pages.
type site struct {
	Config
	secure   bool         // the public origin is https
	local    bool         // the public origin is localhost
	keys     bool         // browsers use security keys at the public origin
	host     string       // the public origin's, with its port unless that is the scheme's own
	asked    atomic.Int64 // when a request for another host was last logged, in seconds since 1970
	cookies  Cookies
	mux      *http.ServeMux
	origins  *http.CrossOriginProtection
	messages map[string]Message // of all parts

	// Both are made for the first page that is asked for, so that they do not delay the start.
	assets    func() (*assets, error)
	templates func() (*template.Template, error) // the kit's own, for answers outside any part
}

// New returns the handler of the pages of all parts. Two parts may not have a message of the same key.
func New(c Config, parts ...Part) (http.Handler, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}

	s := &site{
		Config: c, secure: u.Scheme == "https", local: u.Hostname() == "localhost", keys: httpd.SecureContext(u), host: u.Host,
		mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(), messages: make(map[string]Message),
	}
	s.URL = u.Scheme + "://" + u.Host
	s.cookies = newCookies(s.secure)
	s.assets = sync.OnceValues(newAssets)

	// Behind a proxy the Host header may be another than the browser's.
	if err := s.origins.AddTrustedOrigin(s.URL); err != nil {
		return nil, err
	}

	kit := Part{Routes: layoutRoutes, Messages: messages}
	s.templates = s.parser(kit)
	for _, part := range append([]Part{kit}, parts...) {
		if err := s.add(part); err != nil {
			return nil, err
		}
	}
	s.mux.HandleFunc("GET /static/{file}", s.static)
	s.mux.HandleFunc("/", s.notFound)
	return s, nil
}

// add registers a part's routes and messages.
func (s *site) add(part Part) error {
	for key, m := range part.Messages {
		if _, taken := s.messages[key]; taken {
			return fmt.Errorf("two parts have the message %q", key)
		}
		s.messages[key] = m
	}

	templates := s.parser(part)
	for _, route := range part.Routes {
		if route.Get != nil {
			s.mux.Handle("GET "+route.Path, s.handler(&route, route.Get, templates))
		}
		if route.Post != nil {
			s.mux.Handle("POST "+route.Path, s.handler(&route, route.Post, templates))
		}
	}
	return nil
}

// contentSecurityPolicy is sent with every page: nothing comes from elsewhere, nothing inline runs, nobody frames us, and no text
// becomes code or markup in a script (Content Security Policy Level 3, Trusted Types).
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// ServeHTTP answers a request for a page.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy",
		"publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}

	if s.misdirected(r) && s.leadToURL(w, r) {
		return
	}
	if err := s.origins.Check(r); err != nil {
		s.problem(w, r, http.StatusForbidden, "Request refused",
			"This form was sent from another site, so nothing was done. Open the page here and send it again.")
		return
	}
	s.mux.ServeHTTP(w, r)
}

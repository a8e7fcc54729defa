package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// Page holds what every page has. The view of a page embeds it.
type Page struct {
	Title  string
	Crumbs []Crumb // between "IAM" and the page itself
	Nav    string  // the address in the navigation that the page belongs to
	Kind   string  // the part of the console, such as Users, as the title names it; "" for none

	Scripts []string // beside app.js

	// The rest is filled in by Show.
	Messages  []Message
	Here      string // the page's address, to come back to
	Theme     string
	RequestID string
	Signed    *Signed // nil before sign-in
}

// Crumb is a link of the breadcrumb. The last one, which is the page itself, has no address.
type Crumb struct{ Text, URL string }

// Crumbs returns the links of a breadcrumb: text, address, text, address, and at last the text of the page itself.
func Crumbs(texts ...string) (crumbs []Crumb) {
	for n := 0; n < len(texts); n += 2 {
		c := Crumb{Text: texts[n]}
		if n+1 < len(texts) {
			c.URL = texts[n+1]
		}
		crumbs = append(crumbs, c)
	}
	return crumbs
}

// Signed is who is signed in, as the masthead shows it.
type Signed struct {
	Name, AccountID, Alias, ARN string
	Root, MFA                   bool
	Seconds                     int // until the session ends
}

func (p *Page) base() *Page { return p }

// View is what a template shows: a pointer to a struct that embeds Page.
type View interface{ base() *Page }

// Show answers with the page that a template makes of a view. The template is named without its ending. The status is 200 unless
// the visit says otherwise, also when a form is shown again and when a part of the page may not be seen.
func (v *Visit) Show(name string, shown View) error {
	p := shown.base()
	p.Theme, p.Here, p.RequestID = v.theme(), v.Request.URL.RequestURI(), v.ID
	if m := v.leftMessage(); m != nil {
		p.Messages = append(p.Messages, *m)
	}
	if v.Session != nil && v.Session.Stage == store.StageFull {
		if err := v.sign(p); err != nil {
			return err
		}
	}

	// A message stays through the pages of the sign-in. It has been shown once it is on a page of the console.
	if p.Signed != nil && v.Cookie(v.Cookies.Flash) != "" {
		v.DropCookie(v.Cookies.Flash)
	}
	return v.Write(name+".html", shown)
}

// Write answers with what a template makes of the data, without a layout around it.
func (v *Visit) Write(template string, data any) error {
	templates, err := v.templates()
	if err != nil {
		return err
	}

	// The page is made before anything is sent, so that a fault in it can still be answered with the page of an error.
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, template, data); err != nil {
		return fmt.Errorf("page %s: %w", template, err)
	}

	h := v.Writer.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	v.Writer.WriteHeader(v.Status)
	v.Writer.Write(out.Bytes()) //nolint:errcheck // the browser is gone; what was done is done and recorded
	return nil
}

// sign fills in who is signed in, and what they are to be told once.
func (v *Visit) sign(p *Page) error {
	account, err := v.Account()
	if err != nil {
		return err
	}
	notices, err := v.SignIn.Notices(v.Context(), v.Principal)
	if err != nil {
		return err
	}
	for _, n := range notices {
		if m, ok := v.site.messages[n.Kind]; ok {
			p.Messages = append(p.Messages, *(&flash{With: []string{n.Detail}}).fill(m))
		}
	}

	p.Signed = &Signed{
		Name: v.Principal.Name, AccountID: account.AccountId, Alias: account.Alias, ARN: v.Principal.ARN(),
		Root: v.Caller.IsRoot(), MFA: v.Caller.UsedMFA(), Seconds: v.secondsLeft(),
	}
	return nil
}

// secondsLeft returns after how many seconds the session ends if nothing more is done in it.
func (v *Visit) secondsLeft() int {
	ends := v.now.Add(v.API.Authn.Limits().Idle)
	if v.Session.ExpiresAt.Before(ends) {
		ends = v.Session.ExpiresAt
	}
	return max(0, int(ends.Sub(v.now)/time.Second))
}

// sessionState tells the page's script how long the session has, now that it was used.
func sessionState(v *Visit) error {
	v.Writer.Header().Set("Content-Type", "application/json")
	_, err := fmt.Fprintf(v.Writer, `{"seconds":%d}`, v.secondsLeft())
	return err
}

// theme returns the theme that was chosen; "" follows the browser.
func (v *Visit) theme() string {
	if t := v.Cookie(v.Cookies.Theme); t == "light" || t == "dark" {
		return t
	}
	return ""
}

// setTheme keeps the choice of a theme, and goes back to the page.
func setTheme(v *Visit) error {
	switch t := v.Form.Get("theme"); t {
	case "light", "dark":
		v.SetCookie(v.Cookies.Theme, t, Year)
	default:
		v.DropCookie(v.Cookies.Theme)
	}
	v.Redirect(Destination(v.Form.Get("to")))
	return nil
}

// front redirects from the address without a path to the console.
func front(v *Visit) error {
	v.Redirect(Home)
	return nil
}

// NotFound answers that there is nothing at the address.
func (v *Visit) NotFound() { v.site.notFound(v.Writer, v.Request) }

// notFound answers an address that there is nothing at.
func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	s.problem(w, r, http.StatusNotFound, "Page not found", "There is nothing at this address.")
}

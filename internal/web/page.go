package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed icons.txt
var iconFile string

// page is what every page has. A page's own view embeds it.
type page struct {
	Title  string
	Crumbs []crumb // between "IAM" and the page itself
	Nav    string  // the address in the navigation that the page belongs to
	Kind   string  // "" or what part of the console it is in the title: a user's name

	Scripts []string // beside app.js

	// The rest is filled in by show.
	Messages  []message
	Here      string // the page's address, to come back to
	Theme     string
	RequestID string
	Signed    *signed // nil before sign-in
}

// crumb is a link of the breadcrumb.
type crumb struct{ Text, URL string }

// signed is who is signed in, as the masthead shows it.
type signed struct {
	Name, AccountID, Alias, ARN string
	Root, MFA                   bool
	Seconds                     int // until the session ends
}

func (p *page) base() *page { return p }

// view is what a template shows: a struct that embeds page.
type view interface{ base() *page }

// parseTemplates reads all templates, with the functions that they use.
func (s *site) parseTemplates() (*template.Template, error) {
	a, err := s.assets()
	if err != nil {
		return nil, err
	}
	icons := make(map[string]template.HTML)
	for line := range strings.Lines(iconFile) {
		name, paths, _ := strings.Cut(strings.TrimSpace(line), "\t")
		icons[name] = template.HTML(`<svg class="ts-icon" viewBox="0 0 24 24" aria-hidden="true">` + paths + `</svg>`) //nolint:gosec // our own file
	}
	return template.New("").Funcs(template.FuncMap{
		"static": a.url,
		"at":     at,
		"icon": func(name string) (template.HTML, error) {
			icon, ok := icons[name]
			if !ok {
				return "", fmt.Errorf("no icon %q", name)
			}
			return icon, nil
		},
		"hyphened": hyphened,
		"words":    words,
		"plural":   plural,
		"number":   number,
		"moment":   func(t any) (moment, error) { return momentOf(t, false) },
		"ago":      func(t any) (moment, error) { return momentOf(t, true) },
		"browser":  browser,
		"deref":    deref,
		"list":     func(texts ...string) []string { return texts },
	}).ParseFS(templateFiles, "templates/*.html")
}

// hyphened is an account id as people read it: 1111-2222-3333.
func hyphened(account string) string {
	if len(account) != 12 {
		return account
	}
	return account[:4] + "-" + account[4:8] + "-" + account[8:]
}

// words are the words of a name such as aws:MultiFactorAuthPresent, cut where it may break. None is longer than a narrow column.
func words(name string) []string {
	const longest = 20
	var cut []string
	begin, length, before := 0, 0, rune(0)
	for at, r := range name {
		if length > 0 && (strings.ContainsRune(":/.-_", before) || unicode.IsLower(before) && unicode.IsUpper(r)) || length == longest {
			cut, begin, length = append(cut, name[begin:at]), at, 0
		}
		before, length = r, length+1
	}
	return append(cut, name[begin:])
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// number is a whole number as people read it: 2,048.
func number(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// deref is what a pointer that is not nil points at.
func deref(pointer any) any { return reflect.ValueOf(pointer).Elem().Interface() }

// moment is a time as the template "time" draws it.
type moment struct {
	Machine, Text string // both "" for never
	Relative      bool   // a script may say how long ago it was
}

// momentOf takes a time or a pointer to one.
func momentOf(value any, relative bool) (moment, error) {
	var t time.Time
	switch value := value.(type) {
	case time.Time:
		t = value
	case *time.Time:
		if value != nil {
			t = *value
		}
	default:
		return moment{}, fmt.Errorf("%T is not a time", value)
	}
	if t.IsZero() {
		return moment{}, nil
	}
	t = t.UTC()
	return moment{t.Format(time.RFC3339), t.Format("2 Jan 2006, 15:04") + " UTC", relative}, nil
}

// browser is what a person calls the browser with this User-Agent header.
func browser(userAgent string) string {
	has := func(text string) bool { return strings.Contains(userAgent, text) }
	name, system := "Unknown browser", ""
	switch {
	case has("Edg/"):
		name = "Edge"
	case has("Firefox/"):
		name = "Firefox"
	case has("Chrome/"):
		name = "Chrome"
	case has("Safari/"):
		name = "Safari"
	case userAgent != "":
		name, _, _ = strings.Cut(userAgent, "/")
	}
	switch {
	case has("Android"):
		system = "Android"
	case has("iPhone"), has("iPad"):
		system = "iOS"
	case has("Windows"):
		system = "Windows"
	case has("Mac OS X"):
		system = "macOS"
	case has("Linux"):
		system = "Linux"
	}
	if system == "" {
		return name
	}
	return name + " on " + system
}

// show answers with a page. A form that is shown again, and a page of which some part may not be seen, are answers as good as any:
// the status is 200 unless the visit says otherwise.
func (v *visit) show(name string, shown view) error {
	p := shown.base()
	p.Theme, p.Here, p.RequestID = v.theme(), v.r.URL.RequestURI(), v.id
	if m := v.said(); m != nil {
		p.Messages = append(p.Messages, *m)
	}
	if v.session != nil && v.session.Stage == store.StageFull {
		if err := v.sign(p); err != nil {
			return err
		}
	}
	// A message has been shown once it is on a page of the console, or when there is no sign-in to carry it through.
	if p.Signed != nil && v.cookie(v.cookies.flash) != "" {
		v.dropCookie(v.cookies.flash)
	}
	return v.write(name+".html", shown)
}

// write answers with what a template makes of the data.
func (v *visit) write(template string, data any) error {
	var out bytes.Buffer
	templates, err := v.templates()
	if err != nil {
		return err
	}
	if err := templates.ExecuteTemplate(&out, template, data); err != nil {
		return fmt.Errorf("page %s: %w", template, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	v.w.WriteHeader(v.status)
	v.w.Write(out.Bytes()) //nolint:errcheck // the browser is gone; what was done is done and recorded
	return nil
}

// sign fills in who is signed in, and what they are to be told once.
func (v *visit) sign(p *page) error {
	account, err := call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
	if err != nil {
		return err
	}
	notices, err := v.SignIn.Notices(v.ctx(), v.principal)
	if err != nil {
		return err
	}
	for _, n := range notices {
		if m, ok := messages[n.Kind]; ok {
			p.Messages = append(p.Messages, *(&flash{With: []string{n.Detail}}).fill(m))
		}
	}
	p.Signed = &signed{
		Name: v.principal.Name, AccountID: account.AccountId, Alias: account.Alias, ARN: v.principal.ARN(),
		Root: v.caller.IsRoot(), MFA: v.caller.UsedMFA(), Seconds: v.secondsLeft(),
	}
	return nil
}

// secondsLeft is how long the session has, when nothing more is done in it.
func (v *visit) secondsLeft() int {
	ends := v.now.Add(v.API.Authn.Limits().Idle)
	if v.session.ExpiresAt.Before(ends) {
		ends = v.session.ExpiresAt
	}
	return max(0, int(ends.Sub(v.now)/time.Second))
}

// sessionState tells the page's script how long the session has, now that it was used.
func (v *visit) sessionState() error {
	v.w.Header().Set("Content-Type", "application/json")
	_, err := fmt.Fprintf(v.w, `{"seconds":%d}`, v.secondsLeft())
	return err
}

// theme is the one that was chosen; "" follows the browser.
func (v *visit) theme() string {
	if t := v.cookie(v.cookies.theme); t == "light" || t == "dark" {
		return t
	}
	return ""
}

// setTheme keeps the choice of a theme, and goes back to the page.
func (v *visit) setTheme() error {
	switch t := v.form.Get("theme"); t {
	case "light", "dark":
		v.setCookie(v.cookies.theme, t, year)
	default:
		v.dropCookie(v.cookies.theme)
	}
	v.to(destination(v.form.Get("to")))
	return nil
}

// front is the address without a path.
func (v *visit) front() error {
	v.to(home)
	return nil
}

// notFound answers an address that there is nothing at.
func (s *site) notFound(w http.ResponseWriter, r *http.Request) {
	s.problem(w, r, http.StatusNotFound, "Page not found", "There is nothing at this address.")
}

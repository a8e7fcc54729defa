package browsertest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/find.js
var findScript string

// viewport is the size of a window.
type viewport struct{ width, height int }

var (
	desktop = viewport{1280, 900}
	phone   = viewport{390, 844}
)

// patience is how long a step may take before it has failed.
const patience = 10 * time.Second

// tab is a page in a browser profile of its own. Each method ends the test when it cannot do what it is called for.
type tab struct {
	*testing.T
	ctx     context.Context
	at      *installation
	console consoleErrors
}

// consoleErrors collects the errors in the browser's console.
type consoleErrors struct {
	mu   sync.Mutex
	said []string
}

// open opens a tab with a new profile on the installation.
func (i *installation) open(t *testing.T) *tab {
	t.Helper()
	parent, err := browser()
	if err != nil {
		t.Fatal(err)
	}

	ctx, end := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil { // without a deadline, which would be the tab's
		t.Fatal(err)
	}

	p := &tab{T: t, ctx: ctx, at: i}
	messages := chromedp.Console(ctx)
	go p.console.listen(func(yield func(string)) {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.IsException() {
				yield(m.String())
			}
		}
	})

	p.size(desktop)
	t.Cleanup(p.quiet)
	return p
}

// listen collects messages until there are no more.
func (c *consoleErrors) listen(messages func(yield func(string))) {
	messages(func(text string) {
		// Some tests are about answers of 4xx, which the browser reports as resources that did not load.
		if strings.Contains(text, "Failed to load resource: the server responded with a status of 4") {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.said = append(c.said, text)
	})
}

// quiet fails the test when the console had an error.
func (p *tab) quiet() {
	p.Helper()
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	for _, text := range p.console.said {
		p.Errorf("the console says: %s", text)
	}
	p.console.said = nil
}

// do takes steps in the browser. what names them when they fail.
func (p *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fatal("%s: %v", what, err)
	}
}

// fatal ends the test with what the page shows.
func (p *tab) fatal(format string, args ...any) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	p.Fatalf(format+"\n--- the page:\n%s", append(args, text)...)
}

// evaluate returns the value of a JavaScript expression in the tab's page.
func evaluate[T any](p *tab, expression string) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fatal("%s: %v", expression, err)
	}
	return value
}

// until waits for an expression to become true. The page may change while it waits.
func (p *tab) until(what, expression string) {
	p.Helper()
	if !p.comes(expression) {
		p.fatal("%s", what)
	}
}

// comes reports whether an expression becomes true within the time that a step may take.
func (p *tab) comes(expression string) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		cancel()
		if err == nil && is {
			return true
		}
	}
	return false
}

// ready is an expression that is true when the page is loaded and its scripts, if they may run, have set it up. The media query
// tells whether scripts may run.
const ready = `document.readyState === "complete" && (matchMedia("(scripting: none)").matches || "app" in document.documentElement.dataset &&
	(!document.querySelector("form[data-ceremony]") || "ready" in document.documentElement.dataset))`

// visit opens an address: a path, or a whole URL.
func (p *tab) visit(address string) {
	p.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.at.url + address
	}
	p.do("open "+address, chromedp.Navigate(address))
	p.until(address+" is not ready", ready)
}

// arrive waits until the tab is at a path.
func (p *tab) arrive(path string) {
	p.Helper()
	p.until("the browser does not arrive at "+path, "location.pathname === "+quoted(path)+" && "+ready)
}

// path returns the path and query of the tab's address.
func (p *tab) path() string {
	p.Helper()
	return evaluate[string](p, "location.pathname + location.search")
}

// quoted returns a text as a JavaScript string.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// spot is the place of an element in the window.
type spot struct {
	X, Y    float64
	Type    string
	Checked bool
}

// find waits for an element of a kind and a name, as find.js knows them, and returns its place.
func (p *tab) find(kind, name string) *spot {
	p.Helper()
	expression := "(" + findScript + ")(" + quoted(kind) + ", " + quoted(name) + ")"
	var last error // the browser's, which a page that is just changing also causes
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		found, err := chromedp.Run(ctx, chromedp.Evaluate[*spot](expression))
		cancel()
		if err == nil && found != nil {
			return found
		}
		last = err
	}
	p.fatal("there is no %s %q (%v)", kind, name, last)
	return nil
}

// fill types into the field with that label, in place of what is there.
func (p *tab) fill(label, text string) {
	p.Helper()
	p.find("field", label)
	p.do("type into "+label, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		if text == "" {
			return chromedp.KeyEvent("\b")(ctx, t)
		}
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return chromedp.Void{}, err
	})
}

// value returns the value of the field with that label.
func (p *tab) value(label string) string {
	p.Helper()
	p.find("field", label)
	return evaluate[string](p, "document.activeElement.value")
}

// choose ticks a box or chooses a radio button.
func (p *tab) choose(label string) {
	p.Helper()
	at := p.find("field", label)
	p.do("choose "+label, chromedp.MouseClickXY(at.X, at.Y))
}

// click presses a button or link that leads to no other page.
func (p *tab) click(name string) {
	p.Helper()
	at := p.find("button or link", name)
	p.do("click "+name, chromedp.MouseClickXY(at.X, at.Y))
}

// press presses a button or link, and waits for the page that it leads to.
func (p *tab) press(name string) {
	p.Helper()
	at := p.find("button or link", name)
	evaluate[bool](p, "document.before = true")
	p.do("press "+name, chromedp.MouseClickXY(at.X, at.Y))
	p.until(fmt.Sprintf("%q leads nowhere", name), "!document.before && "+ready)
}

// text returns the whole text that the page shows.
func (p *tab) text() string {
	p.Helper()
	return evaluate[string](p, "document.body.innerText")
}

// see waits for words to be on the page.
func (p *tab) see(words ...string) {
	p.Helper()
	for _, w := range words {
		p.until(fmt.Sprintf("the page does not say %q", w), `document.body.innerText.replace(/\s+/g, " ").includes(`+quoted(w)+")")
	}
}

// miss makes sure that words are not on the page.
func (p *tab) miss(words ...string) {
	p.Helper()
	for _, w := range words {
		if strings.Contains(p.text(), w) {
			p.fatal("the page says %q", w)
		}
	}
}

// key types on the keyboard, wherever the focus is.
func (p *tab) key(keys string) {
	p.Helper()
	p.do("type", chromedp.KeyEvent(keys))
}

// focused waits for what has that name to have the focus.
func (p *tab) focused(name string) {
	p.Helper()
	p.until(fmt.Sprintf("the focus is not on %q", name),
		`(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim() === `+quoted(name))
}

// size gives the window another size.
func (p *tab) size(v viewport) {
	p.Helper()
	p.do("resize", chromedp.EmulateViewport(int64(v.width), int64(v.height)))
}

// scheme makes the browser prefer light or dark, and no motion.
func (p *tab) scheme(name string) {
	p.Helper()
	p.do("prefer "+name, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return chromedp.Void{}, err
	})
}

// scripts turns JavaScript on or off.
func (p *tab) scripts(on bool) {
	p.Helper()
	p.do("scripts", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return chromedp.Void{}, err
	})
}

// before makes the browser run a script in every page before the page's own scripts, until undo is called.
func (p *tab) before(source string) (undo func()) {
	p.Helper()
	var id page.ScriptIdentifier
	p.do("add a script", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		added, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument,
			page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		id = added.Identifier
		return chromedp.Void{}, err
	})
	return func() {
		p.do("remove the script", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Call(ctx, page.RemoveScriptToEvaluateOnNewDocument,
				page.RemoveScriptToEvaluateOnNewDocumentParams{Identifier: id})
			return chromedp.Void{}, err
		})
	}
}

// signIn signs somebody in with the password, up to the page that comes after it. A user without a name is the root user.
func (p *tab) signIn(u *user) {
	p.Helper()
	if u.name == "" {
		p.visit("/signin?different=1")
		p.choose("Root user")
		p.fill("Root user email address", p.at.email)
		p.press("Next")
	} else {
		p.visit("/signin/" + url.PathEscape(p.at.accountID))
		p.fill("IAM user name", u.name)
	}
	p.fill("Password", u.password)
	p.press("Sign in")
}

// signOut uses the account menu.
func (p *tab) signOut() {
	p.Helper()
	evaluate[bool](p, `(document.querySelector("header details").open = true)`)
	p.press("Sign out")
	p.arrive("/auth/signed-out")
}

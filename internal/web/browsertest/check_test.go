package browsertest

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe.min.js
var axe string

// violation is a fault that axe found.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// check makes sure that the page, as it is at the moment, is accessible (WCAG 2.2 AA and good practice), does not scroll sideways,
// and has caused no error in the console.
func (p *tab) check() {
	p.Helper()
	where := evaluate[string](p, "location.pathname + ' at ' + innerWidth")
	if wide := evaluate[int](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		p.Errorf("%s: %d px too wide: %s", where, wide, evaluate[string](p, `[...document.querySelectorAll("body *")]
			.filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + .5).slice(0, 4).map((e) => e.outerHTML.slice(0, 160)).join("\n")`))
	}

	// axe is a script too. The page's own scripts do not run when scripts are allowed after the page was loaded.
	if evaluate[bool](p, `matchMedia("(scripting: none)").matches`) {
		p.scripts(true)
		defer p.scripts(false)
	}
	if evaluate[bool](p, "!window.axe") {
		p.do("load axe", chromedp.Evaluate[chromedp.Void](axe+";undefined"))
	}

	found := evaluate[[]violation](p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
		.then((r) => r.violations.map((v) => ({ID: v.id, Help: v.help, Nodes: v.nodes.map((n) => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`)
	for _, v := range found {
		var nodes []string
		for _, n := range v.Nodes {
			nodes = append(nodes, fmt.Sprintf("%.200s\n  %s", n.HTML, n.FailureSummary))
		}
		p.Errorf("%s: axe %s: %s\n%s", where, v.ID, v.Help, strings.Join(nodes, "\n"))
	}

	p.quiet()
}

package web_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/web/console"
	"github.com/touchstone-iam/touchstone/internal/web/entry"
)

// eachTemplate reads the templates of the kit and of its parts.
func eachTemplate(t *testing.T, read func(name, text string)) {
	t.Helper()
	for part, files := range map[string]fs.FS{
		"kit": os.DirFS("."), "entry": entry.Pages().Templates, "console": console.Pages(console.Catalogue{}).Templates,
	} {
		names, err := fs.Glob(files, "templates/*.html")
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d templates, %v", part, len(names), err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			read(fmt.Sprintf("%s: %s", part, name), string(text))
		}
	}
}

// TestTemplatesKeepToThePolicy looks for what the Content-Security-Policy would refuse.
func TestTemplatesKeepToThePolicy(t *testing.T) {
	refused := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script[^>]*>[^<]|javascript:|<iframe|<base|https?://`)
	eachTemplate(t, func(name, text string) {
		for n, line := range strings.Split(text, "\n") {
			if found := refused.FindString(line); found != "" {
				t.Errorf("%s:%d: %q", name, n+1, found)
			}
		}
	})
}

// TestClassesAreDefined makes sure that the templates use only classes that the style sheet knows.
func TestClassesAreDefined(t *testing.T) {
	sheet, err := os.ReadFile("static/touchstone.css")
	if err != nil {
		t.Fatal(err)
	}
	class := regexp.MustCompile(`ts-[a-z]+(-[a-z]+)*`)
	eachTemplate(t, func(name, text string) {
		for _, found := range class.FindAllString(text, -1) {
			if !strings.Contains(string(sheet), "."+found) {
				t.Errorf("%s: no class %s in the style sheet", name, found)
			}
		}
	})
}

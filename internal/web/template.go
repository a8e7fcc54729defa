package web

import (
	"embed"
	"fmt"
	"html/template"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed icons.txt
var iconFile string

// parser returns a function that parses the kit's templates and a part's own when it is first called, and returns the same result
// from then on.
func (s *site) parser(part Part) func() (*template.Template, error) {
	return sync.OnceValues(func() (*template.Template, error) {
		a, err := s.assets()
		if err != nil {
			return nil, err
		}
		return part.parse(a)
	})
}

// parse reads the kit's templates and the part's own. The part's templates may use the kit's, and the functions of both.
func (part *Part) parse(a *assets) (*template.Template, error) {
	functions := template.FuncMap{
		"static":   a.url,
		"address":  Address,
		"icon":     icons(),
		"hyphened": hyphened,
		"plural":   Plural,
		"number":   Number,
		"moment":   func(t any) (moment, error) { return momentOf(t, false) },
		"ago":      func(t any) (moment, error) { return momentOf(t, true) },
		"deref":    deref,
		"list":     func(texts ...string) []string { return texts },
	}
	maps.Copy(functions, part.Funcs)

	all, err := template.New("").Funcs(functions).ParseFS(templateFiles, "templates/*.html")
	if err != nil || part.Templates == nil {
		return all, err
	}
	return all.ParseFS(part.Templates, "templates/*.html")
}

// icons returns the template function that draws an icon of our own file. An unknown name is a fault of the template.
func icons() func(name string) (template.HTML, error) {
	drawn := make(map[string]template.HTML)
	for line := range strings.Lines(iconFile) {
		name, paths, _ := strings.Cut(strings.TrimSpace(line), "\t")
		// The paths come from the file that is part of the program, so they may stand in a page as they are.
		drawn[name] = template.HTML(`<svg class="ts-icon" viewBox="0 0 24 24" aria-hidden="true">` + paths + `</svg>`)
	}
	return func(name string) (template.HTML, error) {
		icon, ok := drawn[name]
		if !ok {
			return "", fmt.Errorf("no icon %q", name)
		}
		return icon, nil
	}
}

// hyphened returns an account id as people read it: 1111-2222-3333.
func hyphened(account string) string {
	if len(account) != 12 {
		return account
	}
	return account[:4] + "-" + account[4:8] + "-" + account[8:]
}

// Plural returns a number with its noun: no devices, 1 device, 2 devices.
func Plural(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Number returns a whole number as people read it: 2,048.
func Number(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// deref returns what a pointer that is not nil points at.
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

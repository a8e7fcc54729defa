package web

import "strings"

// Prose is a text in which names and identifiers are set apart.
type Prose []Span

// Span is a piece of a Prose.
type Span struct {
	Text string
	Kind string // "" for words, otherwise name, id, address, time or warning
	At   any    // the time of a span of kind time
}

// Words returns a text whose gaps, each written %s, are filled with spans.
func Words(format string, gaps ...Span) (p Prose) {
	for n, words := range strings.Split(format, "%s") {
		if n > 0 && n <= len(gaps) {
			p = append(p, gaps[n-1])
		}
		if words != "" {
			p = append(p, Span{Text: words})
		}
	}
	return p
}

// Name returns the span of a name that somebody gave.
func Name(text string) Span { return Span{Text: text, Kind: "name"} }

// Identifier returns the span of an identifier that Touchstone gave.
func Identifier(text string) Span { return Span{Text: text, Kind: "id"} }

// Location returns the span of an address, of a page or of a machine.
func Location(text string) Span { return Span{Text: text, Kind: "address"} }

// Time returns the span of a time, which is a [time.Time] or a pointer to one.
func Time(t any) Span { return Span{At: t, Kind: "time"} }

// Warning returns the span of a label that warns.
func Warning(text string) Span { return Span{Text: text, Kind: "warning"} }

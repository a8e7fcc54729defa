// Package plain makes text safe to print. Names, addresses and the like are chosen by others, and characters in them must neither
// steer a terminal nor reorder the line that they stand in.
//
// Characters that do so are written as escapes of the form \u202e, which JSON reads back as the same character.
package plain

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// unsafe reports whether a character steers a terminal or changes how the text around it is shown: control characters (C0 without
// tab and line feed, DEL, C1), line and paragraph separators, and the bidirectional formatting characters of Unicode (UAX 9 §2).
func unsafe(r rune) bool {
	switch {
	case r == '\t' || r == '\n':
		return false
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
		return true
	}
	return false
}

// Text returns the text with its unsafe characters as escapes. Bytes that are not UTF-8 become U+FFFD.
func Text(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if !strings.ContainsFunc(text, unsafe) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unsafe(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Writer passes on what is written to it, with the unsafe characters as escapes. It holds back the beginning of a character whose
// rest has not been written yet.
type Writer struct {
	to   io.Writer
	held []byte
}

// NewWriter returns a writer that passes on to another one.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	text := p
	if len(w.held) > 0 {
		text = append(w.held, p...)
	}
	whole := len(text) - len(unfinished(text))
	held := bytes.Clone(text[whole:])

	if _, err := io.WriteString(w.to, Text(string(text[:whole]))); err != nil {
		return 0, err
	}
	w.held = held
	return len(p), nil
}

// unfinished returns the bytes at the end that may be the beginning of a character.
func unfinished(text []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		tail := text[len(text)-n:]
		if utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return nil
			}
			return tail
		}
	}
	return nil
}

// Flush passes on what is held back.
func (w *Writer) Flush() error {
	held := w.held
	w.held = nil
	_, err := io.WriteString(w.to, Text(string(held)))
	return err
}

package plain

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"alice\tÄ 鍵 🔑\n":       "alice\tÄ 鍵 🔑\n",
		"\x1b[31mred":          `\u001b[31mred`,
		"\u009b31m":            `\u009b31m`,
		"a\u202eb\u2066c":      `a\u202eb\u2066c`,
		"line\u2028line\rover": `line\u2028line\u000dover`,
		"half \xc3":            "half \ufffd",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// Whatever is written, in whatever pieces, comes out as Text has it, and no control or bidirectional character comes out.
func FuzzWriter(f *testing.F) {
	f.Add("alice\u202e \x1b[1m \u009b 🔑", 3)
	f.Add("\xf0\x9f", 1)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		var out bytes.Buffer
		w := NewWriter(&out)
		size := max(1, piece%7)
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}

		if utf8.ValidString(text) && out.String() != Text(text) {
			t.Errorf("%q in pieces of %d becomes %q", text, size, out.String())
		}
		for _, r := range out.String() {
			if unicode.IsControl(r) && r != '\t' && r != '\n' || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("%q comes out of %q", r, text)
			}
		}
	})
}

// What was escaped in a JSON document is read back as it was.
func TestJSONKeepsItsMeaning(t *testing.T) {
	const name = "a\u202e\u009b\u2028\x1b"
	document, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal([]byte(Text(string(document))), &got); err != nil || got != name {
		t.Errorf("%q is read back, %v", got, err)
	}
}

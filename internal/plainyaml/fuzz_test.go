package plainyaml

import (
	"encoding/json"
	"testing"
)

// maxText is the length, in bytes, of the longest text that is tried.
const maxText = 1 << 20

// FuzzYAML looks for texts that become no JSON, or more than may come of a file.
func FuzzYAML(f *testing.F) {
	for _, text := range []string{
		"", "a: &a [1, ~, *a]", "? |\n  a\n: 'b'\n--- >-\n  c", "{\"a\": [\"\\u00e9\", .inf], b: 012}",
		"%YAML 1.1\n---\n- !!str a\n...\n", "<<: {a: b}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		converted, err := JSON(text[:min(len(text), maxText)])
		if err == nil && !json.Valid(converted) {
			t.Fatalf("%q", converted)
		}
		if len(converted) > maxJSON+6*maxText {
			t.Fatalf("%d bytes", len(converted))
		}
	})
}

package policytest

import (
	"encoding/json"
	"testing"
)

// FuzzYAML looks for texts that become no JSON, or more than may come of a file.
func FuzzYAML(f *testing.F) {
	for _, text := range []string{
		"", "a: &a [1, ~, *a]", "? |\n  a\n: 'b'\n--- >-\n  c", "{\"a\": [\"\\u00e9\", .inf], b: 012}",
		"%YAML 1.1\n---\n- !!str a\n...\n", "<<: {a: b}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		converted, err := jsonOfYAML(text[:min(len(text), maxFile)])
		if err == nil && !json.Valid(converted) {
			t.Fatalf("%q", converted)
		}
		if len(converted) > maxJSON+6*maxFile {
			t.Fatalf("%d bytes", len(converted))
		}
	})
}

package policytest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/touchstone-iam/touchstone/internal/plainyaml"
)

// Bounds of what is read.
const (
	maxFile     = 1 << 20 // bytes of a suite, and of a policy that it names
	maxRequests = 100_000 // of a suite: every action of a test on every resource
	maxFaults   = 100     // reported of a suite's policies
)

// IsSuite reports whether a file has expectations, by its name: it ends in .test.json, .test.yaml or .test.yml.
func IsSuite(name string) bool {
	return strings.HasSuffix(name, ".test.json") || strings.HasSuffix(name, ".test.yaml") || strings.HasSuffix(name, ".test.yml")
}

// readFile reads a file of at most maxFile bytes.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return text, err
}

// readSuite reads a suite. It keeps the suite's text in JSON, which has every value on the same line as the file.
func readSuite(name string) (*suite, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		if text, err = plainyaml.JSON(text); err != nil {
			return nil, err
		}
	}

	s := &suite{text: text}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, s.locate(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("line %d: there is text after the end", s.line(decoder.InputOffset()))
	}
	return s, s.checkKeys(json.NewDecoder(bytes.NewReader(text)), 1)
}

// locate puts the line before an error of the JSON decoder.
func (s *suite) locate(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", s.line(syntax.Offset), err)
	case errors.As(err, &kind):
		field := cmp.Or(strings.ToLower(kind.Field), "a suite")
		return fmt.Errorf("line %d: %s cannot be %s", s.line(kind.Offset), field, withArticle(kind.Value))
	}

	// The decoder has no type for this error and does not say where it is, so the line is that of the first such text.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		at := bytes.Index(s.text, []byte(name))
		return fmt.Errorf("line %d: there is no field %s", s.line(int64(at)), name)
	}
	return err
}

// withArticle puts the article before a kind of JSON value.
func withArticle(kind string) string {
	if strings.HasPrefix(kind, "a") || strings.HasPrefix(kind, "o") {
		return "an " + kind
	}
	return "a " + kind
}

// line returns the number of the line that an offset in the text is on.
func (s *suite) line(offset int64) int {
	return 1 + bytes.Count(s.text[:min(max(offset, 0), int64(len(s.text)))], []byte("\n"))
}

// checkKeys returns an error when a key occurs twice in one object, since the decoder silently takes the last of them. In the
// objects of the first two levels, which are the suite's own, the decoder also ignores letter case, and so does checkKeys. In
// the policies below them letter case counts.
func (s *suite) checkKeys(decoder *json.Decoder, level int) error {
	token, err := decoder.Token()
	if err != nil || token != json.Delim('{') && token != json.Delim('[') {
		return err
	}
	below := 0 // only objects count as levels
	if token == json.Delim('{') {
		below = 1
	}

	seen := make(map[string]bool)
	for decoder.More() {
		if token == json.Delim('{') {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			name := key.(string) // the decoder accepts no other type of key
			if level <= 2 {
				name = strings.ToLower(name)
			}
			if seen[name] {
				return fmt.Errorf("line %d: key %q occurs twice in one object", s.line(decoder.InputOffset()), name)
			}
			seen[name] = true
		}

		if err := s.checkKeys(decoder, level+below); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // the closing brace or bracket
	return err
}

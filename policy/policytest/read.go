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

	"go.yaml.in/yaml/v3"
)

// Bounds of what is read.
const (
	maxFile     = 1 << 20 // bytes of a suite, and of a policy that it names
	maxJSON     = 4 << 20 // bytes that a suite in YAML may come to with its aliases written out
	maxLevel    = 64      // levels of a suite in YAML; a policy needs few
	maxRequests = 100_000 // of a suite: every action of a test on every resource
	maxFaults   = 100     // that are told of a suite's policies
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

// readSuite reads a suite and returns it with its text in JSON, whose lines are those of the file.
func readSuite(name string) (*suite, error) {
	text, err := readFile(name)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		if text, err = jsonOfYAML(text); err != nil {
			return nil, err
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	s := &suite{text: text}
	if err := decoder.Decode(s); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			err = fmt.Errorf("line %d: %w", s.line(syntax.Offset), err)
		case errors.As(err, &kind):
			err = fmt.Errorf("line %d: %s cannot be %s", s.line(kind.Offset), cmp.Or(strings.ToLower(kind.Field), "a suite"), article(kind.Value))
		default:
			if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
				err = fmt.Errorf("line %d: there is no field %s", s.line(int64(bytes.Index(text, []byte(name)))), name)
			}
		}
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("line %d: there is text behind the end", s.line(decoder.InputOffset()))
	}
	return s, s.checkKeys(json.NewDecoder(bytes.NewReader(text)), 1)
}

// article is a kind of JSON value with its article.
func article(kind string) string {
	if strings.HasPrefix(kind, "a") || strings.HasPrefix(kind, "o") {
		return "an " + kind
	}
	return "a " + kind
}

// line returns the line of an offset in the text.
func (s *suite) line(offset int64) int {
	return 1 + bytes.Count(s.text[:min(max(offset, 0), int64(len(s.text)))], []byte("\n"))
}

// checkKeys reports a key that occurs twice in one object, of which the decoder would take the last. In the objects of the first two levels,
// which are the suite's own and not policies, it would even where letter case differs.
func (s *suite) checkKeys(decoder *json.Decoder, level int) error {
	token, err := decoder.Token()
	if err != nil || token != json.Delim('{') && token != json.Delim('[') {
		return err
	}
	below := 0 // a list is no level
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
			name := key.(string) // the decoder lets nothing else be a key
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
	_, err = decoder.Token() // the end of it
	return err
}

// jsonOfYAML returns the one document of a text in YAML as JSON, with every value on the line that it has in the text. Scalars become
// strings as they are written, except null: what YAML makes of an account id with a leading zero, of a date or of yes is another
// value, and condition values are compared as text anyway. What would not come out as it looks is refused: tags, merge keys, and keys that
// are no scalars.
func jsonOfYAML(text []byte) ([]byte, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); err == io.EOF {
		return nil, errors.New("the file is empty")
	} else if err != nil {
		return nil, err
	}
	var next yaml.Node
	if err := decoder.Decode(&next); err == nil {
		return nil, fmt.Errorf("line %d: a file is one document", next.Line)
	} else if err != io.EOF {
		return nil, err
	}
	w := yamlWriter{line: 1}
	if err := w.write(document.Content[0], 0); err != nil {
		return nil, err
	}
	return w.json, nil
}

type yamlWriter struct {
	json []byte
	line int
}

func (w *yamlWriter) write(n *yaml.Node, level int) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("line %d: "+format, append([]any{n.Line}, args...)...)
	}
	switch {
	case level == maxLevel:
		return refuse("more than %d levels", maxLevel)
	case len(w.json) > maxJSON:
		return refuse("the file comes to more than %d bytes, with its aliases written out", maxJSON)
	case n.Style&yaml.TaggedStyle != 0:
		return refuse("the tag %s is not read; write text in quotes", n.Tag)
	}
	if w.line < n.Line {
		w.json = append(w.json, strings.Repeat("\n", n.Line-w.line)...)
		w.line = n.Line
	}
	switch n.Kind {
	case yaml.AliasNode:
		return w.write(n.Alias, level+1)
	case yaml.SequenceNode:
		w.json = append(w.json, '[')
		for i, item := range n.Content {
			if i > 0 {
				w.json = append(w.json, ',')
			}
			if err := w.write(item, level+1); err != nil {
				return err
			}
		}
		w.json = append(w.json, ']')
	case yaml.MappingNode:
		w.json = append(w.json, '{')
		for i, item := range n.Content {
			switch {
			case i%2 == 1:
				w.json = append(w.json, ':')
			case item.Kind != yaml.ScalarNode || item.Value == "" && item.Style == 0 || item.Value == "~" && item.Style == 0:
				return refuse("a key is no text")
			case item.ShortTag() == "!!merge":
				return refuse("merge keys are not read")
			case i > 0:
				w.json = append(w.json, ',')
			}
			if i%2 == 0 && item.ShortTag() == "!!null" { // the operator Null
				item.Tag = "!!str"
			}
			if err := w.write(item, level+1); err != nil {
				return err
			}
		}
		w.json = append(w.json, '}')
	default:
		if n.ShortTag() == "!!null" {
			w.json = append(w.json, "null"...)
			return nil
		}
		quoted, err := json.Marshal(n.Value)
		if err != nil {
			return err
		}
		w.json = append(w.json, quoted...)
	}
	return nil
}

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
		if text, err = jsonOfYAML(text); err != nil {
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

// jsonOfYAML converts a YAML text with one document to JSON that has every value on the same line as the text.
//
// Scalars become strings as they are written, except null. YAML would turn an account id with a leading zero, a date or the word
// yes into another value, while policies compare text. Constructs that would not mean what they look like are refused: tags,
// merge keys, and keys that are not scalars.
func jsonOfYAML(text []byte) ([]byte, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); err == io.EOF {
		return nil, errors.New("the file is empty")
	} else if err != nil {
		return nil, err
	}

	// A second document would silently be left out.
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

// yamlWriter writes nodes of YAML as JSON.
type yamlWriter struct {
	json []byte
	line int // of the end of json
}

// write writes a node and all below it. The level counts lists, objects and aliases.
func (w *yamlWriter) write(n *yaml.Node, level int) error {
	if err := w.check(n, level); err != nil {
		return err
	}
	if w.line < n.Line {
		w.json = append(w.json, strings.Repeat("\n", n.Line-w.line)...)
		w.line = n.Line
	}

	switch n.Kind {
	case yaml.AliasNode:
		return w.write(n.Alias, level+1)
	case yaml.SequenceNode:
		return w.writeList(n, level)
	case yaml.MappingNode:
		return w.writeObject(n, level)
	}
	return w.writeScalar(n)
}

// check refuses a node that is nested too deeply, that would make the file too large, or that has a tag. Aliases can refer to
// nodes with aliases, so a short file may come to any size.
func (w *yamlWriter) check(n *yaml.Node, level int) error {
	switch {
	case level == maxLevel:
		return refuse(n, "more than %d levels", maxLevel)
	case len(w.json) > maxJSON:
		return refuse(n, "the file comes to more than %d bytes, with its aliases written out", maxJSON)
	case n.Style&yaml.TaggedStyle != 0:
		return refuse(n, "the tag %s is not read; write text in quotes", n.Tag)
	}
	return nil
}

func (w *yamlWriter) writeList(n *yaml.Node, level int) error {
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
	return nil
}

// writeObject writes an object, whose content holds keys and values in turn.
func (w *yamlWriter) writeObject(n *yaml.Node, level int) error {
	w.json = append(w.json, '{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if err := checkKey(n, key); err != nil {
			return err
		}
		if key.ShortTag() == "!!null" { // the condition operator Null
			key.Tag = "!!str"
		}

		if i > 0 {
			w.json = append(w.json, ',')
		}
		if err := w.write(key, level+1); err != nil {
			return err
		}
		w.json = append(w.json, ':')
		if err := w.write(value, level+1); err != nil {
			return err
		}
	}
	w.json = append(w.json, '}')
	return nil
}

// checkKey refuses a key that is not text. An empty key and ~ are null to YAML unless they are quoted.
func checkKey(object, key *yaml.Node) error {
	unquotedNull := key.Style == 0 && (key.Value == "" || key.Value == "~")
	switch {
	case key.Kind != yaml.ScalarNode || unquotedNull:
		return refuse(object, "a key is not text")
	case key.ShortTag() == "!!merge":
		return refuse(object, "merge keys are not read")
	}
	return nil
}

func (w *yamlWriter) writeScalar(n *yaml.Node) error {
	if n.ShortTag() == "!!null" {
		w.json = append(w.json, "null"...)
		return nil
	}
	quoted, err := json.Marshal(n.Value)
	if err != nil {
		return err
	}
	w.json = append(w.json, quoted...)
	return nil
}

// refuse returns an error with the line of a node.
func refuse(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", n.Line, fmt.Sprintf(format, args...))
}

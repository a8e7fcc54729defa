// Package plainyaml reads YAML as what it looks like: each scalar is the text that was written, except null. YAML would turn an
// account id with a leading zero, a date or the word yes into another value, while policies and names compare text.
//
// Constructs that would not mean what they look like are refused: tags, merge keys, and keys that are not scalars. A text is one
// document. JSON is read as well, since it is YAML.
package plainyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of what is read.
const (
	maxJSON  = 4 << 20 // bytes that a text may come to as JSON, with its aliases written out
	maxLevel = 64      // of lists, objects and aliases; a policy needs few
)

// Parse reads a text with one document. Its nodes are as the library has them, and are not checked yet: [Write] checks what it
// writes, and [Check] a single node. An error names the line.
func Parse(text []byte) (*yaml.Node, error) {
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
	return document.Content[0], nil
}

// JSON converts a YAML text with one document to JSON that has every value on the same line as the text.
func JSON(text []byte) ([]byte, error) {
	document, err := Parse(text)
	if err != nil {
		return nil, err
	}
	return Write(document, 1)
}

// Write writes a node and all below it as JSON. The JSON has every value on the same line as the text has it, counted from the line
// first of the text.
func Write(n *yaml.Node, first int) ([]byte, error) {
	w := writer{line: first}
	if err := w.write(n, 0); err != nil {
		return nil, err
	}
	return w.json, nil
}

// Check refuses a node with a tag. Scalars are text, and a tag would say that they are something else.
func Check(n *yaml.Node) error {
	if n.Style&yaml.TaggedStyle != 0 {
		return refuse(n, "the tag %s is not read; write text in quotes", n.Tag)
	}
	return nil
}

// CheckKey refuses a key of an object that is not text. An empty key and ~ are null to YAML unless they are quoted.
func CheckKey(object, key *yaml.Node) error {
	unquotedNull := key.Style == 0 && (key.Value == "" || key.Value == "~")
	switch {
	case key.Kind != yaml.ScalarNode || unquotedNull:
		return refuse(object, "a key is not text")
	case key.ShortTag() == "!!merge":
		return refuse(object, "merge keys are not read")
	}
	return nil
}

// writer writes nodes of YAML as JSON.
type writer struct {
	json []byte
	line int // of the end of json
}

// write writes a node and all below it. The level counts lists, objects and aliases.
func (w *writer) write(n *yaml.Node, level int) error {
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
func (w *writer) check(n *yaml.Node, level int) error {
	switch {
	case level == maxLevel:
		return refuse(n, "more than %d levels", maxLevel)
	case len(w.json) > maxJSON:
		return refuse(n, "the file comes to more than %d bytes, with its aliases written out", maxJSON)
	}
	return Check(n)
}

func (w *writer) writeList(n *yaml.Node, level int) error {
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
func (w *writer) writeObject(n *yaml.Node, level int) error {
	w.json = append(w.json, '{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if err := CheckKey(n, key); err != nil {
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

func (w *writer) writeScalar(n *yaml.Node) error {
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

package seed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/touchstone-iam/touchstone/internal/plainyaml"
)

// Bounds of what is decoded. Aliases can refer to nodes with aliases, so a short file may come to any size.
const (
	maxValues = 1_000_000
	maxFaults = 20
)

// decoder fills a Seed from nodes and collects what is wrong with them.
type decoder struct {
	seed   *Seed
	values int
	faults []error
}

// err joins the faults.
func (d *decoder) err() error { return errors.Join(d.faults...) }

func (d *decoder) fault(n *yaml.Node, format string, args ...any) {
	if len(d.faults) < maxFaults {
		d.faults = append(d.faults, d.seed.Fault(n.Line, format, args...))
	}
}

// follow returns the node that an alias stands for, or nil when it cannot be read.
func (d *decoder) follow(n *yaml.Node) *yaml.Node {
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.fault(n, "the file comes to more than %d values, with its aliases written out", maxValues)
		}
		return nil
	}
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if err := plainyaml.Check(n); err != nil {
		d.faults = append(d.faults, placed(d.seed.File, err))
		return nil
	}
	return n
}

// object fills a structure from an object. Its fields are those with a name in the tag "seed".
func (d *decoder) object(n *yaml.Node, into any) {
	fields := reflect.ValueOf(into).Elem()
	known := make(map[string]reflect.Value)
	var names, required []string
	for f := range fieldsOf(fields.Type()) {
		known[f.name] = fields.FieldByIndex(f.index)
		names = append(names, f.name)
		if f.required {
			required = append(required, f.name)
		}
	}

	given := make(map[string]bool)
	at := d.entries(n, "an object with the fields "+strings.Join(names, ", "), func(key, value *yaml.Node) {
		field, ok := known[key.Value]
		if !ok {
			d.fault(key, "there is no field %q here: use one of %s", key.Value, strings.Join(names, ", "))
			return
		}
		given[key.Value] = true
		d.field(key, value, field)
	})
	if at == nil {
		return
	}

	for _, name := range required {
		if !given[name] {
			d.fault(at, "the field %s is missing", name)
		}
	}
}

// entries calls each with the keys and values of an object, and returns its node. Where there is no object, it notes what is wanted
// and returns nil.
func (d *decoder) entries(n *yaml.Node, want string, each func(key, value *yaml.Node)) *yaml.Node {
	found := d.follow(n)
	if found == nil || found.Kind != yaml.MappingNode {
		if found != nil {
			d.fault(n, "%s is wanted here, not %s", want, kindOf(found))
		}
		return nil
	}

	seen := make(map[string]bool)
	for i := 0; i+1 < len(found.Content); i += 2 {
		key, value := found.Content[i], found.Content[i+1]
		switch err := plainyaml.CheckKey(found, key); {
		case err != nil:
			d.faults = append(d.faults, placed(d.seed.File, err))
		case seen[key.Value]:
			d.fault(key, "%s stands here twice", key.Value)
		default:
			seen[key.Value] = true
			each(key, value)
		}
	}
	return found
}

// field fills one field of a structure.
func (d *decoder) field(key, value *yaml.Node, field reflect.Value) {
	switch into := field.Addr().Interface().(type) {
	case *Text:
		*into = d.text(key.Value, value)
	case *Flag:
		*into = d.flag(key.Value, value)
	case *[]Pair:
		d.entries(value, key.Value+": an object", func(k, v *yaml.Node) {
			*into = append(*into, Pair{Text{k.Value, k.Line}, d.text(k.Value, v)})
		})
	case *[]Policy:
		d.entries(value, key.Value+": an object with a document for each name", func(k, v *yaml.Node) {
			*into = append(*into, Policy{Text{k.Value, k.Line}, d.document(k.Value, v)})
		})
	default:
		d.list(key.Value, value, field)
	}
}

// list fills a field that is a list of structures.
func (d *decoder) list(name string, n *yaml.Node, field reflect.Value) {
	found := d.follow(n)
	if found == nil {
		return
	}
	if found.Kind != yaml.SequenceNode {
		d.fault(n, "%s: a list is wanted here, not %s", name, kindOf(found))
		return
	}
	for _, item := range found.Content {
		element := reflect.New(field.Type().Elem())
		d.object(item, element.Interface())
		field.Set(reflect.Append(field, element.Elem()))
	}
}

func (d *decoder) text(name string, n *yaml.Node) Text {
	found := d.follow(n)
	if found == nil {
		return Text{Line: n.Line}
	}
	if found.Kind != yaml.ScalarNode || found.ShortTag() == "!!null" {
		d.fault(n, "%s: text is wanted here, not %s", name, kindOf(found))
	}
	return Text{found.Value, n.Line}
}

func (d *decoder) flag(name string, n *yaml.Node) Flag {
	found := d.follow(n)
	if found == nil {
		return Flag{Line: n.Line}
	}
	if found.Kind != yaml.ScalarNode || found.Style != 0 || found.Value != "true" && found.Value != "false" {
		d.fault(n, "%s: use true or false, without quotes", name)
	}
	return Flag{found.Value == "true", n.Line}
}

func (d *decoder) document(name string, n *yaml.Node) Document {
	found := d.follow(n)
	if found == nil {
		return Document{Line: n.Line}
	}
	switch {
	case found.Kind == yaml.ScalarNode && found.ShortTag() != "!!null":
		first := found.Line
		if found.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			first++ // the text begins below the line with | or >
		}
		return Document{JSON: found.Value, Lined: found.Value, Line: first}
	case found.Kind != yaml.MappingNode:
		d.fault(n, "%s: a policy document is wanted here, not %s", name, kindOf(found))
		return Document{Line: n.Line}
	}

	lined, err := plainyaml.Write(found, found.Line)
	if err != nil {
		d.faults = append(d.faults, placed(d.seed.File, err))
		return Document{Line: n.Line}
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(lined), "", "    "); err != nil {
		d.fault(n, "%s: %v", name, err)
	}
	return Document{JSON: indented.String(), Lined: string(lined), Line: found.Line}
}

// kindOf names what a node is, for a person.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "an object"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!null":
		return "nothing"
	}
	return "text"
}

// libraryLine is how the YAML library and package plainyaml say where something is.
var libraryLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)

// placed turns an error of the YAML reader into a fault with its line; an error without a line is about the file's beginning.
func placed(file string, err error) error {
	if m := libraryLine.FindStringSubmatch(err.Error()); m != nil {
		if line, convErr := strconv.Atoi(m[1]); convErr == nil {
			return &Fault{file, line, m[2]}
		}
	}
	return &Fault{file, 1, fmt.Sprintf("this is neither YAML nor JSON that can be read: %v", err)}
}

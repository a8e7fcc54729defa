package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// generator writes the package of one service.
type generator struct {
	name    string
	service service
	overlay overlay
	used    map[string]bool // entries of the overlay that were applied

	inputs     map[string]bool          // shapes that an input can reach
	scalars    map[string]member        // by shape; the same wherever they are used
	structures map[string][]namedMember // by Go name
	enums      map[string][]string      // by Go name
}

// namedMember is a member with what the overlay says of it.
type namedMember struct {
	member
	name     string
	pointer  bool
	document bool // a policy document in an answer
}

// files returns the package's files by name.
func (g *generator) files() (map[string][]byte, error) {
	if err := g.collect(); err != nil {
		return nil, err
	}

	files := make(map[string][]byte)
	for name, write := range map[string]func(*source) error{
		"zz_operations.go": g.operations, "zz_types.go": g.types, "zz_shapes.go": g.shapes, "zz_errors.go": g.errors,
		"zz_accessors.go": g.accessors,
	} {
		s := &source{pkg: g.overlay.Services[g.name].Package}
		if err := write(s); err != nil {
			return nil, err
		}
		if s.body.Len() == 0 {
			continue // Touchstone's own service has no errors of its own
		}
		text, err := s.format()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = text
	}
	return files, nil
}

// collect finds every structure, enumeration and scalar that the operations use.
func (g *generator) collect() error {
	g.inputs, g.scalars = make(map[string]bool), make(map[string]member)
	g.structures, g.enums = make(map[string][]namedMember), make(map[string][]string)
	for _, op := range g.service.Operations {
		for _, m := range op.Value.Output {
			if m.Value.Sensitive {
				g.hide(m.Value.Shape)
			}
		}
	}

	for _, op := range g.service.Operations {
		if err := g.structure(op.Name+"Input", op.Value.Input, true); err != nil {
			return err
		}
	}

	for _, op := range g.service.Operations {
		if op.Value.ResultWrapper == "" {
			continue
		}
		if err := g.structure(op.Name+"Output", op.Value.Output, false); err != nil {
			return err
		}
	}
	return nil
}

// structure collects a structure and whatever its members need. It does nothing for one that was collected before.
func (g *generator) structure(name string, members ordered[member], input bool) error {
	if _, done := g.structures[name]; done {
		return nil
	}

	g.structures[name] = nil // ends recursion
	list := make([]namedMember, 0, len(members))
	for _, m := range members {
		key := g.name + ":" + name + "." + m.Name
		correction, corrected := g.overlay.Members[key]
		if corrected {
			g.used[key] = true
		}
		m.Value.Sensitive = m.Value.Sensitive || correction.Sensitive
		list = append(list, namedMember{m.Value, m.Name, correction.Pointer, correction.Document})
		if correction.Document && (input || m.Value.Type != "string") {
			return fmt.Errorf("%s.%s is no document of an answer", name, m.Name)
		}
		if err := g.visit(m.Value, input); err != nil {
			return fmt.Errorf("%s.%s: %w", name, m.Name, err)
		}
	}

	g.structures[name] = list
	return nil
}

// hide marks everything in a structure, list or map as sensitive, because a member of that shape is.
func (g *generator) hide(name string) {
	shape, compound := g.service.Shapes[name]
	if !compound {
		return
	}
	for n := range shape.Members {
		shape.Members[n].Value.Sensitive = true
		g.hide(shape.Members[n].Value.Shape)
	}
	for _, inner := range []*member{shape.Member, shape.Value} {
		if inner != nil {
			inner.Sensitive = true
			g.hide(inner.Shape)
		}
	}
}

// visit collects what a member's shape needs.
func (g *generator) visit(m member, input bool) error {
	if input {
		g.inputs[m.Shape] = true
	}

	shape, compound := g.service.Shapes[m.Shape]
	switch {
	case !compound:
		return g.scalar(m, input)
	case shape.Type == "structure":
		return g.structure(exported(m.Shape), shape.Members, input)
	}

	for _, inner := range []*member{shape.Key, shape.Member, shape.Value} {
		if inner != nil {
			if err := g.visit(*inner, input); err != nil {
				return err
			}
		}
	}
	return nil
}

// scalar collects a shape that is neither a structure nor a list nor a map. It must have the same constraints wherever it is used.
func (g *generator) scalar(m member, input bool) error {
	m.Required = false
	if len(m.Enum) > 0 {
		g.enums[exported(m.Shape)] = m.Enum
	}
	if !input {
		return nil
	}
	if known, ok := g.scalars[m.Shape]; ok && !reflect.DeepEqual(known, m) {
		return fmt.Errorf("shape %s is not the same everywhere", m.Shape)
	}
	g.scalars[m.Shape] = m
	return nil
}

// goType returns the type of a member's field: a pointer where the absence of a value has to be told from its zero.
func (g *generator) goType(m namedMember) string {
	t := g.valueType(m.member)
	if m.document {
		t = "awsquery.Document"
	}
	optional := m.Type == "timestamp" || m.Type == "structure" || m.Type == "integer" && !g.inputs[m.Shape]
	if m.pointer || optional && !m.Required {
		return "*" + t
	}
	return t
}

// valueType returns the type of a member's value.
func (g *generator) valueType(m member) string {
	shape := g.service.Shapes[m.Shape]
	switch m.Type {
	case "string":
		switch {
		case len(m.Enum) > 0:
			return exported(m.Shape)
		case m.Sensitive:
			return "awsquery.Secret"
		}
		return "string"
	case "integer":
		return "int"
	case "boolean":
		return "bool"
	case "timestamp":
		return "time.Time"
	case "blob":
		return "[]byte"
	case "list":
		return "[]" + g.valueType(*shape.Member)
	case "map":
		value := g.valueType(*shape.Value)
		if value == "int" {
			value = "int32" // nothing is computed with an answer's counts
		}
		return "map[" + g.valueType(*shape.Key) + "]" + value
	}

	return exported(m.Shape)
}

// types writes the Go types of inputs, outputs, structures and enumerations.
func (g *generator) types(s *source) error {
	for _, op := range g.service.Operations {
		s.p("// %sInput is what %s takes.", op.Name, op.Name)
		if op.Value.Note != "" {
			s.p("//\n// %s", op.Value.Note)
		}
		g.declare(s, op.Name+"Input")
		if op.Value.ResultWrapper != "" {
			s.p("// %sOutput is what %s answers.", op.Name, op.Name)
			g.declare(s, op.Name+"Output")
		}
	}

	for _, name := range slices.Sorted(maps.Keys(g.structures)) {
		if strings.HasSuffix(name, "Input") || strings.HasSuffix(name, "Output") {
			continue
		}
		s.p("// %s is a structure of the model.", name)
		g.declare(s, name)
	}

	for _, name := range slices.Sorted(maps.Keys(g.enums)) {
		s.p("// %s is an enumeration of the model.\ntype %s string\n", name, name)
		s.p("// The values of %s.\nconst (", name)
		for _, value := range g.enums[name] {
			s.p("%s%s %s = %q", name, constant(value), name, value)
		}
		s.p(")\n")
	}
	return nil
}

// declare writes the declaration of a structure.
func (g *generator) declare(s *source, name string) {
	if len(g.structures[name]) == 0 {
		s.p("type %s struct{}\n", name)
		return
	}
	s.p("type %s struct {", name)
	for _, m := range g.structures[name] {
		required := ""
		if m.Required {
			required = " // required"
		}
		s.p("%s %s%s", exported(m.name), g.goType(m), required)
	}
	s.p("}\n")
}

// exported returns a name of the model as an exported Go name.
func exported(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// constant returns the part of a constant's name that stands for an enumeration's value.
func constant(value string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(value) > 3 && word == strings.ToUpper(word) {
			word = strings.ToLower(word)
		}
		b.WriteString(exported(word))
	}
	return b.String()
}

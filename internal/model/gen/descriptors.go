package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var kinds = map[string]string{
	"string": "String", "integer": "Integer", "boolean": "Boolean", "timestamp": "Timestamp", "blob": "Blob",
	"list": "Sequence", "map": "Map", "structure": "Structure",
}

// operations writes the list of all operations and a descriptor of each.
func (g *generator) operations(s *source) error {
	s.p("// Version is the version of the API, and Namespace the XML namespace of its answers.")
	s.p("const (\nVersion = %q\nNamespace = %q\n)\n", g.service.APIVersion, g.service.XMLNamespace)
	s.p("// Operations lists %s operations. The descriptors are shared and must not be changed.", g.overlay.Services[g.name].Title)
	s.p("func Operations() []*awsquery.Operation { return operations }\n")
	s.p("var operations = []*awsquery.Operation{")
	for _, named := range g.service.Operations {
		s.p("%s.Operation,", named.Name)
	}
	s.p("}\n")

	for _, named := range g.service.Operations {
		if err := g.operation(s, named.Name, &named.Value); err != nil {
			return fmt.Errorf("%s: %w", named.Name, err)
		}
	}
	return nil
}

// operation writes the descriptor of an operation, typed by its input and output.
func (g *generator) operation(s *source, name string, op *operation) error {
	a := &op.Authorization
	level, err := g.level(name, op)
	if err != nil {
		return err
	}

	output := "struct{}"
	if op.ResultWrapper != "" {
		output = name + "Output"
	}

	s.p("// %s is the operation %s:%s with the types of its input and output.", name, g.name, name)
	s.p("var %s = awsquery.Typed[%sInput, %s]{Operation: &awsquery.Operation{", name, name, output)
	s.p("Service: %q, Version: Version, Namespace: Namespace, Name: %q,", g.name, name)
	s.p("Action: %q, Level: awsquery.%s,", a.Action, level)
	if op.Authentication == "none" {
		s.p("Unsigned: true,")
	}
	s.strings("Errors", op.Errors)
	s.p("Input: &shape%sInput, NewInput: func() any { return new(%sInput) },", name, name)
	if op.ResultWrapper != "" {
		s.p("Output: &shape%sOutput, ResultWrapper: %q,", name, op.ResultWrapper)
	}
	if p := op.Pagination; len(p.ResultKey) > 0 {
		if p.InputToken != "Marker" || p.LimitKey != "MaxItems" {
			return fmt.Errorf("pages by %s and %s", p.InputToken, p.LimitKey)
		}
		s.strings("Pages", p.ResultKey)
	}
	if g.overlay.Services[g.name].EchoValues {
		s.p("EchoValues: true,")
	}

	s.p("}}\n")
	return nil
}

// levels are the names of the constants of awsquery.Level.
var levels = map[string]string{
	"List": "List", "Read": "Read", "Write": "Write", "Permissions management": "Permissions", "Tagging": "Tagging",
}

// level returns the constant for the access level of an operation. The overlay has it where the reference does not.
func (g *generator) level(name string, op *operation) (string, error) {
	text := op.Authorization.AccessLevel
	key := g.name + ":" + name
	if correction, corrected := g.overlay.Operations[key]; corrected {
		if text != "" {
			return "", fmt.Errorf("overlay.json: %s has an access level now", key)
		}
		g.used[key] = true
		text = correction.AccessLevel
	}

	// Some actions have several levels. The first is that of the action as such.
	text, _, _ = strings.Cut(text, ",")
	if levels[text] == "" {
		return "", fmt.Errorf("unknown access level %q", text)
	}
	return levels[text], nil
}

// strings writes a field that is a list of strings, unless it is empty.
func (s *source) strings(field string, values []string) {
	if len(values) > 0 {
		s.p("%s: %#v,", field, values)
	}
}

// shapes writes what awsquery needs to know about the types. A type that only answers have needs no constraints.
func (g *generator) shapes(s *source) error {
	s.p("var (")
	for _, kind := range []string{"string", "integer", "boolean", "timestamp", "blob"} {
		if g.plain(kind) {
			s.p("%sShape = awsquery.Shape{Kind: awsquery.%s}", kind, kinds[kind])
		}
	}

	s.p(")\n\nvar (")
	patterns := make(map[string]string) // Go names by text
	for _, name := range slices.Sorted(maps.Keys(g.scalars)) {
		if m := g.scalars[name]; constrained(m) {
			if m.Pattern != "" && patterns[m.Pattern] == "" {
				patterns[m.Pattern] = "pattern" + exported(name)
			}
			s.p("shape%s = awsquery.Shape{%s}", exported(name), constraints(m, patterns))
		}
	}

	for _, name := range slices.Sorted(maps.Keys(g.service.Shapes)) {
		g.compound(s, name)
	}

	s.p(")\n\nvar (")
	for _, name := range slices.Sorted(maps.Keys(g.structures)) {
		s.p("shape%s = awsquery.Shape{Kind: awsquery.Structure, Members: []awsquery.Member{", name)
		for _, m := range g.structures[name] {
			required := ""
			if m.Required {
				required = ", Required: true"
			}
			s.p("{Name: %q, Shape: &%s%s},", m.name, g.shapeName(m.member), required)
		}
		s.p("}}")
	}

	s.p(")\n\nvar (")
	for _, text := range slices.Sorted(maps.Keys(patterns)) {
		if err := g.pattern(s, patterns[text], text); err != nil {
			return err
		}
	}

	s.p(")")
	return nil
}

// constrained reports whether a member's shape says more than its kind.
func constrained(m member) bool {
	return m.Min != 0 || m.Max != 0 || m.Pattern != "" || len(m.Enum) > 0 || m.Sensitive
}

// constraints returns the fields of a member's shape as Go text. patterns has the names of the patterns by their text.
func constraints(m member, patterns map[string]string) string {
	text := "Kind: awsquery." + kinds[m.Type]
	if m.Min != 0 {
		text += fmt.Sprintf(", Min: %d", m.Min)
	}
	if m.Max != 0 {
		text += fmt.Sprintf(", Max: %d", m.Max)
	}
	if m.Pattern != "" {
		text += ", Pattern: &" + patterns[m.Pattern]
	}
	if len(m.Enum) > 0 {
		text += fmt.Sprintf(", Enum: %#v", m.Enum)
	}
	if m.Sensitive {
		text += ", Sensitive: true"
	}
	return text
}

// compound writes the shape of a list or map that an operation uses. The model has its constraints at the members that hold it.
func (g *generator) compound(s *source, name string) {
	shape := g.service.Shapes[name]
	if shape.Type == "structure" {
		return
	}
	bounds, found := g.bounds(name)
	if !found {
		return
	}
	inner := shape.Member
	key := ""
	if shape.Type == "map" {
		inner = shape.Value
		if g.inputs[name] {
			key = ", Key: &" + g.shapeName(*shape.Key)
		}
	}
	s.p("shape%s = awsquery.Shape{%s, Element: &%s%s}", exported(name), constraints(bounds, nil), g.shapeName(*inner), key)
}

// bounds returns the limits of a list or map. They are zero when no input has it, and not found when nothing has it.
func (g *generator) bounds(name string) (bounds member, found bool) {
	check := func(m member) {
		if m.Shape == name {
			found = true
			bounds = member{Type: m.Type}
			if g.inputs[name] {
				bounds.Min, bounds.Max = m.Min, m.Max
			}
		}
	}

	for _, members := range g.structures {
		for _, m := range members {
			check(m.member)
		}
	}

	for _, shape := range g.service.Shapes {
		for _, inner := range []*member{shape.Member, shape.Value} {
			if inner != nil {
				check(*inner)
			}
		}
	}
	return bounds, found
}

// shapeName returns the name of the variable that holds a member's shape.
func (g *generator) shapeName(m member) string {
	if _, compound := g.service.Shapes[m.Shape]; compound || g.inputs[m.Shape] && constrained(g.scalars[m.Shape]) {
		return "shape" + exported(m.Shape)
	}
	return m.Type + "Shape"
}

// plain reports whether any member of the type has no constraints.
func (g *generator) plain(kind string) bool {
	used := func(m member) bool { return g.shapeName(m) == kind+"Shape" }
	for _, members := range g.structures {
		if slices.ContainsFunc(members, func(m namedMember) bool { return used(m.member) }) {
			return true
		}
	}
	for name, shape := range g.service.Shapes {
		if _, found := g.bounds(name); !found {
			continue
		}
		for _, inner := range []*member{shape.Member, shape.Value} {
			if inner != nil && used(*inner) {
				return true
			}
		}
	}
	return false
}

// pattern writes a variable with a compiled pattern, or one that calls the function that the overlay names.
func (g *generator) pattern(s *source, name, text string) error {
	correction, corrected := g.overlay.Patterns[text]
	if corrected {
		g.used[text] = true
	}
	if correction.Func != "" {
		s.p("%s = awsquery.Pattern{Text: %q, Func: %s}", name, text, correction.Func)
		return nil
	}

	p, err := compile(cmp.Or(correction.Class, text))
	if err != nil {
		return err
	}

	fields := fmt.Sprintf("Text: %q", text)
	if p.prefix != "" {
		fields += fmt.Sprintf(", Prefix: %q", p.prefix)
	}

	for _, category := range p.set.categories {
		table := unicode.Categories[category]
		if table == nil {
			return fmt.Errorf("pattern %s: no category %s", text, category)
		}
		for r := rune(0); r < utf8.RuneSelf; r++ {
			if unicode.Is(table, r) {
				p.set.add(r, r)
			}
		}
	}

	fields += fmt.Sprintf(", ASCII: [2]uint64{%#x, %#x}", p.set.ascii[0], p.set.ascii[1])
	if p.min != 0 {
		fields += fmt.Sprintf(", Min: %d", p.min)
	}
	if p.max != 0 {
		fields += fmt.Sprintf(", Max: %d", p.max)
	}
	if wide := p.set.wide(); wide != "" {
		fields += ", Wide: []*unicode.RangeTable{" + wide + "}"
	}

	s.p("%s = awsquery.Pattern{%s}", name, fields)
	return nil
}

// wide returns the part of the set beyond ASCII as Go text.
func (s *set) wide() string {
	var tables []string
	for _, category := range s.categories {
		tables = append(tables, "unicode."+category)
	}

	slices.SortFunc(s.ranges, func(a, b [2]rune) int { return cmp.Compare(a[0], b[0]) })
	var r16, r32 string
	latin := 0
	for _, r := range s.ranges {
		if r[1] > 0xFFFF {
			r32 += fmt.Sprintf("{Lo: %#x, Hi: %#x, Stride: 1},", r[0], r[1])
			continue
		}
		r16 += fmt.Sprintf("{Lo: %#x, Hi: %#x, Stride: 1},", r[0], r[1])
		if r[1] <= unicode.MaxLatin1 {
			latin++
		}
	}

	if r16+r32 != "" {
		table := "{R16: []unicode.Range16{" + r16 + "}"
		if r32 != "" {
			table += ", R32: []unicode.Range32{" + r32 + "}"
		}
		if latin > 0 {
			table += fmt.Sprintf(", LatinOffset: %d", latin)
		}
		tables = append(tables, table+"}")
	}
	return strings.Join(tables, ", ")
}

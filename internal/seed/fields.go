package seed

import (
	"encoding/json"
	"iter"
	"reflect"
	"strings"
)

// fieldInfo is a field of a structure as the file has it.
type fieldInfo struct {
	name     string
	required bool
	about    string // what the schema says of it
	index    []int
	of       reflect.Type
}

// fieldsOf yields the fields of a structure that a file may have, in their order.
func fieldsOf(t reflect.Type) iter.Seq[fieldInfo] {
	return func(yield func(fieldInfo) bool) {
		for n := range t.NumField() {
			f := t.Field(n)
			name, option, _ := strings.Cut(f.Tag.Get("seed"), ",")
			if name == "-" {
				continue
			}
			if !yield(fieldInfo{name, option == "required", f.Tag.Get("about"), f.Index, f.Type}) {
				return
			}
		}
	}
}

// schema is a JSON schema, as far as seeds need one (JSON Schema 2020-12).
type schema struct {
	Schema               string             `json:"$schema,omitempty"`
	Title                string             `json:"title,omitempty"`
	Description          string             `json:"description,omitempty"`
	Type                 any                `json:"type,omitempty"`
	Properties           map[string]*schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // false, or the schema of every other property
	Items                *schema            `json:"items,omitempty"`
}

// Schema returns the JSON schema of seeds, made from the types. The file docs/seed.schema.json holds it, for editors.
func Schema() ([]byte, error) {
	s := schemaOf(reflect.TypeFor[Seed]())
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "Seed of a Touchstone installation"
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

// closed says that an object has no other properties.
var closed = new(bool)

func schemaOf(t reflect.Type) *schema {
	// A scalar of YAML is read as text, whatever an editor takes it for.
	text := func() *schema { return &schema{Type: []string{"string", "number", "boolean"}} }

	switch {
	case t == reflect.TypeFor[Text]():
		return &schema{Type: "string"}
	case t == reflect.TypeFor[Flag]():
		return &schema{Type: "boolean"}
	case t == reflect.TypeFor[[]Pair]():
		return &schema{Type: "object", AdditionalProperties: text()}
	case t == reflect.TypeFor[[]Policy]():
		return &schema{Type: "object", AdditionalProperties: &schema{Type: []string{"object", "string"}}}
	case t.Kind() == reflect.Slice:
		return &schema{Type: "array", Items: schemaOf(t.Elem())}
	}

	s := &schema{Type: "object", Properties: make(map[string]*schema), AdditionalProperties: closed}
	for f := range fieldsOf(t) {
		s.Properties[f.name] = schemaOf(f.of)
		s.Properties[f.name].Description = f.about
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	return s
}

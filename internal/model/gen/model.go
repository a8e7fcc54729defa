package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// document is a model file.
type document struct {
	Services ordered[service] `json:"services"`
}

type service struct {
	APIVersion   string               `json:"apiVersion"`
	XMLNamespace string               `json:"xmlNamespace"`
	Errors       ordered[errorCode]   `json:"errors"`
	Operations   ordered[operation]   `json:"operations"`
	Shapes       map[string]typeShape `json:"shapes"`
}

type errorCode struct {
	HTTPStatus int `json:"httpStatus"`
}

type operation struct {
	Input          ordered[member] `json:"input"`
	Output         ordered[member] `json:"output"`
	ResultWrapper  string          `json:"resultWrapper"`
	Errors         []string        `json:"errors"`
	Authentication string          `json:"authentication"`
	Authorization  struct {
		Action      string `json:"action"`      // "" when other actions are checked in its stead
		AccessLevel string `json:"accessLevel"` // "" when the reference has none
	} `json:"authorization"`
	Pagination struct {
		InputToken string    `json:"input_token"`
		LimitKey   string    `json:"limit_key"`
		ResultKey  oneOrMore `json:"result_key"`
	} `json:"pagination"`
	Note string `json:"note"`
}

// member is a member of a structure, or what a list or map holds: the name of a shape, with its constraints repeated.
type member struct {
	Type      string   `json:"type"`
	Shape     string   `json:"shape"`
	Required  bool     `json:"required"`
	Min       int      `json:"min"`
	Max       int      `json:"max"`
	Pattern   string   `json:"pattern"`
	Enum      []string `json:"enum"`
	Sensitive bool     `json:"sensitive"`
}

// typeShape is a structure, list or map.
type typeShape struct {
	Type    string          `json:"type"`
	Members ordered[member] `json:"members"`
	Member  *member         `json:"member"`
	Key     *member         `json:"key"`
	Value   *member         `json:"value"`
}

// overlay is what we correct or add. Each entry must give its reason, and must be of something that the models have.
type overlay struct {
	Services map[string]struct {
		Package, Directory, Title, Reason string
		EchoValues                        bool
	}
	Operations map[string]struct{ AccessLevel, Reason string }
	Members    map[string]struct {
		Pointer, Sensitive, Document bool
		Reason                       string
	}
	Patterns map[string]struct{ Class, Func, Reason string }
}

// ordered is a JSON object whose members keep their order, which is the order of elements in answers.
type ordered[V any] []named[V]

type named[V any] struct {
	Name  string
	Value V
}

// UnmarshalJSON reads an object.
func (o *ordered[V]) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	*o = ordered[V]{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value V
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("%v: %w", name, err)
		}
		*o = append(*o, named[V]{fmt.Sprint(name), value})
	}
	return nil
}

// oneOrMore is a string or a list of them.
type oneOrMore []string

// UnmarshalJSON reads either.
func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// load reads the model files of a directory.
func load(dir string) (models []document, corrections overlay, err error) {
	for _, name := range []string{"operations.json", "touchstone.json"} {
		var d document
		if err := read(filepath.Join(dir, name), &d); err != nil {
			return nil, corrections, err
		}
		models = append(models, d)
	}

	if err := read(filepath.Join(dir, "overlay.json"), &corrections); err != nil {
		return nil, corrections, err
	}

	for name, o := range corrections.Operations {
		if o.Reason == "" {
			return nil, corrections, fmt.Errorf("overlay.json: %s has no reason", name)
		}
	}

	for name, m := range corrections.Members {
		if m.Reason == "" {
			return nil, corrections, fmt.Errorf("overlay.json: %s has no reason", name)
		}
	}

	for text, p := range corrections.Patterns {
		if p.Reason == "" {
			return nil, corrections, fmt.Errorf("overlay.json: the pattern %s has no reason", text)
		}
	}
	return models, corrections, nil
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

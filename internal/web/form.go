package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
)

var (
	errFormTooLarge = errors.New("form is too large")
	errForm         = errors.New("malformed form")
)

// decode reads the form of a POST. One over its limit is refused before it is read whole.
func (v *visit) decode(limit int64) error {
	if v.r.Method != http.MethodPost {
		return nil
	}
	if limit == 0 {
		limit = maxForm
	}
	if v.r.ContentLength > limit {
		return errFormTooLarge
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, limit)
	if err := v.r.ParseForm(); err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return errFormTooLarge
		}
		return errForm
	}
	members := 0
	for _, values := range v.r.PostForm {
		members += len(values)
	}
	if members > maxMembers {
		return errFormTooLarge
	}
	v.form = v.r.PostForm
	return nil
}

// form is a form as a page shows it: what was typed, and what is wrong with it.
type form struct {
	Values   url.Values
	Problems []problem
	Denied   *denial // the operation was refused
}

// problem is a fault of a form.
type problem struct {
	Field string // its name; "" for the form as a whole
	Text  string
}

// ID is the id in the page of the problem's field.
func (p problem) ID() string { return "field-" + strings.ToLower(p.Field) }

// wrong adds a problem.
func (f *form) wrong(field, format string, args ...any) {
	f.Problems = append(f.Problems, problem{field, fmt.Sprintf(format, args...)})
}

// Value is what was typed into a field.
func (f *form) Value(name string) string { return f.Values.Get(name) }

// Checked reports whether a box is ticked or a choice chosen.
func (f *form) Checked(name, value string) bool { return f.Values.Get(name) == value }

// Problem is the text of a field's problem.
func (f *form) Problem(name string) string {
	for _, p := range f.Problems {
		if p.Field == name {
			return p.Text
		}
	}
	return ""
}

// Focused reports whether the field is where a person should go on: the one with the only problem.
func (f *form) Focused(name string) bool { return len(f.Problems) == 1 && f.Problems[0].Field == name }

// Summary reports whether the problems are listed above the form: there are several, or one is of no field.
func (f *form) Summary() bool { return len(f.Problems) > 1 || f.Problem("") != "" }

// refused takes in an error of an operation that the person can do something about, and returns any other. fields says which
// field an error code is about.
func (f *form) refused(v *visit, err error, fields map[string]string) error {
	var told *awsquery.Error
	if !errors.As(err, &told) || told.Status >= http.StatusInternalServerError {
		return err
	}
	if told.Code == "AccessDenied" {
		f.Denied = v.denied(told)
		return nil
	}
	f.Problems = append(f.Problems, problem{fields[told.Code], told.Message})
	return nil
}

// input is a field as the template "input" draws it.
type input struct {
	Name, Label, Help, Value, Problem        string
	Type, Autocomplete, Inputmode, Maxlength string
	List                                     string // the id of a list of suggestions
	Autofocus, Optional                      bool
}

// ID is the field's id in the page.
func (i *input) ID() string { return "field-" + strings.ToLower(i.Name) }

// DescribedBy are the ids of what describes the field.
func (i *input) DescribedBy() string {
	var ids []string
	if i.Help != "" {
		ids = append(ids, i.ID()+"-help")
	}
	if i.Problem != "" {
		ids = append(ids, i.ID()+"-error")
	}
	return strings.Join(ids, " ")
}

// Input describes a field to the template "input". Options are such as "type=password", "help=…", "autofocus".
func (f *form) Input(name, label string, options ...string) (*input, error) {
	i := &input{Name: name, Label: label, Type: "text", Autocomplete: "off", Value: f.Value(name), Problem: f.Problem(name)}
	i.Autofocus = f.Focused(name)
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "type":
			i.Type = value
		case "help":
			i.Help = value
		case "autocomplete":
			i.Autocomplete = value
		case "inputmode":
			i.Inputmode = value
		case "maxlength":
			i.Maxlength = value
		case "list":
			i.List = value
		case "optional":
			i.Optional = true
		case "autofocus":
			i.Autofocus = i.Autofocus || len(f.Problems) == 0
		default:
			return nil, fmt.Errorf("input %s: unknown option %q", name, key)
		}
	}
	if i.Type == "password" {
		i.Value = "" // what was typed stays with who typed it
	}
	return i, nil
}

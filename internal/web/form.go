package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/httpd"
)

// ErrForm is the error that a handler returns for a form that none of our pages sends.
var ErrForm = errors.New("malformed form")

var errFormTooLarge = errors.New("form is too large")

// decode reads the form of a POST. One over its limit is refused before it is read whole. No handler meets text, in the form or in
// the address, that the database could not store.
func (v *Visit) decode() error {
	if !storable(v.Request.URL.Path) || !storableValues(v.Query) {
		return ErrForm
	}
	if v.Request.Method != http.MethodPost {
		return nil
	}

	body, err := httpd.ReadBody(v.Writer, v.Request, v.route.limit(), v.owner)
	switch {
	case errors.Is(err, httpd.ErrTooLarge):
		return errFormTooLarge
	case errors.Is(err, httpd.ErrNoRoom):
		return err
	case err != nil:
		return ErrForm
	}

	// A form of nothing but separators is refused before it is taken apart.
	if bytes.Count(body, []byte("&")) >= maxMembers {
		return errFormTooLarge
	}
	v.Request.Body = io.NopCloser(bytes.NewReader(body))
	if err := v.Request.ParseForm(); err != nil || !storableValues(v.Request.PostForm) {
		return ErrForm
	}

	v.Form = v.Request.PostForm
	return nil
}

// limit returns how large a form may be, in bytes.
func (r *Route) limit() int64 {
	switch {
	case r.Limit != 0:
		return r.Limit
	case r.Access == Open:
		return MaxOpenForm
	}
	return MaxForm
}

// owner returns whose form it is that is larger than a small one.
func (v *Visit) owner() (string, error) {
	if v.Session == nil {
		return "", nil
	}
	return v.Session.PrincipalID, nil
}

// storable reports whether every database stores the text as it is: UTF-8 without NUL, which PostgreSQL refuses.
func storable(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

func storableValues(all url.Values) bool {
	for name, values := range all {
		if !storable(name) || slices.ContainsFunc(values, func(v string) bool { return !storable(v) }) {
			return false
		}
	}
	return true
}

// Form is a form as a page shows it: what was typed, and what is wrong with it.
type Form struct {
	Values   url.Values
	Problems []Problem
	Denied   *Denial // the operation was refused
}

// Problem is a fault of a form.
type Problem struct {
	Field string // its name; "" for the form as a whole
	Text  string
}

// ID returns the id that the problem's field has in the page.
func (p Problem) ID() string { return FieldID(p.Field) }

// FieldID returns the id that a form's field has in the page.
func FieldID(name string) string { return "field-" + strings.ToLower(name) }

// Wrong adds a problem.
func (f *Form) Wrong(field, format string, args ...any) {
	f.Problems = append(f.Problems, Problem{field, fmt.Sprintf(format, args...)})
}

// Value returns what was typed into a field.
func (f *Form) Value(name string) string { return f.Values.Get(name) }

// Checked reports whether a box is ticked or a choice chosen.
func (f *Form) Checked(name, value string) bool { return f.Values.Get(name) == value }

// Problem returns the text of a field's problem, or "".
func (f *Form) Problem(name string) string {
	for _, p := range f.Problems {
		if p.Field == name {
			return p.Text
		}
	}
	return ""
}

// Focused reports whether the field has the only problem of the form, so that the person should go on there.
func (f *Form) Focused(name string) bool { return len(f.Problems) == 1 && f.Problems[0].Field == name }

// Summary reports whether the problems are listed above the form. They are when there are several, or when one is about no field.
func (f *Form) Summary() bool { return len(f.Problems) > 1 || f.Problem("") != "" }

// Require adds a problem for each of the given fields that is empty. The arguments alternate: the name of a field, and the text of
// its problem.
func (f *Form) Require(fields ...string) {
	for n := 0; n+1 < len(fields); n += 2 {
		if strings.TrimSpace(f.Values.Get(fields[n])) == "" {
			f.Wrong(fields[n], "%s", fields[n+1])
		}
	}
}

// RequireNewPassword adds a problem unless a new password was typed, and the same both times.
func (f *Form) RequireNewPassword() {
	switch {
	case f.Values.Get("NewPassword") == "":
		f.Wrong("NewPassword", "Enter a new password.")
	case f.Values.Get("Again") != f.Values.Get("NewPassword"):
		f.Wrong("Again", "The passwords do not match. Type the new password again.")
	}
}

// Refused notes in the form an operation's error that the person can do something about, and returns any other error. fields maps
// error codes to the fields that they are about.
func (f *Form) Refused(v *Visit, err error, fields map[string]string) error {
	var told *awsquery.Error
	if !errors.As(err, &told) || told.Status >= http.StatusInternalServerError {
		return err
	}

	if told.Code == "AccessDenied" {
		f.Denied = v.denial(told)
		return nil
	}
	f.Problems = append(f.Problems, Problem{fields[told.Code], wordsOf(told)})
	return nil
}

// limited says what each quota limits, in the words of a page.
var limited = map[string]string{
	"UsersPerAccount": "users in an account", "AccessKeysPerUser": "access keys of a user",
	"MFADevicesPerUser": "MFA devices of a user", "TagsPerUser": "tags of a user",
}

// wordsOf returns the message of an error for a person: a limit in the page's own words, and otherwise the operation's message.
func wordsOf(told *awsquery.Error) string {
	var limit *api.Limit
	if errors.As(told, &limit) && limited[limit.Quota] != "" {
		return fmt.Sprintf("The limit of %s is %d, and it has been reached. An operator can raise it.", limited[limit.Quota], limit.Value)
	}
	return told.Message
}

// Input is a field as the template "input" draws it.
type Input struct {
	Name, Label, Help, Value, Problem        string
	Type, Autocomplete, Inputmode, Maxlength string
	List                                     string // the id of a list of suggestions
	Autofocus, Optional                      bool
}

// ID returns the field's id in the page.
func (i *Input) ID() string { return FieldID(i.Name) }

// DescribedBy returns the ids of the elements that describe the field, separated by blanks.
func (i *Input) DescribedBy() string {
	var ids []string
	if i.Help != "" {
		ids = append(ids, i.ID()+"-help")
	}
	if i.Problem != "" {
		ids = append(ids, i.ID()+"-error")
	}
	return strings.Join(ids, " ")
}

// Input describes a field to the template "input". An option is a word such as "autofocus", or a name and a value such as
// "type=password". An unknown option is an error.
func (f *Form) Input(name, label string, options ...string) (*Input, error) {
	i := &Input{Name: name, Label: label, Type: "text", Autocomplete: "off", Value: f.Value(name), Problem: f.Problem(name)}
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
		i.Value = "" // a password is never sent back
	}
	return i, nil
}

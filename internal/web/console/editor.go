package console

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// maxPolicyText is how many characters the operations take in a policy (IAM API, policyDocumentType).
const (
	maxPolicyText = 128 << 10
	tooLong       = "It is longer than a policy may be."
)

// editor is a policy document as it is being written: a field of a form, with what is found in it.
type editor struct {
	Name, Label, Help, Value, Problem string
	Optional, Autofocus               bool
	Findings                          *findings
}

// editorKeys tells how to use the editor's keys.
const editorKeys = "After a click or Enter, Tab indents; Escape, then Tab leaves the field."

// ID is the field's id in the page.
func (e *editor) ID() string { return web.FieldID(e.Name) }

// attachments are what the document of each field would be attached to. A page may have several of a field, with numbers.
var attachments = map[string]touchstoneapi.PolicyAttachmentType{
	"PolicyDocument": touchstoneapi.PolicyAttachmentTypeUser,
	"Policy":         touchstoneapi.PolicyAttachmentTypeIdentity,
	"Boundary":       touchstoneapi.PolicyAttachmentTypeBoundary,
	"ResourcePolicy": touchstoneapi.PolicyAttachmentTypeResource,
}

// newEditor returns a field's editor, with its document checked unless there is none yet.
func newEditor(v *web.Visit, f *web.Form, name, label, help string) (*editor, error) {
	e := &editor{Name: name, Label: label, Help: help, Value: f.Value(name), Problem: f.Problem(name), Autofocus: f.Focused(name)}
	e.Findings = &findings{ID: e.ID()}
	if e.Value == "" || e.Value == newPolicy && f.Value("Check") != name || e.Problem == tooLong {
		return e, nil
	}

	var err error
	e.Findings, err = readFindings(v, name, e.Value)
	return e, err
}

// findings are what is found in a document.
type findings struct {
	web.Section
	ID      string // of the editor's field
	Groups  []findingGroup
	Size    int
	MaxSize int  // 0 for no limit
	Shared  bool // by all policies of the user
	Checked bool
}

// findingGroup holds the findings of one class.
type findingGroup struct {
	Class, Noun, Heading string
	List                 []touchstoneapi.PolicyFinding
}

// Count returns a group's number of findings in words.
func (g *findingGroup) Count() string { return web.Plural(len(g.List), g.Noun) }

// Summary returns the number of findings of each class in words.
func (f *findings) Summary() string {
	var counts []string
	for _, g := range f.Groups {
		counts = append(counts, g.Count())
	}
	switch {
	case !f.Checked:
		return ""
	case len(counts) == 0:
		return "No findings."
	}
	return strings.Join(counts, ", ") + "."
}

// Length returns how long the document is and how long it may be, in words. An inline policy shares its limit with the user's
// others.
func (f *findings) Length() string {
	switch {
	case !f.Checked:
		return ""
	case f.MaxSize == 0:
		return web.Number(f.Size) + " characters, white space not counted"
	case f.Shared:
		return "This policy: " + web.Number(f.Size) + " characters without white space; " +
			"all of the user's inline policies together may have " + web.Number(f.MaxSize)
	}
	return web.Number(f.Size) + " of " + web.Number(f.MaxSize) + " characters, white space not counted"
}

// readFindings has the operation ValidatePolicy check the document of a field.
func readFindings(v *web.Visit, field, text string) (*findings, error) {
	found := &findings{ID: web.FieldID(field)}
	if unfit(text) == tooLong {
		found.Problem = tooLong
		return found, nil
	}

	attachment := attachments[strings.TrimRight(field, "0123456789")]
	out, err := web.Call(v, touchstoneapi.ValidatePolicy, &touchstoneapi.ValidatePolicyInput{
		PolicyDocument: text, Attachment: attachment,
	})
	if found.Section, err = v.Section(err); err != nil || !found.Readable() {
		return found, err
	}

	found.Checked, found.Size, found.Shared = true, out.Size, attachment == touchstoneapi.PolicyAttachmentTypeUser
	if out.MaxSize != nil {
		found.MaxSize = *out.MaxSize
	}
	for _, g := range []findingGroup{
		{Class: "ERROR", Noun: "error", Heading: "Errors"},
		{Class: "SECURITY_WARNING", Noun: "security warning", Heading: "Security warnings"},
		{Class: "WARNING", Noun: "warning", Heading: "Warnings"},
		{Class: "SUGGESTION", Noun: "suggestion", Heading: "Suggestions"},
	} {
		for _, f := range out.Findings {
			if f.Class == g.Class {
				g.List = append(g.List, f)
			}
		}
		if len(g.List) > 0 {
			found.Groups = append(found.Groups, g)
		}
	}
	return found, nil
}

// validate answers an editor's script with what is found in the document, drawn as in a page.
func validate(v *web.Visit) error {
	field, text := v.Form.Get("Field"), newlines(v.Form.Get("Document"))
	if _, ok := attachments[strings.TrimRight(field, "0123456789")]; !ok {
		return web.ErrForm
	}
	found := &findings{ID: web.FieldID(field)}
	if text != "" {
		var err error
		if found, err = readFindings(v, field, text); err != nil {
			return err
		}
	}
	return v.Write("findings", found)
}

// unfit returns why no operation would take a text as a policy (IAM API, policyDocumentType), or "" if there is no such reason.
func unfit(text string) string {
	switch {
	case utf8.RuneCountInString(text) > maxPolicyText:
		return tooLong
	case strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("\t\n\r", r) && (r < ' ' || r > 'ÿ') }):
		return "It has characters that no policy may have. What is found below says where they are."
	}
	return ""
}

// digest returns a short text for a long one. A form carries it to find out later whether the long one has changed.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// newlines replaces the line ends of a form, which are CR LF (HTML Standard, "Constructing the entry list"), by LF.
func newlines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/iamapi"
)

func statementAt(places ...int) *iamapi.Statement {
	return &iamapi.Statement{
		StartPosition: &iamapi.Position{Line: &places[0], Column: &places[1]}, EndPosition: &iamapi.Position{Line: &places[2], Column: &places[3]},
	}
}

// TestDocumentMarks cuts texts at the places of statements, and loses no character of them.
func TestDocumentMarks(t *testing.T) {
	for _, test := range []struct {
		name, text string
		statements []*iamapi.Statement
		want       string // with what is marked in brackets, and a line's end as |
	}{
		{"nothing", "{\n}", nil, "{|}"},
		{"one line", "a{b}c", []*iamapi.Statement{statementAt(1, 2, 1, 5)}, "a[{b}]c"},
		{"several lines", "a{\n\nb}c", []*iamapi.Statement{statementAt(1, 2, 3, 3)}, "a[{]||[b}]c"},
		{"characters, not bytes", "ü😀{é}ü", []*iamapi.Statement{statementAt(1, 3, 1, 6)}, "ü😀[{é}]ü"},
		{"two, out of order", "{a},{b}", []*iamapi.Statement{statementAt(1, 5, 1, 8), statementAt(1, 1, 1, 4)}, "[{a}],[{b}]"},
		{"beside each other", "{a}{b}", []*iamapi.Statement{statementAt(1, 1, 1, 4), statementAt(1, 4, 1, 7)}, "[{a}][{b}]"},
		{"twice the same", "{a}", []*iamapi.Statement{statementAt(1, 1, 1, 4), statementAt(1, 1, 1, 4)}, "[{a}]"},
		{"CR LF", "a{\r\nb}\r\n", []*iamapi.Statement{statementAt(1, 2, 2, 3)}, "a[{]|[b}]|"},
		{"beyond the text", "ab", []*iamapi.Statement{statementAt(7, 1, 8, 1)}, "ab"},
		{"to beyond the text", "ab\n", []*iamapi.Statement{statementAt(1, 2, 8, 1)}, "a[b]|"},
		{"backwards", "ab", []*iamapi.Statement{statementAt(1, 2, 1, 1)}, "ab"},
		{"no places", "ab", []*iamapi.Statement{{}}, "ab"},
		{"empty", "", []*iamapi.Statement{statementAt(1, 1, 1, 2)}, ""},
	} {
		d := &document{Number: 1, text: test.text}
		for _, s := range test.statements {
			d.mark(s, iamapi.PolicyEvaluationDecisionTypeExplicitDeny)
		}
		d.draw()
		var lines []string
		begun := 0
		for _, line := range d.Lines {
			var text strings.Builder
			for _, piece := range line {
				if piece.First {
					begun++
				}
				if piece.Mark != nil {
					fmt.Fprintf(&text, "[%s]", piece.Text)
				} else {
					text.WriteString(piece.Text)
				}
			}
			lines = append(lines, text.String())
		}
		if got := strings.Join(lines, "|"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if strings.Contains(test.want, "[") && begun != len(d.Marks) {
			t.Errorf("%s: %d statements begin, want %d", test.name, begun, len(d.Marks))
		}
	}
}

// TestDocumentLongLine: the work is in proportion to the text. With a square of it this would not end.
func TestDocumentLongLine(t *testing.T) {
	text := strings.Repeat("x", 8<<20)
	d := &document{text: text}
	d.mark(statementAt(1, 2, 1, 1<<20), iamapi.PolicyEvaluationDecisionTypeAllowed)
	if d.draw(); len(d.Lines) != 1 || len(d.Lines[0]) != 3 {
		t.Errorf("%d lines", len(d.Lines))
	}
}

// TestParameterFields leads an operation's messages to the fields that they are about.
func TestParameterFields(t *testing.T) {
	q := &question{policies: []string{"Policy2", "Policy5"}, keys: []string{"KeyValue3"}}
	q.in.ContextEntries = []iamapi.ContextEntry{{ContextKeyName: "aws:username"}}
	for message, want := range map[string]string{
		"PolicyInputList.2: line 1": "Policy5", "PolicyInputList.3: line 1": "Boundary", "PolicyInputList.0: x": "",
		"PermissionsBoundaryPolicyInputList.1: x": "Boundary", "ContextEntries.1: x": "KeyValue3", "ContextEntries.9: x": "", "ContextEntries: the value of aws:username": "KeyValue3", "ContextEntries: x": "",
		"1 validation error detected: Value at 'actionNames.1.member' failed": "Actions", "ResourceArns: PolicyInputList": "Resources",
		"CallerArn: x": "CallerArn", "ResourceOwner: x": "ResourceOwner", "ResourcePolicy: x": "ResourcePolicy", "nothing of it": "",
	} {
		if got := q.field(message); got != want {
			t.Errorf("%q is about %q, want %q", message, got, want)
		}
	}
}

func TestUsualTypes(t *testing.T) {
	for name, want := range map[string]iamapi.ContextKeyTypeEnum{
		"aws:MultiFactorAuthPresent": "boolean", "AWS:multifactorauthage": "numeric", "aws:SourceIp": "ip", "aws:CurrentTime": "date",
		"aws:TagKeys": "stringList", "aws:PrincipalArn": "string", "aws:RequestTag/team": "string", "nothing": "string",
	} {
		if got := usualType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

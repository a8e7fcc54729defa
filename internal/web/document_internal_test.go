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

// TestParameterFields leads the parameters of operations to the fields that they were read from.
func TestParameterFields(t *testing.T) {
	q := &question{policies: []string{"Policy2", "Policy5"}, keys: []string{"KeyValue1", "KeyValue3"}}
	for parameter, want := range map[string]string{
		"PolicyInputList.2": "Policy5", "PolicyInputList.3": "Boundary", "PolicyInputList.0": "", "PolicyInputList": "", "PermissionsBoundaryPolicyInputList.1": "Boundary",
		"ContextEntries.1": "KeyValue1", "ContextEntries.2": "KeyValue3", "ContextEntries.9": "", "ContextEntries": "",
		"ActionNames": "Actions", "ResourceArns.7": "Resources", "PolicySourceArn": "UserName", "CallerArn": "CallerArn", "ResourceOwner": "ResourceOwner",
		"ResourcePolicy": "ResourcePolicy", "PolicyExclusionList.1": "", "": "",
	} {
		if got := q.field(parameter); got != want {
			t.Errorf("%q is read from %q, want %q", parameter, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for message, want := range map[string]string{"line 1: x": "Line 1: x", "éa": "Éa", "aws:username is there twice.": "aws:username is there twice.", "": "", "\xffa": "\uFFFDa"} {
		if got := sentence(message); got != want {
			t.Errorf("%q becomes %q, want %q", message, got, want)
		}
	}
}

func TestUsualTypes(t *testing.T) {
	s := &site{Config: Config{KeyTypes: map[string]string{"aws:MultiFactorAuthPresent": "Bool", "aws:RequestTag/*": "Date", "jobs:Dates": "ArrayOfDate", "jobs:Arn": "ARN"}}}
	for name, want := range map[string]iamapi.ContextKeyTypeEnum{
		"AWS:multifactorauthpresent": "boolean", "aws:RequestTag/team": "string", "jobs:Dates": "dateList", "jobs:ARN": "string", "nothing": "string",
	} {
		if got := s.usualType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"aws:MultiFactorAuthPresent": "aws:|Multi|Factor|Auth|Present", "aws:username": "aws:|username", "aws:PrincipalTag/cost-center": "aws:|Principal|Tag/|cost-|center",
		"sts:TaskPolicyARN": "sts:|Task|Policy|ARN", strings.Repeat("ä", 41): strings.Repeat("ä", 20) + "|" + strings.Repeat("ä", 20) + "|ä", "": "",
	} {
		if got := strings.Join(words(name), "|"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

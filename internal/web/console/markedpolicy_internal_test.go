package console

import (
	"fmt"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/iamapi"
)

func statementAt(places ...int) *iamapi.Statement {
	return &iamapi.Statement{
		StartPosition: &iamapi.Position{Line: &places[0], Column: &places[1]}, EndPosition: &iamapi.Position{
			Line:   &places[2],
			Column: &places[3],
		},
	}
}

// TestMarks cuts texts at the places of statements, and loses no character of them.
func TestMarks(t *testing.T) {
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
		d := &markedPolicy{Number: 1, text: test.text}
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

// TestMarksInLongLine: the work is in proportion to the text. With a square of it this would not end.
func TestMarksInLongLine(t *testing.T) {
	text := strings.Repeat("x", 8<<20)
	d := &markedPolicy{text: text}
	d.mark(statementAt(1, 2, 1, 1<<20), iamapi.PolicyEvaluationDecisionTypeAllowed)
	if d.draw(); len(d.Lines) != 1 || len(d.Lines[0]) != 3 {
		t.Errorf("%d lines", len(d.Lines))
	}
}

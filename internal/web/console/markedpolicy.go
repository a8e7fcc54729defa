package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// markedPolicy is a policy with the statements in it that decided something.
type markedPolicy struct {
	web.Section    // why its text is not shown
	Number         int
	Title, Of, URL string // Of is the user whose policy it is; URL is where it can be changed
	Marks          []*mark
	Lines          [][]span

	source string // its id in the results
	text   string
	marked map[[2]int]*mark // by the line and column
}

// Listed returns the marks that are listed above the text.
func (d *markedPolicy) Listed() []*mark { return d.Marks[:min(maxListed, len(d.Marks))] }

// More returns how many marks are not listed.
func (d *markedPolicy) More() int { return len(d.Marks) - len(d.Listed()) }

// mark is a statement that decided.
type mark struct {
	In     *markedPolicy
	Denies bool

	Line, Column       int // of its first character, counted from one
	endLine, endColumn int // behind its last one
}

// ID returns the mark's id in the page.
func (m *mark) ID() string { return fmt.Sprintf("statement-%d-%d-%d", m.In.Number, m.Line, m.Column) }

// span is a piece of a line: a part of a statement that decided, or what is between such.
type span struct {
	Text  string
	Mark  *mark
	First bool // of the statement
}

// mark returns the policy's mark of a statement, and adds one when there is none yet.
func (d *markedPolicy) mark(statement *iamapi.Statement, decision iamapi.PolicyEvaluationDecisionType) *mark {
	line, column := position(statement.StartPosition)
	place := [2]int{line, column}
	if m, ok := d.marked[place]; ok {
		return m
	}

	m := &mark{In: d, Denies: decision == iamapi.PolicyEvaluationDecisionTypeExplicitDeny, Line: line, Column: column}
	m.endLine, m.endColumn = position(statement.EndPosition)
	if d.marked == nil {
		d.marked = make(map[[2]int]*mark)
	}
	d.marked[place], d.Marks = m, append(d.Marks, m)
	return m
}

// position returns the line and column of a position, or zeros when it is not given.
func position(p *iamapi.Position) (line, column int) {
	if p == nil || p.Line == nil || p.Column == nil {
		return 0, 0
	}
	return *p.Line, *p.Column
}

// draw cuts the text into lines, and each line into spans where a marked statement begins or ends. Columns count characters.
func (d *markedPolicy) draw() {
	slices.SortFunc(d.Marks, func(a, b *mark) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	if !d.Readable() {
		return
	}

	var line []span
	piece, from := span{}, 0 // the piece that is being read, and where it began
	cut := func(at int) {
		piece.Text = strings.ReplaceAll(d.text[from:at], "\r", "") // HTML would take a carriage return for the end of a line
		if line = append(line, piece); piece.Text == "" {
			line = line[:len(line)-1]
		}
		piece.First, from = false, at
	}

	waiting, number, column := d.Marks, 1, 1
	for at, r := range d.text {
		if m := piece.Mark; m != nil && !m.before(number, column) {
			cut(at)
			piece.Mark = nil
		}
		for piece.Mark == nil && len(waiting) > 0 && waiting[0].begun(number, column) {
			if m := waiting[0]; m.before(number, column) {
				cut(at)
				piece.Mark, piece.First = m, true
			}
			waiting = waiting[1:]
		}
		column++
		if r == '\n' {
			cut(at)
			d.Lines, line, from = append(d.Lines, line), nil, at+1
			number, column = number+1, 1
		}
	}

	cut(len(d.text))
	d.Lines = append(d.Lines, line)
}

// begun reports whether a place is the beginning of the statement, or behind it.
func (m *mark) begun(line, column int) bool {
	return m.Line < line || m.Line == line && m.Column <= column
}

// before reports whether a place is before the end of the statement.
func (m *mark) before(line, column int) bool {
	return line < m.endLine || line == m.endLine && column < m.endColumn
}

// Command textlint checks two rules of the project's text that gofumpt leaves to the author, in the Go files that it is given:
//
//   - No line is longer than 132 characters, where a tab counts as one. A string literal need not be broken, because a policy or a
//     message in pieces is hard to read and to search for. A line may be longer if a literal, or a literal key with its value,
//     makes it so and little else stands beside it. The lines of a raw string and of an example's output may be longer, too.
//   - A function of 20 lines or more has paragraphs: there is at least one blank line in its body. The same holds for each function
//     literal. A function that consists of one statement, such as a switch, has nothing to divide.
//
// It prints each place that breaks a rule, and exits with status 1 if there is one. Generated files are not to be given to it.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	// maxLine is the greatest length of a line, in characters.
	maxLine = 132

	// maxBeside is how many characters, the indentation included, may stand beside the unbreakable part of a longer line.
	maxBeside = 40

	// longFunction is how many lines a function's body has, braces included, when it needs a blank line.
	longFunction = 20
)

func main() {
	found := false
	for _, name := range os.Args[1:] {
		problems, err := check(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "textlint:", err)
			os.Exit(1)
		}

		for _, problem := range problems {
			fmt.Println(problem)
			found = true
		}
	}

	if found {
		os.Exit(1)
	}
}

// check returns what is wrong with a file, each problem as "file:line: what".
func check(name string) ([]string, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}

	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}

	lines := strings.Split(string(source), "\n")
	return append(longLines(set, file, lines), walls(set, file, lines)...), nil
}

// longLines returns the lines that are too long.
func longLines(set *token.FileSet, file *ast.File, lines []string) []string {
	// whole holds, for each line, the length of the longest thing on it that cannot be broken. raw holds the lines of unbreakable
	// things of several lines.
	whole, raw := map[int]int{}, map[int]bool{}
	mark := func(n ast.Node) bool {
		if !unbreakable(n) {
			return true
		}

		first, last := set.Position(n.Pos()), set.Position(n.End())
		if first.Line == last.Line {
			text := lines[first.Line-1][first.Column-1 : last.Column-1]
			whole[first.Line] = max(whole[first.Line], utf8.RuneCountInString(text))
			return true
		}
		for line := first.Line; line <= last.Line; line++ {
			raw[line] = true
		}
		return true
	}
	ast.Inspect(file, mark)
	for _, group := range file.Comments {
		mark(group)
	}

	var problems []string
	for i, text := range lines {
		line, length := i+1, utf8.RuneCountInString(text)
		if length > maxLine && !raw[line] && length-whole[line] > maxBeside {
			name := set.Position(file.Pos()).Filename
			problems = append(problems, fmt.Sprintf("%s:%d: the line has %d characters; at most %d", name, line, length, maxLine))
		}
	}
	return problems
}

// unbreakable reports whether a node is a string literal, a literal key with its literal value, which Go's formatter keeps on one
// line, or the comment with an example's output, which must be what is printed.
func unbreakable(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		return n.Kind == token.STRING
	case *ast.KeyValueExpr:
		_, key := n.Key.(*ast.BasicLit)
		_, value := n.Value.(*ast.BasicLit)
		return key && value
	case *ast.CommentGroup:
		return strings.HasPrefix(n.Text(), "Output:")
	}
	return false
}

// walls returns the long functions and function literals without a blank line.
func walls(set *token.FileSet, file *ast.File, lines []string) []string {
	var problems []string
	ast.Inspect(file, func(n ast.Node) bool {
		var body *ast.BlockStmt
		switch n := n.(type) {
		case *ast.FuncDecl:
			body = n.Body
		case *ast.FuncLit:
			body = n.Body
		}
		if body == nil || len(body.List) < 2 {
			return true
		}

		first, last := set.Position(body.Lbrace), set.Position(body.Rbrace)
		length := last.Line - first.Line + 1
		if length < longFunction {
			return true
		}
		for _, text := range lines[first.Line:last.Line] {
			if strings.TrimSpace(text) == "" {
				return true
			}
		}

		problems = append(problems, fmt.Sprintf("%s:%d: the function has %d lines and no blank line; divide it into paragraphs",
			first.Filename, first.Line, length))
		return true
	})
	return problems
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 120)
	steps := strings.Repeat("\tprintln()\n", 18)
	for name, test := range map[string]struct {
		source string
		want   string // the place and the beginning of the problem; "" for none
	}{
		"a long comment":           {"// " + long + " " + long[:10], "3: the line has 134"},
		"the longest line":         {"// " + long + " " + long[:8], ""},
		"characters, not bytes":    {"// " + strings.Repeat("é", 129), ""},
		"a long call":              {"var _ = f(" + strings.Repeat(`"x", `, 30) + `"y")`, "3: the line has 164"},
		"a long literal":           {"var _ = f(`" + long + long + "`)", ""},
		"much beside a literal":    {"var _ = f(`" + long + "`" + strings.Repeat(", 1", 20) + ")", "3: the line has 193"},
		"a literal key and value":  {"var _ = m{\n\t`" + long + "`: `" + long + "`,\n}", ""},
		"a key with another value": {"var _ = m{\n\t`" + long + "`: f(" + long + "),\n}", "4: the line has 249"},
		"a raw string":             {"var _ = `\n" + long + long + "`", ""},
		"an example's output":      {"func f() {\n\t// Output:\n\t// " + long + long + "\n}", ""},
		"a wall":                   {"func f() {\n" + steps + "}", "3: the function has 20 lines"},
		"one line fewer":           {"func f() {\n" + steps[:len(steps)-11] + "}", ""},
		"paragraphs":               {"func f() {\n" + steps + "\n" + steps + "}", ""},
		"a wall in a variable":     {"var f = func() {\n" + steps + "}", "3: the function has 20 lines"},
		"a blank line outside":     {"var g = func() {\n}\n\nvar f = func() {\n" + steps + "}", "6: the function has 20 lines"},
		"one statement":            {"func f() {\n\tif x {\n" + steps + "\t}\n}", ""},
	} {
		file := filepath.Join(t.TempDir(), "file.go")
		if err := os.WriteFile(file, []byte("package p\n\n"+test.source+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}

		problems, err := check(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := strings.ReplaceAll(strings.Join(problems, "\n"), file+":", "")
		if !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") || len(problems) > 1 {
			t.Errorf("%s: %q, want %q", name, problems, test.want)
		}
	}
}

func TestCheckRefusesWhatIsNoGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.go")
	if err := os.WriteFile(file, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{file, file + ".missing"} {
		if _, err := check(name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The generated files are what the generator makes of the models, and there are no others.
func TestGenerated(t *testing.T) {
	files, err := generate("..")
	if err != nil {
		t.Fatal(err)
	}

	const module = "../../.."
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what go generate writes:\n%.2000s", name, diff)
		}
	}

	for _, dir := range []string{"iamapi", "stsapi", "internal/touchstoneapi"} {
		found, err := filepath.Glob(filepath.Join(module, dir, "zz_*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if files[filepath.Join(dir, filepath.Base(path))] == nil {
				t.Errorf("%s is no longer generated", path)
			}
		}
	}
}

// TestGenerateRefuses has a model or overlay changed in one place, which must be noticed.
func TestGenerateRefuses(t *testing.T) {
	const deviceName = `"deviceNameType", "min": 1, "max": 64, "pattern": "`
	for _, test := range []struct{ name, file, old, new, err string }{
		{
			"correction of a member that is gone", "overlay.json", "UpdateLoginProfileInput.PasswordResetRequired",
			"UpdateLoginProfileInput.Gone", "no member",
		},
		{"correction of a pattern that is gone", "overlay.json", `"v[1-9][0-9]*`, `"w[1-9][0-9]*`, "pattern"},
		{"pattern without a function", "touchstone.json", deviceName + `[\\w+=,.@-]+`, deviceName + `(a|b)+`, "give it a function"},
		{"unknown escape", "touchstone.json", deviceName + `[\\w+=,.@-]+`, deviceName + `[\\W]+`, "unknown escape"},
		{"unknown level", "touchstone.json", `"accessLevel": "Write"`, `"accessLevel": "Readwrite"`, "unknown access level"},
		{"a shape in two forms", "touchstone.json", `"max": 128, "pattern"`, `"max": 64, "pattern"`, "is not the same everywhere"},
		{
			"correction of an operation that is gone", "overlay.json", `"iam:AcquireRole": {"acc`, `"iam:Gone": {"acc`,
			`unknown access level ""`,
		},
		{
			"a document in an input", "overlay.json", `"iam:PolicyVersion.Document"`, `"iam:PutUserPolicyInput.PolicyDocument"`,
			"is no document of an answer",
		},
		{"a field named like a method", "touchstone.json", `"ExceptCurrent"`, `"User"`, "the method must have another name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := t.TempDir()
			for _, name := range []string{"operations.json", "touchstone.json", "overlay.json"} {
				text, err := os.ReadFile(filepath.Join("..", name))
				if err != nil {
					t.Fatal(err)
				}

				if name == test.file {
					changed := strings.Replace(string(text), test.old, test.new, 1)
					if changed == string(text) {
						t.Fatalf("%s has no %s", name, test.old)
					}
					text = []byte(changed)
				}

				if err := os.WriteFile(filepath.Join(directory, name), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := generate(directory); err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want one with %q", err, test.err)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	for _, c := range []struct {
		text     string
		prefix   string
		min, max int
		has, not string
		wide     string
	}{
		{`[\w+=,.@-]+`, "", 1, 0, "aZ9_+=,.@-", " /:é", ""},
		{`[\d]*`, "", 0, 0, "09", "a_", ""},
		{`\d{12}`, "", 12, 12, "09", "a", ""},
		{`^p-[0-9a-zA-Z_]{8,128}$`, "p-", 8, 128, "0zZ_", "-", ""},
		{`\u002F[\u0021-\u007F]*`, "/", 0, 0, "!~\x7f", " ", ""},
		{`[ -~]+`, "", 1, 0, " ~", "\x7f\n", ""},
		{`[\u0009\u00A1-\u00FF]+`, "", 1, 0, "\t", "\n", "{R16: []unicode.Range16{{Lo: 0xa1, Hi: 0xff, Stride: 1},}, LatinOffset: 1}"},
		{
			`[\u{10000}-\u{10FFFF}]*`, "", 0, 0, "", "a",
			"{R16: []unicode.Range16{}, R32: []unicode.Range32{{Lo: 0x10000, Hi: 0x10ffff, Stride: 1},}}",
		},
		{`[\p{L}\-]*`, "", 0, 0, "-", "9", "unicode.L"},
	} {
		p, err := compile(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if p.prefix != c.prefix || p.min != c.min || p.max != c.max || p.set.wide() != c.wide {
			t.Errorf("%s: %q, %d to %d, %s", c.text, p.prefix, p.min, p.max, p.set.wide())
		}
		for _, r := range c.has {
			if p.set.ascii[r>>6]&(1<<(r&63)) == 0 {
				t.Errorf("%s has not %q", c.text, r)
			}
		}
		for _, r := range c.not {
			if r < 128 && p.set.ascii[r>>6]&(1<<(r&63)) != 0 {
				t.Errorf("%s has %q", c.text, r)
			}
		}
	}

	for _, text := range []string{"", "a", "[a]", "[a]+[b]+", "(a)+", "[b-a]+", `[\q]+`, `[\u12]+`, `[a-\w]+`, "[a]+|b", `[\p{L]+`} {
		if _, err := compile(text); err == nil {
			t.Errorf("%q is no class of characters", text)
		}
	}
}

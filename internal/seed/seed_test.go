package seed_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/seed"
)

func read(t *testing.T, text string) (*seed.Seed, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("seed.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return seed.Read("seed.yaml")
}

var update = flag.Bool("update", false, "write docs/seed.schema.json anew")

// TestSchema holds docs/seed.schema.json to the types.
func TestSchema(t *testing.T) {
	want, err := seed.Schema()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/seed.schema.json"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not the schema of the types; -update writes it (-want +got):\n%s", file, diff)
	}
}

// TestDocumentation makes sure that docs/seed.md names every field, and that its examples can be read.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/seed.md")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := seed.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(schema)) {
		name, found := strings.CutSuffix(strings.TrimSpace(line), `": {`)
		name = strings.TrimPrefix(name, `"`)
		if found && name != "properties" && name != "items" && name != "additionalProperties" &&
			!strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/seed.md does not tell about %s", name)
		}
	}

	examples := 0
	for n, block := range strings.Split(string(page), "```") {
		language, text, _ := strings.Cut(block, "\n")
		if n%2 == 0 || language != "yaml" && language != "json" {
			continue
		}
		examples++
		if _, err := read(t, text); err != nil {
			t.Errorf("an example of docs/seed.md is refused: %v\n%s", err, text)
		}
	}
	if examples < 2 {
		t.Errorf("docs/seed.md has %d examples", examples)
	}
}

// TestValues reads each value as it is written, in YAML and in JSON.
func TestValues(t *testing.T) {
	s, err := read(t, `
accounts:
  - id: 012345678901
    rootEmail: &mail "root@example.com"
    users:
      - name: yes
        tags: {date: 2026-12-01, on: off, "": 1e3}
        inlinePolicies:
          one: &p
            Version: 2012-10-17
            Statement: []
          two: *p
          three: |
            {"Statement": []}
  - {"rootEmail": *mail, "users": [{"name": "a", "passwordResetRequired": true, "password": "p"}]}
`)
	if err != nil {
		t.Fatal(err)
	}

	first, second := s.Accounts[0], s.Accounts[1]
	u := first.Users[0]
	const document = "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": []\n}"
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"id", first.ID, seed.Text{Value: "012345678901", Line: 3}},
		{"e-mail", first.RootEmail, seed.Text{Value: "root@example.com", Line: 4}},
		{"name", u.Name, seed.Text{Value: "yes", Line: 6}},
		{"tags", u.Tags, []seed.Pair{
			{Key: seed.Text{Value: "date", Line: 7}, Value: seed.Text{Value: "2026-12-01", Line: 7}},
			{Key: seed.Text{Value: "on", Line: 7}, Value: seed.Text{Value: "off", Line: 7}},
			{Key: seed.Text{Line: 7}, Value: seed.Text{Value: "1e3", Line: 7}},
		}},
		{"policy", u.InlinePolicies[0].Document.JSON, document},
		{"policy's line", u.InlinePolicies[0].Document.Line, 9},
		{"alias of a policy", u.InlinePolicies[1].Document.JSON, document},
		{
			"policy as text", u.InlinePolicies[2].Document,
			seed.Document{JSON: "{\"Statement\": []}\n", Lined: "{\"Statement\": []}\n", Line: 14},
		},
		{"alias", second.RootEmail, seed.Text{Value: "root@example.com", Line: 15}},
		{"flag", second.Users[0].PasswordResetRequired, seed.Flag{Value: true, Line: 15}},
		{"what is not there", second.ID, seed.Text{}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

// TestRefused holds every fault of form to its line.
func TestRefused(t *testing.T) {
	const account = "accounts:\n  - rootEmail: a@example.com\n"

	for name, test := range map[string]struct{ text, want string }{
		"nothing":            {"", "seed.yaml:1: this is neither YAML nor JSON that can be read: the file is empty"},
		"no YAML":            {"accounts:\n\t- a", "seed.yaml:2: "},
		"a list":             {"- a", "seed.yaml:1: an object with the fields accounts is wanted here, not a list"},
		"another field":      {"account: []", `seed.yaml:1: there is no field "account" here: use one of accounts`},
		"no accounts":        {"{}", "seed.yaml:1: the field accounts is missing"},
		"letter case":        {"Accounts: []", `there is no field "Accounts"`},
		"accounts of one":    {"accounts: {rootEmail: a}", "seed.yaml:1: accounts: a list is wanted here, not an object"},
		"a missing field":    {"accounts:\n  - alias: a", "seed.yaml:2: the field rootEmail is missing"},
		"a field twice":      {account + "    alias: a\n    alias: b", "seed.yaml:4: alias stands here twice"},
		"an object for text": {account + "    alias: {}", "seed.yaml:3: alias: text is wanted here, not an object"},
		"nothing for text":   {account + "    alias:", "seed.yaml:3: alias: text is wanted here, not nothing"},
		"a tag of YAML":      {account + "    alias: !!str a", "seed.yaml:3: the tag !!str is not read"},
		"a merge key":        {"accounts:\n  - rootEmail: a\n    <<: {alias: b}", "merge keys are not read"},
		"a flag in quotes": {
			account + "    users:\n      - {name: a, passwordResetRequired: \"true\"}",
			"seed.yaml:4: passwordResetRequired: use true or false",
		},
		"a flag that is yes": {account + "    users:\n      - {name: a, passwordResetRequired: yes}", "use true or false"},
		"tags as a list": {
			account + "    users:\n      - {name: a, tags: [b]}",
			"seed.yaml:4: tags: an object is wanted here, not a list",
		},
		"a policy of a list": {
			account + "    users:\n      - name: a\n        inlinePolicies:\n          p: []",
			"seed.yaml:6: p: a policy document is wanted here, not a list",
		},
		"a key without secret": {
			account + "    rootAccessKeys:\n      - id: AKIAIOSFODNN7EXAMPLE",
			"seed.yaml:4: the field secret is missing",
		},
		"two documents":         {account + "---\naccounts: []", "a file is one document"},
		"JSON that is cut off":  {`{"accounts": [`, "seed.yaml:1: "},
		"aliases without bound": {bomb(), "aliases written out"},
	} {
		_, err := read(t, test.text)
		var fault *seed.Fault
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// bomb is a short file that comes to millions of values.
func bomb() string {
	const fifty = "*%[*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%,*%]"
	list := func(name string) string {
		_, of, _ := strings.Cut(fifty, "[")
		return "[" + strings.ReplaceAll(of, "%", name)
	}
	return "accounts:\n" +
		"  - &a\n    rootEmail: r\n    users: &u " + strings.Replace(list("x"), "*x",
		"&x {name: n, accessKeys: &k "+strings.Replace(list("y"), "*y", "&y {id: i, secret: s}", 1)+"}", 1) +
		strings.Repeat("\n  - *a", 2000) + "\n"
}

func TestMissingAndLargeFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := seed.Read("seed.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile("large.yaml", make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seed.Read(filepath.Join(".", "large.yaml")); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a large file: %v", err)
	}
}

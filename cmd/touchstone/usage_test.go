package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command, those of the library included, has a line that says what it does, and an example that begins with its own name or
// shows one of the commands below it.
func TestEveryCommandExplainsItself(t *testing.T) {
	visited := 0
	eachCommand(newCommand(), func(c *cobra.Command) {
		visited++
		if c.Short == "" {
			t.Errorf("%s does not say what it does", c.CommandPath())
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example: %q", c.CommandPath(), c.Example)
		}
		if c.Hidden {
			t.Errorf("%s is not listed in the help", c.CommandPath())
		}

		var help bytes.Buffer
		if code := run(context.Background(), append(strings.Fields(c.CommandPath())[1:], "--help"), &help, &help); code != 0 {
			t.Errorf("%s --help exits %d", c.CommandPath(), code)
		}
		if !strings.Contains(help.String(), "Examples:\n"+c.Example) {
			t.Errorf("%s --help shows no examples:\n%s", c.CommandPath(), &help)
		}
	})
	if visited < 20 {
		t.Errorf("only %d commands were visited", visited)
	}
}

// The examples are commands that can be called as they stand: their flags and commands exist.
func TestExamplesParse(t *testing.T) {
	eachCommand(newCommand(), func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			_, words, found := strings.Cut(strings.TrimSpace(line), "touchstone ")
			if !found || strings.Contains(words, "completion") {
				continue
			}
			words, _, _ = strings.Cut(words, " |")
			root := newCommand()
			target, rest, err := root.Find(strings.Fields(words))
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			if err := target.ParseFlags(rest); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
}

// A value that can never work is a mistake in the call, which exits 2 and names the flag or what is wrong; the state is not
// touched.
func TestBadValuesExitTwo(t *testing.T) {
	for _, test := range []struct{ call, says string }{
		{"nonsense", `no command "nonsense"`},
		{"--nonsense", "--nonsense"},
		{"account nonsense", `no command "nonsense"`},
		{"account quota nonsense", `no command "nonsense"`},
		{"version extra", "no arguments"},
		{"account create --alias X", "alias"},
		{"account create --alias 1111-2222-3333", "account id"},
		{"account create --account-id 12", "account id"},
		{"account create --root-email nobody", "root e-mail"},
		{"account create --url nonsense", "--url"},
		{"account create --url https://iam.example.com/path", "--url"},
		{"account create --reset", "--account-id, --alias or --root-email"},
		{"account create --output yaml", "text or json"},
		{"account create --database nonsense --master-key-file key", "--database"},
		{"account create --database postgres://localhost/x", "--master-key-file"},
		{"account create --data a --database postgres://localhost/x --master-key-file key", "--data and --database"},
		{"account create --data=", "--data is empty"},
		{"account list --output yaml", "text or json"},
		{"account list --data=", "--data is empty"},
		{"account setup-link", "--account"},
		{"account setup-link --account acme --url nonsense", "--url"},
		{"account quota set --account acme UsersPerAccount", "a quota's name and its value"},
		{"account quota set --account acme Nonsense 3", "UsersPerAccount"},
		{"account quota set --account acme UsersPerAccount -- -1", "whole number"},
		{"account quota set UsersPerAccount 1", "--account"},
		{"account quota list", "--account"},
		{"mfa list --account acme", "--user NAME or --root"},
		{"mfa remove --account acme --root", "--device"},
		{"sessions revoke --root", "--account"},
		{"sessions list --root", "--account"},
		{"audit --since yesterday", "--since"},
		{"audit --until yesterday", "--until"},
		{"migrate --output yaml", "text or json"},
		{"migrate --data=", "--data is empty"},
		{"serve --data=", "--data is empty"},
		{"serve --listen nonsense", "--listen"},
		{"serve --listen 0.0.0.0:8080", "without TLS"},
		{"serve --tls-cert missing.pem --tls-key missing.key", "missing.pem"},
		{"serve --tls-cert only.pem", "go together"},
		{"serve --behind-proxy nonsense", "--behind-proxy"},
		{"serve --url nonsense", "--url"},
		{"serve --url http://iam.example.com", "--url"},
		{"serve --rp-id nonsense", "--rp-id"},
		{"serve --rp-id other.example --url https://iam.example.com --behind-proxy 10.0.0.1", "--rp-id"},
		{"serve --root-email nobody", "root e-mail"},
		{"serve --metrics-listen nonsense", "--metrics-listen"},
		{"serve --session-duration 0s", "--session-duration"},
		{"serve --session-idle soon", "--session-idle"},
		{"serve --clock-skew 1h", "--clock-skew"},
		{"serve --argon2-memory 1", "--argon2-memory"},
		{"serve --argon2-time 100", "--argon2-time"},
		{"serve --audit-reads sometimes", "--audit-reads"},
		{"serve --audit-retention 0s", "--audit-retention"},
		{"serve --audit-read-retention 0s", "--audit-read-retention"},
		{"serve --smtp-url nonsense", "--smtp-url"},
		{"serve --catalogue missing.json", "missing.json"},
		{"serve --log-level loud", "--log-level"},
		{"serve --log-format morse", "--log-format"},
	} {
		t.Run(test.call, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), strings.Fields(test.call), &stdout, &stderr); code != 2 {
				t.Errorf("exits %d:\n%s", code, &stderr)
			}
			if !strings.Contains(stderr.String(), test.says) || !strings.Contains(stderr.String(), "--help") {
				t.Errorf("does not say %q:\n%s", test.says, &stderr)
			}
			if stdout.Len() > 0 {
				t.Errorf("prints %s", &stdout)
			}
		})
	}
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// systemctl stands for the service manager: it starts and stops the command in $SERVE.
const systemctl = `#!/bin/bash
set -eu
pid=$ROOT/service.pid
case $1 in
start)
	bash -c "exec $SERVE" >>"$ROOT/service.log" 2>&1 &
	echo $! >"$pid"
	for _ in $(seq 300); do touchstone health >/dev/null 2>&1 && exit 0; sleep 0.1; done
	cat "$ROOT/service.log" >&2
	exit 1 ;;
stop)
	kill -INT "$(cat "$pid")"
	while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.05; done
	rm "$pid" ;;
esac
`

// sudo stands for sudo: it runs the command as who runs the test.
const sudo = `#!/bin/bash
if [ "$1" = -u ]; then shift 2; fi
exec "$@"
`

// TestOperationsPage runs every command of docs/operations.md, in their order, on one installation, with other directories and
// another PostgreSQL server, of its own, in place of the page's.
func TestOperationsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := storetest.NewCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Remove(); err != nil {
			t.Error(err)
		}
	})
	_, host, _ := strings.Cut(cluster.URL(), "host=")
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}

	root := t.TempDir()
	here := regexp.MustCompile(`(^|[\s="])/(var|media|srv)/`)
	there := regexp.MustCompile(`postgres://touchstone@localhost/(\w+)`)
	adapt := func(line string) string {
		line = here.ReplaceAllString(line, "${1}"+root+"/$2/")
		return there.ReplaceAllString(line, "'postgres:///$1?user=touchstone&host="+host+"'")
	}
	var serve string
	var commands []string
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		switch {
		case !ok:
		case strings.HasPrefix(command, "touchstone serve"):
			serve = adapt(command)
		default:
			commands = append(commands, adapt(command))
		}
	}
	if serve == "" || len(commands) < 25 {
		t.Fatalf("the page has the service %q and %d commands", serve, len(commands))
	}

	for name, text := range map[string]string{"systemctl": systemctl, "sudo": sudo} {
		if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "bin", name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, directory := range []string{"var/lib", "var/backups", "media/safe", "srv"} {
		if err := os.MkdirAll(filepath.Join(root, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := "set -eu\ntrap 'kill -INT $(cat $ROOT/service.pid 2>/dev/null) 2>/dev/null || true' EXIT\nsystemctl start touchstone\n"
	for _, command := range commands {
		script += fmt.Sprintf("echo + %s\n%s\n", shellWord(command), command)
	}
	script += "echo all was run\n"

	shell := exec.Command("bash", "-c", script)
	shell.Env = append(os.Environ(), "ROOT="+root, "SERVE="+serve, "TOUCHSTONE_LISTEN=127.0.0.1:"+port,
		"PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"), "PGHOST="+host, "PGUSER=touchstone")
	output, err := shell.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(output), "all was run\n") {
		t.Fatalf("%v\n%s", err, output)
	}
}

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
	"github.com/touchstone-iam/touchstone/sigv4"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"touchstone": main, "readme": readme})
}

// TestScripts runs the command as a person at a shell does: each file of testdata is a session. Those in state run on both engines,
// those in commands need no database.
func TestScripts(t *testing.T) {
	directories := []string{"commands", "state", "sqlite"}
	if storetest.Server() != "" {
		directories = []string{"state", "postgres"}
	}

	migrations, err := filepath.Abs("../../internal/store/migrations")
	if err != nil {
		t.Fatal(err)
	}

	for _, directory := range directories {
		t.Run(directory, func(t *testing.T) {
			d := &databases{t: t, migrations: migrations}
			testscript.Run(t, testscript.Params{
				Dir: "testdata/" + directory,
				Setup: func(env *testscript.Env) error {
					port, err := freePort()
					env.Setenv("PORT", port)
					if directory != "commands" {
						for name, value := range d.environment(env.WorkDir, "data") {
							env.Setenv(name, value)
						}
					}

					return err
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits": exits, "ready": ready, "answers": answers, "certificate": certificate, "shell": shell,
					"get": get, "call": call, "capture": capture,
					"on": d.on, "old": d.old, "hold": d.hold, "release": d.release, "guarded": d.guarded,
				},
			})
		})
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// exits runs a command that must end with the exit code: exits 2 touchstone serve --listen nonsense.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
	}
	if got != want {
		ts.Fatalf("%s exits %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// ready waits until the server on $PORT answers that it is ready.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	for range 200 {
		if status, _, err := fetch("http://localhost:" + ts.Getenv("PORT") + "/readyz"); err == nil && status == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("the server does not become ready")
}

// answers waits until something accepts connections on a port of this machine: answers $PORT.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	for range 200 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+args[0]); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("nothing answers on port %s", args[0])
}

// certificate makes a certificate for a host and its key, and says when from now it expires: certificate CERT KEY HOST 24h.
func certificate(ts *testscript.TestScript, _ bool, args []string) {
	left, err := time.ParseDuration(args[3])
	ts.Check(err)
	ts.Check(writeCertificate(ts.MkAbs(args[0]), ts.MkAbs(args[1]), args[2], time.Now().Add(left)))
}

// shell has the shell run a line as a person would type it: shell $COMMAND.
func shell(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("sh", "-c", strings.Join(args, " ")))
}

// get fetches a path of the server on $PORT and prints the status and the body: get /healthz.
func get(ts *testscript.TestScript, _ bool, args []string) {
	status, body, err := fetch("http://localhost:" + ts.Getenv("PORT") + args[0])
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s", status, body)
}

func fetch(url string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	return send(r)
}

func send(r *http.Request) (status int, body string, err error) {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// call makes a request of the API, signed with the key in the environment, and prints the status and the body:
// call iam GetUser UserName=alice.
func call(ts *testscript.TestScript, _ bool, args []string) {
	form := url.Values{"Action": {args[1]}, "Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[args[0]]}}
	for _, parameter := range args[2:] {
		name, value, _ := strings.Cut(parameter, "=")
		form.Set(name, value)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost:"+ts.Getenv("PORT")+"/",
		strings.NewReader(form.Encode()))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, []byte(form.Encode()), sigv4.Credentials{
		AccessKeyID: ts.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: ts.Getenv("AWS_SECRET_ACCESS_KEY"),
	}, "us-east-1", args[0], time.Now())

	status, body, err := send(r)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s", status, body)
}

// capture sets a variable to what the first group of a pattern matches in the last output: capture ID '"AccountId": "(.*)"'.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	match := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if match == nil {
		ts.Fatalf("the output has no %s", args[1])
	}
	ts.Setenv(args[0], match[1])
}

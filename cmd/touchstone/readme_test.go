package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// elsewhere are the lines of the README that this test does not run, each with what holds it instead.
var elsewhere = map[string]string{
	"git clone https://github.com/touchstone-iam/touchstone && cd touchstone":                                                        "the sources are copied instead",
	"sudo -u postgres createuser --pwprompt touchstone":                                                                              "needs the machine's own PostgreSQL",
	"sudo -u postgres createdb --owner=touchstone --encoding=UTF8 --template=template0 touchstone":                                   "needs the machine's own PostgreSQL",
	"install -m 600 /dev/null pgpass":                                                                                                "testdata/postgres/password.txt",
	"echo 'localhost:5432:touchstone:touchstone:PASSWORD' > pgpass":                                                                  "testdata/postgres/password.txt",
	"PGPASSFILE=$PWD/pgpass bin/touchstone serve --database postgres://touchstone@localhost/touchstone --master-key-file master.key": "testdata/postgres/password.txt",
}

// TestREADME runs what the README shows, word by word and in its order, in a copy of the sources. It runs in namespaces of its own,
// so that the ports and directories which the README names are free and stay untouched.
func TestREADME(t *testing.T) {
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("readme", source, copySources(t, source))
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v (this test needs network and mount namespaces, as root or with user namespaces)\n%s", err, out)
	}
}

// copySources copies the files of the project to a directory, which stands for a fresh clone.
func copySources(t *testing.T, source string) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = source
	files, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}

	clone := t.TempDir()
	for name := range strings.SplitSeq(strings.Trim(string(files), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(source, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		info, statErr := os.Stat(filepath.Join(source, name))
		if err := errors.Join(err, statErr, os.MkdirAll(filepath.Dir(filepath.Join(clone, name)), 0o755)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(clone, name), text, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return clone
}

// readme is the command that runs the session inside the namespaces: readme SOURCE CLONE.
func readme() {
	s := &session{clone: os.Args[2], exports: "set -eu\n"}
	err := s.run(os.Args[1])
	if s.server != nil {
		s.stop() //nolint:errcheck // the session has failed or is over
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// session is what a person does who follows the README.
type session struct {
	clone   string
	exports string // what was exported at the shell so far
	server  *exec.Cmd
	account string // of the first start
	user    store.AccessKey
	secret  string
	text    string // the README
	ran     []string
}

// run follows the README from the first command to the last.
func (s *session) run(source string) error {
	if err := isolate(); err != nil {
		return fmt.Errorf("isolate: %w", err)
	}
	readme, err := os.ReadFile(filepath.Join(source, "README.md"))
	if err != nil {
		return err
	}
	s.text = string(readme)

	denial := ""
	for _, line := range shown(s.text) {
		switch reason := elsewhere[line]; {
		case reason != "":
			s.ran = append(s.ran, line)
		case strings.HasPrefix(line, "User: "), denial != "" && !strings.Contains(denial, "policy"):
			denial = strings.TrimSpace(denial + " " + line) // what a denial reads like, in two lines
		default:
			if err := s.do(line); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			s.ran = append(s.ran, line)
		}
	}

	for line := range elsewhere {
		if !slices.Contains(s.ran, line) {
			return fmt.Errorf("the README no longer shows %s", line)
		}
	}
	if len(s.ran) < 12 {
		return fmt.Errorf("only %d commands were found: %q", len(s.ran), s.ran)
	}
	return nil
}

// shown returns the lines of the README that are indented as commands are.
func shown(text string) (lines []string) {
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if command, ok := strings.CutPrefix(line, "    "); ok && !fenced {
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	return lines
}

// do runs one command. A server goes on running; what the README says to do in the browser in between is done here.
func (s *session) do(line string) error {
	switch {
	case line == "make run":
		return s.start(line, "http://localhost:8080", s.firstAccount)
	case strings.HasPrefix(line, "bin/touchstone serve "):
		if err := s.stop(); err != nil {
			return err
		}
		if err := writeCertificate(filepath.Join(s.clone, "cert.pem"), filepath.Join(s.clone, "key.pem"), "iam.example.com",
			time.Now().Add(2400*time.Hour)); err != nil {
			return err
		}
		return s.start(line, "https://localhost:443", func(string) error { return nil })
	case strings.HasPrefix(line, "export "):
		if err := s.alice(); err != nil {
			return err
		}
		// The README leaves out the credentials, which everybody has of their own.
		line = strings.NewReplacer("AKIA…", s.user.ID, "SECRET_ACCESS_KEY=…", "SECRET_ACCESS_KEY="+s.secret).Replace(line)
		s.exports += line + "\n"
		return nil
	}

	out, err := s.shell(line)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	expected := map[string]string{
		"get-caller-identity": "arn:aws:iam::" + s.account + ":user/alice",
		"list-mfa-devices":    `"MFADevices": []`,
		"account create":      "Secret key:",
		"audit":               "CreateAccount",
	}
	for part, want := range expected {
		if strings.Contains(line, part) {
			if !strings.Contains(out, want) {
				return fmt.Errorf("does not print %s, but:\n%s", want, out)
			}
			if part == "list-mfa-devices" {
				return s.denied()
			}
			return nil
		}
	}
	return errors.New("the test does not know what this should print")
}

// shell runs a command at the shell, in the clone.
func (s *session) shell(line string) (string, error) {
	c := exec.Command("bash", "-c", s.exports+line)
	c.Dir = s.clone
	c.Env = append(os.Environ(), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=",
		"AWS_MAX_ATTEMPTS=1")
	out, err := c.CombinedOutput()
	return string(out), err
}

// start starts a server in the background, as in another terminal, waits until it is ready, and hands over what it printed.
func (s *session) start(line, url string, printed func(string) error) error {
	log := filepath.Join(s.clone, "server.log")
	c := exec.Command("bash", "-c", s.exports+line+" >server.log 2>&1")
	c.Dir = s.clone
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return err
	}
	s.server = c

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for range 1200 { // it is built first
		if answer, err := client.Get(url + "/readyz"); err == nil {
			answer.Body.Close()
			text, err := os.ReadFile(log)
			return errors.Join(err, printed(string(text)))
		}
		time.Sleep(250 * time.Millisecond)
	}
	text, _ := os.ReadFile(log)
	return fmt.Errorf("is not ready:\n%s", text)
}

// stop ends the server, as with Ctrl-C.
func (s *session) stop() error {
	err := syscall.Kill(-s.server.Process.Pid, syscall.SIGINT)
	s.server.Wait() //nolint:errcheck // make ends with an error when it is interrupted
	s.server = nil
	return err
}

// firstAccount notes the account of the first start.
func (s *session) firstAccount(printed string) error {
	account := regexp.MustCompile(`Account id: +(\d{12})[\s\S]*Set-up link: +http://localhost:8080/auth/setup\?link=`)
	match := account.FindStringSubmatch(printed)
	if match == nil {
		return fmt.Errorf("the first start prints:\n%s", printed)
	}
	s.account = match[1]
	return nil
}

// alice makes the user of the README's third step, with the policy that the README shows and an access key, as the console does.
func (s *session) alice() error {
	match := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(s.text)
	if match == nil || !json.Valid([]byte(match[1])) {
		return errors.New("the README shows no policy")
	}
	ctx, now := context.Background(), time.Now()
	state, err := server.OpenState(ctx, server.StateConfig{Data: filepath.Join(s.clone, "data")})
	if err != nil {
		return err
	}
	defer state.Close()

	alice := &store.Principal{
		AccountID: s.account, ID: ids.New(), Kind: store.User, UniqueID: ids.NewUnique("AIDA"), Name: "alice", Path: "/", CreatedAt: now,
	}
	s.secret = secret.NewSecretAccessKey()
	s.user = store.AccessKey{AccountID: s.account, ID: ids.NewAccessKey(), PrincipalID: alice.ID, Active: true, CreatedAt: now}
	s.user.SealedSecret = state.Secrets.SealSecretKey(s.account, alice.ID, s.user.ID, s.secret)
	return state.Store.Update(ctx, store.Raise(s.account), func(tx *store.Tx) error {
		return errors.Join(tx.InsertPrincipal(alice), tx.InsertAccessKey(&s.user),
			tx.PutInlinePolicy(s.account, alice.ID, "self", match[1], now))
	})
}

// denied holds the denial that the README shows to what the AWS CLI is told.
func (s *session) denied() error {
	out, err := s.shell("aws --endpoint-url http://localhost:8080 iam deactivate-mfa-device --user-name alice " +
		"--serial-number arn:aws:iam::" + s.account + ":u2f/user/alice/key")
	lines := shown(s.text)
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "User: ") })
	if err == nil || at < 0 {
		return fmt.Errorf("there is no denial: %s", out)
	}
	want := strings.ReplaceAll(lines[at]+" "+lines[at+1], "111122223333", s.account)
	if !strings.Contains(out, want) {
		return fmt.Errorf("a denial reads\n%s\nand the README shows\n%s", out, want)
	}
	return nil
}

// isolate brings up the loopback interface of the new network namespace, and lays an empty directory over /var/lib.
func isolate() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}

	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		return err
	}
	if _, err := net.InterfaceByName("lo"); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return err
	}
	return unix.Mount("tmpfs", "/var/lib", "tmpfs", 0, "")
}

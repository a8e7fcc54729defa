package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newTerminal opens a terminal: what is written to the one file is typed at the other.
func newTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}

	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// On a terminal, an account is removed only after its id was typed, or with --yes. Where nobody can be asked, --reset is enough.
func TestResetAsks(t *testing.T) {
	const id = "111122223333"
	for _, test := range []struct {
		name, typed string
		yes, resets bool
	}{
		{"the id", id + "\n", false, true},
		{"yes", "yes\n", false, false},
		{"nothing", "\x04", false, false}, // the end of the input
		{"with --yes", "", true, true},
		{"no terminal", "", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := t.TempDir()
			var made bytes.Buffer
			create := []string{
				"account", "create", "--data", data, "--account-id", id, "--alias", "acme", "--root-email",
				"root@example.com",
			}
			if code := run(context.Background(), create, &made, io.Discard); code != 0 {
				t.Fatalf("the account is not made: %d", code)
			}

			reset := []string{"account", "create", "--data", data, "--alias", "acme", "--root-email", "new@example.com", "--reset"}
			if test.yes {
				reset = append(reset, "--yes")
			}
			c := exec.Command("touchstone", reset...)
			if test.name != "no terminal" {
				keyboard, terminal := newTerminal(t)
				c.Stdin = terminal
				if _, err := io.WriteString(keyboard, test.typed); err != nil {
					t.Fatal(err)
				}
			}
			said, err := c.CombinedOutput()
			if (err == nil) != test.resets {
				t.Errorf("%v:\n%s", err, said)
			}
			asks := strings.Contains(string(said), "This removes the account 111122223333, alias acme, root e-mail root@example.com")
			if want := test.typed != ""; asks != want {
				t.Errorf("it asks: %v, want %v:\n%s", asks, want, said)
			}

			var listed bytes.Buffer
			if code := run(context.Background(), []string{"account", "list", "--data", data}, &listed, io.Discard); code != 0 {
				t.Fatalf("account list exits %d", code)
			}
			if strings.Contains(listed.String(), "new@example.com") != test.resets {
				t.Errorf("afterwards there is:\n%s", &listed)
			}
		})
	}
}

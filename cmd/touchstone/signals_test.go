package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a server that runs as a process of its own.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	port  string
	lines chan string // of its log
	log   strings.Builder
}

// serveProcess starts the command with the flags on a free port and an empty data directory, and waits until it answers.
func serveProcess(t *testing.T, flags ...string) *process {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, port: port, lines: make(chan string, 1000)}
	given := append([]string{"serve", "--data", filepath.Join(t.TempDir(), "data"), "--listen", "127.0.0.1:" + port}, flags...)
	p.cmd = exec.Command("touchstone", given...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() }) //nolint:errcheck // it has ended in most tests
	go func() {
		defer close(p.lines)
		for in := bufio.NewScanner(stderr); in.Scan(); {
			p.lines <- in.Text()
		}
	}()
	p.logged(`"started"`)
	return p
}

// signal sends a signal.
func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// logged waits for a line of the log that contains a text, and returns it.
func (p *process) logged(text string) string {
	p.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case line, open := <-p.lines:
			p.log.WriteString(line + "\n")
			if strings.Contains(line, text) {
				return line
			}
			if !open {
				p.t.Fatalf("the server ended without logging %s:\n%s", text, &p.log)
			}
		case <-limit:
			p.t.Fatalf("the server does not log %s:\n%s", text, &p.log)
		}
	}
}

// ended waits for the end of the process and returns how it ended, with the rest of the log.
func (p *process) ended() (syscall.WaitStatus, string) {
	p.t.Helper()
	for line := range p.lines {
		p.log.WriteString(line + "\n")
	}
	p.cmd.Wait() //nolint:errcheck // how it ended is looked at
	return p.cmd.ProcessState.Sys().(syscall.WaitStatus), p.log.String()
}

// SIGHUP has the files read again, says so, and never ends the server.
func TestHangUpRereads(t *testing.T) {
	cert, key := newCertificate(t, "localhost", time.Now().Add(24*time.Hour))
	p := serveProcess(t, "--tls-cert", cert, "--tls-key", key)
	for range 2 {
		p.signal(syscall.SIGHUP)
		p.logged(`"read again","what":"master key"`)
		p.logged(`"read again","what":"TLS certificate","expires":`)
	}

	// A file that cannot be used is told of, and what was read before stays.
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.logged(`"could not be read again, and stays as it was","what":"TLS certificate"`)
	connection, err := tlsDial("127.0.0.1:" + p.port)
	if err != nil {
		t.Fatalf("after the reread: %v", err)
	}
	connection.Close()

	p.signal(syscall.SIGTERM)
	if status, log := p.ended(); status.ExitStatus() != 0 {
		t.Errorf("ends with %v:\n%s", status, log)
	}
}

// Somebody who stalls in the middle of a request does not make the stop fail.
func TestTermWithAStalledRequest(t *testing.T) {
	p := serveProcess(t)
	stalled, err := net.Dial("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	if _, err := io.WriteString(stalled, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nAction="); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the server has begun to read it; the stop is the same if not

	p.signal(syscall.SIGTERM)
	status, log := p.ended()
	if status.ExitStatus() != 0 || strings.Contains(log, "did not finish") || !strings.Contains(log, `"stopped"`) {
		t.Errorf("ends with %d:\n%s", status.ExitStatus(), log)
	}
}

// A second signal does not wait for requests in flight.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	for _, second := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(second.String(), func(t *testing.T) {
			scraped, err := freePort()
			if err != nil {
				t.Fatal(err)
			}
			// A sign-in takes long.
			p := serveProcess(t, "--argon2-memory", "131072", "--argon2-time", "32", "--metrics-listen", "127.0.0.1:"+scraped)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				form := url.Values{"Email": {"root@localhost"}, "Password": {"wrong, and slowly so"}}
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost:"+p.port+"/auth/root",
					strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if answer, err := http.DefaultClient.Do(r); err == nil {
					answer.Body.Close()
				}
			}()
			for hashing := false; !hashing; {
				_, metrics, err := fetch("http://127.0.0.1:" + scraped + "/metrics")
				if err != nil {
					t.Fatal(err)
				}
				hashing = strings.Contains(metrics, "touchstone_http_requests_in_flight 1")
			}

			p.signal(syscall.SIGTERM)
			p.logged(`"stopping`)
			p.signal(second)
			if status, log := p.ended(); !status.Signaled() || status.Signal() != second {
				t.Errorf("ends with exit code %d instead of by the signal:\n%s", status.ExitStatus(), log)
			}
		})
	}
}

// The service manager hears when the server is ready, reads its files again, and stops.
func TestServiceManagerIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	heard := func(want string) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}

		text := make([]byte, 200)
		for {
			n, err := manager.Read(text)
			if err != nil {
				t.Fatalf("the manager does not hear %s: %v", want, err)
			}
			got := string(text[:n])
			if strings.HasPrefix(got, want) {
				return
			}
			if got != "WATCHDOG=1" {
				t.Fatalf("the manager hears %q, want %s", got, want)
			}
		}
	}

	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "100000")
	p := serveProcess(t)
	heard("READY=1")
	heard("WATCHDOG=1")
	p.signal(syscall.SIGHUP)
	heard("RELOADING=1\nMONOTONIC_USEC=")
	heard("READY=1")
	p.signal(syscall.SIGTERM)
	heard("STOPPING=1")
	if status, log := p.ended(); status.ExitStatus() != 0 {
		t.Errorf("ends with %v:\n%s", status, log)
	}
}

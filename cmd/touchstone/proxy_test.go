package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/sigv4"
)

// The snippet for nginx in docs/behind-a-proxy.md works as it stands: only its ports and files are replaced.
func TestBehindNginx(t *testing.T) {
	document, err := os.ReadFile("../../docs/behind-a-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	snippet := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(string(document))
	if snippet == nil {
		t.Fatal("docs/behind-a-proxy.md has no snippet for nginx")
	}

	p := serveProcess(t, "--behind-proxy", "127.0.0.1", "--url", "https://iam.example.com")
	public := serveNginx(t, snippet[1], p.port)
	data := p.cmd.Args[3]
	var made bytes.Buffer
	if code := run(context.Background(), []string{
		"account", "create", "--data", data, "--alias", "acme", "--root-email", "acme@example.com",
		"--access-key", "--output", "json",
	}, &made, io.Discard); code != 0 {
		t.Fatalf("the account is not made: %d", code)
	}
	var account struct{ AccountID, AccessKeyID, SecretAccessKey string }
	if err := json.Unmarshal(made.Bytes(), &account); err != nil {
		t.Fatal(err)
	}

	// The client is at an address of its own, and asks for the public host.
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext(ctx, "tcp", public)
			},
		},
	}
	send := func(r *http.Request) (status int, body string) {
		t.Helper()
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}

	form := url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}.Encode()
	r, err := http.NewRequest(http.MethodPost, "https://iam.example.com/", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, []byte(form), sigv4.Credentials{AccessKeyID: account.AccessKeyID, SecretAccessKey: account.SecretAccessKey},
		"us-east-1", "sts", time.Now())
	if status, body := send(r); status != http.StatusOK || !strings.Contains(body, account.AccountID+":root") {
		t.Errorf("a signed call through nginx: %d %s", status, body)
	}
	if line := p.logged(`"operation":"GetCallerIdentity"`); !strings.Contains(line, `"address":"127.0.0.2"`) ||
		!strings.Contains(line, `"principal":"arn:aws:iam::`+account.AccountID+`:root"`) {
		t.Errorf("the log has %s", line)
	}

	if r, err = http.NewRequest(http.MethodGet, "https://iam.example.com/signin", nil); err != nil {
		t.Fatal(err)
	}
	if status, body := send(r); status != http.StatusOK || !strings.Contains(body, "Root user") {
		t.Errorf("a page through nginx: %d %s", status, body)
	}

	p.signal(syscall.SIGTERM)
	if _, log := p.ended(); strings.Contains(log, "another host") {
		t.Errorf("the Host is taken for a wrong one:\n%s", log)
	}
}

// serveNginx runs nginx with a server block in front of a port, until the test ends, and returns its address.
func serveNginx(t *testing.T, block, port string) (address string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Fatal("nginx is not installed: run make test, which installs it, or apt-get install nginx-light")
		}
	}
	listening, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := newCertificate(t, "iam.example.com", time.Now().Add(2400*time.Hour))
	address = "127.0.0.1:" + listening
	block = strings.NewReplacer("listen 443", "listen "+address, "127.0.0.1:8080", "127.0.0.1:"+port,
		"/etc/ssl/iam.example.com.pem", cert, "/etc/ssl/iam.example.com.key", key).Replace(block)

	prefix := t.TempDir()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // the workers read and write below the test's directory
	}
	text := user + "worker_processes 1;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n" +
		"client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n" + block + "}\n"
	configuration := filepath.Join(prefix, "nginx.conf")
	if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	var said bytes.Buffer
	c := exec.Command(program, "-p", prefix, "-e", "stderr", "-c", configuration, "-g", "daemon off;")
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have failed to start
		c.Wait()                          //nolint:errcheck // as above
	})
	for range 200 {
		if connection, err := net.Dial("tcp", address); err == nil {
			connection.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nginx does not answer: %s", &said)
	return ""
}

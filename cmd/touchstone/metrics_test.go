package main

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// scrape starts a server with everything that has metrics, makes a request of each kind, and returns what Prometheus gets from it.
func scrape(t *testing.T) string {
	t.Helper()
	scraped, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := newCertificate(t, "localhost", time.Now().Add(2400*time.Hour))
	p := serveProcess(t, "--tls-cert", cert, "--tls-key", key, "--metrics-listen", "127.0.0.1:"+scraped)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	send := func(method, path string, form url.Values) {
		t.Helper()
		r, err := http.NewRequestWithContext(context.Background(), method, "https://localhost:"+p.port+path,
			strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	send(http.MethodGet, "/signin", nil)
	send(http.MethodPost, "/auth/root", url.Values{"Email": {"root@localhost"}, "Password": {"not the password"}})
	send(http.MethodPost, "/", url.Values{"Action": {"GetUser"}, "Version": {"2010-05-08"}})

	status, text, err := fetch("http://127.0.0.1:" + scraped + "/metrics")
	if err != nil || status != http.StatusOK {
		t.Fatalf("the scrape: %d, %v", status, err)
	}
	p.signal(syscall.SIGTERM)
	p.ended()
	return text
}

// The names, types and help texts of the metrics follow Prometheus' conventions, as its own linter has them, and everything that an
// operator asks about is there.
func TestMetrics(t *testing.T) {
	text := scrape(t)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}

	for _, want := range []string{
		`touchstone_build_info{goversion="go1.`,
		`touchstone_http_requests_total{code="",operation="page",status="200"} `,
		`touchstone_http_requests_total{code="MissingAuthenticationToken",operation="GetUser",status="403"} 1`,
		`touchstone_http_request_duration_seconds_count{operation="GetUser",outcome="refused"} 1`,
		`touchstone_signin_steps_total{result="incorrect",step="password"} 1`,
		`touchstone_signin_steps_total{result="incorrect",step="mfa"} 0`,
		`touchstone_signin_steps_total{result="throttled",step="password"} 0`,
		"touchstone_audit_events_waiting ", "touchstone_access_key_uses_waiting ", "touchstone_password_hashes_waiting 0",
		"touchstone_store_write_wait_seconds_count ", "touchstone_database_wal_size_bytes ", "touchstone_outbox_messages_waiting 0",
		"touchstone_tls_certificate_expiry_timestamp_seconds ", "process_resident_memory_bytes ", "process_open_fds ", "go_goroutines ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
	if size := regexp.MustCompile(`(?m)^touchstone_database_size_bytes [1-9]`); !size.MatchString(text) {
		t.Error("the database has no size")
	}
}

// Every metric that the example dashboard and the example alerts name exists.
func TestDeployNamesMetricsThatExist(t *testing.T) {
	known := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)[ {]`).FindAllStringSubmatch(scrape(t), -1) {
		known[m[1]] = true
	}

	for _, file := range []string{"../../deploy/prometheus/alerts.yaml", "../../deploy/grafana/touchstone.json"} {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`\b(touchstone|process|go)_[a-z_]+\b`).FindAllString(string(text), -1)
		if len(named) < 8 {
			t.Errorf("%s names only %d metrics", file, len(named))
		}
		for _, name := range named {
			if !known[name] {
				t.Errorf("%s names %s, which is no metric", file, name)
			}
		}
	}
}

package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHealth asks servers of several kinds whether they are ready.
func TestHealth(t *testing.T) {
	answer := func(status int, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			io.WriteString(w, text) //nolint:errcheck // the test reads it
		})
	}
	secure := httptest.NewTLSServer(answer(http.StatusOK, "ready\n"))
	defer secure.Close()
	certificate := filepath.Join(t.TempDir(), "cert.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(answer(http.StatusOK, "ready\n"))
	defer plain.Close()
	unready := httptest.NewServer(answer(http.StatusServiceUnavailable, "not ready: the disk is gone\n"))
	defer unready.Close()
	moved := httptest.NewServer(answer(http.StatusFound, ""))
	defer moved.Close()
	address := func(s *httptest.Server) string { return s.Listener.Addr().String() }

	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"by its URL":     {[]string{"--url", plain.URL}, 0, "ready"},
		"by its address": {[]string{"--listen", address(plain)}, 0, "ready"},
		"behind a proxy": {[]string{"--listen", address(plain), "--url", "https://iam.example.com"}, 0, "ready"},
		"with TLS": {
			[]string{"--listen", address(secure), "--url", "https://example.com", "--tls-cert", certificate},
			0, "ready",
		},
		"with TLS, another host": {
			[]string{"--listen", address(secure), "--url", "https://example.org", "--tls-cert", certificate},
			1, "example.org",
		},
		"an unknown certificate": {[]string{"--url", secure.URL}, 1, "certificate"},
		"not ready":              {[]string{"--url", unready.URL}, 1, "answers 503: not ready: the disk is gone"},
		"another page":           {[]string{"--url", moved.URL}, 1, "answers 302"},
		"no address":             {[]string{"--listen", "nonsense"}, 2, "use host:port"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"health"}, test.args...), &stdout, &stderr)
		if said := stdout.String() + stderr.String(); code != test.code || !strings.Contains(said, test.want) {
			t.Errorf("%s: exits %d with %q, want %d with %q", name, code, said, test.code, test.want)
		}
	}
}

package web_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// lockedBuffer is a log that may be written and read at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A page that is asked for at another host or port than --url's is led to the same page there, since security keys and sessions
// work only there. It is not when that would lead round in circles or to another machine, and requests of the API are answered
// anywhere.
func TestPagesAreAtTheURL(t *testing.T) {
	t.Parallel()
	const path = "/signin?to=%2Fconsole%2F"
	for _, test := range []struct {
		name, url, method, host, path string
		proxied                       bool
		leads                         string // "" when it is answered where it is
	}{
		{"the same", "http://localhost:8080", "GET", "localhost:8080", path, false, ""},
		{"the same, in capitals", "http://localhost:8080", "GET", "LOCALHOST:8080", path, false, ""},
		{"the scheme's own port", "https://iam.example.com", "GET", "iam.example.com:443", path, false, ""},
		{"a loopback address", "http://localhost:8080", "GET", "127.0.0.1:8080", path, false, "http://localhost:8080" + path},
		{"a loopback address of IPv6", "http://localhost:8080", "HEAD", "[::1]:8080", path, false, "http://localhost:8080" + path},
		{"another port", "http://localhost:9999", "GET", "localhost:8080", path, false, "http://localhost:9999" + path},
		{"an address", "https://iam.example.com", "GET", "192.0.2.1", path, false, "https://iam.example.com" + path},
		{"another name", "https://iam.example.com", "GET", "iam", path, false, "https://iam.example.com" + path},
		{
			"a path that looks like a host", "https://iam.example.com", "GET", "iam", "//evil.example/a", false,
			"https://iam.example.com//evil.example/a",
		},
		{"a form", "https://iam.example.com", "POST", "iam", path, false, ""},
		{"behind a proxy", "https://iam.example.com", "GET", "127.0.0.1:8080", path, true, ""},
		{"another machine, of a URL for this one", "https://localhost:8443", "GET", "iam.example.com:8443", path, false, ""},
		{"the API", "https://iam.example.com", "GET", "iam", "/?Action=GetUser&Version=2010-05-08", false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			s := touchtest.Start(t, func(c *server.Config) {
				c.URL = test.url
				c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
			})
			// In this test the peer is 192.0.2.1, as httptest has it.
			c := httpd.Config{Listen: "127.0.0.1:0", URL: test.url, BehindProxy: []string{"198.51.100.1"}}
			if test.proxied {
				c.BehindProxy = []string{"192.0.2.1"}
			}
			front, err := httpd.New(c, s.Handler, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}

			ask := func() *httptest.ResponseRecorder {
				r := httptest.NewRequest(test.method, test.path, strings.NewReader(""))
				r.Host = test.host
				w := httptest.NewRecorder()
				front.Handler().ServeHTTP(w, r)
				return w
			}
			w := ask()
			got := w.Header().Get("Location")
			if got != test.leads || (w.Code == http.StatusTemporaryRedirect) != (test.leads != "") {
				t.Errorf("%d to %q, want %q", w.Code, got, test.leads)
			}
			if test.leads != "" && test.method == "GET" && !strings.Contains(w.Body.String(), "These pages are at "+test.url) {
				t.Errorf("the answer says %q", w.Body)
			}

			// It is said in the log, once a minute.
			ask()
			elsewhere := !strings.EqualFold(strings.TrimSuffix(test.host, ":443"),
				strings.TrimPrefix(strings.TrimPrefix(test.url, "https://"), "http://"))
			want := 0
			if elsewhere && test.name != "the API" {
				want = 1
			}
			if n := strings.Count(log.String(), "another host than --url names"); n != want {
				t.Errorf("it is logged %d times, want %d: %s", n, want, log.String())
			}
			s.Clock.Advance(2 * time.Minute)
			ask()
			if n := strings.Count(log.String(), "another host than --url names"); n != 2*want {
				t.Errorf("two minutes later it is logged %d times, want %d", n, 2*want)
			}
		})
	}
}

package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// around is a server around a handler, and its log.
func around(t testing.TB, level slog.Level, handler http.HandlerFunc) (*Server, *bytes.Buffer) {
	t.Helper()
	var lines bytes.Buffer
	s, err := New(Config{Listen: "127.0.0.1:0", URL: "http://localhost", BehindProxy: []string{"10.0.0.1"}}, handler,
		func(context.Context) error { return nil }, slog.New(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: level})))
	if err != nil {
		t.Fatal(err)
	}
	return s, &lines
}

func get(s *Server, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil)) // from 192.0.2.1
	return w
}

func line(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	var entry map[string]any
	text, err := log.ReadBytes('\n')
	if err != nil {
		t.Fatalf("log: %v", err)
	}
	if err := json.Unmarshal(text, &entry); err != nil {
		t.Fatalf("log: %v", err)
	}
	return entry
}

func TestRequestIsKnownAndLogged(t *testing.T) {
	var id string
	s, log := around(t, slog.LevelInfo, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context()) // a handler's own context below
		defer cancel()
		id = RequestID(ctx)
		if ClientAddr(ctx) != netip.MustParseAddr("192.0.2.1") || IsSecure(ctx) {
			t.Errorf("client %v, secure %v", ClientAddr(ctx), IsSecure(ctx))
		}
		Note(ctx, "GetUser", "iam:GetUser", "NoSuchEntity")
		Identify(ctx, "111122223333", "arn:aws:iam::111122223333:user/alice")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNotFound)
	})
	get(s, "/a?link=secret")
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("request id %q", id)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the query is in the log: %s", log)
	}

	entry := line(t, log)
	for key, want := range map[string]any{
		"msg": "request", "level": "INFO", "request_id": id, "method": "GET", "path": "/a", "status": 404.0, "address": "192.0.2.1",
		"operation": "GetUser", "action": "iam:GetUser", "code": "NoSuchEntity",
		"account": "111122223333", "principal": "arn:aws:iam::111122223333:user/alice",
	} {
		if entry[key] != want {
			t.Errorf("%s: %v, want %v", key, entry[key], want)
		}
	}

	first := id
	if get(s, "/a"); id == first {
		t.Error("two requests have one id")
	}
}

// A failure is one line, which names the request and the first cause.
func TestFailureIsLoggedOnce(t *testing.T) {
	s, log := around(t, slog.LevelInfo, func(w http.ResponseWriter, r *http.Request) {
		Fail(r.Context(), errors.New("disk full"))
		Fail(r.Context(), errors.New("page failed"))
		w.WriteHeader(http.StatusInternalServerError)
	})
	get(s, "/")
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, log)
	}
	if entry := line(t, log); entry["msg"] != "request failed" || entry["level"] != "ERROR" || entry["error"] != "disk full" {
		t.Errorf("logged %v", entry)
	}
}

// The files of a page are logged at level Debug only.
func TestAssetsAreDebug(t *testing.T) {
	for level, want := range map[slog.Level]int{slog.LevelInfo: 1, slog.LevelDebug: 3} {
		s, log := around(t, level, func(http.ResponseWriter, *http.Request) {})
		get(s, "/static/app.js")
		get(s, "/favicon.ico")
		get(s, "/console/")
		if n := strings.Count(log.String(), "\n"); n != want {
			t.Errorf("at level %v there are %d lines: %s", level, n, log)
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	s, log := around(t, slog.LevelInfo, func(http.ResponseWriter, *http.Request) {})
	get(s, "/"+strings.Repeat("x", 20_000))
	if log.Len() > 1000 {
		t.Errorf("%d bytes were logged", log.Len())
	}
	s, log = around(t, slog.LevelWarn, func(http.ResponseWriter, *http.Request) {})
	get(s, "/")
	if log.Len() > 0 {
		t.Errorf("logged at level Warn: %s", log)
	}
}

func TestOutsideARequest(t *testing.T) {
	ctx := context.Background()
	Note(ctx, "GetUser", "iam:GetUser", "")
	if Fail(ctx, errors.New("lost")) {
		t.Error("a failure outside a request is said to be logged")
	}
	if RequestID(ctx) != "" || ClientAddr(ctx).IsValid() || IsSecure(ctx) {
		t.Error("something is known of no request")
	}
}

func TestStatus(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    float64
	}{
		"nothing written": {func(http.ResponseWriter, *http.Request) {}, 200},
		"body alone":      {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, 200},
		"status":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403},
		"first status":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); w.WriteHeader(200) }, 403},
	} {
		s, log := around(t, slog.LevelInfo, test.handler)
		w := get(s, "/")
		if got := line(t, log)["status"]; got != test.want || float64(w.Code) != test.want {
			t.Errorf("%s: logged %v, answered %d, want %v", name, got, w.Code, test.want)
		}
	}
}

func TestPanicEndsOneRequest(t *testing.T) {
	s, log := around(t, slog.LevelInfo, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		w.Header().Set("Set-Cookie", "a=b")
		panic("the reason")
	})

	w := get(s, "/")
	fault, request := line(t, log), line(t, log)
	if w.Code != 500 || strings.Contains(w.Body.String(), "reason") ||
		!strings.Contains(w.Body.String(), fault["request_id"].(string)) {
		t.Errorf("answered %d %q, want 500 with the request's id and no reason", w.Code, w.Body)
	}
	if w.Header().Get("Content-Length") == "3" || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("headers of another answer: %v", w.Header())
	}
	if fault["level"] != "ERROR" || fault["panic"] != "the reason" ||
		!strings.Contains(fault["stack"].(string), "TestPanicEndsOneRequest") {
		t.Errorf("logged %v", fault)
	}
	if request["status"] != 500.0 || testutil.ToFloat64(s.metrics.inFlight) != 0 {
		t.Errorf("status %v, %v in flight", request["status"], testutil.ToFloat64(s.metrics.inFlight))
	}
}

func TestPanicCutsOffAnAnswer(t *testing.T) {
	for _, p := range []any{"the reason", http.ErrAbortHandler} {
		s, log := around(t, slog.LevelInfo, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half an answer")
			http.NewResponseController(w).Flush()
			panic(p)
		})
		wire := httptest.NewServer(s.Handler())
		answer, err := http.Get(wire.URL)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
		}
		wire.Close()
		if err == nil {
			t.Errorf("%v: the client takes half an answer for a whole one", p)
		}
		if faults := strings.Count(log.String(), "handler panicked"); (faults == 1) != (p != http.ErrAbortHandler) {
			t.Errorf("%v: logged %s", p, log)
		}
		if testutil.ToFloat64(s.metrics.inFlight) != 0 {
			t.Errorf("%v: %v in flight", p, testutil.ToFloat64(s.metrics.inFlight))
		}
	}
}

func TestUnclearClientIsRefused(t *testing.T) {
	s, _ := around(t, slog.LevelInfo, func(http.ResponseWriter, *http.Request) { t.Error("the handler was asked") })
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "unknown")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("answered %d, want 400", w.Code)
	}
}

func TestProbes(t *testing.T) {
	s, log := around(t, slog.LevelInfo, func(http.ResponseWriter, *http.Request) { t.Error("the handler was asked") })
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if w := get(s, path); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	s.ready = func(context.Context) error { return errors.New("disk is gone") }
	s.Remarks(func() []string { return []string{"last backup: none"} })
	if w := get(s, "/readyz"); w.Code != 503 || w.Body.String() != "not ready\n" {
		t.Errorf("not ready: %d %q, want 503 without the reason", w.Code, w.Body)
	}
	if log.Len() > 0 {
		t.Errorf("a probe is logged: %s", log)
	}
	if w := get(s, "/healthz"); w.Code != 200 {
		t.Errorf("alive but not ready: /healthz %d", w.Code)
	}
}

// TestReasonIsForTheOperator asks whether the server is ready from several places: the reason why it is not is told on the
// machine itself and to those who may read the metrics.
func TestReasonIsForTheOperator(t *testing.T) {
	s, _ := around(t, slog.LevelInfo, func(http.ResponseWriter, *http.Request) { t.Error("the handler was asked") })
	s.ready = func(context.Context) error { return errors.New("disk is gone") }
	s.Remarks(func() []string { return []string{"last backup: none"} })
	const whole = "not ready: disk is gone\nlast backup: none\n"

	for name, test := range map[string]struct {
		handler http.Handler
		peer    string
		header  string
		want    string
	}{
		"a stranger":                {s.Handler(), "192.0.2.1:1", "", "not ready\n"},
		"this machine":              {s.Handler(), "127.0.0.1:1", "", whole},
		"this machine, IPv6":        {s.Handler(), "[::1]:1", "", whole},
		"a proxy on this machine":   {s.Handler(), "127.0.0.1:1", "X-Forwarded-For", "not ready\n"},
		"another such proxy":        {s.Handler(), "127.0.0.1:1", "Forwarded", "not ready\n"},
		"whoever reads the metrics": {s.scrapes(), "192.0.2.1:1", "", whole},
	} {
		r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
		r.RemoteAddr = test.peer
		if test.header != "" {
			r.Header.Set(test.header, "for=192.0.2.1")
		}
		w := httptest.NewRecorder()
		test.handler.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != test.want {
			t.Errorf("%s: %d %q, want 503 %q", name, w.Code, w.Body, test.want)
		}
	}
}

func TestReadBody(t *testing.T) {
	const limit = 100_000
	full := strings.Repeat("x", limit)
	for name, test := range map[string]struct {
		body    io.Reader
		length  int64 // -1 for not said
		want    string
		tooLong bool
		broken  bool
	}{
		"none":            {body: http.NoBody},
		"short":           {body: strings.NewReader("abc"), length: 3, want: "abc"},
		"length not said": {body: strings.NewReader("abc"), length: -1, want: "abc"},
		"at the limit":    {body: strings.NewReader(full), length: limit, want: full},
		"at it, not said": {body: strings.NewReader(full), length: -1, want: full},
		"over it":         {body: iotest.ErrReader(errors.New("it was read")), length: limit + 1, tooLong: true},
		"over it, not said": {
			body: io.MultiReader(strings.NewReader(full+"x"), iotest.ErrReader(errors.New("read on"))), length: -1,
			tooLong: true,
		},
		"broken off": {body: iotest.ErrReader(io.ErrUnexpectedEOF), length: 3, broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", test.body)
			r.ContentLength = test.length
			w := httptest.NewRecorder()
			body, err := ReadBody(w, r, limit, nil)
			if string(body) != test.want || errors.Is(err, ErrTooLarge) != test.tooLong || (err != nil) != (test.tooLong || test.broken) {
				t.Errorf("%d bytes, %v", len(body), err)
			}

			if closes := w.Header().Get("Connection") == "close"; closes != test.tooLong {
				t.Errorf("connection closes: %v", closes)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	s, _ := around(t, slog.LevelWarn, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/denied" {
			Note(r.Context(), "GetUser", "iam:GetUser", "AccessDenied")
			w.WriteHeader(403)
		}
	})

	get(s, "/")
	get(s, "/denied")
	get(s, "/denied")
	text := scraped(s.metrics)
	for _, want := range []string{
		"# TYPE touchstone_http_requests_in_flight gauge\ntouchstone_http_requests_in_flight 0\n",
		"touchstone_http_requests_total{code=\"\",operation=\"page\",status=\"200\"} 1\n",
		"touchstone_http_requests_total{code=\"AccessDenied\",operation=\"GetUser\",status=\"403\"} 2\n",
		"touchstone_http_request_duration_seconds_bucket{operation=\"page\",outcome=\"success\",le=\"+Inf\"} 1\n",
		"touchstone_http_request_duration_seconds_count{operation=\"GetUser\",outcome=\"refused\"} 2\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %q:\n%s", want, text)
		}
	}
}

// nowhere is a client that takes everything and keeps nothing.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

func echo() (*Server, *http.Request, error) {
	s, err := New(Config{URL: "http://localhost"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ClientAddr(r.Context()).IsValid() {
			panic("no client")
		}
		w.WriteHeader(http.StatusOK)
	}), nil, slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn})))
	return s, httptest.NewRequest(http.MethodPost, "/", nil), err
}

// BenchmarkMiddleware is what a request costs above its handler: an echo, bare and with everything around it.
func BenchmarkMiddleware(b *testing.B) {
	s, r, err := echo()
	if err != nil {
		b.Fatal(err)
	}
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for name, handler := range map[string]http.Handler{"bare": bare, "around": s.Handler()} {
		b.Run(name, func(b *testing.B) {
			w := nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(w, r)
			}
		})
	}
}

func TestMetricsBuckets(t *testing.T) {
	m := newMetrics()
	for _, took := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, time.Hour} {
		m.begin()
		m.end(outcome{status: http.StatusOK}, took)
	}
	text := scraped(m)
	for _, want := range []string{
		`le="0.001"} 2`, `le="0.0025"} 3`, `le="2.5"} 3`, `le="+Inf"} 4`,
		`seconds_count{operation="page",outcome="success"} 4`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("metrics lack %q:\n%s", want, text)
		}
	}
}

// scraped is what Prometheus gets.
func scraped(m *metrics) string {
	answer := httptest.NewRecorder()
	(&Server{metrics: m}).scrapes().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}

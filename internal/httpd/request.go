package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/internal/ids"
)

// readyTimeout is how long the readiness check may take before the answer is "not ready".
const readyTimeout = 5 * time.Second

// exchange holds what we keep of a request and of its answer, in one allocation.
type exchange struct {
	facts  facts
	answer recorder
	body   incoming
}

// facts are what the server found out about a request. They are the request's context at the same time.
type facts struct {
	context.Context
	id      string
	server  *Server
	address netip.Addr
	secure  bool

	operation, action, code string // as Note was told
	account, principal      string // as Identify was told
	failure                 error  // as Fail was told

	bodies *bodies // nil outside a server
	place  *place  // of the request's body; nil for a small one
}

type factsKey struct{}

// Value implements context.Context.
func (f *facts) Value(key any) any {
	if key == (factsKey{}) {
		return f
	}
	return f.Context.Value(key)
}

func factsOf(ctx context.Context) *facts {
	if f, ok := ctx.Value(factsKey{}).(*facts); ok {
		return f
	}
	return &facts{}
}

// RequestID returns the request's id, a random UUID. It is made by the server and never taken from the client. Outside a request it
// is "".
func RequestID(ctx context.Context) string { return factsOf(ctx).id }

// ClientAddr returns the client's address, without a zone and never IPv4-mapped. The address is invalid when it is not known.
func ClientAddr(ctx context.Context) netip.Addr { return factsOf(ctx).address }

// IsSecure reports whether the client uses TLS. Behind a trusted proxy, the public URL's scheme decides.
func IsSecure(ctx context.Context) bool { return factsOf(ctx).secure }

// IsDirect reports whether a request came from its client itself: whether its Host is the one that the client asked for. Behind a
// proxy the Host may be the proxy's own idea. Outside a request it is false.
func IsDirect(r *http.Request) bool {
	f := factsOf(r.Context())
	return f.server != nil && !f.server.trusted(peerOf(r))
}

// Note records for the log and the metrics which operation a request asks for, which action the policies are asked about, and the
// error code of its answer, "" for success. All must come from tables and never from the client, because the metrics keep a counter
// for each operation and code as long as the server runs.
func Note(ctx context.Context, operation, action, code string) {
	f := factsOf(ctx)
	f.operation, f.action, f.code = operation, action, code
}

// Identify records for the log who makes a request: the id of the account, and the principal's ARN.
func Identify(ctx context.Context, account, principal string) {
	f := factsOf(ctx)
	f.account, f.principal = account, principal
}

// Fail records the cause of a failure that a person should look at. The cause is in the request's one line in the log, whose level
// is then Error. When a request fails several times, the first cause counts. It reports whether ctx is a request's; a caller
// outside any request must log the cause itself.
func Fail(ctx context.Context, cause error) bool {
	f := factsOf(ctx)
	if f.failure == nil {
		f.failure = cause
	}
	return f.id != ""
}

// Handler returns the server's handler with everything around it, except the limits of connections.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			probed(w, http.StatusOK, "ok")
		case "/readyz":
			s.readyz(w, r, s.local(r)) // the reason is for whoever operates the server
		default:
			s.serve(w, r)
		}
	})
}

// serve has the handler answer one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	address, secure, err := s.client(r)
	x := &exchange{
		facts:  facts{Context: r.Context(), server: s, id: ids.NewUUID(), address: address, secure: secure, bodies: s.bodies},
		answer: recorder{ResponseWriter: w},
	}

	s.metrics.begin()
	defer func() {
		p := recover()
		if x.facts.place != nil {
			x.facts.place.leave()
			s.garbage.Note(x.facts.place.size)
		}
		if p != nil && p != http.ErrAbortHandler {
			s.logger.LogAttrs(r.Context(), slog.LevelError, "handler panicked", slog.String("request_id", x.facts.id),
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			if x.answer.status == 0 {
				clear(w.Header()) // cookies and the like were meant for another answer
				w.Header().Set("Cache-Control", "no-store")
				http.Error(&x.answer, "Internal error. Request id: "+x.facts.id, http.StatusInternalServerError)
				p = nil
			}
		}

		if x.answer.status == 0 {
			x.answer.status = http.StatusOK // as net/http answers for a handler that wrote nothing
		}

		took := time.Since(start)
		s.metrics.end(outcome{x.facts.operation, x.facts.code, x.answer.status}, took)
		s.log(r, x, took)
		if p != nil {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
	}()
	switch {
	case err != nil:
		http.Error(&x.answer, "Bad request: "+err.Error()+".", http.StatusBadRequest)
		return
	case s.bypasses(r):
		refuseBypass(&x.answer)
		return
	}

	r = r.WithContext(&x.facts)
	if r.Body != nil && r.Body != http.NoBody {
		x.body = incoming{ReadCloser: r.Body, of: x, arrivals: &s.arrivals}
		r.Body = &x.body
		s.arrivals.begin(x)
		defer s.arrivals.end(x)
	}
	s.handler.ServeHTTP(&x.answer, r)
}

// maxLoggedPath is the number of bytes of a path that are logged, since a stranger can send a long one.
const maxLoggedPath = 256

// log writes the request's line. It leaves out the query, in which some links carry a token.
func (s *Server) log(r *http.Request, x *exchange, took time.Duration) {
	level, message := slog.LevelInfo, "request"
	switch {
	case x.facts.failure != nil:
		level, message = slog.LevelError, "request failed"
	case asset(r):
		level = slog.LevelDebug // a page has several, which would hide everything else
	}
	if !s.logger.Enabled(r.Context(), level) {
		return
	}
	path := r.URL.Path
	if len(path) > maxLoggedPath {
		path = path[:maxLoggedPath] + "…"
	}

	attrs := []slog.Attr{
		slog.String("request_id", x.facts.id), slog.String("method", r.Method), slog.String("path", path),
		slog.Int("status", x.answer.status), slog.Float64("dur_ms", float64(took.Microseconds())/1000),
		slog.String("address", x.facts.address.String()),
	}
	if x.facts.operation != "" {
		attrs = append(attrs, slog.String("operation", x.facts.operation),
			slog.String("action", x.facts.action), slog.String("code", x.facts.code))
	}
	if x.facts.account != "" {
		attrs = append(attrs, slog.String("account", x.facts.account), slog.String("principal", x.facts.principal))
	}
	if x.facts.failure != nil {
		attrs = append(attrs, slog.Any("error", x.facts.failure))
	}
	s.logger.LogAttrs(r.Context(), level, message, attrs...)
}

// asset reports whether a request is for one of the files that pages consist of.
func asset(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/static/") || r.URL.Path == "/favicon.ico"
}

// readyz answers the probe of readiness.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request, mayKnow bool) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	status, text := http.StatusOK, "ready"
	err := s.ready(ctx)
	if err != nil {
		status, text = http.StatusServiceUnavailable, "not ready"
	}
	if mayKnow && err != nil {
		text += ": " + err.Error()
	}
	if mayKnow && s.remarks != nil {
		for _, remark := range s.remarks() {
			text += "\n" + remark
		}
	}
	probed(w, status, text)
}

// local reports whether a request comes from this machine and was not passed on by a proxy.
func (s *Server) local(r *http.Request) bool {
	if len(r.Header["Forwarded"]) > 0 || len(r.Header["X-Forwarded-For"]) > 0 {
		return false
	}
	return peerOf(r).IsLoopback()
}

// probed answers a probe of health or readiness.
func probed(w http.ResponseWriter, status int, word string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(word + "\n")) //nolint:errcheck // fails only when the client has gone
}

// recorder remembers the status that was written.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the answer has begun
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // a lower status is informational, and another one follows
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer of the server.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/touchstone-iam/touchstone/internal/ids"
)

// readyTimeout is how long the readiness check may take before the answer is "not ready".
const readyTimeout = 5 * time.Second

// exchange holds what we keep of a request and of its answer, in one allocation.
type exchange struct {
	facts  facts
	answer recorder
}

// facts are what the server found out about a request. They are the request's context at the same time.
type facts struct {
	context.Context
	id      string
	address netip.Addr
	secure  bool

	operation, code string // as Note was told

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

// Note records for the log and the metrics which operation a request asks for, and the error code of its answer, "" for success.
// Both must come from tables and never from the client, because the metrics keep a counter for each pair as long as the server
// runs.
func Note(ctx context.Context, operation, code string) {
	f := factsOf(ctx)
	f.operation, f.code = operation, code
}

// Handler returns the server's handler with everything around it, except the limits of connections.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			probed(w, http.StatusOK, "ok")
		case "/readyz":
			s.readyz(w, r)
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
		facts:  facts{Context: r.Context(), id: ids.NewUUID(), address: address, secure: secure, bodies: s.bodies},
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

	s.handler.ServeHTTP(&x.answer, r.WithContext(&x.facts))
}

// maxLoggedPath is the number of bytes of a path that are logged, since a stranger can send a long one.
const maxLoggedPath = 256

// log writes the request's line. It leaves out the query, in which some links carry a token.
func (s *Server) log(r *http.Request, x *exchange, took time.Duration) {
	if !s.logger.Enabled(r.Context(), slog.LevelInfo) {
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
		attrs = append(attrs, slog.String("operation", x.facts.operation), slog.String("code", x.facts.code))
	}
	s.logger.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.Any("error", err))
		probed(w, http.StatusServiceUnavailable, "not ready") // the reason goes to the log only
		return
	}
	probed(w, http.StatusOK, "ready")
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

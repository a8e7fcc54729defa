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

// readyTimeout is how long the answer to a probe may take.
const readyTimeout = 5 * time.Second

// exchange is a request's state and its answer's, in one allocation.
type exchange struct {
	facts  facts
	answer recorder
}

// facts are what is found out about a request. They are its context, too.
type facts struct {
	context.Context
	id      string
	address netip.Addr
	secure  bool

	operation, code string // as noted
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

// RequestID is the request's id: a random UUID, made here and never taken from the client. It is "" outside a request.
func RequestID(ctx context.Context) string { return factsOf(ctx).id }

// ClientAddr is the client's address, without zone and never IPv4-mapped; invalid when it is not known.
func ClientAddr(ctx context.Context) netip.Addr { return factsOf(ctx).address }

// IsSecure reports whether the client reached the front over TLS. Behind a trusted proxy the public URL's scheme says so.
func IsSecure(ctx context.Context) bool { return factsOf(ctx).secure }

// Note says which operation a request turned out to ask for and with which error code it is answered, "" for success, for the log
// and the metrics. Both come from tables, never from the client, since the metrics keep each pair for good.
func Note(ctx context.Context, operation, code string) {
	f := factsOf(ctx)
	f.operation, f.code = operation, code
}

// Handler is the server's handler with all that is around it but the connection's limits.
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
		facts:  facts{Context: r.Context(), id: ids.NewUUID(), address: address, secure: secure},
		answer: recorder{ResponseWriter: w},
	}
	s.metrics.begin()
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler {
			s.logger.LogAttrs(r.Context(), slog.LevelError, "handler panicked", slog.String("request_id", x.facts.id),
				slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			if x.answer.status == 0 {
				clear(w.Header()) // what was meant for another answer, cookies too
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
	if err != nil {
		http.Error(&x.answer, "Bad request: "+err.Error()+".", http.StatusBadRequest)
		return
	}
	s.handler.ServeHTTP(&x.answer, r.WithContext(&x.facts))
}

// maxLoggedPath bounds what a stranger can make us log of a path.
const maxLoggedPath = 256

// log writes the request's line. The query is left out: links with tokens are among them.
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
		probed(w, http.StatusServiceUnavailable, "not ready") // why is the log's to tell, not a stranger's to know
		return
	}
	probed(w, http.StatusOK, "ready")
}

// probed answers a probe.
func probed(w http.ResponseWriter, status int, word string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(word + "\n")) //nolint:errcheck // the prober is gone
}

// recorder remembers the status that was written.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the answer has begun
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // those before are informational, and another follows
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

// Unwrap lets http.ResponseController reach what is below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

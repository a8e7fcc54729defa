// Package httpd is the server around Touchstone's handlers: listening, TLS, limits, who the client is, request ids, logs, health
// and metrics, and a stop that lets requests finish.
//
// It knows nothing of identity or access. Invariants: nothing that a client says of its own address is believed unless a trusted
// proxy says it; a handler's panic ends that request alone; headers and bodies are bounded before they are read.
package httpd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

// Limits on what a client may send, and how slowly.
const (
	maxHeader         = 32 << 10
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	idleTimeout       = 120 * time.Second
)

// Server serves a handler.
type Server struct {
	config    Config
	proxies   []netip.Prefix
	secureURL bool
	handler   http.Handler
	ready     func(context.Context) error
	logger    *slog.Logger
	metrics   metrics
	listener  net.Listener
}

// New returns a server of the handler; ready says whether it can do its work.
func New(c Config, handler http.Handler, ready func(context.Context) error, logger *slog.Logger) (*Server, error) {
	proxies, err := prefixes(c.BehindProxy)
	if err != nil {
		return nil, err
	}
	if c.ShutdownGrace == 0 {
		c.ShutdownGrace = defaultGrace
	}
	return &Server{
		config: c, proxies: proxies, secureURL: strings.HasPrefix(c.URL, "https://"),
		handler: handler, ready: ready, logger: logger,
	}, nil
}

// Listen binds the address, so that its faults show before anything is announced.
func (s *Server) Listen() error {
	var err error
	if s.listener, err = net.Listen("tcp", s.config.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return nil
}

// Addr is the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx is done, and then lets those in flight finish.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler: s.Handler(), MaxHeaderBytes: maxHeader, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 2)
	go func() {
		if s.config.tls() {
			failed <- server.ServeTLS(s.listener, s.config.TLSCert, s.config.TLSKey)
		} else {
			failed <- server.Serve(s.listener)
		}
	}()
	stopMetrics, err := s.serveMetrics(failed)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	defer stopMetrics()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve: %w", err), server.Close())
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(fmt.Errorf("requests did not finish within %v: %w", s.config.ShutdownGrace, err), server.Close())
	}
	return nil
}

// facts are what is found out about a request; they are in its context.
type facts struct {
	id      string
	address netip.Addr
	secure  bool
}

type factsKey struct{}

func factsOf(ctx context.Context) *facts {
	if f, ok := ctx.Value(factsKey{}).(*facts); ok {
		return f
	}
	return &facts{}
}

// RequestID is the request's id: a random UUID.
func RequestID(ctx context.Context) string { return factsOf(ctx).id }

// ClientAddr is the client's address; invalid when it is not known.
func ClientAddr(ctx context.Context) netip.Addr { return factsOf(ctx).address }

// IsSecure reports whether the client reached the front over TLS.
func IsSecure(ctx context.Context) bool { return factsOf(ctx).secure }

// Handler is the server's handler with all that is around it.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			w.Write([]byte("ok\n")) //nolint:errcheck // the prober is gone
			return
		case "/readyz":
			s.readyz(w, r)
			return
		}
		start := time.Now()
		f := &facts{id: newRequestID()}
		f.address, f.secure = s.client(r)
		answer := &recorder{ResponseWriter: w}
		s.metrics.begin()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.logger.Error("handler panicked", "request_id", f.id, "panic", p, "stack", string(debug.Stack()))
				if answer.status == 0 {
					http.Error(answer, "Internal error. Request id: "+f.id, http.StatusInternalServerError)
				}
			}
			took := time.Since(start)
			s.metrics.end(answer.status, took)
			s.logger.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("request_id", f.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", answer.status), slog.Float64("dur_ms", float64(took.Microseconds())/1000),
				slog.String("address", f.address.String()))
		}()
		s.handler.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), factsKey{}, f)))
	})
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.ready(r.Context()); err != nil {
		s.logger.Warn("not ready", "error", err)
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("ready\n")) //nolint:errcheck // the prober is gone
}

// recorder remembers the status that was written.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
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

// newRequestID is a random UUID, version 4.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// ErrTooLarge is returned for a body over its limit.
var ErrTooLarge = errors.New("request body is too large")

// ReadBody reads a body of at most limit bytes. ErrTooLarge, before anything is read when the client says how long it is.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, ErrTooLarge
	}
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, fmt.Errorf("read request body: %w", err)
		}
		return body, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	return body, nil
}

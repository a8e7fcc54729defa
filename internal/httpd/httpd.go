// Package httpd is the server around Touchstone's handlers: listening, TLS, limits, who the client is, request ids, logs, health
// and metrics, and a stop that lets requests finish.
//
// It knows nothing of identity or access.
//
// Invariants. What a request says about its client's address is believed only when a trusted proxy sent it. A panic of a handler
// ends only that request. Headers and bodies are bounded before they are read.
package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/touchstone-iam/touchstone/internal/memlimit"
)

// Limits on how much a client may send, and on how long it may take to send a request or to receive its answer.
const (
	maxHeader         = 32 << 10 // the request line included
	headerSlop        = 4 << 10  // what net/http allows above its MaxHeaderBytes
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 120 * time.Second // from the header's end, so the handler's time is in it
	idleTimeout       = 120 * time.Second

	// Of an HTTP/2 connection: how many requests it may carry at a time, and how many bytes that no handler has read yet are kept.
	maxStreams       = 32
	streamBuffer     = 64 << 10
	connectionBuffer = 128 << 10
)

// Server serves a handler.
type Server struct {
	config      Config
	certificate *certificate // nil without TLS
	proxies     []netip.Prefix
	secureURL   bool
	handler     http.Handler
	ready       func(context.Context) error
	remarks     func() []string // nil: none
	logger      *slog.Logger
	metrics     *metrics
	arrivals    arrivals
	bodies      *bodies
	garbage     memlimit.Burst // of connections and large bodies
	unforwarded atomic.Int64   // when a request without a forwarded address was last warned of, in Unix seconds
	listener    net.Listener
	scraped     net.Listener // of the metrics; nil when there are none
}

// New returns a server for the handler. The readiness probe fails while ready returns an error, whose text
// is told to callers on this machine alone. The configuration must be valid, see
// [Config.Validate].
func New(c Config, handler http.Handler, ready func(context.Context) error, logger *slog.Logger) (*Server, error) {
	proxies, proxyFault := prefixes(c.BehindProxy)
	certificate, certificateFault := newCertificate(&c, logger)
	if err := errors.Join(proxyFault, certificateFault); err != nil {
		return nil, err
	}
	if c.ShutdownGrace == 0 {
		c.ShutdownGrace = defaultGrace
	}
	if c.BodyMemory == 0 {
		c.BodyMemory = DefaultBodyMemory
	}

	if c.MaxConnections == 0 {
		c.MaxConnections = DefaultConnections
	}
	s := &Server{
		config: c, certificate: certificate, proxies: proxies, secureURL: strings.HasPrefix(c.URL, "https://"),
		handler: handler, ready: ready, logger: logger, metrics: newMetrics(),
		bodies: newBodies(c.BodyMemory),
	}
	if c.MetricsListen != "" {
		s.registerOwn()
	}
	return s, nil
}

// Remarks has the probe of readiness add lines for whoever operates the server: callers on this machine, and those of the
// listener for metrics. Call it before [Server.Serve].
func (s *Server) Remarks(remarks func() []string) { s.remarks = remarks }

// Listen binds the addresses. It is apart from [Server.Serve] so that an address in use is reported before the server is announced.
func (s *Server) Listen() error {
	var err error
	if s.listener, err = net.Listen("tcp", s.config.Listen); err != nil {
		return listening("--listen", err)
	}
	s.listener = s.limited(s.listener)
	if s.config.MetricsListen == "" {
		return nil
	}
	if s.scraped, err = net.Listen("tcp", s.config.MetricsListen); err != nil {
		return errors.Join(listening("--metrics-listen", err), s.listener.Close())
	}
	return nil
}

// listening words the error of an address that cannot be listened on, with what can be done.
func listening(flag string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = ": stop the process that has it ('ss -ltnp' shows which one it is), or choose another address with " + flag
	case errors.Is(err, syscall.EACCES):
		advice = ": ports below 1024 are for privileged processes: give this one the capability CAP_NET_BIND_SERVICE " +
			"(in a systemd unit: AmbientCapabilities=CAP_NET_BIND_SERVICE), or choose a higher port with " + flag
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = ": this machine has no such address; choose another one with " + flag
	}
	return fmt.Errorf("%s: %w%s", flag, err, advice)
}

// Addr returns the address that the server listens on. Call it after [Server.Listen].
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx is done. Then it accepts no more, ends those that have not been received whole, lets the others
// finish, and returns. It returns an error when they take longer than the configured grace. Call it after [Server.Listen].
func (s *Server) Serve(ctx context.Context) error {
	server := s.newHTTP(s.Handler())
	server.ConnState = s.arrivals.connection
	failed := make(chan error, 2)
	go func() {
		if s.certificate != nil {
			server.TLSConfig = &tls.Config{GetCertificate: s.certificate.get}
			failed <- server.ServeTLS(s.listener, "", "")
		} else {
			failed <- server.Serve(s.listener)
		}
	}()
	if s.scraped != nil {
		metrics := s.newHTTP(s.scrapes())
		defer metrics.Close() //nolint:errcheck // a scrape that is cut off is made again
		go func() { failed <- metrics.Serve(s.scraped) }()
	}

	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve: %w", err), server.Close())
	case <-ctx.Done():
	}

	return s.stop(server)
}

// newHTTP returns a server of net/http with our limits.
func (s *Server) newHTTP(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, MaxHeaderBytes: maxHeader - headerSlop, ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerStream: streamBuffer, MaxReceiveBufferPerConnection: connectionBuffer,
		},
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug), // handshakes that failed, and the like
	}
}

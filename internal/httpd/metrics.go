package httpd

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the duration histogram, in seconds.
var bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}

// metrics counts requests. Its labels are few and never a client's words.
type metrics struct {
	inFlight atomic.Int64
	byClass  [6]atomic.Int64 // by the status's first digit
	buckets  [len(bounds) + 1]atomic.Int64
	sum      atomic.Int64 // microseconds
}

func (m *metrics) begin() { m.inFlight.Add(1) }

func (m *metrics) end(status int, took time.Duration) {
	m.inFlight.Add(-1)
	if class := status / 100; class >= 0 && class < len(m.byClass) {
		m.byClass[class].Add(1)
	}
	n := 0
	for n < len(bounds) && took.Seconds() > bounds[n] {
		n++
	}
	m.buckets[n].Add(1)
	m.sum.Add(took.Microseconds())
}

// ServeHTTP writes the metrics in the text format of Prometheus.
func (m *metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "# HELP touchstone_http_requests_in_flight Requests being answered.\n# TYPE touchstone_http_requests_in_flight gauge\ntouchstone_http_requests_in_flight %d\n", m.inFlight.Load())
	fmt.Fprint(w, "# HELP touchstone_http_requests_total Requests answered, by class of status.\n# TYPE touchstone_http_requests_total counter\n")
	for class := 1; class < len(m.byClass); class++ {
		fmt.Fprintf(w, "touchstone_http_requests_total{status=\"%dxx\"} %d\n", class, m.byClass[class].Load())
	}
	fmt.Fprint(w, "# HELP touchstone_http_request_duration_seconds How long requests took.\n# TYPE touchstone_http_request_duration_seconds histogram\n")
	var total int64
	for n, bound := range bounds {
		total += m.buckets[n].Load()
		fmt.Fprintf(w, "touchstone_http_request_duration_seconds_bucket{le=\"%g\"} %d\n", bound, total)
	}
	total += m.buckets[len(bounds)].Load()
	fmt.Fprintf(w, "touchstone_http_request_duration_seconds_bucket{le=\"+Inf\"} %d\ntouchstone_http_request_duration_seconds_sum %g\ntouchstone_http_request_duration_seconds_count %d\n",
		total, float64(m.sum.Load())/1e6, total)
}

// serveMetrics serves the metrics on a listener of their own, when one is configured.
func (s *Server) serveMetrics(failed chan<- error) (stop func(), err error) {
	if s.config.MetricsListen == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", s.config.MetricsListen)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", &s.metrics)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return func() { server.Close() }, nil //nolint:errcheck // a scrape that is cut off is made again
}

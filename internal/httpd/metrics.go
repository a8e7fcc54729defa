package httpd

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// buckets are the upper bounds of a request's duration, in seconds: from a warm request to a password that is hashed in a queue.
var buckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}

// outcome is how a request ended. It is the labels of metrics, so its values must be few and never come from the client (see
// [Note]).
type outcome struct {
	operation, code string // "" for pages
	status          int
}

// labels returns what the metrics say of the outcome: the operation, "page" for a page, and success, refused (the client's fault)
// or failed (the service's).
func (o outcome) labels() (operation, result string) {
	operation, result = o.operation, "success"
	if operation == "" {
		operation = "page"
	}
	switch {
	case o.status >= http.StatusInternalServerError:
		result = "failed"
	case o.status >= http.StatusBadRequest:
		result = "refused"
	}
	return operation, result
}

// metrics counts requests.
type metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec

	mu     sync.Mutex
	series map[outcome]series // so that a request does not look its labels up
}

// series are the metrics of one outcome.
type series struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "touchstone_http_requests_in_flight", Help: "Requests being answered.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "touchstone_http_requests_total",
			Help: "Requests answered, by operation (page for a page), error code (empty for none) and status.",
		}, []string{"operation", "code", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "touchstone_http_request_duration_seconds", Buckets: buckets,
			Help: "How long requests took, by operation (page for a page) and outcome: success, refused (status 4xx) or failed (5xx).",
		}, []string{"operation", "outcome"}),
		series: make(map[outcome]series),
	}
	m.registry.MustRegister(m.inFlight, m.requests, m.duration)
	return m
}

func (m *metrics) begin() { m.inFlight.Inc() }

func (m *metrics) end(o outcome, took time.Duration) {
	m.inFlight.Dec()
	s := m.of(o)
	s.requests.Inc()
	s.duration.Observe(took.Seconds())
}

// of returns the metrics of an outcome, which it makes at the first request with that outcome.
func (m *metrics) of(o outcome) series {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, known := m.series[o]
	if !known {
		operation, result := o.labels()
		s = series{
			m.requests.WithLabelValues(operation, o.code, strconv.Itoa(o.status)),
			m.duration.WithLabelValues(operation, result),
		}
		m.series[o] = s
	}
	return s
}

// Register adds collectors to the metrics that are served on the listener for metrics. It panics when two collectors have a metric
// of the same name.
func (s *Server) Register(all ...prometheus.Collector) { s.metrics.registry.MustRegister(all...) }

// registerOwn adds what is known of the process and of the certificate.
func (s *Server) registerOwn() {
	s.Register(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s.certificate != nil {
		s.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "touchstone_tls_certificate_expiry_timestamp_seconds",
			Help: "When the TLS certificate in use expires, in seconds since 1970.",
		}, func() float64 { return float64(s.certificate.expires().Unix()) }))
	}
}

// scrapes serves the metrics at /metrics, where Prometheus looks for them, and the probes beside them. A collector that fails
// leaves only its own metrics out.
func (s *Server) scrapes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { probed(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.readyz(w, r, true) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4,
	}))
	return mux
}

package httpd

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the duration histogram's buckets.
var bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2500 * time.Millisecond,
}

// outcome is how a request ended. It is a counter's labels, so its values must be few and never come from the client (see [Note]).
type outcome struct {
	operation, code string // "" for pages
	status          int
}

// metrics counts requests.
type metrics struct {
	inFlight atomic.Int64
	buckets  [len(bounds) + 1]atomic.Int64 // the last one is for requests above all bounds
	sum      atomic.Int64                  // nanoseconds

	more []func() string // of others

	mu       sync.Mutex
	requests map[outcome]int64
}

func (m *metrics) begin() { m.inFlight.Add(1) }

func (m *metrics) end(o outcome, took time.Duration) {
	m.inFlight.Add(-1)
	n := 0
	for n < len(bounds) && took > bounds[n] {
		n++
	}
	m.buckets[n].Add(1)
	m.sum.Add(int64(took))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.requests == nil {
		m.requests = map[outcome]int64{}
	}
	m.requests[o]++
}

// outcomes returns a copy of the counts so far.
func (m *metrics) outcomes() map[outcome]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.requests)
}

// scrapes serves the metrics at /metrics, where Prometheus looks for them, and the probes beside them.
func (s *Server) scrapes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		w.Write(s.metrics.text()) //nolint:errcheck // fails only when the client has gone
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { probed(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.readyz(w, r, true) })
	return mux
}

// text renders the metrics in Prometheus's text format, version 0.0.4.
func (m *metrics) text() []byte {
	var b bytes.Buffer
	family := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	const inFlight, requests, duration = "touchstone_http_requests_in_flight", "touchstone_http_requests_total",
		"touchstone_http_request_duration_seconds"
	family(inFlight, "gauge", "Requests being answered.")
	fmt.Fprintf(&b, "%s %d\n", inFlight, m.inFlight.Load())
	family(requests, "counter", "Requests answered, by operation (none for pages), error code and status.")
	counts := m.outcomes()
	for _, o := range slices.SortedFunc(maps.Keys(counts), func(x, y outcome) int {
		return cmp.Or(cmp.Compare(x.operation, y.operation), cmp.Compare(x.code, y.code), cmp.Compare(x.status, y.status))
	}) {
		fmt.Fprintf(&b, "%s{operation=%q,code=%q,status=\"%d\"} %d\n", requests, o.operation, o.code, o.status, counts[o])
	}

	family(duration, "histogram", "How long requests took.")
	var total int64
	for n, bound := range bounds {
		total += m.buckets[n].Load()
		fmt.Fprintf(&b, "%s_bucket{le=\"%g\"} %d\n", duration, bound.Seconds(), total)
	}

	total += m.buckets[len(bounds)].Load()
	fmt.Fprintf(&b, "%s_bucket{le=\"+Inf\"} %d\n", duration, total)
	fmt.Fprintf(&b, "%s_sum %g\n%s_count %d\n", duration, time.Duration(m.sum.Load()).Seconds(), duration, total)
	for _, text := range m.more {
		b.WriteString(text())
	}
	return b.Bytes()
}

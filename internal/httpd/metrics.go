package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the duration histogram's buckets.
var bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
}

// metrics counts requests. Its labels are few and never a client's words.
type metrics struct {
	inFlight atomic.Int64
	byClass  [6]atomic.Int64               // by the status's first digit
	buckets  [len(bounds) + 1]atomic.Int64 // the last for what took longer than every bound
	sum      atomic.Int64                  // nanoseconds
}

func (m *metrics) begin() { m.inFlight.Add(1) }

func (m *metrics) end(status int, took time.Duration) {
	m.inFlight.Add(-1)
	if class := status / 100; class < len(m.byClass) {
		m.byClass[class].Add(1)
	}
	n := 0
	for n < len(bounds) && took > bounds[n] {
		n++
	}
	m.buckets[n].Add(1)
	m.sum.Add(int64(took))
}

// handler serves the metrics at the path where Prometheus looks for them.
func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		w.Write(m.text()) //nolint:errcheck // the scraper is gone
	})
	return mux
}

// text renders the metrics in Prometheus's text format, version 0.0.4.
func (m *metrics) text() []byte {
	var b bytes.Buffer
	family := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	const inFlight, requests, duration = "touchstone_http_requests_in_flight", "touchstone_http_requests_total", "touchstone_http_request_duration_seconds"
	family(inFlight, "gauge", "Requests being answered.")
	fmt.Fprintf(&b, "%s %d\n", inFlight, m.inFlight.Load())
	family(requests, "counter", "Requests answered, by class of status.")
	for class := 1; class < len(m.byClass); class++ {
		fmt.Fprintf(&b, "%s{status=\"%dxx\"} %d\n", requests, class, m.byClass[class].Load())
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
	return b.Bytes()
}

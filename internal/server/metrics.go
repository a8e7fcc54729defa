package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// scrapeTimeout is how long a scrape waits for what must be read from the database.
const scrapeTimeout = 2 * time.Second

// waits are the upper bounds, in seconds, of how long a change waits for its turn to write.
var waits = []float64{0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}

// Collectors returns what the metrics say of this server, beside the requests. Call it once, before the server answers requests.
func (s *Server) Collectors() []prometheus.Collector {
	v := Version()
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "touchstone_build_info", Help: "Always 1; the labels say which Touchstone this is.",
		ConstLabels: prometheus.Labels{"version": v.Version, "revision": v.Commit, "goversion": v.Go},
	}, func() float64 { return 1 })

	wait := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "touchstone_store_write_wait_seconds", Buckets: waits,
		Help: "How long transactions that write waited for their turn and their locks.",
	})
	s.state.Store.OnTurn(func(waited time.Duration) { wait.Observe(waited.Seconds()) })

	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	return []prometheus.Collector{
		build, wait, &signInMetrics{&s.SignIn.Outcomes}, &databaseMetrics{s.state.Store},
		gauge("touchstone_audit_events_waiting", "Events of reads, and others, that wait to be written.",
			func() float64 { return float64(s.API.Audit.Waiting()) }),
		gauge("touchstone_access_key_uses_waiting", "Last uses of access keys that wait to be written.",
			func() float64 { return float64(s.API.KeyUses.Waiting()) }),
		gauge("touchstone_password_hashes_waiting", "Passwords that wait to be hashed or checked.",
			func() float64 { return float64(s.SignIn.Hasher.Waiting()) }),
	}
}

// signInMetrics counts the steps of sign-ins.
type signInMetrics struct{ outcomes *signin.Outcomes }

var signInSteps = prometheus.NewDesc("touchstone_signin_steps_total",
	"Steps of sign-ins that ended, by step (password or mfa) and result: passed, incorrect, throttled, busy, expired or failed.",
	[]string{"step", "result"}, nil)

// Describe implements prometheus.Collector.
func (*signInMetrics) Describe(to chan<- *prometheus.Desc) { to <- signInSteps }

// Collect implements prometheus.Collector.
func (m *signInMetrics) Collect(to chan<- prometheus.Metric) {
	m.outcomes.Each(func(step signin.Step, result signin.Result, n uint64) {
		to <- prometheus.MustNewConstMetric(signInSteps, prometheus.CounterValue, float64(n), step.String(), result.String())
	})
}

// databaseMetrics are read from the database at each scrape.
type databaseMetrics struct{ store *store.Store }

var (
	databaseSize = prometheus.NewDesc("touchstone_database_size_bytes", "Size of the database.", nil, nil)
	walSize      = prometheus.NewDesc("touchstone_database_wal_size_bytes",
		"Size of SQLite's write-ahead log. PostgreSQL's belongs to its server and is not measured.", nil, nil)
	mailsWaiting = prometheus.NewDesc("touchstone_outbox_messages_waiting", "Mails in the outbox.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*databaseMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- databaseSize
	to <- walSize
	to <- mailsWaiting
}

// Collect implements prometheus.Collector. What cannot be read is left out of the scrape, which fails only in this part.
func (m *databaseMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()

	size, err := m.store.Size(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(databaseSize, err)
	} else {
		to <- prometheus.MustNewConstMetric(databaseSize, prometheus.GaugeValue, float64(size.Database))
		to <- prometheus.MustNewConstMetric(walSize, prometheus.GaugeValue, float64(size.Log))
	}

	var waiting int64
	if err := m.store.View(ctx, func(tx *store.Tx) (err error) {
		waiting, err = tx.CountMessages()
		return err
	}); err != nil {
		to <- prometheus.NewInvalidMetric(mailsWaiting, err)
		return
	}
	to <- prometheus.MustNewConstMetric(mailsWaiting, prometheus.GaugeValue, float64(waiting))
}

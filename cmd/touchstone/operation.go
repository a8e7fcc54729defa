package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/touchstone-iam/touchstone/internal/backup"
	"github.com/touchstone-iam/touchstone/internal/server"
)

// operation is what serve does, and tells, beside answering: whether it is ready, and backups.
type operation struct {
	ready   *server.Readiness
	backups *backup.Schedule // nil: none are made
}

// operation makes what the settings ask for. Nothing has begun when it returns.
func (s *serving) operation(state *server.State, logger *slog.Logger) *operation {
	data := s.where.data
	if s.where.database != "" || data == server.InMemory {
		data = "" // there is no directory whose disk could be full
	}
	o := &operation{ready: server.NewReadiness(state, data, time.Now, logger)}
	if b := s.backups; b.directory != "" {
		o.backups = &backup.Schedule{
			Maker:     backup.Maker{Store: state.Store, Clock: time.Now, Version: server.Version().Version},
			Directory: b.directory, Every: b.every, Keep: b.keep, Logger: logger,
		}
	}
	return o
}

// start begins the work in the background; end ends it and waits for it.
func (o *operation) start(ctx context.Context) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { o.ready.Watch(ctx) })
	if o.backups != nil {
		running.Go(func() { o.backups.Run(ctx) })
	}
	return func() {
		stop()
		running.Wait()
	}
}

// remarks are the lines of the probe of readiness that tell how the backups go.
func (o *operation) remarks() []string {
	if o.backups == nil {
		return nil
	}
	s := o.backups.Status()
	line := "last backup: none"
	if !s.Last.IsZero() {
		line = "last backup: " + s.Last.Format(time.RFC3339)
	}
	if s.Failed != nil {
		return []string{line, "the last attempt at a backup failed: " + s.Failed.Error()}
	}
	return []string{line}
}

// collectors are the metrics of readiness and backups.
func (o *operation) collectors() []prometheus.Collector {
	all := []prometheus.Collector{prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "touchstone_ready", Help: "Whether a read and a small write succeeded within the last seconds.",
	}, func() float64 {
		if o.ready.Ready() {
			return 1
		}
		return 0
	})}
	if o.backups == nil {
		return all
	}

	return append(all,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "touchstone_backup_last_success_timestamp_seconds", Help: "When the newest backup was made; 0: there is none.",
		}, func() float64 {
			if last := o.backups.Status().Last; !last.IsZero() {
				return float64(last.Unix())
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "touchstone_backup_failures_total", Help: "Attempts at a backup that failed.",
		}, func() float64 { return float64(o.backups.Status().Failures) }))
}

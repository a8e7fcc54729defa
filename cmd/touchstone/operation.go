package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

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
	if s.where.database != "" {
		data = ""
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

// metrics are readiness and backups in Prometheus's text format.
func (o *operation) metrics() string {
	var b strings.Builder
	ready := 0
	if o.ready.Ready() {
		ready = 1
	}

	fmt.Fprintf(&b, "# HELP touchstone_ready Whether a read and a small write succeeded within the last seconds.\n"+
		"# TYPE touchstone_ready gauge\ntouchstone_ready %d\n", ready)
	if o.backups != nil {
		s := o.backups.Status()
		var last int64
		if !s.Last.IsZero() {
			last = s.Last.Unix()
		}
		fmt.Fprintf(&b, "# HELP touchstone_backup_last_success_timestamp_seconds When the newest backup was made; 0: there is none.\n"+
			"# TYPE touchstone_backup_last_success_timestamp_seconds gauge\ntouchstone_backup_last_success_timestamp_seconds %d\n", last)
		fmt.Fprintf(&b, "# HELP touchstone_backup_failures_total Attempts at a backup that failed.\n"+
			"# TYPE touchstone_backup_failures_total counter\ntouchstone_backup_failures_total %d\n", s.Failures)
	}
	return b.String()
}

package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/touchstone-iam/touchstone/internal/systemd"
)

// rereading is something that a running server reads again at SIGHUP.
type rereading struct {
	what string
	// read reads it, and returns what it found for the log. On an error, what was read before stays in use.
	read func(context.Context) (found []any, err error)
}

// hangups returns the SIGHUPs that this process gets. From now on they no longer end it.
func hangups() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1) // one that arrives during a reread causes another one; more would add nothing
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// rereadAt reads everything again at each signal, until ctx is done.
func rereadAt(ctx context.Context, signals <-chan os.Signal, all []rereading, logger *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}

		tellManager(logger, systemd.Reloading())
		for _, r := range all {
			found, err := r.read(ctx)
			if err != nil {
				logger.Error("could not be read again, and stays as it was", "what", r.what, "error", err)
				continue
			}
			logger.Info("read again", append([]any{"what", r.what}, found...)...)
		}
		tellManager(logger, systemd.Ready)
	}
}

// watch tells the service manager that the server is alive, for as long as ready returns nil. It returns when ctx is done, and at
// once when the manager does not ask.
func watch(ctx context.Context, ready func(context.Context) error, logger *slog.Logger) {
	every := systemd.WatchdogInterval()
	if every == 0 {
		return
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := ready(ctx); err != nil {
			logger.Warn("not ready, so the service manager is not told that the server is alive", "error", err)
			continue
		}
		tellManager(logger, systemd.Alive)
	}
}

// tellManager tells the service manager, if there is one. The server does not depend on it.
func tellManager(logger *slog.Logger, state string) {
	if err := systemd.Notify(state); err != nil {
		logger.Warn("the service manager cannot be told how the server is doing", "error", err)
	}
}

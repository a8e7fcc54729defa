package backup

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Schedule makes a backup at intervals, and prunes old ones.
type Schedule struct {
	Maker
	Directory string
	Every     time.Duration // above zero
	Keep      int           // how many backups of the installation stay; at least 1
	Logger    *slog.Logger

	mu     sync.Mutex
	status Status
}

// Status says how the backups go.
type Status struct {
	Last     time.Time // of the newest backup; zero when there is none
	Failed   error     // the last attempt; nil when it succeeded
	Failures int       // attempts that failed, since the start
}

// Status returns how the backups go.
func (s *Schedule) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// poll is how often it is looked whether a backup is due, and retry how long it takes until another attempt after one that failed.
const (
	poll  = time.Minute
	retry = 10 * time.Minute
)

// Run makes backups when they are due, until ctx is done: the first at once when the newest one is older than the interval.
func (s *Schedule) Run(ctx context.Context) {
	var tried time.Time // of a failure
	for {
		if now := s.Clock(); now.Sub(tried) >= retry {
			if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
				tried = now
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(poll, s.Every)):
		}
	}
}

// Tend makes a backup when one is due, and prunes old ones. It logs what it did, and a failure.
func (s *Schedule) Tend(ctx context.Context) error {
	made, removed, err := s.tend(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if made != nil {
		s.status.Last = made.Time
		s.Logger.Info("made a backup", "path", made.Path, "bytes", made.Database.Size)
	}
	for _, path := range removed {
		s.Logger.Info("removed an old backup", "path", path)
	}

	if ctx.Err() != nil || errors.Is(err, ErrBusy) {
		return nil // another server makes it
	}
	s.status.Failed = err
	if err != nil {
		s.status.Failures++
		s.Logger.Error("the backup failed and will be tried again", "directory", s.Directory, "error", err)
	}
	return err
}

func (s *Schedule) tend(ctx context.Context) (made *Backup, removed []string, err error) {
	manifest, err := s.describe(ctx)
	if err != nil {
		return nil, nil, err
	}
	found, err := List(s.Directory)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range found {
		if b.Installation != manifest.Installation {
			continue
		}
		s.mu.Lock()
		s.status.Last = b.Time
		s.mu.Unlock()

		// A backup of the future was made before the clock was set back, and must not keep others from being made.
		if age := manifest.Time.Sub(b.Time); age >= 0 && age < s.Every {
			return nil, nil, nil
		}
	}

	if made, err = s.Make(ctx, s.Directory); err != nil {
		return nil, nil, err
	}
	removed, err = Prune(s.Directory, made.Installation, s.Keep)
	return made, removed, err
}

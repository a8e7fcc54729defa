package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

const (
	// probeEvery is how often it is found out whether the server is ready, so that a change is logged when nobody asks.
	probeEvery = 5 * time.Second

	// probeFresh is for how long a probe that succeeded answers for others: whoever asks often costs no write each time.
	probeFresh = 3 * time.Second

	// probePatience is for how long a probe is waited for, and probeGrace for how long a probe that succeeded counts when the next one
	// takes longer: a disk can be slow for a moment. A database that is locked answers after much longer.
	probePatience = 3 * time.Second
	probeGrace    = 10 * time.Second

	// minSpace is how many bytes must be free on the disk of a SQLite database. Its log is written over from the beginning, so that a
	// small write can succeed on a disk on which the next larger one fails.
	minSpace = 4 << 20
)

// settingProbe is the setting that probes write, with their time.
const settingProbe = "readiness_probe"

// Readiness knows whether the server can do its work: whether a row was read and a small write committed within the last seconds.
// It is safe for concurrent use.
type Readiness struct {
	store  *store.Store
	data   string // directory of a SQLite database; "" on PostgreSQL
	clock  func() time.Time
	logger *slog.Logger
	space  func(directory string) (free uint64, err error)

	mu      sync.Mutex
	running *probe
	last    *probe    // that has ended
	good    time.Time // when the last probe that succeeded began
	told    string    // what was last logged; "" is ready
}

// probe is one attempt to read and write.
type probe struct {
	begun time.Time
	ended chan struct{} // closed when err is set
	err   error
}

// NewReadiness returns the readiness of a server on the state, whose SQLite database is in the directory data ("" on PostgreSQL).
func NewReadiness(state *State, data string, clock func() time.Time, logger *slog.Logger) *Readiness {
	return &Readiness{store: state.Store, data: data, clock: clock, logger: logger, space: freeSpace}
}

// Watch finds out at intervals whether the server is ready, until ctx is done.
func (r *Readiness) Watch(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		r.Check(ctx) //nolint:errcheck // it is logged
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Check returns nil when the server is ready, and otherwise why it is not. A change of the state is logged.
func (r *Readiness) Check(ctx context.Context) error {
	p := r.current()
	patience := time.NewTimer(probePatience - r.clock().Sub(p.begun))
	defer patience.Stop()
	select {
	case <-p.ended:
		r.tell(p.err)
		return p.err
	case <-ctx.Done():
		return ctx.Err() // nobody asks any more
	case <-patience.C:
	}

	r.mu.Lock()
	age := r.clock().Sub(r.good)
	r.mu.Unlock()
	if age >= 0 && age < probeGrace {
		return nil
	}
	err := fmt.Errorf("%s has not answered a small write for %v", r.store.Name(), probePatience)
	r.tell(err)
	return err
}

// current returns the probe that answers now: one that is running, one that has just succeeded, or a new one.
func (r *Readiness) current() *probe {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil {
		return r.running
	}
	now := r.clock()
	if r.last != nil && r.last.err == nil {
		if age := now.Sub(r.last.begun); age >= 0 && age < probeFresh {
			return r.last
		}
	}

	p := &probe{begun: now, ended: make(chan struct{})}
	r.running = p
	go func() {
		p.err = r.try()
		r.mu.Lock()
		r.running, r.last = nil, p
		if p.err == nil {
			r.good = p.begun
		}
		r.mu.Unlock()
		close(p.ended)
	}()
	return p
}

// try reads a row and commits a small write.
func (r *Readiness) try() error {
	ctx := context.Background() // others wait for the probe as well
	if err := r.store.View(ctx, func(tx *store.Tx) error {
		_, _, err := tx.AnyFreshness()
		if errors.Is(err, store.ErrNotFound) {
			return nil // there is no account yet
		}
		return err
	}); err != nil {
		return fmt.Errorf("reading: %w", err)
	}

	if err := r.store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		return tx.SetSetting(settingProbe, strconv.FormatInt(r.clock().UnixMicro(), 10))
	}); err != nil {
		return fmt.Errorf("writing: %w", err)
	}

	if r.data != "" {
		free, err := r.space(r.data)
		if err != nil {
			return fmt.Errorf("the data directory %s: %w", r.data, err)
		}
		if free < minSpace {
			return fmt.Errorf("the disk of %s is full: %d bytes are free", r.data, free)
		}
	}
	return nil
}

// tell logs a change of the state, once.
func (r *Readiness) tell(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	r.mu.Lock()
	before := r.told
	r.told = text
	r.mu.Unlock()
	switch {
	case (before == "") == (text == ""):
	case text == "":
		r.logger.Info("ready again")
	default:
		r.logger.Error("not ready", "error", err)
	}
}

// Ready reports the state that was last told.
func (r *Readiness) Ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told == "" && r.last != nil
}

// freeSpace is how many bytes an unprivileged process can still write to the file system of a directory.
func freeSpace(directory string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(directory, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

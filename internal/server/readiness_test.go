package server

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// readyClock is a clock that a test sets.
type readyClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *readyClock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *readyClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newReadiness is the readiness of a server on SQLite, with its clock and its log.
func newReadiness(t *testing.T) (*Readiness, *readyClock, *bytes.Buffer) {
	t.Helper()
	data := t.TempDir()
	state, err := OpenState(context.Background(), StateConfig{Data: data, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	if _, err := FirstAccount(context.Background(), state, "root@example.com", "http://localhost"); err != nil {
		t.Fatal(err)
	}

	clock, log := &readyClock{now: time.Now()}, new(bytes.Buffer)
	r := NewReadiness(state, data, clock.read, slog.New(slog.NewTextHandler(log, nil)))
	if err := r.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	if log.Len() > 0 {
		t.Fatalf("logged %s", log)
	}
	return r, clock, log
}

// TestReadiness spoils the database, or what it is on, in each way that a server can meet: it is no longer ready, says why, and
// logs the change once.
func TestReadiness(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, r *Readiness) (repair func())
		want  string
	}{
		"the directory is deleted": {func(t *testing.T, r *Readiness) func() {
			if err := os.RemoveAll(r.data); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "removed or replaced"},
		"the file is deleted": {func(t *testing.T, r *Readiness) func() {
			path := filepath.Join(r.data, "touchstone.db")
			if err := os.Rename(path, path+".away"); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := os.Rename(path+".away", path); err != nil {
					t.Fatal(err)
				}
			}
		}, "removed or replaced"},
		"another file is written over it": {func(t *testing.T, r *Readiness) func() {
			for _, suffix := range []string{"", "-wal"} {
				path := filepath.Join(r.data, "touchstone.db"+suffix)
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, bytes.Repeat([]byte("nonsense"), int(info.Size()/8)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return nil
		}, "damaged"},
		"another process has it locked": {func(t *testing.T, r *Readiness) func() {
			db, err := sql.Open("sqlite", filepath.Join(r.data, "touchstone.db"))
			if err != nil {
				t.Fatal(err)
			}
			c, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.ExecContext(ctx, `begin immediate`); err != nil {
				t.Fatal(err)
			}
			return func() {
				c.ExecContext(ctx, `rollback`) //nolint:errcheck // the test sees whether it is locked
				db.Close()
			}
		}, "has not answered"},
		"a write is refused": {func(t *testing.T, r *Readiness) func() {
			db, err := sql.Open("sqlite", filepath.Join(r.data, "touchstone.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(ctx, `create trigger refuse before update on installation
				begin select raise(fail, 'database or disk is full'); end`); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "disk is full"},
		"the disk is full": {func(_ *testing.T, r *Readiness) func() {
			before := r.space
			r.space = func(string) (uint64, error) { return 4096, nil }
			return func() { r.space = before }
		}, "4096 bytes are free"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, clock, log := newReadiness(t)
			repair := test.spoil(t, r)
			clock.advance(time.Minute)
			for range 2 {
				if err := r.Check(ctx); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("the answer is %v, want one with %q", err, test.want)
				}
			}
			if r.Ready() {
				t.Error("the metric says that it is ready")
			}
			if n := strings.Count(log.String(), "not ready"); n != 1 {
				t.Errorf("logged %d times: %s", n, log)
			}
			if repair == nil {
				return
			}

			repair()
			for limit := time.Now().Add(time.Minute); r.Check(ctx) != nil; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatal("it does not become ready again")
				}
			}
			if n := strings.Count(log.String(), "ready again"); n != 1 || !r.Ready() {
				t.Errorf("logged %d times that it is ready again: %s", n, log)
			}
		})
	}
}

// TestProbesAreShared asks often: within seconds one write is made.
func TestProbesAreShared(t *testing.T) {
	ctx := context.Background()
	r, clock, _ := newReadiness(t)
	read := func() (value string) {
		if err := r.store.View(ctx, func(tx *store.Tx) (err error) { value, err = tx.Setting(settingProbe); return err }); err != nil {
			t.Fatal(err)
		}
		return value
	}
	first := read()
	for range 20 {
		clock.advance(time.Millisecond)
		if err := r.Check(ctx); err != nil {
			t.Fatal(err)
		}
	}

	if again := read(); again != first {
		t.Error("each question costs a write")
	}
	clock.advance(time.Minute)
	if err := r.Check(ctx); err != nil {
		t.Fatal(err)
	}
	if later := read(); later == first {
		t.Error("an old answer was given")
	}
}

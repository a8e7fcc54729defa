package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestNotify(t *testing.T) {
	if err := Notify(Ready); err != nil {
		t.Errorf("without a service manager: %v", err)
	}

	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := Notify(Ready); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	n, err := l.Read(got)
	if err != nil || string(got[:n]) != "READY=1" {
		t.Errorf("the manager hears %q, %v", got[:n], err)
	}

	l.Close()
	if err := Notify(Stopping); err == nil {
		t.Error("a manager that is gone is told without an error")
	}
}

func TestWatchdogInterval(t *testing.T) {
	for _, c := range []struct {
		limit, pid string
		want       time.Duration
	}{
		{"", "", 0},
		{"30000000", "", 15 * time.Second},
		{"30000000", strconv.Itoa(os.Getpid()), 15 * time.Second},
		{"30000000", "1", 0}, // another process is watched
		{"soon", "", 0},
		{"-1", "", 0},
	} {
		t.Setenv("WATCHDOG_USEC", c.limit)
		t.Setenv("WATCHDOG_PID", c.pid)
		if got := WatchdogInterval(); got != c.want {
			t.Errorf("limit %q of process %q: every %v, want %v", c.limit, c.pid, got, c.want)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

const (
	starts    = 15
	manyUsers = 100_000
)

// process measures how long the server takes to start, and its memory before anybody signs in: with one account, and with
// 100,000 users.
func process(ctx context.Context, binary string) error {
	data, err := os.MkdirTemp("", "touchstone-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)

	made, err := makeAccount(ctx, binary, data)
	if err != nil {
		return err
	}

	var took []float64
	for range starts {
		server, err := serve(ctx, binary, data)
		if err != nil {
			return err
		}
		took = append(took, float64(server.took.Microseconds())/1000)
		if err := server.stop(); err != nil {
			return err
		}
	}
	report("start-up", median(took), "ms", 40, 0)

	if err := memory(ctx, binary, data, "idle-memory", 25); err != nil {
		return err
	}
	stored := place{store: store.Config{Path: filepath.Join(data, "touchstone.db")}}
	if err := stored.addUsers(ctx, made.AccountID, manyUsers); err != nil {
		return err
	}
	return memory(ctx, binary, data, "idle-memory/users=100000", 100)
}

// serve starts a server on SQLite, with its data in the directory.
func serve(ctx context.Context, binary, data string) (*running, error) {
	return start(ctx, binary, []string{"serve", "--data", data, "--log-level", "warn"}, "--listen")
}

// memory reports the resident memory of a server that has been idle for a moment.
func memory(ctx context.Context, binary, data, name string, target float64) error {
	server, err := serve(ctx, binary, data)
	if err != nil {
		return err
	}

	time.Sleep(1500 * time.Millisecond)
	resident, err := residentMiB(server.cmd.Process.Pid)
	if err != nil {
		return errors.Join(err, server.stop())
	}
	report(name, resident, "MiB", target, 0)
	return server.stop()
}

// residentMiB reads how much memory of a process is resident (Linux).
func residentMiB(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}

	_, rest, found := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, errors.New("no VmRSS in /proc/PID/status")
	}

	kib, err := strconv.ParseFloat(fields[0], 64)
	return kib / 1024, err
}

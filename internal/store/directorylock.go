package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lockFile is the name of the file in the data directory that processes lock: whoever has the database open shares the lock, and
// whoever changes its schema has it alone. The kernel ends a lock with its process, so that the file means nothing by itself.
const lockFile = "touchstone.lock"

// directoryLock is this store's lock on a data directory.
type directoryLock struct {
	path string
	file *os.File // nil while nothing is locked
}

func newDirectoryLock(directory string) *directoryLock {
	return &directoryLock{path: filepath.Join(directory, lockFile)}
}

// openInTurn makes processes that start at the same time open the database one after the other, until each calls done: SQLite
// answers that it is busy when several make a database, or change its journal, at once.
func openInTurn(path string) (done func(), err error) {
	directory, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(directory.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), directory.Close())
	}
	return func() { directory.Close() }, nil
}

// share takes a share of the lock until release, unless somebody has it alone.
func (l *directoryLock) share() (taken bool, err error) {
	if l.file != nil {
		return true, nil
	}
	l.file, err = l.try(syscall.LOCK_SH)
	return l.file != nil, err
}

// seize takes the lock alone until release, unless somebody has it or a share of it.
func (l *directoryLock) seize() (taken bool, err error) {
	if l.file != nil {
		return true, nil
	}
	l.file, err = l.try(syscall.LOCK_EX)
	return l.file != nil, err
}

// exclusively runs fn with the lock, unless somebody has it or a share of it.
func (l *directoryLock) exclusively(fn func() error) (taken bool, err error) {
	f, err := l.try(syscall.LOCK_EX)
	if f == nil {
		return false, err
	}
	return true, errors.Join(fn(), f.Close())
}

// try locks the file; nil when others have it.
func (l *directoryLock) try(how int) (*os.File, error) {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, f.Close()
	}
	return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), f.Close())
}

func (l *directoryLock) release() error {
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}

// holders reads from /proc/locks, where there is one, which processes have the file locked.
func (l *directoryLock) holders() (h holders, err error) {
	info, err := os.Stat(l.path)
	if err != nil {
		return h, fmt.Errorf("lock data directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return h, nil
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return h, nil // not on this system
	}

	// A line is "1: FLOCK  ADVISORY  WRITE 4711 fe:01:2884096 0 EOF"; one of somebody who waits begins with "1: ->".
	lines := bufio.NewScanner(bytes.NewReader(locks))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[1] != "FLOCK" || !strings.HasSuffix(f[5], ":"+strconv.FormatUint(stat.Ino, 10)) {
			continue
		}
		name := "process " + f[4]
		if command, err := os.ReadFile("/proc/" + f[4] + "/cmdline"); err == nil {
			// The program and its command; the flags may hold secrets.
			words := strings.Split(strings.TrimRight(string(command), "\x00"), "\x00")
			words[0] = filepath.Base(words[0])
			name += " (" + strings.Join(words[:min(len(words), 2)], " ") + ")"
		}
		h.names = append(h.names, name)
		h.migrating = h.migrating || f[3] == "WRITE"
	}
	return h, lines.Err()
}

// SeizeDirectory takes the lock on a data directory alone, whether or not there is a database in it, until release is called. Its
// error names who has the database open.
func SeizeDirectory(path string) (release func() error, err error) {
	l := newDirectoryLock(path)
	taken, err := l.seize()
	if err != nil {
		return nil, err
	}
	if !taken {
		h, err := l.holders()
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("the database in %s is in use by %s: stop that first", path, h)
	}
	return l.release, nil
}

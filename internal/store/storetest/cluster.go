package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a private PostgreSQL server on a Unix socket in a temporary directory. Its databases sort text by language, as those
// of most installations do, so that whatever relies on the order of bytes without saying so fails on it.
type Cluster struct {
	directory string
	binaries  string
	settings  []string
	process   *exec.Cmd
	log       *os.File
}

// NewCluster makes a cluster and starts it. The settings (name=value, as postgres -c takes them) win over those that make tests
// fast, such as fsync=off.
func NewCluster(settings ...string) (_ *Cluster, err error) {
	c := &Cluster{settings: settings}
	if c.binaries, err = binaries(); err != nil {
		return nil, err
	}
	if c.directory, err = os.MkdirTemp("", "touchstone-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Remove())
		}
	}()

	if c.log, err = os.Create(filepath.Join(c.directory, "log")); err != nil {
		return nil, err
	}

	initdb, err := c.command("initdb", "-D", c.data(), "-U", "touchstone", "-A", "trust", "-E", "UTF8", "--no-sync",
		"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=und")
	if err != nil {
		return nil, err
	}
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, output)
	}
	return c, c.Start()
}

// binaries finds the directory of PostgreSQL's programs: Debian keeps them out of PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("PostgreSQL is not installed: run scripts/install-test-tools")
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

func (c *Cluster) data() string { return filepath.Join(c.directory, "data") }

// command prepares one of PostgreSQL's programs. They refuse to run as root, and are then run as another user.
func (c *Cluster) command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(c.binaries, name), args...)
	cmd.Dir = c.directory
	if os.Getuid() != 0 {
		return cmd, nil
	}

	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}

	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}

	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}

	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return cmd, os.Chown(c.directory, int(uid), int(gid))
}

// URL is the URL of the cluster's first database.
func (c *Cluster) URL() string { return "postgres:///postgres?user=touchstone&host=" + c.directory }

// Start starts the server, and waits until it takes connections.
func (c *Cluster) Start() (err error) {
	// What a test waits for most is fsync, and no test of this cluster cuts the power.
	args := []string{
		"-D", c.data(), "-k", c.directory,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=500",
	}

	for _, setting := range c.settings {
		args = append(args, "-c", setting)
	}

	c.process, err = c.command("postgres", args...)
	if err != nil {
		return err
	}

	c.process.Stdout, c.process.Stderr = c.log, c.log
	if err := c.process.Start(); err != nil {
		return err
	}

	for range 600 {
		conn, connectErr := pgx.Connect(context.Background(), c.URL())
		if connectErr == nil {
			return conn.Close(context.Background())
		}
		err = connectErr
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("the PostgreSQL server does not come up: %w", err), c.Stop())
}

// Stop ends the server and every connection to it.
func (c *Cluster) Stop() error {
	if c.process == nil {
		return nil
	}
	err := c.process.Process.Signal(syscall.SIGINT) // a fast shutdown
	if err == nil {
		err = c.process.Wait()
	}
	c.process = nil
	return err
}

// Kill ends the server as a crash would: the postmaster and all its processes get SIGKILL, so that nothing is written any more. It
// returns when they are gone; Start recovers what they left.
func (c *Cluster) Kill() error {
	// While the postmaster stands still it starts no process that would be missed.
	if err := c.process.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(c.process.Process.Pid)
	if err != nil {
		return err
	}
	for _, pid := range children {
		syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it has ended by itself
	}
	if err := c.process.Process.Kill(); err != nil {
		return err
	}
	c.process.Wait() //nolint:errcheck // it was killed
	c.process = nil

	for _, pid := range children {
		for state := stateOf(pid); state != "" && state != "Z"; state = stateOf(pid) {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// childrenOf returns the processes that a process has started and that have not ended.
func childrenOf(parent int) (children []int, err error) {
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(parent) + "/task/*/children")
	if err != nil {
		return nil, err
	}
	if len(tasks) == 0 {
		return nil, errors.New("/proc does not tell the children of a process")
	}

	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			return nil, err
		}
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			children = append(children, pid)
		}
	}
	return children, nil
}

// stateOf returns the letter of a process's state in /proc; "" when there is no such process.
func stateOf(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind the program's name
	return rest[:min(1, len(rest))]
}

// Remove stops the server and removes its data.
func (c *Cluster) Remove() error {
	return errors.Join(c.Stop(), c.log.Close(), os.RemoveAll(c.directory))
}

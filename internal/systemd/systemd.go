// Package systemd tells the service manager how the server is doing, by systemd's notification protocol (sd_notify(3)).
//
// It does nothing where no service manager listens.
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The states that a unit of Type=notify or Type=notify-reload knows.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Alive    = "WATCHDOG=1"
)

// Reloading returns the state of a server that reads its files again. [Ready] follows when it has done so.
func Reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return "RELOADING=1"
	}
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000)
}

// Notify sends a state to the service manager that started this process. It returns nil when there is none.
func Notify(state string) error {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	c, err := net.Dial("unixgram", socket) // a leading @ names an abstract socket, to systemd as to package net
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	defer c.Close()

	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// WatchdogInterval returns how often the service manager wants to hear [Alive], which is twice in the time of WatchdogSec=. It
// returns 0 when the manager does not watch this process.
func WatchdogInterval() time.Duration {
	limit, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	watched := os.Getenv("WATCHDOG_PID")
	if err != nil || limit <= 0 || watched != "" && watched != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(limit) * time.Microsecond / 2
}

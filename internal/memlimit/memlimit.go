// Package memlimit keeps the process within the memory that it may have: it finds the limit of the control group that it runs in,
// and tells the garbage collector.
package memlimit

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// Of returns the memory limit, in bytes, of the control group that the process runs in (versions 1 and 2), or 0 when there is none.
func Of() int64 { return find(os.DirFS("/")) }

// unlimited is above every limit that a machine could keep. Version 1 of control groups writes "no limit" as a number near 2^63.
const unlimited = 1 << 60

// find looks for the lowest limit of the process's group and of the groups above it. In a container these are often mounted as if
// the process's own group were the topmost one, which is looked at in any case.
func find(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}

	lowest := int64(unlimited)
	for line := range strings.Lines(string(groups)) {
		// A line is number:controllers:path. Version 2 has number 0 and no controllers (cgroups(7)).
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		top, name := "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		if fields[1] == "" {
			top, name = "sys/fs/cgroup", "memory.max"
		} else if !strings.Contains(","+fields[1]+",", ",memory,") {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			if limit, err := read(root, path.Join(top, group, name)); err == nil {
				lowest = min(lowest, limit)
			}
			if group == "/" {
				break
			}
		}
	}

	if lowest == unlimited {
		return 0
	}
	return lowest
}

// read reads a file with a limit.
func read(root fs.FS, file string) (int64, error) {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, err
	}
	word := strings.TrimSpace(string(text))
	if word == "max" {
		return unlimited, nil
	}
	limit, err := strconv.ParseInt(word, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return unlimited, nil
	}
	return limit, err
}

// How the garbage collector is set.
const (
	// part of the limit that Go's memory may take, in percent: the rest is for the program itself and what the kernel counts beside.
	part = 90
	// room is how much the heap may grow between two collections while little is in use, in bytes. A heap of a few MiB would
	// otherwise be collected hundreds of times a second under load.
	room = 32 << 20
	// least and most are the bounds of GOGC, the growth between two collections in percent of what is in use.
	least, most = 100, 400
)

// Apply has the garbage collector keep within a limit in bytes, 0 for none. The variables GOMEMLIMIT and GOGC have the last word.
func Apply(limit int64) {
	if limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 100 * part)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(most)
		runtime.SetFinalizer(new(collection), (*collection).over)
	}
}

// collection is garbage. Its finalizer runs after each collection.
type collection struct {
	percent int
	_       *byte // an object with a pointer has a finalizer that surely runs
}

// over sets how far the heap may grow until the next collection: by room while little is in use, and by as much again when much is.
func (c *collection) over() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if percent := growth(live[0].Value.Uint64()); percent != c.percent {
		c.percent = percent
		debug.SetGCPercent(percent)
	}
	runtime.SetFinalizer(c, (*collection).over)
}

// growth returns the GOGC for a heap of which so many bytes are in use.
func growth(inUse uint64) int {
	if inUse > math.MaxInt64/2 {
		return least
	}
	return int(min(max(room*100/max(int64(inUse), 1), least), most))
}

package memlimit

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// collectAfter is how many bytes of garbage that was told to Burst.Collect may wait for a collection.
	collectAfter = 64 << 20
	// giveBackAfter is how many bytes of garbage make a burst, and quiet how long nothing is added to one before the memory goes back
	// to the system.
	giveBackAfter = 16 << 20
	quiet         = time.Second
)

// Burst has the memory collected that rare, large work leaves behind. The collector goes by how the heap grows, and an idle process
// would keep such memory for minutes. The zero Burst is ready for use, and safe for concurrent use.
type Burst struct {
	mu      sync.Mutex
	waiting int64 // bytes since the last collection
	burst   int64 // bytes since memory was last given back
	timer   *time.Timer
}

// Collect counts so many bytes of garbage, and collects when much has come together. It may take milliseconds.
func (b *Burst) Collect(size int64) {
	if b.count(size) >= collectAfter {
		b.mu.Lock()
		b.waiting = 0
		b.mu.Unlock()
		runtime.GC()
	}
}

// Note counts so many bytes of garbage, which go back to the system once nothing was counted for a second.
func (b *Burst) Note(size int64) { b.count(size) }

func (b *Burst) count(size int64) (waiting int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += size
	b.burst += size

	switch {
	case b.burst < giveBackAfter:
	case b.timer == nil:
		b.timer = time.AfterFunc(quiet, b.giveBack)
	default:
		b.timer.Reset(quiet)
	}
	return b.waiting
}

// giveBack gives the memory of a burst back to the system.
func (b *Burst) giveBack() {
	b.mu.Lock()
	b.waiting, b.burst = 0, 0
	b.mu.Unlock()
	debug.FreeOSMemory()
}

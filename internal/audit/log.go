package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// ReadMode says how the events of reads are recorded.
type ReadMode string

// The modes of --audit-reads.
const (
	ReadsQueued ReadMode = "queue" // committed in groups within 100 ms; a crash may lose the events of that time
	ReadsSync   ReadMode = "sync"  // durable before the answer
	ReadsOff    ReadMode = "off"   // not recorded
)

const (
	queueLength = 4096
	batchLength = 1024
	groupDelay  = 100 * time.Millisecond
)

// Log writes events to the store. It is safe for concurrent use. [Log.Close] writes what is still queued.
type Log struct {
	store   *store.Store
	reads   ReadMode
	logger  *slog.Logger
	queue   chan entry
	stopped chan struct{}

	mu      sync.RWMutex // senders hold it for reading, so that the queue is not closed while one of them sends
	closed  bool
	unknown anonymous
}

// entry is an event in the queue. Its done is nil when nobody waits for the commit.
type entry struct {
	event *store.Event
	done  chan error
}

var errClosed = errors.New("audit log is closed")

// NewLog returns the log of a store and starts its writer.
func NewLog(s *store.Store, reads ReadMode, logger *slog.Logger) *Log {
	l := &Log{store: s, reads: reads, logger: logger, queue: make(chan entry, queueLength), stopped: make(chan struct{})}
	go l.run()
	return l
}

// Close writes what is queued and stops the writer. Events that come later are refused.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	<-l.stopped
	return nil
}

// Write adds an event to the transaction of the change that it records, so that neither can be stored without the other.
func Write(tx *store.Tx, r *Record) error {
	event, err := r.event()
	if err != nil {
		return err
	}
	return tx.InsertEvent(event)
}

// Now writes an event that must be durable before an answer is given: a denial, a failure, a sign-in. It returns after the commit.
// Events that arrive together share one commit.
func (l *Log) Now(r *Record) error {
	event, err := r.event()
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	if err := l.send(entry{event, done}); err != nil {
		return err
	}
	return <-done
}

// Read records a read, as the log's mode says.
func (l *Log) Read(r *Record) error {
	switch l.reads {
	case ReadsOff:
		return nil
	case ReadsSync:
		return l.Now(r)
	}
	event, err := r.event()
	if err != nil {
		return err
	}
	return l.send(entry{event: event})
}

// RecordsReads reports whether [Log.Read] records anything. Callers ask it to spare the work of describing a read.
func (l *Log) RecordsReads() bool { return l.reads != ReadsOff }

// Waiting returns how many events wait to be written.
func (l *Log) Waiting() int { return len(l.queue) }

// Unauthenticated records a failed request of an unknown caller. In each minute it records the first ten requests from a client
// (see [Source]); when the minute is over, one event tells how many more there were.
func (l *Log) Unauthenticated(from netip.Addr, r *Record) error {
	if err := l.FlushUnauthenticated(r.Time); err != nil {
		return err
	}
	if !l.unknown.count(from) {
		return nil
	}
	return l.Now(r)
}

// FlushUnauthenticated writes the events that count what [Log.Unauthenticated] left out in the minutes before now. The server calls
// it every minute, so that the end of a flood is recorded even when no request follows it.
func (l *Log) FlushUnauthenticated(now time.Time) error {
	for _, r := range l.unknown.advance(now) {
		if err := l.Now(r); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) send(e entry) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return errClosed
	}
	l.queue <- e
	return nil
}

// run commits events in groups: at once when a caller waits for one of them, otherwise within groupDelay.
func (l *Log) run() {
	defer close(l.stopped)
	batch := make([]entry, 0, batchLength)
	for first := range l.queue {
		batch = l.gather(append(batch[:0], first))
		if err := l.commit(batch); err != nil {
			l.logger.Error("audit events could not be written", "events", len(batch), "error", err)
		}
	}
}

// gather adds to the batch all that is queued. While no caller waits for an event of the batch, it also adds what arrives within
// groupDelay.
func (l *Log) gather(batch []entry) []entry {
	waiting := batch[0].done != nil
	timer := time.NewTimer(groupDelay)
	defer timer.Stop()

	for len(batch) < batchLength {
		if waiting {
			select {
			case e, open := <-l.queue:
				if !open {
					return batch
				}
				batch = append(batch, e)
				continue
			default:
				return batch
			}
		}
		select {
		case e, open := <-l.queue:
			if !open {
				return batch
			}
			batch = append(batch, e)
			waiting = e.done != nil
		case <-timer.C:
			return batch
		}
	}

	return batch
}

func (l *Log) commit(batch []entry) error {
	events := make([]*store.Event, len(batch))
	for n, e := range batch {
		events[n] = e.event
	}
	err := l.store.Update(context.Background(), store.NoLock(), func(tx *store.Tx) error { return tx.InsertEvents(events) })
	for _, e := range batch {
		if e.done != nil {
			e.done <- err
		}
	}
	return err
}

// Prune deletes reads and other events that are older than the given times. It does so in chunks, between which other writers get
// their turn.
func (l *Log) Prune(ctx context.Context, now time.Time, reads, others time.Duration) error {
	const chunk = 1000
	for {
		var removed int64
		if err := l.store.Update(ctx, store.NoLock(), func(tx *store.Tx) (err error) {
			removed, err = tx.PruneEvents(now.Add(-reads), now.Add(-others), chunk)
			return err
		}); err != nil {
			return fmt.Errorf("prune audit events: %w", err)
		}
		if removed < chunk {
			return nil
		}
	}
}

const (
	anonymousPerMinute = 10
	anonymousSources   = 1024 // that are counted one by one in a minute
)

// anonymous counts failed requests of unknown callers, by source and minute, in bounded memory.
type anonymous struct {
	mu     sync.Mutex
	minute time.Time
	counts map[netip.Prefix]int
}

// advance begins the minute of now and returns an event for each client that was over its number in the minute before.
func (a *anonymous) advance(now time.Time) []*Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	minute := now.Truncate(time.Minute)
	if minute.Equal(a.minute) {
		return nil
	}

	var summaries []*Record
	for from, n := range a.counts {
		if n <= anonymousPerMinute {
			continue
		}
		source := "others"
		switch {
		case from.Addr().Is4():
			source = from.Addr().String()
		case from.IsValid():
			source = from.String()
		}
		summaries = append(summaries, &Record{
			Time: now, EventSource: SourceTouchstone, EventName: "UnauthenticatedRequests", EventType: TypeServiceEvent,
			UserIdentity: UserIdentity{Type: "Unknown"}, SourceIPAddress: source, ErrorCode: "AccessDenied", ReadOnly: true,
			AdditionalEventData: map[string]any{"minute": a.minute.UTC().Format(time.RFC3339), "notRecorded": n - anonymousPerMinute},
		})
	}

	a.minute, a.counts = minute, make(map[netip.Prefix]int)
	return summaries
}

// count adds one request and reports whether it is recorded by itself. Beyond 1024 sources all others are counted together, under
// the zero prefix.
func (a *anonymous) count(address netip.Addr) bool {
	from := Source(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.counts[from]; !known && len(a.counts) >= anonymousSources {
		from = netip.Prefix{}
	}
	a.counts[from]++
	return a.counts[from] <= anonymousPerMinute
}

// Source returns what counts as one client: an IPv4 address, or the /64 of an IPv6 address, because one customer holds a whole /64.
// The sign-in's throttle counts by it, too.
func Source(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	from, err := a.Prefix(min(a.BitLen(), 64))
	if err != nil {
		return netip.Prefix{} // the zero address has none
	}
	return from
}

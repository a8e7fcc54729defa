package signin

import (
	"encoding/base64"
	"encoding/binary"
	"time"
)

// calendar is when turns at one identity fall due. Time is divided into cells, and one turn at most falls due in each, so that no
// minute has more than ten.
//
// The first turn of a network may fall due in any cell. The other addresses of a network that waits already get turns only in one
// cell of five: however many they are, four of five cells are left for networks that come to wait later.
type calendar struct {
	first int64  // number of the first cell of taken
	taken []byte // a bit for each cell, the lowest first
}

const (
	cell  = 7 * time.Second // a minute touches ten cells at most
	cells = 4096            // how many a calendar has: almost eight hours

	// forOthers is how far apart the cells are in which further addresses of a network get their turns.
	forOthers = 5
)

func cellAt(t time.Time) int64 { return t.UnixMicro() / cell.Microseconds() }

// parseCalendar reads a stored calendar, and leaves out what is past.
func parseCalendar(stored string, now time.Time) calendar {
	c := calendar{first: cellAt(now)}
	plain, err := base64.RawStdEncoding.DecodeString(stored)
	if err != nil || len(plain) < 8 {
		return c
	}
	old := calendar{first: int64(binary.BigEndian.Uint64(plain)), taken: plain[8:]}
	for n := old.first; n < old.first+int64(8*len(old.taken)); n++ {
		if c.within(n) && old.has(n) {
			c.set(n)
		}
	}
	return c
}

// String is the form in which a calendar is stored.
func (c *calendar) String() string {
	plain := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(c.taken)), uint64(c.first))
	return base64.RawStdEncoding.EncodeToString(append(plain, c.taken...))
}

func (c *calendar) within(n int64) bool { return n >= c.first && n < c.first+cells }

func (c *calendar) has(n int64) bool {
	at := n - c.first
	return at/8 < int64(len(c.taken)) && c.taken[at/8]&(1<<(at%8)) != 0
}

func (c *calendar) set(n int64) {
	at := n - c.first
	for int64(len(c.taken)) <= at/8 {
		c.taken = append(c.taken, 0)
	}
	c.taken[at/8] |= 1 << (at % 8)
}

// book takes the first free cell that does not end before a time, and returns when the turn falls due: at that time when the cell
// has begun by then, otherwise at the cell's beginning. It is not ok when no cell is free.
func (c *calendar) book(from time.Time, other bool) (due time.Time, ok bool) {
	for n := cellAt(from); c.within(n); n++ {
		if c.has(n) || other && n%forOthers != 0 {
			continue
		}
		c.set(n)
		if begins := time.UnixMicro(n * cell.Microseconds()); begins.After(from) {
			return begins.In(from.Location()), true
		}
		return from, true
	}
	return time.Time{}, false
}

package store

import "time"

// ClockSlack is how far apart the clocks of servers that share a database may be, and how far a clock may be corrected without
// ending anything.
const ClockSlack = 5 * time.Minute

// Expired reports whether what expires at a time, and may last for life at most, is over. It is over as well when it expires
// further ahead than anything of its kind can: then it was made by a clock that was ahead, and would last for as long as that clock
// was.
func Expired(expires, now time.Time, life time.Duration) bool {
	return !expires.After(now) || expires.After(now.Add(life+ClockSlack))
}

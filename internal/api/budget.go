package api

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// proofsPerMinute is how many unsigned calls an address may have checked in a minute, and proofSlots how many counters there are.
// An address shares its counter with few others; what matters is that no number of addresses makes the table grow.
const (
	proofsPerMinute = 60
	proofSlots      = 1 << 12
)

// ProofBudget limits how often the proofs of unsigned calls are checked for each client: an IPv4 address, or the /64 of an IPv6
// one. Its size is fixed. It is safe for concurrent use.
type ProofBudget struct {
	seed maphash.Seed

	mu     sync.Mutex
	minute time.Time // that the counters are of
	counts [proofSlots]uint16
}

// NewProofBudget returns a budget of which nothing is spent.
func NewProofBudget() *ProofBudget { return &ProofBudget{seed: maphash.MakeSeed()} }

// take spends one check of the address's, and reports whether there was one left.
func (b *ProofBudget) take(address netip.Addr, now time.Time) bool {
	address = address.Unmap()
	if client, err := address.Prefix(min(address.BitLen(), 64)); err == nil {
		address = client.Addr()
	}
	slot := maphash.Comparable(b.seed, address) % proofSlots

	b.mu.Lock()
	defer b.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(b.minute) {
		b.minute = minute
		clear(b.counts[:])
	}
	if b.counts[slot] >= proofsPerMinute {
		return false
	}
	b.counts[slot]++
	return true
}

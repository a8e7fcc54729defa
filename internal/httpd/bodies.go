package httpd

import (
	"net/netip"
	"sync"
)

// DefaultBodyMemory is the memory for request bodies in flight, in bytes, unless [Config.BodyMemory] says otherwise.
const DefaultBodyMemory = 64 << 20

// partOfOne is the part of the memory for bodies that one address, one key and one session may have: a quarter.
const partOfOne = 4

// bodies is the memory for request bodies in flight, as far as they are larger than [SmallBody]. Nobody waits for a place: whoever
// finds none is refused, so that strangers never queue before others. It is safe for concurrent use.
type bodies struct {
	size int64

	mu    sync.Mutex
	taken int64
	// by is what each party has of it. A party without a place is not in the map, so the map is bounded by the number of places.
	by map[party]int64
}

// party is who answers for a body. A body has two: the network that it comes from and its owner, as far as there is one.
type party struct {
	network netip.Prefix // of the address; not valid for an owner
	owner   string
}

// place is a part of the memory for bodies.
type place struct {
	of      *bodies
	size    int64
	parties []party
}

func newBodies(size int64) *bodies { return &bodies{size: size, by: make(map[party]int64)} }

// take takes a place of the given size for a body from a network and of an owner, who may be "". It reports false when there is
// none, or when one of the two has its part already.
func (b *bodies) take(size int64, from netip.Prefix, owner string) (*place, bool) {
	parties := []party{{network: from}}
	if owner != "" {
		parties = append(parties, party{owner: owner})
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken+size > b.size {
		return nil, false
	}
	for _, p := range parties {
		if b.by[p]+size > b.size/partOfOne {
			return nil, false
		}
	}

	b.taken += size
	for _, p := range parties {
		b.by[p] += size
	}
	return &place{b, size, parties}, true
}

// leave gives the place back.
func (p *place) leave() {
	b := p.of
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken -= p.size
	for _, party := range p.parties {
		if b.by[party] -= p.size; b.by[party] == 0 {
			delete(b.by, party)
		}
	}
}

// network returns what counts as one client: an IPv4 address, or the /64 of an IPv6 one.
func network(a netip.Addr) netip.Prefix {
	p, err := a.Prefix(min(a.BitLen(), 64))
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

package policy

import "slices"

// Context holds the condition keys of a request and their values. Names of keys ignore letter case, also in the part of a key such
// as aws:ResourceTag/Team that names a tag (IAM User Guide, "Condition"). A key that was not set is absent, which is not the same
// as a key that was set to no values or to the empty string.
//
// A Context may be reused after Reset, and then it is filled without allocating. It must not be changed while a decision
// reads it; several decisions may read it at once. A nil *Context has no keys.
type Context struct {
	entries []contextEntry
	values  []string

	// slots is a hash table with open addressing. A slot is 0, or 1 more than an index in entries. Its length is a power of two.
	slots []uint32
}

type contextEntry struct {
	key        contextKey
	start, end int // in values
}

// contextKey is a key's name with a hash that ignores letter case. Compiled policies contain the hash, so that a decision does not
// compute it.
type contextKey struct {
	name string
	hash uint64
}

func newContextKey(name string) contextKey { return contextKey{name, foldHash(name)} }

func (k *contextKey) equal(other *contextKey) bool {
	return k.hash == other.hash && equalFold(k.name, other.name)
}

// NewContext returns a context without keys.
func NewContext() *Context {
	return &Context{entries: make([]contextEntry, 0, 32), values: make([]string, 0, 40), slots: make([]uint32, 64)}
}

// Set gives key its values, in place of any that it had. The values are copied, so the slice may be used again.
func (c *Context) Set(key string, values ...string) {
	c.set(newContextKey(key), values...)
}

// set does what Set does, for a key whose hash is known already.
func (c *Context) set(key contextKey, values ...string) {
	entry := contextEntry{key: key, start: len(c.values), end: len(c.values) + len(values)}
	c.values = append(c.values, values...)
	if n := c.index(&entry.key); n >= 0 {
		c.entries[n] = entry
	} else {
		c.entries = append(c.entries, entry)
		c.hash(len(c.entries) - 1)
	}
}

// Delete makes key absent.
func (c *Context) Delete(key string) {
	k := newContextKey(key)
	if n := c.index(&k); n >= 0 {
		c.entries = slices.Delete(c.entries, n, n+1)
		clear(c.slots)
		c.hash(0)
	}
}

// Get returns the values of key and whether it was set. The slice is valid until the context changes.
func (c *Context) Get(key string) ([]string, bool) {
	k := newContextKey(key)
	return c.lookup(&k)
}

// Reset removes all keys and keeps the memory.
func (c *Context) Reset() {
	clear(c.values)
	c.values = c.values[:0]
	clear(c.entries)
	c.entries = c.entries[:0]
	clear(c.slots)
}

func (c *Context) lookup(k *contextKey) ([]string, bool) {
	if c == nil {
		return nil, false
	}
	if n := c.index(k); n >= 0 {
		e := &c.entries[n]
		return c.values[e.start:e.end:e.end], true
	}
	return nil, false
}

// index returns where k is in entries, or -1.
func (c *Context) index(k *contextKey) int {
	last := uint64(len(c.slots)) - 1
	for slot := k.hash; len(c.slots) > 0; slot++ {
		n := int(c.slots[slot&last]) - 1
		if n < 0 || c.entries[n].key.equal(k) {
			return n
		}
	}
	return -1
}

// hash enters the entries from the given index on into the table. The table grows so that it is at most half full, which keeps
// the searches short.
func (c *Context) hash(from int) {
	if 2*len(c.entries) > len(c.slots) {
		c.slots = make([]uint32, max(16, 2*len(c.slots)))
		from = 0
	}

	last := uint64(len(c.slots)) - 1
	for n := from; n < len(c.entries); n++ {
		slot := c.entries[n].key.hash
		for c.slots[slot&last] != 0 {
			slot++
		}
		c.slots[slot&last] = uint32(n + 1)
	}
}

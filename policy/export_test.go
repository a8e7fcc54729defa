package policy

// FoldHash is foldHash.
var FoldHash = foldHash

// Indexed returns the set with an index, or without one, however many statements it has.
func (s *Set) Indexed(indexed bool) *Set {
	c := *s
	c.index = nil
	if indexed {
		c.index = newIndex(c.statements)
	}
	return &c
}

// HasIndex reports whether Compile made an index.
func (s *Set) HasIndex() bool { return s.index != nil }

// Keys returns the names of the keys that are set.
func (c *Context) Keys() []string {
	names := make([]string, len(c.entries))
	for n := range c.entries {
		names[n] = c.entries[n].key.name
	}
	return names
}

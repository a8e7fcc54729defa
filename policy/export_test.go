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

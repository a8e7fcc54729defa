package operator

import (
	"maps"
	"slices"
)

// SealedKinds are the columns whose values Check looks at.
func SealedKinds() []string { return slices.Sorted(maps.Keys(sealedKinds)) }

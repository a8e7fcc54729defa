package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a number of bytes as a flag: a whole number with or without a unit, such as 256MiB.
type byteSize int64

var byteUnits = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// Set implements pflag.Value.
func (b *byteSize) Set(text string) error {
	for _, unit := range byteUnits {
		digits, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n <= 0 || n > math.MaxInt64/unit.size {
			break
		}
		*b = byteSize(n * unit.size)
		return nil
	}
	return fmt.Errorf("use a size above zero, such as 256MiB")
}

// String implements pflag.Value.
func (b *byteSize) String() string {
	n := int64(*b)
	if n == 0 {
		return "" // which the help leaves out
	}
	for _, unit := range byteUnits {
		if n%unit.size == 0 {
			return strconv.FormatInt(n/unit.size, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// Type implements pflag.Value.
func (*byteSize) Type() string { return "size" }

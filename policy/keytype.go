package policy

import (
	"net/netip"

	"github.com/touchstone-iam/touchstone/arn"
)

// Accepts reports whether a text is a value of the type. It is read in the same way as the operators for the type read the value
// of a request.
func (t KeyType) Accepts(text string) bool {
	ok := true
	switch t.single() {
	case KeyNumeric:
		_, ok = parseDecimal(text)
	case KeyDate:
		_, ok = parseInstant(text)
	case KeyBool:
		ok = isBoolean(text)
	case KeyBinary:
		ok = len(compileBinaries([]string{text})) > 0
	case KeyAddress:
		address, err := netip.ParseAddr(text)
		ok = err == nil && address.Zone() == ""
	case KeyARN:
		_, err := arn.Parse(text)
		ok = err == nil
	}

	return ok
}

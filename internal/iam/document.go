package iam

import "strings"

// encodeDocument percent-encodes a policy document as RFC 3986 has it, which is how IAM answers with documents. A blank is %20
// and a plus %2B, since clients differ in what they make of a plus.
func encodeDocument(document string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(2 * len(document))
	for n := range len(document) {
		c := document[n]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

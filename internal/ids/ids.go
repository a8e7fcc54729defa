// Package ids makes the identifiers that Touchstone gives to things, and reads the one that people type: an account's.
//
// An identifier names something and proves nothing. What proves something (passwords, secret access keys, tokens) comes from
// package secret.
//
// Each kind has one use:
//
//	New          a row of the store that has no id of AWS's: a principal, an MFA device. It is never shown.
//	NewUUID      whatever AWS names by a UUID (requests, events), and sessions, mails, notices and device cookies.
//	NewUnique    the unique id of an IAM entity, such as AIDA… for a user; it stands in policies and in the trail.
//	NewAccessKey the public half of an access key, AKIA….
//	NewAccount   an account.
package ids

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
)

// upper32 is base32 without padding: the alphabet of AWS's ids.
var upper32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// New returns the id of a row: 26 lower-case letters and digits, 128 random bits.
func New() string {
	var b [16]byte
	rand.Read(b[:])
	return strings.ToLower(upper32.EncodeToString(b[:]))
}

// NewUUID returns a random UUID, version 4 (RFC 9562 §5.4).
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40 // the version
	b[8] = b[8]&0x3f | 0x80 // the variant

	var text [36]byte
	hex.Encode(text[:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// NewUnique returns an id in AWS's form: a prefix of four letters that tells the kind of entity, and 17 letters and digits
// (IAM User Guide, "Unique identifiers").
func NewUnique(prefix string) string {
	var b [11]byte
	rand.Read(b[:])
	return prefix + upper32.EncodeToString(b[:])[:17]
}

// NewAccessKey returns an access key id: AKIA and 16 letters and digits.
func NewAccessKey() string {
	var b [10]byte
	rand.Read(b[:])
	return "AKIA" + upper32.EncodeToString(b[:])
}

// NewAccount returns an account id: twelve random digits that do not begin with 0.
func NewAccount() string {
	const span = 900_000_000_000
	return fmt.Sprintf("%012d", 100_000_000_000+uniform(span))
}

// uniform returns a random number below n, each as likely as any other.
func uniform(n uint64) uint64 {
	// Above the largest multiple of n the remainders are not evenly spread, so numbers from there are drawn again.
	limit := (1<<64 - 1) / n * n
	for {
		var b [8]byte
		rand.Read(b[:])
		if v := binary.BigEndian.Uint64(b[:]); v < limit {
			return v % n
		}
	}
}

// ParseAccount reads an account id as people write it: twelve digits, often with hyphens (1111-2222-3333) or with spaces
// around them. It reports whether the text is one; whether there is such an account is for the store to say.
func ParseAccount(typed string) (account string, ok bool) {
	account = strings.ReplaceAll(strings.TrimSpace(typed), "-", "")
	if !arn.IsAccountID(account) {
		return "", false
	}
	return account, true
}

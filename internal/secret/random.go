package secret

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// NewSecretAccessKey returns a secret access key: 40 characters of base64 from 240 random bits, except values that a spreadsheet
// would take for a formula.
func NewSecretAccessKey() string {
	return plain(func() string { return base64.StdEncoding.EncodeToString(randomBytes(30)) })
}

// plain makes texts until one does not begin like a formula. Credentials are handed out as CSV files, and a text that a spreadsheet
// takes for a formula would have to be altered there to be harmless.
func plain(make func() string) string {
	for {
		if text := make(); !strings.ContainsRune("=+-@", rune(text[0])) {
			return text
		}
	}
}

// passwordKinds are the kinds of characters in a generated password, without those that look alike, such as l and 1.
var passwordKinds = []string{"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!@#$%^&*()_+-=[]{}|"}

const generatedLength = 20

// GeneratePassword returns a random password of 20 characters with at least one upper-case letter, lower-case letter, digit and
// symbol.
func GeneratePassword() string { return plain(generatePassword) }

func generatePassword() string {
	all := strings.Join(passwordKinds, "")
	password := make([]byte, generatedLength)

	// The first characters are one of each kind, the rest are any.
	for n := range password {
		from := all
		if n < len(passwordKinds) {
			from = passwordKinds[n]
		}
		password[n] = from[below(len(from))]
	}

	// A shuffle (Fisher-Yates) hides which places were reserved for which kind.
	for n := len(password) - 1; n > 0; n-- {
		other := below(n + 1)
		password[n], password[other] = password[other], password[n]
	}

	return string(password)
}

// below returns a random number below n, which is at most 256. Each is as likely as any other.
func below(n int) int {
	// Bytes above the largest multiple of n would make small remainders likelier, so they are drawn again.
	limit := 256 / n * n
	for {
		if v := int(randomBytes(1)[0]); v < limit {
			return v % n
		}
	}
}

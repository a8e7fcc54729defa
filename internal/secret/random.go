package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// upper32 is base32 without padding: the alphabet of AWS's ids.
var upper32 = base32.StdEncoding.WithPadding(base32.NoPadding)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// NewUniqueID returns an id in AWS's form: a prefix of four letters that says of what, and 17 letters and digits (IAM User
// Guide, "Unique identifiers").
func NewUniqueID(prefix string) string { return prefix + upper32.EncodeToString(randomBytes(11))[:17] }

// NewAccessKeyID returns an access key id: AKIA and 16 letters and digits.
func NewAccessKeyID() string { return "AKIA" + upper32.EncodeToString(randomBytes(10)) }

// NewSecretAccessKey returns a secret access key: 40 characters, 240 random bits but for those that would begin like a formula.
func NewSecretAccessKey() string {
	return plain(func() string { return base64.StdEncoding.EncodeToString(randomBytes(30)) })
}

// plain makes texts until one does not begin like a spreadsheet's formula: credentials are handed out as CSV files, where such a
// one would have to be altered to be harmless.
func plain(make func() string) string {
	for {
		if text := make(); !strings.ContainsRune("=+-@", rune(text[0])) {
			return text
		}
	}
}

// NewID returns a random internal id of 128 bits.
func NewID() string { return strings.ToLower(upper32.EncodeToString(randomBytes(16))) }

// NewAccountID returns twelve random digits that do not begin with 0.
func NewAccountID() string {
	const span = 900_000_000_000
	return fmt.Sprintf("%012d", 100_000_000_000+uniform(span))
}

// uniform returns a random number below n, every one as likely.
func uniform(n uint64) uint64 {
	limit := (1<<64 - 1) / n * n
	for {
		if v := binary.BigEndian.Uint64(randomBytes(8)); v < limit {
			return v % n
		}
	}
}

// Password characters that are not mistaken for one another.
var passwordKinds = []string{"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz", "23456789", "!@#$%^&*()_+-=[]{}|"}

const generatedLength = 20

// GeneratePassword returns a random password of 20 characters with at least one of each kind.
func GeneratePassword() string { return plain(generatePassword) }

func generatePassword() string {
	all := strings.Join(passwordKinds, "")
	password := make([]byte, generatedLength)
	for n := range password {
		from := all
		if n < len(passwordKinds) {
			from = passwordKinds[n]
		}
		password[n] = from[uniform(uint64(len(from)))]
	}
	for n := len(password) - 1; n > 0; n-- {
		other := uniform(uint64(n + 1))
		password[n], password[other] = password[other], password[n]
	}
	return string(password)
}

// A token is an account id, a dot, and 256 random bits in base64url.
const (
	tokenBytes  = 32
	accountSize = 12
	tokenLength = accountSize + 1 + 43
)

// ErrToken is returned for a text that is not a token.
var ErrToken = errors.New("malformed token")

// NewToken returns a token of the account and the hash by which it is stored and found.
func NewToken(account string) (token string, hash []byte) {
	token = account + "." + base64.RawURLEncoding.EncodeToString(randomBytes(tokenBytes))
	return token, hashToken(token)
}

// ParseToken reads a token's account and computes its hash. It says nothing about whether there is such a token. ErrToken.
func ParseToken(token string) (account string, hash []byte, err error) {
	if len(token) != tokenLength || token[accountSize] != '.' {
		return "", nil, ErrToken
	}
	for _, c := range token[:accountSize] {
		if c < '0' || c > '9' {
			return "", nil, ErrToken
		}
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(token[accountSize+1:]); err != nil {
		return "", nil, ErrToken
	}
	return token[:accountSize], hashToken(token), nil
}

// hashToken needs no slow hash: a token is random, not chosen.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

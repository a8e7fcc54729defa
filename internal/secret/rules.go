//lint:file-ignore ST1005 What CheckRootPassword returns is shown to a person as it is.

package secret

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:generate go run ./commonpasswords common.txt.gz

//go:embed common.txt.gz
var commonCompressed []byte

// common returns the list as sorted lines, with a line end before the first and after the last. It is unpacked at its first use, so
// that the server starts without the delay.
var common = sync.OnceValue(func() string {
	z, err := gzip.NewReader(bytes.NewReader(commonCompressed))
	if err != nil {
		panic(err) // the list is part of the program
	}
	text, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return "\n" + string(text) + "\n"
})

// IsCommon reports whether a password, ignoring case, is on the list of the commonest passwords, which guessers try first.
func IsCommon(password string) bool {
	if strings.ContainsRune(password, '\n') {
		return false
	}
	return strings.Contains(common(), "\n"+strings.ToLower(password)+"\n")
}

// The lengths of a root password, in characters.
const (
	MinRootPassword = 8
	MaxRootPassword = 128
)

// CheckRootPassword returns an error when the root user may not have a password, because it is too short, too long, too common, or
// the e-mail address. Which kinds of characters it has does not matter (NIST SP 800-63B §3.1.1.2). The error's text is for the
// person.
func CheckRootPassword(password, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < MinRootPassword:
		return errors.New("Use at least 8 characters.")
	case n > MaxRootPassword:
		return errors.New("Use at most 128 characters.")
	case strings.EqualFold(password, email):
		return errors.New("Do not use the e-mail address as the password.")
	case IsCommon(password):
		return errors.New("This password is one of those that are tried first. Choose another.")
	}
	return nil
}

// CheckUserPassword holds a password of an IAM user against the default account password policy (IAM User Guide, "Setting an
// account password policy": 8 to 128 characters, three of upper-case, lower-case, digits and others, not the account's name or
// e-mail address, either of which may be ""). The error names every rule that is broken, in AWS's words.
func CheckUserPassword(password, alias, rootEmail string) error {
	var broken []string
	if n := utf8.RuneCountInString(password); n < 8 {
		broken = append(broken, "Password should have a minimum length of 8")
	} else if n > 128 {
		broken = append(broken, "Password should have a maximum length of 128")
	}
	if characterKinds(password) < 3 {
		broken = append(broken, "Password should have at least three of: an uppercase letter, a lowercase letter, a number, a symbol")
	}
	if alias != "" && strings.EqualFold(password, alias) || rootEmail != "" && strings.EqualFold(password, rootEmail) {
		broken = append(broken, "Password should not be the account name or e-mail address")
	}
	if len(broken) == 0 {
		return nil
	}
	return errors.New(strings.Join(broken, "; "))
}

func characterKinds(password string) int {
	var upper, lower, digit, other int
	for _, r := range password {
		switch {
		case r >= 'A' && r <= 'Z':
			upper = 1
		case r >= 'a' && r <= 'z':
			lower = 1
		case r >= '0' && r <= '9':
			digit = 1
		default:
			other = 1
		}
	}
	return upper + lower + digit + other
}

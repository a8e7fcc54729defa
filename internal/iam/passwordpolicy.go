package iam

import (
	"strings"
	"unicode/utf8"

	"github.com/touchstone-iam/touchstone/iamapi"
)

// checkPassword holds a password of an IAM user against the default account password policy (IAM User Guide, "Setting an
// account password policy": 8 to 128 characters, three of upper-case, lower-case, digits and others, not the account's name or
// e-mail address). It reports every rule that is broken.
func checkPassword(password, alias, rootEmail string) error {
	var broken []string
	if n := utf8.RuneCountInString(password); n < 8 {
		broken = append(broken, "Password should have a minimum length of 8")
	} else if n > 128 {
		broken = append(broken, "Password should have a maximum length of 128")
	}
	if characterKinds(password) < 3 {
		broken = append(broken, "Password should have at least three of: an uppercase letter, a lowercase letter, a number, a symbol")
	}
	if alias != "" && strings.EqualFold(password, alias) || strings.EqualFold(password, rootEmail) {
		broken = append(broken, "Password should not be the account name or e-mail address")
	}
	if len(broken) == 0 {
		return nil
	}
	return iamapi.PasswordPolicyViolation("%s", strings.Join(broken, "; "))
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

package iam

import (
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/secret"
)

// checkPassword holds a password of an IAM user against the account's password policy.
func checkPassword(password, alias, rootEmail string) error {
	if err := secret.CheckUserPassword(password, alias, rootEmail); err != nil {
		return iamapi.PasswordPolicyViolation("%s", err.Error())
	}
	return nil
}

package iam_test

import (
	"testing"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// Every error that the model declares for an operation that is built is caused, or has a reason why it cannot be.
func TestDeclaredErrors(t *testing.T) {
	t.Parallel()
	touchtest.CheckErrors(t, start(t), definedHere(), operations,
		userErrors, loginProfileErrors, userPolicyErrors, tagErrors, accessKeyErrors, accountErrors, mfaDeviceErrors, policyErrors)
}

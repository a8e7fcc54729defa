package secret_test

import (
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/secret"
)

// What goes into a file for a spreadsheet is not taken for a formula, and so is written there as it is.
func TestNoCredentialLooksLikeAFormula(t *testing.T) {
	for name, make := range map[string]func() string{
		"secret access key": secret.NewSecretAccessKey,
		"password":          secret.GeneratePassword,
	} {
		for range 2000 {
			if text := make(); strings.ContainsRune("=+-@", rune(text[0])) {
				t.Errorf("%s begins with %q", name, text[0])
				break
			}
		}
	}
}

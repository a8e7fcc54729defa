// Package secrettest makes keys for tests.
package secrettest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/secret"
)

// Keyring returns an installation's keys: one, sealed by a new master key.
func Keyring(t testing.TB) *secret.Keyring {
	t.Helper()
	master, err := secret.LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secret.NewKeyring(master, []secret.SealedKey{master.NewKey(time.Now())}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

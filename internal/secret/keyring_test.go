package secret_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/secret/secrettest"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// What is sealed for one row opens for no other, and not when a byte of it has changed.
func TestSecretsOpenOnlyForTheirOwner(t *testing.T) {
	keys := secrettest.Keyring(t)
	sealed := keys.SealSecretKey("111122223333", "alice", "AKIA1", "secret")
	if plain, err := keys.OpenSecretKey("111122223333", "alice", "AKIA1", sealed); err != nil || plain != "secret" {
		t.Errorf("opened %q, %v", plain, err)
	}
	hash := keys.SealHash("111122223333", "alice", "$argon2id$")
	if plain, err := keys.OpenHash("111122223333", "alice", hash); err != nil || plain != "$argon2id$" {
		t.Errorf("opened %q, %v", plain, err)
	}

	opens := func(what string, open func() (string, error)) {
		t.Helper()
		if plain, err := open(); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: %q, %v, want ErrSealed", what, plain, err)
		}
	}
	opens("another account", func() (string, error) { return keys.OpenSecretKey("444455556666", "alice", "AKIA1", sealed) })
	opens("another principal", func() (string, error) { return keys.OpenSecretKey("111122223333", "root", "AKIA1", sealed) })
	opens("another access key", func() (string, error) { return keys.OpenSecretKey("111122223333", "alice", "AKIA2", sealed) })
	opens("another kind", func() (string, error) { return keys.OpenHash("111122223333", "alice", sealed) })
	opens("another principal's hash", func() (string, error) { return keys.OpenHash("111122223333", "bob", hash) })
	opens("another installation", func() (string, error) { return secrettest.Keyring(t).OpenHash("111122223333", "alice", hash) })
	opens("nothing", func() (string, error) { return keys.OpenHash("111122223333", "alice", nil) })
	for n := range hash {
		changed := bytes.Clone(hash)
		changed[n] ^= 1
		opens("a changed byte", func() (string, error) { return keys.OpenHash("111122223333", "alice", changed) })
	}
}

// A cookie is not sealed with the key of secrets at rest, so neither opens as the other.
func TestCookiesHaveAKeyOfTheirOwn(t *testing.T) {
	keys := secrettest.Keyring(t)
	ad := secret.AD("", "device_cookie")
	text := keys.SealText([]byte("claims"), ad)
	if plain, err := keys.OpenText(text, ad); err != nil || string(plain) != "claims" {
		t.Errorf("opened %q, %v", plain, err)
	}
	if _, err := keys.OpenText(text, secret.AD("", "other")); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("opened for another purpose: %v", err)
	}
	for _, bad := range []string{"", "AAAA", "!", text[:len(text)-2], "AAAAAA" + text[6:], strings.Repeat("A", 5000)} {
		if _, err := keys.OpenText(bad, ad); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%.20q: %v, want ErrSealed", bad, err)
		}
	}
}

// A new key is known before it is used; what the old one protected stays good; and a token of a key that is gone is malformed.
func TestKeysTakeTurns(t *testing.T) {
	master := newKey(t)
	first, second := master.NewKey(start), master.NewKey(start.Add(secret.KeyDelay))
	both := []secret.SealedKey{first, second}
	keys, err := secret.NewKeyring(master, []secret.SealedKey{first}, start)
	if err != nil {
		t.Fatal(err)
	}
	sealed := keys.SealHash("111122223333", "alice", "old")
	token, hash := keys.NewToken("111122223333")
	cookie := keys.SealText([]byte("claims"), nil)

	if err := keys.Renew(master, both, start.Add(secret.KeyDelay-1)); err != nil || keys.Current() != first.ID {
		t.Errorf("before its time the second key is used (%s, %v)", keys.Current(), err)
	}
	if err := keys.Renew(master, both, start.Add(secret.KeyDelay)); err != nil || keys.Current() != second.ID {
		t.Errorf("at its time the second key is not used (%s, %v)", keys.Current(), err)
	}
	if plain, err := keys.OpenHash("111122223333", "alice", sealed); err != nil || plain != "old" {
		t.Errorf("what the first key sealed: %q, %v", plain, err)
	}
	if _, again, err := keys.ParseToken(token); err != nil || !bytes.Equal(hash, again) {
		t.Errorf("a token of the first key: %x, %v, want %x", again, err, hash)
	}
	if _, err := keys.OpenText(cookie, nil); err != nil {
		t.Errorf("a cookie of the first key: %v", err)
	}

	if err := keys.Renew(master, []secret.SealedKey{second}, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := keys.ParseToken(token); !errors.Is(err, secret.ErrToken) {
		t.Errorf("a token of a key that is gone: %v, want ErrToken", err)
	}
	if _, err := keys.OpenHash("111122223333", "alice", sealed); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("a hash of a key that is gone: %v, want ErrSealed", err)
	}

	// A renewal that fails leaves the keys as they were.
	if err := keys.Renew(newKey(t), both, start.Add(time.Hour)); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("another master key: %v, want ErrSealed", err)
	}
	if err := keys.Renew(master, nil, start); !errors.Is(err, secret.ErrNoKey) {
		t.Errorf("no keys: %v, want ErrNoKey", err)
	}
	if keys.Current() != second.ID {
		t.Error("a renewal that failed changed the keys")
	}
}

// A rotation of the master key: the file holds the next key beside the present one, then the new one beside the previous.
func TestMasterKeyTakesTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	old, err := secret.LoadOrCreateMasterKey(path, true)
	if err != nil {
		t.Fatal(err)
	}
	key := old.NewKey(start)
	read := func() *secret.MasterKey {
		t.Helper()
		m, err := secret.LoadOrCreateMasterKey(path, false)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}

	added, err := secret.AddNext(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := secret.AddNext(path) // as after an interruption
	if err != nil || again.Rotated().Fingerprint() != added.Rotated().Fingerprint() {
		t.Errorf("the second time, there is another next key (%v)", err)
	}
	if read().Fingerprint() != old.Fingerprint() {
		t.Error("the next key already seals")
	}
	resealed, err := added.Rotated().Reseal(key)
	if err != nil {
		t.Fatal(err)
	}
	for what, m := range map[string]*secret.MasterKey{"during": read(), "rotated": added.Rotated()} {
		for _, k := range []secret.SealedKey{key, resealed} {
			if _, err := secret.NewKeyring(m, []secret.SealedKey{k}, start); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}

	if _, err := added.Promote(path); err != nil {
		t.Fatal(err)
	}
	if read().Fingerprint() != added.Rotated().Fingerprint() {
		t.Error("after the rotation the new key does not seal")
	}
	if _, err := secret.NewKeyring(read(), []secret.SealedKey{key}, start); err != nil {
		t.Errorf("what the previous key sealed: %v", err)
	}
	if _, err := secret.AddNext(path); !errors.Is(err, secret.ErrPrevious) {
		t.Errorf("a second rotation: %v, want ErrPrevious", err)
	}

	for _, want := range []bool{true, false} {
		if dropped, err := secret.DropPrevious(path); dropped != want || err != nil {
			t.Errorf("dropped %v, %v, want %v", dropped, err, want)
		}
	}
	if _, err := secret.NewKeyring(read(), []secret.SealedKey{key}, start); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("what the dropped key sealed: %v, want ErrSealed", err)
	}
	if _, err := secret.NewKeyring(read(), []secret.SealedKey{resealed}, start); err != nil {
		t.Errorf("what the new key sealed: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
}

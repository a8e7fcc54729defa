package secret_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/secret/secrettest"
)

var cheap = secret.Params{MemoryKiB: 64, Time: 1, Threads: 1}

func newKey(t *testing.T) *secret.MasterKey {
	t.Helper()
	m, err := secret.LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "data", "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMasterKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "master.key")
	if _, err := secret.LoadOrCreateMasterKey(path, false); err == nil || !strings.Contains(err.Error(), "--master-key-file") {
		t.Errorf("a missing key: %v, want what to do", err)
	}

	first, err := secret.LoadOrCreateMasterKey(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}

	again, err := secret.LoadOrCreateMasterKey(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if first.Fingerprint() != again.Fingerprint() {
		t.Error("the key read is not the key written")
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.LoadOrCreateMasterKey(path, false); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v, want a refusal that says chmod", err)
	}

	for _, text := range []string{"", "{}", `{"key":"AAAA"}`, "not json", `{"key":"` + strings.Repeat("A", 8192) + `"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.LoadOrCreateMasterKey(path, false); err == nil {
			t.Errorf("%.20q was taken for a key", text)
		}
	}
}

// Processes that start at once on an empty directory end up with one key.
func TestMasterKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	const processes = 16
	keys := make(chan string, processes)
	for range processes {
		go func() {
			m, err := secret.LoadOrCreateMasterKey(path, true)
			if err != nil {
				keys <- err.Error()
				return
			}
			keys <- m.Fingerprint()
		}()
	}

	first := <-keys
	for range processes - 1 {
		if other := <-keys; other != first {
			t.Errorf("keys %s and %s", first, other)
		}
	}

	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %q, %v", left, err)
	}
}

func TestSealedOpensOnlyForItsRow(t *testing.T) {
	m, other := newKey(t), newKey(t)
	ad := secret.AD("111122223333", "access_key", "AKIA")
	sealed := m.Seal([]byte("secret"), ad)
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the plaintext shows")
	}
	if plain, err := m.Open(sealed, ad); err != nil || string(plain) != "secret" {
		t.Errorf("Open: %q, %v", plain, err)
	}

	fails := func(what string, m *secret.MasterKey, sealed, ad []byte) {
		if _, err := m.Open(sealed, ad); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: %v, want ErrSealed", what, err)
		}
	}

	fails("another key", other, sealed, ad)
	fails("another row", m, sealed, secret.AD("111122223333", "access_key", "AKIB"))
	fails("another account", m, sealed, secret.AD("111122223334", "access_key", "AKIA"))
	fails("empty", m, nil, ad)
	for n := range sealed {
		changed := bytes.Clone(sealed)
		changed[n] ^= 1
		fails("a changed byte", m, changed, ad)
	}

	again := m.Seal([]byte("secret"), ad)
	if bytes.Equal(sealed, again) {
		t.Error("sealed twice the same")
	}
}

func TestADIsUnambiguous(t *testing.T) {
	seen := map[string][3]string{}
	for _, p := range [][3]string{
		{"a", "b", "c"},
		{"ab", "", "c"},
		{"", "ab", "c"},
		{"a", "bc", ""},
		{"", "", "abc"},
		{"abc", "", ""},
	} {
		ad := string(secret.AD(p[0], p[1], p[2]))
		if q, ok := seen[ad]; ok {
			t.Errorf("%q and %q have the same associated data", p, q)
		}
		seen[ad] = p
	}
}

func TestPasswords(t *testing.T) {
	ctx := context.Background()
	h := secret.NewHasher(cheap, 0)
	encoded, err := h.Hash(ctx, "pässword", false)
	if err != nil {
		t.Fatal(err)
	}

	for password, want := range map[string]bool{"pässword": true, "passwort": false, "": false} {
		right, renew, err := h.Verify(ctx, password, encoded, false)
		if right != want || renew || err != nil {
			t.Errorf("Verify(%q) = %v, %v, %v", password, right, renew, err)
		}
	}
	stronger := secret.NewHasher(secret.Params{MemoryKiB: 128, Time: 1, Threads: 1}, 0)
	if right, renew, err := stronger.Verify(ctx, "pässword", encoded, false); !right || !renew || err != nil {
		t.Errorf("a hash with weaker costs: right %v, renew %v, %v; want it renewed", right, renew, err)
	}
	if _, renew, _ := stronger.Verify(ctx, "wrong", encoded, false); renew {
		t.Error("a wrong password would renew the hash")
	}
	if right, _, err := h.Verify(ctx, "x", h.Nobody(), false); err != nil || right {
		t.Error(err)
	}
}

func TestStoredHashCannotAskForAnything(t *testing.T) {
	h := secret.NewHasher(cheap, 0)
	for _, encoded := range []string{
		"", "$argon2id$", "plain",
		"$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=18$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=99999,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=1,p=257$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$t=1,m=64,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=1,p=1$$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
	} {
		if _, _, err := h.Verify(context.Background(), "x", encoded, false); !errors.Is(err, secret.ErrHash) {
			t.Errorf("%q: %v, want ErrHash", encoded, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	h := secret.NewHasher(cheap, 0)
	encoded, err := h.Hash(context.Background(), "x", false)
	if err != nil {
		f.Fatal(err)
	}

	f.Add(encoded)
	f.Add("$argon2id$v=19$m=1048576,t=32,p=16$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		if strings.Contains(encoded, "m=") && len(encoded) > 200 {
			return // costs within their bounds are let through, and take their time
		}
		if !strings.Contains(encoded, "m=64,t=1,p=1") {
			encoded = strings.Replace(encoded, "m=", "M=", 1)
		}
		if right, _, err := h.Verify(context.Background(), "another", encoded, false); right {
			t.Errorf("%q is the hash of a password that it was not made from (%v)", encoded, err)
		}
	})
}

func TestTokens(t *testing.T) {
	keys := secrettest.Keyring(t)
	token, hash := keys.NewToken("111122223333")
	account, again, err := keys.ParseToken(token)
	if err != nil || account != "111122223333" || !bytes.Equal(hash, again) {
		t.Errorf("ParseToken: %q, %v", account, err)
	}
	if other, _ := keys.NewToken("111122223333"); other == token {
		t.Error("two tokens are the same")
	}
	for _, bad := range []string{
		"", token[1:], token + "A", "x" + token[1:], strings.Replace(token, ".", "-", 1),
		token[:13] + strings.Repeat("!", 48), token[:13] + "AAAA" + token[17:],
	} {
		if _, _, err := keys.ParseToken(bad); !errors.Is(err, secret.ErrToken) {
			t.Errorf("%q: %v, want ErrToken", bad, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	keys := secrettest.Keyring(f)
	token, _ := keys.NewToken("111122223333")
	f.Add(token)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		account, hash, err := keys.ParseToken(text)
		if (err == nil) != (len(account) == 12 && len(hash) == 36) {
			t.Errorf("%q: %q, %x, %v", text, account, hash, err)
		}
	})
}

func TestForms(t *testing.T) {
	keys := secrettest.Keyring(t)

	for pattern, make := range map[string]func() string{
		`^[A-Za-z0-9+/]{40}$`:       secret.NewSecretAccessKey,
		`^[!-~]{20}$`:               secret.GeneratePassword,
		`^111122223333\.[\w-]{48}$`: func() string { token, _ := keys.NewToken("111122223333"); return token },
	} {
		seen := map[string]bool{}
		for range 200 {
			text := make()
			if !regexp.MustCompile(pattern).MatchString(text) {
				t.Fatalf("%q does not match %s", text, pattern)
			}
			if seen[text] {
				t.Fatalf("%q came twice", text)
			}
			seen[text] = true
		}
	}
}

func TestGeneratedPasswordHasEveryKind(t *testing.T) {
	for range 200 {
		var upper, lower, digit, other bool
		password := secret.GeneratePassword()
		for _, r := range password {
			switch {
			case unicode.IsUpper(r):
				upper = true
			case unicode.IsLower(r):
				lower = true
			case unicode.IsDigit(r):
				digit = true
			default:
				other = true
			}
		}
		if !upper || !lower || !digit || !other {
			t.Fatalf("%q lacks a kind of character", password)
		}
	}
}

func TestRootPassword(t *testing.T) {
	const email = "someone@example.com"

	for password, want := range map[string]string{
		"short":                  "at least 8",
		"ünïcödé":                "at least 8",
		strings.Repeat("x", 129): "at most 128",
		email:                    "e-mail",
		"SomeOne@Example.com":    "e-mail",
		"Password123":            "tried first",
		"qwertyuiop":             "tried first",
		"Summer2026!":            "tried first",
		"correct horse battery":  "",
		"ünïcödé8":               "",
		strings.Repeat("界", 128): "",
	} {
		err := secret.CheckRootPassword(password, email)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.20q: %v, want %q", password, err, want)
		}
	}
}

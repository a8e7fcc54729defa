package authn_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/secret/secrettest"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
	"github.com/touchstone-iam/touchstone/sigv4"
)

var (
	ctx = context.Background()
	now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
)

const (
	account = "111122223333"
	keyID   = "AKIAEXAMPLE000000001"
)

var limits = authn.SessionLimits{Absolute: 12 * time.Hour, Idle: time.Hour, Partial: 10 * time.Minute}

// world is an account with alice, who has a key, and an authenticator.
type world struct {
	t       *testing.T
	store   *store.Store
	secrets *secret.Keyring
	authn   *authn.Authenticator
	alice   *store.Principal
	secret  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, secret: secret.NewSecretAccessKey()}
	dir := t.TempDir()
	path, databaseURL := storetest.Place(t, dir)
	var err error
	if w.store, err = store.OpenConfig(ctx, store.Config{Path: path, URL: databaseURL, Migrate: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.secrets = secrettest.Keyring(t)
	w.authn = authn.New(w.secrets, 5*time.Minute, limits)

	w.alice = &store.Principal{
		AccountID: account, ID: ids.New(), Kind: store.User, UniqueID: "AIDAALICE", Name: "alice", Path: "/", CreatedAt: now,
	}
	w.quietly(func(tx *store.Tx) error {
		return errors.Join(tx.InsertAccount(account, "root@example.com", now), tx.InsertPrincipal(w.alice), w.insertKey(tx, w.secret))
	})
	return w
}

// insertKey gives alice her key.
func (w *world) insertKey(tx *store.Tx, plain string) error {
	sealed := w.secrets.SealSecretKey(account, w.alice.ID, keyID, plain)
	return tx.InsertAccessKey(&store.AccessKey{
		AccountID: account, ID: keyID, PrincipalID: w.alice.ID, Active: true, SealedSecret: sealed, CreatedAt: now,
	})
}

// update changes the account.
func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(ctx, store.Raise(account), fn); err != nil {
		w.t.Fatal(err)
	}
}

// quietly changes the account without saying so.
func (w *world) quietly(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(ctx, store.NoLock(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) view(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.store.View(ctx, fn); err != nil {
		w.t.Fatal(err)
	}
}

// signed authenticates a request that was signed with a key.
func (w *world) signed(id, plain string, at time.Time) (c *authn.Caller, err error) {
	w.t.Helper()
	const body = "Action=GetUser"
	r := httptest.NewRequest(http.MethodPost, "http://localhost/", strings.NewReader(body))
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: id, SecretAccessKey: plain}, "us-east-1", "iam", at)
	sig, err := sigv4.Parse(r)
	if err != nil {
		w.t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(body))
	w.view(func(tx *store.Tx) error {
		c, err = w.authn.Signed(tx, sig, r, hex.EncodeToString(hash[:]), now)
		return nil
	})
	return c, err
}

func codeOf(err error) string {
	var told *awsquery.Error
	if errors.As(err, &told) {
		return told.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// A key is accepted while it is there and active, whatever was remembered of it before.
func TestKeys(t *testing.T) {
	t.Parallel()
	const unknown, mismatch = "InvalidClientTokenId", "SignatureDoesNotMatch"
	replaced := secret.NewSecretAccessKey()
	for name, test := range map[string]struct {
		change func(*world, *store.Tx) error // nil: nothing
		id     string                        // "" is alice's
		secret func(*world) string           // nil: the key's
		at     time.Time                     // of the signature; zero is now
		code   string
		arn    string
	}{
		"as it was made": {arn: "arn:aws:iam::111122223333:user/alice"},
		"another one":    {id: "AKIAEXAMPLE000000002", code: unknown},
		"a wrong secret": {secret: func(*world) string { return "wrong" }, code: mismatch},
		"inactive": {
			change: func(w *world, tx *store.Tx) error { return tx.SetAccessKeyActive(account, w.alice.ID, keyID, false) }, code: unknown,
		},
		"inactive and active again": {
			change: func(w *world, tx *store.Tx) error {
				return errors.Join(tx.SetAccessKeyActive(account, w.alice.ID, keyID, false),
					tx.SetAccessKeyActive(account, w.alice.ID, keyID, true))
			},
			arn: "arn:aws:iam::111122223333:user/alice",
		},
		"deleted": {change: func(w *world, tx *store.Tx) error { return tx.DeleteAccessKey(account, w.alice.ID, keyID) }, code: unknown},
		"with a new secret, signed with the old one": {
			change: func(w *world, tx *store.Tx) error {
				return errors.Join(tx.DeleteAccessKey(account, w.alice.ID, keyID), w.insertKey(tx, replaced))
			},
			code: mismatch,
		},
		"with a new secret, signed with it": {
			change: func(w *world, tx *store.Tx) error {
				return errors.Join(tx.DeleteAccessKey(account, w.alice.ID, keyID), w.insertKey(tx, replaced))
			},
			secret: func(*world) string { return replaced },
			arn:    "arn:aws:iam::111122223333:user/alice",
		},
		"of a user who is renamed": {
			change: func(w *world, tx *store.Tx) error {
				return tx.RenamePrincipal(account, w.alice.ID, "alicia", "/staff/")
			},
			arn: "arn:aws:iam::111122223333:user/staff/alicia",
		},
		"of a user who is gone": {
			change: func(w *world, tx *store.Tx) error { return tx.DeletePrincipal(account, w.alice.ID) },
			code:   unknown,
		},
		"of an account that is gone": {change: func(_ *world, tx *store.Tx) error { return tx.RemoveAccount(account) }, code: unknown},
		"of an account that was made anew": {
			change: func(w *world, tx *store.Tx) error {
				return errors.Join(tx.RemoveAccount(account), tx.InsertAccount(account, "root@example.com", now))
			},
			code: unknown,
		},
		"signed too long ago": {at: now.Add(-6 * time.Minute), code: mismatch},
		"signed too early":    {at: now.Add(6 * time.Minute), code: mismatch},
		"signed lately":       {at: now.Add(-4 * time.Minute), arn: "arn:aws:iam::111122223333:user/alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if _, err := w.signed(keyID, w.secret, now); err != nil { // so that the key is remembered
				t.Fatal(err)
			}
			if test.change != nil {
				w.update(func(tx *store.Tx) error { return test.change(w, tx) })
			}

			id, plain, at := keyID, w.secret, now
			if test.id != "" {
				id = test.id
			}
			if test.secret != nil {
				plain = test.secret(w)
			}
			if !test.at.IsZero() {
				at = test.at
			}
			c, err := w.signed(id, plain, at)
			if codeOf(err) != test.code {
				t.Fatalf("answered %q, want %q", codeOf(err), test.code)
			}
			if test.code != "" {
				if c.Valid() {
					t.Errorf("refused, and made the caller %+v", c)
				}
				return
			}
			if !c.Valid() || c.ARN() != test.arn || c.Credential != authn.LongTermKey || c.AccessKeyID != keyID || c.IsTemporary() ||
				c.UsedMFA() {
				t.Errorf("the caller is %+v, %s", c, c.ARN())
			}
		})
	}
}

// A key is read again when its account has changed, and only then.
func TestKeysAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.signed(keyID, w.secret, now); err != nil {
		t.Fatal(err)
	}
	w.quietly(func(tx *store.Tx) error { return tx.SetAccessKeyActive(account, w.alice.ID, keyID, false) })
	if _, err := w.signed(keyID, w.secret, now); err != nil {
		t.Errorf("in the same state of the account: %v, want it remembered", err)
	}
	w.update(func(*store.Tx) error { return nil })
	if _, err := w.signed(keyID, w.secret, now); codeOf(err) != "InvalidClientTokenId" {
		t.Errorf("in the next state: %v, want it read again", err)
	}
}

// A secret that was sealed for another key does not open, whoever put it there.
func TestSecretsBelongToTheirKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const other = "AKIAEXAMPLE000000002"
	w.update(func(tx *store.Tx) error {
		k, err := tx.AccessKey(account, keyID)
		if err != nil {
			return err
		}
		k.ID = other
		return tx.InsertAccessKey(k)
	})
	c, err := w.signed(other, w.secret, now)
	var told *awsquery.Error
	if err == nil || errors.As(err, &told) || c.Valid() {
		t.Errorf("answered %v, want a fault", err)
	}
}

// temporary is the caller of temporary credentials.
func (w *world) temporary(issued authn.Temporary) (c *authn.Caller) {
	w.t.Helper()
	w.authn.AcceptTokens(func(string) (*authn.Temporary, error) { return &issued, nil })
	r := httptest.NewRequest(http.MethodPost, "http://localhost/", nil)
	sigv4.Sign(r, nil, sigv4.Credentials{
		AccessKeyID: issued.AccessKeyID, SecretAccessKey: issued.SecretAccessKey, SessionToken: "token",
	}, "us-east-1", "iam", now)
	sig, err := sigv4.Parse(r)
	if err != nil {
		w.t.Fatal(err)
	}
	hash := sha256.Sum256(nil)
	w.view(func(tx *store.Tx) error {
		c, err = w.authn.Signed(tx, sig, r, hex.EncodeToString(hash[:]), now)
		return err
	})
	return c
}

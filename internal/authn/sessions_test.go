package authn_test

import (
	"errors"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// insertSession makes a session of alice's that was begun and used now, changed by change.
func (w *world) insertSession(change func(*store.Session)) (token string, s *store.Session) {
	w.t.Helper()
	token, hash := w.secrets.NewToken(account)
	s = &store.Session{
		AccountID: account, ID: ids.New(), PrincipalID: w.alice.ID, TokenHash: hash, Stage: store.StageFull, Scope: store.ScopeFull,
		CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(limits.Absolute),
	}
	if change != nil {
		change(s)
	}
	w.quietly(func(tx *store.Tx) error { return tx.InsertSession(s) })
	return token, s
}

// console finds the session of a token and makes its caller.
func (w *world) console(token string, at time.Time) (c *authn.Caller, err error) {
	w.t.Helper()
	w.view(func(tx *store.Tx) error {
		var (
			s *store.Session
			p *store.Principal
		)
		if s, p, err = w.authn.Session(tx, token, at); err == nil {
			c, err = w.authn.ConsoleCaller(tx, s, p)
		}
		return nil
	})
	return c, err
}

// A session makes a caller at the stages where somebody is signed in, and for as long as its limits and its principal let it.
func TestSessions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		session func(*store.Session)
		change  func(*world, *store.Session, *store.Tx) error
		after   time.Duration // of the request, since the session was made
		scope   authn.Scope   // "" is no caller
	}{
		"just signed in":           {scope: authn.ScopeFull},
		"almost idle for too long": {after: limits.Idle - time.Second, scope: authn.ScopeFull},
		"idle for too long":        {after: limits.Idle},
		"used in between": {
			session: func(s *store.Session) { s.LastSeenAt = now.Add(limits.Idle) },
			after:   limits.Idle + time.Minute, scope: authn.ScopeFull,
		},
		"almost at the absolute end": {
			session: func(s *store.Session) { s.LastSeenAt = now.Add(limits.Absolute) },
			after:   limits.Absolute - time.Second, scope: authn.ScopeFull,
		},
		"at the absolute end": {
			session: func(s *store.Session) { s.LastSeenAt = now.Add(limits.Absolute) },
			after:   limits.Absolute,
		},
		"recovery":                    {session: func(s *store.Session) { s.Scope = store.ScopeRecovery }, scope: authn.ScopeRecovery},
		"a device is still asked for": {session: func(s *store.Session) { s.Stage = store.StageMFA }},
		"a new password comes first": {
			session: func(s *store.Session) { s.Stage = store.StageChangePassword },
			scope:   authn.ScopeChangePassword,
		},
		"a new password comes first, in recovery": {
			session: func(s *store.Session) { s.Stage, s.Scope = store.StageChangePassword, store.ScopeRecovery },
			scope:   authn.ScopeChangePassword,
		},
		"a new password, for too long": {session: func(s *store.Session) { s.Stage = store.StageChangePassword }, after: limits.Partial},
		"ended": {change: func(w *world, s *store.Session, tx *store.Tx) error {
			return tx.DeleteSession(account, w.alice.ID, s.ID)
		}},
		"all ended since": {change: func(w *world, _ *store.Session, tx *store.Tx) error {
			return tx.SetSessionsNotBefore(account, w.alice.ID, now.Add(time.Second))
		}},
		"all ended before": {change: func(w *world, _ *store.Session, tx *store.Tx) error {
			return tx.SetSessionsNotBefore(account, w.alice.ID, now)
		}, scope: authn.ScopeFull},
		"of a user who is renamed": {change: func(w *world, _ *store.Session, tx *store.Tx) error {
			return tx.RenamePrincipal(account, w.alice.ID, "alicia", "/")
		}, scope: authn.ScopeFull},
		"of a user who is gone": {change: func(w *world, _ *store.Session, tx *store.Tx) error {
			return tx.DeletePrincipal(account, w.alice.ID)
		}},
		"of an account that is gone": {change: func(_ *world, _ *store.Session, tx *store.Tx) error { return tx.RemoveAccount(account) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			token, s := w.insertSession(test.session)
			if test.change != nil {
				w.update(func(tx *store.Tx) error { return test.change(w, s, tx) })
			}

			c, err := w.console(token, now.Add(test.after))
			if test.scope == "" {
				if !errors.Is(err, authn.ErrNoSession) || c.Valid() {
					t.Errorf("answered %v, want no session", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !c.Valid() || c.Scope != test.scope || c.Credential != authn.ConsoleSession || c.SessionID != s.ID || !c.IsTemporary() ||
				!c.IssuedAt.Equal(now) || c.UsedMFA() {
				t.Errorf("the caller is %+v", c)
			}
		})
	}
}

// What is no token of a session is nobody's.
func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, _ := w.insertSession(nil)
	other, _ := w.secrets.NewToken(account)
	elsewhere, _ := w.secrets.NewToken("444455556666")
	for _, each := range []string{"", "x", token + "x", token[:len(token)-1], other, elsewhere} {
		if c, err := w.console(each, now); !errors.Is(err, authn.ErrNoSession) || c.Valid() {
			t.Errorf("%q: answered %v", each, err)
		}
	}
	if _, err := w.console(token, now); err != nil {
		t.Error(err)
	}
}

// A caller is made anew from what a later transaction reads, with the error that a new request would get.
func TestRecheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change     func(*world, *store.Tx) error
		key        string // what the key's caller is told; "" is that it still holds
		noSession  bool
		temporary  string
		provenGone bool
	}{
		"nothing changed": {change: func(*world, *store.Tx) error { return nil }},
		"the key is made inactive": {
			change: func(w *world, tx *store.Tx) error { return tx.SetAccessKeyActive(account, w.alice.ID, keyID, false) },
			key:    "InvalidClientTokenId",
		},
		"the key is somebody else's now": {
			change: func(w *world, tx *store.Tx) error {
				bob := &store.Principal{
					AccountID: account, ID: ids.New(), Kind: store.User, UniqueID: "AIDABOB", Name: "bob", Path: "/",
					CreatedAt: now,
				}
				k, err := tx.AccessKey(account, keyID)
				if err != nil {
					return err
				}
				k.PrincipalID = bob.ID
				return errors.Join(tx.InsertPrincipal(bob), tx.DeleteAccessKey(account, w.alice.ID, keyID), tx.InsertAccessKey(k))
			},
			key: "InvalidClientTokenId",
		},
		"the sessions are ended": {
			change: func(w *world, tx *store.Tx) error {
				return tx.SetSessionsNotBefore(account, w.alice.ID, now.Add(time.Second))
			},
			noSession: true, temporary: "InvalidClientTokenId",
		},
		"the user is gone": {
			change: func(w *world, tx *store.Tx) error { return tx.DeletePrincipal(account, w.alice.ID) },
			key:    "InvalidClientTokenId", noSession: true, temporary: "InvalidClientTokenId",
		},
		"the account is gone": {
			change: func(_ *world, tx *store.Tx) error { return tx.RemoveAccount(account) },
			key:    "InvalidClientTokenId", noSession: true, temporary: "InvalidClientTokenId", provenGone: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			issued := authn.Temporary{
				AccessKeyID: "ASIAEXAMPLE000000001", SecretAccessKey: "secret", AccountID: account, PrincipalID: w.alice.ID,
				Scope: authn.ScopeFull, IssuedAt: now, ExpiresAt: now.Add(time.Hour),
			}
			key, err := w.signed(keyID, w.secret, now)
			if err != nil {
				t.Fatal(err)
			}
			token, _ := w.insertSession(nil)
			console, err := w.console(token, now)
			if err != nil {
				t.Fatal(err)
			}
			temporary := w.temporary(issued)
			var proven *authn.Caller
			w.view(func(tx *store.Tx) error {
				proven, err = w.authn.Proven(tx, &authn.Proof{AccountID: account})
				return err
			})
			w.update(func(tx *store.Tx) error { return test.change(w, tx) })

			told := map[bool]string{true: authn.ErrNoSession.Error(), false: ""}
			gone := map[bool]string{true: "InvalidIdentityToken", false: ""}
			for what, each := range map[string]struct {
				caller *authn.Caller
				want   string
			}{
				"key": {key, test.key}, "session": {console, told[test.noSession]}, "temporary key": {temporary, test.temporary},
				"proof": {proven, gone[test.provenGone]},
			} {
				w.view(func(tx *store.Tx) error {
					again, err := w.authn.Recheck(tx, each.caller, now)
					if codeOf(err) != each.want {
						t.Errorf("%s: answered %q, want %q", what, codeOf(err), each.want)
					}
					if (err == nil) != again.Valid() || err == nil && again.ARN() != each.caller.ARN() {
						t.Errorf("%s: made %+v", what, again)
					}
					if err == nil && again.Freshness == each.caller.Freshness {
						t.Errorf("%s: the caller is of the old state", what)
					}
					return nil
				})
			}
			w.view(func(tx *store.Tx) error {
				if _, err := w.authn.Recheck(tx, temporary, now.Add(time.Hour)); test.temporary == "" && codeOf(err) != "ExpiredToken" {
					t.Errorf("once the temporary key has expired: %v", err)
				}
				return nil
			})
		})
	}
}

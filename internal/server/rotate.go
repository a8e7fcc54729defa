package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

const (
	// renewEvery is how often a server reads its keys and says which it has. It is less than half of [secret.KeyDelay].
	renewEvery = 20 * time.Second

	// goneAfter is how long a server was not seen when it counts as gone, for example killed.
	goneAfter = 2 * secret.KeyDelay

	// keyLife is how long a key of the installation is kept at least after another took its place. No link lasts longer.
	keyLife = 7 * 24 * time.Hour

	// sealBatch is how many values are sealed again between two looks at the progress.
	sealBatch = 500
)

// Rotation says how a rotation of the keys goes on. Both functions may be called any number of times.
type Rotation struct {
	Waiting func(missing []string) // for these servers, which have not read the new key yet; nil: for the time when it is used
	Sealed  func(done, all int64)  // values under the new key of the installation
}

// RotateMasterKey puts a new master key into the place of the present one, in the file and in the database, while servers run. The
// file holds both keys first, and the new one is used once each running server has read it. When it is interrupted, the next call
// goes on from there. Its error is [secret.ErrPrevious] when the key of before the last rotation is still in the file.
func (s *State) RotateMasterKey(ctx context.Context, r Rotation) error {
	master, err := secret.AddNext(s.keyFile)
	if err != nil {
		return err
	}
	rotated := master.Rotated()
	if err := s.waitForServers(ctx, rotated.Fingerprint(), r); err != nil {
		return err
	}

	// The keys of the installation are all that the master key seals.
	err = s.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error {
		keys, err := tx.DataKeys()
		if err != nil {
			return err
		}
		for _, k := range keys {
			sealed, err := rotated.Reseal(secret.SealedKey(k))
			if err != nil {
				return fmt.Errorf("key %s of the installation: %w", k.ID, err)
			}
			if err := tx.SealDataKey(k.ID, sealed.Sealed); err != nil {
				return err
			}
		}
		return tx.SetSetting(settingMasterKey, rotated.Fingerprint())
	})
	if err != nil {
		return err
	}

	s.master, err = master.Promote(s.keyFile)
	return err
}

// ReplaceKey makes a new key of the installation and seals every secret again with it, while servers run. It is for when the keys
// may be known to somebody, as after a master key has leaked together with a copy of the database. When it is interrupted, the next
// call goes on from there.
func (s *State) ReplaceKey(ctx context.Context, r Rotation) error {
	next, err := s.nextKey(ctx)
	if err != nil {
		return err
	}
	if err := s.waitForServers(ctx, next.ID, r); err != nil {
		return err
	}

	for {
		left := time.Until(next.UsedFrom)
		if left <= 0 {
			break
		}
		r.Waiting(nil)
		if err := sleep(ctx, min(left, time.Second)); err != nil {
			return err
		}
	}
	if err := s.RenewKeys(ctx); err != nil {
		return err
	}
	return s.sealAgain(ctx, next.ID, r)
}

// nextKey returns the newest key of the installation when secrets are still under an older one, because moving them was
// interrupted; otherwise it makes a new one.
func (s *State) nextKey(ctx context.Context) (next store.DataKey, err error) {
	err = s.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error {
		keys, err := tx.DataKeys()
		if err != nil {
			return err
		}
		next = keys[len(keys)-1]
		prefix, err := secret.Prefix(next.ID)
		if err != nil {
			return err
		}
		if _, older, err := tx.CountSealedSecrets(prefix); err != nil || older > 0 && len(keys) > 1 {
			return err
		}

		// Without a server that may protect values with the old key, there is nobody to wait for.
		now := time.Now()
		running, err := tx.Servers(now.Add(-goneAfter))
		if err != nil {
			return err
		}
		from := now
		if len(running) > 0 {
			from = now.Add(secret.KeyDelay)
		}
		next = store.DataKey(s.master.NewKey(from))
		return tx.InsertDataKey(&next)
	})
	return next, err
}

// waitForServers waits until every running server has a key, which is a fingerprint of a master key or the id of a key of the
// installation.
func (s *State) waitForServers(ctx context.Context, key string, r Rotation) error {
	for {
		var missing []string
		if err := s.Store.View(ctx, func(tx *store.Tx) error {
			servers, err := tx.Servers(time.Now().Add(-goneAfter))
			missing = nil
			for _, one := range servers {
				if !slices.Contains(one.Keys, key) {
					missing = append(missing, one.Name)
				}
			}
			return err
		}); err != nil {
			return err
		}
		if len(missing) == 0 {
			return nil
		}

		r.Waiting(missing)
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// sealAgain seals every secret with the installation's newest key, a batch at a time.
func (s *State) sealAgain(ctx context.Context, id string, r Rotation) error {
	prefix, err := secret.Prefix(id)
	if err != nil {
		return err
	}
	for {
		var (
			batch       []store.SealedSecret
			all, others int64
		)
		if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
			if batch, err = tx.SealedSecrets(prefix, sealBatch); err != nil {
				return err
			}
			all, others, err = tx.CountSealedSecrets(prefix)
			return err
		}); err != nil {
			return err
		}
		r.Sealed(all-others, all)
		if len(batch) == 0 {
			return nil
		}

		if err := s.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
			for n := range batch {
				if err := s.sealOne(tx, &batch[n]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// sealOne seals one secret again. One that was changed or deleted in the meantime is left to the next look.
func (s *State) sealOne(tx *store.Tx, was *store.SealedSecret) error {
	var sealed []byte
	if was.AccessKeyID == "" {
		hash, err := s.Secrets.OpenHash(was.AccountID, was.PrincipalID, was.Sealed)
		if err != nil {
			return fmt.Errorf("open the hash of the password of principal %s of account %s: %w", was.PrincipalID, was.AccountID, err)
		}
		sealed = s.Secrets.SealHash(was.AccountID, was.PrincipalID, hash)
	} else {
		plain, err := s.Secrets.OpenSecretKey(was.AccountID, was.PrincipalID, was.AccessKeyID, was.Sealed)
		if err != nil {
			return fmt.Errorf("open the secret of access key %s: %w", was.AccessKeyID, err)
		}
		sealed = s.Secrets.SealSecretKey(was.AccountID, was.PrincipalID, was.AccessKeyID, plain)
	}

	if err := tx.SealSecretAgain(was, sealed); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// DropUnusedKeys removes the keys of the installation that were replaced long ago and that nothing is under any more.
func (s *State) DropUnusedKeys(ctx context.Context, now time.Time) error {
	return s.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error {
		keys, err := tx.DataKeys()
		if err != nil || len(keys) < 2 {
			return err
		}

		for n, k := range keys[:len(keys)-1] {
			if keys[n+1].UsedFrom.Add(keyLife).After(now) {
				break
			}
			used, err := keyInUse(tx, k.ID)
			if err != nil {
				return err
			}
			if used {
				continue
			}
			if err := tx.DeleteDataKey(k.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// keyInUse reports whether anything that is stored is under a key of the installation.
func keyInUse(tx *store.Tx, id string) (bool, error) {
	prefix, err := secret.Prefix(id)
	if err != nil {
		return false, err
	}
	all, others, err := tx.CountSealedSecrets(prefix)
	if err != nil || all > others {
		return true, err
	}
	return tx.TokenUnder(prefix)
}

// announce reads the keys again and records that this server has them.
func (s *Server) announce(ctx context.Context) error {
	if err := s.state.RenewKeys(ctx); err != nil {
		return err
	}
	self := &store.Server{ID: s.id, Name: s.name, Keys: s.state.heldKeys(), SeenAt: time.Now()}
	return s.state.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error { return tx.TouchServer(self) })
}

// leave removes this server from those that run.
func (s *Server) leave(ctx context.Context) error {
	return s.state.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		return tx.DeleteServer(s.id, time.Now().Add(-goneAfter))
	})
}

// serverName names this process for people.
func serverName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s (process %d)", host, os.Getpid())
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ForgetKeys is the way on when the master key is lost: what it sealed is removed from the database, and a new master key is made.
// It refuses when the file holds the database's master key, or any other one.
func ForgetKeys(ctx context.Context, c StateConfig, url string) ([]operator.ForgottenAccount, error) {
	keyFile := c.keyFile()
	if missing, err := absent(keyFile); err != nil || !missing {
		return nil, errors.Join(err, fmt.Errorf("there is a master key in %s: move it away first, if it is not the one of this database",
			keyFile))
	}
	target, err := c.database()
	if err != nil {
		return nil, err
	}
	s, err := store.OpenConfig(ctx, target)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if url, err = LinkURL(ctx, s, url); err != nil {
		return nil, err
	}

	master, err := secret.LoadOrCreateMasterKey(keyFile, true)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	first := master.NewKey(now)
	keys, err := secret.NewKeyring(master, []secret.SealedKey{first}, now)
	if err != nil {
		return nil, err
	}

	o := &operator.Operator{Store: s, Secrets: keys, Clock: time.Now}
	return o.ForgetSecrets(ctx, url, func(tx *store.Tx) error {
		stored, err := tx.DataKeys()
		if err != nil {
			return err
		}
		for _, k := range stored {
			if err := tx.DeleteDataKey(k.ID); err != nil {
				return err
			}
		}
		key := store.DataKey(first)
		return errors.Join(tx.InsertDataKey(&key), tx.SetSetting(settingMasterKey, master.Fingerprint()))
	})
}

// heldKeys are the fingerprints of the master keys and the ids of the installation's keys that this process has.
func (s *State) heldKeys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.master.Fingerprints(), s.Secrets.IDs())
}

// KeyList is what [State.Keys] finds.
type KeyList struct {
	Master       []string // fingerprints of the keys in the file; the first seals
	Installation []InstallationKey
}

// InstallationKey is a key that protects what is stored.
type InstallationKey struct {
	ID       string
	UsedFrom time.Time
	InUse    bool // something that is stored is under it
}

// Keys lists the keys, oldest first.
func (s *State) Keys(ctx context.Context) (l KeyList, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		l = KeyList{Master: s.master.Fingerprints()}
		keys, err := tx.DataKeys()
		if err != nil {
			return err
		}
		for _, k := range keys {
			used, err := keyInUse(tx, k.ID)
			if err != nil {
				return err
			}
			l.Installation = append(l.Installation, InstallationKey{k.ID, k.UsedFrom, used})
		}
		return nil
	})
	return l, err
}

// DropPreviousKey removes the key of before the last rotation from the master key's file, and reports whether there was one.
func (s *State) DropPreviousKey() (dropped bool, err error) { return secret.DropPrevious(s.keyFile) }

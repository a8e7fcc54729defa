package server

import (
	"context"
	"fmt"
	"time"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// openKeys opens the installation's keys, after making the first one if there is none.
func (s *State) openKeys(ctx context.Context) error {
	keys, err := s.storedKeys(ctx)
	if err != nil {
		return err
	}

	if len(keys) == 0 {
		if err := s.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error {
			stored, err := tx.DataKeys() // another process may have been quicker
			if err != nil || len(stored) > 0 {
				return err
			}
			first := store.DataKey(s.master.NewKey(time.Now()))
			return tx.InsertDataKey(&first)
		}); err != nil {
			return err
		}
		if keys, err = s.storedKeys(ctx); err != nil {
			return err
		}
	}

	s.Secrets, err = secret.NewKeyring(s.master, keys, time.Now())
	return err
}

// RenewKeys reads the master key's file and the installation's keys again, as has to happen more often than [secret.KeyDelay].
// What was known before stays in use when that fails.
func (s *State) RenewKeys(ctx context.Context) error {
	s.mu.Lock()
	master := s.master
	s.mu.Unlock()
	if s.keyFile != "" { // the key of a database in memory need not be in a file
		var err error
		if master, err = secret.LoadOrCreateMasterKey(s.keyFile, false); err != nil {
			return err
		}
	}
	keys, err := s.storedKeys(ctx)
	if err != nil {
		return err
	}
	if err := s.Secrets.Renew(master, keys, time.Now()); err != nil {
		return fmt.Errorf("open the installation's keys with the master key in %s: %w", s.keyFile, err)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.master = master
	return nil
}

// storedKeys reads the installation's keys.
func (s *State) storedKeys(ctx context.Context) (keys []secret.SealedKey, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		stored, err := tx.DataKeys()
		keys = nil
		for _, k := range stored {
			keys = append(keys, secret.SealedKey(k))
		}
		return err
	})
	return keys, err
}

// reseal opens what earlier versions sealed with the master key in a file, whose fingerprint is given, and seals it with the first
// key of the installation. What these versions sealed named the access key, but not whose it was.
func reseal(keyFile, fingerprint string) (*store.Resealing, error) {
	master, err := secret.LoadOrCreateMasterKey(keyFile, false)
	if err != nil {
		return nil, err
	}
	if err := fits(master, keyFile, fingerprint); err != nil {
		return nil, err
	}

	now := time.Now()
	first := master.NewKey(now)
	secrets, err := secret.NewKeyring(master, []secret.SealedKey{first}, now)
	if err != nil {
		return nil, err
	}

	return &store.Resealing{
		Key: store.DataKey(first),
		SecretKey: func(account, principal, accessKeyID string, sealed []byte) ([]byte, error) {
			plain, err := master.Open(sealed, secret.AD(account, "access_key", accessKeyID))
			if err != nil {
				return nil, err
			}
			return secrets.SealSecretKey(account, principal, accessKeyID, string(plain)), nil
		},
		Hash: secrets.SealHash,
	}, nil
}

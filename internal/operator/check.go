package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// sealedKinds has a function for each column of the schema that holds sealed values: it finds one value, or none, and opens it.
var sealedKinds = map[string]func(*store.Tx, *secret.Keyring) (what string, err error){
	"access_key.sealed_secret": func(tx *store.Tx, keys *secret.Keyring) (string, error) {
		k, err := tx.AnyAccessKey()
		if err != nil {
			return "", err
		}
		_, err = keys.OpenSecretKey(k.AccountID, k.PrincipalID, k.ID, k.SealedSecret)
		return "the secret of access key " + k.ID + " of account " + k.AccountID, err
	},
	"password.sealed_hash": func(tx *store.Tx, keys *secret.Keyring) (string, error) {
		p, err := tx.AnyPassword()
		if err != nil {
			return "", err
		}
		_, err = keys.OpenHash(p.AccountID, p.PrincipalID, p.Sealed)
		return "the password of principal " + p.PrincipalID + " of account " + p.AccountID, err
	},
	"data_key.sealed": func(tx *store.Tx, keys *secret.Keyring) (string, error) {
		stored, err := tx.DataKeys()
		for _, k := range stored {
			if !slices.Contains(keys.IDs(), k.ID) {
				return "key " + k.ID + " of the installation", secret.ErrSealed
			}
		}
		return "", err
	},
}

// Check looks for what is wrong with the installation's data, and returns a line for each finding: what [store.Store.Inspect]
// finds, and a value of each kind that the installation's keys do not open. An error means that it could not look.
func (o *Operator) Check(ctx context.Context) ([]string, error) {
	findings, err := o.Store.Inspect(ctx)
	if err != nil {
		return nil, err
	}

	err = o.Store.View(ctx, func(tx *store.Tx) error {
		for column, find := range sealedKinds {
			what, err := find(tx, o.Secrets)
			switch {
			case errors.Is(err, secret.ErrSealed):
				findings = append(findings, "the installation's keys do not open "+what)
			case err != nil && !errors.Is(err, store.ErrNotFound):
				return fmt.Errorf("look at a value of %s: %w", column, err)
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrDamaged) && len(findings) > 0 {
		err = nil // which is among the findings
	}
	return findings, err
}

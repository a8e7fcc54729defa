package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// sealedValue is a value that the master key must open.
type sealedValue struct {
	what       string // in the words of a finding
	sealed     []byte
	associated []byte
}

// sealedKinds has a function for each column of the schema that holds sealed values: it finds one value, or none.
var sealedKinds = map[string]func(tx *store.Tx) (*sealedValue, error){
	"access_key.sealed_secret": func(tx *store.Tx) (*sealedValue, error) {
		k, err := tx.AnyAccessKey()
		if err != nil {
			return nil, err
		}
		return &sealedValue{
			"the secret of access key " + k.ID + " of account " + k.AccountID, k.SealedSecret, authn.SecretContext(k.AccountID, k.ID),
		}, nil
	},
}

// Check looks for what is wrong with the installation's data, and returns a line for each finding: what [store.Store.Inspect]
// finds, and a value of each kind that the master key does not open. An error means that it could not look.
func (o *Operator) Check(ctx context.Context) ([]string, error) {
	findings, err := o.Store.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		for column, find := range sealedKinds {
			v, err := find(tx)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return fmt.Errorf("look at a value of %s: %w", column, err)
			}
			if _, err := o.Master.Open(v.sealed, v.associated); err != nil {
				findings = append(findings, "the master key does not open "+v.what)
			}
		}
		return nil
	})
	if errors.Is(err, store.ErrDamaged) && len(findings) > 0 {
		err = nil // which is among the findings
	}
	return findings, err
}

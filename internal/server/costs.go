package server

import (
	"context"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// learnCosts tells the hasher with which costs the stored passwords were hashed, so that checking one costs the same for everybody
// after the costs have been changed.
func learnCosts(ctx context.Context, s *store.Store, hasher *secret.Hasher) error {
	return s.View(ctx, func(tx *store.Tx) error {
		hashes, err := tx.PasswordCosts()
		for _, hash := range hashes {
			hasher.Learn(hash)
		}
		return err
	})
}

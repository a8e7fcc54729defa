package server

import (
	"context"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// learnCosts tells the hasher with which costs the stored passwords were hashed, so that checking one costs the same for everybody
// after the costs have been changed. A hash that does not open is left to the sign-in that meets it.
func learnCosts(ctx context.Context, s *State, hasher *secret.Hasher) error {
	return s.Store.View(ctx, func(tx *store.Tx) error {
		return tx.EachPassword(func(p *store.SealedSecret) {
			if hash, err := s.Secrets.OpenHash(p.AccountID, p.PrincipalID, p.Sealed); err == nil {
				hasher.Learn(hash)
			}
		})
	})
}

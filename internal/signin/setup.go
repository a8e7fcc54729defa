package signin

import (
	"context"
	"errors"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// NewSetUpLink makes the token of a link on which the root user sets a password. The link works once, within an hour, and earlier
// links stop working.
func NewSetUpLink(tx *store.Tx, secrets *secret.Keyring, root *store.Principal, now time.Time) (token string, err error) {
	token, hash := secrets.NewToken(root.AccountID)
	return token, tx.InsertSetupLink(root.AccountID, root.ID, hash, now.Add(linkLife))
}

// SetUpAccount returns the account that a link belongs to, without using the link up. Its error is [ErrLinkUsed] when the link does
// not work any more.
func (s *Service) SetUpAccount(ctx context.Context, link string) (*store.Account, error) {
	account, hash, err := s.Secrets.ParseToken(link)
	if err != nil {
		return nil, ErrLinkUsed
	}
	var a store.Account
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.SetupLink(account, hash, s.Clock()); err != nil {
			return err
		}
		a, err = tx.Account(account)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrLinkUsed
	}
	return &a, err
}

// SetUp uses a link to set the root user's password, ends the root user's other sessions and begins one. It replaces only the
// password: a root user with a device is asked for it, as at any sign-in. Its errors are [ErrLinkUsed], [*PasswordRule] and
// [secret.ErrBusy].
func (s *Service) SetUp(ctx context.Context, v Visitor, link, password string) (*Progress, error) {
	now := s.Clock()
	account, err := s.SetUpAccount(ctx, link)
	if err != nil {
		return nil, err
	}
	if err := secret.CheckRootPassword(password, account.RootEmail); err != nil {
		return nil, &PasswordRule{Reason: err.Error()}
	}

	// Hashing is slow, so it is done before the transaction; the link is checked again within it.
	encoded, err := s.Hasher.Hash(ctx, password, true)
	if err != nil {
		return nil, err
	}

	_, hash, err := s.Secrets.ParseToken(link)
	if err != nil {
		return nil, ErrLinkUsed
	}
	var p *Progress
	err = s.Store.Update(ctx, store.Raise(account.ID), func(tx *store.Tx) error {
		if err := tx.TakeSetupLink(account.ID, hash, now); err != nil {
			return err
		}

		root, err := tx.RootUser(account.ID)
		if err != nil {
			return err
		}
		if err := SetPassword(tx, root, s.Secrets.SealHash(account.ID, root.ID, encoded), false, now); err != nil {
			return err
		}
		if err := audit.Write(tx, passwordUpdated(v, root, now)); err != nil {
			return err
		}
		p, err = s.afterPassword(tx, v, account.ID, root.ID, "", now)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrLinkUsed
	}

	return p, err
}

// SetPassword gives the principal a new password, whether or not it had one, and ends its console sessions. The password comes as
// [secret.Keyring.SealHash] seals its hash.
func SetPassword(tx *store.Tx, principal *store.Principal, sealedHash []byte, resetRequired bool, now time.Time) error {
	current, err := tx.Password(principal.AccountID, principal.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = tx.InsertPassword(principal.AccountID, principal.ID, sealedHash, resetRequired, now)
	case err == nil:
		err = tx.ChangePassword(principal.AccountID, principal.ID, current.Version, sealedHash, resetRequired, now)
	}
	if err != nil {
		return err
	}
	_, err = tx.DeleteSessions(principal.AccountID, principal.ID, "")
	return err
}

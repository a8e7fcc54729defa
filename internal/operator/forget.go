package operator

import (
	"context"
	"errors"
	"slices"

	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// ForgottenAccount says what an account lost with the master key, and how its root user gets in again.
type ForgottenAccount struct {
	AccountID  string   `json:"AccountId"`
	Passwords  []string // of these users; "root" is the root user
	AccessKeys []string
	SetupURL   string `json:"SetupUrl"` // for the root user
}

// ForgetSecrets removes from every account what the lost master key sealed (passwords and access keys) and what is found by keyed
// hashes (sessions, links), and makes a set-up link for each root user. In the same transaction, replace puts the new keys into the
// place of the old ones.
func (o *Operator) ForgetSecrets(ctx context.Context, url string, replace func(*store.Tx) error) ([]ForgottenAccount, error) {
	accounts, err := o.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	locks := []store.Lock{store.Installation()}
	for _, a := range accounts {
		locks = append(locks, store.Raise(a.ID))
	}

	var forgotten []ForgottenAccount
	err = o.Store.Update(ctx, store.Join(locks...), func(tx *store.Tx) error {
		forgotten = nil
		now, err := tx.Accounts()
		if err != nil {
			return err
		}
		if !slices.EqualFunc(accounts, now, func(a, b store.Account) bool { return a.ID == b.ID }) {
			return fault("accounts were made or removed at the same time: try again")
		}

		for _, a := range accounts {
			f, err := o.forget(tx, a.ID, url)
			if err != nil {
				return err
			}
			forgotten = append(forgotten, f)
		}
		return replace(tx)
	})
	return forgotten, err
}

// forget removes one account's secrets.
func (o *Operator) forget(tx *store.Tx, account, url string) (f ForgottenAccount, err error) {
	lost, err := tx.ForgetSecrets(account)
	if err != nil {
		return f, err
	}
	f = ForgottenAccount{AccountID: account, Passwords: lost.Passwords, AccessKeys: lost.AccessKeys}
	for n, name := range f.Passwords {
		if name == "" {
			f.Passwords[n] = "root"
		}
	}

	now := o.Clock()
	root, err := tx.RootUser(account)
	if err != nil {
		return f, err
	}
	token, err := signin.NewSetUpLink(tx, o.Secrets, root, now)
	if err != nil {
		return f, err
	}
	f.SetupURL = setUpURL(url, token)

	parameters := map[string]any{"passwords": f.Passwords, "accessKeys": f.AccessKeys}
	return f, errors.Join(err, o.record(tx, account, "ForgetSecrets", parameters, now))
}

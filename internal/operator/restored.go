package operator

import (
	"context"
	"slices"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// Restoration is what [Operator.Restored] did. Its JSON form is part of the command's contract.
type Restoration struct {
	Accounts int           // whose sessions were ended
	Sessions int64         // console sessions that were removed
	AsOf     time.Time     // the state of the data: when its backup was made, else its newest event; zero when that is not known
	Age      time.Duration `json:"-"` // of the data
}

// Restored makes a database that was put back from a backup safe to serve from: it ends every console session, ceremony and
// set-up link, makes temporary credentials that were issued before void, gives each account a new incarnation, and writes an
// event of it to the trail of each account and of the installation. It takes the data to be of the time asOf; when that is zero,
// of its newest event. It may run beside servers, which go by the new state with their next request. It needs no master key.
func (o *Operator) Restored(ctx context.Context, asOf time.Time) (*Restoration, error) {
	for {
		accounts, err := o.accountIDs(ctx)
		if err != nil {
			return nil, err
		}

		var done *Restoration
		lock := store.Join(store.Installation(), store.Accounts(accounts...))
		if err := o.Store.Update(ctx, lock, func(tx *store.Tx) error {
			done = nil
			all, err := tx.Accounts()
			if err != nil || !slices.Equal(idsOf(all), accounts) {
				return err // one was made before the lock: look again
			}
			done, err = o.restored(tx, accounts, asOf)
			return err
		}); err != nil || done != nil {
			return done, err
		}
	}
}

func (o *Operator) restored(tx *store.Tx, accounts []string, asOf time.Time) (*Restoration, error) {
	now := o.Clock()
	if asOf.IsZero() {
		var err error
		if asOf, err = tx.LastEvent(); err != nil {
			return nil, err
		}
	}
	done := &Restoration{Accounts: len(accounts), AsOf: asOf}
	parameters := map[string]any{}
	if !asOf.IsZero() {
		done.Age = now.Sub(asOf)
		parameters["dataOf"] = asOf.UTC().Format(time.RFC3339)
	}

	var err error
	if done.Sessions, err = tx.EndEverySession(now); err != nil {
		return nil, err
	}
	for _, account := range append([]string{""}, accounts...) {
		if err := o.record(tx, account, "RestoreDatabase", parameters, now); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// accountIDs lists the ids of all accounts.
func (o *Operator) accountIDs(ctx context.Context) ([]string, error) {
	accounts, err := o.Accounts(ctx)
	return idsOf(accounts), err
}

func idsOf(accounts []store.Account) []string {
	all := make([]string, len(accounts))
	for n, a := range accounts {
		all[n] = a.ID
	}
	return all
}

// Copied notes in the trail of the installation that its data came from another database.
func (o *Operator) Copied(ctx context.Context, from string, rows int64) error {
	return o.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error {
		return o.record(tx, "", "CopyDatabase", map[string]any{"from": from, "rows": rows}, o.Clock())
	})
}

package store

import (
	"crypto/rand"
	"time"
)

// Freshness says which state of an account something was read from. The incarnation is random and made anew with the
// account, by a reset and by a restore; the generation grows with every change to what a decision or an authentication reads.
type Freshness struct {
	Incarnation string
	Generation  int64
}

// Account is an account as listed to the operator.
type Account struct {
	ID        string
	Alias     string // "" when none
	RootEmail string
	CreatedAt time.Time
}

// InsertAccount creates an account with its first incarnation. ErrConflict when the id or the e-mail is taken.
func (tx *Tx) InsertAccount(id, rootEmail string, now time.Time) error {
	if _, err := tx.exec(`insert into account (account_id, incarnation, generation, created_at) values ($1, $2, 1, $3)`,
		id, rand.Text(), micros(now)); err != nil {
		return err
	}

	_, err := tx.exec(`insert into root_email_directory (email_key, email, account_id) values ($1, $2, $3)`,
		Fold(rootEmail), rootEmail, id)
	return err
}

// Freshness reads where the account stands. It is the one read of a warm request.
func (tx *Tx) Freshness(account string) (Freshness, error) {
	var f Freshness
	err := tx.get(`select incarnation, generation from account where account_id = $1`, []any{account}, &f.Incarnation, &f.Generation)
	if err == nil && tx.watch != nil {
		tx.watch.note(tx, account, f)
	}
	return f, err
}

const selectAccount = `select a.account_id, coalesce(d.alias, ''), e.email, a.created_at from account a
	join root_email_directory e on e.account_id = a.account_id
	left join alias_directory d on d.account_id = a.account_id`

func scanAccount(row scanner) (a Account, err error) {
	err = row.Scan(&a.ID, &a.Alias, &a.RootEmail, instant{&a.CreatedAt})
	return a, err
}

// Accounts lists every account by id.
func (tx *Tx) Accounts() ([]Account, error) {
	return list(tx, scanAccount, selectAccount+` order by a.account_id`)
}

// Account reads one account. ErrNotFound.
func (tx *Tx) Account(id string) (Account, error) {
	a, err := one(tx, scanAccount, selectAccount+` where a.account_id = $1`, id)
	if err != nil {
		return Account{}, err
	}
	return *a, nil
}

// AccountByRootEmail finds the account whose root user has the e-mail address, without regard to case. ErrNotFound.
func (tx *Tx) AccountByRootEmail(email string) (id string, err error) {
	err = tx.get(`select account_id from root_email_directory where email_key = $1`, []any{Fold(email)}, &id)
	return id, err
}

// AccountByAlias finds the account that has the alias. ErrNotFound.
func (tx *Tx) AccountByAlias(alias string) (id string, err error) {
	err = tx.get(`select account_id from alias_directory where alias = $1`, []any{alias}, &id)
	return id, err
}

// accountTables are the tables whose rows go when their account is removed: all that have an account_id, but for audit_event.
var accountTables = []string{
	"account", "alias_directory", "root_email_directory", "access_key_directory", "credential_directory", "principal", "tally",
	"tag", "attachment", "boundary", "password", "inline_policy", "access_key", "mfa_device", "console_session", "ceremony",
	"setup_link", "notice", "outbox", "quota", "managed_policy", "policy_version",
}

// RemoveAccount removes everything that the account has. Its audit events stay: they are kept for as long as all events are,
// whatever became of the account. ErrNotFound when there is no such account.
func (tx *Tx) RemoveAccount(account string) error {
	if _, err := tx.Freshness(account); err != nil {
		return err
	}

	for _, table := range accountTables {
		if _, err := tx.exec(`delete from `+table+` where account_id = $1`, account); err != nil {
			return err
		}
	}
	return nil
}

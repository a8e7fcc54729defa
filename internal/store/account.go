package store

import (
	"crypto/rand"
	"strings"
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
	return f, err
}

// Accounts lists every account by id.
func (tx *Tx) Accounts() ([]Account, error) {
	return list(tx, scanAccount, `select a.account_id, coalesce(d.alias, ''), e.email, a.created_at from account a
		join root_email_directory e on e.account_id = a.account_id
		left join alias_directory d on d.account_id = a.account_id order by a.account_id`)
}

// Account reads one account. ErrNotFound.
func (tx *Tx) Account(id string) (Account, error) {
	var a Account
	err := tx.get(`select a.account_id, coalesce(d.alias, ''), e.email, a.created_at from account a
		join root_email_directory e on e.account_id = a.account_id
		left join alias_directory d on d.account_id = a.account_id where a.account_id = $1`,
		[]any{id}, &a.ID, &a.Alias, &a.RootEmail, instant{&a.CreatedAt})
	return a, err
}

func scanAccount(row scanner) (a Account, err error) {
	err = row.Scan(&a.ID, &a.Alias, &a.RootEmail, instant{&a.CreatedAt})
	return a, err
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

// Alias reads the account's alias; "" when it has none.
func (tx *Tx) Alias(account string) (string, error) {
	var alias string
	err := tx.get(`select coalesce(max(alias), '') from alias_directory where account_id = $1`, []any{account}, &alias)
	return alias, err
}

// SetAlias gives the account its only alias, replacing an earlier one. ErrConflict when another account has it.
func (tx *Tx) SetAlias(account, alias string, now time.Time) error {
	if _, err := tx.exec(`delete from alias_directory where account_id = $1`, account); err != nil {
		return err
	}
	_, err := tx.exec(`insert into alias_directory (alias, account_id, created_at) values ($1, $2, $3)`, alias, account, micros(now))
	return err
}

// DeleteAlias takes the alias away. ErrNotFound when it is not the account's.
func (tx *Tx) DeleteAlias(account, alias string) error {
	return tx.change(`delete from alias_directory where account_id = $1 and alias = $2`, account, alias)
}

// accountTables are the tables whose rows go when an account is removed. Audit events stay out of it on purpose: they are
// removed by RemoveAccount too, but the installation's own events (account_id ”) are never.
var accountTables = []string{
	"account", "alias_directory", "root_email_directory", "access_key_directory", "credential_directory", "principal",
	"tag", "attachment", "boundary", "password", "inline_policy", "access_key", "mfa_device", "console_session", "ceremony", "setup_link",
	"notice", "outbox", "quota", "audit_event",
}

// RemoveAccount removes everything that the account has, its events included, under Raise of it. ErrNotFound when there is no
// such account.
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

// Setting reads an installation-wide value; "" when it was never set.
func (tx *Tx) Setting(name string) (string, error) {
	var value string
	err := tx.get(`select coalesce(max(value), '') from installation where name = $1`, []any{name}, &value)
	return value, err
}

// SetSetting stores an installation-wide value.
func (tx *Tx) SetSetting(name, value string) error {
	_, err := tx.exec(`insert into installation (name, value) values ($1, $2)
		on conflict (name) do update set value = excluded.value`, name, value)
	return err
}

// Quota reads the account's own value of a quota; ok is false when it has none and the default holds.
func (tx *Tx) Quota(account, name string) (value int, ok bool, err error) {
	err = tx.get(`select value from quota where account_id = $1 and name = $2`, []any{account, name}, &value)
	if err == ErrNotFound {
		return 0, false, nil
	}
	return value, err == nil, err
}

// SetQuota stores the account's own value of a quota.
func (tx *Tx) SetQuota(account, name string, value int) error {
	_, err := tx.exec(`insert into quota (account_id, name, value) values ($1, $2, $3)
		on conflict (account_id, name) do update set value = excluded.value`, account, name, value)
	return err
}

// Fold is the form in which names that are unique without regard to case are compared.
func Fold(name string) string { return strings.ToLower(name) }

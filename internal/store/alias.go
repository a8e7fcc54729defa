package store

import "time"

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

	_, err := tx.exec(`insert into alias_directory (alias, account_id, created_at) values ($1, $2, $3)`,
		alias, account, micros(now))
	return err
}

// DeleteAlias takes the alias away. ErrNotFound when it is not the account's.
func (tx *Tx) DeleteAlias(account, alias string) error {
	return tx.change(`delete from alias_directory where account_id = $1 and alias = $2`, account, alias)
}

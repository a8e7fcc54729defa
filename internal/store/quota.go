package store

import "errors"

// Quota reads the account's own value of a quota; ok is false when it has none and the default holds.
func (tx *Tx) Quota(account, name string) (value int, ok bool, err error) {
	err = tx.get(`select value from quota where account_id = $1 and name = $2`, []any{account, name}, &value)
	if errors.Is(err, ErrNotFound) {
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

package store

import "errors"

// tallyMFADevices is the kind of the MFA devices' tally. Principals have one for each [Kind], under its name.
const tallyMFADevices = "mfa-device"

// countUp records that the account has one more row of a kind. The methods that insert such a row call it.
func (tx *Tx) countUp(account, kind string) error {
	_, err := tx.exec(`insert into tally (account_id, kind, n) values ($1, $2, 1)
		on conflict (account_id, kind) do update set n = tally.n + 1`, account, kind)
	return err
}

// countDown records that the account has so many rows of a kind less. The methods that delete such rows call it.
func (tx *Tx) countDown(account, kind string, rows int64) error {
	if rows == 0 {
		return nil
	}
	_, err := tx.exec(`update tally set n = n - $3 where account_id = $1 and kind = $2`, account, kind, rows)
	return err
}

// counted reads how many rows of a kind the account has. It costs the same however many they are.
func (tx *Tx) counted(account, kind string) (n int, err error) {
	err = tx.get(`select n from tally where account_id = $1 and kind = $2`, []any{account, kind}, &n)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return n, err
}

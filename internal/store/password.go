package store

import "time"

// Password is a principal's password: for an IAM user, its login profile.
type Password struct {
	SealedHash    []byte
	Version       int64 // grows with each change
	ResetRequired bool
	CreatedAt     time.Time
	ChangedAt     time.Time
}

// Password reads a principal's password. ErrNotFound when it has none.
func (tx *Tx) Password(account, principal string) (*Password, error) {
	var p Password
	err := tx.get(`select sealed_hash, version, reset_required, created_at, changed_at from password
		where account_id = $1 and principal_id = $2`,
		[]any{account, principal}, &p.SealedHash, &p.Version, &p.ResetRequired, instant{&p.CreatedAt}, instant{&p.ChangedAt})
	return &p, err
}

// AnyPassword reads the sealed hash of one password of any account. ErrNotFound when there is none.
func (tx *Tx) AnyPassword() (*SealedSecret, error) {
	return one(tx, func(row scanner) (s SealedSecret, err error) {
		err = row.Scan(&s.AccountID, &s.PrincipalID, &s.Sealed)
		return s, err
	}, `select account_id, principal_id, sealed_hash from password order by account_id, principal_id limit 1`)
}

// HasPassword reports whether a principal has a password.
func (tx *Tx) HasPassword(account, principal string) (has bool, err error) {
	err = tx.get(`select count(*) > 0 from password where account_id = $1 and principal_id = $2`, []any{account, principal}, &has)
	return has, err
}

// InsertPassword gives a principal its first password. ErrConflict when it has one.
func (tx *Tx) InsertPassword(account, principal string, sealedHash []byte, resetRequired bool, now time.Time) error {
	_, err := tx.exec(`insert into password (account_id, principal_id, sealed_hash, version, reset_required, created_at, changed_at)
		values ($1, $2, $3, $4, $5, $6, $6)`, account, principal, sealedHash, now.UnixMicro(), resetRequired, micros(now))
	return err
}

// ChangePassword replaces the password that has the given version. ErrNotFound when it is gone or was changed meanwhile.
func (tx *Tx) ChangePassword(account, principal string, version int64, sealedHash []byte, resetRequired bool, now time.Time) error {
	return tx.change(`update password set sealed_hash = $4, version = version + 1, reset_required = $5, changed_at = $6
		where account_id = $1 and principal_id = $2 and version = $3`, account, principal, version, sealedHash, resetRequired, micros(now))
}

// RenewPasswordHash stores the same password hashed with newer settings; it is not a change. ErrNotFound when the password
// was changed meanwhile.
func (tx *Tx) RenewPasswordHash(account, principal string, version int64, sealedHash []byte) error {
	return tx.change(`update password set sealed_hash = $4 where account_id = $1 and principal_id = $2 and version = $3`,
		account, principal, version, sealedHash)
}

// SetPasswordResetRequired changes only whether the next sign-in must choose a new password. ErrNotFound.
func (tx *Tx) SetPasswordResetRequired(account, principal string, required bool) error {
	return tx.change(`update password set reset_required = $3 where account_id = $1 and principal_id = $2`,
		account, principal, required)
}

// DeletePassword removes the password. ErrNotFound.
func (tx *Tx) DeletePassword(account, principal string) error {
	return tx.change(`delete from password where account_id = $1 and principal_id = $2`, account, principal)
}

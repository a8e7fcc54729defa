package store

import "time"

// Password is a principal's password: for an IAM user, its login profile.
type Password struct {
	Hash          string // PHC string
	Version       int64  // grows with each change
	ResetRequired bool
	CreatedAt     time.Time
	ChangedAt     time.Time
}

// Password reads a principal's password. ErrNotFound when it has none.
func (tx *Tx) Password(account, principal string) (*Password, error) {
	var p Password
	err := tx.get(`select hash, version, reset_required, created_at, changed_at from password where account_id = $1 and principal_id = $2`,
		[]any{account, principal}, &p.Hash, &p.Version, &p.ResetRequired, instant{&p.CreatedAt}, instant{&p.ChangedAt})
	return &p, err
}

// HasPassword reports whether a principal has a password.
func (tx *Tx) HasPassword(account, principal string) (has bool, err error) {
	err = tx.get(`select count(*) > 0 from password where account_id = $1 and principal_id = $2`, []any{account, principal}, &has)
	return has, err
}

// InsertPassword gives a principal its first password. ErrConflict when it has one.
func (tx *Tx) InsertPassword(account, principal, hash string, resetRequired bool, now time.Time) error {
	_, err := tx.exec(`insert into password (account_id, principal_id, hash, version, reset_required, created_at, changed_at)
		values ($1, $2, $3, $4, $5, $6, $6)`, account, principal, hash, now.UnixMicro(), resetRequired, micros(now))
	return err
}

// ChangePassword replaces the password that has the given version. ErrNotFound when it is gone or was changed meanwhile.
func (tx *Tx) ChangePassword(account, principal string, version int64, hash string, resetRequired bool, now time.Time) error {
	return tx.change(`update password set hash = $4, version = version + 1, reset_required = $5, changed_at = $6
		where account_id = $1 and principal_id = $2 and version = $3`, account, principal, version, hash, resetRequired, micros(now))
}

// RenewPasswordHash stores the same password hashed with newer settings; it is not a change. ErrNotFound when the password
// was changed meanwhile.
func (tx *Tx) RenewPasswordHash(account, principal string, version int64, hash string) error {
	return tx.change(`update password set hash = $4 where account_id = $1 and principal_id = $2 and version = $3`, account, principal, version, hash)
}

// SetPasswordResetRequired changes only whether the next sign-in must choose a new password. ErrNotFound.
func (tx *Tx) SetPasswordResetRequired(account, principal string, required bool) error {
	return tx.change(`update password set reset_required = $3 where account_id = $1 and principal_id = $2`, account, principal, required)
}

// DeletePassword removes the password. ErrNotFound.
func (tx *Tx) DeletePassword(account, principal string) error {
	return tx.change(`delete from password where account_id = $1 and principal_id = $2`, account, principal)
}

// AccessKey is a long-term access key. Its secret is sealed.
type AccessKey struct {
	AccountID       string
	ID              string
	PrincipalID     string
	Active          bool
	SealedSecret    []byte
	CreatedAt       time.Time
	LastUsedAt      time.Time
	LastUsedService string
	LastUsedRegion  string
}

const accessKeyColumns = `account_id, access_key_id, principal_id, status, sealed_secret, created_at, last_used_at, last_used_service, last_used_region`

func scanAccessKey(row scanner) (k AccessKey, err error) {
	var status string
	err = row.Scan(&k.AccountID, &k.ID, &k.PrincipalID, &status, &k.SealedSecret, instant{&k.CreatedAt},
		instant{&k.LastUsedAt}, &k.LastUsedService, &k.LastUsedRegion)
	k.Active = status == statusActive
	return k, err
}

const (
	statusActive   = "Active"
	statusInactive = "Inactive"
)

func accessKeyStatus(active bool) string {
	if active {
		return statusActive
	}
	return statusInactive
}

// InsertAccessKey stores a key and enters it in the directory. ErrConflict when the id is taken.
func (tx *Tx) InsertAccessKey(k *AccessKey) error {
	if _, err := tx.exec(`insert into access_key_directory (access_key_id, account_id) values ($1, $2)`, k.ID, k.AccountID); err != nil {
		return err
	}
	_, err := tx.exec(`insert into access_key (`+accessKeyColumns+`) values ($1, $2, $3, $4, $5, $6, 0, '', '')`,
		k.AccountID, k.ID, k.PrincipalID, accessKeyStatus(k.Active), k.SealedSecret, micros(k.CreatedAt))
	return err
}

// AccessKeyAccount finds the account that a key id belongs to. ErrNotFound.
func (tx *Tx) AccessKeyAccount(id string) (account string, err error) {
	err = tx.get(`select account_id from access_key_directory where access_key_id = $1`, []any{id}, &account)
	return account, err
}

// AccessKey reads one key. ErrNotFound.
func (tx *Tx) AccessKey(account, id string) (*AccessKey, error) {
	keys, err := list(tx, scanAccessKey, `select `+accessKeyColumns+` from access_key where account_id = $1 and access_key_id = $2`, account, id)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, ErrNotFound
	}
	return &keys[0], nil
}

// AccessKeys lists a principal's keys, oldest first.
func (tx *Tx) AccessKeys(account, principal string) ([]AccessKey, error) {
	return list(tx, scanAccessKey, `select `+accessKeyColumns+` from access_key where account_id = $1 and principal_id = $2
		order by created_at, access_key_id`, account, principal)
}

// SetAccessKeyActive switches a key on or off. ErrNotFound when the principal has no such key.
func (tx *Tx) SetAccessKeyActive(account, principal, id string, active bool) error {
	return tx.change(`update access_key set status = $4 where account_id = $1 and principal_id = $2 and access_key_id = $3`,
		account, principal, id, accessKeyStatus(active))
}

// DeleteAccessKey removes a key. ErrNotFound when the principal has no such key.
func (tx *Tx) DeleteAccessKey(account, principal, id string) error {
	if err := tx.change(`delete from access_key where account_id = $1 and principal_id = $2 and access_key_id = $3`, account, principal, id); err != nil {
		return err
	}
	return tx.change(`delete from access_key_directory where access_key_id = $1`, id)
}

// TouchAccessKey records a key's last use. A key deleted meanwhile is no error.
func (tx *Tx) TouchAccessKey(account, id, service, region string, t time.Time) error {
	_, err := tx.exec(`update access_key set last_used_at = $3, last_used_service = $4, last_used_region = $5
		where account_id = $1 and access_key_id = $2 and last_used_at < $3`, account, id, micros(t), service, region)
	return err
}

// InlinePolicy is a policy document that belongs to one principal.
type InlinePolicy struct {
	Name     string
	Document string // byte for byte as it was put
}

func scanInlinePolicy(row scanner) (p InlinePolicy, err error) {
	err = row.Scan(&p.Name, &p.Document)
	return p, err
}

// InlinePolicies lists a principal's inline policies by name.
func (tx *Tx) InlinePolicies(account, principal string) ([]InlinePolicy, error) {
	return list(tx, scanInlinePolicy, `select name, document from inline_policy where account_id = $1 and principal_id = $2 order by name`, account, principal)
}

// InlinePolicy reads one inline policy. ErrNotFound.
func (tx *Tx) InlinePolicy(account, principal, name string) (p InlinePolicy, err error) {
	err = tx.get(`select name, document from inline_policy where account_id = $1 and principal_id = $2 and name = $3`,
		[]any{account, principal, name}, &p.Name, &p.Document)
	return p, err
}

// PutInlinePolicy stores a policy under its name, replacing an earlier one.
func (tx *Tx) PutInlinePolicy(account, principal, name, document string, now time.Time) error {
	_, err := tx.exec(`insert into inline_policy (account_id, principal_id, name, document, changed_at) values ($1, $2, $3, $4, $5)
		on conflict (account_id, principal_id, name) do update set document = excluded.document, changed_at = excluded.changed_at`,
		account, principal, name, document, micros(now))
	return err
}

// DeleteInlinePolicy removes a policy. ErrNotFound.
func (tx *Tx) DeleteInlinePolicy(account, principal, name string) error {
	return tx.change(`delete from inline_policy where account_id = $1 and principal_id = $2 and name = $3`, account, principal, name)
}

package store

import "time"

// AccessKey is a long-term access key. Its secret is sealed.
type AccessKey struct {
	AccountID       string
	ID              string
	PrincipalID     string
	Active          bool
	SealedSecret    []byte
	CreatedAt       time.Time
	LastUsedAt      time.Time // zero when it was never used
	LastUsedService string
	LastUsedRegion  string
	Seeded          bool // a seed fixed its id and secret, so that whoever has the seed has the key
}

const accessKeyColumns = `account_id, access_key_id, principal_id, status, sealed_secret, created_at, last_used_at,
	last_used_service, last_used_region, seeded`

func scanAccessKey(row scanner) (k AccessKey, err error) {
	var (
		status string
		seeded int64
	)
	err = row.Scan(&k.AccountID, &k.ID, &k.PrincipalID, &status, &k.SealedSecret, instant{&k.CreatedAt},
		instant{&k.LastUsedAt}, &k.LastUsedService, &k.LastUsedRegion, &seeded)
	k.Active, k.Seeded = status == statusActive, seeded != 0
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
	if _, err := tx.exec(`insert into access_key_directory (access_key_id, account_id) values ($1, $2)`,
		k.ID, k.AccountID); err != nil {
		return err
	}

	seeded := int64(0)
	if k.Seeded {
		seeded = 1
	}
	_, err := tx.exec(`insert into access_key (`+accessKeyColumns+`) values ($1, $2, $3, $4, $5, $6, 0, '', '', $7)`,
		k.AccountID, k.ID, k.PrincipalID, accessKeyStatus(k.Active), k.SealedSecret, micros(k.CreatedAt), seeded)
	return err
}

// SeededKeys returns the ids of access keys that a seed fixed, at most limit of them, in order.
func (tx *Tx) SeededKeys(limit int) ([]string, error) {
	return list(tx, func(row scanner) (id string, err error) { return id, row.Scan(&id) },
		`select access_key_id from access_key where seeded = 1 order by access_key_id limit $1`, limit)
}

// AccessKeyAccount finds the account that a key id belongs to. ErrNotFound.
func (tx *Tx) AccessKeyAccount(id string) (account string, err error) {
	err = tx.get(`select account_id from access_key_directory where access_key_id = $1`, []any{id}, &account)
	return account, err
}

// AccessKey reads one key. ErrNotFound.
func (tx *Tx) AccessKey(account, id string) (*AccessKey, error) {
	return one(tx, scanAccessKey, `select `+accessKeyColumns+` from access_key where account_id = $1 and access_key_id = $2`,
		account, id)
}

// AnyAccessKey reads one key of any account. ErrNotFound when there is none.
func (tx *Tx) AnyAccessKey() (*AccessKey, error) {
	return one(tx, scanAccessKey, `select `+accessKeyColumns+` from access_key order by account_id, access_key_id limit 1`)
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
	if err := tx.change(`delete from access_key where account_id = $1 and principal_id = $2 and access_key_id = $3`,
		account, principal, id); err != nil {
		return err
	}

	return tx.change(`delete from access_key_directory where access_key_id = $1`, id)
}

// TouchAccessKey records a key's last use. A key deleted meanwhile is no error.
func (tx *Tx) TouchAccessKey(account, id, service, region string, t time.Time) error {
	_, err := tx.exec(`update access_key set last_used_at = $3, last_used_service = $4, last_used_region = $5
		where account_id = $1 and access_key_id = $2 and (last_used_at < $3 or last_used_at > $6)`,
		account, id, micros(t), service, region, micros(t.Add(ClockSlack)))
	return err
}

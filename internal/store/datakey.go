package store

import "time"

// DataKey is a key of the installation, sealed by the master key.
type DataKey struct {
	ID       string
	Sealed   []byte
	UsedFrom time.Time
}

// DataKeys lists the installation's keys, oldest first.
func (tx *Tx) DataKeys() ([]DataKey, error) {
	return list(tx, func(row scanner) (k DataKey, err error) {
		err = row.Scan(&k.ID, &k.Sealed, instant{&k.UsedFrom})
		return k, err
	}, `select key_id, sealed, used_from from data_key order by used_from, key_id`)
}

// InsertDataKey stores a key of the installation. ErrConflict when its id is taken.
func (tx *Tx) InsertDataKey(k *DataKey) error {
	_, err := tx.exec(`insert into data_key (key_id, sealed, used_from) values ($1, $2, $3)`, k.ID, k.Sealed, micros(k.UsedFrom))
	return err
}

// SealDataKey replaces the sealed form of a key of the installation. ErrNotFound.
func (tx *Tx) SealDataKey(id string, sealed []byte) error {
	return tx.change(`update data_key set sealed = $2 where key_id = $1`, id, sealed)
}

// DeleteDataKey removes a key of the installation, and with it all that it protects. ErrNotFound.
func (tx *Tx) DeleteDataKey(id string) error {
	return tx.change(`delete from data_key where key_id = $1`, id)
}

// SealedSecret is a value of a principal that is sealed with a key of the installation.
type SealedSecret struct {
	AccountID   string
	PrincipalID string
	AccessKeyID string // "" for the hash of the principal's password
	Sealed      []byte
}

// SealedSecrets lists up to limit sealed values that do not begin with the given bytes, in no particular order.
func (tx *Tx) SealedSecrets(but []byte, limit int) ([]SealedSecret, error) {
	return list(tx, func(row scanner) (s SealedSecret, err error) {
		err = row.Scan(&s.AccountID, &s.PrincipalID, &s.AccessKeyID, &s.Sealed)
		return s, err
	}, `select account_id, principal_id, access_key_id, sealed_secret from access_key where substr(sealed_secret, 1, $2) <> $1
		union all
		select account_id, principal_id, '', sealed_hash from password where substr(sealed_hash, 1, $2) <> $1
		limit $3`, but, int64(len(but)), limit)
}

// CountSealedSecrets counts the sealed values, and those of them that do not begin with the given bytes.
func (tx *Tx) CountSealedSecrets(but []byte) (all, others int64, err error) {
	err = tx.get(`select count(*), coalesce(sum(case when substr(sealed, 1, $2) <> $1 then 1 else 0 end), 0) from (
		select sealed_secret as sealed from access_key union all select sealed_hash from password) as secrets`,
		[]any{but, int64(len(but))}, &all, &others)
	return all, others, err
}

// SealSecretAgain replaces a sealed value, unless it is not the one that was read any more, which is ErrNotFound.
func (tx *Tx) SealSecretAgain(was *SealedSecret, sealed []byte) error {
	if was.AccessKeyID == "" {
		return tx.change(`update password set sealed_hash = $4 where account_id = $1 and principal_id = $2 and sealed_hash = $3`,
			was.AccountID, was.PrincipalID, was.Sealed, sealed)
	}
	return tx.change(`update access_key set sealed_secret = $5
		where account_id = $1 and principal_id = $2 and access_key_id = $3 and sealed_secret = $4`,
		was.AccountID, was.PrincipalID, was.AccessKeyID, was.Sealed, sealed)
}

// TokenUnder reports whether a session, a ceremony or a link has a token whose hash begins with the given bytes.
func (tx *Tx) TokenUnder(prefix []byte) (found bool, err error) {
	err = tx.get(`select exists (select 1 from console_session where substr(token_hash, 1, $2) = $1)
		or exists (select 1 from ceremony where substr(ceremony_hash, 1, $2) = $1)
		or exists (select 1 from setup_link where substr(token_hash, 1, $2) = $1)`, []any{prefix, int64(len(prefix))}, &found)
	return found, err
}

// Forgotten are the secrets of an account that were removed because nobody can open them.
type Forgotten struct {
	Passwords  []string // names of users; "" is the root user
	AccessKeys []string // ids
}

// ForgetSecrets removes an account's passwords, access keys, sessions, ceremonies and links. What was sealed by a master key that
// is lost is of no use to anybody.
func (tx *Tx) ForgetSecrets(account string) (f Forgotten, err error) {
	text := func(row scanner) (s string, err error) {
		err = row.Scan(&s)
		return s, err
	}
	if f.Passwords, err = list(tx, text, `select p.name from password w join principal p
		on p.account_id = w.account_id and p.principal_id = w.principal_id where w.account_id = $1 order by p.name_key`, account); err != nil {
		return f, err
	}
	if f.AccessKeys, err = list(tx, text, `select access_key_id from access_key where account_id = $1 order by access_key_id`,
		account); err != nil {
		return f, err
	}

	for _, table := range []string{"password", "access_key", "access_key_directory", "console_session", "ceremony", "setup_link"} {
		if _, err := tx.exec(`delete from `+table+` where account_id = $1`, account); err != nil {
			return f, err
		}
	}
	return f, nil
}

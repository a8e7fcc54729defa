package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// sealVersion is the version of the schema in which secrets are sealed with keys of the installation, for the principal whose they
// are, and the hashes of passwords are sealed too. Earlier versions sealed with the master key, for no principal in particular.
const sealVersion = 6

func init() {
	m := goose.NewGoMigration(sealVersion, &goose.GoFunc{RunTx: sealAgain}, nil)
	if err := goose.SetGlobalMigrations(m); err != nil {
		panic(err)
	}
}

// Resealing seals, for the present version, what earlier ones stored.
type Resealing struct {
	Key       DataKey // the installation's first key
	SecretKey func(account, principal, accessKeyID string, sealed []byte) ([]byte, error)
	Hash      func(account, principal, hash string) []byte
}

// resealingKey finds the way to make a Resealing in the context of a migration.
type resealingKey struct{}

// sealAgain seals every secret anew. A database without secrets is left as it is: it gets its first key when it is first opened.
func sealAgain(ctx context.Context, tx *sql.Tx) error {
	var secrets int64
	if err := tx.QueryRowContext(ctx, `select (select count(*) from access_key) + (select count(*) from password)`).
		Scan(&secrets); err != nil {
		return err
	}
	if secrets > 0 {
		if err := sealSecrets(ctx, tx); err != nil {
			return err
		}
	}

	_, err := tx.ExecContext(ctx, `alter table password drop column hash`)
	return err
}

func sealSecrets(ctx context.Context, tx *sql.Tx) error {
	resealing, _ := ctx.Value(resealingKey{}).(func(fingerprint string) (*Resealing, error))
	if resealing == nil {
		return errors.New("it holds secrets of an earlier version of Touchstone, which only the master key can bring to this version: " +
			"name its file with --master-key-file")
	}

	var fingerprint string
	if err := tx.QueryRowContext(ctx, `select coalesce(max(value), '') from installation where name = 'master_key_fingerprint'`).
		Scan(&fingerprint); err != nil {
		return err
	}
	r, err := resealing(fingerprint)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into data_key (key_id, sealed, used_from) values ($1, $2, $3)`,
		r.Key.ID, r.Key.Sealed, micros(r.Key.UsedFrom)); err != nil {
		return err
	}

	if err := sealSecretKeys(ctx, tx, r); err != nil {
		return err
	}
	return sealHashes(ctx, tx, r)
}

func sealSecretKeys(ctx context.Context, tx *sql.Tx, r *Resealing) error {
	return eachRow(ctx, tx, `select account_id, principal_id, access_key_id, sealed_secret from access_key`,
		func(account, principal, id string, value []byte) error {
			sealed, err := r.SecretKey(account, principal, id, value)
			if err != nil {
				return fmt.Errorf("the secret of access key %s: %w", id, err)
			}
			_, err = tx.ExecContext(ctx, `update access_key set sealed_secret = $3 where account_id = $1 and access_key_id = $2`,
				account, id, sealed)
			return err
		})
}

func sealHashes(ctx context.Context, tx *sql.Tx, r *Resealing) error {
	return eachRow(ctx, tx, `select account_id, principal_id, '', hash from password`,
		func(account, principal, _ string, hash []byte) error {
			_, err := tx.ExecContext(ctx, `update password set sealed_hash = $3 where account_id = $1 and principal_id = $2`,
				account, principal, r.Hash(account, principal, string(hash)))
			return err
		})
}

// eachRow calls fn with each row that a query finds, after it has read them all: one connection cannot read and write at a time on
// every engine.
func eachRow(ctx context.Context, tx *sql.Tx, query string, fn func(account, principal, id string, value []byte) error) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()

	type row struct {
		account, principal, id string
		value                  []byte
	}
	var found []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.account, &r.principal, &r.id, &r.value); err != nil {
			return err
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return err
	}

	for _, r := range found {
		if err := fn(r.account, r.principal, r.id, r.value); err != nil {
			return err
		}
	}
	return nil
}

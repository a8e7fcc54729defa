package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// foldVersion is the version of the schema in which keys are made with [Fold]. Versions 1 and 2 made them with strings.ToLower,
// which tells some characters apart that differ by case alone (s and ſ, σ and ς).
//
// It stands before the change of the schema that follows it: a database in which two names have become one is refused as the
// earlier version of Touchstone left it, so that this version can still rename one of them.
const foldVersion = 3

// init registers the migration that is written in Go, beside those in the migrations directory.
func init() {
	m := goose.NewGoMigration(foldVersion, &goose.GoFunc{RunTx: foldAgain}, nil)
	if err := goose.SetGlobalMigrations(m); err != nil {
		panic(err)
	}
}

// foldedNames are the columns of schema version 2 whose names are unique without regard to case.
var foldedNames = []foldedName{
	{
		what: "users", table: "identity", id: []string{"account_id", "identity_id"}, name: "name", key: "name_key",
		scope: "'account ' || account_id", only: "kind = 'user'",
	},
	{
		what: "MFA devices", table: "mfa_device", id: []string{"account_id", "device_id"}, name: "name", key: "name_key",
		scope: "'principal ' || identity_id || ' of account ' || account_id", only: "1 = 1",
	},
	{
		what: "root users' e-mail addresses", table: "root_email_directory", id: []string{"account_id"}, name: "email", key: "email_key",
		scope: "'the installation'", only: "1 = 1",
	},
	{
		what: "tag keys", table: "identity_tag", id: []string{"account_id", "identity_id", "tag_key"}, name: "tag_key", key: "folded_key",
		scope: "'principal ' || identity_id || ' of account ' || account_id", only: "1 = 1",
	},
}

// foldedName is a column of names with its folded twin.
type foldedName struct {
	what  string // in messages, in the plural
	table string
	id    []string // the text columns that tell the rows apart
	name  string   // the column of the names as they were given
	key   string   // the column of the folded ones
	scope string   // an expression for the place, in words, within which the key is unique
	only  string   // a condition for the rows that have such a name
}

// foldAgain folds every name anew. It fails, naming them, when two names that were different have become the same.
func foldAgain(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `alter table identity_tag add column folded_key text not null default ''`); err != nil {
		return err
	}

	var collisions []error
	for _, f := range foldedNames {
		changed, collided, err := f.read(ctx, tx)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.what, err)
		}

		collisions = append(collisions, collided...)
		if len(collisions) > 0 {
			continue // nothing of this transaction is kept: the rest is read only to name its collisions too
		}
		if err := f.write(ctx, tx, changed); err != nil {
			return fmt.Errorf("fold %s: %w", f.what, err)
		}
	}

	if len(collisions) > 0 {
		return fmt.Errorf("some names differ by case alone, and are the same name to this version:\n%w\n"+
			"nothing was changed: rename or delete one of each pair with the version of Touchstone that last used this database",
			errors.Join(collisions...))
	}
	return nil
}

// rekeyed is a row that gets another key.
type rekeyed struct {
	id  []any
	key string
}

// read lists the rows whose key changes, and an error for each name that has become the same as another.
func (f *foldedName) read(ctx context.Context, tx *sql.Tx) (changed []rekeyed, collisions []error, err error) {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`select %s, %s, %s, %s from %s where %s order by %s`,
		f.scope, f.name, f.key, strings.Join(f.id, ", "), f.table, f.only, strings.Join(f.id, ", ")))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()

	type place struct{ scope, key string }
	taken := make(map[place]string)
	for rows.Next() {
		var scope, name, key string
		id := make([]string, len(f.id))
		columns := []any{&scope, &name, &key}
		for n := range id {
			columns = append(columns, &id[n])
		}
		if err := rows.Scan(columns...); err != nil {
			return nil, nil, err
		}

		folded := Fold(name)
		if other, found := taken[place{scope, folded}]; found {
			collisions = append(collisions, fmt.Errorf("in %s, the %s %q and %q", scope, f.what, other, name))
		}
		taken[place{scope, folded}] = name

		if folded != key {
			row := rekeyed{key: folded}
			for n := range id {
				row.id = append(row.id, id[n])
			}
			changed = append(changed, row)
		}
	}
	return changed, collisions, rows.Err()
}

// write gives rows their new keys. A new key may be the old one of another row that changes too, so each row first gets a key that
// no name folds to.
func (f *foldedName) write(ctx context.Context, tx *sql.Tx, changed []rekeyed) error {
	text := fmt.Sprintf(`update %s set %s = $1 where true`, f.table, f.key)
	for n, column := range f.id {
		text += fmt.Sprintf(` and %s = $%d`, column, n+2)
	}

	for n, row := range changed {
		if _, err := tx.ExecContext(ctx, text, append([]any{fmt.Sprint("\x01", n)}, row.id...)...); err != nil {
			return err
		}
	}
	for _, row := range changed {
		if _, err := tx.ExecContext(ctx, text, append([]any{row.key}, row.id...)...); err != nil {
			return err
		}
	}
	return nil
}

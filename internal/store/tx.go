package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Tx is a transaction. Its methods are grouped by the kind of row that they are about.
//
// A statement that fails ends the transaction on every engine: the statements after it fail with the same error, and Update
// commits nothing, whatever its function returns. [ErrNotFound] and [ErrText] are answers, not failures of a statement.
type Tx struct {
	c      connection
	writes bool
	failed error // of the first statement that failed

	watch   *watch // of what is read of accounts; nil when nobody watches
	suspect string // an account that was read at a lower generation than before
}

// Writes reports whether the transaction may change the database. What such a transaction reads must not be cached, because it
// may still be rolled back.
func (tx *Tx) Writes() bool { return tx.writes }

// exec runs a statement and returns the number of rows it changed.
func (tx *Tx) exec(text string, args ...any) (int64, error) {
	if err := tx.check(args); err != nil {
		return 0, err
	}
	n, err := tx.c.exec(text, args)
	return n, tx.fail(text, err)
}

// change runs a statement that must change at least one row; otherwise ErrNotFound.
func (tx *Tx) change(text string, args ...any) error {
	n, err := tx.exec(text, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// get reads one row; ErrNotFound when there is none.
func (tx *Tx) get(text string, args []any, dest ...any) error {
	found := false
	err := tx.each(text, args, func(row scanner) error {
		if found {
			return nil
		}
		found = true
		return row.Scan(dest...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// list reads every row through scan.
func list[T any](tx *Tx, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	var all []T
	err := tx.each(text, args, func(row scanner) error {
		one, err := scan(row)
		all = append(all, one)
		return err
	})
	return all, err
}

// each hands every row to read. Rows are read one statement at a time: read must not use the transaction.
func (tx *Tx) each(text string, args []any, read func(scanner) error) error {
	if err := tx.check(args); err != nil {
		if errors.Is(err, ErrText) {
			err = fmt.Errorf("%w: %w", ErrNotFound, err) // no row can hold what is asked for
		}
		return err
	}
	rows, err := tx.c.query(text, args)
	if err != nil {
		return tx.fail(text, err)
	}
	defer rows.Close()

	row := values(tx.c.buffer(len(rows.Columns())))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return tx.fail(text, err)
		}
		if err := read(row); err != nil {
			return err
		}
	}
}

// check refuses a statement after one that failed, and text that not every engine can hold.
func (tx *Tx) check(args []any) error {
	if tx.failed != nil {
		return tx.failed
	}
	for n, arg := range args {
		if text, ok := arg.(string); ok && (strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text)) {
			return fmt.Errorf("value %d of a statement: %w", n+1, ErrText)
		}
	}
	return nil
}

// fail notes that a statement failed, and names it in the error.
func (tx *Tx) fail(text string, err error) error {
	if err == nil {
		return nil
	}
	tx.failed = fmt.Errorf("%s: %w", head(text), err)
	return tx.failed
}

// head is the beginning of a statement, by which an error names it.
func head(text string) string {
	const shown = 60
	words := strings.Join(strings.Fields(text[:min(len(text), 2*shown)]), " ")
	if len(words) <= shown {
		return words
	}
	return words[:shown] + "…"
}

// driverValue returns an argument as one of the types that engines take: int64, bool, string, []byte or nil.
func driverValue(arg any) (driver.Value, error) {
	switch v := arg.(type) {
	case string, int64, bool, []byte:
		return v, nil
	case int:
		return int64(v), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(arg)
}

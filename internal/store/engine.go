package store

import (
	"context"
	"database/sql/driver"
	"errors"
)

// engine is one kind of database: it opens and lends connections. The texts of statements are the same for every engine.
type engine interface {
	// acquire lends a connection for one transaction. Its error is ErrUnavailable when the database cannot be reached, and the
	// context's when the caller no longer waits.
	acquire(ctx context.Context, writes bool) (connection, error)

	// release takes a connection back after commit or rollback.
	release(c connection, writes bool)

	// name names the database to whoever runs Touchstone. It holds no secret.
	name() string

	// file returns the path of the database's file, "" when it is not in a file of this machine.
	file() string

	close() error
}

// connection is one database connection. It serves one transaction at a time, and its errors are classified: ErrConflict,
// ErrUnavailable and *rolledBack have a meaning, every other error is a fault.
type connection interface {
	// begin starts a transaction and takes its locks. Engines may put off either until the first statement.
	begin(writes bool, lock Lock) error

	exec(text string, args []any) (changed int64, err error)
	query(text string, args []any) (driver.Rows, error)

	// commit returns nil only when the change is durable. Its error is *rolledBack only when the change was surely not made.
	commit() error
	rollback()

	// buffer returns room for a row, which is reused by the next call.
	buffer(columns int) []driver.Value
}

// scratch is the buffer of a connection.
type scratch struct{ row []driver.Value }

func (s *scratch) buffer(columns int) []driver.Value {
	if cap(s.row) < columns {
		s.row = make([]driver.Value, columns)
	}
	return s.row[:columns]
}

// rolledBack is the error of a transaction that was surely rolled back through no fault of its own, so that it may be run
// again: the engine could not serialise it, or its connection was lost before the commit was sent.
type rolledBack struct{ cause error }

func (e *rolledBack) Error() string { return "rolled back: " + e.cause.Error() }
func (e *rolledBack) Unwrap() error { return e.cause }

// mayRunAgain reports whether err says that the transaction was surely rolled back and may be run again.
func mayRunAgain(err error) bool {
	var r *rolledBack
	return errors.As(err, &r)
}

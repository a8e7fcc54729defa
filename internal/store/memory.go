package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// Memory is the path of a SQLite database that is kept in memory alone, for tests. Each store that is opened on it has a database
// of its own, which is empty at first and ends with the store.
const Memory = ":memory:"

// memories counts the databases in memory, so that each has a name of its own in SQLite.
var memories atomic.Int64

// openMemory makes a database in memory. It has no files: none is checked, locked or held at its place.
func openMemory(ctx context.Context, c Config) (_ *sqliteEngine, err error) {
	s := &sqliteEngine{path: Memory, lock: memoryLock{}}
	if s.db, err = sql.Open("sqlite", memorySource()+pragmas()); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("make %s: %w", s.name(), err), s.close())
	}
	return s, nil
}

// memorySource is where SQLite keeps a new database in memory. A name that begins with a slash is one database for all connections
// of the process (SQLite, src/memdb.c).
func memorySource() string { return fmt.Sprintf("file:/touchstone-%d?vfs=memdb&", memories.Add(1)) }

// memoryLock stands for the lock on the schema where no other process can have the database open.
type memoryLock struct{}

func (memoryLock) share() (bool, error)                           { return true, nil }
func (memoryLock) seize() (bool, error)                           { return true, nil }
func (memoryLock) exclusively(migrate func() error) (bool, error) { return true, migrate() }
func (memoryLock) holders() (holders, error)                      { return holders{}, nil }
func (memoryLock) release() error                                 { return nil }

// Package store keeps Touchstone's state in SQL, on SQLite or PostgreSQL.
//
// It knows rows, not rules: it says whether a row exists, whether a name is taken and whether a guarded change still held;
// what that means to a caller is decided by the operations. It never sees a secret in the clear: secrets arrive sealed or
// hashed.
//
// Invariants. A View sees one snapshot. An Update is serialised, by its [Lock], against every other Update that locks the same,
// in this process and in others on the same database, and is durable when it returns nil. One statement text serves every
// engine: $N placeholders, microsecond times, no engine-specific type. Text is compared by its bytes.
package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrNotFound is returned when the row that was asked for does not exist, or a guarded change no longer applied.
	ErrNotFound = errors.New("not found")

	// ErrConflict is returned when a unique name or id is already taken. The transaction can then only be rolled back.
	ErrConflict = errors.New("already exists")

	// ErrText is returned for text that is not UTF-8 or contains NUL, which not every engine can hold. No statement was run. For a
	// read it is ErrNotFound as well, because no row can hold such text.
	ErrText = errors.New("text is not UTF-8 or contains a NUL character")

	// ErrUnavailable is returned when the database cannot be reached, is overloaded, or could not run the transaction. Nothing
	// was changed, unless the error is ErrOutcomeUnknown as well.
	ErrUnavailable = errors.New("the database is not available")

	// ErrEmpty is returned for a database that holds no schema when none may be made.
	ErrEmpty = errors.New("there is no Touchstone data in it: start 'touchstone serve' on it first")

	// ErrOldSchema is returned for a database that an earlier version wrote when its schema may not be changed.
	ErrOldSchema = errors.New("it was written by an earlier version of Touchstone")

	// ErrOutcomeUnknown marks an ErrUnavailable of a commit whose answer was lost: the change may have been made or not.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// Store is one open database. It is safe for concurrent use.
type Store struct {
	engine  engine
	between atomic.Pointer[func()] // see RerunNext
	viewed  atomic.Pointer[func()] // see OnView
	watch   watch
	closing sync.Once
	closed  error // what closing it answered

	turned atomic.Pointer[func(time.Duration)] // see OnTurn
}

// Config says which database to open, and how.
type Config struct {
	// Path is the file of a SQLite database, which is created (mode 0600) when it does not exist. It may be open in other
	// processes: the command line works on it while the server runs. [Memory] is a new database in memory.
	Path string

	// URL is a PostgreSQL database, in place of Path: postgres://user@host/name?sslmode=verify-full. Its parameters are libpq's,
	// and pool_max_conns (default 20, at least 2); the password may also stand in PGPASSWORD or a PGPASSFILE.
	URL string

	// Create lets the store make the schema of an empty database, which is otherwise refused with ErrEmpty.
	Create bool

	// Migrate lets the store bring an empty or older database to this version's schema. Without it, an older one is refused with
	// ErrOldSchema.
	Migrate bool

	// Reseal, for a database in which an earlier version sealed secrets, opens them with the master key of the given fingerprint
	// and seals them for this version. It may be nil for a database without any.
	Reseal func(fingerprint string) (*Resealing, error)

	// Migrated, unless it is nil, is called after the schema was changed, with the version that it had (0: the database was empty)
	// and the one that it has.
	Migrated func(from, to int64)

	// Alone lets the store open the database only while nobody else has it open, and keeps others from it until it is closed.
	Alone bool

	// Unchecked lets the store open a SQLite database that may be damaged. Otherwise a file that was not closed, or that was copied,
	// restored or changed by something else since it was, is checked first, and refused with ErrDamaged.
	Unchecked bool

	// Checking, unless it is nil, is called with the reason before a file is checked, which can take a while.
	Checking func(why string)
}

// Open opens the SQLite database at path, creating it and applying outstanding migrations.
func Open(ctx context.Context, path string) (*Store, error) {
	return OpenConfig(ctx, Config{Path: path, Migrate: true})
}

// OpenConfig opens a database. While it is open, no other version of Touchstone can migrate it.
func OpenConfig(ctx context.Context, c Config) (*Store, error) {
	var (
		e   engine
		err error
	)
	switch {
	case c.URL != "" && c.Path != "":
		return nil, errors.New("open database: both a file and a URL were given")
	case c.URL != "":
		e, err = openPostgres(ctx, c)
	default:
		e, err = openSQLite(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	return &Store{engine: e}, nil
}

// Name names the database to whoever runs Touchstone, as part of a sentence: its kind, its name and its host, or its file. It holds
// no secret.
func (s *Store) Name() string { return s.engine.name() }

// Close waits for running transactions and closes the database. To close it again does nothing.
func (s *Store) Close() error {
	s.closing.Do(func() { s.closed = s.engine.close() })
	return s.closed
}

// View runs fn, once, in a read-only transaction that sees one snapshot of the database.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	if viewed := s.viewed.Load(); viewed != nil {
		(*viewed)()
	}
	if err := s.notPutBack(ctx); err != nil {
		return err
	}

	var suspect string
	err := s.snapshot(ctx, func(tx *Tx) error {
		err := fn(tx)
		suspect = tx.suspect
		return err
	})
	if suspect != "" {
		if err := s.confirm(ctx, suspect); err != nil {
			return err
		}
	}
	return err
}

// snapshot runs fn in a read-only transaction.
func (s *Store) snapshot(ctx context.Context, fn func(*Tx) error) error {
	c, err := s.engine.acquire(ctx, false)
	if err != nil {
		return err
	}
	defer s.engine.release(c, false)

	if err := c.begin(false, NoLock()); err != nil {
		return unavailable(err)
	}
	defer c.rollback()
	return unavailable(fn(&Tx{c: c, watch: &s.watch}))
}

// OnTurn calls fn with how long each transaction that writes waited for its turn and its locks, from now on. It is for metrics.
func (s *Store) OnTurn(fn func(waited time.Duration)) { s.turned.Store(&fn) }

// maxTries is how often a transaction that was rolled back through no fault of its own is run in all.
const maxTries = 5

// Update takes the locks, runs fn in the same write transaction, and commits it when fn returns nil; on an error nothing is
// changed. When Update returns nil the change is on disk.
//
// fn may be run several times, each time on a transaction of its own, when the one before was surely rolled back. So it must
// touch nothing but its Tx and variables that it sets anew in each run, and what it leaves in them counts only when Update
// returns nil.
//
// Update returns fn's error; ErrUnavailable when the database is gone, the locks could not be had in time, or the transaction
// was rolled back in every try; and ErrUnavailable with ErrOutcomeUnknown when the connection was lost during the commit.
func (s *Store) Update(ctx context.Context, lock Lock, fn func(*Tx) error) error {
	if err := s.notPutBack(ctx); err != nil {
		return err
	}
	if between := s.rehearsal(); between != nil {
		if err := s.rehearse(ctx, lock, fn); err != nil {
			return unavailable(err)
		}
		between()
	}

	for try := 1; ; try++ {
		err := s.attempt(ctx, lock, fn)
		if e, ok := errors.AsType[*suspicion](err); ok {
			if err := s.confirm(ctx, e.account); err != nil {
				return err
			}
		}
		if !mayRunAgain(err) || try == maxTries {
			return unavailable(err)
		}

		// Those who were in each other's way come back at different times.
		select {
		case <-time.After(rand.N(10 * time.Millisecond << try)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// attempt runs an Update once.
func (s *Store) attempt(ctx context.Context, lock Lock, fn func(*Tx) error) error {
	asked := time.Now()
	c, err := s.engine.acquire(ctx, true)
	if err != nil {
		return err
	}
	defer s.engine.release(c, true)
	committed := false
	defer func() {
		if !committed {
			c.rollback()
		}
	}()

	tx := &Tx{c: c, writes: true, watch: &s.watch}
	if err := c.begin(true, lock); err != nil {
		return err
	}
	if turned := s.turned.Load(); turned != nil {
		(*turned)(time.Since(asked))
	}
	if err := fn(tx); err != nil {
		// What fn makes of a failure must not hide that the transaction may be run again.
		if mayRunAgain(tx.failed) {
			return tx.failed
		}
		return err
	}
	if tx.failed != nil {
		return fmt.Errorf("nothing was committed, because a statement failed: %w", tx.failed)
	}
	if tx.suspect != "" {
		return &rolledBack{&suspicion{tx.suspect}}
	}
	if err := c.commit(); err != nil {
		return err
	}
	committed = true
	return nil
}

// unavailable words the error of a transaction that will not be run again.
func unavailable(err error) error {
	if mayRunAgain(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

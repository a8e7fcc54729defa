// Package store keeps Touchstone's state in SQL, through database/sql.
//
// It knows rows, not rules: it says whether a row exists, whether a name is taken and whether a guarded change still held;
// what that means to a caller is decided by the operations. It never sees a secret in the clear: secrets arrive sealed or
// hashed.
//
// Invariants. A View sees one snapshot. An Update is serialised against every other Update, in this process and in others
// on the same database, and is durable when it returns nil. One statement text serves every engine: $N placeholders,
// microsecond times, no engine-specific type.
package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is one open database. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	readers chan *connection
	writer  *connection
	writing sync.Mutex
	rerun   func() // see RerunNext; guarded by writing
}

// Open opens the SQLite database at path, creating it (mode 0600) and applying outstanding migrations.
//
// The file may be open in other processes: the command line works on it while the server runs.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "temp_store(memory)", "cache_size(-1024)",
		"foreign_keys(1)", "trusted_schema(0)",
	}}
	unlock, err := lockDirectory(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("bring database %s up to date: %w", path, err), db.Close())
	}
	s := &Store{db: db, readers: make(chan *connection, max(2, 2*runtime.GOMAXPROCS(0)))}
	if s.writer, err = connect(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for range cap(s.readers) {
		s.readers <- nil // connected at first use
	}
	return s, nil
}

// createPrivate makes the database's file before SQLite does, so that it is never readable by others.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // left alone: to close it would end the locks that SQLite has on it in this process
	}
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return f.Close()
}

// lockDirectory makes processes that start at the same time migrate one after the other.
func lockDirectory(path string) (unlock func(), err error) {
	directory, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(directory.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory: %w", err), directory.Close())
	}
	return func() { directory.Close() }, nil
}

// migrate applies the embedded, forward-only migrations that db lacks. It refuses a database of a later version.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return err
	}
	current, latest, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case current > latest:
		return fmt.Errorf("it was written by a later version of Touchstone (schema %d, this one knows %d): use that version", current, latest)
	case current == latest:
		return nil
	}
	_, err = provider.Up(ctx)
	return err
}

// Close waits for running transactions and closes the database.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for range cap(s.readers) {
		if c := <-s.readers; c != nil {
			c.close()
		}
	}
	s.writer.close()
	return s.db.Close()
}

// View runs fn in a read-only transaction that sees one snapshot of the database.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	var c *connection
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	if c == nil {
		var err error
		if c, err = connect(ctx, s.db); err != nil {
			s.readers <- nil
			return err
		}
	}
	defer func() { s.readers <- c }()
	if err := c.control("begin"); err != nil {
		return err
	}
	defer c.control("rollback") //nolint:errcheck // a read transaction has nothing to lose
	return fn(&Tx{c: c})
}

// Update runs fn in a write transaction and commits it when fn returns nil; on an error nothing is changed. fn may be run
// again after a serialisation failure, so it must touch nothing but its Tx. When Update returns nil the change is on disk.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if between := s.rerun; between != nil {
		s.rerun = nil
		if err := s.run(fn, "rollback"); err != nil {
			return err
		}
		s.writing.Unlock()
		between()
		s.writing.Lock()
	}
	return s.run(fn, "commit")
}

// run runs fn in a write transaction, which is ended as end says when fn returns nil, and rolled back otherwise.
func (s *Store) run(fn func(*Tx) error, end string) error {
	if err := s.writer.control("begin immediate"); err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended {
			s.writer.control("rollback") //nolint:errcheck // the cause is already being returned
		}
	}()
	if err := fn(&Tx{c: s.writer, writes: true}); err != nil {
		return err
	}
	if err := s.writer.control(end); err != nil {
		return err
	}
	ended = true
	return nil
}

// RerunNext makes the next Update go as after a serialisation failure: its function is run and rolled back, between is called, and
// the function is run again. It is for tests of what must not remember its first run.
func (s *Store) RerunNext(between func()) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.rerun = between
}

// Tx is a transaction. Its methods are grouped by resource, a file each.
type Tx struct {
	c      *connection
	writes bool
}

// Writes reports whether the transaction may change the database. What such a transaction reads must not be cached: it is
// nobody's until it is committed.
func (tx *Tx) Writes() bool { return tx.writes }

// connection is one database connection with its prepared statements; it serves one transaction at a time. It is taken from
// database/sql for as long as the store is open, and spoken to through the driver's own interfaces: a warm request makes three
// statements of a few microseconds, and database/sql's bookkeeping for each would cost as much again.
type connection struct {
	conn       *sql.Conn
	driver     driver.Conn
	statements map[string]driver.Stmt
	row        []driver.Value // the row being read
}

func connect(ctx context.Context, db *sql.DB) (*connection, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to database: %w", err)
	}
	c := &connection{conn: conn, statements: make(map[string]driver.Stmt)}
	err = conn.Raw(func(dc any) error {
		c.driver = dc.(driver.Conn)
		return nil
	})
	return c, err
}

func (c *connection) close() {
	for _, s := range c.statements {
		s.Close()
	}
	c.conn.Close()
}

// prepare returns the prepared form of text. Texts are constants, so their number is bounded by the source.
func (c *connection) prepare(text string) (driver.Stmt, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	s, err := c.driver.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("prepare %.40q: %w", text, err)
	}
	c.statements[text] = s
	return s, nil
}

func (c *connection) control(text string) error {
	if _, err := c.exec(text, nil); err != nil {
		return fmt.Errorf("%s transaction: %w", text, err)
	}
	return nil
}

func (c *connection) exec(text string, args []any) (driver.Result, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	values, err := arguments(args)
	if err != nil {
		return nil, err
	}
	return s.(driver.StmtExecContext).ExecContext(context.Background(), values)
}

func (c *connection) query(text string, args []any) (driver.Rows, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	values, err := arguments(args)
	if err != nil {
		return nil, err
	}
	return s.(driver.StmtQueryContext).QueryContext(context.Background(), values)
}

// arguments are a statement's arguments in the driver's types.
func arguments(args []any) ([]driver.NamedValue, error) {
	if len(args) == 0 {
		return nil, nil
	}
	values := make([]driver.NamedValue, len(args))
	for n, arg := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", n+1, err)
		}
		values[n] = driver.NamedValue{Ordinal: n + 1, Value: v}
	}
	return values, nil
}

var (
	// ErrNotFound is returned when the row that was asked for does not exist, or a guarded change no longer applied.
	ErrNotFound = errors.New("not found")
	// ErrConflict is returned when a unique name or id is already taken.
	ErrConflict = errors.New("already exists")
)

// SQLite's extended result codes for a violated unique index and primary key.
const (
	sqliteConstraintPrimaryKey = 1555
	sqliteConstraintUnique     = 2067
)

// classify turns an engine's error into one of the store's where it has a meaning to callers.
func classify(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && (e.Code() == sqliteConstraintUnique || e.Code() == sqliteConstraintPrimaryKey) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// exec runs a statement and returns the number of rows it changed.
func (tx *Tx) exec(text string, args ...any) (int64, error) {
	r, err := tx.c.exec(text, args)
	if err != nil {
		return 0, classify(err)
	}
	return r.RowsAffected()
}

// change runs a statement that must change at least one row; otherwise ErrNotFound.
func (tx *Tx) change(text string, args ...any) error {
	n, err := tx.exec(text, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// scanner is a row being read.
type scanner interface{ Scan(dest ...any) error }

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
	rows, err := tx.c.query(text, args)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	columns := len(rows.Columns())
	if cap(tx.c.row) < columns {
		tx.c.row = make([]driver.Value, columns)
	}
	row := values(tx.c.row[:columns])
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return classify(err)
		}
		if err := read(row); err != nil {
			return err
		}
	}
}

// values is a row as the driver gives it.
type values []driver.Value

// Scan implements scanner, for the types that the store's rows have.
func (row values) Scan(dest ...any) error {
	if len(dest) != len(row) {
		return fmt.Errorf("scan %d columns into %d variables", len(row), len(dest))
	}
	for n, v := range row {
		if err := assign(dest[n], v); err != nil {
			return fmt.Errorf("scan column %d: %w", n+1, err)
		}
	}
	return nil
}

// assign stores a driver's value in the variable that dest points to.
func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case instant:
		return d.Scan(v)
	case *string:
		return assignText(d, v)
	case *Kind:
		return assignText((*string)(d), v)
	case *Stage:
		return assignText((*string)(d), v)
	case *[]byte:
		b, ok := v.([]byte)
		if !ok {
			return fmt.Errorf("bytes column holds %T", v)
		}
		*d = bytes.Clone(b)
		return nil
	case *bool:
		switch v := v.(type) {
		case bool:
			*d = v
		case int64:
			*d = v != 0
		default:
			return fmt.Errorf("boolean column holds %T", v)
		}
		return nil
	}
	number, ok := v.(int64)
	if !ok {
		return fmt.Errorf("%T cannot hold %T", dest, v)
	}
	switch d := dest.(type) {
	case *int64:
		*d = number
	case *int:
		*d = int(number)
	case *uint32:
		*d = uint32(number)
	default:
		return fmt.Errorf("no column is read into %T", dest)
	}
	return nil
}

func assignText(d *string, v driver.Value) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("text column holds %T", v)
	}
	*d = text
	return nil
}

// micros is a time as the store keeps it; the zero time, "never", is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// TimeOf is the time that a number of microseconds since 1970 stands for; 0 is never.
func TimeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// instant scans a stored time into the time.Time it points to.
type instant struct{ t *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	us, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time column holds %T", v)
	}
	*i.t = TimeOf(us)
	return nil
}

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// sqliteEngine is a SQLite database: several readers, each of its own snapshot, and one writer.
type sqliteEngine struct {
	path    string // or Memory
	db      *sql.DB
	lock    processLock
	readers chan *sqliteConnection
	writer  *sqliteConnection
	writing sync.Mutex

	// turns keeps readers and the writer of a database in memory apart. SQLite has no write-ahead log there, so that a reader would be
	// told that the database is busy.
	turns sync.RWMutex

	files  []heldFile            // at the places where they must stay; none of a database in memory
	damage atomic.Pointer[error] // once damage was found
}

// processLock is the lock on the schema of a SQLite database, which processes that have it open share.
type processLock interface {
	share() (taken bool, err error)
	seize() (taken bool, err error)
	exclusively(migrate func() error) (taken bool, err error)
	holders() (holders, error)
	release() error
}

// openSQLite opens the SQLite database at path, creating it (mode 0600) when it may be migrated.
func openSQLite(ctx context.Context, c Config) (_ *sqliteEngine, err error) {
	if c.Path == Memory {
		return openMemory(ctx, c)
	}
	if err := createPrivate(c.Path); err != nil {
		return nil, err
	}
	opened, err := openInTurn(filepath.Dir(c.Path))
	if err != nil {
		return nil, err
	}
	defer opened()
	lock := newDirectoryLock(filepath.Dir(c.Path))
	s := &sqliteEngine{path: c.Path, lock: lock}
	how, err := s.howLeft(lock)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", c.Path, err)
	}
	defer func() {
		if err != nil {
			opened()
			err = errors.Join(fmt.Errorf("open database %s: %w", c.Path, WithAdvice(err, c.Path)), s.close())
		}
	}()

	if s.db, err = sql.Open("sqlite", fileURL(c.Path)+"?mode=rw&"+pragmas()); err != nil {
		return nil, err
	}
	if !c.Unchecked {
		if err := s.checkLeft(ctx, how, c.Checking); err != nil {
			return nil, err
		}
	}
	if err := s.begin(ctx, c); err != nil {
		return nil, err
	}
	return s, s.holdFiles()
}

// pragmas are the settings of each connection, as a part of the URL by which the database is opened.
func pragmas() string {
	return url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "temp_store(memory)", "cache_size(-1024)",
		"foreign_keys(1)", "trusted_schema(0)",
	}}.Encode()
}

// begin brings the schema of the opened database to what it must be, and makes the connections.
func (s *sqliteEngine) begin(ctx context.Context, c Config) (err error) {
	if err := agree(ctx, &sqliteSchema{s}, c); err != nil {
		return s.classify(err)
	}
	if s.writer, err = s.connect(ctx); err != nil {
		return s.classify(err)
	}

	s.readers = make(chan *sqliteConnection, max(2, 2*runtime.GOMAXPROCS(0)))
	for range cap(s.readers) {
		s.readers <- nil // connected at first use
	}
	return nil
}

func (s *sqliteEngine) file() string { return s.path }

func (s *sqliteEngine) name() string {
	if s.path == Memory {
		return "a SQLite database in memory"
	}
	return "the SQLite database " + s.path
}

// createPrivate makes the database's file before SQLite does, so that it is never readable by others.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", WithAdvice(err, path))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // left alone: to close it would end the locks that SQLite has on it in this process
	}
	if err != nil {
		return fmt.Errorf("create database: %w", WithAdvice(err, path))
	}
	return f.Close()
}

func (s *sqliteEngine) acquire(ctx context.Context, writes bool) (connection, error) {
	if damage := s.damage.Load(); damage != nil {
		return nil, *damage
	}
	if writes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.writing.Lock()
		if s.path == Memory {
			s.turns.Lock()
		}
		return s.writer, nil
	}

	var c *sqliteConnection
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c == nil {
		var err error
		if c, err = s.connect(ctx); err != nil {
			s.readers <- nil
			return nil, err
		}
	}
	if s.path == Memory {
		s.turns.RLock()
	}
	return c, nil
}

func (s *sqliteEngine) release(c connection, writes bool) {
	if writes {
		if s.path == Memory {
			s.turns.Unlock()
		}
		s.writing.Unlock()
		return
	}
	if s.path == Memory {
		s.turns.RUnlock()
	}
	s.readers <- c.(*sqliteConnection)
}

// close waits for running transactions and closes the database.
func (s *sqliteEngine) close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for range cap(s.readers) {
		if c := <-s.readers; c != nil {
			c.close()
		}
	}
	if s.writer != nil {
		s.writer.close()
	}
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	err = errors.Join(err, s.lock.release())
	s.markClosed()
	return err
}

// sqliteConnection is one connection with its prepared statements. It is taken from database/sql for as long as the store is
// open, and spoken to through the driver's own interfaces: a warm request makes three statements of a few microseconds, and
// database/sql's bookkeeping for each would cost as much again.
type sqliteConnection struct {
	scratch
	engine     *sqliteEngine
	rows       sqliteRows // of the statement being read
	conn       *sql.Conn
	driver     driver.Conn
	statements map[string]driver.Stmt
}

// connect makes a connection. It must not be one to another file than the others have.
func (s *sqliteEngine) connect(ctx context.Context) (*sqliteConnection, error) {
	if err := s.inPlace(); err != nil {
		return nil, err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to database: %w", s.classify(err))
	}
	c := &sqliteConnection{engine: s, conn: conn, statements: make(map[string]driver.Stmt)}
	err = conn.Raw(func(dc any) error {
		c.driver = dc.(driver.Conn)
		return nil
	})
	return c, err
}

func (c *sqliteConnection) close() {
	for _, s := range c.statements {
		s.Close()
	}
	c.conn.Close()
}

func (c *sqliteConnection) begin(writes bool, lock Lock) error {
	if !writes {
		return c.control("begin")
	}
	if err := c.control("begin immediate"); err != nil {
		return err
	}

	// There is no other writer now, so that only generations are left to raise.
	for _, row := range lock.ordered() {
		if row.kind != lockRaise {
			continue
		}
		if _, err := c.exec(raiseGeneration, []any{row.account}); err != nil {
			return fmt.Errorf("raise generation: %w", err)
		}
	}
	return nil
}

// commit commits, unless the database's files are no longer at their places: what went into the old ones would be lost at the
// next start.
func (c *sqliteConnection) commit() error {
	if err := c.engine.inPlace(); err != nil {
		return err
	}
	return c.control("commit")
}

func (c *sqliteConnection) rollback() {
	c.control("rollback") //nolint:errcheck // the cause is being returned already, and a read transaction has nothing to lose
}

func (c *sqliteConnection) control(text string) error {
	if _, err := c.exec(text, nil); err != nil {
		return fmt.Errorf("%s transaction: %w", text, err)
	}
	return nil
}

// prepare returns the prepared form of text. Texts are constants, so their number is bounded by the source.
func (c *sqliteConnection) prepare(text string) (driver.Stmt, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	s, err := c.driver.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", c.engine.classify(err))
	}
	c.statements[text] = s
	return s, nil
}

func (c *sqliteConnection) exec(text string, args []any) (int64, error) {
	s, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	values, err := namedValues(args)
	if err != nil {
		return 0, err
	}
	r, err := s.(driver.StmtExecContext).ExecContext(context.Background(), values)
	if err != nil {
		return 0, c.engine.classify(err)
	}
	return r.RowsAffected()
}

func (c *sqliteConnection) query(text string, args []any) (driver.Rows, error) {
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	values, err := namedValues(args)
	if err != nil {
		return nil, err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), values)
	if err != nil {
		return nil, c.engine.classify(err)
	}
	c.rows = sqliteRows{rows, c.engine}
	return &c.rows, nil
}

// namedValues are a statement's arguments in the driver's types.
func namedValues(args []any) ([]driver.NamedValue, error) {
	if len(args) == 0 {
		return nil, nil
	}
	values := make([]driver.NamedValue, len(args))
	for n, arg := range args {
		v, err := driverValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", n+1, err)
		}
		values[n] = driver.NamedValue{Ordinal: n + 1, Value: v}
	}
	return values, nil
}

// SQLite's result codes (https://www.sqlite.org/rescode.html): the low byte of an extended code is the primary one.
const (
	sqliteBusy                 = 5
	sqliteConstraintPrimaryKey = 1555
	sqliteConstraintUnique     = 2067
)

// classifySQLite gives an error one of the store's meanings where it has one.
func classifySQLite(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch code := e.Code(); {
	case code == sqliteConstraintUnique, code == sqliteConstraintPrimaryKey:
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case code&0xff == sqliteBusy: // another process has been writing for as long as busy_timeout
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// sqliteSchema is the schema of a SQLite database, as agree sees it.
type sqliteSchema struct{ *sqliteEngine }

func (s *sqliteSchema) versions(ctx context.Context) (current, latest int64, err error) {
	p, err := s.provider()
	if err != nil {
		return 0, 0, err
	}
	return p.GetVersions(ctx)
}

func (s *sqliteSchema) share(context.Context) (bool, error) { return s.lock.share() }

func (s *sqliteSchema) seize(context.Context) (bool, error) { return s.lock.seize() }

func (s *sqliteSchema) exclusively(ctx context.Context, migrate func() error) (bool, error) {
	return s.lock.exclusively(migrate)
}

func (s *sqliteSchema) up(ctx context.Context) error {
	p, err := s.provider()
	if err != nil {
		return err
	}
	current, _, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > 0 {
		if err := s.backUp(ctx, fmt.Sprintf("%s.schema-%d", s.path, current)); err != nil {
			return fmt.Errorf("nothing was migrated, because the database could not be copied first: %w", err)
		}
	}

	_, err = p.Up(ctx)
	return err
}

// backUp copies the database to a file, in place of an earlier copy of that name. The file has the name only when the copy was
// checked and is on disk.
func (s *sqliteSchema) backUp(ctx context.Context, path string) error {
	unfinished := path + ".unfinished"
	if err := removeDatabase(unfinished); err != nil {
		return err
	}
	if _, err := s.snapshot(ctx, unfinished, nil); err != nil {
		return errors.Join(err, removeDatabase(unfinished))
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	return SyncToDisk(filepath.Dir(path))
}

func (s *sqliteSchema) holders(context.Context) (holders, error) { return s.lock.holders() }

func (s *sqliteSchema) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, s.db, files)
}

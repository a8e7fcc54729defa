package store

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// How long a PostgreSQL connection waits before a request is answered that the database is not available. Each limit of the
// server's stands in the session too, so that neither side waits for the other.
const (
	connectTimeout   = 5 * time.Second  // unless the URL says another
	acquireTimeout   = 5 * time.Second  // for a connection of the pool to become free
	lockTimeout      = 5 * time.Second  // for a row that another transaction has locked
	statementTimeout = 10 * time.Second // for one statement
	idleTimeout      = 10 * time.Second // between the statements of a transaction
	answerTimeout    = 15 * time.Second // for the server to answer at all
)

// failurePause is for how long nobody else tries to connect after an attempt that failed.
const failurePause = 100 * time.Millisecond

// postgres is a PostgreSQL database with a pool of connections: some for reading and some for writing, so that a View can never
// keep the Update that it waits for from getting a connection.
type postgres struct {
	settings *pgSettings
	latest   int64 // the schema's version that every connection must find
	readers  *pgPool
	writers  *pgPool
	alone    *pgconn.PgConn // that holds the schema's lock alone, if this store does; the others then take no share of it

	// epoch is raised when a connection is found lost: the idle ones of earlier epochs are probably lost too, and are not used.
	epoch atomic.Int64

	mu       sync.Mutex
	failedAt time.Time // of the last attempt to connect, when it failed
	failure  error
}

// openPostgres opens the PostgreSQL database that the URL names.
func openPostgres(ctx context.Context, c Config) (_ *postgres, err error) {
	settings, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open database %s: %w", settings.name(), settings.explain(err))
		}
	}()
	if c.Alone {
		withoutLimits(settings.config) // nobody waits for what is done then
	}
	p := &postgres{settings: settings}

	schema, err := newPGSchema(ctx, p)
	if err != nil {
		return nil, err
	}
	defer schema.close()
	if err := agree(ctx, schema, c); err != nil {
		schema.first.close()
		p.alone = nil
		return nil, err
	}

	p.writers = newPGPool(settings.connections / 2)
	p.readers = newPGPool(settings.connections - settings.connections/2)
	p.writers.idle = append(p.writers.idle, schema.first)
	return p, nil
}

func (p *postgres) file() string { return "" }

func (p *postgres) name() string { return "the PostgreSQL database " + p.settings.name() }

// pgPool holds idle connections. The one that was used last is lent first, because its server process is warm.
type pgPool struct {
	places chan struct{} // one for each connection that may be lent
	mu     sync.Mutex
	idle   []*pgConnection
}

func newPGPool(size int) *pgPool {
	p := &pgPool{places: make(chan struct{}, size)}
	for range size {
		p.places <- struct{}{}
	}
	return p
}

// take returns an idle connection, or nil when there is none.
func (p *pgPool) take() *pgConnection {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

// put takes back a place and its connection, which is nil when it was lost.
func (p *pgPool) put(c *pgConnection) {
	if c != nil {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	p.places <- struct{}{}
}

func (p *postgres) pool(writes bool) *pgPool {
	if writes {
		return p.writers
	}
	return p.readers
}

func (p *postgres) acquire(ctx context.Context, writes bool) (connection, error) {
	if writes && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	pool := p.pool(writes)
	select {
	case <-pool.places:
	default:
		wait := time.NewTimer(acquireTimeout)
		defer wait.Stop()
		select {
		case <-pool.places:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-wait.C:
			return nil, fmt.Errorf("%w: all of its %d connections are in use", ErrUnavailable, cap(pool.places))
		}
	}

	c := pool.take()
	if c != nil && c.epoch != p.epoch.Load() {
		c.close()
		c = nil
	}
	if c == nil {
		var err error
		if c, err = p.connect(ctx); err != nil {
			pool.put(nil)
			return nil, err
		}
	}
	return c, nil
}

func (p *postgres) release(c connection, writes bool) {
	one := c.(*pgConnection)
	if one.conn.IsClosed() {
		one = nil
	}
	p.pool(writes).put(one)
}

// close waits for running transactions and closes the connections.
func (p *postgres) close() error {
	for _, pool := range []*pgPool{p.writers, p.readers} {
		for range cap(pool.places) {
			<-pool.places
		}
		for c := pool.take(); c != nil; c = pool.take() {
			c.close()
		}
	}
	if p.alone != nil {
		p.alone.Close(context.Background()) //nolint:errcheck // the server ends what it holds either way
	}
	return nil
}

// pgConnection is one connection with its prepared statements.
//
// The begin of a transaction and its locks are sent together with the first statement, in one round trip; the server runs them in
// order, so that nothing is read before its lock. Values travel in PostgreSQL's binary form.
type pgConnection struct {
	scratch
	engine     *postgres
	conn       *pgconn.PgConn
	epoch      int64
	statements map[string]*pgStatement
	rows       pgRows // of the statement being read

	writes bool
	lock   Lock
	begun  bool // the server has begun the transaction
}

// pgStatement is a prepared statement.
type pgStatement struct {
	*pgconn.StatementDescription
	columns []string
}

const (
	pgBeginView   = `begin isolation level repeatable read read only`
	pgBeginUpdate = `begin isolation level read committed read write`
	pgCommit      = `commit`
	pgRollback    = `rollback`
)

// connect makes a connection that is ready for transactions: of a server that is good for it, with a share of the schema's lock,
// on the schema that this program knows.
func (p *postgres) connect(ctx context.Context) (*pgConnection, error) {
	p.mu.Lock()
	failedAt, failure := p.failedAt, p.failure
	p.mu.Unlock()
	if time.Since(failedAt) < failurePause {
		return nil, failure
	}

	waiting := ctx
	ctx, cancel := context.WithTimeout(ctx, p.settings.timeout)
	defer cancel()
	c := &pgConnection{engine: p, epoch: p.epoch.Load(), statements: make(map[string]*pgStatement)}
	err := c.dial(ctx)
	if err != nil && waiting.Err() != nil {
		return nil, waiting.Err() // which says nothing about the database
	}
	if err != nil && !errors.Is(err, errMigrating) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, p.settings.explain(err))
		p.mu.Lock()
		p.failedAt, p.failure = time.Now(), err
		p.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// errMigrating is returned by connect while another process changes the schema.
var errMigrating = fmt.Errorf("%w: its schema is being changed", ErrUnavailable)

func (c *pgConnection) dial(ctx context.Context) (err error) {
	if c.conn, err = pgconn.ConnectConfig(ctx, &c.engine.settings.config.Config); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()

	// The second statement has a snapshot of its own, from when the share was taken.
	share := `pg_try_advisory_lock_shared(` + schemaLock + `)`
	if c.engine.alone != nil {
		share = `true`
	}
	answers, err := c.conn.Exec(ctx, `select `+share+`; `+pgSchemaVersion).ReadAll()
	if err != nil {
		return err
	}
	if string(answers[0].Rows[0][0]) != "t" {
		return errMigrating
	}
	if version := string(answers[1].Rows[0][0]); version != strconv.FormatInt(c.engine.latest, 10) {
		return fmt.Errorf("its schema is of version %s by now, and this Touchstone knows %d: use the version that it was changed by",
			version, c.engine.latest)
	}

	for _, text := range []string{pgBeginView, pgBeginUpdate, pgCommit, pgRollback} {
		if _, err := c.prepare(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// close ends the connection without waiting for long.
func (c *pgConnection) close() {
	if c == nil || c.conn == nil || c.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c.conn.Close(ctx) //nolint:errcheck // the server ends what it holds either way
}

func (c *pgConnection) begin(writes bool, lock Lock) error {
	c.writes, c.lock, c.begun = writes, lock, false
	return nil // sent with the first statement
}

// prepare returns the prepared form of text. Texts are constants, so their number is bounded by the source.
func (c *pgConnection) prepare(ctx context.Context, text string) (*pgStatement, error) {
	if s, ok := c.statements[text]; ok {
		return s, nil
	}
	d, err := c.conn.Prepare(ctx, "s"+strconv.Itoa(len(c.statements)), text, nil)
	if err != nil {
		return nil, err
	}
	s := &pgStatement{StatementDescription: d, columns: make([]string, len(d.Fields))}
	for n, f := range d.Fields {
		s.columns[n] = f.Name
	}
	c.statements[text] = s
	return s, nil
}

func (c *pgConnection) exec(text string, args []any) (int64, error) {
	rows, err := c.run(text, args)
	if err != nil {
		return 0, err
	}
	err = rows.Close()
	return rows.tag.RowsAffected(), err
}

func (c *pgConnection) query(text string, args []any) (driver.Rows, error) {
	rows, err := c.run(text, args)
	if err != nil {
		return nil, err // not a nil *pgRows in an interface
	}
	return rows, nil
}

// run runs a statement. A View whose connection turns out to be lost before it has read anything continues on a new one.
func (c *pgConnection) run(text string, args []any) (*pgRows, error) {
	rows, err := c.send(text, args)
	if err != nil && !c.writes && !c.begun && c.conn.IsClosed() {
		c.engine.epoch.Add(1)
		fresh, connectErr := c.engine.connect(context.Background())
		if connectErr != nil {
			return nil, connectErr
		}
		c.conn, c.epoch, c.statements = fresh.conn, fresh.epoch, fresh.statements
		rows, err = c.send(text, args)
	}
	return rows, c.classify(err)
}

// send sends a statement, behind the begin and the locks when it is the first of its transaction.
func (c *pgConnection) send(text string, args []any) (*pgRows, error) {
	ctx := context.Background() // the server's and the connection's own limits hold
	s, err := c.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	values, err := s.encode(args)
	if err != nil {
		return nil, err
	}
	c.rows = pgRows{c: c, statement: s}
	if c.begun {
		c.rows.reader = c.conn.ExecStatement(ctx, s.StatementDescription, values, binaryFormat, binaryFormat)
		return &c.rows, nil
	}

	var batch pgconn.Batch
	before, err := c.beginning(ctx, &batch)
	if err != nil {
		return nil, err
	}
	batch.ExecStatement(s.StatementDescription, values, binaryFormat, binaryFormat)
	all := c.conn.ExecBatch(ctx, &batch)
	for range before {
		if !all.NextResult() {
			return nil, failureOf(all)
		}
		if _, err := all.ResultReader().Close(); err != nil {
			all.Close() //nolint:errcheck // the cause is being returned
			return nil, err
		}
		c.begun = true
	}
	if !all.NextResult() {
		return nil, failureOf(all)
	}
	c.rows.reader, c.rows.batch = all.ResultReader(), all
	return &c.rows, nil
}

// failureOf returns why a batch has no further result.
func failureOf(batch *pgconn.MultiResultReader) error {
	if err := batch.Close(); err != nil {
		return err
	}
	return errors.New("the server left a statement unanswered")
}

// beginning adds the begin of the transaction and its locks to the batch, and returns how many statements these are.
func (c *pgConnection) beginning(ctx context.Context, batch *pgconn.Batch) (statements int, err error) {
	add := func(text string, args ...any) {
		if err != nil {
			return
		}
		var s *pgStatement
		if s, err = c.prepare(ctx, text); err != nil {
			return
		}
		var values [][]byte
		if values, err = s.encode(args); err != nil {
			return
		}
		batch.ExecStatement(s.StatementDescription, values, binaryFormat, binaryFormat)
		statements++
	}

	if !c.writes {
		add(pgBeginView)
		return statements, err
	}
	add(pgBeginUpdate)
	for _, row := range c.lock.ordered() {
		switch row.kind {
		case lockInstallation:
			add(`select pg_advisory_xact_lock(` + installationLock + `)`)
		case lockAccountShare:
			add(`select 1 from account where account_id = $1 for share`, row.account)
		case lockAccount:
			add(`select 1 from account where account_id = $1 for update`, row.account)
		case lockRaise:
			add(raiseGeneration, row.account)
		case lockPrincipal:
			add(`select 1 from principal where account_id = $1 and principal_id = $2 for update`, row.account, row.key)
		case lockSession:
			add(`select 1 from console_session where account_id = $1 and session_id = $2 for update`, row.account, row.key)
		case lockCeremony:
			add(`select 1 from ceremony where account_id = $1 and ceremony_hash = $2 for update`, row.account, []byte(row.key))
		case lockThrottle:
			// A slot that was never written has no row to lock.
			add(`insert into throttle (slot, failures, last_at) values ($1, 0, 0) on conflict (slot) do nothing`, row.slot)
			add(`select 1 from throttle where slot = $1 for update`, row.slot)
		}
	}
	return statements, err
}

func (c *pgConnection) commit() error {
	if !c.begun {
		// The function made no statement. What it locked and raised comes before the commit, so that a connection that is found
		// lost by it can still be told from one that was lost during the commit.
		if _, err := c.exec(`select 1`, nil); err != nil {
			return err
		}
	}

	rows, err := c.send(pgCommit, nil)
	if err == nil {
		_, err = rows.finish()
	}

	switch {
	case err == nil && rows.tag.String() != "COMMIT": // the server's answer to a commit of what had failed
		return fmt.Errorf("the server rolled the transaction back: %s", rows.tag)
	case err == nil:
		return nil
	case c.conn.IsClosed() && !pgconn.SafeToRetry(err):
		c.engine.epoch.Add(1)
		return fmt.Errorf("%w: %w: the connection was lost during the commit: %w", ErrUnavailable, ErrOutcomeUnknown, err)
	}
	return c.classify(err)
}

func (c *pgConnection) rollback() {
	if !c.begun || c.conn.IsClosed() {
		return // the server has nothing, or has taken it back
	}
	rows, err := c.send(pgRollback, nil)
	if err == nil {
		_, err = rows.finish()
	}
	if err != nil {
		c.close() // it is in no known state
	}
}

// classify gives an error one of the store's meanings where it has one.
func (c *pgConnection) classify(err error) error {
	if err == nil {
		return nil
	}
	if c.conn.IsClosed() {
		c.engine.epoch.Add(1)
		return &rolledBack{fmt.Errorf("the connection to the database was lost: %w", err)}
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return err
	}

	// PostgreSQL, appendix A, "PostgreSQL Error Codes".
	switch pe.Code {
	case "23505": // unique_violation
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return &rolledBack{err}
	case "55P03", "57014": // lock_not_available, query_canceled: our own limits
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case "25006": // read_only_sql_transaction: the server has become a standby
		c.engine.epoch.Add(1)
		c.close()
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch pe.Code[:min(len(pe.Code), 2)] {
	case "08", "53", "57", "58": // connection exceptions, insufficient resources, intervention of an operator, system errors
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// pgRows reads the rows of a statement. Only one of a connection's is in use at a time.
type pgRows struct {
	c         *pgConnection
	statement *pgStatement
	reader    *pgconn.ResultReader
	batch     *pgconn.MultiResultReader // that the reader belongs to, if any
	tag       pgconn.CommandTag
	finished  bool
	err       error
}

// Columns implements driver.Rows.
func (r *pgRows) Columns() []string { return r.statement.columns }

// Next implements driver.Rows.
func (r *pgRows) Next(dest []driver.Value) error {
	if !r.reader.NextRow() {
		if err := r.Close(); err != nil {
			return err
		}
		return io.EOF
	}
	for n, raw := range r.reader.Values() {
		v, err := decode(r.statement.Fields[n].DataTypeOID, raw)
		if err != nil {
			return fmt.Errorf("column %s: %w", r.statement.columns[n], err)
		}
		dest[n] = v
	}
	return nil
}

// Close implements driver.Rows. It reads what is left.
func (r *pgRows) Close() error {
	_, err := r.finish()
	return r.c.classify(err)
}

// finish reads what is left, and returns the server's own error.
func (r *pgRows) finish() (pgconn.CommandTag, error) {
	if r.finished {
		return r.tag, r.err
	}
	r.finished = true
	r.tag, r.err = r.reader.Close()
	if r.batch != nil {
		if err := r.batch.Close(); r.err == nil {
			r.err = err
		}
	}
	return r.tag, r.err
}

// binaryFormat says that all values are in binary form.
var binaryFormat = []int16{1}

// encode returns the arguments in the binary form of the types that the server expects.
func (s *pgStatement) encode(args []any) ([][]byte, error) {
	if len(args) != len(s.ParamOIDs) {
		return nil, fmt.Errorf("%d arguments for a statement that takes %d", len(args), len(s.ParamOIDs))
	}
	if len(args) == 0 {
		return nil, nil
	}
	values := make([][]byte, len(args))
	for n, arg := range args {
		v, err := driverValue(arg)
		if err == nil {
			values[n], err = encode(s.ParamOIDs[n], v)
		}
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", n+1, err)
		}
	}
	return values, nil
}

func encode(oid uint32, v driver.Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if oid == pgtype.TextOID || oid == pgtype.VarcharOID {
			return []byte(v), nil // also when it is empty: nil would be null
		}
	case []byte:
		if oid == pgtype.ByteaOID {
			if v == nil {
				v = []byte{}
			}
			return v, nil
		}
	case bool:
		if oid == pgtype.BoolOID {
			if v {
				return []byte{1}, nil
			}
			return []byte{0}, nil
		}
	case int64:
		switch oid {
		case pgtype.Int8OID:
			return binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(v)), nil
		case pgtype.Int4OID:
			if int64(int32(v)) == v {
				return binary.BigEndian.AppendUint32(make([]byte, 0, 4), uint32(v)), nil
			}
			return nil, fmt.Errorf("%d is out of the range of an integer", v)
		}
	}

	return nil, fmt.Errorf("%T cannot be sent as type %d", v, oid)
}

// decode reads a value from the binary form of its type.
func decode(oid uint32, raw []byte) (driver.Value, error) {
	if raw == nil {
		return nil, nil
	}
	switch {
	case oid == pgtype.TextOID || oid == pgtype.VarcharOID || oid == pgtype.NameOID:
		return string(raw), nil
	case oid == pgtype.ByteaOID:
		return raw, nil // good until the next row, like SQLite's; assign copies it
	case oid == pgtype.BoolOID && len(raw) == 1:
		return raw[0] != 0, nil
	case oid == pgtype.Int8OID && len(raw) == 8:
		return int64(binary.BigEndian.Uint64(raw)), nil
	case oid == pgtype.Int4OID && len(raw) == 4:
		return int64(int32(binary.BigEndian.Uint32(raw))), nil
	}
	return nil, fmt.Errorf("%d bytes of type %d are not read", len(raw), oid)
}

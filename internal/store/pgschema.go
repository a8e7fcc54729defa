package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// The keys of advisory locks: what is locked, and the schema that it is in, since a database may hold several installations.
const (
	thisSchema       = `(select oid::int4 from pg_namespace where nspname = current_schema())`
	schemaLock       = `1414485315, ` + thisSchema
	installationLock = `1414485316, ` + thisSchema
)

const pgSchemaVersion = `select coalesce(max(version_id), 0) from goose_db_version`

// pgSchema is the schema of a PostgreSQL database, as agree sees it, on a connection of its own.
//
// The lock is an advisory lock of the session, which each of the store's connections shares. A pooler that gives a session's
// transactions different sessions of the server would break it, and is not supported.
type pgSchema struct {
	*postgres
	config *pgx.ConnConfig
	conn   *pgconn.PgConn
	first  *pgConnection // made by share
}

func newPGSchema(ctx context.Context, p *postgres) (*pgSchema, error) {
	p.latest = latestMigration()
	s := &pgSchema{postgres: p, config: p.settings.config.Copy()}
	withoutLimits(s.config) // a migration may take its time

	var err error
	connecting, cancel := context.WithTimeout(ctx, p.settings.timeout)
	defer cancel()
	if s.conn, err = pgconn.ConnectConfig(connecting, &s.config.Config); err != nil {
		return nil, err
	}
	if err := s.check(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// withoutLimits lets the connections that are made with a configuration take as long as they need.
func withoutLimits(c *pgx.ConnConfig) {
	c.DialFunc = (&net.Dialer{}).DialContext
	c.RuntimeParams["statement_timeout"] = "0"
	c.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
}

// check refuses what only a query tells of a server.
func (s *pgSchema) check(ctx context.Context) error {
	schema, err := s.ask(ctx, `select coalesce(current_schema(), '')`)
	if err != nil {
		return err
	}
	if schema == "" {
		return refusef("its search_path names no schema that exists")
	}

	// The server gives each client the number of its process when it connects. A pooler gives a number of its own making, because
	// a client of it has no process that is its own.
	process, err := s.ask(ctx, `select pg_backend_pid()`)
	if err != nil {
		return err
	}
	if process != strconv.FormatUint(uint64(s.conn.PID()), 10) {
		return refusef(behindPooler)
	}
	return nil
}

// close ends the connection, unless it holds the lock for as long as the database is open.
func (s *pgSchema) close() {
	if s.conn == s.alone {
		return
	}
	s.conn.Close(context.Background()) //nolint:errcheck // nothing is under way
}

// ask runs a query that answers with one value.
func (s *pgSchema) ask(ctx context.Context, query string) (string, error) {
	answers, err := s.conn.Exec(ctx, query).ReadAll()
	if err != nil {
		return "", err
	}
	return string(answers[0].Rows[0][0]), nil
}

func (s *pgSchema) versions(ctx context.Context) (current, latest int64, err error) {
	exists, err := s.ask(ctx, `select count(*) from pg_tables where schemaname = current_schema() and tablename = 'goose_db_version'`)
	if err != nil || exists == "0" {
		return 0, s.latest, err
	}
	text, err := s.ask(ctx, pgSchemaVersion)
	if err != nil {
		return 0, 0, err
	}
	current, err = strconv.ParseInt(text, 10, 64)
	return current, s.latest, err
}

func (s *pgSchema) share(ctx context.Context) (taken bool, err error) {
	s.first.close() // of a share that came too early
	s.first, err = s.connect(ctx)
	if errors.Is(err, errMigrating) {
		return false, nil
	}
	return err == nil, err
}

func (s *pgSchema) seize(ctx context.Context) (taken bool, err error) {
	locked, err := s.ask(ctx, `select pg_try_advisory_lock(`+schemaLock+`)`)
	if err != nil || locked != "t" {
		return false, err
	}
	s.alone = s.conn
	s.first, err = s.connect(ctx)
	return err == nil, err
}

func (s *pgSchema) exclusively(ctx context.Context, migrate func() error) (taken bool, err error) {
	locked, err := s.ask(ctx, `select pg_try_advisory_lock(`+schemaLock+`)`)
	if err != nil || locked != "t" {
		return false, err
	}
	err = migrate()
	_, unlockErr := s.ask(context.WithoutCancel(ctx), `select pg_advisory_unlock(`+schemaLock+`)`)
	return true, errors.Join(err, unlockErr)
}

func (s *pgSchema) up(ctx context.Context) error {
	db := stdlib.OpenDB(*s.config)
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, byteOrder{files})
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

func (s *pgSchema) holders(ctx context.Context) (h holders, err error) {
	answers, err := s.conn.Exec(ctx, `select distinct coalesce(nullif(a.application_name, ''), 'a client without a name')
		|| coalesce(' at ' || host(a.client_addr), ''), l.mode = 'ExclusiveLock'
		from pg_locks l join pg_stat_activity a on a.pid = l.pid
		where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
		and l.classid = 1414485315 and l.objid = (select oid from pg_namespace where nspname = current_schema())
		and l.objsubid = 2 and l.granted and l.pid <> pg_backend_pid() order by 1`).ReadAll()
	if err != nil {
		return h, err
	}
	for _, row := range answers[0].Rows {
		h.names = append(h.names, string(row[0]))
		h.migrating = h.migrating || string(row[1]) == "t"
	}
	return h, nil
}

// byteOrder is the migrations as PostgreSQL reads them: every column of text is compared by its bytes, whatever the database's
// collation, because Go compares so, and because an order by language would put other paths under a prefix than a policy does.
type byteOrder struct{ fs.FS }

var textColumn = regexp.MustCompile(`\btext(\s+not null)`)

// Open implements fs.FS.
func (b byteOrder) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &byteOrderFile{f, strings.NewReader(textColumn.ReplaceAllString(string(text), `text collate "C"$1`))}, nil
}

type byteOrderFile struct {
	fs.File
	text *strings.Reader
}

// Read implements fs.File.
func (f *byteOrderFile) Read(b []byte) (int, error) { return f.text.Read(b) }

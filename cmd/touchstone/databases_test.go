package main

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// databases are the databases of the scripts. Each has the name of a directory in which its master key is, and on SQLite the
// database too. A script begins on the one named data.
type databases struct {
	t          *testing.T
	migrations string   // directory of the migrations in SQL
	holding    sync.Map // of scripts: the functions that end the locks that they hold
}

// environment is with which environment the command works on a database.
func (d *databases) environment(work, name string) map[string]string {
	directory := filepath.Join(work, name)
	if _, databaseURL := storetest.Place(d.t, directory); databaseURL != "" {
		return map[string]string{
			"TOUCHSTONE_DATABASE": databaseURL, "TOUCHSTONE_MASTER_KEY_FILE": filepath.Join(directory, "master.key"),
			"DIRECTORY": directory,
		}
	}
	return map[string]string{"TOUCHSTONE_DATA": name, "DIRECTORY": directory}
}

// on goes on to another database: on other.
func (d *databases) on(ts *testscript.TestScript, _ bool, args []string) {
	for name, value := range d.environment(ts.Getenv("WORK"), args[0]) {
		ts.Setenv(name, value)
	}
}

// textColumn is how the store makes PostgreSQL compare text by its bytes.
var textColumn = regexp.MustCompile(`\btext(\s+not null)`)

// old makes the database as an early version of the schema left it, with an account and a master key: old 2.
func (d *databases) old(ts *testscript.TestScript, _ bool, args []string) {
	version, err := strconv.Atoi(args[0])
	ts.Check(err)
	files := fstest.MapFS{}
	for number := range version {
		paths, err := filepath.Glob(filepath.Join(d.migrations, fmt.Sprintf("%04d_*.sql", number+1)))
		ts.Check(err)
		text, err := os.ReadFile(paths[0])
		ts.Check(err)
		if storetest.Server() != "" {
			text = textColumn.ReplaceAll(text, []byte(`text collate "C"$1`))
		}
		files[filepath.Base(paths[0])] = &fstest.MapFile{Data: text}
	}

	directory := ts.Getenv("DIRECTORY")
	master, err := secret.LoadOrCreateMasterKey(filepath.Join(directory, "master.key"), true)
	ts.Check(err)
	db, dialect := d.open(ts)
	defer db.Close()
	ts.Check(up(db, dialect, files))
	for _, statement := range []string{
		`insert into installation (name, value) values ('master_key_fingerprint', '` + master.Fingerprint() + `')`,
		`insert into account (account_id, incarnation, generation, created_at) values ('111122223333', 'i', 7, 1)`,
		`insert into root_email_directory (email_key, email, account_id) values ('boss@example.com', 'boss@example.com', '111122223333')`,
		`insert into identity (account_id, identity_id, kind, unique_id, name, name_key, path, version, sessions_not_before, created_at,
			password_last_used_at) values ('111122223333', 'r', 'root', '111122223333', '', '', '/', 1, 0, 1, 0)`,
	} {
		_, err := db.Exec(statement)
		ts.Check(err)
	}
}

func up(db *sql.DB, dialect goose.Dialect, files fs.FS) error {
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = p.Up(context.Background())
	return err
}

func (d *databases) open(ts *testscript.TestScript) (*sql.DB, goose.Dialect) {
	if storetest.Server() != "" {
		config, err := pgx.ParseConfig(ts.Getenv("TOUCHSTONE_DATABASE"))
		ts.Check(err)
		return stdlib.OpenDB(*config), goose.DialectPostgres
	}
	db, err := sql.Open("sqlite", filepath.Join(ts.Getenv("DIRECTORY"), "touchstone.db"))
	ts.Check(err)
	return db, goose.DialectSQLite3
}

// hold takes a share of the lock on the schema, as a server that runs on the database has it, until release.
func (d *databases) hold(ts *testscript.TestScript, _ bool, _ []string) {
	if storetest.Server() == "" {
		f, err := os.OpenFile(filepath.Join(ts.Getenv("DIRECTORY"), "touchstone.lock"), os.O_CREATE|os.O_RDWR, 0o600)
		ts.Check(err)
		ts.Check(syscall.Flock(int(f.Fd()), syscall.LOCK_SH))
		d.holding.Store(ts, func() { f.Close() })
		return
	}

	ctx := context.Background()
	c, err := pgx.Connect(ctx, ts.Getenv("TOUCHSTONE_DATABASE"))
	ts.Check(err)
	_, err = c.Exec(ctx, `set application_name = 'touchstone on elsewhere, process 4711';
		select pg_advisory_lock_shared(1414485315, (select oid::int4 from pg_namespace where nspname = current_schema()))`)
	ts.Check(err)
	d.holding.Store(ts, func() { c.Close(ctx) })
}

// release gives up what hold took.
func (d *databases) release(ts *testscript.TestScript, _ bool, _ []string) {
	end, _ := d.holding.LoadAndDelete(ts)
	end.(func())()
}

// guarded makes the database that of a user who needs a password, pa55word-of-guarded, and sets WITH_PASSWORD to a URL that has it.
func (d *databases) guarded(ts *testscript.TestScript, _ bool, _ []string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, ts.Getenv("TOUCHSTONE_DATABASE"))
	ts.Check(err)
	defer c.Close(ctx)
	var file, schema string
	ts.Check(c.QueryRow(ctx, `select current_setting('hba_file'), current_schema()`).Scan(&file, &schema))
	rules, err := os.ReadFile(file)
	ts.Check(err)
	ts.Check(os.WriteFile(file, append([]byte("local all guarded scram-sha-256\n"), rules...), 0o600))
	for _, statement := range []string{
		`create role guarded login password 'pa55word-of-guarded'`,
		`alter schema ` + schema + ` owner to guarded`,
		`select pg_reload_conf()`,
	} {
		_, err := c.Exec(ctx, statement)
		ts.Check(err)
	}

	u, err := url.Parse(storetest.With(d.t, ts.Getenv("TOUCHSTONE_DATABASE"), "user", "guarded"))
	ts.Check(err)
	ts.Setenv("TOUCHSTONE_DATABASE", u.String())
	ts.Setenv("WITH_PASSWORD", storetest.With(d.t, u.String(), "password", "pa55word-of-guarded"))
	d.t.Cleanup(func() { d.forget("guarded") })
}

// forget removes a user and leaves what it owned.
func (d *databases) forget(user string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, storetest.Server())
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, `reassign owned by `+user+` to current_user; drop role `+user); err != nil {
		d.t.Error(err)
	}
}

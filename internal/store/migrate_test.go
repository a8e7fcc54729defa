package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// place returns the configuration of a new database on the engine that the tests run on.
func place(t *testing.T) Config {
	t.Helper()
	path, databaseURL := storetest.Place(t, t.TempDir())
	return Config{Path: path, URL: databaseURL, Migrate: true}
}

// bare opens the database without the store, with the migrations as its engine reads them.
func bare(t *testing.T, c Config) (*sql.DB, *goose.Provider) {
	t.Helper()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	var (
		db      *sql.DB
		dialect = goose.DialectSQLite3
	)
	if c.URL == "" {
		db, err = sql.Open("sqlite", c.Path)
	} else {
		var config *pgx.ConnConfig
		config, err = pgx.ParseConfig(c.URL)
		db, dialect, files = stdlib.OpenDB(*config), goose.DialectPostgres, byteOrder{files}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		t.Fatal(err)
	}
	return db, p
}

// latestVersion is the number of migrations.
func latestVersion(t *testing.T) int64 {
	t.Helper()
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations: %v, %v", names, err)
	}
	return int64(len(names))
}

// TestMigrationsFromEachVersion brings databases as each earlier version left them, with something in them, up to date.
func TestMigrationsFromEachVersion(t *testing.T) {
	ctx := context.Background()
	latest := latestVersion(t)
	for version := int64(1); version <= latest; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			c := place(t)
			old, provider := bare(t, c)
			if _, err := provider.UpTo(ctx, version); err != nil {
				t.Fatal(err)
			}
			for _, statement := range []string{
				`insert into account (account_id, incarnation, generation, created_at) values ('111122223333', 'i', 7, 1)`,
				`insert into root_email_directory (email_key, email, account_id) values ('root@example.com', 'root@example.com', '111122223333')`,
			} {
				if _, err := old.ExecContext(ctx, statement); err != nil {
					t.Fatal(err)
				}
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}

			careful := c
			careful.Migrate = false
			if s, err := OpenConfig(ctx, careful); version < latest && (err == nil || !strings.Contains(err.Error(), "touchstone migrate")) {
				t.Errorf("opened without migrating: %v, want a refusal that names 'touchstone migrate'", err)
			} else if err == nil {
				s.Close()
			}
			for range 2 { // the second time there is nothing to do
				s, err := OpenConfig(ctx, c)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.View(ctx, func(tx *Tx) error {
					f, err := tx.Freshness("111122223333")
					if f.Generation != 7 || f.Incarnation != "i" {
						t.Errorf("the account came through as %+v", f)
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A database of a later version is refused, and left as it is.
func TestLaterDatabaseIsRefused(t *testing.T) {
	ctx := context.Background()
	c := place(t)
	s, err := OpenConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(ctx, NoLock(), func(tx *Tx) error {
		_, err := tx.exec(`insert into goose_db_version (version_id, is_applied) values ($1, $2)`, 9999, true)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := OpenConfig(ctx, c); err == nil {
		s.Close()
		t.Error("a database of version 9999 was opened")
	}
}

// Nobody changes the schema under a running process, and the refusal says which process that is.
func TestMigrationWaitsForNobodyWhoRuns(t *testing.T) {
	ctx := context.Background()
	c := place(t)
	running, err := OpenConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	db, _ := bare(t, c)
	if _, err := db.ExecContext(ctx, fmt.Sprintf(`delete from goose_db_version where version_id = %d`, latestVersion(t))); err != nil {
		t.Fatal(err)
	}
	s, err := OpenConfig(ctx, c)
	if err == nil {
		s.Close()
		t.Fatal("migrated while a process had the database open")
	}
	if !strings.Contains(err.Error(), "in use by") || !strings.Contains(err.Error(), "process") {
		t.Errorf("refused with %q, which does not name the process", err)
	}
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
}

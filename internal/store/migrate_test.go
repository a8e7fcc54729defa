package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"
)

// TestMigrationsFromEachVersion brings databases as each earlier version left them, with something in them, up to date.
func TestMigrationsFromEachVersion(t *testing.T) {
	ctx := context.Background()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations: %v, %v", names, err)
	}
	for version := 1; version <= len(names); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "touchstone.db")
			old, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			provider, err := goose.NewProvider(goose.DialectSQLite3, old, files)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := provider.UpTo(ctx, int64(version)); err != nil {
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
			for range 2 { // the second time there is nothing to do
				s, err := Open(ctx, path)
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
	path := filepath.Join(t.TempDir(), "touchstone.db")
	s, err := Open(ctx, path)
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
	if s, err := Open(ctx, path); err == nil {
		s.Close()
		t.Error("a database of version 9999 was opened")
	}
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// ErrNoSnapshot is returned by [Store.Snapshot] on PostgreSQL, which has tools of its own for this.
var ErrNoSnapshot = errors.New("a PostgreSQL database is backed up with pg_dump or pg_basebackup")

// Snapshot says what a copy of a SQLite database holds.
type Snapshot struct {
	Schema int64            // version of its schema
	Rows   map[string]int64 // number of rows, by table
}

// snapshotPages is how many pages are copied between two looks at the context.
const snapshotPages = 256

// Snapshot copies a SQLite database to a new file (mode 0600), as it is at one moment: everything that was committed before the
// call is in it. Readers and writers go on meanwhile, in this process and in others. The copy is checked, and on disk, when
// Snapshot returns nil. Unless it is nil, progress is called with the number of pages that are copied and of all pages.
//
// The pages are copied as they are, not written anew, so that damage of the database is found in its copy.
func (s *Store) Snapshot(ctx context.Context, path string, progress func(done, total int)) (Snapshot, error) {
	e, ok := s.engine.(*sqliteEngine)
	if !ok {
		return Snapshot{}, ErrNoSnapshot
	}
	taken, err := e.snapshot(ctx, path, progress)
	if err != nil {
		return Snapshot{}, errors.Join(fmt.Errorf("copy %s: %w", s.Name(), err), removeDatabase(path))
	}
	return taken, nil
}

// removeDatabase removes a SQLite database with the files beside it, if it is there.
func removeDatabase(path string) error {
	var faults []error
	for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (s *sqliteEngine) snapshot(ctx context.Context, path string, progress func(done, total int)) (taken Snapshot, err error) {
	// The connection is not one of those that requests wait for.
	c, err := s.connect(ctx)
	if err != nil {
		return taken, err
	}
	defer c.close()

	// The rows are counted and the pages copied in one read transaction. While it lasts the copy cannot be told to begin again.
	if err := c.begin(false, NoLock()); err != nil {
		return taken, err
	}
	defer c.rollback()
	tx := &Tx{c: c}
	if taken.Schema, err = tx.schemaVersion(); err != nil {
		return taken, err
	}
	if taken.Rows, err = tx.rowCounts(); err != nil {
		return taken, err
	}
	if err := copyPages(ctx, c, path, progress); err != nil {
		return taken, s.classify(err)
	}

	if err := checkCopy(ctx, path, taken); err != nil {
		return taken, err
	}
	if err := SyncToDisk(path); err != nil {
		return taken, err
	}
	return taken, SyncToDisk(filepath.Dir(path))
}

// copyPages copies what the connection's transaction sees to a new file.
func copyPages(ctx context.Context, c *sqliteConnection, path string, progress func(done, total int)) (err error) {
	// The file is made first, so that nobody else can ever read it. SQLite takes an empty file for none.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}

	// Until the copy is complete it is worth nothing, so that it needs no journal. It is synced as a whole.
	pragmas := url.Values{"_pragma": {"journal_mode(off)", "synchronous(off)"}}
	source, ok := c.driver.(interface {
		NewBackup(to string) (*sqlite.Backup, error)
	})
	if !ok {
		return errors.New("the SQLite driver makes no backups")
	}
	backup, err := source.NewBackup(fileURL(path) + "?" + pragmas.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backup.Finish()) }()

	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if more, err = backup.Step(snapshotPages); err != nil {
			return err
		}
		if progress != nil {
			progress(backup.PageCount()-backup.Remaining(), backup.PageCount())
		}
	}
	return nil
}

// fileURL is the address by which SQLite opens a file.
func fileURL(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// schemaVersion reads of which version the schema is.
func (tx *Tx) schemaVersion() (int64, error) {
	return tx.count(`select coalesce(max(version_id), 0) from goose_db_version`)
}

// checkCopy holds a copy that nobody else writes to what it must hold, and reads all of it.
func checkCopy(ctx context.Context, path string, want Snapshot) (err error) {
	got, err := InspectCopy(ctx, path)
	if err != nil {
		return err
	}
	if got.Schema != want.Schema {
		return fmt.Errorf("the schema is of version %d and that of its copy %d", want.Schema, got.Schema)
	}
	return sameCounts(want.Rows, got.Rows)
}

// InspectCopy reads the whole of a copy that [Store.Snapshot] made, which nobody may change meanwhile, and says what is in it. It
// returns ErrDamaged when the copy is not a whole database. It writes nothing, not even beside the copy.
func InspectCopy(ctx context.Context, path string) (found Snapshot, err error) {
	// SQLite would make a log beside a database that another process may be writing to.
	db, err := sql.Open("sqlite", fileURL(path)+"?mode=ro&immutable=1")
	if err != nil {
		return found, err
	}
	e := &sqliteEngine{path: path, db: db}
	defer db.Close()
	c, err := e.connect(ctx)
	if err != nil {
		return found, e.classify(err)
	}
	defer c.close()
	if err := checkWhole(ctx, c); err != nil {
		return found, err
	}

	tx := &Tx{c: c}
	if found.Schema, err = tx.schemaVersion(); err != nil {
		return found, err
	}
	found.Rows, err = tx.rowCounts()
	return found, err
}

// SyncToDisk waits until what was written to a file or a directory is on disk.
func SyncToDisk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

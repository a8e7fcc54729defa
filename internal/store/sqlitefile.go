package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"modernc.org/sqlite"
)

// ErrDamaged is returned for a SQLite database whose file is damaged. It is then used no more: an index that lacks a row can hide a
// policy that denies.
var ErrDamaged = fmt.Errorf("%w: its file is damaged", ErrUnavailable)

// ErrReplaced is returned by Update when the file of a SQLite database was removed, or another one was put in its place, while it
// is open. What is written to the old file is lost when it is closed.
var ErrReplaced = fmt.Errorf("%w: its file was removed or replaced while it is in use", ErrUnavailable)

const (
	adviceDamaged = "stop what runs on it and restore a backup with 'touchstone restore BACKUP --data DIR --replace'; " +
		"'touchstone check' lists what is wrong"
	adviceReplaced = "put the file back, or stop the server and start it again"
)

// fileIdentity tells a file from every other that is or was at its place.
type fileIdentity struct{ device, inode uint64 }

// identify returns which file is at a path, and its number of names; the zero identity when there is none.
func identify(path string) (id fileIdentity, names uint64, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return id, 0, nil
	}
	if err != nil {
		return id, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return id, 0, fmt.Errorf("%s: this system does not tell files apart", path)
	}
	return fileIdentity{uint64(stat.Dev), stat.Ino}, uint64(stat.Nlink), nil
}

// heldFile is a file that SQLite has open.
type heldFile struct {
	path string
	id   fileIdentity
}

// holdFiles remembers which files are the database and its log. SQLite makes the log with the first statement, and removes it
// when the last connection of any process is closed.
func (s *sqliteEngine) holdFiles() error {
	for _, path := range []string{s.path, s.path + "-wal"} {
		id, _, err := identify(path)
		if err != nil {
			return err
		}
		s.files = append(s.files, heldFile{path, id})
	}
	return nil
}

// inPlace returns ErrReplaced when one of the database's files is no longer at its place.
func (s *sqliteEngine) inPlace() error {
	for _, f := range s.files {
		id, names, err := identify(f.path)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		switch {
		case names == 0:
			return fmt.Errorf("%w: %s is gone; %s", ErrReplaced, f.path, adviceReplaced)
		case id != f.id:
			return fmt.Errorf("%w: another file is at %s now; %s", ErrReplaced, f.path, adviceReplaced)
		}
	}
	return nil
}

// classify gives an error one of the store's meanings where it has one. After one of damage the database is used no more.
func (s *sqliteEngine) classify(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & sqlitePrimaryResult {
		case sqliteCorrupt, sqliteNotADatabase:
			err = damaged(err.Error())
			s.damage.CompareAndSwap(nil, &err)
			return err
		}
	}
	return classifySQLite(err)
}

// damaged is the error of damage that was found.
func damaged(what string) error { return fmt.Errorf("%w: %s; %s", ErrDamaged, what, adviceDamaged) }

// checkWhole reads a whole database and returns ErrDamaged with the first things that are wrong.
func checkWhole(ctx context.Context, c *sqliteConnection) error {
	return verdict(ctx, c, `pragma integrity_check(3)`)
}

// verdict runs one of SQLite's checks, which answer "ok" or what is wrong.
func verdict(ctx context.Context, c *sqliteConnection, check string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	findings, err := list(&Tx{c: c}, scanText, check)
	if err != nil {
		return err
	}
	if len(findings) == 1 && findings[0] == "ok" {
		return nil
	}
	return damaged(strings.ReplaceAll(strings.Join(findings, ", "), "\n", " "))
}

// The file of the lock also says how the database was left, for as long as nobody has it open: the last process that closed it
// writes there which file it closed, and the first that opens it takes this back. A file of which it does not say so was copied,
// restored or changed by something else, or was in use when its process or machine ended.

// closedMark is what stands in the lock's file about the database as it is now; "" when there is none.
func closedMark(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", nil
	}
	wal, err := os.Stat(path + "-wal")
	if err == nil && wal.Size() > 0 {
		return "", nil // what was written last is not in the file yet
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return fmt.Sprintf("closed %d %d %d %d\n", stat.Dev, stat.Ino, info.Size(), info.ModTime().UnixNano()), nil
}

// left says how the database was left.
type left int

const (
	leftInUse      left = iota // others have it open, who have checked it
	leftClosed                 // by a process that has closed it
	leftUnclosed               // here, and not closed
	leftFromBefore             // of it nothing is known
)

// howLeft finds out how the database was left, and marks it as opened. The caller has the directory's turn.
func (s *sqliteEngine) howLeft(lock *directoryLock) (left, error) {
	f, err := lock.try(syscall.LOCK_EX)
	if err != nil || f == nil {
		return leftInUse, err
	}
	defer f.Close() // the turn keeps everybody else from opening the database before this store shares the lock
	noted, err := os.ReadFile(lock.path)
	if err != nil {
		return 0, err
	}
	now, err := closedMark(s.path)
	if err != nil {
		return 0, err
	}

	// An interrupted start must not leave the mark of the end before it.
	id, _, err := identify(s.path)
	if err != nil {
		return 0, err
	}
	opened := fmt.Sprintf("open %d %d\n", id.device, id.inode)
	if err := f.Truncate(0); err != nil {
		return 0, err
	}
	if _, err := f.WriteAt([]byte(opened), 0); err != nil {
		return 0, err
	}

	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		return 0, err
	case string(noted) == now, info.Size() == 0: // a new one
		return leftClosed, nil
	case string(noted) == opened:
		return leftUnclosed, nil
	}
	return leftFromBefore, nil
}

// markClosed notes that the database was closed, when nobody else has it open. Without the note it is checked when it is next
// opened, so that a failure costs only time.
func (s *sqliteEngine) markClosed() {
	lock, ok := s.lock.(*directoryLock)
	if !ok || s.damage.Load() != nil {
		return // a database in memory has no file, and one that is damaged was not closed well
	}
	done, err := openInTurn(filepath.Dir(s.path))
	if err != nil {
		return
	}
	defer done()
	f, err := lock.try(syscall.LOCK_EX)
	if err != nil || f == nil {
		return
	}

	defer f.Close()
	id, _, err := identify(s.path)
	if err != nil || len(s.files) == 0 || id != s.files[0].id {
		return
	}
	if mark, err := closedMark(s.path); err == nil {
		f.Truncate(0)              //nolint:errcheck // as above
		f.WriteAt([]byte(mark), 0) //nolint:errcheck // as above
	}
}

// checkLeft checks a database that was not closed, or of which nothing is known.
func (s *sqliteEngine) checkLeft(ctx context.Context, how left, checking func(why string)) error {
	why, check := "it was not closed when it was last used", `pragma quick_check(3)`
	switch how {
	case leftInUse, leftClosed:
		return nil
	case leftFromBefore:
		why, check = "it was copied, restored or changed by another program", `pragma integrity_check(3)`
	}
	if checking != nil {
		checking(why)
	}
	c, err := s.connect(ctx)
	if err != nil {
		return s.classify(err)
	}
	defer c.close()
	return verdict(ctx, c, check)
}

// sqliteRows are the rows of a statement, with classified errors. A connection reads one statement at a time.
type sqliteRows struct {
	driver.Rows
	engine *sqliteEngine
}

// Next implements driver.Rows.
func (r *sqliteRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return r.engine.classify(err)
}

package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Restore says what is restored to where.
type Restore struct {
	Data    string // the data directory, which is made if it does not exist (mode 0700)
	Replace bool   // also when there is a database, which is kept aside under another name

	Clock func() time.Time

	// KeyFingerprint is that of the master key that is to open the database, "" when there is none yet.
	KeyFingerprint string
}

// Result is what a restore did. Its JSON form is part of the command's contract.
type Result struct {
	Backup string // its path
	Data   string
	Aside  string // the path of the database that was there before; "" when there was none
	operator.Restoration
	MasterKeyFingerprint string
}

// workingPrefix begins the names of the directories in which a copy is made ready.
const workingPrefix = ".touchstone-restore-"

// aside is how the database that was there before is called from now on.
const aside = ".replaced-"

// From puts the database of a backup into the data directory, and makes it safe to serve from (see [operator.Operator.Restored]).
// It works only where no process has the directory's database open. Nothing is changed there until the copy of the backup was
// checked and its sessions ended.
func (r *Restore) From(ctx context.Context, b *Backup) (*Result, error) {
	if b.Schema > store.SchemaVersion() {
		return nil, fmt.Errorf("%s was made by a later version of Touchstone (%s, schema %d; this one knows %d): restore it with that",
			b.Path, b.Version, b.Schema, store.SchemaVersion())
	}
	if r.KeyFingerprint != "" && r.KeyFingerprint != b.MasterKeyFingerprint {
		return nil, errors.New("the master key is not the one that this backup needs: put the right file in its place, " +
			"or name it with --master-key-file")
	}
	if err := os.MkdirAll(r.Data, 0o700); err != nil {
		return nil, err
	}
	release, err := store.SeizeDirectory(r.Data)
	if err != nil {
		return nil, err
	}
	result, err := r.from(ctx, b)
	return result, errors.Join(err, release())
}

func (r *Restore) from(ctx context.Context, b *Backup) (_ *Result, err error) {
	place := filepath.Join(r.Data, databaseName)
	_, err = os.Stat(place)
	there := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if there && !r.Replace {
		return nil, fmt.Errorf("there is a database in %s: name another directory, or use --replace, which keeps it aside", r.Data)
	}

	// The copy is made ready in a directory of its own, on the same file system. What a restore has left that was killed goes.
	left, err := filepath.Glob(filepath.Join(r.Data, workingPrefix+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return nil, err
		}
	}
	working, err := os.MkdirTemp(r.Data, workingPrefix)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(working)) }()
	database := filepath.Join(working, databaseName)
	if err := b.copyTo(ctx, database); err != nil {
		return nil, err
	}
	done, err := r.makeSafe(ctx, b, database)
	if err != nil {
		return nil, err
	}

	result := &Result{Backup: b.Path, Data: r.Data, Restoration: *done, MasterKeyFingerprint: b.MasterKeyFingerprint}
	if there {
		result.Aside = place + aside + r.Clock().UTC().Format("20060102T150405Z")
		if err := setAside(place, result.Aside); err != nil {
			return nil, err
		}
	}
	if err := os.Rename(database, place); err != nil {
		return nil, err
	}
	return result, store.SyncToDisk(r.Data)
}

// copyTo copies the backup's database, and holds it to the manifest.
func (b *Backup) copyTo(ctx context.Context, path string) error {
	from, err := os.Open(filepath.Join(b.Path, databaseName))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}

	found, err := measure(path)
	if err != nil {
		return err
	}
	if found != b.Database {
		return fmt.Errorf("the backup %s is damaged: its database is not the file that was written (%d bytes, should be %d): "+
			"use another backup",
			b.Path, found.Size, b.Database.Size)
	}
	if _, err := store.InspectCopy(ctx, path); err != nil {
		return fmt.Errorf("the backup %s is damaged, use another: %w", b.Path, err)
	}
	return nil
}

// makeSafe brings the copy to this version's schema, and ends what was begun before.
func (r *Restore) makeSafe(ctx context.Context, b *Backup, database string) (*operator.Restoration, error) {
	s, err := store.OpenConfig(ctx, store.Config{Path: database, Migrate: true, Unchecked: true})
	if err != nil {
		return nil, err
	}
	o := &operator.Operator{Store: s, Clock: r.Clock}
	done, err := o.Restored(ctx, b.Time)
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, err
	}

	// What the closing could not put into the file would be lost.
	if wal, err := os.Stat(database + "-wal"); err == nil && wal.Size() > 0 {
		return nil, errors.New("the restored database could not be written whole: look for space on the disk")
	}
	return done, store.SyncToDisk(database)
}

// setAside gives a database another name, with the log that may hold its last changes.
func setAside(from, to string) error {
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(from+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return store.SyncToDisk(filepath.Dir(from))
}

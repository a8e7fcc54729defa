// Package backup makes, finds, prunes and restores backups of a SQLite database.
//
// A backup is a directory with two files: the database, as one snapshot of it, and a manifest that says what it is. It has its
// name only once both are checked and on disk; until then it is called unfinished, and nothing takes it for a backup. The master
// key is never in it: the manifest has the key's fingerprint, by which the right key can be recognised.
package backup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// The names of a backup's files, and of what is in a directory of backups.
const (
	databaseName = "touchstone.db"
	manifestName = "manifest.json"

	prefix     = "touchstone-"
	unfinished = ".unfinished"
	nameLayout = prefix + "20060102T150405.000Z" // of the time in UTC, so that names sort by time
	lockName   = ".touchstone-backups.lock"
)

// format is the version of the manifest's form.
const format = 1

// Manifest says what a backup is.
type Manifest struct {
	Format               int
	Time                 time.Time // everything that was acknowledged before is in the backup
	Version              string    // of the Touchstone that made it
	Schema               int64     // version of the database's schema
	Installation         string    // a random id
	MasterKeyFingerprint string    // of the master key that opens what is sealed in the database
	Database             File
	Rows                 map[string]int64 // number of rows, by table
}

// File is a file of a backup.
type File struct {
	Size   int64  // bytes
	SHA256 string // hexadecimal
}

// The names of settings that the manifest takes from the database.
const (
	settingInstallation = "installation_id"
	settingMasterKey    = "master_key_fingerprint"
)

// Maker makes backups of a database. Store, Clock and Version are required.
type Maker struct {
	Store   *store.Store
	Clock   func() time.Time
	Version string // of this Touchstone

	// Progress, unless it is nil, is called with the number of pages that are copied and of all pages.
	Progress func(done, total int)
}

// Backup is a finished backup. Its JSON form is part of the command's contract.
type Backup struct {
	Path string
	Manifest
}

// ErrBusy is returned by Make while another backup is made in the same directory.
var ErrBusy = errors.New("another backup is being made there")

// Make makes a backup in a new directory within the directory, which is made if it does not exist (mode 0700). It is checked, and
// on disk, when Make returns nil. What earlier attempts left unfinished is removed. Its error is [store.ErrNoSnapshot] on
// PostgreSQL.
func (m *Maker) Make(ctx context.Context, directory string) (_ *Backup, err error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	unlock, err := lock(directory)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := removeUnfinished(directory); err != nil {
		return nil, err
	}

	manifest, err := m.describe(ctx)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(directory, manifest.Time.Format(nameLayout))
	working := path + unfinished
	if err := os.Mkdir(working, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(working))
		}
	}()

	database := filepath.Join(working, databaseName)
	taken, err := m.Store.Snapshot(ctx, database, m.Progress)
	if err != nil {
		return nil, err
	}
	manifest.Schema, manifest.Rows = taken.Schema, taken.Rows
	if manifest.Database, err = measure(database); err != nil {
		return nil, err
	}
	if err := manifest.write(filepath.Join(working, manifestName)); err != nil {
		return nil, err
	}

	// The directory's entries are on disk before it has its name, and the name before the backup is called done.
	if err := store.SyncToDisk(working); err != nil {
		return nil, err
	}
	if err := os.Rename(working, path); err != nil {
		return nil, err
	}
	return &Backup{path, manifest}, store.SyncToDisk(directory)
}

// describe begins the manifest. An installation gets its id with its first backup.
func (m *Maker) describe(ctx context.Context) (Manifest, error) {
	manifest := Manifest{Format: format, Time: m.Clock().UTC().Truncate(time.Millisecond), Version: m.Version}
	read := func(tx *store.Tx) (err error) {
		if manifest.Installation, err = tx.Setting(settingInstallation); err != nil {
			return err
		}
		manifest.MasterKeyFingerprint, err = tx.Setting(settingMasterKey)
		return err
	}

	err := m.Store.View(ctx, read)
	if err == nil && manifest.Installation == "" {
		id := rand.Text()
		err = m.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error {
			if err := read(tx); err != nil || manifest.Installation != "" {
				return err
			}
			manifest.Installation = id
			return tx.SetSetting(settingInstallation, id)
		})
	}
	return manifest, err
}

// write writes the manifest to a new file, and to disk.
func (m *Manifest) write(path string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return store.SyncToDisk(path)
}

// lock keeps others from the directory of backups until unlock is called. The kernel ends a lock with its process.
func lock(directory string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(directory, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrBusy
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", directory, err), f.Close())
	}
	return func() { f.Close() }, nil
}

// removeUnfinished removes what attempts have left that were ended in the middle. The caller has the lock, so that none is under
// way.
func removeUnfinished(directory string) error {
	left, err := filepath.Glob(filepath.Join(directory, prefix+"*"+unfinished))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// measure reads a file whole.
func measure(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return File{n, hex.EncodeToString(sum.Sum(nil))}, err
}

// List finds the finished backups in a directory, the oldest first. A directory that does not exist has none.
func List(directory string) ([]Backup, error) {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}

	var found []Backup
	for _, e := range entries { // sorted by name
		if _, err := time.Parse(nameLayout, e.Name()); err != nil || !e.IsDir() {
			continue
		}
		b, err := Open(filepath.Join(directory, e.Name()))
		if err != nil {
			continue // not one that can be restored
		}
		found = append(found, *b)
	}
	return found, nil
}

// Open reads the manifest of a backup. Its error says what is there instead when the directory is none.
func Open(path string) (*Backup, error) {
	text, err := os.ReadFile(filepath.Join(path, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noBackup(path)
	}
	if err != nil {
		return nil, err
	}

	b := &Backup{Path: path}
	if err := json.Unmarshal(text, &b.Manifest); err != nil {
		return nil, fmt.Errorf("%s: the manifest cannot be read: %w", path, err)
	}
	if b.Format != format {
		return nil, fmt.Errorf("%s was made by a later version of Touchstone (%s): restore it with that", path, b.Version)
	}
	if strings.HasSuffix(filepath.Clean(path), unfinished) {
		return nil, noBackup(path)
	}
	return b, nil
}

func noBackup(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no backup: name the directory that 'touchstone backup' made", path)
	case strings.HasSuffix(filepath.Clean(path), unfinished):
		return fmt.Errorf("%s was not finished: name another backup", path)
	}
	found, err := List(path)
	if err != nil || len(found) == 0 {
		return errors.Join(fmt.Errorf("%s is no backup: it has no %s", path, manifestName), err)
	}
	return fmt.Errorf("%s holds %d backups: name one of them; the newest is %s", path, len(found), found[len(found)-1].Path)
}

// Prune removes the installation's oldest backups from a directory but for so many, and returns which. Those of other
// installations stay.
func Prune(directory, installation string, keep int) (removed []string, err error) {
	unlock, err := lock(directory)
	if err != nil {
		return nil, err
	}
	defer unlock()
	found, err := List(directory)
	if err != nil {
		return nil, err
	}

	found = slices.DeleteFunc(found, func(b Backup) bool { return b.Installation != installation })
	for n := range max(0, len(found)-keep) {
		// What is half removed must not be taken for a backup.
		path := found[n].Path
		if err := os.Rename(path, path+unfinished); err != nil {
			return removed, err
		}
		if err := os.RemoveAll(path + unfinished); err != nil {
			return removed, err
		}
		removed = append(removed, path)
	}
	return removed, nil
}

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
)

// The result codes of SQLite that a person can do something about (sqlite.org/rescode.html). The lowest byte of an extended code is
// its primary one.
const (
	sqliteReadOnly      = 8
	sqliteCorrupt       = 11
	sqliteFull          = 13
	sqliteCannotOpen    = 14
	sqliteNotADatabase  = 26
	sqlitePrimaryResult = 0xff
)

// WithAdvice adds to the error of a database's file what can be done about it. It returns nil for nil, and an error for which there
// is no advice as it is.
func WithAdvice(err error, path string) error {
	code := 0
	if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		code = failed.Code() & sqlitePrimaryResult
	}

	directory := filepath.Dir(path)
	switch {
	case errors.Is(err, syscall.EROFS), code == sqliteReadOnly:
		return fmt.Errorf("%w: %s is on a read-only file system or cannot be written: name another directory with --data", err, directory)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run the command as the user who owns %s, or name another directory with --data", err, directory)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: --data names a directory, and a part of %s is a file", err, directory)
	case errors.Is(err, syscall.ENOSPC), code == sqliteFull:
		return fmt.Errorf("%w: there is no space left for %s", err, directory)
	case code == sqliteCannotOpen:
		return fmt.Errorf("%w: this user cannot read and write the files in %s, or they are on a read-only file system", err, directory)
	case code == sqliteNotADatabase, code == sqliteCorrupt:
		return fmt.Errorf("%w: %s is damaged or not a database of Touchstone: put a backup in its place, or name another directory with --data",
			err, path)
	}
	return err
}

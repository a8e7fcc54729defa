package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// Size is how much room a database takes, in bytes.
type Size struct {
	Database int64
	Log      int64 // SQLite's write-ahead log; 0 for PostgreSQL, whose log belongs to its server
}

// Size measures the database.
func (s *Store) Size(ctx context.Context) (size Size, err error) {
	switch path := s.engine.file(); path {
	case Memory:
		err = s.View(ctx, func(tx *Tx) error {
			return tx.get(`select page_count * page_size from pragma_page_count, pragma_page_size`, nil, &size.Database)
		})
		return size, err
	case "": // PostgreSQL
	default:
		if size.Database, err = fileSize(path); err != nil {
			return Size{}, err
		}
		size.Log, err = fileSize(path + "-wal")
		return size, err
	}

	err = s.View(ctx, func(tx *Tx) error {
		return tx.get(`select pg_database_size(current_database())`, nil, &size.Database)
	})
	return size, err
}

// fileSize returns the size of a file, 0 when there is none.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

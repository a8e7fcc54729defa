package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SchemaVersion is the version of the schema that this program works with. Versions count from 1.
func SchemaVersion() int64 { return latestMigration() }

// latestMigration is the number of the last migration: those in SQL have it before their names, and those in Go stand among them.
func latestMigration() int64 {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		panic("the migrations are not built in")
	}
	number, _, _ := strings.Cut(path.Base(slices.Max(files)), "_")
	last, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic(err)
	}
	return max(last, foldVersion, sealVersion)
}

// schema is a database's schema and the lock on it, as far as an engine's own. Who has the database open shares the lock, and
// who migrates has it alone.
type schema interface {
	// versions reads which version the database is of (0: empty), and the latest that this program knows.
	versions(ctx context.Context) (current, latest int64, err error)

	// share takes a share of the lock, until the database is closed, unless somebody migrates.
	share(ctx context.Context) (taken bool, err error)

	// seize takes the lock alone, until the database is closed, unless somebody has it or a share of it.
	seize(ctx context.Context) (taken bool, err error)

	// exclusively runs migrate with the lock, unless somebody has it or a share of it.
	exclusively(ctx context.Context, migrate func() error) (taken bool, err error)

	// up applies the migrations that are missing.
	up(ctx context.Context) error

	// holders finds out who has the lock or a share of it.
	holders(ctx context.Context) (holders, error)
}

// holders are the processes that hold the lock on a schema, as far as they can be known.
type holders struct {
	names     []string
	migrating bool // one of them has the lock alone
}

// Processes that start at once let each other pass: a share that was taken a moment ago may be given up again. Whoever migrates
// is waited for as long as the caller likes.
const (
	schemaPause = 10 * time.Millisecond
	schemaGrace = 2 * time.Second
)

// agree brings the schema to this program's version, if it may, and takes a share of the lock on it. It refuses a database of a
// later version, an older one when it may not migrate, and an empty one when it may neither migrate nor create.
func agree(ctx context.Context, s schema, c Config) error {
	var waited time.Duration
	for {
		current, latest, err := s.versions(ctx)
		switch {
		case err != nil:
			return err
		case current > latest:
			return fmt.Errorf("it was written by a later version of Touchstone (schema %d, this one knows %d): use that version",
				current, latest)
		case current == 0 && !c.Create && !c.Migrate:
			return ErrEmpty
		case 0 < current && current < latest && !c.Migrate:
			return fmt.Errorf("%w: its schema is of version %d and this Touchstone needs %d: run 'touchstone migrate', "+
				"or start this version's 'touchstone serve', which migrates as well", ErrOldSchema, current, latest)
		case current < latest:
			migrating := context.WithValue(ctx, resealingKey{}, c.Reseal)
			taken, err := s.exclusively(ctx, func() error { return s.up(migrating) })
			if err != nil {
				return err
			}
			if taken {
				if c.Migrated != nil {
					c.Migrated(current, latest)
				}
				continue
			}
		default:
			// Somebody may have begun to migrate since the version was read; nobody can once the share is taken.
			take := s.share
			if c.Alone {
				take = s.seize
			}
			taken, err := take(ctx)
			if err != nil {
				return err
			}
			if taken {
				if now, _, err := s.versions(ctx); err != nil || now == current {
					return err
				}
				continue
			}
		}

		h, err := s.holders(ctx)
		if err != nil {
			return err
		}
		if waited >= schemaGrace && c.Alone && current == latest {
			return fmt.Errorf("it is in use by %s: stop that first", h)
		}
		if waited >= schemaGrace && !h.migrating {
			return fmt.Errorf("its schema is of version %d and must be brought to %d, but it is in use by %s: stop that first",
				current, latest, h)
		}
		select {
		case <-time.After(schemaPause):
			waited += schemaPause
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s, which has the database alone: %w", h, ctx.Err())
		}
	}
}

// String names the holders.
func (h holders) String() string {
	if len(h.names) == 0 {
		return "another process"
	}
	return strings.Join(h.names, ", ")
}

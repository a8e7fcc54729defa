package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrNotEmpty is returned by [CopyAll] for a target that holds anything.
var ErrNotEmpty = errors.New("it is not empty: name an empty database")

// copyBatch is how many rows one statement copies, so that PostgreSQL is not waited for at each row.
const copyBatch = 32

// CopyAll copies every row of every table to another database, which must be empty and of the same schema, on whatever engine.
// The source is read from one snapshot, and the target is filled in one transaction, in which the rows are counted and compared,
// and each account gets a new incarnation: what was remembered of the accounts elsewhere is never taken for current. It returns
// the number of rows of each table. Unless it is nil, progress is called with the number of rows copied and of all rows.
func CopyAll(ctx context.Context, from, to *Store, progress func(done, total int64)) (rows map[string]int64, err error) {
	err = to.Update(ctx, Installation(), func(target *Tx) error {
		return from.View(ctx, func(source *Tx) (err error) {
			rows, err = copyAll(ctx, source, target, progress)
			return err
		})
	})
	return rows, err
}

func copyAll(ctx context.Context, source, target *Tx, progress func(done, total int64)) (map[string]int64, error) {
	tables, err := source.tables()
	if err != nil {
		return nil, err
	}
	there, err := target.tables()
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(tables, there, sameTable) {
		return nil, errors.New("the two databases have different tables")
	}
	counts, err := source.rowCounts()
	if err != nil {
		return nil, err
	}
	before, err := target.rowCounts()
	if err != nil {
		return nil, err
	}
	for _, n := range before {
		if n > 0 {
			return nil, ErrNotEmpty
		}
	}

	var total, done int64
	for n := range maps.Values(counts) {
		total += n
	}
	for n := range tables {
		if err := copyTable(source, target, &tables[n], func(rows int64) error {
			done += rows
			if progress != nil {
				progress(done, total)
			}
			return ctx.Err()
		}); err != nil {
			return nil, fmt.Errorf("copy table %s: %w", tables[n].name, err)
		}
	}

	after, err := target.rowCounts()
	if err != nil {
		return nil, err
	}
	if err := sameCounts(counts, after); err != nil {
		return nil, err
	}
	return counts, target.renewIncarnations()
}

// sameTable reports whether two engines' tables have the same columns.
func sameTable(a, b schemaTable) bool {
	if len(a.columns) != len(b.columns) {
		return false
	}
	for _, c := range a.columns {
		if !slices.Contains(b.columns, c) {
			return false
		}
	}
	return a.name == b.name
}

// copyTable copies the rows of a table, and tells done of each batch.
func copyTable(source, target *Tx, t *schemaTable, done func(rows int64) error) error {
	var batch []any
	flush := func() error {
		rows := len(batch) / len(t.columns)
		if rows == 0 {
			return nil
		}
		if rows == copyBatch {
			if _, err := target.exec(t.insert(copyBatch), batch...); err != nil {
				return err
			}
		} else {
			for row := range slices.Chunk(batch, len(t.columns)) {
				if _, err := target.exec(t.insert(1), row...); err != nil {
					return err
				}
			}
		}
		batch = batch[:0]
		return done(int64(rows))
	}

	err := source.each(`select `+t.columnList()+` from `+t.name, nil, func(row scanner) error {
		read := make([]copied, len(t.columns))
		places := make([]any, len(t.columns))
		for n, c := range t.columns {
			read[n].kind = c.kind
			places[n] = &read[n]
		}
		if err := row.Scan(places...); err != nil {
			return err
		}
		for n := range read {
			batch = append(batch, read[n].value)
		}
		if len(batch) < copyBatch*len(t.columns) {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// copied is a value of a column on its way from one engine to another. SQLite keeps booleans as numbers.
type copied struct {
	kind  string
	value any
}

func (c *copied) assign(v driver.Value) error {
	switch v := v.(type) {
	case []byte:
		c.value = append([]byte{}, v...) // the driver's is good until the next row
	case int64:
		c.value = v
		if c.kind == "boolean" {
			c.value = v != 0
		}
	default:
		c.value = v
	}
	return nil
}

func (t *schemaTable) columnList() string {
	names := make([]string, len(t.columns))
	for n, c := range t.columns {
		names[n] = c.name
	}
	return strings.Join(names, ", ")
}

// insert is the statement that inserts so many rows.
func (t *schemaTable) insert(rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "insert into %s (%s) values ", t.name, t.columnList())
	for row := range rows {
		for n := range t.columns {
			switch {
			case n > 0:
				b.WriteString(", ")
			case row > 0:
				b.WriteString(", (")
			default:
				b.WriteString("(")
			}
			fmt.Fprintf(&b, "$%d", row*len(t.columns)+n+1)
		}
		b.WriteString(")")
	}
	return b.String()
}

package store

import (
	"fmt"
	"slices"
)

// schemaTable is a table as the database itself describes it. What goes over every table is derived from these descriptions, so
// that a table that is added is never forgotten.
type schemaTable struct {
	name    string
	columns []schemaColumn
}

// schemaColumn is a column with the type that it is declared with: text, bigint, boolean or bytea.
type schemaColumn struct{ name, kind string }

// has reports whether the table has all of the columns.
func (t *schemaTable) has(columns ...string) bool {
	return !slices.ContainsFunc(columns, func(name string) bool {
		return !slices.ContainsFunc(t.columns, func(c schemaColumn) bool { return c.name == name })
	})
}

// The tables of the schema with their columns, apart from those of the engine and of the migrations.
const (
	sqliteTables = `select t.name, c.name, lower(c.type) from sqlite_master t join pragma_table_info(t.name) c
		where t.type = 'table' and t.name not like 'sqlite_%' and t.name <> 'goose_db_version' order by t.name, c.cid`
	pgTables = `select c.relname::text, a.attname::text, format_type(a.atttypid, null)
		from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relnamespace = (select oid from pg_namespace where nspname = current_schema()) and c.relkind = 'r'
		and c.relname <> 'goose_db_version' and a.attnum > 0 and not a.attisdropped
		order by c.relname::text collate "C", a.attnum`
)

// tables reads the tables of the schema, sorted by name.
func (tx *Tx) tables() ([]schemaTable, error) {
	text := sqliteTables
	if _, postgres := tx.c.(*pgConnection); postgres {
		text = pgTables
	}

	var tables []schemaTable
	err := tx.each(text, nil, func(row scanner) error {
		var name string
		var c schemaColumn
		if err := row.Scan(&name, &c.name, &c.kind); err != nil {
			return err
		}
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, schemaTable{name: name})
		}
		last := &tables[len(tables)-1]
		last.columns = append(last.columns, c)
		return nil
	})
	return tables, err
}

// rowCounts counts the rows of every table.
func (tx *Tx) rowCounts() (map[string]int64, error) {
	tables, err := tx.tables()
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int64, len(tables))
	for _, t := range tables {
		n, err := tx.count(`select count(*) from ` + t.name)
		if err != nil {
			return nil, err
		}
		counts[t.name] = n
	}
	return counts, nil
}

// count reads a number.
func (tx *Tx) count(text string, args ...any) (n int64, err error) {
	err = tx.get(text, args, &n)
	return n, err
}

// sameCounts says in which table two databases differ; nil when they do in none.
func sameCounts(one, other map[string]int64) error {
	for _, counts := range []map[string]int64{one, other} {
		for name := range counts {
			if one[name] != other[name] {
				return fmt.Errorf("table %s has %d rows and its copy %d", name, one[name], other[name])
			}
		}
	}
	return nil
}

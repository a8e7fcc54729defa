package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// table is a table of the schema that belongs to accounts: it has a column account_id.
type table struct {
	name    string
	columns []column
}

type column struct{ name, kind string }

// accountsTables asks the database for every table that has a column account_id.
func accountsTables(tx *Tx) ([]table, error) {
	var tables []table
	err := tx.each(`select t.name, c.name, c.type from sqlite_master t join pragma_table_info(t.name) c
		where t.type = 'table' order by t.name, c.cid`, nil, func(row scanner) error {
		var name string
		var c column
		if err := row.Scan(&name, &c.name, &c.kind); err != nil {
			return err
		}
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, table{name: name})
		}
		last := &tables[len(tables)-1]
		last.columns = append(last.columns, c)
		return nil
	})

	return slices.DeleteFunc(tables, func(t table) bool {
		return !slices.ContainsFunc(t.columns, func(c column) bool { return c.name == "account_id" })
	}), err
}

// allowed are values for the columns that the schema holds to a set of values.
var allowed = map[string]string{
	"principal.kind": "user", "tally.kind": "user", "tag.owner_kind": "principal", "access_key.status": "Active",
	"mfa_device.kind":       "fido",
	"console_session.stage": "full", "console_session.scope": "full", "ceremony.purpose": "assert",
}

// fill puts a row into the table. The columns that name a principal, by whatever name, hold the principal. Every other value is
// made from the account, the principal and the column's name, so that rows of the same principal refer to each other.
func (tb *table) fill(tx *Tx, account, principal string) error {
	var names, places []string
	var args []any
	for n, c := range tb.columns {
		names, places = append(names, c.name), append(places, fmt.Sprintf("$%d", n+1))
		text := c.name + " of " + principal + " of " + account
		if value, ok := allowed[tb.name+"."+c.name]; ok {
			text = value
		}

		switch {
		case c.name == "account_id":
			args = append(args, account)
		case slices.Contains([]string{"principal_id", "owner_id", "subject_id"}, c.name):
			args = append(args, principal)
		case strings.EqualFold(c.kind, "text"):
			args = append(args, text)
		case strings.EqualFold(c.kind, "bytea"):
			args = append(args, []byte(text))
		case strings.EqualFold(c.kind, "bigint"):
			args = append(args, int64(1))
		case strings.EqualFold(c.kind, "boolean"):
			args = append(args, false)
		default:
			return fmt.Errorf("column %s of table %s has type %s, which this test cannot fill", c.name, tb.name, c.kind)
		}
	}

	text := `insert into ` + tb.name + ` (` + strings.Join(names, ", ") + `) values (` + strings.Join(places, ", ") + `)`
	if _, err := tx.exec(text, args...); err != nil {
		return fmt.Errorf("table %s cannot be filled (add what its columns must hold to this test): %w", tb.name, err)
	}
	return nil
}

// count counts the rows of the account that hold the text in any column; "" counts all of them.
func (tb *table) count(tx *Tx, account, text string) (n int, err error) {
	conditions := []string{}
	args := []any{account}
	if text != "" {
		args = append(args, text, "%"+text+"%")
		for _, c := range tb.columns {
			if strings.EqualFold(c.kind, "bytea") {
				continue // a row has text columns enough
			}
			conditions = append(conditions, "cast("+c.name+" as text) = $2 or cast("+c.name+" as text) like $3")
		}
	} else {
		conditions = append(conditions, "1 = 1")
	}
	err = tx.get(`select count(*) from `+tb.name+` where account_id = $1 and (`+strings.Join(conditions, " or ")+`)`, args, &n)
	return n, err
}

const (
	accountHere, accountThere = "111122223333", "444455556666"
	principalGone             = "gone"
	principalLeft             = "left"
)

// ofAccount are the tables whose rows are the account's and no principal's: a principal takes none of them along.
var ofAccount = []string{
	"account", "alias_directory", "root_email_directory", "outbox", "quota", "audit_event", "tally",
	"managed_policy", "policy_version",
}

// oneAnAccount are the tables that have at most one row for an account, and so cannot have one for a second principal.
var oneAnAccount = []string{"account", "alias_directory", "root_email_directory", "tally"}

// filled is a store in which every table that belongs to accounts has a row, for two principals of one account and one of another.
func filled(t *testing.T) (*Store, []table) {
	t.Helper()
	s, err := Open(context.Background(), filepath.Join(t.TempDir(), "touchstone.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })

	var tables []table
	if err := s.Update(context.Background(), NoLock(), func(tx *Tx) error {
		tables, err = accountsTables(tx)
		if err != nil {
			return err
		}

		for _, tb := range tables {
			if err := tb.fill(tx, accountHere, principalGone); err != nil {
				return err
			}
			if !slices.Contains(oneAnAccount, tb.name) {
				if err := tb.fill(tx, accountHere, principalLeft); err != nil {
					return err
				}
			}
			if err := tb.fill(tx, accountThere, principalGone); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(tables) < 20 {
		t.Fatalf("the schema has only %d tables with an account_id", len(tables))
	}
	return s, tables
}

// Nothing of an account is left, in whatever table, but its audit events, and nothing of another account goes.
func TestRemoveAccountLeavesNothing(t *testing.T) {
	s, tables := filled(t)
	if err := s.Update(context.Background(), NoLock(), func(tx *Tx) error { return tx.RemoveAccount(accountHere) }); err != nil {
		t.Fatal(err)
	}

	if err := s.View(context.Background(), func(tx *Tx) error {
		for _, tb := range tables {
			here, err := tb.count(tx, accountHere, "")
			if err != nil {
				return err
			}
			there, err := tb.count(tx, accountThere, "")
			if err != nil {
				return err
			}

			want := 0
			if tb.name == "audit_event" {
				want = 2
			}
			if here != want || there != 1 {
				t.Errorf("table %s has %d rows of the account, want %d, and %d of another, want 1", tb.name, here, want, there)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Nothing of a principal is left, in whatever table; what is the account's, another principal's or another account's stays.
func TestDeletePrincipalLeavesNothing(t *testing.T) {
	s, tables := filled(t)
	if err := s.Update(context.Background(), NoLock(), func(tx *Tx) error {
		// Somebody else's ceremony may be about the principal's device.
		if err := tx.InsertCeremony(&Ceremony{
			AccountID: accountHere, Hash: []byte("h"), PrincipalID: "other", SubjectID: principalGone, Purpose: PurposeAssert,
			Record: []byte("r"),
		}, 8); err != nil {
			return err
		}
		return tx.DeletePrincipal(accountHere, principalGone)
	}); err != nil {
		t.Fatal(err)
	}

	if err := s.View(context.Background(), func(tx *Tx) error {
		for _, tb := range tables {
			if slices.Contains(ofAccount, tb.name) {
				continue
			}
			for _, c := range []struct {
				account, text string
				want          int
			}{{accountHere, principalGone, 0}, {accountHere, principalLeft, 1}, {accountHere, "", 1}, {accountThere, "", 1}} {
				n, err := tb.count(tx, c.account, c.text)
				if err != nil {
					return err
				}
				if n != c.want {
					t.Errorf("table %s has %d rows of %q in account %s, want %d", tb.name, n, c.text, c.account, c.want)
				}
			}
		}

		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

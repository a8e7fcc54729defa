package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxFindings bounds what SQLite's check reports of one database.
const maxFindings = 100

// unowned are the tables whose rows may belong to an account that is gone, or to none.
var unowned = []string{"audit_event"}

// reference says that each row of a table must have a row of another: the one whose columns have the same values.
type reference struct {
	table, columns string // the columns separated by ", "
	other, others  string
	where          string // "" for every row
}

// references are what the names of the columns do not say: directories and what they lead to.
var references = []reference{
	{table: "access_key_directory", columns: "account_id, access_key_id", other: "access_key", others: "account_id, access_key_id"},
	{table: "access_key", columns: "account_id, access_key_id", other: "access_key_directory", others: "account_id, access_key_id"},
	{
		table: "credential_directory", columns: "account_id, device_id, credential_id", other: "mfa_device",
		others: "account_id, device_id, credential_id",
	},
	{
		table: "mfa_device", columns: "account_id, device_id, credential_id", other: "credential_directory",
		others: "account_id, device_id, credential_id",
	},
	{table: "account", columns: "account_id", other: "root_email_directory", others: "account_id"},
	{table: "account", columns: "account_id, account_id", other: "principal", others: "account_id, unique_id"},
	{
		table: "tag", columns: "account_id, owner_id", other: "principal", others: "account_id, principal_id",
		where: "owner_kind = 'principal'",
	},
	{
		table: "tag", columns: "account_id, owner_id", other: "managed_policy", others: "account_id, policy_id",
		where: "owner_kind = 'policy'",
	},
	{table: "attachment", columns: "account_id, policy_arn", other: "managed_policy", others: "account_id, arn"},
	{table: "boundary", columns: "account_id, policy_arn", other: "managed_policy", others: "account_id, arn"},
	{table: "policy_version", columns: "account_id, policy_id", other: "managed_policy", others: "account_id, policy_id"},
	{
		table: "managed_policy", columns: "account_id, policy_id, default_number", other: "policy_version",
		others: "account_id, policy_id, number",
	},
}

// Inspect looks for what is wrong with a database, and returns a line for each finding: damage of the file (SQLite), rows that
// refer to what is not there, and counts that do not agree. It reads everything, and changes nothing. An error means that it
// could not look.
func (s *Store) Inspect(ctx context.Context) (findings []string, err error) {
	if e, ok := s.engine.(*sqliteEngine); ok {
		if findings, err = e.inspect(ctx); err != nil || len(findings) > 0 {
			return findings, err // what follows would read from what is damaged
		}
	}
	err = s.View(ctx, func(tx *Tx) error {
		findings, err = tx.inspect()
		return err
	})
	if errors.Is(err, ErrDamaged) {
		return []string{err.Error()}, nil
	}
	return findings, err
}

// inspect reads the whole file.
func (s *sqliteEngine) inspect(ctx context.Context) ([]string, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	findings, err := list(&Tx{c: c}, scanText, fmt.Sprintf(`pragma integrity_check(%d)`, maxFindings))
	switch {
	case errors.Is(err, ErrDamaged):
		return []string{err.Error()}, nil
	case err == nil && len(findings) == 1 && findings[0] == "ok":
		return nil, nil
	}
	return findings, err
}

// inspect looks for rows without those that they refer to, and for wrong counts.
func (tx *Tx) inspect() (findings []string, err error) {
	tables, err := tx.tables()
	if err != nil {
		return nil, err
	}
	all := slices.Clone(references)
	for _, t := range tables {
		if slices.Contains(unowned, t.name) {
			continue
		}
		if t.has("account_id") && t.name != "account" {
			all = append(all, reference{table: t.name, columns: "account_id", other: "account", others: "account_id"})
		}
		if t.has("account_id", "principal_id") && t.name != "principal" {
			all = append(all, reference{
				table: t.name, columns: "account_id, principal_id", other: "principal", others: "account_id, principal_id",
			})
		}
	}

	for _, r := range all {
		where := ""
		if r.where != "" {
			where = r.where + " and "
		}
		n, err := tx.count(`select count(*) from ` + r.table + ` where ` + where +
			`(` + r.columns + `) not in (select ` + r.others + ` from ` + r.other + `)`)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			findings = append(findings, fmt.Sprintf("%d rows of %s have no row of %s with the same %s", n, r.table, r.other, r.others))
		}
	}

	const wrong = `select count(*) from tally t where t.kind = $1 and t.n <> `
	for kind, counted := range map[string]string{
		string(Root): countPrincipals, string(User): countPrincipals, string(Group): countPrincipals, string(Role): countPrincipals,
		tallyMFADevices: `(select count(*) from mfa_device d where d.account_id = t.account_id)`,
		tallyPolicies:   `(select count(*) from managed_policy p where p.account_id = t.account_id)`,
	} {
		n, err := tx.count(wrong+counted, kind)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			findings = append(findings, fmt.Sprintf("%d accounts have another number of rows of kind %s than is kept in tally", n, kind))
		}
	}
	slices.Sort(findings)
	return findings, nil
}

const countPrincipals = `(select count(*) from principal p where p.account_id = t.account_id and p.kind = t.kind)`

// SealedColumns lists the columns, as table.column, that hold what is sealed by the master key: their names begin with sealed.
func (tx *Tx) SealedColumns() ([]string, error) {
	tables, err := tx.tables()
	if err != nil {
		return nil, err
	}
	var sealed []string
	for _, t := range tables {
		for _, c := range t.columns {
			if strings.HasPrefix(c.name, "sealed") {
				sealed = append(sealed, t.name+"."+c.name)
			}
		}
	}
	return sealed, nil
}

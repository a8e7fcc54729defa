package store

import "time"

// InlinePolicy is a policy document that belongs to one principal.
type InlinePolicy struct {
	Name     string
	Document string // byte for byte as it was put
}

func scanInlinePolicy(row scanner) (p InlinePolicy, err error) {
	err = row.Scan(&p.Name, &p.Document)
	return p, err
}

// InlinePolicies lists a principal's inline policies by name.
func (tx *Tx) InlinePolicies(account, principal string) ([]InlinePolicy, error) {
	return list(tx, scanInlinePolicy, `select name, document from inline_policy
		where account_id = $1 and principal_id = $2 order by name`, account, principal)
}

// InlinePolicyNames lists up to limit names of a principal's inline policies, in order, beginning behind the name after; "" is the
// beginning.
func (tx *Tx) InlinePolicyNames(account, principal, after string, limit int) ([]string, error) {
	return list(tx, scanText, `select name from inline_policy where account_id = $1 and principal_id = $2 and name > $3
		order by name limit $4`, account, principal, after, limit)
}

// InlinePolicy reads one inline policy. ErrNotFound.
func (tx *Tx) InlinePolicy(account, principal, name string) (p InlinePolicy, err error) {
	err = tx.get(`select name, document from inline_policy where account_id = $1 and principal_id = $2 and name = $3`,
		[]any{account, principal, name}, &p.Name, &p.Document)
	return p, err
}

// PutInlinePolicy stores a policy under its name, replacing an earlier one. It raises the principal's version; ErrNotFound when
// there is no such principal.
func (tx *Tx) PutInlinePolicy(account, principal, name, document string, now time.Time) error {
	if _, err := tx.exec(`insert into inline_policy (account_id, principal_id, name, document, changed_at) values ($1, $2, $3, $4, $5)
		on conflict (account_id, principal_id, name) do update set document = excluded.document, changed_at = excluded.changed_at`,
		account, principal, name, document, micros(now)); err != nil {
		return err
	}
	return tx.raiseVersion(account, principal)
}

// DeleteInlinePolicy removes a policy, and raises the principal's version. ErrNotFound when the principal has no such policy.
func (tx *Tx) DeleteInlinePolicy(account, principal, name string) error {
	if err := tx.change(`delete from inline_policy where account_id = $1 and principal_id = $2 and name = $3`,
		account, principal, name); err != nil {
		return err
	}
	return tx.raiseVersion(account, principal)
}

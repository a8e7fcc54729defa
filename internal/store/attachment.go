package store

import (
	"errors"
	"time"
)

// ErrLimit is returned when a guarded insert would leave more rows than its limit allows.
var ErrLimit = errors.New("limit reached")

// Attach attaches a managed policy to a principal, unless the principal has limit of them already: then ErrLimit. To attach a
// policy again changes nothing and is no error. It raises the principal's version; ErrNotFound when there is no such principal.
func (tx *Tx) Attach(account, principal, policyARN string, limit int, now time.Time) error {
	n, err := tx.exec(`insert into attachment (account_id, principal_id, policy_arn, attached_at)
		select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint)
		where (select count(*) from attachment where account_id = $1 and principal_id = $2) < $5
		on conflict (account_id, principal_id, policy_arn) do nothing`, account, principal, policyARN, micros(now), limit)
	if err != nil {
		return err
	}
	if n > 0 {
		return tx.raiseVersion(account, principal)
	}

	var attached bool
	if err := tx.get(`select count(*) > 0 from attachment where account_id = $1 and principal_id = $2 and policy_arn = $3`,
		[]any{account, principal, policyARN}, &attached); err != nil {
		return err
	}
	if !attached {
		return ErrLimit
	}
	return nil
}

// Detach takes a managed policy away from a principal, and raises the principal's version. ErrNotFound when it is not attached.
func (tx *Tx) Detach(account, principal, policyARN string) error {
	if err := tx.change(`delete from attachment where account_id = $1 and principal_id = $2 and policy_arn = $3`,
		account, principal, policyARN); err != nil {
		return err
	}
	return tx.raiseVersion(account, principal)
}

// Attachments lists up to limit ARNs of the managed policies that are attached to a principal, in order, beginning behind the ARN
// after; "" is the beginning.
func (tx *Tx) Attachments(account, principal, after string, limit int) ([]string, error) {
	return list(tx, scanText, `select policy_arn from attachment where account_id = $1 and principal_id = $2 and policy_arn > $3
		order by policy_arn limit $4`, account, principal, after, limit)
}

// AttachedTo lists up to limit principals that a managed policy is attached to, by internal id, beginning behind the id after; ""
// is the beginning.
func (tx *Tx) AttachedTo(account, policyARN, after string, limit int) ([]Principal, error) {
	return list(tx, scanPrincipal, `select `+principalColumns+` from attachment a
		join principal p on p.account_id = a.account_id and p.principal_id = a.principal_id
		where a.account_id = $1 and a.policy_arn = $2 and a.principal_id > $3 order by a.principal_id limit $4`,
		account, policyARN, after, limit)
}

// scanText reads a row of one text column.
func scanText(row scanner) (text string, err error) {
	err = row.Scan(&text)
	return text, err
}

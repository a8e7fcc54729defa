package store

// SetBoundary makes a managed policy the principal's permissions boundary, in place of an earlier one. It raises the principal's
// version; ErrNotFound when there is no such principal.
func (tx *Tx) SetBoundary(account, principal, policyARN string) error {
	if _, err := tx.exec(`insert into boundary (account_id, principal_id, policy_arn) values ($1, $2, $3)
		on conflict (account_id, principal_id) do update set policy_arn = excluded.policy_arn`,
		account, principal, policyARN); err != nil {
		return err
	}
	return tx.raiseVersion(account, principal)
}

// DeleteBoundary removes a principal's permissions boundary, and raises the principal's version. ErrNotFound when it has none.
func (tx *Tx) DeleteBoundary(account, principal string) error {
	if err := tx.change(`delete from boundary where account_id = $1 and principal_id = $2`, account, principal); err != nil {
		return err
	}
	return tx.raiseVersion(account, principal)
}

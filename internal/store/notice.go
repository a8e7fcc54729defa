package store

import "time"

// Notice is something that a principal is told once, when it has next signed in.
type Notice struct {
	AccountID   string
	ID          string
	PrincipalID string
	Kind        string
	Detail      string
	CreatedAt   time.Time
}

// InsertNotice stores a notice. Of those that wait, a principal keeps the newest 20.
func (tx *Tx) InsertNotice(n *Notice) error {
	if _, err := tx.exec(`insert into notice (account_id, notice_id, principal_id, kind, detail, created_at)
		values ($1, $2, $3, $4, $5, $6)`, n.AccountID, n.ID, n.PrincipalID, n.Kind, n.Detail, micros(n.CreatedAt)); err != nil {
		return err
	}

	_, err := tx.exec(`delete from notice where account_id = $1 and notice_id in (
		select notice_id from notice where account_id = $1 and principal_id = $2
		order by created_at desc, notice_id limit 1000000 offset 20)`, n.AccountID, n.PrincipalID)
	return err
}

// Notices lists a principal's notices, oldest first.
func (tx *Tx) Notices(account, principal string) ([]Notice, error) {
	return list(tx, func(row scanner) (n Notice, err error) {
		err = row.Scan(&n.AccountID, &n.ID, &n.PrincipalID, &n.Kind, &n.Detail, instant{&n.CreatedAt})
		return n, err
	}, `select account_id, notice_id, principal_id, kind, detail, created_at from notice
		where account_id = $1 and principal_id = $2 order by created_at, notice_id`, account, principal)
}

// DeleteNotices removes a principal's notices made up to and including t.
func (tx *Tx) DeleteNotices(account, principal string, t time.Time) error {
	_, err := tx.exec(`delete from notice where account_id = $1 and principal_id = $2 and created_at <= $3`,
		account, principal, micros(t))
	return err
}

package store

import "time"

// Message is a mail waiting to be delivered.
type Message struct {
	ID        string
	AccountID string
	Recipient string
	Subject   string
	Body      string
	CreatedAt time.Time
	Attempts  int
}

// InsertMessage puts a mail in the outbox; it leaves after the commit.
func (tx *Tx) InsertMessage(m *Message) error {
	_, err := tx.exec(`insert into outbox (message_id, account_id, recipient, subject, body, created_at, attempts, next_attempt_at)
		values ($1, $2, $3, $4, $5, $6, 0, $6)`, m.ID, m.AccountID, m.Recipient, m.Subject, m.Body, micros(m.CreatedAt))
	return err
}

// DueMessages lists mails whose next attempt is due, oldest first.
func (tx *Tx) DueMessages(now time.Time, limit int) ([]Message, error) {
	return list(tx, func(row scanner) (m Message, err error) {
		err = row.Scan(&m.ID, &m.AccountID, &m.Recipient, &m.Subject, &m.Body, instant{&m.CreatedAt}, &m.Attempts)
		return m, err
	}, `select message_id, account_id, recipient, subject, body, created_at, attempts from outbox
		where next_attempt_at <= $1 order by next_attempt_at, message_id limit $2`, micros(now), limit)
}

// NewMessages lists mails of which no attempt has been made, oldest first.
func (tx *Tx) NewMessages(limit int) ([]Message, error) {
	return list(tx, func(row scanner) (m Message, err error) {
		err = row.Scan(&m.ID, &m.AccountID, &m.Recipient, &m.Subject, &m.Body, instant{&m.CreatedAt}, &m.Attempts)
		return m, err
	}, `select message_id, account_id, recipient, subject, body, created_at, attempts from outbox
		where attempts = 0 order by created_at, message_id limit $1`, limit)
}

// CountMessages returns how many mails wait.
func (tx *Tx) CountMessages() (n int64, err error) {
	err = tx.get(`select count(*) from outbox`, nil, &n)
	return n, err
}

// DeleteOldMessages removes the mails that were put in the outbox before a time.
func (tx *Tx) DeleteOldMessages(before time.Time) error {
	_, err := tx.exec(`delete from outbox where created_at < $1`, micros(before))
	return err
}

// ClaimMessage takes the next attempt at a mail, so that no other process makes it too. ErrNotFound when one did.
func (tx *Tx) ClaimMessage(id string, attempts int, next time.Time) error {
	return tx.change(`update outbox set attempts = attempts + 1, next_attempt_at = $3 
		where message_id = $1 and attempts = $2`, id, attempts, micros(next))
}

// DeleteMessage removes a delivered mail.
func (tx *Tx) DeleteMessage(id string) error {
	return tx.change(`delete from outbox where message_id = $1`, id)
}

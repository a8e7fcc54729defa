package store

import (
	"crypto/rand"
	"time"
)

// endedByRestore are the tables that are emptied after a restore: what stands in them lets somebody in who has shown something of
// themselves before, and may have been ended since the backup was made.
var endedByRestore = []string{"console_session", "ceremony", "setup_link", "server"}

// keptByRestore are the tables whose rows stay. A table is in one of the two lists.
var keptByRestore = []string{
	"installation", "account", "alias_directory", "root_email_directory", "access_key_directory", "credential_directory", "principal",
	"tally", "tag", "attachment", "boundary", "password", "inline_policy", "access_key", "mfa_device", "notice", "throttle", "outbox",
	"quota", "audit_event", "data_key", "managed_policy", "policy_version",
}

// EndEverySession ends what was begun before: every account gets a new incarnation, so that nothing that any process remembers of
// it is taken for current; console sessions, ceremonies and set-up links are removed; and temporary credentials that were issued
// until now are void, because each principal's sessions count from now on. It returns how many console sessions there were. The
// transaction must have the locks of the installation and of every account.
func (tx *Tx) EndEverySession(now time.Time) (sessions int64, err error) {
	if sessions, err = tx.count(`select count(*) from console_session`); err != nil {
		return 0, err
	}
	for _, table := range endedByRestore {
		if _, err := tx.exec(`delete from ` + table); err != nil {
			return 0, err
		}
	}

	// A time further ahead, of a clock that was wrong, would let what was issued since then live on.
	if _, err := tx.exec(`update principal set sessions_not_before = $1 where sessions_not_before < $1`, micros(now)); err != nil {
		return 0, err
	}
	return sessions, tx.renewIncarnations()
}

// renewIncarnations gives every account a new incarnation.
func (tx *Tx) renewIncarnations() error {
	accounts, err := list(tx, scanText, `select account_id from account`)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if err := tx.change(`update account set incarnation = $2, generation = generation + 1 where account_id = $1`,
			account, rand.Text()); err != nil {
			return err
		}
	}
	return nil
}

// LastEvent is the time of the newest event of the trail, by which the age of a database can be told; zero when there is none.
func (tx *Tx) LastEvent() (t time.Time, err error) {
	err = tx.get(`select coalesce(max(event_time), 0) from audit_event`, nil, instant{&t})
	return t, err
}

// AnyFreshness reads one account, any, with its freshness; it is how a server finds out that it can read. ErrNotFound when there
// is no account.
func (tx *Tx) AnyFreshness() (account string, f Freshness, err error) {
	if err := tx.get(`select coalesce(min(account_id), '') from account`, nil, &account); err != nil {
		return "", f, err
	}
	f, err = tx.Freshness(account)
	return account, f, err
}

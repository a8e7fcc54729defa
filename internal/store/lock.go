package store

import (
	"cmp"
	"slices"
)

// Lock says what serialises an Update: the rows that it locks before its function reads anything, so that nothing is read
// before its lock. Update takes the locks in one order whatever the order in which they were joined, so that transactions wait
// for each other instead of deadlocking: the installation, then accounts by id, then the other rows.
//
// SQLite has one writer at a time, and Raise alone does something there.
type Lock struct{ rows []lockRow }

// lockRow is one thing to lock.
type lockRow struct {
	kind    lockKind
	account string
	key     string // of the row within its account
	slot    int64  // of a throttle slot
}

// lockKind orders locks, and says what a lock does. Of several locks on one account the last kind is enough.
type lockKind int

const (
	lockInstallation lockKind = iota
	lockAccountShare          // with others who share it, but not with those who lock or raise the account
	lockAccount
	lockRaise
	lockPrincipal
	lockSession
	lockCeremony
	lockThrottle
)

// Raise raises the account's generation, and thereby locks its row: for changes of what decisions or authentications read. An
// account that does not exist is no error.
func Raise(account string) Lock { return Lock{[]lockRow{{kind: lockRaise, account: account}}} }

// Accounts locks accounts without raising anything. An account that does not exist is no error.
func Accounts(ids ...string) Lock {
	rows := make([]lockRow, len(ids))
	for n, id := range ids {
		rows[n] = lockRow{kind: lockAccount, account: id}
	}
	return Lock{rows}
}

// PrincipalRow locks one principal. Like the locks of sessions and ceremonies it shares the account's lock with others of its
// kind, so that nothing that raises or locks the account runs at the same time.
func PrincipalRow(account, id string) Lock { return rowOf(lockPrincipal, account, id) }

// SessionRow locks one console session, by its public id.
func SessionRow(account, id string) Lock { return rowOf(lockSession, account, id) }

// CeremonyRow locks one ceremony, by the hash of its token.
func CeremonyRow(account string, hash []byte) Lock { return rowOf(lockCeremony, account, string(hash)) }

func rowOf(kind lockKind, account, key string) Lock {
	return Lock{[]lockRow{{kind: lockAccountShare, account: account}, {kind: kind, account: account, key: key}}}
}

// ThrottleSlots locks slots of failed attempts, whether or not they were ever written.
func ThrottleSlots(slots ...int64) Lock {
	rows := make([]lockRow, len(slots))
	for n, slot := range slots {
		rows[n] = lockRow{kind: lockThrottle, slot: slot}
	}
	return Lock{rows}
}

// Installation locks what belongs to no account: settings, the first account, the work that only one server may do at a time.
func Installation() Lock { return Lock{[]lockRow{{kind: lockInstallation}}} }

// NoLock is for an Update that only inserts, or makes single guarded statements, and so needs no lock.
func NoLock() Lock { return Lock{} }

// Join is all the locks together.
func Join(locks ...Lock) Lock {
	var all Lock
	for _, l := range locks {
		all.rows = append(all.rows, l.rows...)
	}
	return all
}

// ordered returns the rows in the order in which they are locked, each once.
func (l Lock) ordered() []lockRow {
	if len(l.rows) < 2 {
		return l.rows
	}
	rows := slices.Clone(l.rows)
	slices.SortFunc(rows, func(a, b lockRow) int {
		return cmp.Or(
			cmp.Compare(a.kind.class(), b.kind.class()), cmp.Compare(a.account, b.account),
			cmp.Compare(a.key, b.key), cmp.Compare(a.slot, b.slot),
			cmp.Compare(b.kind, a.kind)) // the strongest lock of an account first: it is the one that is kept
	})
	return slices.CompactFunc(rows, func(a, b lockRow) bool {
		return a.kind.class() == b.kind.class() && a.account == b.account && a.key == b.key && a.slot == b.slot
	})
}

// class is the kind, with all kinds of lock on an account taken for one.
func (k lockKind) class() lockKind {
	if k == lockAccountShare || k == lockRaise {
		return lockAccount
	}
	return k
}

// raiseGeneration is what Raise does on every engine.
const raiseGeneration = `update account set generation = generation + 1 where account_id = $1`

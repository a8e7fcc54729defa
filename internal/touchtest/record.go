package touchtest

import (
	"context"
	"encoding/json"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// ReadsAreRecordedAtOnce configures a server so that the event of a read is stored before the read is answered. It is an argument
// of [Start].
func ReadsAreRecordedAtOnce(c *server.Config) { c.AuditReads = audit.ReadsSync }

// Records returns the account's events of a name, oldest first, at most 1000 of them.
func (a *Account) Records(name string) (found []audit.Record) {
	a.t.Helper()
	if err := a.Server.State.Store.View(context.Background(), func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{AccountID: a.ID, Name: name, Limit: 1000})
		for _, e := range events {
			var r audit.Record
			if err := json.Unmarshal([]byte(e.Record), &r); err != nil {
				return err
			}
			found = append(found, r)
		}
		return err
	}); err != nil {
		a.t.Fatal(err)
	}
	return found
}

// LastRecord returns the account's newest event of a name. The test ends when there is none.
func (a *Account) LastRecord(name string) audit.Record {
	a.t.Helper()
	all := a.Records(name)
	if len(all) == 0 {
		a.t.Fatalf("there is no event %s", name)
	}
	return all[len(all)-1]
}

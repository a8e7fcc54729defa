package store

import (
	"fmt"
	"strings"
	"time"
)

// Event is a stored audit event: its record, and the columns that it is found by.
type Event struct {
	AccountID string // "" for the installation's own
	ID        string
	Time      time.Time
	Name      string
	Source    string
	UserName  string
	ReadOnly  bool
	ErrorCode string
	Record    string // JSON, CloudTrail's form
}

// eventColumns are how many values an event has in a statement, and eventBatch how many events one statement takes, so that a
// queue of events does not pay for a statement each.
const (
	eventColumns = 9
	eventBatch   = 16
)

var insertEvent, insertEventBatch = insertEvents(1), insertEvents(eventBatch)

// insertEvents is the statement that stores so many events.
func insertEvents(events int) string {
	var b strings.Builder
	b.WriteString(`insert into audit_event (account_id, event_id, event_time, name, source, user_name, read_only, error_code, record)
		values `)
	for n := range events {
		if n > 0 {
			b.WriteString(", ")
		}
		before := "("
		for c := range eventColumns {
			fmt.Fprintf(&b, "%s$%d", before, n*eventColumns+c+1)
			before = ", "
		}
		b.WriteString(")")
	}
	return b.String()
}

// InsertEvent stores an event.
func (tx *Tx) InsertEvent(e *Event) error {
	_, err := tx.exec(insertEvent, e.values(nil)...)
	return err
}

// InsertEvents stores events.
func (tx *Tx) InsertEvents(events []*Event) error {
	for len(events) >= eventBatch {
		args := make([]any, 0, eventBatch*eventColumns)
		for _, e := range events[:eventBatch] {
			args = e.values(args)
		}
		if _, err := tx.exec(insertEventBatch, args...); err != nil {
			return err
		}
		events = events[eventBatch:]
	}

	for _, e := range events {
		if err := tx.InsertEvent(e); err != nil {
			return err
		}
	}
	return nil
}

// values appends the event's values to args.
func (e *Event) values(args []any) []any {
	return append(args, e.AccountID, e.ID, micros(e.Time), e.Name, e.Source, e.UserName, e.ReadOnly, e.ErrorCode, e.Record)
}

// EventQuery selects events. Empty fields select everything.
type EventQuery struct {
	AccountID string
	UserName  string
	Name      string
	Since     time.Time
	Until     time.Time // exclusive
	AfterTime time.Time // with AfterID: continue behind this event
	AfterID   string
	Limit     int
}

// Events reads events, oldest first.
func (tx *Tx) Events(q EventQuery) ([]Event, error) {
	text := `select account_id, event_id, event_time, name, source, user_name, read_only, error_code, record from audit_event
		where event_time >= $1`
	args := []any{micros(q.Since)}
	and := func(condition string, values ...any) {
		numbers := make([]any, len(values))
		for n := range values {
			numbers[n] = len(args) + n + 1
		}
		text += " and " + fmt.Sprintf(condition, numbers...)
		args = append(args, values...)
	}

	if q.AccountID != "" {
		and("account_id = $%d", q.AccountID)
	}
	if q.UserName != "" {
		and("user_name = $%d", q.UserName)
	}
	if q.Name != "" {
		and("name = $%d", q.Name)
	}
	if !q.Until.IsZero() {
		and("event_time < $%d", micros(q.Until))
	}
	if q.AfterID != "" {
		and("(event_time, event_id) > ($%d, $%d)", micros(q.AfterTime), q.AfterID)
	}

	args = append(args, q.Limit)
	text += fmt.Sprintf(" order by event_time, event_id limit $%d", len(args))
	return list(tx, func(row scanner) (e Event, err error) {
		err = row.Scan(&e.AccountID, &e.ID, instant{&e.Time}, &e.Name, &e.Source, &e.UserName, &e.ReadOnly, &e.ErrorCode, &e.Record)
		return e, err
	}, text, args...)
}

const (
	pruneReads = `delete from audit_event where (account_id, event_time, event_id) in (
		select account_id, event_time, event_id from audit_event
		where event_time < $1 and read_only and error_code <> 'AccessDenied' order by event_time limit $2)`
	pruneOthers = `delete from audit_event where (account_id, event_time, event_id) in (
		select account_id, event_time, event_id from audit_event
		where event_time < $1 and (not read_only or error_code = 'AccessDenied') order by event_time limit $2)`
)

// PruneEvents removes events that are older than their class is kept: reads before readsBefore, all others, denied reads among
// them, before othersBefore; of each up to limit. It returns how many went.
func (tx *Tx) PruneEvents(readsBefore, othersBefore time.Time, limit int) (int64, error) {
	reads, err := tx.exec(pruneReads, micros(readsBefore), limit)
	if err != nil {
		return 0, err
	}

	others, err := tx.exec(pruneOthers, micros(othersBefore), limit)
	return reads + others, err
}

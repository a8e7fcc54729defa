package store

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// Pruning holds the writer, and so everybody who signs in: it must not look at each of a year's changes to find a week's reads.
func TestPruningReadsPastNoChanges(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "touchstone.db"))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { s.Close() })
	if err := s.View(ctx, func(tx *Tx) error {
		var plan string
		err := tx.each(`explain query plan `+pruneReads, []any{1, 1}, func(row scanner) error {
			var id, parent, unused int
			var detail string
			err := row.Scan(&id, &parent, &unused, &detail)
			plan += detail + "\n"
			return err
		})
		if !strings.Contains(plan, "audit_event_reads_by_time (event_time<?)") {
			t.Errorf("the plan is\n%s", plan)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

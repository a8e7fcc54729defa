package operator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret/secrettest"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Check finds nothing in a sound installation, and says which secret another key does not open.
func TestCheck(t *testing.T) {
	o := newOperator(t)
	acme(t, o)
	if findings, err := o.Check(ctx); err != nil || len(findings) > 0 {
		t.Errorf("in a sound installation: %q, %v", findings, err)
	}
	o.Secrets = secrettest.Keyring(t)
	findings, err := o.Check(ctx)
	if err != nil || len(findings) != 1 || !strings.Contains(findings[0], "do not open the secret of access key AKIA") {
		t.Errorf("with another key: %q, %v", findings, err)
	}
}

// Every kind of sealed value that the schema has is looked at.
func TestCheckKnowsWhatIsSealed(t *testing.T) {
	o := newOperator(t)
	if err := o.Store.View(ctx, func(tx *store.Tx) error {
		columns, err := tx.SealedColumns()
		slices.Sort(columns)
		if known := operator.SealedKinds(); !slices.Equal(columns, known) {
			t.Errorf("the schema has sealed values in %q, and those of %q are looked at", columns, known)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Restored leaves an event in each trail, and says how old the data is.
func TestRestored(t *testing.T) {
	o := newOperator(t)
	account := acme(t, o)
	before := freshness(t, o, account.AccountID)
	later := now.Add(36 * time.Hour)
	o.Clock = func() time.Time { return later }
	done, err := o.Restored(ctx, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if done.Accounts != 1 || !done.AsOf.Equal(now) || done.Age != 36*time.Hour {
		t.Errorf("it did %+v", done)
	}

	if after := freshness(t, o, account.AccountID); after.Incarnation == before.Incarnation {
		t.Error("the incarnation is the same")
	}
	var trails []string
	if err := o.Events(ctx, store.EventQuery{Name: "RestoreDatabase"}, func(e *store.Event) error {
		trails = append(trails, e.AccountID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	slices.Sort(trails)
	if !slices.Equal(trails, []string{"", account.AccountID}) {
		t.Errorf("the event is in the trails of %q", trails)
	}
	if err := o.Store.View(ctx, func(tx *store.Tx) error {
		root, err := tx.RootUser(account.AccountID)
		if err == nil && !root.SessionsNotBefore.Equal(later) {
			t.Errorf("sessions count from %v on, want %v", root.SessionsNotBefore, later)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func freshness(t *testing.T, o *operator.Operator, account string) (f store.Freshness) {
	t.Helper()
	if err := o.Store.View(ctx, func(tx *store.Tx) (err error) { f, err = tx.Freshness(account); return err }); err != nil {
		t.Fatal(err)
	}
	return f
}

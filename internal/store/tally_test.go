package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// After any inserts and deletions, the numbers that are kept are those of the rows.
func TestTallyIsTheNumberOfRows(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "touchstone.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	accounts := []string{"111122223333", "444455556666"}
	failed := errors.New("rolled back")

	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 12).Draw(t, "operations") {
			account := rapid.SampledFrom(accounts).Draw(t, "account")
			kind := rapid.SampledFrom([]Kind{User, Group, Role}).Draw(t, "kind")
			id := fmt.Sprint(kind, rapid.IntRange(1, 3).Draw(t, "principal"))
			device := &MFADevice{
				AccountID: account, ID: id + "-" + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "device"), PrincipalID: id, EnabledAt: now,
			}
			device.Name, device.Serial, device.CredentialID = device.ID, device.ID, []byte(account+device.ID)
			operation := rapid.SampledFrom([]string{
				"insert", "insert", "device", "device", "unregister", "delete", "remove", "policy", "policy", "drop policy",
			}).Draw(t, "operation")
			rollback := rapid.Bool().Draw(t, "rollback")

			err := s.Update(ctx, NoLock(), func(tx *Tx) (err error) {
				switch operation {
				case "insert":
					err = tx.InsertPrincipal(&Principal{AccountID: account, ID: id, Kind: kind, UniqueID: id, Name: id, Path: "/", CreatedAt: now})
				case "device":
					err = tx.InsertMFADevice(device)
				case "policy":
					err = tx.InsertManagedPolicy(&ManagedPolicy{AccountID: account, ID: id, ARN: id, Name: id, Path: "/", CreatedAt: now}, "{}")
				case "drop policy":
					err = tx.DeleteManagedPolicy(&ManagedPolicy{AccountID: account, ID: id})
				case "unregister":
					err = tx.DeleteMFADevice(device)
				case "delete":
					err = tx.DeletePrincipal(account, id)
				case "remove":
					if err = tx.InsertAccount(account, account, now); err == nil {
						err = tx.RemoveAccount(account)
					}
				}

				if err == nil && rollback {
					err = failed
				}
				return err
			})
			if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) && !errors.Is(err, failed) {
				t.Fatalf("%s: %v", operation, err)
			}

			if err := s.View(ctx, func(tx *Tx) error { return compareTally(t, tx, account) }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// compareTally reports where the kept numbers differ from those of the rows.
func compareTally(t interface{ Errorf(string, ...any) }, tx *Tx, account string) error {
	for _, kind := range []Kind{Root, User, Group, Role} {
		var rows int
		kept, err := tx.CountPrincipals(account, PrincipalQuery{Kind: kind})
		if err != nil {
			return err
		}
		if err := tx.get(`select count(*) from principal where account_id = $1 and kind = $2`, []any{account, kind}, &rows); err != nil {
			return err
		}
		if kept != rows {
			t.Errorf("the tally of kind %s is %d, and there are %d", kind, kept, rows)
		}
	}

	var rows int
	kept, err := tx.CountAccountMFADevices(account)
	if err != nil {
		return err
	}
	if err := tx.get(`select count(*) from mfa_device where account_id = $1`, []any{account}, &rows); err != nil {
		return err
	}
	if kept != rows {
		t.Errorf("the tally of MFA devices is %d, and there are %d", kept, rows)
	}

	if kept, err = tx.CountManagedPolicies(account); err != nil {
		return err
	}
	if err := tx.get(`select count(*) from managed_policy where account_id = $1`, []any{account}, &rows); err != nil {
		return err
	}
	if kept != rows {
		t.Errorf("the tally of managed policies is %d, and there are %d", kept, rows)
	}
	return nil
}

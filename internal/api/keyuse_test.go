package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// A use that could not be written is written later: the key's next use is noted only after a quarter of an hour.
func TestKeyUsesOutliveAFailedFlush(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	key := a.Root.AccessKeyID
	now := s.Clock.Now().Truncate(time.Microsecond)
	uses := api.NewKeyUses()
	uses.Note(a.ID, key, "iam", "us-east-1", now)

	failing, cancel := context.WithCancel(ctx)
	cancel()
	if err := uses.Flush(failing, s.State.Store); !errors.Is(err, context.Canceled) {
		t.Fatalf("Flush with a context that is over: %v", err)
	}
	if service, region, at := uses.Pending(key); service != "iam" || region != "us-east-1" || !at.Equal(now) {
		t.Errorf("after a failed flush the pending use is %q, %q, %v", service, region, at)
	}

	if err := uses.Flush(ctx, s.State.Store); err != nil {
		t.Fatal(err)
	}
	if _, _, at := uses.Pending(key); !at.IsZero() {
		t.Errorf("what was written is still pending: %v", at)
	}
	var stored *store.AccessKey
	if err := s.State.Store.View(ctx, func(tx *store.Tx) (err error) {
		stored, err = tx.AccessKey(a.ID, key)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if stored.LastUsedService != "iam" || !stored.LastUsedAt.Equal(now) {
		t.Errorf("the store has %q, %v, want iam, %v", stored.LastUsedService, stored.LastUsedAt, now)
	}
}

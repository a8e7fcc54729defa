package signin

import (
	"context"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/secret/secrettest"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// A device cookie does not become void by attempts that a busy service never looked at.
func TestBusyVoidsNoDeviceCookie(t *testing.T) {
	ctx := context.Background()
	path, databaseURL := storetest.Place(t, t.TempDir())
	st, err := store.OpenConfig(ctx, store.Config{Path: path, URL: databaseURL, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { st.Close() })
	s := &Service{Store: st, Secrets: secrettest.Keyring(t)}
	principal, password := &store.Principal{ID: "alice"}, &store.Password{Version: 1}
	cookie, err := s.deviceCookie(principal, password)
	if err != nil {
		t.Fatal(err)
	}

	b := s.buckets(Visitor{DeviceCookie: cookie}, "user|a|alice", &candidate{principal: principal, password: password})
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for range 3 * maxDeviceFailures {
		charged, err := s.charge(ctx, b, now)
		if err != nil {
			t.Fatal(err)
		}
		if !charged.trusted || len(charged.slots) != 1 {
			t.Fatalf("charged to %+v", charged)
		}
		if err := s.notLookedAt(ctx, charged); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}

	for range maxDeviceFailures {
		if _, err := s.charge(ctx, b, now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}

	if charged, err := s.charge(ctx, b, now); err != nil || charged.trusted || len(charged.slots) != 2 {
		t.Errorf("a void cookie: %+v, %v", charged, err)
	}
}

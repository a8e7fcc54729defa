package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// Paths differ by case, and who may list those under /Div/ may not thereby list those under /div/.
func TestPathPrefixRegardsCase(t *testing.T) {
	s := withAccount(t)
	for n, path := range []string{"/", "/Div/", "/Div/a/", "/div/", "/DIV/", "/Div_/", "/Divx/"} {
		update(t, s, func(tx *store.Tx) error {
			return tx.InsertPrincipal(&store.Principal{
				AccountID: account, ID: fmt.Sprint("p", n), Kind: store.User, UniqueID: fmt.Sprint("AIDAP", n),
				Name: fmt.Sprint("p", n), Path: path, CreatedAt: now,
			})
		})
	}

	for prefix, want := range map[string][]string{
		"/Div/": {"/Div/", "/Div/a/"}, "/div": {"/div/"}, "/Div_": {"/Div_/"}, "/Div": {
			"/Div/", "/Div/a/", "/Div_/",
			"/Divx/",
		}, "/%": nil,
	} {
		var got []string
		var count int
		view(t, s, func(tx *store.Tx) error {
			q := store.PrincipalQuery{Kind: store.User, PathPrefix: prefix, Order: store.ByName, Limit: 100}
			users, err := tx.Principals(account, q)
			if err != nil {
				return err
			}
			for _, u := range users {
				got = append(got, u.Path)
			}
			count, err = tx.CountPrincipals(account, q)
			return err
		})
		if diff := cmp.Diff(want, got); diff != "" || count != len(want) {
			t.Errorf("under %s: %s count %d", prefix, diff, count)
		}
	}
}

// A denied read is a denial, and kept as long as those.
func TestDeniedReadsAreKeptAsDenials(t *testing.T) {
	s := withAccount(t)
	update(t, s, func(tx *store.Tx) error {
		for _, code := range []string{"", "NoSuchEntity", "AccessDenied"} {
			if err := tx.InsertEvent(&store.Event{
				AccountID: account, ID: "e" + code, Time: now, Name: "GetUser", ReadOnly: true, ErrorCode: code, Record: "{}",
			}); err != nil {
				return err
			}
		}
		_, err := tx.PruneEvents(now.Add(time.Hour), now.Add(-time.Hour), 100)
		return err
	})

	view(t, s, func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{Limit: 10})
		if len(events) != 1 || events[0].ErrorCode != "AccessDenied" {
			t.Errorf("kept: %+v", events)
		}
		return err
	})
}

// Processes that start at once on an empty directory all come up.
func TestOpenAtOnce(t *testing.T) {
	for range 10 {
		c := configOf(t, t.TempDir())
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				s, err := store.OpenConfig(context.Background(), c)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if err := s.View(context.Background(), func(tx *store.Tx) error {
					_, err := tx.Setting("any")
					return err
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

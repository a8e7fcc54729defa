package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// onCluster starts a server on a PostgreSQL server of the test's own, whatever the engine that the other tests run on, and makes an
// account.
func onCluster(t *testing.T) (*storetest.Cluster, *touchtest.Account) {
	t.Helper()
	cluster, err := storetest.NewCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Remove(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TOUCHSTONE_TEST_DATABASE", cluster.URL())
	return cluster, touchtest.Start(t, nil).NewAccount(t)
}

// ask sends a request of the account's root user through the server, and returns the answer.
func ask(a *touchtest.Account, form url.Values) (status int, body string) {
	form.Set("Version", "2010-05-08")
	text := form.Encode()
	// No limit of the store's is longer than this; a request that is not answered by then hangs.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, a.Server.URL+"/", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, []byte(text), sigv4.Credentials{AccessKeyID: a.Root.AccessKeyID, SecretAccessKey: a.Root.SecretAccessKey},
		"us-east-1", "iam", time.Now())
	w := httptest.NewRecorder()
	a.Server.Handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

const (
	gone    = "The service&#39;s database is not available at the moment, and nothing was changed. Try again in a few seconds."
	unknown = "The service lost its database while it made the change, and the outcome is unknown."
)

// TestDatabaseGoneUnderLoad restarts and kills the database while requests come in: they are answered, with 503 while it is gone;
// what was acknowledged is there afterwards; and the server goes on by itself.
func TestDatabaseGoneUnderLoad(t *testing.T) {
	cluster, a := onCluster(t)
	var (
		answered, unavailable, unsure atomic.Int64
		acknowledged                  sync.Map
		stop                          atomic.Bool
		load                          sync.WaitGroup
	)
	for worker := range 8 {
		load.Go(func() {
			for n := 0; !stop.Load(); n++ {
				name := fmt.Sprintf("user-%d-%d", worker, n)
				form := url.Values{"Action": {"CreateUser"}, "UserName": {name}}
				if worker%2 == 1 {
					form = url.Values{"Action": {"GetUser"}}
				}
				status, body := ask(a, form)
				switch {
				case status == http.StatusOK:
					answered.Add(1)
					if worker%2 == 0 {
						acknowledged.Store(name, true)
					}
				case status == http.StatusServiceUnavailable && strings.Contains(body, "<Code>ServiceUnavailable</Code>") &&
					strings.Contains(body, gone):
					unavailable.Add(1)
				case status == http.StatusServiceUnavailable && strings.Contains(body, unknown) && worker%2 == 0:
					unsure.Add(1)
				default:
					t.Errorf("%s: %d %s", form.Get("Action"), status, body)
				}
			}
		})
	}
	defer load.Wait()
	defer stop.Store(true)

	// until waits for so many more of what is counted.
	until := func(what string, count *atomic.Int64, more int64) {
		t.Helper()
		limit := time.Now().Add(2 * time.Minute)
		for goal := count.Load() + more; count.Load() < goal; time.Sleep(time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("no request is %s", what)
			}
		}
	}
	for n, end := range []func() error{cluster.Stop, cluster.Kill, cluster.Stop} {
		until("answered", &answered, 100)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if n > 0 { // the first is a restart
			until("refused", &unavailable, 20)
		}
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
	}
	until("answered", &answered, 100)
	stop.Store(true)
	load.Wait()
	t.Logf("%d requests were answered, %d refused, %d of unknown outcome", answered.Load(), unavailable.Load(), unsure.Load())

	there := make(map[string]bool)
	recorded := make(map[string]bool)
	if err := a.Server.State.Store.View(context.Background(), func(tx *store.Tx) (err error) {
		if err := stored(tx, a.ID, there); err != nil {
			return err
		}
		recorded, err = events(tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	acknowledged.Range(func(name, _ any) bool {
		if !there["user "+a.ID+" "+name.(string)] {
			t.Errorf("acknowledged and lost: %s", name)
		}
		return true
	})
	for change := range there {
		if !recorded[change] {
			t.Errorf("a change without its event: %s", change)
		}
	}
	for change := range recorded {
		if !there[change] {
			t.Errorf("an event without its change: %s", change)
		}
	}
}

// TestAnswerToTheCommitLost ends the database while it commits a change, and looks at what the caller is told, and that the
// change was not made a second time.
func TestAnswerToTheCommitLost(t *testing.T) {
	cluster, a := onCluster(t)
	ctx := context.Background()
	_, databaseURL := storetest.Place(t, a.Server.Data)
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	// A commit that creates a user stands still until its connection is ended. The sequence counts the attempts at it, because no
	// rollback takes back what it gave.
	if _, err := conn.Exec(ctx, `create sequence attempts;
		create function stand_still() returns trigger language plpgsql as
		$$ begin perform nextval('attempts'); perform pg_sleep(9); return null; end $$;
		create constraint trigger slow after insert on principal deferrable initially deferred
		for each row execute function stand_still()`); err != nil {
		t.Fatal(err)
	}

	type answer struct {
		status int
		body   string
	}
	answers := make(chan answer)
	go func() {
		status, body := ask(a, url.Values{"Action": {"CreateUser"}, "UserName": {"alice"}})
		answers <- answer{status, body}
	}()
	for committing := 0; committing == 0; time.Sleep(time.Millisecond) {
		if err := conn.QueryRow(ctx, `select count(*) from pg_stat_activity where query = 'commit' and state = 'active'`).
			Scan(&committing); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close(ctx) //nolint:errcheck // its server ends
	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}
	got := <-answers
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "<Code>ServiceUnavailable</Code>") ||
		!strings.Contains(got.body, unknown) {
		t.Errorf("the caller is told %d %s", got.status, got.body)
	}

	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	if conn, err = pgx.Connect(ctx, databaseURL); err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var users int
	if err := conn.QueryRow(ctx, `select count(*) from principal where name = 'alice'`).Scan(&users); err != nil || users != 0 {
		t.Errorf("%d users were made, %v", users, err)
	}
	if _, err := conn.Exec(ctx, `drop trigger slow on principal`); err != nil {
		t.Fatal(err)
	}
	if status, body := ask(a, url.Values{"Action": {"CreateUser"}, "UserName": {"alice"}}); status != http.StatusOK {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

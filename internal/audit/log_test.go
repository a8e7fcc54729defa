package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

var now = time.Date(2026, 11, 24, 10, 0, 30, 0, time.UTC)

func newLog(t *testing.T, mode audit.ReadMode) (*audit.Log, *store.Store) {
	t.Helper()
	path, databaseURL := storetest.Place(t, t.TempDir())
	s, err := store.OpenConfig(context.Background(), store.Config{Path: path, URL: databaseURL, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	l := audit.NewLog(s, mode, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(func() {
		l.Close()
		s.Close()
	})
	return l, s
}

func stored(t *testing.T, s *store.Store) (all []store.Event) {
	t.Helper()
	if err := s.View(context.Background(), func(tx *store.Tx) (err error) {
		all, err = tx.Events(store.EventQuery{Limit: 10000})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func record(name string) *audit.Record {
	return &audit.Record{
		Time: now, EventSource: "iam.amazonaws.com", EventName: name, EventType: audit.TypeAPICall,
		UserIdentity: audit.UserIdentity{Type: "IAMUser", UserName: "alice"}, SourceIPAddress: "127.0.0.1",
		RecipientAccountID: "111122223333",
	}
}

func TestNowIsDurableWhenItReturns(t *testing.T) {
	l, s := newLog(t, audit.ReadsQueued)
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			if err := l.Now(record(fmt.Sprintf("Event%02d", n))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(stored(t, s)); got != 50 {
		t.Errorf("%d events are stored, want 50", got)
	}
}

func TestReads(t *testing.T) {
	for mode, want := range map[audit.ReadMode]int{audit.ReadsQueued: 1000, audit.ReadsSync: 1000, audit.ReadsOff: 0} {
		t.Run(string(mode), func(t *testing.T) {
			l, s := newLog(t, mode)
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					for range 50 {
						if err := l.Read(record("GetUser")); err != nil {
							t.Error(err)
						}
					}
				})
			}

			wg.Wait()
			if mode == audit.ReadsSync {
				if got := len(stored(t, s)); got != want {
					t.Errorf("before the log is closed %d events are stored, want %d", got, want)
				}
			}

			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if got := len(stored(t, s)); got != want {
				t.Errorf("%d events are stored, want %d", got, want)
			}
			if err := l.Now(record("Late")); err == nil {
				t.Error("a closed log takes events")
			}
		})
	}
}

// A flood of strangers is counted, not stored.
func TestUnauthenticated(t *testing.T) {
	l, s := newLog(t, audit.ReadsQueued)
	flood := func(from string, n int) {
		for range n {
			if err := l.Unauthenticated(netip.MustParseAddr(from),
				&audit.Record{Time: now, EventName: "ListUsers", SourceIPAddress: from}); err != nil {
				t.Fatal(err)
			}
		}
	}

	flood("10.0.0.1", 100)
	flood("10.0.0.2", 3)
	if got := len(stored(t, s)); got != 13 {
		t.Errorf("%d events are stored within the minute, want 10 and 3", got)
	}
	if err := l.FlushUnauthenticated(now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}

	var sums []string
	for _, e := range stored(t, s) {
		if e.Name == "UnauthenticatedRequests" {
			var r struct {
				SourceIPAddress     string
				AdditionalEventData struct{ NotRecorded int }
			}
			if err := json.Unmarshal([]byte(e.Record), &r); err != nil {
				t.Fatal(err)
			}
			sums = append(sums, fmt.Sprint(r.SourceIPAddress, " ", r.AdditionalEventData.NotRecorded))
		}
	}

	if diff := cmp.Diff([]string{"10.0.0.1 90"}, sums); diff != "" {
		t.Errorf("summaries (-want +got):\n%s", diff)
	}
}

// So many addresses that they are not told apart any more take no more memory, and are still counted.
func TestUnauthenticatedFromEverywhere(t *testing.T) {
	l, s := newLog(t, audit.ReadsQueued)
	for n := range 3000 {
		from := netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)})
		if err := l.Unauthenticated(from, &audit.Record{Time: now, EventName: "ListUsers", SourceIPAddress: from.String()}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(stored(t, s)); got > 1100 {
		t.Errorf("%d events are stored for 3000 addresses", got)
	}
}

func TestRecordIsBounded(t *testing.T) {
	l, s := newLog(t, audit.ReadsQueued)
	r := record("PutUserPolicy")
	r.UserAgent, r.ErrorMessage = strings.Repeat("a", 5000), strings.Repeat("é", 5000)
	r.RequestParameters = map[string]string{"policyDocument": strings.Repeat("x", 200_000)}
	if err := l.Now(r); err != nil {
		t.Fatal(err)
	}
	text := stored(t, s)[0].Record
	if len(text) > 8000 || !json.Valid([]byte(text)) || !strings.Contains(text, `"omitted"`) {
		t.Errorf("the record has %d bytes: %.300s", len(text), text)
	}
}

func TestParameters(t *testing.T) {
	type tag struct{ Key, Value string }
	at := time.Date(2026, 11, 24, 3, 4, 5, 0, time.UTC)
	in := struct {
		UserName   string
		Path       string
		Password   awsquery.Secret
		Tags       []tag
		Seed       []byte
		CreateDate *time.Time
		Nested     *struct{ SecretAccessKey awsquery.Secret }
		MaxItems   int
	}{
		UserName: "alice", Password: "hunter2-hunter2", Tags: []tag{{"k", ""}}, Seed: []byte("seed"), CreateDate: &at,
		Nested: &struct{ SecretAccessKey awsquery.Secret }{"wJalr"},
	}

	got, err := json.Marshal(audit.Parameters(&in))
	if err != nil {
		t.Fatal(err)
	}

	want := `{"createDate":"Nov 24, 2026 3:04:05 AM","nested":{},"tags":[{"key":"k"}],"userName":"alice"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if audit.Parameters(&struct{ Password awsquery.Secret }{"x"}) != nil {
		t.Error("nothing but a secret is not nothing")
	}
}

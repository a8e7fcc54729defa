package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// cluster is a PostgreSQL server that the tests of this package may stop and start.
var cluster struct {
	once sync.Once
	*storetest.Cluster
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if cluster.Cluster != nil {
		if err := cluster.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// onPostgres opens a store on a database of its own, whatever the engine that the other tests run on, and a connection beside it.
func onPostgres(t *testing.T) (*Store, *pgx.Conn) {
	t.Helper()
	cluster.once.Do(func() { cluster.Cluster, cluster.err = storetest.NewCluster() })
	if cluster.err != nil {
		t.Fatal(cluster.err)
	}

	t.Setenv("TOUCHSTONE_TEST_DATABASE", cluster.URL())
	once(t)
	ctx := context.Background()
	c := place(t)
	s, err := OpenConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { s.Close() })
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { conn.Close(ctx) })
	return s, conn
}

// once keeps the test mode that runs every Update twice out of a test that counts runs.
func once(t *testing.T) {
	before := updateTwice
	updateTwice = false
	t.Cleanup(func() { updateTwice = before })
}

func insertMail(tx *Tx, id string) error {
	return tx.InsertMessage(&Message{ID: id, AccountID: testAccount, CreatedAt: testTime})
}

func mails(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	if err := s.View(context.Background(), func(tx *Tx) error {
		due, err := tx.DueMessages(testTime, 1_000_000)
		for _, m := range due {
			ids[m.ID] = true
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

func terminate(t *testing.T, conn *pgx.Conn, pid uint32) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), `select pg_terminate_backend($1, 5000)`, int32(pid)); err != nil {
		t.Error(err)
	}
}

func TestConnectionLostBeforeTheCommit(t *testing.T) {
	s, conn := onPostgres(t)
	runs := 0
	if err := s.Update(context.Background(), NoLock(), func(tx *Tx) error {
		runs++
		if err := insertMail(tx, "a"); err != nil {
			return err
		}
		if runs == 1 {
			terminate(t, conn, tx.c.(*pgConnection).conn.PID())
		}
		return insertMail(tx, "b")
	}); err != nil {
		t.Fatal(err)
	}
	if got := mails(t, s); runs != 2 || len(got) != 2 {
		t.Errorf("%d runs left %v", runs, got)
	}
}

func TestConnectionLostDuringTheCommit(t *testing.T) {
	s, conn := onPostgres(t)
	ctx := context.Background()

	// The commit stands still until its connection is ended.
	if _, err := conn.Exec(ctx, `create function stand_still() returns trigger language plpgsql as
		$$ begin perform pg_sleep(8); return null; end $$;
		create constraint trigger slow after insert on outbox deferrable initially deferred
		for each row execute function stand_still()`); err != nil {
		t.Fatal(err)
	}

	runs := 0
	pid := make(chan uint32, 1)
	done := make(chan error)
	go func() {
		done <- s.Update(ctx, NoLock(), func(tx *Tx) error {
			runs++
			err := insertMail(tx, "a")
			pid <- tx.c.(*pgConnection).conn.PID()
			return err
		})
	}()

	victim := <-pid
	for committing := false; !committing; {
		if err := conn.QueryRow(ctx, `select query = 'commit' and state = 'active' from pg_stat_activity where pid = $1`, int32(victim)).
			Scan(&committing); err != nil {
			t.Fatal(err)
		}
	}

	terminate(t, conn, victim)
	if err := <-done; !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrOutcomeUnknown) || runs != 1 {
		t.Errorf("%d runs, error %v", runs, err)
	}
}

func TestLostConnectionsOfViewsAreReplaced(t *testing.T) {
	s, conn := onPostgres(t)
	ctx := context.Background()
	read := func(tx *Tx) error { _, err := tx.Setting("x"); return err }
	if err := s.View(ctx, read); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, `select pg_terminate_backend(pid, 5000) from pg_stat_activity
		where application_name like 'touchstone%'`); err != nil {
		t.Fatal(err)
	}
	runs := 0
	if err := s.View(ctx, func(tx *Tx) error { runs++; return read(tx) }); err != nil || runs != 1 {
		t.Errorf("%d runs, error %v", runs, err)
	}
}

func TestFailuresOfSerialisationAreRunAgain(t *testing.T) {
	s, _ := onPostgres(t)
	for _, code := range []string{"40001", "40P01"} {
		runs := 0
		if err := s.Update(context.Background(), NoLock(), func(tx *Tx) error {
			if runs++; runs == 1 {
				_, err := tx.exec(`do $$ begin raise sqlstate '` + code + `'; end $$`)
				return fmt.Errorf("worded anew: %v", err)
			}
			return insertMail(tx, code)
		}); err != nil || runs != 2 {
			t.Errorf("%s: %d runs, error %v", code, runs, err)
		}
	}
}

func TestDeadlocksAreRunAgain(t *testing.T) {
	s, _ := onPostgres(t)
	ctx := context.Background()
	for _, id := range []string{"a", "b"} {
		if err := s.Update(ctx, NoLock(), func(tx *Tx) error { return insertMail(tx, id) }); err != nil {
			t.Fatal(err)
		}
	}

	var both, runs atomic.Int32
	var wg sync.WaitGroup
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			if err := s.Update(ctx, NoLock(), func(tx *Tx) error {
				runs.Add(1)
				for n, id := range order {
					if err := tx.change(`update outbox set attempts = attempts + 1 where message_id = $1`, id); err != nil {
						return err
					}
					if n == 0 {
						for both.Add(1); both.Load() < 2; { // until each has what the other wants
							time.Sleep(time.Millisecond)
						}
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}

	wg.Wait()
	if runs.Load() < 3 { // on a busy machine the server may find both of them in the deadlock, and end both
		t.Errorf("%d runs, want one of the two again", runs.Load())
	}
}

// While the database is gone every request is told so, what was acknowledged is there afterwards, and nobody has to do anything.
func TestDatabaseRestartedUnderLoad(t *testing.T) {
	s, conn := onPostgres(t)
	ctx := context.Background()
	conn.Close(ctx)
	var (
		acknowledged sync.Map
		unavailable  atomic.Int64
		stop         atomic.Bool
		wg           sync.WaitGroup
	)

	for worker := range 8 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				id := fmt.Sprintf("%d-%d", worker, n)
				err := s.Update(ctx, NoLock(), func(tx *Tx) error { return insertMail(tx, id) })
				if err == nil {
					acknowledged.Store(id, true)
					err = s.View(ctx, func(tx *Tx) error { _, err := tx.Setting("x"); return err })
				}
				if errors.Is(err, ErrUnavailable) {
					unavailable.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}

	time.Sleep(200 * time.Millisecond)
	for range 2 {
		if err := cluster.Stop(); err != nil {
			t.Fatal(err)
		}
		for before := unavailable.Load(); unavailable.Load() < before+100; {
			time.Sleep(time.Millisecond)
		}
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
		for well := false; !well; {
			well = s.Update(ctx, NoLock(), func(tx *Tx) error { return tx.SetSetting("x", "y") }) == nil
		}
	}

	stop.Store(true)
	wg.Wait()
	stored, count := mails(t, s), 0
	acknowledged.Range(func(id, _ any) bool {
		count++
		if !stored[id.(string)] {
			t.Errorf("mail %s was acknowledged and is gone", id)
		}
		return true
	})

	if count == 0 {
		t.Error("nothing was written at all")
	}
}

// Every text column is compared by its bytes, in a database whose own order is another.
func TestTextIsComparedByItsBytes(t *testing.T) {
	_, conn := onPostgres(t)
	ctx := context.Background()
	var linguistic bool
	if err := conn.QueryRow(ctx, `select 'a' < 'B'`).Scan(&linguistic); err != nil || !linguistic {
		t.Fatalf("the test's database sorts by bytes by itself: %v", err)
	}
	rows, err := conn.Query(ctx, `select table_name || '.' || column_name from information_schema.columns
		where table_schema = current_schema() and data_type in ('text', 'character varying') and collation_name is distinct from 'C'`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) > 0 {
		t.Errorf("columns that sort by language: %v, %v", names, err)
	}
}

func TestSessionSettingsWin(t *testing.T) {
	s, _ := onPostgres(t)
	if err := s.View(context.Background(), func(tx *Tx) error {
		for name, want := range map[string]string{
			"synchronous_commit": "on", "lock_timeout": "5s", "statement_timeout": "10s",
			"idle_in_transaction_session_timeout": "10s", "transaction_isolation": "repeatable read", "transaction_read_only": "on",
		} {
			var got string
			if err := tx.get(`select current_setting($1)`, []any{name}, &got); err != nil {
				return err
			}

			if got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// fakeServer is a server that says these things of itself, and is never asked anything.
func fakeServer(t *testing.T, parameters map[string]string) (databaseURL string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := pgproto3.NewBackend(c, c)
			start, err := b.ReceiveStartupMessage()
			if _, asked := start.(*pgproto3.SSLRequest); asked {
				c.Write([]byte("N")) //nolint:errcheck // the client's error is what is looked at
				start, err = b.ReceiveStartupMessage()
			}
			if err != nil || start == nil {
				c.Close()
				continue
			}
			b.Send(&pgproto3.AuthenticationOk{})
			for name, value := range parameters {
				b.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
			}
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			b.Flush()   //nolint:errcheck // the client's error is what is looked at
			b.Receive() //nolint:errcheck // until the client goes
			c.Close()
		}
	}()
	return "postgres://u:pa55word@" + l.Addr().String() + "/touchstone?sslmode=disable"
}

func TestServersThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ version, standby, encoding, want string }{
		"old":      {"14.9 (Debian 14.9-1)", "off", "UTF8", "PostgreSQL 14.9"},
		"older":    {"9.6.24", "off", "UTF8", "needs 15 or later"},
		"standby":  {"17.2", "on", "UTF8", "standby"},
		"encoding": {"16.1", "off", "LATIN1", "ENCODING 'UTF8'"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := OpenConfig(context.Background(), Config{URL: fakeServer(t, map[string]string{
				"server_version": test.version, "in_hot_standby": test.standby, "server_encoding": test.encoding, "client_encoding": "UTF8",
			})})
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "pa55word") {
				t.Errorf("refused with %q, want %q in it and no password", err, test.want)
			}
		})
	}
}

// What keeps somebody from connecting is said in one line, without the driver's words and the password.
func TestConnectionsThatAreRefused(t *testing.T) {
	good := map[string]string{"server_version": "17.2", "in_hot_standby": "off", "server_encoding": "UTF8", "client_encoding": "UTF8"}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()

	for name, test := range map[string]struct{ url, want string }{
		"nobody there": {
			"postgres://u:pa55word@" + nobody.Addr().String() + "/touchstone",
			"nothing answers at " + nobody.Addr().String() + ":",
		},
		"two hosts": {
			"postgres://u:pa55word@" + nobody.Addr().String() + ",127.0.0.1:1/touchstone", nobody.Addr().String() + ", 127.0.0.1:1",
		},
		"no socket": {"postgres:///touchstone?host=/nowhere&password=pa55word", "nothing answers at /nowhere/.s.PGSQL.5432"},
		"no TLS": {
			strings.Replace(fakeServer(t, good), "sslmode=disable", "sslmode=require", 1), "does not offer TLS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := OpenConfig(context.Background(), Config{URL: test.url})
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if text := err.Error(); !strings.Contains(text, test.want) || strings.ContainsAny(text, "\n\t") ||
				strings.Contains(text, "pa55word") {
				t.Errorf("refused with %q, want %q in it, on one line and without the password", text, test.want)
			}
			if !errors.Is(err, ErrUnavailable) {
				t.Errorf("%v is not ErrUnavailable", err)
			}
		})
	}
}

// What the server answers is said with what to do about it.
func TestAnswersInPlainWords(t *testing.T) {
	s, err := parseURL("postgres://u:pa55word@localhost/touchstone")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ code, message, want string }{
		{"28P01", `password authentication failed for user "u"`, `refuses the password of the user "u": give it in PGPASSWORD`},
		{"28000", `no pg_hba.conf entry for host "192.0.2.1"`, `does not let the user "u" in: no pg_hba.conf entry`},
		{"3D000", `database "touchstone" does not exist`, "createdb --owner=u touchstone"},
		{"42501", "permission denied for schema public", `make it the owner of the database "touchstone"`},
		{"08P01", "unsupported startup parameter: lock_timeout", "name the PostgreSQL server itself"},
		{"XX000", "something else", "XX000"},
	} {
		err := s.explain(fmt.Errorf("migrate: %w", &pgconn.PgError{Severity: "FATAL", Code: test.code, Message: test.message}))
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s is worded %q, want %q in it", test.code, err, test.want)
		}
	}

	// The look-up of a host is replaced, so that the test asks no name server.
	s.config.LookupFunc = func(context.Context, string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "db.example.com"}
	}
	_, err = pgconn.ConnectConfig(context.Background(), &s.config.Config)
	if err := s.explain(err); err.Error() != "the host name db.example.com is not known: no such host" {
		t.Errorf("an unknown host is worded %q", err)
	}
}

// A pooler is recognised by the number of the process that it gives its clients, which is not the server's.
func TestPoolersAreRefused(t *testing.T) {
	_, conn := onPostgres(t)
	server := conn.Config()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		network, address := pgconn.NetworkAddress(server.Host, server.Port)
		behind, err := net.Dial(network, address)
		if err != nil {
			return
		}
		defer behind.Close()

		// Only what the server sends is changed.
		go io.Copy(behind, client) //nolint:errcheck // until either goes
		from, to := pgproto3.NewFrontend(behind, nil), pgproto3.NewBackend(nil, client)
		for {
			message, err := from.Receive()
			if err != nil {
				return
			}
			if key, ok := message.(*pgproto3.BackendKeyData); ok {
				key.ProcessID++
			}
			to.Send(message)
			if to.Flush() != nil {
				return
			}
		}
	}()

	pooled := "postgres://" + server.User + "@" + l.Addr().String() + "/" + server.Database + "?sslmode=disable"
	s, err := OpenConfig(context.Background(), Config{URL: pooled})
	if err == nil {
		s.Close()
		t.Fatal("opened")
	}
	if !strings.Contains(err.Error(), "a connection pooler") {
		t.Errorf("refused with %v", err)
	}
}

// A database that holds nothing, and one of an earlier version, are told apart from each other and from one that is of use.
func TestWhatMayBeMade(t *testing.T) {
	ctx := context.Background()
	c := place(t)
	c.Migrate = false
	if _, err := OpenConfig(ctx, c); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty: %v, want ErrEmpty", err)
	}
	old := oldDatabase(t, 2, oldRows...)
	old.Migrate, old.Create = false, true
	if _, err := OpenConfig(ctx, old); !errors.Is(err, ErrOldSchema) {
		t.Errorf("old: %v, want ErrOldSchema", err)
	}

	var from, to int64
	report := func(a, b int64) { from, to = a, b }
	c.Create, c.Migrated = true, report
	old.Migrate, old.Migrated = true, report
	for want, c := range map[int64]Config{0: c, 2: old} {
		s, err := OpenConfig(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if from != want || to != SchemaVersion() {
			t.Errorf("migrated from %d to %d, want from %d to %d", from, to, want, SchemaVersion())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestURLs(t *testing.T) {
	for text, want := range map[string]string{
		"postgres://u:pa55word@db.example.com/t":                 "verified",
		"postgres://u:pa55word@127.0.0.1,db.example.com/t":       "verified",
		"postgres://u:pa55word@db.example.com/t?sslmode=disable": "plain",
		"postgres://u:pa55word@localhost/t?sslmode=disable":      "plain",
		"postgres://u:pa55word@[::1]/t":                          "optional",
		"postgres:///t?host=/run/postgresql":                     "plain",
		"mysql://u:pa55word@localhost/t":                         "error",
		"postgres://u:pa55word@local host/t":                     "error",
		"postgres://u:pa55word@localhost:port/t":                 "error",
		"postgres://u:pa55word@localhost/t?sslmode=pa55word":     "error",
		"postgres://u:pa55word@localhost/t?pool_max_conns=1":     "error",
		"host=localhost password=pa55word":                       "error",
	} {
		s, err := parseURL(text)
		got := "error"
		if err == nil {
			switch c := s.config; {
			case c.TLSConfig == nil:
				got = "plain"
			case c.TLSConfig.InsecureSkipVerify:
				got = "optional"
			default:
				got = "verified"
			}
		} else if strings.Contains(err.Error(), "pa55word") {
			t.Errorf("%s: the error quotes the password: %v", text, err)
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", text, got, err, want)
		}
	}
}

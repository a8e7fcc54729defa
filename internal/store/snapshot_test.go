package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// onSQLite opens a store with an account in a directory of its own, on SQLite whatever engine the other tests run on.
func onSQLite(t *testing.T) (s *Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "touchstone.db")
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	insertTestAccount(t, s)
	return s, path
}

func insertTestAccount(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Update(context.Background(), NoLock(), func(tx *Tx) error {
		return errors.Join(tx.InsertAccount(testAccount, "root@example.com", testTime), tx.InsertPrincipal(&Principal{
			AccountID: testAccount, ID: "root", Kind: Root, UniqueID: testAccount, Path: "/", CreatedAt: testTime,
		}))
	}); err != nil {
		t.Fatal(err)
	}
}

// addUser adds a user of the name.
func addUser(s *Store, name string) error {
	return s.Update(context.Background(), Raise(testAccount), func(tx *Tx) error {
		return tx.InsertPrincipal(&Principal{
			AccountID: testAccount, ID: "id of " + name, Kind: User, UniqueID: "AIDA" + name, Name: name, Path: "/", CreatedAt: testTime,
		})
	})
}

// damage overwrites pages in the middle of a closed database.
func damage(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(text[len(text)/3 : len(text)/3*2])
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Snapshots that are taken while writers run are whole databases, and hold everything that was acknowledged before they began.
func TestSnapshotsAmongWriters(t *testing.T) {
	s, path := onSQLite(t)
	var (
		stop         atomic.Bool
		writers      sync.WaitGroup
		acknowledged atomic.Int64
	)
	defer writers.Wait()
	defer stop.Store(true)
	for n := range 4 {
		writers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if err := addUser(s, fmt.Sprintf("u%d-%d", n, i)); err != nil {
					t.Error(err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}

	for n := range 6 {
		for goal := acknowledged.Load() + 20; acknowledged.Load() < goal; {
			time.Sleep(time.Millisecond)
		}
		before := acknowledged.Load()
		var steps, all int
		to := filepath.Join(filepath.Dir(path), fmt.Sprintf("copy%d.db", n))
		taken, err := s.Snapshot(context.Background(), to, func(done, total int) { steps, all = done, total })
		if err != nil {
			t.Fatal(err)
		}
		found, err := InspectCopy(context.Background(), to)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(taken, found); diff != "" {
			t.Errorf("what was taken differs from what is in the copy (-taken +found):\n%s", diff)
		}
		if users := taken.Rows["principal"] - 1; users < before {
			t.Errorf("%d users were acknowledged before, and %d are in the copy", before, users)
		}
		if steps == 0 || steps != all {
			t.Errorf("progress ended at %d of %d pages", steps, all)
		}
		if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the copy: %v, %v", info, err)
		}
		copied, err := OpenConfig(context.Background(), Config{Path: to})
		if err != nil {
			t.Fatal(err)
		}
		if err := copied.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A snapshot that cannot be finished leaves nothing, and an existing file is not overwritten.
func TestUnfinishedSnapshotLeavesNothing(t *testing.T) {
	s, path := onSQLite(t)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	to := path + ".copy"
	if _, err := s.Snapshot(canceled, to, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if left, _ := filepath.Glob(to + "*"); len(left) > 0 {
		t.Errorf("%v was left", left)
	}
}

// A damaged file is refused when it is opened, whether it was copied here or not closed here, and the error says what to do. It
// can be opened to be looked at.
func TestDamagedFileIsRefused(t *testing.T) {
	ctx := context.Background()
	for name, spoil := range map[string]func(t *testing.T, path string) string{
		"a copy": func(t *testing.T, path string) string {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), "touchstone.db")
			if err := os.WriteFile(to, text, 0o600); err != nil {
				t.Fatal(err)
			}
			damage(t, to)
			return to
		},
		"changed in place": func(t *testing.T, path string) string { damage(t, path); return path },
		"no database": func(t *testing.T, path string) string {
			if err := os.WriteFile(path, []byte(strings.Repeat("nonsense", 2000)), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := onSQLite(t)
			for n := range 300 {
				if err := addUser(s, fmt.Sprintf("user-%d", n)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path = spoil(t, path)

			s, err := OpenConfig(ctx, Config{Path: path, Migrate: true})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "touchstone restore") {
				t.Errorf("refused with %v", err)
			}
			s, err = OpenConfig(ctx, Config{Path: path, Unchecked: true})
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("cannot be looked at: %v", err)
				}
				return
			}
			defer s.Close()
			findings, err := s.Inspect(ctx)
			if err != nil || len(findings) == 0 {
				t.Errorf("findings %q, error %v", findings, err)
			}
		})
	}
}

// A file is checked when it was not closed, or is not the one that was closed here, and only then.
func TestWhenAFileIsChecked(t *testing.T) {
	ctx := context.Background()
	reopen := func(t *testing.T, path string) (why string) {
		t.Helper()
		s, err := OpenConfig(ctx, Config{Path: path, Migrate: true, Checking: func(reason string) { why = reason }})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return why
	}
	s, path := onSQLite(t)
	var beside string
	other, err := OpenConfig(ctx, Config{Path: path, Checking: func(why string) { beside = why }})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if beside != "" {
		t.Errorf("beside another process: %s", beside)
	}
	if why := reopen(t, path); why != "" {
		t.Errorf("after it was closed: %s", why)
	}

	// A process that ends without closing leaves the mark of being open.
	s, err = Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadFile(filepath.Join(filepath.Dir(path), lockFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), lockFile), left, 0o600); err != nil {
		t.Fatal(err)
	}
	if why := reopen(t, path); !strings.Contains(why, "not closed") {
		t.Errorf("after it was not closed: %q", why)
	}

	to := filepath.Join(t.TempDir(), "touchstone.db")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if why := reopen(t, to); !strings.Contains(why, "copied") {
		t.Errorf("after it was copied: %q", why)
	}
	if why := reopen(t, to); why != "" {
		t.Errorf("the second time: %s", why)
	}
}

// What is written to a file that is no longer at its place is refused, and accepted again once the file is back.
func TestReplacedFileIsNoticed(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"the database is removed":  os.Remove,
		"the log is removed":       func(path string) error { return os.Remove(path + "-wal") },
		"the directory is removed": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"another file is there": func(path string) error {
			return errors.Join(os.WriteFile(path+".other", nil, 0o600), os.Rename(path+".other", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, path := onSQLite(t)
			if err := addUser(s, "before"); err != nil {
				t.Fatal(err)
			}
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			if err := addUser(s, "after"); !errors.Is(err, ErrReplaced) || !errors.Is(err, ErrUnavailable) ||
				errors.Is(err, ErrOutcomeUnknown) {
				t.Errorf("a change: %v, want ErrReplaced", err)
			}
		})
	}

	s, path := onSQLite(t)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := addUser(s, "meanwhile"); !errors.Is(err, ErrReplaced) {
		t.Errorf("while it is away: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := addUser(s, "again"); err != nil {
		t.Errorf("once it is back: %v", err)
	}
}

// A reader that comes when the file has gone reads from no other one, and makes none.
func TestReadersStayOnTheFile(t *testing.T) {
	ctx := context.Background()
	s, path := onSQLite(t)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	read := func(tx *Tx) error { _, err := tx.Freshness(testAccount); return err }
	if err := s.View(ctx, read); err != nil && !errors.Is(err, ErrReplaced) {
		t.Errorf("a reader: %v", err)
	}
	if _, err := s.Snapshot(ctx, path+".copy", nil); !errors.Is(err, ErrReplaced) {
		t.Errorf("a snapshot: %v, want ErrReplaced", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made in its place: %v", err)
	}
}

// A database that turns out to be damaged while it is open is used no more: neither for a change nor for a decision.
func TestDamageEndsTheUse(t *testing.T) {
	ctx := context.Background()
	s, path := onSQLite(t)
	for n := range 500 {
		if err := addUser(s, fmt.Sprintf("user-%d", n)); err != nil {
			t.Fatal(err)
		}
	}
	e := s.engine.(*sqliteEngine)
	if _, err := e.db.Exec(`pragma wal_checkpoint(truncate)`); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, info.Size()-4096), 4096); err != nil {
		t.Fatal(err)
	}
	f.Close()

	// A new snapshot reads from the file what no connection remembers.
	err = nil
	for n := 0; err == nil && n < 100; n++ {
		err = s.View(ctx, func(tx *Tx) error { _, err := tx.rowCounts(); return err })
	}
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("reading: %v", err)
	}
	if err := s.View(ctx, func(tx *Tx) error { _, err := tx.Freshness(testAccount); return err }); !errors.Is(err, ErrDamaged) {
		t.Errorf("then reading: %v", err)
	}
	if err := addUser(s, "after"); !errors.Is(err, ErrDamaged) {
		t.Errorf("then a change: %v", err)
	}
}

// Once an account is read at a lower generation than before, the store answers nothing until it has another incarnation.
func TestPutBackIsNoticed(t *testing.T) {
	ctx := context.Background()
	once(t)
	for _, first := range []string{"View", "Update"} {
		t.Run(first, func(t *testing.T) {
			one, other := openTwo(t)
			read := func(tx *Tx) error { _, err := tx.Freshness(testAccount); return err }
			for range 5 {
				if err := one.Update(ctx, Raise(testAccount), func(*Tx) error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if err := one.View(ctx, read); err != nil {
				t.Fatal(err)
			}
			change := func(text string) {
				t.Helper()
				if err := other.Update(ctx, NoLock(), func(tx *Tx) error { return tx.change(text, testAccount) }); err != nil {
					t.Fatal(err)
				}
			}
			change(`update account set generation = generation - 3 where account_id = $1`)

			ask := map[string]func() error{
				"View":   func() error { return one.View(ctx, read) },
				"Update": func() error { return one.Update(ctx, NoLock(), read) },
			}
			if err := ask[first](); !errors.Is(err, ErrPutBack) || !errors.Is(err, ErrUnavailable) ||
				!strings.Contains(err.Error(), "touchstone restored") {
				t.Fatalf("%s: %v, want ErrPutBack", first, err)
			}
			for name, fn := range ask {
				if err := fn(); !errors.Is(err, ErrPutBack) {
					t.Errorf("then %s: %v", name, err)
				}
			}

			// A number that has grown again says nothing: it stands for other changes.
			change(`update account set generation = generation + 10 where account_id = $1`)
			if err := one.View(ctx, func(*Tx) error { return nil }); !errors.Is(err, ErrPutBack) {
				t.Errorf("at a higher generation: %v", err)
			}
			if err := other.Update(ctx, Installation(), func(tx *Tx) error { return tx.renewIncarnations() }); err != nil {
				t.Fatal(err)
			}
			for name, fn := range ask {
				if err := fn(); err != nil {
					t.Errorf("%s in another incarnation: %v", name, err)
				}
			}
		})
	}
}

// Readers of older snapshots beside a writer do not look as if the database had been put back.
func TestOlderSnapshotsAreNotPutBack(t *testing.T) {
	ctx := context.Background()
	one, other := openTwo(t)
	read := func(tx *Tx) error { _, err := tx.Freshness(testAccount); return err }
	var stop atomic.Bool
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			for !stop.Load() {
				if err := one.Update(ctx, Raise(testAccount), read); err != nil {
					t.Error(err)
				}
			}
		})
	}

	for range 4 {
		running.Go(func() {
			for range 300 {
				if err := other.View(ctx, func(tx *Tx) error {
					if _, err := tx.Setting("x"); err != nil { // the snapshot begins here
						return err
					}
					time.Sleep(100 * time.Microsecond)
					_, err := tx.Freshness(testAccount)
					return err
				}); err != nil {
					t.Error(err)
				}
			}
			stop.Store(true)
		})
	}
	running.Wait()
}

// Every table is either emptied by a restore or kept, so that a new one is not forgotten.
func TestEveryTableIsEndedOrKeptByARestore(t *testing.T) {
	s, _ := onSQLite(t)
	if err := s.View(context.Background(), func(tx *Tx) error {
		tables, err := tx.tables()
		for _, tb := range tables {
			if slices.Contains(endedByRestore, tb.name) == slices.Contains(keptByRestore, tb.name) {
				t.Errorf("table %s: say whether what is in it lets somebody in who has shown something of themselves before", tb.name)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A restore ends sessions, ceremonies and links, and nothing else; what was issued before is void; each account has another
// incarnation.
func TestEndEverySession(t *testing.T) {
	ctx := context.Background()
	s, tables := filled(t)
	now := testTime.Add(time.Hour)
	var before, after Freshness
	if err := s.Update(ctx, Installation(), func(tx *Tx) (err error) {
		if before, err = tx.snapshotFreshness(accountHere); err != nil {
			return err
		}
		ended, err := tx.EndEverySession(now)
		if ended != 3 {
			t.Errorf("%d console sessions were ended, want 3", ended)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}

	if err := s.View(ctx, func(tx *Tx) (err error) {
		if after, err = tx.snapshotFreshness(accountHere); err != nil {
			return err
		}
		if before.Incarnation == after.Incarnation {
			t.Error("the incarnation is the same")
		}
		void, err := tx.count(`select count(*) from principal where sessions_not_before = $1`, micros(now))
		if err != nil {
			return err
		}

		if void != 3 {
			t.Errorf("the sessions of %d principals are void, want 3", void)
		}
		for _, tb := range tables {
			n, err := tx.count(`select count(*) from ` + tb.name)
			if err != nil {
				return err
			}
			if ended := slices.Contains(endedByRestore, tb.name); ended != (n == 0) {
				t.Errorf("table %s has %d rows", tb.name, n)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// snapshotFreshness is Freshness without any memory of it.
func (tx *Tx) snapshotFreshness(account string) (Freshness, error) {
	tx.watch = nil
	return tx.Freshness(account)
}

// contents reads every row of every table, in words that are the same on both engines, sorted.
func contents(t *testing.T, s *Store) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	if err := s.View(context.Background(), func(tx *Tx) error {
		tables, err := tx.tables()
		if err != nil {
			return err
		}

		for _, tb := range tables {
			all[tb.name] = nil
			if err := tx.each(`select `+tb.columnList()+` from `+tb.name, nil, func(row scanner) error {
				places := make([]any, len(tb.columns))
				for n, c := range tb.columns {
					places[n] = &copied{kind: c.kind}
				}
				err := row.Scan(places...)
				var text strings.Builder
				for n, c := range tb.columns {
					if tb.name == "account" && (c.name == "incarnation" || c.name == "generation") {
						continue
					}
					fmt.Fprintf(&text, "%s=%#v ", c.name, places[n].(*copied).value)
				}
				all[tb.name] = append(all[tb.name], text.String())
				return err
			}); err != nil {
				return err
			}
			slices.Sort(all[tb.name])
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	return all
}

// A database that is copied to the other engine and back is the same, in every table and column of the schema.
func TestCopyToTheOtherEngineAndBack(t *testing.T) {
	ctx := context.Background()
	start, _ := filled(t)
	for n := range 2*copyBatch + 5 {
		if err := start.Update(ctx, NoLock(), func(tx *Tx) error {
			return tx.InsertEvent(&Event{AccountID: accountHere, ID: fmt.Sprint(n), Time: testTime, Name: "Größe \"'", Record: "{}"})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := start.Update(ctx, NoLock(), func(tx *Tx) error {
		return errors.Join(tx.SetSetting("a", ""), tx.InsertDataKey(&DataKey{ID: "0a0b0c0d", Sealed: []byte{0, 255}}),
			tx.InsertManagedPolicy(&ManagedPolicy{AccountID: accountHere, ID: "ANPA1", ARN: "arn:p", Name: "p", Path: "/"}, "{}"),
			tx.TouchServer(&Server{ID: "s", Name: "host", Keys: []string{"a", "b"}}), tx.InsertCeremony(&Ceremony{
				AccountID: accountHere, Hash: []byte{0, 255}, Purpose: PurposeAssert, Record: []byte{},
			}, 8))
	}); err != nil {
		t.Fatal(err)
	}
	middle, _ := onPostgres(t)
	t.Setenv("TOUCHSTONE_TEST_DATABASE", "")
	end, err := Open(ctx, filepath.Join(t.TempDir(), "touchstone.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()

	var steps, all int64
	rows, err := CopyAll(ctx, start, middle, func(done, total int64) { steps, all = done, total })
	if err != nil {
		t.Fatal(err)
	}
	if steps != all || rows["audit_event"] < 2*copyBatch {
		t.Errorf("%d of %d rows were copied, %d of them events", steps, all, rows["audit_event"])
	}
	if _, err := CopyAll(ctx, middle, end, nil); err != nil {
		t.Fatal(err)
	}
	want := contents(t, start)
	for name, s := range map[string]*Store{"the copy": middle, "the copy of the copy": end} {
		if diff := cmp.Diff(want, contents(t, s)); diff != "" {
			t.Errorf("%s differs (-original +copy):\n%s", name, diff)
		}
	}
	for name, rows := range want {
		if len(rows) == 0 && name != "installation" && name != "throttle" {
			t.Errorf("table %s has no row, so that nothing was shown of it", name)
		}
	}
	var here, there Freshness
	for s, f := range map[*Store]*Freshness{start: &here, end: &there} {
		if err := s.View(ctx, func(tx *Tx) (err error) { *f, err = tx.Freshness(accountHere); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if here.Incarnation == there.Incarnation {
		t.Error("the copied account has the same incarnation")
	}

	if _, err := CopyAll(ctx, start, end, nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a database that has data: %v, want ErrNotEmpty", err)
	}
}

// A store that is to be alone is opened only when nobody else has the database, and keeps others from it.
func TestAlone(t *testing.T) {
	ctx := context.Background()
	c := place(t)
	s, err := OpenConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	alone := c
	alone.Alone = true
	if other, err := OpenConfig(ctx, alone); err == nil || !strings.Contains(err.Error(), "in use by") {
		t.Errorf("beside another: %v, %v", other, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s, err = OpenConfig(ctx, alone)
	if err != nil {
		t.Fatal(err)
	}
	insertTestAccount(t, s)
	waiting, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if other, err := OpenConfig(waiting, c); err == nil {
		other.Close()
		t.Error("opened beside one that is alone")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenConfig(ctx, c); err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// Rows without those that they refer to are found, and wrong counts.
func TestInspect(t *testing.T) {
	ctx := context.Background()
	path, databaseURL := storetest.Place(t, t.TempDir())
	s, err := OpenConfig(ctx, Config{Path: path, URL: databaseURL, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	insertTestAccount(t, s)
	if err := addUser(s, "alice"); err != nil {
		t.Fatal(err)
	}
	if findings, err := s.Inspect(ctx); err != nil || len(findings) > 0 {
		t.Fatalf("in a sound database: %q, %v", findings, err)
	}

	for _, test := range [][2]string{
		{
			`insert into quota (account_id, name, value) values ('000000000000', 'n', 1)`,
			"1 rows of quota have no row of account",
		},
		{
			`insert into notice values ('111122223333', 'n', 'nobody', 'k', 'd', 1)`,
			"1 rows of notice have no row of principal",
		},
		{
			`insert into access_key_directory (access_key_id, account_id) values ('AKIA', '111122223333')`,
			"1 rows of access_key_directory have no row of access_key",
		},
		{
			`insert into credential_directory values ('c', '111122223333', 'd', 'localhost')`,
			"1 rows of credential_directory have no row of mfa_device",
		},
		{
			`update tally set n = 7 where kind = 'user'`,
			"another number of rows of kind user",
		},
		{
			`insert into tag values ('111122223333', 'principal', 'nobody', 'k', 'k', 'v', 1)`,
			"1 rows of tag have no row of principal",
		},
		{
			`delete from root_email_directory`,
			"1 rows of account have no row of root_email_directory",
		},
		{
			`insert into audit_event values ('000000000000', 'e', 1, 'n', 's', 'u', false, '', '{}', null)`,
			"",
		},
	} {
		text, want := test[0], test[1]
		var findings []string
		err := s.Update(ctx, NoLock(), func(tx *Tx) (err error) {
			if _, err := tx.exec(text); err != nil {
				return err
			}
			if findings, err = tx.inspect(); err != nil {
				return err
			}
			return errTakeBack
		})
		if !errors.Is(err, errTakeBack) {
			t.Fatalf("%s: %v", text, err)
		}
		if got := strings.Join(findings, "; "); !strings.HasPrefix(got, want) && !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: found %q, want %q", text, got, want)
		}
	}
}

var errTakeBack = errors.New("take it back")

// Whoever removes or puts back the data must know who has them open.
func TestSeizeDirectory(t *testing.T) {
	s, path := onSQLite(t)
	if _, err := SeizeDirectory(filepath.Dir(path)); err == nil ||
		!strings.Contains(err.Error(), "in use by process "+fmt.Sprint(syscall.Getpid())) {
		t.Errorf("while it is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	release, err := SeizeDirectory(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

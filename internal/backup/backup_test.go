package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/backup"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// makingIn names, in the environment of a copy of this program, the data directory that it makes backups of until it is killed,
// into the directory backups within.
const makingIn = "TOUCHSTONE_TEST_BACKUPS_OF"

func TestMain(m *testing.M) {
	data := os.Getenv(makingIn)
	if data == "" {
		os.Exit(m.Run())
	}
	s, err := store.OpenConfig(ctx, store.Config{Path: filepath.Join(data, "touchstone.db")})
	for err == nil {
		_, err = maker(s).Make(ctx, filepath.Join(data, "backups"))
		fmt.Println("made")
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

var ctx = context.Background()

func maker(s *store.Store) *backup.Maker {
	return &backup.Maker{Store: s, Clock: time.Now, Version: "v1"}
}

// served is a server on SQLite, with an account.
func served(t *testing.T) (*touchtest.Server, *touchtest.Account) {
	t.Helper()
	t.Setenv("TOUCHSTONE_TEST_DATABASE", "")
	s := touchtest.Start(t, nil)
	return s, s.NewAccount(t)
}

func makeBackup(t *testing.T, s *touchtest.Server, directory string) *backup.Backup {
	t.Helper()
	b, err := maker(s.State.Store).Make(ctx, directory)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A backup of a running server, restored elsewhere, is the installation: keys and passwords work. Sessions, links and temporary
// credentials of before do not.
func TestRestoreElsewhere(t *testing.T) {
	s, a := served(t)
	console := a.SetUpRoot()
	if err := s.State.Store.View(ctx, func(tx *store.Tx) error {
		_, _, err := s.API.Authn.Session(tx, console.Token, s.Clock.Now())
		return err
	}); err != nil {
		t.Fatalf("the session before: %v", err)
	}
	directory := filepath.Join(t.TempDir(), "backups")
	b := makeBackup(t, s, directory)
	if b.Rows["console_session"] == 0 {
		t.Fatal("there is no session in the backup")
	}
	if err := filepath.WalkDir(b.Path, func(path string, _ os.DirEntry, err error) error {
		if strings.Contains(path, "master") {
			t.Errorf("the backup has %s", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	keys, err := s.State.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if b.MasterKeyFingerprint != keys.Master[0] || b.Schema != store.SchemaVersion() || b.Rows["account"] != 1 ||
		b.Installation == "" {
		t.Errorf("the manifest is %+v", b.Manifest)
	}

	elsewhere := filepath.Join(t.TempDir(), "new")
	if _, err := (&backup.Restore{Data: elsewhere, Clock: time.Now, KeyFingerprint: "another"}).From(ctx, b); err == nil ||
		!strings.Contains(err.Error(), "master key is not the one") {
		t.Errorf("with another master key: %v", err)
	}
	done, err := (&backup.Restore{Data: elsewhere, Clock: s.Clock.Now, KeyFingerprint: keys.Master[0]}).From(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	if done.Sessions != b.Rows["console_session"] || !done.AsOf.Equal(b.Time) || done.Accounts != 1 {
		t.Errorf("the restore did %+v", done)
	}
	key, err := os.ReadFile(filepath.Join(s.Data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}

	restored := touchtest.StartIn(t, elsewhere, nil)
	again := *a
	again.Server = restored
	if _, err := again.STS(a.Root).GetCallerIdentity(ctx, nil); err != nil {
		t.Errorf("the access key: %v", err)
	}
	if err := restored.State.Store.View(ctx, func(tx *store.Tx) error {
		if _, _, err := restored.API.Authn.Session(tx, console.Token, restored.Clock.Now()); !errors.Is(err, authn.ErrNoSession) {
			t.Errorf("the session of before: %v, want ErrNoSession", err)
		}
		_, err := tx.RootUser(a.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Where there is a database it is left alone, or kept aside, and a directory in use is refused with whoever uses it.
func TestRestoreOverADatabase(t *testing.T) {
	s, a := served(t)
	b := makeBackup(t, s, filepath.Join(t.TempDir(), "backups"))
	here := &backup.Restore{Data: s.Data, Replace: true, Clock: time.Now}
	if _, err := here.From(ctx, b); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", os.Getpid())) {
		t.Errorf("while a server has it: %v", err)
	}
	if _, err := a.STS(a.Root).GetCallerIdentity(ctx, nil); err != nil {
		t.Errorf("the server afterwards: %v", err)
	}

	other := filepath.Join(t.TempDir(), "other")
	if err := os.MkdirAll(filepath.Join(other, ".touchstone-restore-killed"), 0o700); err != nil {
		t.Fatal(err)
	}
	elsewhere := &backup.Restore{Data: other, Clock: time.Now}
	if _, err := elsewhere.From(ctx, b); err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.From(ctx, b); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("over a database: %v", err)
	}
	elsewhere.Replace = true
	done, err := elsewhere.From(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{done.Aside, filepath.Join(other, "touchstone.db")} {
		kept, err := store.OpenConfig(ctx, store.Config{Path: path})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		kept.Close()
	}
	if left, _ := filepath.Glob(filepath.Join(other, ".touchstone-restore-*")); len(left) > 0 {
		t.Errorf("%v was left", left)
	}
}

// A backup whose file is not what was written is refused, and changes nothing where it would go.
func TestDamagedBackupIsRefused(t *testing.T) {
	s, _ := served(t)
	b := makeBackup(t, s, filepath.Join(t.TempDir(), "backups"))
	path := filepath.Join(b.Path, "touchstone.db")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "new")
	if _, err := (&backup.Restore{Data: to, Clock: time.Now}).From(ctx, b); err == nil ||
		!strings.Contains(err.Error(), "is damaged") {
		t.Errorf("restored: %v", err)
	}
	if _, err := os.Stat(filepath.Join(to, "touchstone.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a database is there: %v", err)
	}
}

// What is not a finished backup is refused in words that say what it is.
func TestWhatIsNoBackup(t *testing.T) {
	s, _ := served(t)
	directory := filepath.Join(t.TempDir(), "backups")
	b := makeBackup(t, s, directory)
	half := b.Path + ".unfinished"
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]string{
		directory:                              "name one of them; the newest is " + b.Path,
		half:                                   "was not finished",
		s.Data:                                 "is no backup",
		filepath.Join(b.Path, "touchstone.db"): "not a directory",
		filepath.Join(directory, "nowhere"):    "no such file",
	} {
		if _, err := backup.Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// A process that is killed while it makes backups leaves none that is taken for one and is not whole; the next attempt removes
// what it left.
func TestKilledBackup(t *testing.T) {
	s, a := served(t)
	if err := s.State.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		events := make([]*store.Event, 5000)
		for n := range events {
			events[n] = &store.Event{
				AccountID: a.ID, ID: fmt.Sprint(n), Time: time.Now(), Name: "GetUser", Record: strings.Repeat("x", 1000),
			}
		}
		return tx.InsertEvents(events)
	}); err != nil {
		t.Fatal(err)
	}
	directory := filepath.Join(s.Data, "backups")
	halves := 0
	for n := range 8 {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command(program)
		child.Env = append(os.Environ(), makingIn+"="+s.Data)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// After the first it is in the middle of the second, at one place or another.
		if _, err := out.Read(make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(3*n) * time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Wait() //nolint:errcheck // it was killed
		left, _ := filepath.Glob(filepath.Join(directory, "*.unfinished"))
		halves += len(left)
	}
	t.Logf("%d were left unfinished", halves)

	found, err := backup.List(directory)
	if err != nil || len(found) == 0 {
		t.Fatalf("%d backups, %v", len(found), err)
	}
	for n := range found {
		to := filepath.Join(t.TempDir(), "new")
		if _, err := (&backup.Restore{Data: to, Clock: time.Now}).From(ctx, &found[n]); err != nil {
			t.Errorf("%s: %v", found[n].Path, err)
		}
	}
	makeBackup(t, s, directory)
	if left, _ := filepath.Glob(filepath.Join(directory, "*.unfinished")); len(left) > 0 {
		t.Errorf("%v was left", left)
	}
}

// Backups are made when they are due, as many stay as are wanted, and a failure is told and tried again.
func TestSchedule(t *testing.T) {
	s, _ := served(t)
	other, _ := served(t)
	directory := filepath.Join(t.TempDir(), "backups")
	foreign := makeBackup(t, other, directory)
	now := foreign.Time.Add(time.Second)
	log := new(bytes.Buffer)
	schedule := &backup.Schedule{
		Maker:     backup.Maker{Store: s.State.Store, Clock: func() time.Time { return now }, Version: "v1"},
		Directory: directory, Every: time.Hour, Keep: 2, Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	count := func() (own int) {
		found, err := backup.List(directory)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range found {
			if b.Installation != foreign.Installation {
				own++
			}
		}
		if own == len(found) {
			t.Error("the backup of another installation was removed")
		}
		return own
	}
	for n, want := range []int{1, 1, 2, 2, 2, 2} { // every half hour
		if err := schedule.Tend(ctx); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != want {
			t.Errorf("after %d half hours there are %d backups, want %d", n, got, want)
		}
		now = now.Add(30 * time.Minute)
	}
	if last := schedule.Status(); last.Failed != nil || now.Sub(last.Last) > 2*time.Hour ||
		strings.Count(log.String(), "made a backup") != 3 {
		t.Errorf("the status is %+v; logged %s", last, log)
	}

	// A clock that was set back does not keep backups from being made.
	now = now.Add(-1000 * time.Hour)
	if err := schedule.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "made a backup"); n != 4 {
		t.Errorf("%d backups were made, want one more after the clock was set back", n)
	}

	schedule.Directory = filepath.Join(s.Data, "master.key")
	if err := schedule.Tend(ctx); err == nil {
		t.Error("a backup was made into a file")
	}
	if last := schedule.Status(); last.Failed == nil || last.Failures != 1 || !strings.Contains(log.String(), "the backup failed") {
		t.Errorf("the status is %+v; logged %s", last, log)
	}
}

// Two do not make backups in the same directory at once.
func TestOneAtATime(t *testing.T) {
	s, _ := served(t)
	directory := filepath.Join(t.TempDir(), "backups")
	m := maker(s.State.Store)
	var second error
	m.Progress = func(int, int) {
		if second == nil {
			_, second = maker(s.State.Store).Make(ctx, directory)
		}
	}
	if _, err := m.Make(ctx, directory); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(second, backup.ErrBusy) {
		t.Errorf("the second: %v, want ErrBusy", second)
	}
}

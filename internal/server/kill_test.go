package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// These name, in the environment of a copy of this program, the data directory and the PostgreSQL database, if any, that it is to
// write to until it is killed.
const (
	writerData     = "TOUCHSTONE_TEST_WRITER_DATA"
	writerDatabase = "TOUCHSTONE_TEST_WRITER_DATABASE"
)

func TestMain(m *testing.M) {
	if data := os.Getenv(servedData); data != "" {
		fmt.Fprintln(os.Stderr, "server:", serveHere(data))
		os.Exit(1)
	}
	if data := os.Getenv(writerData); data != "" {
		err := write(place{data, os.Getenv(writerDatabase)}, os.Stdout)
		fmt.Fprintln(os.Stderr, "writer:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const publicURL = "http://localhost:8080"

// place is where a state is: a data directory and, when it is not on SQLite, the URL of its database.
type place struct{ data, database string }

// newPlace is a place of the test's own, on the engine that the tests run on.
func newPlace(t *testing.T) place {
	t.Helper()
	data := t.TempDir()
	_, databaseURL := storetest.Place(t, data)
	return place{data, databaseURL}
}

// open opens the state at a place, with a server on it.
func open(p place) (*server.State, *server.Server, error) {
	ctx := context.Background()
	state, err := server.OpenState(ctx, server.StateConfig{
		Data: p.data, Database: p.database, MasterKeyFile: filepath.Join(p.data, "master.key"), Create: true,
	})
	if err != nil {
		return nil, nil, err
	}
	c := server.Defaults()
	c.URL, c.Argon2 = publicURL, secret.Params{MemoryKiB: 64, Time: 1, Threads: 1}
	c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := server.New(ctx, state, c)
	return state, s, err
}

// write makes users, keys and devices as fast as it can, and tells of each after it was acknowledged.
func write(p place, acknowledged io.Writer) error {
	state, s, err := open(p)
	if err != nil {
		return err
	}

	made, err := state.Operator().CreateAccount(context.Background(), operator.AccountRequest{
		RootEmail: strings.ToLower(ids.NewUnique("root")) + "@example.com", AccessKey: true, URL: publicURL,
	})
	if err != nil {
		return err
	}

	var mu sync.Mutex
	tell := func(kind, what string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(acknowledged, kind, made.AccountID, what)
	}

	_, link, _ := strings.Cut(made.SetupURL, "link=")
	root, err := s.SignIn.SetUp(context.Background(), signin.Visitor{}, link, "a password for this test")
	if err != nil {
		return err
	}

	failed := make(chan error)
	for range 3 {
		go func() { failed <- writeUsers(s, made, root.Token, tell) }()
	}
	return <-failed
}

func writeUsers(s *server.Server, made *operator.CreatedAccount, console string, tell func(kind, what string)) error {
	for {
		name := strings.ToLower(ids.NewUnique("user"))
		if _, err := query(s, made, url.Values{"Action": {"CreateUser"}, "UserName": {name}}); err != nil {
			return err
		}
		tell("user", name)
		answer, err := query(s, made, url.Values{"Action": {"CreateAccessKey"}, "UserName": {name}})
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(answer, "<AccessKeyId>")
		key, _, _ := strings.Cut(rest, "</AccessKeyId>")
		tell("key", key)
		serial, err := enrol(s, console, name)
		if err != nil {
			return err
		}
		tell("device", serial)
	}
}

// query sends a signed request and returns the answer's body.
func query(s *server.Server, made *operator.CreatedAccount, form url.Values) (string, error) {
	form.Set("Version", "2010-05-08")
	body := form.Encode()
	r := httptest.NewRequest(http.MethodPost, publicURL+"/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: made.AccessKeyID, SecretAccessKey: made.SecretAccessKey}, "us-east-1",
		"iam", time.Now())
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return "", fmt.Errorf("%s: %d %s", form.Get("Action"), w.Code, w.Body)
	}
	return w.Body.String(), nil
}

// enrol assigns a security key to a user, as root in the console.
func enrol(s *server.Server, console, user string) (serial string, err error) {
	ctx := context.Background()
	admitted, err := s.SignIn.Admit(ctx, console)
	if err != nil {
		return "", err
	}

	request := api.Request{ID: ids.NewUUID(), Now: time.Now(), Caller: admitted.Caller}
	request.Env.Now, request.Env.Address = request.Now, netip.MustParseAddr("127.0.0.1")
	begun, err := api.Call(ctx, s.API, request,
		touchstoneapi.BeginMFADeviceRegistration, &touchstoneapi.BeginMFADeviceRegistrationInput{UserName: user, DeviceName: "key"})
	if err != nil {
		return "", err
	}

	answer, err := softkey.New().Create(publicURL, []byte(begun.Options))
	if err != nil {
		return "", err
	}

	done, err := api.Call(ctx, s.API, request,
		touchstoneapi.FinishMFADeviceRegistration, &touchstoneapi.FinishMFADeviceRegistrationInput{
			UserName: user, CeremonyId: awsquery.Secret(begun.CeremonyId), Credential: awsquery.Secret(answer),
		})
	if err != nil {
		return "", err
	}
	return done.SerialNumber, nil
}

// soak is the number of rounds: few in a test, and many in make soak.
func soak(few, many int) int {
	if os.Getenv("TOUCHSTONE_SOAK") != "" {
		return many
	}
	return few
}

// killRounds is after how many rounds a place is looked at and replaced by another.
const killRounds = 25

// TestKilledWriterLosesNothing kills a process that makes users, keys and devices, at random moments, and looks at what is
// there after a restart: all that was acknowledged, and for each change its event and for each event its change.
func TestKilledWriterLosesNothing(t *testing.T) {
	rounds := soak(25, 1000)
	if storetest.Server() != "" {
		rounds = soak(10, 200)
	}
	for begun := 0; begun < rounds; begun += killRounds {
		p := newPlace(t)
		var acknowledged []string
		for range min(killRounds, rounds-begun) {
			acknowledged = append(acknowledged, killed(t, p, func(writer *os.Process) {
				writer.Kill() //nolint:errcheck // when it is gone already, Wait tells why
			})...)
		}
		check(t, p, acknowledged)
	}
}

// TestKilledDatabaseLosesNothing kills a PostgreSQL server with all its processes while a process writes to it, and starts it again
// on what it left.
func TestKilledDatabaseLosesNothing(t *testing.T) {
	cluster, err := storetest.NewCluster("fsync=on", "full_page_writes=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Remove(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TOUCHSTONE_TEST_DATABASE", cluster.URL())

	rounds := soak(5, 200)
	for begun := 0; begun < rounds; begun += killRounds {
		p := newPlace(t)
		var acknowledged []string
		for range min(killRounds, rounds-begun) {
			acknowledged = append(acknowledged, killed(t, p, func(*os.Process) {
				if err := cluster.Kill(); err != nil {
					t.Error(err)
				}
			})...)
			if err := cluster.Start(); err != nil {
				t.Fatal(err)
			}
		}
		check(t, p, acknowledged)
	}
}

// killed runs a writer, kills something that ends it after a random number of acknowledgements, and returns those.
func killed(t *testing.T, p place, kill func(writer *os.Process)) (acknowledged []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), writerData+"="+p.data, writerDatabase+"="+p.database)
	log := new(strings.Builder) // it says that the database is gone, when that was killed
	child.Stderr = log
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}

	after := 1 + rand.IntN(40)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
		if len(acknowledged) == after {
			// Anywhere within the next changes, which go on meanwhile.
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			kill(child.Process)
		}
	}
	child.Wait() //nolint:errcheck // it was killed, or has failed with its database
	if len(acknowledged) < after {
		t.Fatalf("the writer ended by itself after %d changes: %s", len(acknowledged), log)
	}
	return acknowledged
}

// check holds the state against what was acknowledged.
func check(t *testing.T, p place, acknowledged []string) {
	t.Helper()
	state, s, err := open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	defer s.Close()
	if err := state.Store.View(context.Background(), func(tx *store.Tx) error {
		accounts, err := tx.Accounts()
		if err != nil {
			return err
		}

		there := make(map[string]bool)
		for _, a := range accounts {
			if err := stored(tx, a.ID, there); err != nil {
				return err
			}
		}

		recorded, err := events(tx)
		if err != nil {
			return err
		}

		for _, change := range acknowledged {
			if !there[change] {
				t.Errorf("acknowledged and lost: %s", change)
			}
		}

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

		t.Logf("%d changes acknowledged, %d there, %d recorded", len(acknowledged), len(there), len(recorded))
		if len(there) < len(acknowledged) {
			t.Errorf("%d changes are there, %d were acknowledged", len(there), len(acknowledged))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// stored adds the account's users, keys and devices, in the words in which they were acknowledged.
func stored(tx *store.Tx, account string, there map[string]bool) error {
	users, err := tx.Principals(account, store.PrincipalQuery{Kind: store.User, Limit: 1 << 20})
	if err != nil {
		return err
	}

	for _, u := range users {
		there["user "+account+" "+u.Name] = true
		keys, err := tx.AccessKeys(account, u.ID)
		if err != nil {
			return err
		}
		for _, k := range keys {
			there["key "+account+" "+k.ID] = true
		}
		devices, err := tx.MFADevices(account, u.ID)
		if err != nil {
			return err
		}
		for _, d := range devices {
			there["device "+account+" "+d.Serial] = true
		}
	}
	return nil
}

// events are the recorded changes, in the same words.
func events(tx *store.Tx) (map[string]bool, error) {
	recorded := make(map[string]bool)
	all, err := tx.Events(store.EventQuery{Limit: 1 << 20})
	if err != nil {
		return nil, err
	}

	for _, e := range all {
		if e.ErrorCode != "" {
			continue // it tells that nothing was changed
		}
		var record struct {
			RequestParameters struct{ UserName string }
			ResponseElements  struct {
				AccessKey    struct{ AccessKeyID string }
				SerialNumber string
			}
		}
		if err := json.Unmarshal([]byte(e.Record), &record); err != nil {
			return nil, err
		}
		switch e.Name {
		case "CreateUser":
			recorded["user "+e.AccountID+" "+record.RequestParameters.UserName] = true
		case "CreateAccessKey":
			recorded["key "+e.AccountID+" "+record.ResponseElements.AccessKey.AccessKeyID] = true
		case "EnableMFADevice":
			recorded["device "+e.AccountID+" "+record.ResponseElements.SerialNumber] = true
		}
	}
	return recorded, nil
}

package server_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// TestDatabasePutBackUnderAServer puts the account back to an earlier generation, as a restore of the database does. The server
// stops answering, for reads too, and goes on once another process has said that the database was restored.
func TestDatabasePutBackUnderAServer(t *testing.T) {
	ctx := context.Background()
	a := touchtest.Start(t, nil).NewAccount(t)
	for _, name := range []string{"alice", "bob", "carol"} {
		if status, body := ask(a, url.Values{"Action": {"CreateUser"}, "UserName": {name}}); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
	}
	if status, body := ask(a, url.Values{"Action": {"GetUser"}}); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}

	driver, source := "sqlite", filepath.Join(a.Server.Data, "touchstone.db")
	if _, databaseURL := storetest.Place(t, a.Server.Data); databaseURL != "" {
		driver, source = "pgx", databaseURL
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, `update account set generation = generation - 2 where account_id = $1`, a.ID); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	ready := server.NewReadiness(a.Server.State, "", time.Now, a.Server.API.Logger)
	for _, action := range []string{"GetUser", "CreateAccessKey", "GetUser"} {
		if status, body := ask(a, url.Values{"Action": {action}}); status != http.StatusServiceUnavailable {
			t.Errorf("%s is answered %d %s", action, status, body)
		}
	}
	if err := ready.Check(ctx); err == nil || !strings.Contains(err.Error(), "touchstone restored") {
		t.Errorf("the server is ready: %v", err)
	}

	// Another process has no memory of the accounts.
	other, err := server.OpenStore(ctx, touchtest.StateConfig(t, a.Server.Data))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := (&operator.Operator{Store: other, Clock: time.Now}).Restored(ctx, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if status, body := ask(a, url.Values{"Action": {"GetUser"}}); status != http.StatusOK {
		t.Errorf("after it was told: %d %s", status, body)
	}
	if err := ready.Check(ctx); err != nil {
		t.Errorf("after it was told: %v", err)
	}
}

// TestFileRemovedUnderAServer takes the database of a running server away: nothing is acknowledged that would be lost.
func TestFileRemovedUnderAServer(t *testing.T) {
	t.Setenv("TOUCHSTONE_TEST_DATABASE", "")
	a := touchtest.Start(t, nil).NewAccount(t)
	path := filepath.Join(a.Server.Data, "touchstone.db")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	status, body := ask(a, url.Values{"Action": {"CreateUser"}, "UserName": {"alice"}})
	if status != http.StatusServiceUnavailable || !strings.Contains(body, gone) {
		t.Errorf("answered %d %s", status, body)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if status, body := ask(a, url.Values{"Action": {"CreateUser"}, "UserName": {"alice"}}); status != http.StatusOK {
		t.Errorf("once it is back: %d %s", status, body)
	}
}

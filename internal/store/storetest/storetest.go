// Package storetest gives each test a database of its own, on the engine that the environment names: SQLite, or, when
// TOUCHSTONE_TEST_DATABASE is the URL of a PostgreSQL database, a schema of that.
//
// It does not import package store, so that the tests inside it can use it too.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Server is the URL of the PostgreSQL database that the tests run on; "" when they run on SQLite.
func Server() string { return os.Getenv("TOUCHSTONE_TEST_DATABASE") }

// schemas are the names of the schemas that were made. Who asks first is who removes it, after all others are done.
var schemas sync.Map

// Place returns where the database of a data directory is: the path of a SQLite file in it, or the URL of a PostgreSQL schema
// that belongs to it and is removed when the test ends. Of path and url one is "". The same directory has the same database, so
// that a test can open it several times.
func Place(t testing.TB, directory string) (path, databaseURL string) {
	t.Helper()
	if Server() == "" {
		return filepath.Join(directory, "touchstone.db"), ""
	}
	sum := sha256.Sum256([]byte(directory))
	schema := "t_" + hex.EncodeToString(sum[:8])
	if _, made := schemas.LoadOrStore(schema, true); !made {
		execute(t, "create schema "+schema)
		t.Cleanup(func() { execute(t, "drop schema "+schema+" cascade") })
	}
	return "", With(t, Server(), "search_path", schema)
}

// With returns the URL with a parameter set.
func With(t testing.TB, databaseURL, name, value string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func execute(t testing.TB, statement string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgx.Connect(ctx, Server())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

package server_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// A server at another address refuses to start while there are keys that could not be used there, and says whose; told that this
// is meant, it starts.
func TestAddressMustFitTheKeys(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	key := softkey.New()
	a.SignIn(u, nil).MustEnrol("", "laptop", key)
	ctx := context.Background()
	c := server.Defaults()
	c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	try := func(url, rpID string, orphan bool) error {
		c.URL, c.RPID, c.OrphanCredentials = url, rpID, orphan
		other, err := server.New(ctx, s.State, c)
		if err == nil {
			err = other.Close()
		}
		return err
	}

	err := try("https://iam.example.com", "", false)
	if err == nil {
		t.Fatal("a server at another address starts")
	}

	for _, want := range []string{"alice of account " + a.ID, "laptop", "localhost", "--orphan-credentials"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the refusal does not name %s: %v", want, err)
		}
	}

	if err := try("https://iam.example.com", "", true); err != nil {
		t.Errorf("told that it is meant: %v", err)
	}
	if err := try("http://localhost:9", "", false); err != nil {
		t.Errorf("another port of the same host: %v", err)
	}

	for _, bad := range []string{
		"", "localhost", "ftp://localhost", "http://localhost/path", "http://user@localhost",
		"http://127.0.0.1", "https://IAM.example.com",
	} {
		if err := try(bad, "", false); err == nil {
			t.Errorf("%q was taken for a public URL", bad)
		}
	}

	if err := try("https://iam.example.com", "another.example", true); err == nil {
		t.Error("a relying party id that is no parent of the host was taken")
	}
}

// What is opened without being there is not made, and a data directory is nobody else's.
func TestOpenState(t *testing.T) {
	ctx := context.Background()
	data := filepath.Join(t.TempDir(), "data")
	if _, err := server.OpenState(ctx, server.StateConfig{Data: data}); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("no data: %v, want what to do", err)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("the directory was made all the same")
	}

	state, err := server.OpenState(ctx, server.StateConfig{Data: data, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the data directory has mode %v", info.Mode())
	}
}

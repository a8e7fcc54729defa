package server_test

import (
	"context"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// What somebody asks for on the command line comes before what the server stored.
func TestLinkURL(t *testing.T) {
	ctx := context.Background()
	fresh, err := server.OpenState(ctx, server.StateConfig{Data: t.TempDir(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fresh.Close(); err != nil {
			t.Error(err)
		}
	})
	started := touchtest.Start(t, nil)

	for _, test := range []struct {
		name  string
		state *server.State
		given string
		want  string
	}{
		{"nothing known", fresh, "", "http://localhost:8080"},
		{"only given", fresh, "https://other.example", "https://other.example"},
		{"only stored", started.State, "", started.URL},
		{"both", started.State, "https://other.example", "https://other.example"},
		{"given with a slash", started.State, "https://other.example/", "https://other.example"},
	} {
		if got, err := server.LinkURL(ctx, test.state.Store, test.given); err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	if got, err := server.LinkURL(ctx, started.State.Store, "https://other.example/iam"); err == nil {
		t.Errorf("an address with a path gives %q", got)
	}
}

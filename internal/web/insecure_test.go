package web_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// TestInsecureAddress holds the pages of a server for tests, whose address is an http one of another host than localhost, to saying
// that no security key can be used there. Everything else works.
func TestInsecureAddress(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, func(c *server.Config) {
		c.URL, c.InsecureHTTP = "http://touchstone:8080", true
	})
	a := s.NewAccount(t)
	console := a.SetUpRoot()

	// The browser reaches the server under its own name, as it would by the name service of a test network.
	b := newBrowser(t, s)
	dialer, address := new(net.Dialer), strings.TrimPrefix(s.URL, "http://")
	b.client.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}}
	b.url = "http://touchstone:8080"
	b.cookie("touchstone", console.Token)

	b.get("/console/mfa/assign").has(t, "Security keys do not work at http://touchstone:8080", `disabled>Next</button>`)
	begun := b.get("/console/mfa/set-up?device=key")
	begun.has(t, "Security keys cannot be assigned here")
	begun.lacks(t, "data-ceremony")
	b.post("/console/users/create", "UserName", "bob")
	b.get("/console/users").has(t, "bob")
}

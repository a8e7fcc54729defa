package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// Behind a proxy that passes its own idea of the host, as most do unless told otherwise, people are not sent to a machine of
// their own.
func TestNoRedirectBehindAProxy(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, func(c *server.Config) { c.URL = "https://iam.example.com" })
	for _, host := range []string{"127.0.0.1:8080", "[::1]:8080", "127.0.0.1"} {
		r := httptest.NewRequest(http.MethodGet, "/signin", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("Host %s: %d to %q", host, w.Code, w.Header().Get("Location"))
		}
	}
}

//go:build !race

package httpd

import (
	"net/http"
	"testing"
)

func TestAllocations(t *testing.T) {
	s, r, err := echo()
	if err != nil {
		t.Fatal(err)
	}
	handler, w := s.Handler(), nowhere{http.Header{}}
	// What is known of the request, its id, and net/http's copy of the request with another context.
	if n := testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }); n > 3 {
		t.Errorf("%v allocations a request, want 3", n)
	}
}

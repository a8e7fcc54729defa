package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// A link on another site can lead to the page that registers a security key, for whomever it names. The key is not asked for at
// once there: a tap alone must not do what somebody else had in mind.
func TestNoCeremonyAtOnceFromElsewhere(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	a.NewUser("mallory", "")
	b := signedIn(t, s, a.SetUpRoot())
	for site, want := range map[string]bool{"": true, "none": true, "same-origin": true, "same-site": false, "cross-site": false} {
		r, err := http.NewRequest(http.MethodGet, s.URL+"/console/mfa/set-up?user=mallory&device=key", nil)
		if err != nil {
			t.Fatal(err)
		}
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if got := b.send(r); got.status != http.StatusOK || strings.Contains(got.body, "data-at-once") != want {
			t.Errorf("from %q: %d, asked for at once: %t", site, got.status, !want)
		}
	}
}

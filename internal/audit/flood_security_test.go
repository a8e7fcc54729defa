package audit_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
)

// One customer holds an IPv6 /64: a flood from all over it is one source's, and leaves one source's events.
func TestFloodFromOneNetwork(t *testing.T) {
	l, s := newLog(t, audit.ReadsQueued)
	first := netip.MustParseAddr("2001:db8:1:2::1")
	for address, n := first, 0; n < 300; address, n = address.Next(), n+1 {
		if err := l.Unauthenticated(address, record("GetUser")); err != nil {
			t.Fatal(err)
		}
	}

	if err := l.Unauthenticated(netip.MustParseAddr("2001:db8:1:3::1"), record("GetUser")); err != nil {
		t.Fatal(err)
	}
	if got := len(stored(t, s)); got != 11 {
		t.Errorf("%d events of two networks, want 10 and 1", got)
	}
	if err := l.FlushUnauthenticated(now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}

	all := stored(t, s)
	if last := all[len(all)-1]; len(all) != 12 || !strings.Contains(last.Record, `"sourceIPAddress":"2001:db8:1:2::/64"`) ||
		!strings.Contains(last.Record, `"notRecorded":290`) {
		t.Errorf("%d events, the last %s", len(all), last.Record)
	}
}

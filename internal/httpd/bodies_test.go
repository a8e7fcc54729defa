package httpd

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestBodiesHaveParts(t *testing.T) {
	b := newBodies(64 << 20)
	one, two := network(netip.MustParseAddr("192.0.2.1")), network(netip.MustParseAddr("192.0.2.2"))
	const quarter = 16 << 20
	held, ok := b.take(quarter, one, "key")
	if !ok {
		t.Fatal("there is no place in empty memory")
	}
	for name, test := range map[string]struct {
		size  int64
		from  netip.Prefix
		owner string
		want  bool
	}{
		"the same address":              {1, one, "", false},
		"the same key, another address": {1, two, "key", false},
		"another address and key":       {1, two, "other", true},
		"more than a quarter":           {quarter + 1, two, "", false},
	} {
		p, ok := b.take(test.size, test.from, test.owner)
		if ok != test.want {
			t.Errorf("%s: %v, want %v", name, ok, test.want)
		}
		if ok {
			p.leave()
		}
	}

	for n := range 3 {
		if _, ok := b.take(quarter, network(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)})), ""); !ok {
			t.Fatalf("quarter %d finds no place", n+2)
		}
	}
	if _, ok := b.take(1, two, ""); ok {
		t.Error("there is a place in full memory")
	}
	held.leave()
	if _, ok := b.take(1, one, "key"); !ok {
		t.Error("a place that was given back is not free")
	}
}

func TestLargeBodyIsAdmittedFirst(t *testing.T) {
	refused := errors.New("refused")

	for _, size := range []int64{SmallBody, SmallBody + 1} {
		for _, announced := range []int64{size, -1} {
			read := strings.NewReader(strings.Repeat("x", int(size)))
			r := httptest.NewRequest(http.MethodPost, "/", read)
			r.ContentLength = announced
			asked := false
			_, err := ReadBody(httptest.NewRecorder(), r, 1<<20, func() (string, error) {
				asked = true
				if taken := size - int64(read.Len()); taken > SmallBody+1 || announced > 0 && taken > 0 {
					t.Errorf("%d bytes were read before", taken)
				}
				return "", refused
			})
			if large := size > SmallBody; asked != large || errors.Is(err, refused) != large {
				t.Errorf("%d bytes, announced %d: asked %v, %v", size, announced, asked, err)
			}
		}
	}
}

func TestPeersPastTheProxyAreRefused(t *testing.T) {
	for _, test := range []struct {
		listen, peer, path string
		want               int
	}{
		{"0.0.0.0:8080", "192.0.2.1:1", "/", http.StatusForbidden},
		{"0.0.0.0:8080", "192.0.2.1:1", "/healthz", http.StatusOK},
		{"0.0.0.0:8080", "10.0.0.1:1", "/", http.StatusOK},
		{"127.0.0.1:8080", "127.0.0.2:1", "/", http.StatusOK},
	} {
		var log strings.Builder
		s, err := New(Config{Listen: test.listen, URL: "https://iam.example.com", BehindProxy: []string{"10.0.0.1"}},
			http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r, w := httptest.NewRequest(http.MethodGet, test.path, nil), httptest.NewRecorder()
			r.RemoteAddr = test.peer
			s.Handler().ServeHTTP(w, r)
			if w.Code != test.want || (w.Header().Get("Connection") == "close") != (test.want == http.StatusForbidden) {
				t.Errorf("%v: answered %d, %v", test, w.Code, w.Header())
			}
		}
		warned := strings.Count(log.String(), "without Forwarded")
		if want := map[bool]int{true: 1}[test.peer == "10.0.0.1:1"]; warned != want {
			t.Errorf("%v: warned %d times, want %d", test, warned, want)
		}
	}
}

func TestUserAgentIsText(t *testing.T) {
	for sent, want := range map[string]string{
		"curl/8.5": "curl/8.5", "Gerät": "Gerät", "\xff\xfe": "\ufffd\ufffd", "a\x00b": "ab", "\xc2\x9b31m": "31m",
		strings.Repeat("x", 2000): strings.Repeat("x", maxUserAgent),
	} {
		r := &http.Request{Header: http.Header{"User-Agent": {sent}}}
		if got := UserAgent(r); got != want {
			t.Errorf("%q: %q, want %q", sent, got, fmt.Sprint(want))
		}
	}
}

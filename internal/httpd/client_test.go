package httpd

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func proxied(t testing.TB, url string, proxies ...string) *Server {
	t.Helper()
	s, err := New(Config{BehindProxy: proxies, URL: url}, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestClient(t *testing.T) {
	const refused = "refused"
	s := proxied(t, "https://iam.example.com", "10.0.0.0/8", "2001:db8:1::/48", "::ffff:172.16.0.1")
	for name, test := range map[string]struct {
		peer      string
		forwarded []string // Forwarded
		listed    []string // X-Forwarded-For
		want      string
	}{
		"no headers, no proxy":  {peer: "192.0.2.1:1", want: "192.0.2.1"},
		"proxy without headers": {peer: "10.0.0.1:1", want: "10.0.0.1"},
		"a stranger's word is not believed": {
			peer: "192.0.2.1:1", listed: []string{"198.51.100.7"},
			forwarded: []string{"for=198.51.100.8"}, want: "192.0.2.1",
		},
		"one proxy":                       {peer: "10.0.0.1:1", listed: []string{"198.51.100.7"}, want: "198.51.100.7"},
		"IPv4 peer in IPv6 form":          {peer: "[::ffff:10.0.0.1]:1", listed: []string{"198.51.100.7"}, want: "198.51.100.7"},
		"proxy configured in IPv6 form":   {peer: "172.16.0.1:1", listed: []string{"198.51.100.7"}, want: "198.51.100.7"},
		"client in IPv6 form":             {peer: "10.0.0.1:1", listed: []string{"::ffff:198.51.100.7"}, want: "198.51.100.7"},
		"IPv6 proxy and client with zone": {peer: "[2001:db8:1::1]:1", listed: []string{"fe80::1%eth0"}, want: "fe80::1"},
		"client made up what comes before": {
			peer: "10.0.0.1:1", listed: []string{"127.0.0.1, 10.9.9.9, 198.51.100.7"},
			want: "198.51.100.7",
		},
		"proxy adds a line of its own": {peer: "10.0.0.1:1", listed: []string{"127.0.0.1", "198.51.100.7"}, want: "198.51.100.7"},
		"two proxies": {
			peer: "10.0.0.1:1", listed: []string{"127.0.0.1, 198.51.100.7, 10.0.0.2"},
			want: "198.51.100.7",
		},
		"client is among the proxies": {peer: "10.0.0.1:1", listed: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		"address with port":           {peer: "10.0.0.1:1", listed: []string{"198.51.100.7:4711"}, want: "198.51.100.7"},
		"IPv6 address with port":      {peer: "10.0.0.1:1", listed: []string{"[2001:db8::7]:4711"}, want: "2001:db8::7"},
		"IPv6 address in brackets":    {peer: "10.0.0.1:1", listed: []string{"[2001:db8::7]"}, want: "2001:db8::7"},
		"proxy adds an empty element": {peer: "10.0.0.1:1", listed: []string{"198.51.100.7, "}, want: refused},
		"proxy adds an empty line":    {peer: "10.0.0.1:1", listed: []string{"198.51.100.7", ""}, want: refused},
		"as many hops as are looked at": {
			peer:   "10.0.0.1:1",
			listed: []string{"198.51.100.7" + strings.Repeat(",10.0.0.2", maxHops-1)}, want: "198.51.100.7",
		},
		"more hops than are looked at": {
			peer: "10.0.0.1:1", listed: []string{"198.51.100.7" + strings.Repeat(",10.0.0.2", maxHops)},
			want: refused,
		},
		"commas alone":                     {peer: "10.0.0.1:1", listed: []string{strings.Repeat(",", 30_000)}, want: refused},
		"not an address":                   {peer: "10.0.0.1:1", listed: []string{"unknown"}, want: refused},
		"not an address, where not needed": {peer: "10.0.0.1:1", listed: []string{"<script>, 198.51.100.7"}, want: "198.51.100.7"},
		"one open bracket":                 {peer: "10.0.0.1:1", listed: []string{"[2001:db8::7"}, want: refused},

		"Forwarded": {
			peer: "10.0.0.1:1", forwarded: []string{"for=198.51.100.7;proto=https;by=10.0.0.1"},
			want: "198.51.100.7",
		},
		"Forwarded, quoted IPv6": {
			peer: "10.0.0.1:1", forwarded: []string{`proto=http; For="[2001:db8::7]:4711"`},
			want: "2001:db8::7",
		},
		"Forwarded, two proxies": {
			peer: "10.0.0.1:1", forwarded: []string{"for=127.0.0.1, for=198.51.100.7", "for=10.0.0.2"},
			want: "198.51.100.7",
		},
		"Forwarded, open quote before": {
			peer: "10.0.0.1:1", forwarded: []string{`for="127.0.0.1, for=198.51.100.7`},
			want: "198.51.100.7",
		},
		"Forwarded, hidden":      {peer: "10.0.0.1:1", forwarded: []string{"for=_gazonk"}, want: refused},
		"Forwarded, without for": {peer: "10.0.0.1:1", forwarded: []string{"by=10.0.0.1"}, want: refused},
		"both agree": {
			peer: "10.0.0.1:1", forwarded: []string{"for=198.51.100.7"},
			listed: []string{"127.0.0.1, 198.51.100.7"}, want: "198.51.100.7",
		},
		"client adds Forwarded": {
			peer: "10.0.0.1:1", forwarded: []string{"for=127.0.0.1"}, listed: []string{"198.51.100.7"},
			want: refused,
		},
		"client adds X-Forwarded-For": {
			peer: "10.0.0.1:1", forwarded: []string{"for=198.51.100.7"}, listed: []string{"127.0.0.1"},
			want: refused,
		},
		"client adds an empty Forwarded": {peer: "10.0.0.1:1", forwarded: []string{""}, listed: []string{"198.51.100.7"}, want: refused},
		"no peer":                        {peer: "@", listed: []string{"198.51.100.7"}, want: "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: test.peer, Header: http.Header{}}
			if test.forwarded != nil {
				r.Header["Forwarded"] = test.forwarded
			}
			if test.listed != nil {
				r.Header["X-Forwarded-For"] = test.listed
			}

			address, secure, err := s.client(r)
			got := address.String()
			if errors.Is(err, errForwarded) {
				got = refused
			}
			if got != test.want {
				t.Errorf("client %s, want %s", got, test.want)
			}
			if behind := s.trusted(peerOf(r)); secure != (behind && err == nil) {
				t.Errorf("secure %v behind the proxy %v", secure, behind)
			}
		})
	}
}

func TestSecure(t *testing.T) {
	const public, local = "https://iam.example.com", "http://localhost"
	encrypted := &tls.ConnectionState{}
	for name, test := range map[string]struct {
		url   string
		tls   *tls.ConnectionState
		peer  string
		proto string // X-Forwarded-Proto
		node  string // Forwarded
		want  bool
	}{
		"TLS":                                {url: public, tls: encrypted, peer: "192.0.2.1:1", proto: "http", want: true},
		"a stranger's word is not believed":  {url: public, peer: "192.0.2.1:1", proto: "https", node: "for=192.0.2.1;proto=https"},
		"the URL behind a proxy":             {url: public, peer: "10.0.0.1:1", want: true},
		"the URL, the proxy is reached over": {url: public, peer: "10.0.0.1:1", proto: "http", want: true},
		"an http URL behind a proxy":         {url: local, peer: "10.0.0.1:1", proto: "https"},
		"the same, Forwarded":                {url: local, peer: "10.0.0.1:1", node: "for=192.0.2.1;proto=https"},
		"the same, the proxy itself on TLS":  {url: local, tls: encrypted, peer: "10.0.0.1:1"},
	} {
		r := &http.Request{TLS: test.tls, RemoteAddr: test.peer, Header: http.Header{}}
		if test.proto != "" {
			r.Header.Set("X-Forwarded-Proto", test.proto)
		}

		if test.node != "" {
			r.Header.Set("Forwarded", test.node)
		}
		if _, secure, err := proxied(t, test.url, "10.0.0.1").client(r); secure != test.want || err != nil {
			t.Errorf("%s: secure %v, %v; want %v", name, secure, err, test.want)
		}
	}
}

// Whatever a client writes before it, the address that the proxy appends is the one that counts, or the request is refused.
func FuzzClient(f *testing.F) {
	f.Add("for=127.0.0.1", "127.0.0.1", "198.51.100.7")
	f.Add(`for="127.0.0.1, for=1.1.1.1`, "[::1", "2001:db8::7")
	f.Add("", ",,,", "10.0.0.2")
	s := proxied(f, "https://iam.example.com", "10.0.0.1")
	f.Fuzz(func(t *testing.T, forwarded, listed, appended string) {
		client, err := netip.ParseAddr(appended)
		if err != nil || client.Zone() != "" {
			return
		}

		client = client.Unmap()
		if s.trusted(client) {
			return
		}

		for name, h := range map[string]http.Header{
			"appended to X-Forwarded-For":    {"X-Forwarded-For": {listed + ", " + appended}},
			"a further X-Forwarded-For":      {"X-Forwarded-For": {listed, appended}},
			"X-Forwarded-For with Forwarded": {"X-Forwarded-For": {listed, appended}, "Forwarded": {forwarded}},
			"appended to Forwarded":          {"Forwarded": {forwarded + `,for="[` + appended + `]"`}},
			"Forwarded with X-Forwarded-For": {"Forwarded": {forwarded, `for="` + appended + `"`}, "X-Forwarded-For": {listed}},
		} {
			got, _, err := s.client(&http.Request{RemoteAddr: "10.0.0.1:1", Header: h})
			if err == nil && got != client {
				t.Errorf("%s: client %s, the proxy says %s: %q", name, got, client, h)
			}
			if err != nil && (got.IsValid() || !strings.Contains(name, "with")) {
				t.Errorf("%s: %s, %v: %q", name, got, err, h)
			}
		}
	})
}

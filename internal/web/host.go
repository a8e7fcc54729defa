package web

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/internal/httpd"
)

// Pages work at one address only, that of --url: cookies and security keys belong to it (WebAuthn §5.1.2, effective domain). A
// person who opens another one, such as an IP address or a forwarded port, is led there before a form or a key fails.

// misdirected reports whether a request was made for another host or port than those of the public URL.
func (s *site) misdirected(r *http.Request) bool {
	host := strings.ToLower(r.Host)
	own := ":80"
	if s.secure {
		own = ":443"
	}
	return strings.TrimSuffix(host, own) != s.host
}

// leadToURL redirects a misdirected request for a page to the same page at the public URL, and logs that it came. It returns false
// when the request is to be answered where it is:
//
//   - a form, whose content a redirect could lose;
//   - behind a proxy, because the Host is then what the proxy made of it, and a redirect could go round in circles;
//   - when the public URL is localhost and the request was made for another name, because it then came from another machine, whose
//     localhost is not this one.
func (s *site) leadToURL(w http.ResponseWriter, r *http.Request) bool {
	direct := httpd.IsDirect(r)
	s.logMisdirected(r, direct)
	if !direct || r.Method != http.MethodGet && r.Method != http.MethodHead || s.local && !isLoopback(r.Host) {
		return false
	}

	named := url.URL{Host: s.host, Scheme: "http", Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if s.secure {
		named.Scheme = "https"
	}
	w.Header().Set("Location", named.String())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusTemporaryRedirect) // not a permanent one, which browsers would remember after a change of --url
	if r.Method == http.MethodGet {
		//nolint:errcheck // it fails only when the client is gone
		io.WriteString(w, "These pages are at "+s.URL+". Sessions and security keys work only there.\n")
	}
	return true
}

// isLoopback reports whether a host, with or without a port, is a name or an address of the machine that asks.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// logMisdirected logs, at most once a minute, that a page was asked for at another host than the public URL's.
func (s *site) logMisdirected(r *http.Request, direct bool) {
	now, last := s.API.Clock().Unix(), s.asked.Load()
	if now-last < int64(time.Minute/time.Second) && now >= last || !s.asked.CompareAndSwap(last, now) {
		return
	}
	advice := "the proxy in front must pass the Host that the browser sent, or signatures of the API do not verify and security keys may not work"
	if direct {
		advice = "sessions and security keys work only at the URL: open that, or start the server with the --url at which people open it"
	}
	s.Logger.Warn("a page was asked for at another host than --url names", "host", r.Host, "url", s.URL, "advice", advice)
}

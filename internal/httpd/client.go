package httpd

import (
	"errors"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHops is the number of forwarding hops that are looked at. No chain of real proxies is longer.
const maxHops = 32

// trusted reports whether an address is one of the proxies in front.
func (s *Server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// errForwarded refuses a request whose client cannot be determined from what the proxies in front say.
var errForwarded = errors.New("the proxy's Forwarded and X-Forwarded-For do not tell the client's address")

// client returns the client's address and whether the client uses TLS. Only a trusted proxy may name another address than its own,
// in Forwarded (RFC 7239) or in X-Forwarded-For.
//
// Most proxies write one of the two headers and pass the other on as the client sent it, and we cannot know which. So neither is
// preferred: when both are there and name different clients, one of them is forged, and the request is refused. For the same reason
// no header is believed about TLS; behind a proxy the public URL's scheme decides.
func (s *Server) client(r *http.Request) (address netip.Addr, secure bool, err error) {
	peer := peerOf(r)
	if !s.trusted(peer) {
		return peer, r.TLS != nil, nil
	}

	secure = s.secureURL
	standard, legacy := r.Header["Forwarded"], r.Header["X-Forwarded-For"]
	if len(standard) == 0 && len(legacy) == 0 {
		s.warnUnforwarded(peer)
		return peer, secure, nil // the proxy's own request, such as a probe
	}
	if len(standard) > 0 {
		address = s.lastUntrusted(standard, forwardedFor)
	}
	if len(legacy) > 0 {
		hop := s.lastUntrusted(legacy, strings.TrimSpace)
		if len(standard) > 0 && hop != address {
			return netip.Addr{}, false, errForwarded
		}
		address = hop
	}

	if !address.IsValid() {
		return netip.Addr{}, false, errForwarded
	}

	return address, secure, nil
}

// lastUntrusted returns the hop nearest to us that is not a trusted proxy. A trusted proxy has seen its address; the hops before it
// may be forged. The result is invalid when a hop cannot be read, such as "unknown" or an empty one. To use the proxy's own address
// then would treat its client as a trusted machine.
func (s *Server) lastUntrusted(values []string, nodeOf func(string) string) (address netip.Addr) {
	n := 0
	for element := range backwards(values) {
		hop, ok := parseHop(nodeOf(element))
		if n++; !ok || n > maxHops {
			return netip.Addr{}
		}
		if address = hop; !s.trusted(hop) {
			break
		}
	}
	return address
}

// maxUserAgent is the most bytes of a User-Agent that are kept. Browsers and SDKs send a few hundred.
const maxUserAgent = 1024

// UserAgent returns what a client says of itself, as text that every database stores and every output shows: invalid UTF-8 is
// replaced, control characters are left out, and what is longer than 1 KiB is cut.
func UserAgent(r *http.Request) string { return clean(r.UserAgent(), maxUserAgent) }

// Referer returns the page that a request says it comes from, cleaned as [UserAgent] cleans.
func Referer(r *http.Request) string { return clean(r.Referer(), maxHeader) }

func clean(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	if utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r // which is U+FFFD for a byte that is not UTF-8
	}, text)
}

// peerOf returns the address at the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// forwardedFor returns the node that an element of Forwarded names as the client (RFC 7239 §4), without quotes, or "" when it names
// none.
func forwardedFor(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(key, "for") {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// backwards returns the elements of a list header, the last one first. It splits at every comma, even within quotes. No address
// contains a comma, and a client that leaves a quotation open must not hide what a proxy appends.
func backwards(values []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, value := range slices.Backward(values) {
			for more := true; more; {
				var element string
				if comma := strings.LastIndexByte(value, ','); comma >= 0 {
					value, element = value[:comma], value[comma+1:]
				} else {
					element, more = value, false
				}
				if !yield(element) {
					return
				}
			}
		}
	}
}

// parseHop reads an address with or without a port. An IPv6 address may be in brackets.
func parseHop(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(text)
	if bare, found := strings.CutPrefix(text, "["); err != nil && found {
		if bare, found = strings.CutSuffix(bare, "]"); found {
			address, err = netip.ParseAddr(bare)
		}
	}
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		address = withPort.Addr()
	}
	if err != nil {
		return netip.Addr{}, false
	}
	return address.Unmap().WithZone(""), true
}

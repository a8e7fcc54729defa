package httpd

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many forwarding hops are looked at; more are nobody's but an attacker's.
const maxHops = 32

// trusted reports whether an address is one of the proxies in front.
func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client finds who the client is and whether it reached the front over TLS. Only a trusted proxy may say so, in Forwarded
// (RFC 7239) or X-Forwarded-For and X-Forwarded-Proto: the client is the last hop that is not a trusted proxy, since everything
// before it may be made up.
func (s *Server) client(r *http.Request) (address netip.Addr, secure bool) {
	peer := peerOf(r)
	if r.TLS != nil {
		secure = true
	}
	if !s.trusted(peer) {
		return peer, secure
	}
	secure = secure || s.secureURL
	hops, proto := forwarded(r.Header)
	if proto != "" {
		secure = strings.EqualFold(proto, "https")
	}
	address = peer
	for n := len(hops) - 1; n >= 0; n-- {
		hop, ok := parseHop(hops[n])
		if !ok {
			break
		}
		address = hop
		if !s.trusted(hop) {
			break
		}
	}
	return address, secure
}

func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// forwarded are the hops that the headers name, first to last, and the last proxy's word on the protocol.
func forwarded(h http.Header) (hops []string, proto string) {
	if values := h.Values("Forwarded"); len(values) > 0 {
		for _, element := range lastHops(values) {
			var hop string
			proto = ""
			for pair := range strings.SplitSeq(element, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				switch value = strings.Trim(value, `"`); strings.ToLower(name) {
				case "for":
					hop = value
				case "proto":
					proto = value
				}
			}
			hops = append(hops, hop)
		}
		return hops, proto
	}
	for _, hop := range lastHops(h.Values("X-Forwarded-For")) {
		hops = append(hops, strings.TrimSpace(hop))
	}
	if protos := lastHops(h.Values("X-Forwarded-Proto")); len(protos) > 0 {
		proto = strings.TrimSpace(protos[len(protos)-1])
	}
	return hops, proto
}

// lastHops splits a header's values at commas and keeps the last maxHops.
func lastHops(values []string) []string {
	var all []string
	for _, value := range values {
		all = append(all, strings.Split(value, ",")...)
	}
	if len(all) > maxHops {
		all = all[len(all)-maxHops:]
	}
	return all
}

// parseHop reads an address with or without a port, an IPv6 one with or without brackets.
func parseHop(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

package httpd

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// bypasses reports whether a request comes past the proxies in front: from another machine than theirs, without TLS, to an address
// that other machines can reach. What it carries has travelled in plain text. Probes are answered before this is asked.
func (s *Server) bypasses(r *http.Request) bool {
	return len(s.proxies) > 0 && r.TLS == nil && !Loopback(s.config.Listen) && !s.trusted(peerOf(r))
}

// refuseBypass answers a request that comes past the proxies.
func refuseBypass(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "This server answers only through the proxy in front of it. Use its public address.", http.StatusForbidden)
}

// unforwardedEvery is how often, at most, a request without a forwarded address is warned of.
const unforwardedEvery = time.Minute

// warnUnforwarded warns that a proxy does not say who its client is. All who come through it then count as one client, and slow
// each other down at sign-in.
func (s *Server) warnUnforwarded(proxy netip.Addr) {
	now, last := time.Now().Unix(), s.unforwarded.Load()
	if now-last < int64(unforwardedEvery/time.Second) || !s.unforwarded.CompareAndSwap(last, now) || s.logger == nil {
		return
	}
	s.logger.Warn("the proxy in front sent a request without Forwarded or X-Forwarded-For; its own address is taken for the client's",
		slog.String("proxy", proxy.String()))
}

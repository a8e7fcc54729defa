package httpd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config says where and how a server listens.
type Config struct {
	// Listen is the host:port to serve on; required. An address that other machines can reach needs TLS, here or in a proxy in
	// front.
	Listen string
	// TLSCert and TLSKey are PEM files with the certificate chain and the private key. Either both are set, or neither.
	TLSCert, TLSKey string
	// BehindProxy are the addresses or CIDRs of the proxies in front. Each of them must write Forwarded or X-Forwarded-For itself,
	// because what comes from them is believed. No client may have an address among them.
	BehindProxy []string
	// URL is the origin that browsers show, such as https://iam.example.com; required.
	URL string
	// InsecureHTTP allows HTTP without TLS beyond this machine, for test networks: Listen may then be any address, and URL an http
	// address of any host name. Passwords, sessions and answers are then readable on the network, and browsers use no security
	// keys but at localhost.
	InsecureHTTP bool
	// MetricsListen is the host:port for Prometheus metrics; without it there are none.
	MetricsListen string
	// BodyMemory is the memory for request bodies in flight, in bytes, of which one address and one key have at most a quarter; 0 is
	// [DefaultBodyMemory]. A body of at most [SmallBody] bytes does not count.
	BodyMemory int64
	// MaxConnections is how many connections there may be at a time, of which one address has at most a quarter; 0 is
	// [DefaultConnections].
	MaxConnections int
	// ShutdownGrace is how long requests in flight may take to finish after a stop; 0 is 30 seconds.
	ShutdownGrace time.Duration
}

const (
	defaultGrace   = 30 * time.Second
	minBodyMemory  = 8 << 20
	minConnections = 16
)

// Validate returns all faults of the configuration in one error, each on a line of its own.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !hostPort(c.Listen) {
		fault("--listen %q: use host:port, such as 127.0.0.1:8080", c.Listen)
	} else if !c.tls() && len(c.BehindProxy) == 0 && !c.InsecureHTTP && !Loopback(c.Listen) {
		fault("--listen %s reaches beyond this machine without TLS: give --tls-cert and --tls-key, or --behind-proxy with the proxy's "+
			"addresses, or --insecure-http on a network for tests", c.Listen)
	}
	if c.InsecureHTTP && (c.TLSCert != "" || c.TLSKey != "") {
		fault("--insecure-http and TLS exclude each other: leave out one of them")
	}

	if (c.TLSCert == "") != (c.TLSKey == "") {
		fault("--tls-cert and --tls-key go together")
	} else if _, err := newCertificate(c, nil); err != nil {
		faults = append(faults, err)
	}

	if _, err := prefixes(c.BehindProxy); err != nil {
		faults = append(faults, err)
	}
	check := CheckURL
	if c.InsecureHTTP {
		check = CheckOrigin
	}
	if _, err := check(c.URL); err != nil {
		faults = append(faults, err)
	} else if strings.HasPrefix(c.URL, "https:") != c.tls() && len(c.BehindProxy) == 0 && (c.TLSCert == "") == (c.TLSKey == "") {
		fault("--url %s does not fit how it is served: https needs --tls-cert and --tls-key, or --behind-proxy; with them http is not served", c.URL)
	}

	if c.MetricsListen != "" && !hostPort(c.MetricsListen) {
		fault("--metrics-listen %q: use host:port, such as 127.0.0.1:9090", c.MetricsListen)
	}
	if c.BodyMemory != 0 && c.BodyMemory < minBodyMemory {
		fault("--body-memory %d: use at least %d MiB, so that a quarter of it holds the largest request", c.BodyMemory, minBodyMemory>>20)
	}
	if c.MaxConnections != 0 && c.MaxConnections < minConnections {
		fault("--max-connections %d: use at least %d", c.MaxConnections, minConnections)
	}
	if c.ShutdownGrace < 0 {
		fault("shutdown grace %v: use a positive duration", c.ShutdownGrace)
	}

	return errors.Join(faults...)
}

// CheckURL checks that a public URL is an origin at which security keys work, and returns its host without the port. It must be as
// [CheckOrigin] demands, and a secure context (WebAuthn §5.1.2). The error calls the URL --url, after the flag that it is given by.
func CheckURL(text string) (host string, err error) {
	if host, err = CheckOrigin(text); err != nil {
		return "", err
	}
	if u, err := url.Parse(text); err != nil || !SecureContext(u) {
		return "", fmt.Errorf("--url %s: browsers let security keys work only over https, or on localhost; "+
			"'serve --insecure-http' allows it on a network for tests, without security keys", text)
	}
	return host, nil
}

// CheckOrigin checks that a public URL is an origin whose host is a domain, as browsers demand of a relying party (WebAuthn
// §13.4.9), and returns its host without the port. The URL must be spelled as browsers spell the origin, because the two are
// compared byte for byte; a slash at the end is allowed. The error calls the URL --url.
func CheckOrigin(text string) (host string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" && u.Path != "/" ||
		strings.ContainsAny(text, "?#@") || strings.HasSuffix(u.Host, ":") {
		return "", fmt.Errorf("--url %q: use an origin such as https://iam.example.com", text)
	}

	host = u.Hostname()
	if isAddress(host) {
		return "", fmt.Errorf("--url %s: security keys do not work on an IP address: use a host name, or localhost", text)
	}

	const hostBytes = "abcdefghijklmnopqrstuvwxyz0123456789-._"
	if strings.Trim(host, hostBytes) != "" || strings.HasSuffix(host, ".") || !strings.HasPrefix(text, u.Scheme) {
		return "", fmt.Errorf("--url %s: write it as browsers do: lower case, ASCII (xn--…), no dot at the end", text)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("--url %s: port %s is not between 1 and 65535", text, port)
		} else if n == 80 && u.Scheme == "http" || n == 443 && u.Scheme == "https" || port[0] == '0' {
			return "", fmt.Errorf("--url %s: write the port as browsers do: without leading zeros, and not at all where it is the scheme's own", text)
		}
	}

	return host, nil
}

// SecureContext reports whether browsers trust pages of the origin with security keys: over https, and on localhost (Secure
// Contexts §3.1).
func SecureContext(origin *url.URL) bool {
	host := origin.Hostname()
	return origin.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Warnings returns what whoever runs the server is told of a valid configuration at every start, a sentence each.
func (c *Config) Warnings() []string {
	if !c.InsecureHTTP {
		return nil
	}
	warnings := []string{"--insecure-http: passwords and sessions cross the network unencrypted; use it on networks for tests alone"}
	if u, err := url.Parse(c.URL); err == nil && !SecureContext(u) {
		warnings = append(warnings, "security keys do not work at "+c.URL+": browsers use them only over https, or on localhost")
	}
	return warnings
}

// Beyond reports whether other machines can reach the server, by its address or through a proxy.
func (c *Config) Beyond() bool { return !Loopback(c.Listen) || len(c.BehindProxy) > 0 }

// isAddress reports whether a browser takes a host for an IP address. That is an IPv6 address, or any host that ends in a number,
// such as 127.1 and 0x7f000001 (WHATWG URL, "ends in a number").
func isAddress(host string) bool {
	if strings.Contains(host, ":") {
		return true
	}
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last != "" && strings.Trim(last, "0123456789") == "" {
		return true
	}
	hex, found := strings.CutPrefix(strings.ToLower(last), "0x")
	return found && strings.Trim(hex, "0123456789abcdef") == ""
}

func (c *Config) tls() bool { return c.TLSCert != "" && c.TLSKey != "" }

// hostPort reports whether an address to listen on has a port that is a number.
func hostPort(listen string) bool {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// Loopback reports whether an address to listen on can be reached from this machine only.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// prefixes reads addresses and CIDRs.
func prefixes(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	var faults []error
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if address, notCIDR := netip.ParseAddr(text); notCIDR == nil {
			address = address.Unmap()
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		switch {
		case err != nil || prefix.Addr().Is4In6():
			faults = append(faults, fmt.Errorf("--behind-proxy %q: use an IP address or a CIDR, such as 10.0.0.0/8", text))
		case prefix.Bits() == 0:
			faults = append(faults, fmt.Errorf("--behind-proxy %s would let every client name its own address: give the proxy's", text))
		default:
			all = append(all, prefix.Masked())
		}
	}

	return all, errors.Join(faults...)
}

package httpd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config says where and how a server listens.
type Config struct {
	Listen        string        // host:port; beyond loopback only with TLS or behind a proxy
	TLSCert       string        // file with the certificate chain, PEM; with TLSKey
	TLSKey        string        // file with the private key, PEM; with TLSCert
	BehindProxy   []string      // addresses or CIDRs of the proxies that may say who the client is
	URL           string        // public origin
	MetricsListen string        // host:port for metrics; "" for none
	ShutdownGrace time.Duration // how long requests in flight may take to finish; 0 is 30 s
}

const defaultGrace = 30 * time.Second

// Validate reports every fault of the configuration, a line each.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		fault("--listen %q: use host:port, such as 127.0.0.1:8080", c.Listen)
	} else if !c.tls() && len(c.BehindProxy) == 0 && !loopback(c.Listen) {
		fault("--listen %s reaches beyond this machine without TLS: give --tls-cert and --tls-key, or --behind-proxy with the proxy's addresses", c.Listen)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		fault("--tls-cert and --tls-key go together")
	}
	if _, err := prefixes(c.BehindProxy); err != nil {
		faults = append(faults, err)
	}
	faults = append(faults, checkURL(c.URL))
	if c.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(c.MetricsListen); err != nil {
			fault("--metrics-listen %q: use host:port, such as 127.0.0.1:9090", c.MetricsListen)
		}
	}
	return errors.Join(faults...)
}

// checkURL holds the public URL to what browsers need for security keys: a secure context, and a domain (WebAuthn §5.1.2).
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("--url %q: use an origin such as https://iam.example.com", text)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return fmt.Errorf("--url %s: security keys do not work on an IP address: use a host name, or localhost", text)
	}
	if u.Scheme == "http" && u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost") {
		return fmt.Errorf("--url %s: browsers let security keys work only over https, or on localhost", text)
	}
	return nil
}

func (c *Config) tls() bool { return c.TLSCert != "" && c.TLSKey != "" }

// loopback reports whether an address is reached from this machine alone.
func loopback(listen string) bool {
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
		if prefix, err := netip.ParsePrefix(text); err == nil {
			all = append(all, prefix.Masked())
			continue
		}
		address, err := netip.ParseAddr(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("--behind-proxy %q: use an IP address or a CIDR, such as 10.0.0.0/8", text))
			continue
		}
		all = append(all, netip.PrefixFrom(address, address.BitLen()))
	}
	return all, errors.Join(faults...)
}

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is how long a server may take to answer.
const healthTimeout = 5 * time.Second

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 4096

// health are the settings of 'health'.
type health struct{ url, listen, tlsCert string }

func healthCommand() *cobra.Command {
	var h health
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running server whether it is ready, for a container's health check", Args: args(0, "no arguments"),
		Long: `Ask the server whether it is ready (/readyz), and print the answer. The exit code is 0 when it is, and 1 when it is not or
does not answer.

With the environment of a server that runs beside it, as within a container, the command needs no flags: it connects to the
address of --listen (TOUCHSTONE_LISTEN), with TLS when --tls-cert (TOUCHSTONE_TLS_CERT) is set. With --url alone it connects to
that.`,
		Example: `  touchstone health
  touchstone health --url https://iam.example.com
  touchstone health --listen :8443 --tls-cert cert.pem --url https://iam.example.com`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			return h.ask(ctx, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&h.url, "url", "", "address of the server (default: http://localhost:8080, or that of --listen)")
	cmd.Flags().StringVar(&h.listen, "listen", "", "address that the server listens on, which is connected to whatever --url says")
	cmd.Flags().StringVar(&h.tlsCert, "tls-cert", "",
		"the server's TLS certificate, when it is not of an authority that this machine knows")
	return cmd
}

// ask returns nil when the server is ready.
func (h *health) ask(ctx context.Context, w io.Writer) error {
	client, address, err := h.client()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/readyz", nil)
	if err != nil {
		return usagef("--url: %w", err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}

	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	said := strings.TrimSpace(string(text))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/readyz answers %d: %s", address, answer.StatusCode, said)
	}
	_, err = fmt.Fprintln(w, said)
	return err
}

// client is what to ask with, and the origin to ask.
func (h *health) client() (*http.Client, string, error) {
	address := strings.TrimSuffix(h.url, "/")
	if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, "", usagef("--url %q: use an origin such as https://iam.example.com", h.url)
	}

	transport := &http.Transport{DisableKeepAlives: true}
	if h.tlsCert != "" {
		text, err := os.ReadFile(h.tlsCert)
		if err != nil {
			return nil, "", err
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		roots.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	if h.listen != "" {
		dialled, port, err := reachable(h.listen)
		if err != nil {
			return nil, "", usagef("--listen %q: use host:port, such as 127.0.0.1:8080", h.listen)
		}
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, dialled)
		}

		// Behind a proxy the public URL is https, and the server itself is not.
		name := "localhost:" + port
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			name = u.Host
		}
		address = "http://" + name
		if h.tlsCert != "" {
			address = "https://" + name
		}
	}
	if address == "" {
		address = "http://localhost:8080"
	}
	// A redirection leads elsewhere, and is no answer.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: stay}, address, nil
}

// reachable is how to connect, from this machine, to what listens on an address.
func reachable(listen string) (address, port string, err error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", "", err
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), port, nil
}

package httpd

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a certificate for localhost and its key, in files.
func makeCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}

	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}

	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}

	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8)
}

// running is a server that serves until stop, whose result is Serve's.
func running(t *testing.T, c Config, handler http.HandlerFunc) (s *Server, stop func() <-chan error) {
	t.Helper()
	s, err := New(c, handler, func(context.Context) error { return nil }, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	return s, func() <-chan error { cancel(); return done }
}

func TestStopLetsRequestsFinish(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	s, stop := running(t, Config{Listen: "127.0.0.1:0", URL: "http://localhost"}, func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-finish
		if err := r.Context().Err(); err != nil {
			t.Errorf("a request in flight was cancelled: %v", err)
		}
		io.WriteString(w, "finished")
	})

	got := make(chan string, 1)
	go func() {
		answer, err := http.Get("http://" + s.Addr().String())
		if err != nil {
			got <- err.Error()
			return
		}
		body, _ := io.ReadAll(answer.Body)
		got <- string(body)
	}()

	<-begun
	done := stop()
	for { // until the listener is closed
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			break
		}
		c.Close()
	}

	select {
	case err := <-done:
		t.Fatalf("stopped before the request was answered: %v", err)
	default:
	}

	close(finish)
	if text := <-got; text != "finished" {
		t.Errorf("the request in flight got %q", text)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStopEndsWithTheGrace(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	defer close(finish)
	s, stop := running(t, Config{Listen: "127.0.0.1:0", URL: "http://localhost", ShutdownGrace: time.Millisecond},
		func(http.ResponseWriter, *http.Request) {
			close(begun)
			<-finish
		})
	go http.Get("http://" + s.Addr().String()) //nolint:errcheck // it is cut off
	<-begun
	if err := <-stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopped with %v, want the grace to be over", err)
	}
}

func TestTLS(t *testing.T) {
	cert, key := makeCertificate(t)
	s, stop := running(t, Config{Listen: "127.0.0.1:0", TLSCert: cert, TLSKey: key, URL: "https://localhost"},
		func(w http.ResponseWriter, r *http.Request) {
			if !IsSecure(r.Context()) {
				t.Error("TLS is not secure")
			}
			io.WriteString(w, r.Proto)
		})

	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
	answer, err := (&http.Client{Transport: transport}).Get("https://" + s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(answer.Body); string(body) != "HTTP/2.0" {
		t.Errorf("spoke %q", body)
	}

	answer.Body.Close()
	if answer.TLS.Version < tls.VersionTLS12 {
		t.Errorf("TLS version %x", answer.TLS.Version)
	}

	transport.CloseIdleConnections()
	if err := <-stop(); err != nil {
		t.Error(err)
	}
}

// A renewed certificate is served to the next connection; until both files are there, the one before.
func TestTLSCertificateIsRenewed(t *testing.T) {
	cert, key := makeCertificate(t)
	s, _ := running(t, Config{Listen: "127.0.0.1:0", TLSCert: cert, TLSKey: key, URL: "https://localhost"},
		func(http.ResponseWriter, *http.Request) {})
	served := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it asks which one is served
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.ConnectionState().PeerCertificates[0].Raw}))
	}

	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	first := read(cert)
	newCert, newKey := makeCertificate(t)
	second := read(newCert)
	for _, step := range []struct{ from, to, want string }{
		{"", "", first},
		{newCert, cert, first},
		{newKey, key, second},
		{"", "", second},
	} {
		if step.from != "" {
			if err := os.Rename(step.from, step.to); err != nil {
				t.Fatal(err)
			}
		}
		if served() != step.want {
			t.Errorf("after %q another certificate is served", step.from)
		}
	}
}

func TestHeaderLimit(t *testing.T) {
	s, _ := running(t, Config{Listen: "127.0.0.1:0", URL: "http://localhost"}, func(http.ResponseWriter, *http.Request) {})
	for name, test := range map[string]struct{ length, want int }{
		"at the limit": {maxHeader, http.StatusOK},
		"over it":      {maxHeader + 1, http.StatusRequestHeaderFieldsTooLarge},
		"far over it":  {32 * maxHeader, http.StatusRequestHeaderFieldsTooLarge},
	} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}

		const head, tail = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "\r\n\r\n"
		go io.WriteString(c, head+strings.Repeat("x", test.length-len(head)-len(tail))+tail) //nolint:errcheck // it is cut off
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != test.want {
			t.Errorf("%s: answered %d, want %d", name, answer.StatusCode, test.want)
		}
		c.Close()
	}
}

// A body over the limit is refused without waiting for it, and the connection is not used again.
func TestBodyLimitOnTheWire(t *testing.T) {
	s, _ := running(t, Config{Listen: "127.0.0.1:0", URL: "http://localhost"}, func(w http.ResponseWriter, r *http.Request) {
		if _, err := ReadBody(w, r, 1000, nil); errors.Is(err, ErrTooLarge) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	})

	for name, request := range map[string]string{
		"length said": "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n",
		"length not said": "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" +
			strings.Repeat("x", 1001),
		"expects to be told": "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9223372036854775807\r\n" +
			"Expect: 100-continue\r\n\r\n",
	} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, request)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusRequestEntityTooLarge || !answer.Close {
			t.Errorf("%s: answered %d, closes %v", name, answer.StatusCode, answer.Close)
		}
		c.Close()
	}
}

func TestMetricsHaveTheirOwnListener(t *testing.T) {
	s, _ := running(t, Config{Listen: "127.0.0.1:0", URL: "http://localhost", MetricsListen: "127.0.0.1:0"}, http.NotFound)
	fetch := func(address net.Addr, path string) (int, string) {
		t.Helper()
		answer, err := http.Get("http://" + address.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}

	if status, _ := fetch(s.Addr(), "/metrics"); status != 404 {
		t.Errorf("metrics on the main listener: %d", status)
	}
	if status, text := fetch(s.scraped.Addr(), "/metrics"); status != 200 || !strings.Contains(text, `status="404"} 1`) {
		t.Errorf("metrics: %d\n%s", status, text)
	}
	if status, _ := fetch(s.scraped.Addr(), "/"); status != 404 {
		t.Errorf("the handler is on the metrics' listener: %d", status)
	}
}

func TestListenReportsFaults(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]Config{
		"address in use":         {Listen: taken.Addr().String()},
		"metrics address in use": {Listen: "127.0.0.1:0", MetricsListen: taken.Addr().String()},
	} {
		s, err := New(c, nil, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Listen(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}

	_, err = New(Config{BehindProxy: []string{"x"}, TLSCert: "missing.pem", TLSKey: "missing.pem"}, nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), `"x"`) || !strings.Contains(err.Error(), "missing.pem") {
		t.Errorf("a proxy that is no address and a certificate that is none: %v", err)
	}
}

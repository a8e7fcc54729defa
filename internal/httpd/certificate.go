package httpd

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"time"
)

// certificate is the TLS certificate in two files. It is read again when they change, so that a renewal needs no restart.
type certificate struct {
	cert, key string
	logger    *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	states [2]fileState // what the files were when they were last read
}

// fileState changes whenever the content of a file does.
type fileState struct {
	changed time.Time
	size    int64
}

// newCertificate reads the certificate that a configuration names. It returns nil when there is none.
func newCertificate(c *Config, logger *slog.Logger) (*certificate, error) {
	if !c.tls() {
		return nil, nil
	}
	read := &certificate{cert: c.TLSCert, key: c.TLSKey, logger: logger}
	return read, read.load()
}

// load reads the files, which must hold a certificate and its key.
func (c *certificate) load() error {
	c.states = c.stat()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("--tls-cert %s, --tls-key %s: %w", c.cert, c.key, err)
	}
	c.pair = &pair
	return nil
}

func (c *certificate) stat() (states [2]fileState) {
	for n, name := range []string{c.cert, c.key} {
		if info, err := os.Stat(name); err == nil {
			states[n] = fileState{info.ModTime(), info.Size()}
		}
	}
	return states
}

// reread reads the files whether or not they changed, and returns when the certificate expires. On an error the certificate before
// stays in use.
func (c *certificate) reread() (expires time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.load()
	return c.pair.Leaf.NotAfter, err
}

// expires returns when the certificate in use expires.
func (c *certificate) expires() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair.Leaf.NotAfter
}

// Reread reads the TLS certificate and its key again, and returns when the certificate expires. On an error the certificate before
// stays in use. Without TLS it does nothing, and ok is false.
func (s *Server) Reread() (expires time.Time, ok bool, err error) {
	if s.certificate == nil {
		return time.Time{}, false, nil
	}
	expires, err = s.certificate.reread()
	return expires, true, err
}

// soon is how long before its end a certificate is warned of.
const soon = 7 * 24 * time.Hour

// CertificateDoubts returns what is doubtful about the TLS certificate of a valid configuration, each as a sentence: browsers and
// clients refuse a certificate that has expired, or that is for another host than the public URL's.
func CertificateDoubts(c Config, now time.Time) (texts []string) {
	read, err := newCertificate(&c, nil)
	if read == nil || err != nil {
		return nil
	}
	leaf := read.pair.Leaf
	doubt := func(format string, args ...any) { texts = append(texts, fmt.Sprintf(format, args...)) }

	switch {
	case now.After(leaf.NotAfter):
		doubt("the TLS certificate %s expired on %s: renew it; the server reads the new files by itself",
			c.TLSCert, leaf.NotAfter.Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		doubt("the TLS certificate %s is valid only from %s on", c.TLSCert, leaf.NotBefore.Format(time.RFC3339))
	case now.Add(soon).After(leaf.NotAfter):
		doubt("the TLS certificate %s expires on %s: renew it; the server reads the new files by itself",
			c.TLSCert, leaf.NotAfter.Format(time.DateOnly))
	}

	if u, err := url.Parse(c.URL); err == nil {
		if err := leaf.VerifyHostname(u.Hostname()); err != nil {
			doubt("the TLS certificate %s is not for the host of --url %s: %v", c.TLSCert, c.URL, err)
		}
	}
	return texts
}

// get returns the certificate for a connection; it is a [tls.Config]'s GetCertificate. While the two files do not fit together, as
// in the middle of a renewal, the old certificate stays in use. Each new state of the files is tried once.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stat() == c.states {
		return c.pair, nil
	}
	if err := c.load(); err != nil {
		c.logger.Error("the new TLS certificate cannot be used; the one before is used on", "error", err)
	} else {
		c.logger.Info("read a new TLS certificate", "expires", c.pair.Leaf.NotAfter)
	}
	return c.pair, nil
}

package httpd

import (
	"crypto/tls"
	"fmt"
	"log/slog"
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

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// newCertificate makes a certificate for a host and its key, in files.
func newCertificate(t testing.TB, host string, expires time.Time) (cert, key string) {
	t.Helper()
	directory := t.TempDir()
	cert, key = filepath.Join(directory, "cert.pem"), filepath.Join(directory, "key.pem")
	if err := writeCertificate(cert, key, host, expires); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// writeCertificate writes a certificate for a host that signs itself, and its key.
func writeCertificate(cert, key, host string, expires time.Time) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: expires.Add(-90 * 24 * time.Hour), NotAfter: expires,
	}
	if now := time.Now(); template.NotBefore.After(now) {
		template.NotBefore = now.Add(-time.Hour)
	}

	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	write := func(path, kind string, der []byte) error {
		return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	}
	return errors.Join(write(cert, "CERTIFICATE", der), write(key, "PRIVATE KEY", pkcs8))
}

// tlsDial connects to a server whose certificate is not verified.
func tlsDial(address string) (*tls.Conn, error) {
	return tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
}

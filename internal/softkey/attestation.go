package softkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"
)

// Model is a kind of key as its vendor makes it: keys of one model share its AAGUID and its attestation certificate.
type Model struct {
	AAGUID [16]byte
	Root   *x509.Certificate // the vendor's anchor
	chain  []any             // DER: the leaf, and nothing above
	signer *ecdsa.PrivateKey
}

var (
	aaguidExtension = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}
	notBefore       = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter        = time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)
)

// NewModel makes a model and its vendor. change, which may be nil, alters the attestation certificate before it is signed,
// for hostile tests; the certificate is that of WebAuthn §8.2.1.
func NewModel(aaguid [16]byte, change func(*x509.Certificate)) (*Model, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}

	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: notBefore, NotAfter: notAfter,
		Subject: pkix.Name{Country: []string{"SE"}, Organization: []string{"Softkey"}, CommonName: "Softkey Root"},
		IsCA:    true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}

	// The leaf certificate names the model by its AAGUID.
	m := &Model{AAGUID: aaguid}
	if m.Root, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if m.signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}

	value, err := asn1.Marshal(aaguid[:])
	if err != nil {
		return nil, err
	}

	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: notBefore, NotAfter: notAfter,
		Subject: pkix.Name{
			Country: []string{"SE"}, Organization: []string{"Softkey"},
			OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Softkey 1",
		},
		BasicConstraintsValid: true,
		ExtraExtensions:       []pkix.Extension{{Id: aaguidExtension, Value: value}},
	}
	if change != nil {
		change(leaf)
	}
	der, err = x509.CreateCertificate(rand.Reader, leaf, m.Root, &m.signer.PublicKey, rootKey)
	m.chain = []any{der}
	return m, err
}

// attest makes the attestation statement. A page that does not ask for one gets none, because browsers take it away.
func (k *Key) attest(c *credential, authData, clientData []byte,
	conveyance string,
) (format string, statement map[string]any, err error) {
	if k.Attestation == None || conveyance != "direct" && conveyance != "enterprise" {
		return "none", map[string]any{}, nil
	}

	hash := sha256.Sum256(clientData)
	signed := slices.Concat(authData, hash[:])
	if k.Attestation == Self {
		sig, err := sign(c.signer, c.alg, signed)
		return "packed", map[string]any{"alg": c.alg, "sig": sig}, err
	}

	if k.Model == nil {
		return "", nil, fmt.Errorf("softkey: attestation without a Model")
	}
	if k.Attestation == Packed {
		sig, err := sign(k.Model.signer, -7, signed)
		return "packed", map[string]any{"alg": -7, "sig": sig, "x5c": k.Model.chain}, err
	}

	key, ok := c.signer.Public().(*ecdsa.PublicKey)
	if !ok || c.alg != -7 {
		return "", nil, ErrNotSupported
	}

	point, err := key.Bytes()
	if err != nil {
		return "", nil, err
	}

	// FIDO U2F raw message formats §4.3; the first 32 bytes are the hash of the RP ID.
	sig, err := sign(k.Model.signer, -7, slices.Concat([]byte{0}, authData[:32], hash[:], c.id, point))
	return "fido-u2f", map[string]any{"sig": sig, "x5c": k.Model.chain}, err
}

// generate makes a credential's key pair.
func generate(random io.Reader, alg int) (crypto.Signer, error) {
	switch alg {
	case -7:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case -35:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case -36:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case -8:
		seed := make([]byte, ed25519.SeedSize)
		_, err := io.ReadFull(random, seed)
		return ed25519.NewKeyFromSeed(seed), err
	case -257, -37:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, ErrNotSupported
}

// sign signs a message by an algorithm, which is a COSE identifier.
func sign(signer crypto.Signer, alg int, message []byte) ([]byte, error) {
	var options crypto.SignerOpts
	switch alg {
	case -8:
		return signer.Sign(rand.Reader, message, crypto.Hash(0))
	case -7, -257:
		options = crypto.SHA256
	case -37:
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case -35:
		options = crypto.SHA384
	case -36:
		options = crypto.SHA512
	default:
		return nil, ErrNotSupported
	}

	h := options.HashFunc().New()
	h.Write(message)
	return signer.Sign(rand.Reader, h.Sum(nil), options)
}

// cosePublicKey encodes a public key as a COSE_Key (RFC 9053).
func cosePublicKey(public crypto.PublicKey, alg int) ([]byte, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		curve := map[int]int{-7: 1, -35: 2, -36: 3}[alg]
		n := (len(point) - 1) / 2
		return encode(map[int]any{1: 2, 3: alg, -1: curve, -2: point[1 : 1+n], -3: point[1+n:]})
	case ed25519.PublicKey:
		return encode(map[int]any{1: 1, 3: alg, -1: 6, -2: []byte(key)})
	case *rsa.PublicKey:
		return encode(map[int]any{1: 3, 3: alg, -1: key.N.Bytes(), -2: big.NewInt(int64(key.E)).Bytes()})
	}
	return nil, ErrNotSupported
}

package mfa

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/touchstone-iam/touchstone/internal/softkey"
)

// tpm is what goes into a statement of format tpm (WebAuthn §8.3; TCG TPM 2.0 Library, part 2), for a case to change.
type tpm struct {
	version     string
	magic       uint32
	kind        uint16
	x           []byte // of the key in pubArea
	extra       []byte // hash of what is attested
	name        []byte // of pubArea, without its algorithm
	certificate *x509.Certificate
}

// counted16 is a TPM2B: bytes after their length.
func counted16(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// subjectAltName names a TPM's vendor (TCG EK Credential Profile §3.1.2).
func subjectAltName(vendor string) pkix.Extension {
	attribute := func(n int, value string) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 23, 133, 2, n}, Value: value}}
	}
	names := must(asn1.Marshal(pkix.RDNSequence{attribute(1, vendor), attribute(2, "Softkey"), attribute(3, "id:1")}))
	name := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: names}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: must(asn1.Marshal([]asn1.RawValue{name}))}
}

// byTPM registers a credential that a TPM attests, after change.
func byTPM(f func(*tpm)) func(*testing.T) error {
	return func(t *testing.T) error { return create(attestedByTPM(f))(t) }
}

// attestedByTPM makes the key's attestation a TPM's.
func attestedByTPM(f func(*tpm)) change {
	return func(k *softkey.Key) {
		var clientData, public, data []byte
		k.Tamper.ClientData = func(b []byte) []byte { clientData = b; return b }
		k.Tamper.PublicKey = func(b []byte) []byte { public = b; return b }
		k.Tamper.AuthData = func(b []byte) []byte { data = b; return b }
		attested(func(m map[string]any) { m["fmt"], m["attStmt"] = "tpm", tpmStatement(clientData, public, data, f) })(k)
	}
}

func tpmStatement(clientData, public, data []byte, f func(*tpm)) map[string]any {
	aik, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}

	var key map[int64]any
	if err := webauthncbor.Unmarshal(public, &key); err != nil {
		panic(err)
	}

	hash := sha256.Sum256(clientData)
	extra := sha256.Sum256(slices.Concat(data, hash[:]))
	s := &tpm{
		version: "2.0", magic: 0xff544347, kind: 0x8017, x: key[-2].([]byte), extra: extra[:],
		certificate: &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: now.AddDate(-20, 0, 0), NotAfter: now.AddDate(80, 0, 0),
			BasicConstraintsValid: true, ExtraExtensions: []pkix.Extension{subjectAltName("id:494E5443")},
			UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 3}},
		},
	}
	f(s)
	area := slices.Concat([]byte{
		0x00, 0x23, 0x00, 0x0b, // an ECC key, named by SHA-256
		0, 0, 0, 0, 0, 0, // attributes, policy
		0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, // no symmetric algorithm, no scheme, P-256, no key derivation
	}, counted16(s.x), counted16(key[-3].([]byte)))

	if s.name == nil {
		name := sha256.Sum256(area)
		s.name = name[:]
	}

	info := binary.BigEndian.AppendUint32(nil, s.magic)
	info = binary.BigEndian.AppendUint16(info, s.kind)
	info = slices.Concat(info, counted16(nil), counted16(s.extra), make([]byte, 25), // signer; clock and firmware
		counted16(slices.Concat([]byte{0x00, 0x0b}, s.name)), counted16(nil))
	digest := sha256.Sum256(info)
	return map[string]any{
		"ver": s.version, "alg": -7, "certInfo": info, "pubArea": area,
		"sig": must(ecdsa.SignASN1(rand.Reader, aik, digest[:])),
		"x5c": []any{must(x509.CreateCertificate(rand.Reader, s.certificate, s.certificate, &aik.PublicKey, aik))},
	}
}

func TestTPMAttestation(t *testing.T) {
	if err := byTPM(func(*tpm) {})(t); err != nil {
		t.Error(err)
	}
}

var tpmCases = []hostile{
	{"V01", ErrAttestation, byTPM(func(s *tpm) { s.version = "1.2" })},
	{"V02", ErrAttestation, byTPM(func(s *tpm) { s.magic++ })},
	{"V03", ErrAttestation, byTPM(func(s *tpm) { s.kind = 0x8018 })},
	{"V04", ErrAttestation, byTPM(func(s *tpm) { s.extra = bytes.Repeat([]byte{1}, 32) })},
	{"V05", ErrAttestation, byTPM(func(s *tpm) { s.x = otherRPID(bytes.Clone(s.x)) })},
	{"V06", ErrAttestation, byTPM(func(s *tpm) { s.name = bytes.Repeat([]byte{1}, 32) })},
	{"V07", ErrAttestation, byTPM(func(s *tpm) { s.certificate.Subject.CommonName = "TPM" })},
	{"V08", ErrAttestation, each(ErrAttestation,
		byTPM(func(s *tpm) { s.certificate.ExtraExtensions = nil }),
		byTPM(func(s *tpm) { s.certificate.ExtraExtensions[0] = subjectAltName("id:00000000") }))},
	{"V09", ErrAttestation, byTPM(func(s *tpm) { s.certificate.UnknownExtKeyUsage = nil })},
	{"V10", ErrAttestation, byTPM(func(s *tpm) { s.certificate.IsCA = true })},
}

package mfa

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"github.com/touchstone-iam/touchstone/internal/softkey"
)

var attestationCases = []hostile{
	{"D01", ErrAttestationObject, create(attestationObject(appended(0)))},
	{"D02", ErrAttestationObject, create(attestationObject(func(b []byte) []byte { return b[:len(b)-1] }))},
	{"D03", ErrAttestationFormat, create(attested(func(m map[string]any) { m["fmt"] = "NONE" }))},
	{"D04", ErrAttestationFormat, create(attested(func(m map[string]any) { m["fmt"] = "Packed" }))},
	{"D05", ErrAttestationFormat, create(attested(func(m map[string]any) { m["fmt"] = "" }))},
	{"D06", ErrAttestation, create(attested(func(m map[string]any) { m["attStmt"] = map[string]any{"sig": []byte{1}} }))},
	{"D07", ErrAuthenticatorData, create(flags(0, flagAttested))},
	{"D08", ErrAuthenticatorData, create(authData(appended(0)))},
	{"D09", ErrAuthenticatorData, create(extended())},
	{"D10", ErrAuthenticatorData, create(extended(0x01))},
	{"D11", ErrAuthenticatorData, create(authData(appended(0xa0)))},
	{"D12", ErrAuthenticatorData, create(extended(0xa0, 0x00))},
	{"D13", ErrRPID, create(authData(otherRPID))},
	{"D14", ErrUserPresence, create(flags(0, flagPresent))},
	{"D15", ErrUserVerification, func(t *testing.T) error {
		rp := relyingParty(t)
		rp.RequireUserVerification = true
		options, record, err := rp.BeginRegistration(alice, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rp.FinishRegistration(record, must(softkey.New().Create(origin, options)), now); err != nil {
			t.Errorf("verified: %v", err)
		}
		_, err = rp.FinishRegistration(record, must(softkey.New(flags(0, flagVerified)).Create(origin, options)), now)
		return err
	}},
	{"D16", ErrBackupFlags, create(flags(flagBackedUp, 0))},
	{"D17", nil, create(flags(1<<1|1<<5, 0))},
	{"D18", ErrCredentialID, create(credentialID(make([]byte, 1024))...)},
	{"D18", nil, create(credentialID(make([]byte, 1023))...)},
	{"D19", ErrCredentialID, create(authData(func(b []byte) []byte {
		return append(append(b[:53:53], 0, 0), b[55+32:]...)
	}))},
	{"D20", ErrAuthenticatorData, each(ErrAuthenticatorData,
		create(authData(func(b []byte) []byte { b[53], b[54] = 0x03, 0xff; return b })),
		create(authData(func(b []byte) []byte { b[53], b[54] = 0xff, 0xff; return b })))},
	{"D21", ErrAuthenticatorData, create(authData(func(b []byte) []byte { return b[:36] }))},
	{
		"D22", ErrAttestationObject,
		create(attestationObject(func(b []byte) []byte { return append(append([]byte{0xbf}, b[1:]...), 0xff) })),
	},
	{"D23", ErrAttestationObject, create(attestationObject(func(b []byte) []byte {
		return append([]byte("\xa4\x63fmt\x64none"), b[1:]...)
	}))},
	{"D24", ErrAttestationObject, create(attestationObject(func(b []byte) []byte { return append([]byte{0xd9, 0xd9, 0xf7}, b...) }))},
	{"D25", nil, create(attested(func(m map[string]any) { m["more"] = true }))},
	{"D26", ErrRegistered, func(t *testing.T) error {
		rp, id := relyingParty(t), bytes.Repeat([]byte{7}, 32)
		options, record, err := rp.BeginRegistration(alice, []Credential{{ID: id, RPID: "example.org"}}, now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rp.FinishRegistration(record, must(softkey.New(credentialID(id)...).Create(origin, options)), now)
		return err
	}},
	{"D30", ErrExtension, create(extended(append([]byte("\xa1\x6bcredProtect"), 9)...))},
	{"D30", nil, create(extended(append([]byte("\xa1\x6bcredProtect"), 3)...))},
	{"D31", ErrExtension, create(set("clientExtensionResults", map[string]any{"credProps": map[string]any{"rk": "yes"}}))},
	{"D31", ErrExtension, create(set("clientExtensionResults", map[string]any{"credProps": true}))},
	{"D32", nil, create(set("clientExtensionResults", map[string]any{"foo": 1}))},
	{"D33", nil, create(set("clientExtensionResults", map[string]any{"appid": true}))},
	{"D34", nil, create(members(func(_, response map[string]any) {
		response["publicKey"], response["publicKeyAlgorithm"], response["authenticatorData"] = "AAAA", -257, "AAAA"
	}))},
	{"D37", nil, func(t *testing.T) error {
		m := model(t)
		return each(nil, create(attest(softkey.Packed, m)), create(attest(softkey.Packed, m)))(t)
	}},
}

func otherRPID(b []byte) []byte {
	b[0] ^= 1
	return b
}

// cose changes the parameters of the credential public key.
func cose(f func(map[int64]any)) change {
	return func(k *softkey.Key) {
		k.Tamper.PublicKey = func(b []byte) []byte {
			var m map[int64]any
			if err := webauthncbor.Unmarshal(b, &m); err != nil {
				panic(err)
			}
			f(m)
			return must(webauthncbor.Marshal(m))
		}
	}
}

// rsaKey replaces the public key.
func rsaKey(alg int, n, e []byte) change {
	return func(k *softkey.Key) {
		k.Tamper.PublicKey = func([]byte) []byte {
			return must(webauthncbor.Marshal(map[int64]any{1: 3, 3: alg, -1: n, -2: e}))
		}
	}
}

// modulus is an odd number of that many bytes, its top bit set.
func modulus(size int) []byte { return bytes.Repeat([]byte{0xff}, size) }

var exponent = []byte{1, 0, 1}

// okpKey replaces the public key.
func okpKey(crv int, x []byte) change {
	return func(k *softkey.Key) {
		k.Tamper.PublicKey = func([]byte) []byte {
			return must(webauthncbor.Marshal(map[int64]any{1: 1, 3: -8, -1: crv, -2: x}))
		}
	}
}

var publicKeyCases = []hostile{
	{"K01", ErrAlgorithm, create(cose(func(m map[int64]any) { m[3] = -999 }))},
	{"K02", ErrAlgorithm, create(cose(func(m map[int64]any) { delete(m, 3) }))},
	{"K03", ErrPublicKey, create(cose(func(m map[int64]any) { m[-1] = 2 }))},
	{"K04", ErrPublicKey, create(cose(func(m map[int64]any) { m[-3].([]byte)[31] ^= 1 }))},
	{"K05", ErrPublicKey, create(cose(func(m map[int64]any) { m[-2], m[-3] = make([]byte, 32), make([]byte, 32) }))},
	{"K06", ErrPublicKey, create(cose(func(m map[int64]any) { m[-2] = append([]byte{0}, m[-2].([]byte)...) }))},
	{"K07", ErrPublicKey, create(cose(func(m map[int64]any) { m[-3] = true }))},
	{"K08", ErrPublicKey, create(cose(func(m map[int64]any) { m[1] = 3 }))},
	{"K09", ErrPublicKey, create(cose(func(m map[int64]any) { delete(m, -2) }))},
	{"K10", ErrPublicKey, create(cose(func(m map[int64]any) { m[2] = []byte("kid") }))},
	{"K11", ErrPublicKey, create(cose(func(m map[int64]any) { m[-4] = make([]byte, 32) }))},
	{"K12", ErrAlgorithm, create(rsaKey(-38, modulus(256), exponent))}, // PS384: go-webauthn has it, we did not offer it
	{"K13", ErrPublicKey, create(rsaKey(-257, modulus(128), exponent))},
	{"K14", ErrPublicKey, each(ErrPublicKey,
		create(rsaKey(-257, modulus(256), []byte{1})), create(rsaKey(-257, modulus(256), []byte{4})),
		create(rsaKey(-257, modulus(256), []byte{0, 1, 0, 1})), create(rsaKey(-257, modulus(256), []byte{0x80, 0, 0, 1})))},
	{"K14", nil, create(rsaKey(-257, modulus(256), exponent))},
	{"K15", ErrPublicKey, create(okpKey(6, make([]byte, 3)))},
	{"K16", ErrPublicKey, create(okpKey(7, make([]byte, 57)))},
	{"K17", ErrAuthenticatorData, create(func(k *softkey.Key) { k.Tamper.PublicKey = func([]byte) []byte { return []byte{1} } })},
	{"K18", ErrAlgorithm, create(rsaKey(-65535, modulus(256), exponent))},
	{"K19", ErrPublicKey, each(ErrPublicKey,
		create(rsaKey(-257, append(modulus(255), 2), exponent)), create(rsaKey(-257, modulus(2048), exponent)),
		create(rsaKey(-257, append([]byte{0}, modulus(256)...), exponent)))},
}

// attest gives the key an attestation.
func attest(a softkey.Attestation, m *softkey.Model) change {
	return func(k *softkey.Key) { k.Attestation, k.Model = a, m }
}

// statement changes a signed attestation statement.
func statement(f func(map[string]any)) change {
	return func(k *softkey.Key) { k.Tamper.Statement = f }
}

// packed registers a key with packed attestation.
func packed(changes ...change) func(*testing.T) error {
	return func(t *testing.T) error {
		return create(append([]change{attest(softkey.Packed, model(t))}, changes...)...)(t)
	}
}

// certified registers a key whose attestation certificate was changed.
func certified(f func(*x509.Certificate)) func(*testing.T) error {
	return func(t *testing.T) error {
		m, err := softkey.NewModel([16]byte{1, 2, 3}, f)
		if err != nil {
			t.Fatal(err)
		}
		return create(attest(softkey.Packed, m))(t)
	}
}

// self registers a key with self attestation.
func self(changes ...change) func(*testing.T) error {
	return create(append([]change{attest(softkey.Self, nil)}, changes...)...)
}

func flipped(b any) []byte {
	sig := bytes.Clone(b.([]byte))
	sig[len(sig)-1] ^= 1
	return sig
}

// versionOne takes the version and the extensions out of a certificate.
func versionOne(der []byte) []byte {
	var cert struct{ TBS, Algorithm, Signature asn1.RawValue }
	var parts []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &cert); err != nil {
		panic(err)
	}
	if _, err := asn1.Unmarshal(cert.TBS.FullBytes, &parts); err != nil {
		panic(err)
	}
	cert.TBS = asn1.RawValue{FullBytes: must(asn1.Marshal(parts[1 : len(parts)-1]))}
	return must(asn1.Marshal(cert))
}

var packedCases = []hostile{
	{"P01", ErrAttestation, packed(statement(func(s map[string]any) { s["sig"] = flipped(s["sig"]) }))},
	{"P02", ErrAttestation, packed(statement(func(s map[string]any) { s["alg"] = -257 }))},
	{"P03", ErrAttestation, packed(statement(func(s map[string]any) { s["x5c"] = []any{} }))},
	{"P04", ErrAttestation, certified(func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{"Other"} })},
	{"P05", ErrAttestation, certified(func(c *x509.Certificate) { c.Subject.Country = nil })},
	{"P06", ErrAttestation, certified(func(c *x509.Certificate) { c.Subject.CommonName = "" })},
	{"P07", ErrAttestation, certified(func(c *x509.Certificate) { c.Subject.Organization = nil })},
	{"P08", ErrAttestation, certified(func(c *x509.Certificate) { c.IsCA = true })},
	{"P09", ErrAttestation, certified(func(c *x509.Certificate) { c.ExtraExtensions[0].Value[17] ^= 1 })},
	{"P10", ErrAttestation, certified(func(c *x509.Certificate) { c.ExtraExtensions[0].Critical = true })},
	{"P11", ErrAttestation, certified(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Hour) })},
	{"P12", ErrAttestation, packed(statement(func(s map[string]any) { delete(s, "sig") }))},
	{"P13", ErrAttestation, packed(statement(func(s map[string]any) { delete(s, "alg") }))},
	{"P14", ErrAttestation, packed(statement(func(s map[string]any) { s["x5c"] = []any{[]byte("certificate")} }))},
	{"P15", ErrAttestation, packed(statement(func(s map[string]any) { s["x5c"] = s["x5c"].([]any)[0] }))},
	{"P16", nil, packed(statement(func(s map[string]any) { s["more"] = true }))},
	{"P17", ErrAttestation, packed(statement(func(s map[string]any) { s["sig"] = append(s["sig"].([]byte), 0) }))},
	{"P18", ErrAttestation, packed(statement(func(s map[string]any) { s["x5c"] = []any{versionOne(s["x5c"].([]any)[0].([]byte))} }))},
	{"P19", ErrAttestation, certified(func(c *x509.Certificate) { c.ExtraExtensions[0].Value = c.ExtraExtensions[0].Value[2:] })},
	{"P25", ErrAttestation, certified(func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: serialNumber, Value: []byte{4, 1, 7}})
	})},
	{"S01", ErrAttestation, self(cose(func(m map[int64]any) {
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		point := must(other.PublicKey.Bytes())
		m[-2], m[-3] = point[1:33], point[33:]
	}))},
	{"S02", ErrAttestation, self(statement(func(s map[string]any) { s["alg"] = -35 }))},
	{"S03", ErrAttestation, self(statement(func(s map[string]any) { s["sig"] = []byte{} }))},
	{"S04", ErrAttestation, each(ErrAttestation,
		self(statement(func(s map[string]any) { s["ecdaaKeyId"] = []byte{1} })),
		self(statement(func(s map[string]any) { s["ecdaaKeyId"] = "text" })),
		packed(statement(func(s map[string]any) { s["ecdaaKeyId"] = []byte{1} })))},
	{"S05", nil, func(t *testing.T) error {
		c := register(t, relyingParty(t), softkey.New(attest(softkey.Self, model(t))))
		if c.AttestationType != "basic_surrogate" { // what a rule about models must not take for attested
			return errors.New(c.AttestationType)
		}
		return nil
	}},
}

// u2f registers a U2F key.
func u2f(changes ...change) func(*testing.T) error {
	return func(t *testing.T) error {
		return create(append([]change{attest(softkey.U2F, model(t))}, changes...)...)(t)
	}
}

// p384Certificate is a certificate whose key is on another curve.
func p384Certificate() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.AddDate(-20, 0, 0), NotAfter: now.AddDate(80, 0, 0)}
	return must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
}

// compound makes the self attestation into a compound of the statements that f makes of it.
func compound(f func(good map[string]any) []any) func(*testing.T) error {
	return self(attested(func(m map[string]any) {
		good := map[string]any{"fmt": m["fmt"], "attStmt": m["attStmt"]}
		m["fmt"], m["attStmt"] = "compound", f(good)
	}))
}

var formatCases = append([]hostile{
	{"U01", ErrAttestation, u2f(authData(func(b []byte) []byte { b[37] = 1; return b }))},
	{"U02", ErrAttestation, u2f(statement(func(s map[string]any) { s["x5c"] = append(s["x5c"].([]any), s["x5c"].([]any)...) }))},
	{"U03", ErrAttestation, u2f(statement(func(s map[string]any) { s["x5c"] = []any{p384Certificate()} }))},
	{"U04", ErrAttestation, u2f(statement(func(s map[string]any) { s["sig"] = flipped(s["sig"]) }))},
	{"U05", ErrAttestation, u2f(statement(func(s map[string]any) { delete(s, "x5c") }))},
	{"U06", ErrAttestation, u2f(okpKey(6, make([]byte, 32)))},
	{"Y03", ErrAttestationFormat, packed(attested(func(m map[string]any) { m["fmt"] = "android-safetynet" }))},
	{"X01", ErrAttestation, compound(func(good map[string]any) []any { return []any{good} })},
	{"X01", nil, compound(func(good map[string]any) []any { return []any{good, good} })},
	{"X02", ErrAttestation, compound(func(good map[string]any) []any {
		return []any{good, map[string]any{"fmt": "compound", "attStmt": map[string]any{}}}
	})},
	{"X03", ErrAttestation, compound(func(good map[string]any) []any {
		return []any{good, map[string]any{"fmt": "packed", "attStmt": map[string]any{"alg": -7, "sig": []byte{1}}}}
	})},
	{"X04", ErrAttestation, compound(func(good map[string]any) []any {
		return []any{good, map[string]any{"fmt": "none", "attStmt": map[string]any{}}}
	})},
}, tpmCases...)

package mfa

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/softkey"
)

const origin = "https://example.org"

var (
	now   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	alice = User{Handle: []byte("internal-id-of-alice"), Name: "alice @ 123456789012", DisplayName: "alice"}
)

func relyingParty(t testing.TB) *RelyingParty {
	t.Helper()
	rp, err := NewRelyingParty("example.org", "Touchstone", []string{origin})
	if err != nil {
		t.Fatal(err)
	}
	return rp
}

// register runs a registration that must succeed.
func register(t testing.TB, rp *RelyingParty, k *softkey.Key) *Credential {
	t.Helper()
	options, record, err := rp.BeginRegistration(alice, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	response, err := k.Create(origin, options)
	if err != nil {
		t.Fatal(err)
	}
	c, err := rp.FinishRegistration(record, response, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// assert runs an authentication with one credential.
func assert(t testing.TB, rp *RelyingParty, k *softkey.Key, c *Credential) (*Assertion, error) {
	t.Helper()
	options, record, err := rp.BeginAssertion(alice, []Credential{*c}, now)
	if err != nil {
		t.Fatal(err)
	}
	response, err := k.Get(origin, options)
	if err != nil {
		t.Fatal(err)
	}
	return rp.FinishAssertion(record, response, []Credential{*c}, now)
}

func model(t testing.TB) *softkey.Model {
	t.Helper()
	m, err := softkey.NewModel([16]byte{1, 2, 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCeremonies(t *testing.T) {
	rp, m := relyingParty(t), model(t)
	keys := map[string]*softkey.Key{
		"none":   softkey.New(),
		"u2f":    {Attestation: softkey.U2F, Model: m, Step: 1},
		"packed": {Attestation: softkey.Packed, Model: m, Verify: true, Handle: true},
		"synced": {BackupEligible: true, BackedUp: true, Verify: true, Handle: true},
	}

	for _, alg := range []int{-7, -8, -35, -36, -257, -37} {
		keys[fmt.Sprintf("self%d", alg)] = &softkey.Key{Attestation: softkey.Self, Algorithm: alg, Step: 1}
	}

	want := map[string]string{"none": "none none", "u2f": "fido-u2f basic_full", "packed": "packed basic_full", "synced": "none none"}
	for name, k := range keys {
		t.Run(name, func(t *testing.T) {
			c := register(t, rp, k)
			kind, ok := want[name]
			if !ok {
				kind = "packed basic_surrogate"
			}
			if got := c.AttestationFormat + " " + c.AttestationType; got != kind {
				t.Errorf("attestation %s, want %s", got, kind)
			}
			if c.UserVerified != k.Verify || c.BackupEligible != k.BackupEligible || c.SignCount != k.Counter || c.RPID != "example.org" {
				t.Errorf("credential %+v", c)
			}

			a, err := assert(t, rp, k, c)
			if err != nil {
				t.Fatal(err)
			}
			if a.SignCount != k.Counter || a.CountAtStart != c.SignCount || a.UserVerified != k.Verify || a.BackupState != k.BackedUp {
				t.Errorf("assertion %+v", a)
			}
			if v := JudgeCounter(a.CountAtStart, c.SignCount, a.SignCount); v != CounterFine {
				t.Errorf("counter verdict %d", v)
			}
		})
	}
}

func BenchmarkAssertion(b *testing.B) {
	rp, k := relyingParty(b), softkey.New()
	c := register(b, rp, k)
	credentials := []Credential{*c}
	options, record, err := rp.BeginAssertion(alice, credentials, now)
	if err != nil {
		b.Fatal(err)
	}
	response, err := k.Get(origin, options)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rp.FinishAssertion(record, response, credentials, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareVerify is the cryptography of an assertion alone, over as many bytes.
func BenchmarkBareVerify(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}

	clientData, data := make([]byte, 134), make([]byte, 37, 69)
	digest := func() []byte {
		hash := sha256.Sum256(clientData)
		sum := sha256.Sum256(append(data, hash[:]...))
		return sum[:]
	}

	sig, err := ecdsa.SignASN1(rand.Reader, key, digest())
	if err != nil {
		b.Fatal(err)
	}

	b.ReportAllocs()
	for b.Loop() {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest(), sig) {
			b.Fatal("signature")
		}
	}
}

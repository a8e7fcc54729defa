package mfa

import (
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/softkey"
)

const (
	appID      = "https://old.example.org/app-id.json"
	otherAppID = "https://other.example.org/app-id.json"
)

// ecdsaSignature encodes what a signer would not.
func ecdsaSignature(r, s *big.Int) []byte { return must(asn1.Marshal(struct{ R, S *big.Int }{r, s})) }

// numbers are the two of an ECDSA signature.
func numbers(sig []byte) (r, s *big.Int) {
	var n struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &n); err != nil {
		panic(err)
	}
	return n.R, n.S
}

// badNumbers signs in with a signature made of other numbers.
func badNumbers(f func(r, s *big.Int) []byte) func(*testing.T) error {
	return get(signature(func(sig []byte) []byte { return f(numbers(sig)) }))
}

// counted signs in with a key that presents the counter after the stored one, and judges.
func counted(stored, presented uint32) func(*testing.T) error {
	return func(t *testing.T) error {
		rp, k := relyingParty(t), &softkey.Key{Counter: stored}
		c := register(t, rp, k)
		k.Counter = presented
		a, err := assert(t, rp, k, c)
		if err != nil {
			t.Fatal(err)
		}
		switch JudgeCounter(a.CountAtStart, stored, a.SignCount) {
		case CounterFine:
			return nil
		case CounterClone:
			return ErrCounter
		}
		t.Error("want the clone verdict")
		return ErrCounter
	}
}

// byAppID signs in with a key registered through the U2F API. requested is the AppID of the ceremony.
func byAppID(requested string, changes ...change) func(*testing.T) error {
	return func(t *testing.T) error {
		rp, k := relyingParty(t), softkey.New()
		handle, publicKey, err := k.RegisterU2F(appID)
		if err != nil {
			t.Fatal(err)
		}

		c := Credential{ID: handle, PublicKey: publicKey, AttestationFormat: "fido-u2f", RPID: "example.org", AppID: appID}
		options, _, err := rp.BeginAssertion(alice, []Credential{c}, now)
		if err != nil {
			t.Fatal(err)
		}

		for _, change := range changes {
			change(k)
		}

		begun := c
		begun.AppID = requested
		others, record, err := rp.BeginAssertion(alice, []Credential{begun}, now)
		if err != nil {
			t.Fatal(err)
		}

		// The key answers to what a hostile page made of the options: the AppID is asked for, the challenge is the ceremony's.
		_, err = rp.FinishAssertion(record, must(k.Get(origin, withChallenge(options, others))), []Credential{c}, now)
		return err
	}
}

// scoped replaces the hash of the RP ID.
func scoped(id string) change {
	return authData(func(b []byte) []byte {
		hash := sha256.Sum256([]byte(id))
		return append(hash[:], b[32:]...)
	})
}

// appIDOutput replaces the output of the appid extension.
func appIDOutput(value any) change {
	return set("clientExtensionResults", map[string]any{"appid": value})
}

// withChallenge puts the challenge of other options into these.
func withChallenge(options, other []byte) []byte {
	var m, from map[string]any
	if err := errors.Join(json.Unmarshal(options, &m), json.Unmarshal(other, &from)); err != nil {
		panic(err)
	}
	m["challenge"] = from["challenge"]
	return must(json.Marshal(m))
}

var assertionCases = []hostile{
	{"A04", ErrRPID, get(authData(otherRPID))},
	{"A05", ErrUserPresence, get(flags(0, flagPresent))},
	{"A06", ErrUserVerification, func(t *testing.T) error {
		rp, k := relyingParty(t), softkey.New()
		rp.RequireUserVerification = true
		c := register(t, rp, k)
		if _, err := assert(t, rp, k, c); err != nil {
			t.Errorf("verified: %v", err)
		}
		flags(0, flagVerified)(k)
		_, err := assert(t, rp, k, c)
		return err
	}},
	{"A07", ErrBackupEligibility, get(flags(flagEligible, 0))},
	{"A08", ErrBackupFlags, get(flags(flagBackedUp, 0))},
	{"A09", ErrSignature, get(signature(func(sig []byte) []byte { return flipped(sig) }))},
	{"A10", ErrSignature, get(signature(func([]byte) []byte { return nil }))},
	{"A11", ErrSignature, get(signature(appended(0)))},
	{"A12", ErrSignature, func(t *testing.T) error {
		rp, k := relyingParty(t), softkey.New()
		c := register(t, rp, k)
		c.PublicKey = register(t, rp, k).PublicKey
		_, err := assert(t, rp, k, c)
		return err
	}},
	{"A13", ErrAuthenticatorData, get(authData(appended(0)))},
	{"A14", ErrAuthenticatorData, get(extended())},
	{"A14", nil, get(extended(0xa0))},
	{"A15", ErrAuthenticatorData, get(flags(flagAttested, 0))},
	{"A16", ErrAuthenticatorData, get(authData(func(b []byte) []byte {
		b[32] |= flagAttested
		b = append(b, make([]byte, 16)...)
		return append(b, 0, 1, 7, 0xa0)
	}))},
	{"A17", ErrUnknown, get(members(func(_, response map[string]any) { response["userHandle"] = "AAAA" }))},
	// Like any credential that was not asked for: step 5 comes before step 6, and the browser is told the same.
	{
		"A18", ErrNotAllowed,
		get(members(func(credential, _ map[string]any) { credential["id"], credential["rawId"] = "AAAA", "AAAA" })),
	},
	{"A19", ErrCounter, counted(10, 10)},
	{"A20", ErrCounter, counted(10, 0)},
	{"A21", ErrCounter, counted(10, 9)},
	{"A22", ErrSignature, badNumbers(func(r, s *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})},
	{"A23", ErrAuthenticatorData, get(authData(func(b []byte) []byte { return b[:36] }))},
	{"A24", ErrExpired, func(t *testing.T) error {
		rp, k := relyingParty(t), softkey.New()
		credentials := []Credential{*register(t, rp, k)}
		options, record, err := rp.BeginAssertion(alice, credentials, now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rp.FinishAssertion(record, must(k.Get(origin, options)), credentials, now.Add(timeout+grace+time.Second))
		return err
	}},
	{"A25", ErrNotAllowed, func(t *testing.T) error {
		rp, asked, other := relyingParty(t), softkey.New(), softkey.New()
		credentials := []Credential{*register(t, rp, asked), *register(t, rp, other)}
		_, record, err := rp.BeginAssertion(alice, credentials[:1], now)
		if err != nil {
			t.Fatal(err)
		}
		options, _, err := rp.BeginAssertion(alice, credentials[1:], now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = rp.FinishAssertion(record, must(other.Get(origin, options)), credentials, now)
		return err
	}},
	{"A26", ErrSignature, each(ErrSignature,
		badNumbers(func(_, s *big.Int) []byte { return ecdsaSignature(new(big.Int), s) }),
		badNumbers(func(r, _ *big.Int) []byte { return ecdsaSignature(r, new(big.Int)) }),
		badNumbers(func(r, s *big.Int) []byte { return ecdsaSignature(r.Neg(r), s) }),
		badNumbers(func(r, s *big.Int) []byte { return ecdsaSignature(r, s.Add(s, elliptic.P256().Params().N)) }),
		badNumbers(func(r, s *big.Int) []byte { // a zero too many before r
			r32, s32 := append([]byte{0, 0}, r.FillBytes(make([]byte, 32))...), append([]byte{0}, s.FillBytes(make([]byte, 32))...)
			der := append([]byte{2, 34}, r32...)
			der = append(append(der, 2, 33), s32...)
			return append([]byte{0x30, byte(len(der))}, der...)
		}))},
	{"A27", ErrRPID, get(scoped(appID), appIDOutput(true))},
	{"A27", nil, get(appIDOutput(true))},
	{"A28", ErrRPID, byAppID("")},
	{"A29", ErrRPID, byAppID(appID, scoped("example.org"))},
	{"A29", nil, byAppID(appID)},
	{"A30", ErrRPID, byAppID(appID, appIDOutput(false))},
	{"A30", ErrRPID, byAppID(otherAppID)},
	{"A30", ErrExtension, byAppID(appID, appIDOutput("true"))},
	{"A33", nil, get(members(func(_, response map[string]any) { response["userHandle"] = "" }))},
	{"A33", nil, get(members(func(_, response map[string]any) { response["userHandle"] = nil }))},
	{"A38", ErrSignature, each(ErrSignature,
		shortened(-8, func(sig []byte) []byte { return sig[:63] }), shortened(-8, appended(0)),
		shortened(-257, func(sig []byte) []byte { return sig[1:] }))},
	{"A39", ErrCounter, counted(math.MaxUint32, 0)},
}

// shortened signs in with a key of the algorithm, and a signature of a wrong length.
func shortened(alg int, f func([]byte) []byte) func(*testing.T) error {
	return func(t *testing.T) error {
		rp, k := relyingParty(t), &softkey.Key{Algorithm: alg}
		c := register(t, rp, k)
		k.Tamper.Signature = f
		_, err := assert(t, rp, k, c)
		return err
	}
}

func TestCounter(t *testing.T) {
	for _, c := range []struct {
		name                       string
		atStart, stored, presented uint32
		want                       CounterVerdict
	}{
		{"no counter", 0, 0, 0, CounterFine},
		{"first count of a key registered at 0", 0, 0, 1, CounterFine},
		{"rises", 5, 5, 6, CounterFine},
		{"jumps to the end", 5, 5, math.MaxUint32, CounterFine},
		{"rises beyond another tab's", 5, 6, 7, CounterFine},
		{"another tab was faster", 5, 7, 6, CounterRetry},
		{"another tab had the same", 5, 6, 6, CounterRetry},
		{"the same twice", 5, 5, 5, CounterClone},
		{"back", 5, 5, 4, CounterClone},
		{"back to nothing", 5, 5, 0, CounterClone},
		{"back, while another tab rose", 5, 9, 5, CounterClone},
		{"nothing, while another tab began to count", 0, 1, 0, CounterRetry},
		{"nothing, after the key began to count", 1, 1, 0, CounterClone},
		{"wraps", math.MaxUint32, math.MaxUint32, 0, CounterClone},
	} {
		if got := JudgeCounter(c.atStart, c.stored, c.presented); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

package mfa

import (
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Labels of a COSE_Key (RFC 9052 §7.1, RFC 9053 §7) and the bounds of RSA keys.
const (
	labelType, labelAlgorithm      = 1, 3
	minModulusBits, maxModulusBits = 2048, 8192
)

// checkPublicKey takes §7.1 step 20 and more. Before anything is verified with the key, it must be a good one of an algorithm that
// was offered, and hold no parameter beyond those of its type (WebAuthn §5.8.5, §6.5.1.1). Attestation is no substitute: with the
// format none, or with a certificate, nothing else looks at the key before its first use.
func checkPublicKey(raw []byte) error {
	var parameters map[int64]any
	if err := webauthncbor.Unmarshal(raw, &parameters); err != nil {
		return fmt.Errorf("%w: %w", ErrPublicKey, err)
	}

	algorithm, ok := parameters[labelAlgorithm].(int64)
	if !ok || !slices.ContainsFunc(algorithms, func(p protocol.CredentialParameter) bool { return int64(p.Algorithm) == algorithm }) {
		return fmt.Errorf("%w: %v", ErrAlgorithm, parameters[labelAlgorithm])
	}

	key, err := webauthncose.ParsePublicKey(raw) // type against algorithm, curve, lengths, point on the curve
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPublicKey, err)
	}

	var labels []int64
	switch key := key.(type) {
	case webauthncose.OKPPublicKeyData:
		labels = []int64{labelType, labelAlgorithm, -1, -2} // crv, x
	case webauthncose.EC2PublicKeyData:
		labels = []int64{labelType, labelAlgorithm, -1, -2, -3} // crv, x, y
	case webauthncose.RSAPublicKeyData:
		labels = []int64{labelType, labelAlgorithm, -1, -2} // n, e
		if !goodRSA(key.Modulus, key.Exponent) {
			return fmt.Errorf("%w: RSA modulus or exponent", ErrPublicKey)
		}
	}

	for label := range parameters {
		if !slices.Contains(labels, label) {
			return fmt.Errorf("%w: parameter %d", ErrPublicKey, label)
		}
	}

	return nil
}

// goodRSA reports whether modulus and exponent are minimal encodings of odd numbers, of 2048 to 8192 bits and of 3 to 2³¹−1.
func goodRSA(modulus, exponent []byte) bool {
	odd := func(b []byte) bool { return len(b) > 0 && b[0] != 0 && b[len(b)-1]&1 == 1 }
	if !odd(modulus) || !odd(exponent) || len(exponent) > 4 {
		return false
	}

	bits := len(modulus) * 8
	for top := modulus[0]; top < 0x80; top <<= 1 {
		bits--
	}

	e := uint32(0)
	for _, b := range exponent {
		e = e<<8 | uint32(b)
	}

	return minModulusBits <= bits && bits <= maxModulusBits && 3 <= e && e < 1<<31
}

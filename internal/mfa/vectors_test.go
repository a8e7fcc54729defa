package mfa

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
)

// vectorFile holds the test vectors of WebAuthn Level 3 (§16) as JSON. It is not part of the project.
const vectorFile = "../../../shared/webauthn/spec-vectors.json"

// vectors are the specification's examples, with what we do with each registration and assertion: nil where it verifies.
var vectors = map[string]struct {
	registration, assertion error
	why                     string
}{
	"none.ES256":                    {},
	"none.ES256.long-credential-id": {},
	"none.ES256.crossOrigin":        {ErrCrossOrigin, ErrCrossOrigin, "no site may embed our pages"},
	"none.ES256.topOrigin":          {ErrCrossOrigin, ErrCrossOrigin, "as crossOrigin"},
	"packed-self.ES256":             {},
	"packed.ES256":                  {},
	"packed.ES384":                  {},
	"packed.ES512":                  {},
	"packed.RS256":                  {},
	"packed.EdDSA":                  {},
	"packed.Ed448":                  {ErrAlgorithm, errVectorKey, "not offered: no maintained Go verifier for Ed448"},
	"tpm.ES256":                     {ErrAttestation, nil, "its TPM vendor, id:00000000, is none of the registry's"},
	"android-key.ES256":             {ErrAttestation, nil, "its chain does not end in Google's roots"},
	"apple.ES256":                   {ErrAttestation, nil, "its chain does not end in Apple's root"},
	"fido-u2f.ES256":                {ErrAttestation, nil, "its AAGUID is not zero; no U2F key has one"},
}

// errVectorKey stands for the plain error of a stored key that cannot be used: no such key is ever stored.
var errVectorKey = errors.New("stored public key")

func TestSpecificationVectors(t *testing.T) {
	text, err := os.ReadFile(vectorFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("skipped: the WebAuthn test vectors are not beside the project (" + vectorFile + ")")
	}
	if err != nil {
		t.Fatal(err)
	}

	var file struct {
		Vectors []struct {
			Name           string
			Registration   vectorRegistration
			Authentication vectorAssertion
			Decoded        struct {
				Fmt, CredentialPublicKeyCose string
				RegistrationFlags            struct{ UV, BE, BS bool }
			}
		}
	}

	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) != len(vectors) {
		t.Errorf("%d vectors, want %d", len(file.Vectors), len(vectors))
	}

	rp := relyingParty(t)
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			want, ok := vectors[v.Name]
			if !ok {
				t.Fatal("the table does not know this vector")
			}

			id := v.Registration.CredentialID.base64()
			got, err := rp.FinishRegistration(vectorRecord(t, protocol.CreateCeremony, v.Registration.Challenge, nil),
				vectorAnswer(t, id, map[string]string{
					"clientDataJSON":    v.Registration.ClientDataJSON.base64(),
					"attestationObject": v.Registration.AttestationObject.base64(),
				}), now)
			if !errors.Is(err, want.registration) {
				t.Errorf("registration: %v, want %v", err, want.registration)
			}

			public, err := hex.DecodeString(v.Decoded.CredentialPublicKeyCose)
			if err != nil {
				t.Fatal(err)
			}

			flags := v.Decoded.RegistrationFlags
			credential := Credential{ID: v.Registration.CredentialID, PublicKey: public, BackupEligible: flags.BE, RPID: "example.org"}
			if got != nil {
				if string(got.PublicKey) != string(public) || got.AttestationFormat != v.Decoded.Fmt ||
					got.UserVerified != flags.UV || got.BackupEligible != flags.BE || got.BackupState != flags.BS {
					t.Errorf("credential %+v", got)
				}
				credential = *got
			}

			_, err = rp.FinishAssertion(vectorRecord(t, protocol.AssertCeremony, v.Authentication.Challenge, []listed{{ID: credential.ID}}),
				vectorAnswer(t, id, map[string]string{
					"clientDataJSON":    v.Authentication.ClientDataJSON.base64(),
					"authenticatorData": v.Authentication.AuthenticatorData.base64(),
					"signature":         v.Authentication.Signature.base64(),
				}), []Credential{credential}, now)

			if want.assertion == errVectorKey {
				if err == nil {
					t.Error("assertion: verified")
				}
			} else if !errors.Is(err, want.assertion) {
				t.Errorf("assertion: %v, want %v", err, want.assertion)
			}
		})
	}
}

// octetsHex is a byte string of the file.
type octetsHex []byte

func (o *octetsHex) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

func (o octetsHex) base64() string { return base64.RawURLEncoding.EncodeToString(o) }

type vectorRegistration struct {
	Challenge         octetsHex `json:"challenge"`
	CredentialID      octetsHex `json:"credential_id"`
	ClientDataJSON    octetsHex `json:"clientDataJSON"`
	AttestationObject octetsHex `json:"attestationObject"`
}

type vectorAssertion struct {
	Challenge         octetsHex `json:"challenge"`
	ClientDataJSON    octetsHex `json:"clientDataJSON"`
	AuthenticatorData octetsHex `json:"authenticatorData"`
	Signature         octetsHex `json:"signature"`
}

// vectorRecord is the record of a ceremony with the vector's challenge.
func vectorRecord(t *testing.T, kind protocol.CeremonyType, challenge []byte, list []listed) []byte {
	t.Helper()
	record, err := json.Marshal(ceremony{
		Type: kind, Challenge: challenge, Expires: now.Add(timeout).UnixMilli(), Handle: alice.Handle, Credentials: list,
	})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// vectorAnswer is the JSON that a browser would send.
func vectorAnswer(t *testing.T, id string, response map[string]string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"id": id, "rawId": id, "type": "public-key", "response": response,
		"clientExtensionResults": struct{}{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

package mfa

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/softkey"
)

// A fuzzer cannot sign, so what it makes of an answer must be refused or say what the answer said; and whatever is refused
// is refused for a reason, without a panic. Its processes each make the ceremony for themselves, so nothing in it is random.

// fixed replaces the challenge of a ceremony's options and record by a constant.
func fixed(t testing.TB, options, record []byte) ([]byte, []byte) {
	t.Helper()
	var (
		o map[string]any
		c ceremony
	)
	if err := errors.Join(json.Unmarshal(options, &o), json.Unmarshal(record, &c)); err != nil {
		t.Fatal(err)
	}
	c.Challenge = make([]byte, 32)
	o["challenge"] = base64.RawURLEncoding.EncodeToString(c.Challenge)
	return must(json.Marshal(o)), must(json.Marshal(c))
}

func FuzzFinishRegistration(f *testing.F) {
	rp, m := relyingParty(f), model(f)
	options, record, err := rp.BeginRegistration(alice, nil, now)
	if err != nil {
		f.Fatal(err)
	}

	options, record = fixed(f, options, record)
	for _, a := range []softkey.Attestation{softkey.None, softkey.Self, softkey.Packed, softkey.U2F} {
		f.Add(must(softkey.New(attest(a, m)).Create(origin, options)))
	}

	f.Add(must(softkey.New(extended(append([]byte("\xa1\x6bcredProtect"), 3)...)).Create(origin, options)))
	f.Add(must((&softkey.Key{Algorithm: -257}).Create(origin, options)))
	f.Fuzz(func(t *testing.T, response []byte) {
		c, err := rp.FinishRegistration(record, response, now)
		if err != nil {
			refused(t, c != nil, err)
			return
		}
		if len(c.ID) == 0 || len(c.ID) > maxCredentialID || len(c.AAGUID) != 16 || c.RPID != "example.org" ||
			checkPublicKey(c.PublicKey) != nil {
			t.Errorf("accepted %+v", c)
		}
	})
}

func FuzzFinishAssertion(f *testing.F) {
	rp, k := relyingParty(f), &softkey.Key{Algorithm: -8, Handle: true, Step: 1, Random: bytes.NewReader(make([]byte, 64))}
	credentials := []Credential{*register(f, rp, k)}
	options, record, err := rp.BeginAssertion(alice, credentials, now)
	if err != nil {
		f.Fatal(err)
	}

	options, record = fixed(f, options, record)
	f.Add(must(k.Get(origin, options)))
	extended(0xa0)(k)
	f.Add(must(k.Get(origin, options)))
	f.Fuzz(func(t *testing.T, response []byte) {
		a, err := rp.FinishAssertion(record, response, credentials, now)
		if err != nil {
			refused(t, a != nil, err)
			return
		}
		if a.SignCount != 2 && a.SignCount != 3 || a.UserVerified || a.BackupState {
			t.Errorf("accepted %+v", a)
		}
	})
}

func refused(t *testing.T, result bool, err error) {
	t.Helper()
	if _, ok := errors.AsType[*Refusal](err); !ok || result {
		t.Errorf("result %t with error %v", result, err)
	}
}

// FuzzAttestationObject changes the CBOR of an answer, which FuzzFinishRegistration has only as base64 in JSON.
func FuzzAttestationObject(f *testing.F) {
	rp, m := relyingParty(f), model(f)
	options, record, err := rp.BeginRegistration(alice, nil, now)
	if err != nil {
		f.Fatal(err)
	}

	options, record = fixed(f, options, record)
	var object, clientData []byte
	keep := func(k *softkey.Key) {
		k.Tamper.Response = func(_, response map[string]any) {
			text := func(name string) []byte {
				b, _ := octets(must(json.Marshal(response[name])))
				return b
			}
			object, clientData = text("attestationObject"), text("clientDataJSON")
		}
	}

	for _, a := range []change{
		attest(softkey.None, nil), attest(softkey.Self, nil), attest(softkey.Packed, m), attest(softkey.U2F,
			m), attestedByTPM(func(*tpm) {}),
	} {
		must(softkey.New(a, keep).Create(origin, options))
		f.Add(object)
	}

	f.Fuzz(func(t *testing.T, object []byte) {
		response := map[string]any{
			"clientDataJSON":    base64.RawURLEncoding.EncodeToString(clientData),
			"attestationObject": base64.RawURLEncoding.EncodeToString(object),
		}
		id := "AAAA"
		if a, _, err := parseAttestation(object); err == nil {
			id = base64.RawURLEncoding.EncodeToString(a.AuthData.AttData.CredentialID)
		}
		c, err := rp.FinishRegistration(record, must(json.Marshal(map[string]any{
			"id": id, "rawId": id, "type": "public-key", "response": response,
		})), now)
		if err != nil {
			refused(t, c != nil, err)
		} else if checkPublicKey(c.PublicKey) != nil {
			t.Errorf("accepted %+v", c)
		}
	})
}

// FuzzClientData holds checkClientData against a lenient reader: what it takes, any reader must understand alike.
func FuzzClientData(f *testing.F) {
	rp, c := relyingParty(f), &ceremony{Type: "webauthn.get", Challenge: make([]byte, 16)}
	good := `{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAA","origin":"https://example.org"`
	for _, rest := range []string{
		`}`, `,"crossOrigin":false}`, `,"tokenBinding":{"status":"supported"}}`,
		`,"more":{"a":[1,"\u0061"]}}`, `,"origin":"b"}`,
	} {
		f.Add([]byte(good + rest))
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		if err := rp.checkClientData(data, c); err != nil {
			refused(t, false, err)
			return
		}
		var read struct {
			Type, Challenge, Origin string
			CrossOrigin             bool
		}
		if err := json.Unmarshal(bytes.TrimPrefix(data, byteOrderMark), &read); err != nil || read.CrossOrigin ||
			read.Type != string(c.Type) || read.Challenge != "AAAAAAAAAAAAAAAAAAAAAA" || read.Origin != origin {
			t.Errorf("%q was taken and reads as %+v, %v", data, read, err)
		}
	})
}

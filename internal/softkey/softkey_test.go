package softkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

const (
	origin = "https://example.org"
	create = `{"rp":{"id":"example.org"},"user":{"id":"AQ"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}],"attestation":"direct"}`
)

type response struct {
	ID       string `json:"id"`
	Response struct {
		ClientDataJSON    octets `json:"clientDataJSON"`
		AuthenticatorData octets `json:"authenticatorData"`
		Signature         octets `json:"signature"`
	} `json:"response"`
}

func parse(t *testing.T, body []byte, err error) (r response) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAssertionIsSignedByTheCredential(t *testing.T) {
	k := New()
	body, err := k.Create(origin, []byte(create))
	r := parse(t, body, err)
	body, err = k.Get(origin, []byte(`{"rpId":"example.org","challenge":"AAAA","allowCredentials":[{"id":"AAAA"},{"id":"`+r.ID+`"}]}`))
	r = parse(t, body, err)
	hash := sha256.Sum256(r.Response.ClientDataJSON)
	digest := sha256.Sum256(slices.Concat(r.Response.AuthenticatorData, hash[:]))
	if !ecdsa.VerifyASN1(k.credentials[0].signer.Public().(*ecdsa.PublicKey), digest[:], r.Response.Signature) {
		t.Error("the signature does not verify")
	}
	if count := r.Response.AuthenticatorData[33:37]; !bytes.Equal(count, []byte{0, 0, 0, 2}) {
		t.Errorf("counter %x after two uses", count)
	}
}

func TestKeyHonoursTheLists(t *testing.T) {
	k := New()
	body, err := k.Create(origin, []byte(create))
	id := parse(t, body, err).ID
	list := `[{"type":"public-key","id":"` + id + `"}]`

	for _, c := range []struct {
		name string
		call func(string, []byte) ([]byte, error)
		in   string
		want error
	}{
		{"excluded", k.Create, create[:len(create)-1] + `,"excludeCredentials":` + list + `}`, ErrExcluded},
		{"no common algorithm", k.Create, `{"pubKeyCredParams":[{"alg":-257}]}`, ErrNotSupported},
		{"not allowed", k.Get, `{"rpId":"example.org","allowCredentials":[{"id":"AAAA"}]}`, ErrNoCredential},
		{"no list", k.Get, `{"rpId":"example.org"}`, ErrNoCredential},
		{"other relying party", k.Get, `{"rpId":"example.com","allowCredentials":` + list + `}`, ErrNoCredential},
	} {
		if _, err := c.call(origin, []byte(c.in)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

package mfa

import (
	"errors"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/softkey"
)

// A fuzzer cannot sign, so what it makes of an answer must be refused or say what the answer said; and whatever is refused
// is refused for a reason, without a panic.

func FuzzFinishRegistration(f *testing.F) {
	rp, m := relyingParty(f), model(f)
	options, record, err := rp.BeginRegistration(alice, nil, now)
	if err != nil {
		f.Fatal(err)
	}
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
		if len(c.ID) == 0 || len(c.ID) > maxCredentialID || len(c.AAGUID) != 16 || c.RPID != "example.org" || checkPublicKey(c.PublicKey) != nil {
			t.Errorf("accepted %+v", c)
		}
	})
}

func FuzzFinishAssertion(f *testing.F) {
	rp, k := relyingParty(f), softkey.New(func(k *softkey.Key) { k.Handle = true })
	credentials := []Credential{*register(f, rp, k)}
	options, record, err := rp.BeginAssertion(alice, credentials, now)
	if err != nil {
		f.Fatal(err)
	}
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

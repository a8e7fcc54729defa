package mfa

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/touchstone-iam/touchstone/internal/softkey"
)

func TestNewRelyingParty(t *testing.T) {
	for _, c := range []struct {
		name, id, origin string
		ok               bool
	}{
		{"https", "example.org", "https://example.org", true},
		{"a page below the id", "example.org", "https://iam.example.org:8443", true},
		{"development", "localhost", "http://localhost:8080", true},
		{"http elsewhere", "example.org", "http://example.org", false},
		{"another host", "example.org", "https://example.com", false},
		{"a host that only ends alike", "example.org", "https://notexample.org", false},
		{"a path", "example.org", "https://example.org/", false},
		{"upper case", "example.org", "https://Example.org", false},
		{"user info", "example.org", "https://u@example.org", false},
		{"the scheme's own port", "example.org", "https://example.org:443", false},
		{"not a URL", "example.org", "https://exa mple.org", false},
		{"an address", "127.0.0.1", "https://127.0.0.1", false},
		{"no id", "", "https://example.org", false},
	} {
		if _, err := NewRelyingParty(c.id, "Touchstone", []string{c.origin}); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	insecure, err := NewInsecureRelyingParty("touchstone", "Touchstone", []string{"http://touchstone:8080"})
	if err != nil {
		t.Fatal(err)
	}
	user := User{Handle: []byte("u"), Name: "alice", DisplayName: "alice"}
	if _, _, err := insecure.BeginRegistration(user, nil, time.Now()); !errors.Is(err, ErrInsecure) {
		t.Errorf("a registration where browsers run none begins with %v, want %v", err, ErrInsecure)
	}
	if _, err := NewRelyingParty("example.org", "", []string{origin}); err == nil {
		t.Error("no name")
	}
	if _, err := NewRelyingParty("example.org", "Touchstone", nil); err == nil {
		t.Error("no origin")
	}
}

// decoded is options as JSON values, without the challenge, whose length is checked.
func decoded(t *testing.T, options []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(options, &m); err != nil {
		t.Fatal(err)
	}
	if s, _ := m["challenge"].(string); len(s) != 43 { // 32 bytes
		t.Errorf("challenge %q", s)
	}
	delete(m, "challenge")
	return m
}

func TestCreationOptions(t *testing.T) {
	existing := []Credential{{ID: []byte{1, 2, 3}, Transports: []string{"usb", "nfc"}, RPID: "example.org"}}
	options, _, err := relyingParty(t).BeginRegistration(alice, existing, now)
	if err != nil {
		t.Fatal(err)
	}

	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"rp": {"id": "example.org", "name": "Touchstone"},
		"user": {"id": "aW50ZXJuYWwtaWQtb2YtYWxpY2U", "name": "alice @ 123456789012", "displayName": "alice"},
		"pubKeyCredParams": [{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -35},
			{"type": "public-key", "alg": -36}, {"type": "public-key", "alg": -257}, {"type": "public-key", "alg": -37}],
		"timeout": 300000,
		"excludeCredentials": [{"type": "public-key", "id": "AQID", "transports": ["usb", "nfc"]}],
		"authenticatorSelection": {"requireResidentKey": false, "residentKey": "discouraged", "userVerification": "discouraged"},
		"hints": ["security-key"],
		"attestation": "direct",
		"extensions": {"credProps": true}
	}`), &want); err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(want, decoded(t, options)); diff != "" {
		t.Error(diff)
	}
}

func TestRequestOptions(t *testing.T) {
	rp := relyingParty(t)
	credentials := []Credential{
		{ID: []byte{1, 2, 3}, Transports: []string{"usb"}, RPID: "example.org"},
		{ID: []byte{4}, RPID: "old.example.net"}, // of an address that the service had before
		{ID: []byte{5, 6, 7}, AppID: appID},
	}

	options, _, err := rp.BeginAssertion(alice, credentials, now)
	if err != nil {
		t.Fatal(err)
	}

	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"rpId": "example.org",
		"timeout": 300000,
		"allowCredentials": [{"type": "public-key", "id": "AQID", "transports": ["usb"]}, {"type": "public-key", "id": "BQYH"}],
		"userVerification": "discouraged",
		"extensions": {"appid": "`+appID+`"}
	}`), &want); err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(want, decoded(t, options)); diff != "" {
		t.Error(diff)
	}

	for _, none := range [][]Credential{nil, credentials[1:2]} {
		if _, _, err := rp.BeginAssertion(alice, none, now); err == nil {
			t.Error("options without a credential would allow any")
		}
	}

	for _, handle := range [][]byte{nil, make([]byte, 65)} {
		if _, _, err := rp.BeginAssertion(User{Handle: handle}, credentials, now); err == nil {
			t.Errorf("user handle of %d bytes", len(handle))
		}
	}

	rp.RequireUserVerification = true
	credentials[0].Attachment = "cross-platform"
	options, _, err = rp.BeginAssertion(alice, credentials[:1], now)
	if err != nil {
		t.Fatal(err)
	}

	m := decoded(t, options)
	if diff := cmp.Diff([]any{"required", []any{"security-key"}}, []any{m["userVerification"], m["hints"]}); diff != "" {
		t.Error(diff)
	}
}

func TestAnyOfSeveralKeysWillDo(t *testing.T) {
	rp, keys := relyingParty(t), []*softkey.Key{softkey.New(), softkey.New(), softkey.New()}
	var credentials []Credential
	for _, k := range keys {
		credentials = append(credentials, *register(t, rp, k))
	}

	for i, k := range keys {
		options, record, err := rp.BeginAssertion(alice, credentials, now)
		if err != nil {
			t.Fatal(err)
		}
		a, err := rp.FinishAssertion(record, must(k.Get(origin, options)), credentials, now)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.CredentialID, credentials[i].ID) {
			t.Errorf("key %d: credential %x", i, a.CredentialID)
		}
	}

	options, _, err := rp.BeginRegistration(alice, credentials, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys[1].Create(origin, options); !errors.Is(err, softkey.ErrExcluded) {
		t.Errorf("the same key again: %v", err)
	}
}

func TestCredentialSurvivesItsStoredForm(t *testing.T) {
	c := register(t, relyingParty(t), softkey.New())
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Credential
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*c, back); diff != "" {
		t.Error(diff)
	}
}

func TestTransportsAreHintsOnly(t *testing.T) {
	transports := func(list any) error {
		return create(members(func(_, response map[string]any) { response["transports"] = list }))(t)
	}
	if err := transports([]any{"usb", 7, "a-word-of-the-future", nil}); err != nil {
		t.Error(err)
	}
	for _, list := range []any{"usb", make([]string, maxTransports+1)} {
		if err := transports(list); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %v", list, err)
		}
	}
}

func TestSerial(t *testing.T) {
	serial, err := UserSerial(bytes.NewReader(make([]byte, 17)), "123456789012", "alice", "blue=key,1@home")
	if want := "arn:aws:iam::123456789012:u2f/user/alice/blue=key,1@home-" + strings.Repeat("A", 26); serial != want || err != nil {
		t.Errorf("%s, %v, want %s", serial, err, want)
	}

	all := bytes.Repeat([]byte{0xff}, 17)
	serial, err = RootSerial(bytes.NewReader(all), "123456789012", "k")
	if want := "arn:aws:iam::123456789012:u2f/root-account/k-" + strings.Repeat("7", 26); serial != want || err != nil {
		t.Errorf("%s, %v, want %s", serial, err, want)
	}

	longest, err := UserSerial(bytes.NewReader(all), "123456789012", strings.Repeat("u", 64), strings.Repeat("d", 64))
	if model := regexp.MustCompile(`^[\w+=/:,.@-]{9,256}$`); err != nil || !model.MatchString(longest) {
		t.Errorf("%s, %v", longest, err)
	}

	for _, name := range []string{"", "a b", "a/b", "a:b", "ä", "a\n", strings.Repeat("a", 65)} {
		if _, err := UserSerial(bytes.NewReader(all), "123456789012", "alice", name); !errors.Is(err, ErrDeviceName) {
			t.Errorf("name %q: %v", name, err)
		}
	}

	if _, err := RootSerial(bytes.NewReader(all[:16]), "123456789012", "k"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too little randomness: %v", err)
	}
}

func TestRefusalSaysItsStep(t *testing.T) {
	for r, want := range map[*Refusal]string{
		ErrOrigin:     "OriginMismatch (WebAuthn §7.1 step 9, §7.2 step 12)",
		ErrRegistered: "CredentialAlreadyRegistered (WebAuthn §7.1 step 26)",
		ErrCounter:    "CounterRegression (WebAuthn §7.2 step 22)",
		ErrExpired:    "CeremonyExpired",
	} {
		if got := r.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	err := create(fromOrigin(`"https://evil.example.net"`))(t)
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Code != "OriginMismatch" || r.RegistrationStep != 9 {
		t.Errorf("%v", err)
	}
}

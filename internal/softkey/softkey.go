// Package softkey is a FIDO security key in software, together with the part of the browser that speaks to it: given the
// options that a page gets, it answers with the JSON that PublicKeyCredential.toJSON gives. It is for tests and benchmarks.
//
// A Key honours excludeCredentials, allowCredentials and the RP ID as a real one does. It does what a browser would refuse,
// for hostile tests: any origin goes with any RP ID, and a Tamper changes one thing of an answer before it is signed, so that
// nothing else is wrong with it.
package softkey

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// The errors stand for the exceptions that a browser throws.
var (
	// ErrExcluded is the InvalidStateError of a key that holds an excluded credential.
	ErrExcluded = errors.New("softkey: InvalidStateError: the key is registered already")
	// ErrNoCredential is the NotAllowedError of a key that holds none of the allowed credentials.
	ErrNoCredential = errors.New("softkey: NotAllowedError: the key holds no such credential")
	// ErrNotSupported is the NotSupportedError of a key that has none of the algorithms.
	ErrNotSupported = errors.New("softkey: NotSupportedError: no algorithm in common")
)

// Attestation is the statement that a key makes about itself when it creates a credential.
type Attestation int

const (
	// None is the format none: the browser has taken the statement away.
	None Attestation = iota
	// Self is the format packed, signed by the new credential itself.
	Self
	// Packed is the format packed with the certificate of the key's Model.
	Packed
	// U2F is the format fido-u2f with the certificate of the key's Model: a CTAP1 key, which has ES256 only, no AAGUID, and
	// neither verifies users nor keeps their handles.
	U2F
)

// Key is a security key. Its zero value is a CTAP2 key without attestation, user verification or counter; set what differs
// before first use, or between uses. Its methods may be called concurrently.
type Key struct {
	Attestation Attestation
	Model       *Model // required for Packed and U2F
	Algorithm   int    // a COSE identifier; 0 is -7, ES256. Also -8, -35, -36, -257, -37

	Verify         bool // verifies its user, also where that is discouraged
	BackupEligible bool
	BackedUp       bool
	Handle         bool // gives the user handle in assertions, as for discoverable credentials

	Counter uint32 // of the last signature
	Step    uint32 // added at each; 0 is a key without a counter

	Tamper Tamper

	// Random gives credential ids and Ed25519 keys, so that a fuzzer's processes may agree on them; nil is crypto/rand.Reader.
	// Other keys are always the system's.
	Random io.Reader

	mu          sync.Mutex
	credentials []*credential
}

// Tamper changes an answer while it is made. Each function may be nil; signatures are made over what they return.
type Tamper struct {
	ClientData func(json []byte) []byte
	PublicKey  func(cose []byte) []byte // at registration
	AuthData   func(data []byte) []byte
	Signature  func(sig []byte) []byte                // at authentication
	Statement  func(statement map[string]any)         // at registration, after it is signed
	Object     func(attestationObject []byte) []byte  // at registration
	Response   func(credential, inner map[string]any) // the JSON members, and those of its response
}

type credential struct {
	id     []byte
	scope  string // the RP ID, or the AppID of one registered through the U2F API
	appID  bool
	handle []byte
	signer crypto.Signer
	alg    int
}

// New returns a key with a counter that rises, as most have, changed by the options.
func New(options ...func(*Key)) *Key {
	k := &Key{Step: 1}
	for _, option := range options {
		option(k)
	}
	return k
}

// octets is a byte string in WebAuthn's JSON: base64url without padding.
type octets []byte

func (o octets) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.RawURLEncoding.EncodeToString(o))
}

func (o *octets) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	*o = b
	return err
}

// descriptor names a credential in a list of the options.
type descriptor struct {
	ID octets `json:"id"`
}

// parameter is an algorithm that the options offer.
type parameter struct {
	Alg int `json:"alg"`
}

// Create answers navigator.credentials.create on a page of the origin, given PublicKeyCredentialCreationOptionsJSON.
func (k *Key) Create(origin string, options []byte) ([]byte, error) {
	var o struct {
		RP struct {
			ID string `json:"id"`
		} `json:"rp"`
		User struct {
			ID octets `json:"id"`
		} `json:"user"`
		Challenge octets       `json:"challenge"`
		Params    []parameter  `json:"pubKeyCredParams"`
		Exclude   []descriptor `json:"excludeCredentials"`
		Selection struct {
			UserVerification string `json:"userVerification"`
		} `json:"authenticatorSelection"`
		Attestation string `json:"attestation"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("softkey: creation options: %w", err)
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	for _, d := range o.Exclude {
		if k.find(d.ID) != nil {
			return nil, ErrExcluded
		}
	}

	alg := k.Algorithm
	if alg == 0 {
		alg = -7
	}
	if !slices.Contains(o.Params, parameter{alg}) {
		return nil, ErrNotSupported
	}

	c, err := k.newCredential(alg, o.RP.ID, o.User.ID)
	if err != nil {
		return nil, err
	}

	public, err := cosePublicKey(c.signer.Public(), alg)
	if err != nil {
		return nil, err
	}
	public = apply(k.Tamper.PublicKey, public)

	aaguid := make([]byte, 16)
	if k.Model != nil && k.Attestation != U2F {
		copy(aaguid, k.Model.AAGUID[:])
	}

	// The attested credential data (§6.5.1) follows the part that both ceremonies have.
	k.Counter += k.Step
	authData := k.authData(o.RP.ID, o.Selection.UserVerification, flagAttested, k.Counter)
	authData = append(authData, aaguid...)
	authData = binary.BigEndian.AppendUint16(authData, uint16(len(c.id)))
	authData = append(append(authData, c.id...), public...)
	authData = apply(k.Tamper.AuthData, authData)
	clientData := k.clientData("webauthn.create", o.Challenge, origin)

	format, statement, err := k.attest(c, authData, clientData, o.Attestation)
	if err != nil {
		return nil, err
	}
	if k.Tamper.Statement != nil {
		k.Tamper.Statement(statement)
	}

	object, err := encode(map[string]any{"fmt": format, "authData": authData, "attStmt": statement})
	if err != nil {
		return nil, err
	}

	k.credentials = append(k.credentials, c)
	return k.respond(c.id, map[string]any{"credProps": map[string]any{"rk": k.Handle}}, map[string]any{
		"clientDataJSON":     octets(clientData),
		"attestationObject":  octets(apply(k.Tamper.Object, object)),
		"authenticatorData":  octets(authData),
		"publicKeyAlgorithm": alg,
		"transports":         []string{"usb"},
	})
}

// Get answers navigator.credentials.get on a page of the origin, given PublicKeyCredentialRequestOptionsJSON. Of several
// allowed credentials that the key holds it uses the one that the options name first.
func (k *Key) Get(origin string, options []byte) ([]byte, error) {
	var o struct {
		RPID             string       `json:"rpId"`
		Challenge        octets       `json:"challenge"`
		Allow            []descriptor `json:"allowCredentials"`
		UserVerification string       `json:"userVerification"`
		Extensions       struct {
			AppID string `json:"appid"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("softkey: request options: %w", err)
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	var c *credential
	for _, d := range o.Allow {
		held := k.find(d.ID)
		if held != nil && (held.scope == o.RPID || held.appID && held.scope == o.Extensions.AppID) {
			c = held
			break
		}
	}
	if c == nil {
		return nil, ErrNoCredential
	}

	extensions := map[string]any{}
	if o.Extensions.AppID != "" {
		extensions["appid"] = c.appID
	}

	// The signature is over the authenticator data and the hash of the client data (§6.3.3).
	k.Counter += k.Step
	authData := apply(k.Tamper.AuthData, k.authData(c.scope, o.UserVerification, 0, k.Counter))
	clientData := k.clientData("webauthn.get", o.Challenge, origin)
	hash := sha256.Sum256(clientData)
	sig, err := sign(c.signer, c.alg, slices.Concat(authData, hash[:]))
	if err != nil {
		return nil, err
	}

	inner := map[string]any{
		"clientDataJSON":    octets(clientData),
		"authenticatorData": octets(authData),
		"signature":         octets(apply(k.Tamper.Signature, sig)),
	}
	if k.Handle && !c.appID && k.Attestation != U2F {
		inner["userHandle"] = octets(c.handle)
	}
	return k.respond(c.id, extensions, inner)
}

// RegisterU2F registers the key for an AppID, as with the U2F API that came before WebAuthn. It returns the key handle and the
// public key as a COSE_Key.
func (k *Key) RegisterU2F(appID string) (handle, publicKey []byte, err error) {
	c, err := k.newCredential(-7, appID, nil)
	if err != nil {
		return nil, nil, err
	}
	c.appID = true

	k.mu.Lock()
	defer k.mu.Unlock()
	k.credentials = append(k.credentials, c)
	publicKey, err = cosePublicKey(c.signer.Public(), -7)
	return c.id, publicKey, err
}

// newCredential makes a credential, which the caller adds to the key's.
func (k *Key) newCredential(alg int, scope string, handle []byte) (*credential, error) {
	random := k.Random
	if random == nil {
		random = rand.Reader
	}
	signer, err := generate(random, alg)
	if err != nil {
		return nil, err
	}
	c := &credential{id: make([]byte, 32), scope: scope, handle: handle, signer: signer, alg: alg}
	_, err = io.ReadFull(random, c.id)
	return c, err
}

// find returns the key's credential with that id, or nil.
func (k *Key) find(id []byte) *credential {
	for _, c := range k.credentials {
		if bytes.Equal(c.id, id) {
			return c
		}
	}
	return nil
}

// Flags of authenticator data (WebAuthn §6.1).
const (
	flagPresent  = 1 << 0
	flagVerified = 1 << 2
	flagEligible = 1 << 3
	flagBackedUp = 1 << 4
	flagAttested = 1 << 6
)

// authData returns the part of authenticator data that both ceremonies have: the hash of the scope, the flags and the counter.
func (k *Key) authData(scope, verification string, flags byte, counter uint32) []byte {
	flags |= flagPresent
	if k.Attestation != U2F {
		if k.Verify || verification == "required" {
			flags |= flagVerified
		}
		if k.BackupEligible {
			flags |= flagEligible
		}
		if k.BackedUp {
			flags |= flagBackedUp
		}
	}
	hash := sha256.Sum256([]byte(scope))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), counter)
}

// clientData returns what a browser says of the page, in the order of §5.8.1.1.
func (k *Key) clientData(kind string, challenge []byte, origin string) []byte {
	quote := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	return apply(k.Tamper.ClientData, fmt.Appendf(nil, `{"type":%s,"challenge":%s,"origin":%s,"crossOrigin":false}`,
		quote(kind), quote(base64.RawURLEncoding.EncodeToString(challenge)), quote(origin)))
}

// respond returns the JSON form of an answer, with the members of its response in inner.
func (k *Key) respond(id []byte, extensions, inner map[string]any) ([]byte, error) {
	outer := map[string]any{
		"id": octets(id), "rawId": octets(id), "type": "public-key", "response": inner,
		"authenticatorAttachment": "cross-platform", "clientExtensionResults": extensions,
	}
	if k.Tamper.Response != nil {
		k.Tamper.Response(outer, inner)
	}
	return json.Marshal(outer)
}

// apply returns what a change, which may be nil, makes of the bytes.
func apply(change func([]byte) []byte, b []byte) []byte {
	if change == nil {
		return b
	}
	return change(b)
}

// canonical encodes CBOR in the form that CTAP2 demands.
var canonical = func() cbor.EncMode {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

func encode(v any) ([]byte, error) { return canonical.Marshal(v) }

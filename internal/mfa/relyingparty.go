package mfa

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Lifetimes of a ceremony. WebAuthn §15.1 recommends five to ten minutes, so that nobody has to hurry.
const (
	timeout = 5 * time.Minute // told to the browser
	grace   = 30 * time.Second
)

// RelyingParty makes and verifies ceremonies for one RP ID. It is safe for concurrent use.
type RelyingParty struct {
	// RequireUserVerification makes the key ask for its PIN or biometric, in both ceremonies. As a second factor beside a
	// password it is not needed (WebAuthn §5.8.6 tells how the requirement is met). Set it before use.
	RequireUserVerification bool

	id, name string
	origins  []string
	insecure bool // browsers run no ceremonies at the origins
}

// Origins returns the origins of the pages that may run ceremonies.
func (rp *RelyingParty) Origins() []string { return slices.Clone(rp.origins) }

// NewRelyingParty returns the relying party with that id (a host name, WebAuthn §5.1.2), a name to show, and the origins of
// the pages that may run ceremonies. An origin must be exactly what a browser would write, https unless its host is
// localhost, and within the id.
func NewRelyingParty(id, name string, origins []string) (*RelyingParty, error) {
	return newRelyingParty(id, name, origins, false)
}

// NewInsecureRelyingParty is NewRelyingParty for origins whose browsers run no ceremonies, because they are neither https nor on
// localhost. Its BeginRegistration returns [ErrInsecure], so that nobody is given a key that cannot be used.
func NewInsecureRelyingParty(id, name string, origins []string) (*RelyingParty, error) {
	return newRelyingParty(id, name, origins, true)
}

// ErrInsecure is returned where a registration is begun at an origin at which browsers run no ceremonies.
var ErrInsecure = errors.New("browsers use security keys only over https, or on localhost")

func newRelyingParty(id, name string, origins []string, insecure bool) (*RelyingParty, error) {
	if err := protocol.ValidateRPID(id); err != nil && !insecure { // hosts of test networks are often single names
		return nil, fmt.Errorf("relying party id %q: %w", id, err)
	}
	if name == "" {
		return nil, errors.New("a relying party needs a name")
	}
	if len(origins) == 0 {
		return nil, errors.New("a relying party needs an origin")
	}

	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil {
			return nil, fmt.Errorf("origin %q: %w", origin, err)
		}
		host := u.Hostname()
		switch {
		case origin != strings.ToLower(u.Scheme+"://"+u.Host):
			return nil, fmt.Errorf("origin %q: use scheme://host[:port] in lower case and nothing else", origin)
		case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
			return nil, fmt.Errorf("origin %q: leave out the scheme's own port", origin)
		case !insecure && u.Scheme != "https" && (u.Scheme != "http" || host != "localhost" && !strings.HasSuffix(host, ".localhost")):
			return nil, fmt.Errorf("origin %q: browsers run ceremonies on https only, but for localhost", origin)
		case host != id && !strings.HasSuffix(host, "."+id):
			return nil, fmt.Errorf("origin %q is outside relying party id %q", origin, id)
		}
	}

	return &RelyingParty{id: id, name: name, origins: slices.Clone(origins), insecure: insecure}, nil
}

// ID returns the RP ID.
func (rp *RelyingParty) ID() string { return rp.id }

// User is the identity that a ceremony is for.
type User struct {
	Handle            []byte // 1 to 64 bytes that say nothing about the person, the same for all keys (WebAuthn §14.6.1)
	Name, DisplayName string // for the browser to show
}

// Credential is what is kept of a registered key (WebAuthn §4, credential record). Its JSON form is the stored form.
type Credential struct {
	ID        []byte `json:"id"`
	PublicKey []byte `json:"publicKey"` // COSE_Key, as received
	AAGUID    []byte `json:"aaguid"`    // names the model, as far as the attestation can be trusted
	SignCount uint32 `json:"signCount"`
	// Transports are the browser's hints how to reach the key, given back to it in later ceremonies.
	Transports        []string `json:"transports,omitempty"`
	Attachment        string   `json:"attachment,omitempty"` // as the browser says: platform or cross-platform
	BackupEligible    bool     `json:"backupEligible"`       // never changes
	BackupState       bool     `json:"backupState"`
	UserVerified      bool     `json:"userVerified"`           // at registration
	Discoverable      *bool    `json:"discoverable,omitempty"` // credProps.rk; nil when not told
	AttestationFormat string   `json:"attestationFormat"`
	// AttestationType is a word of the FIDO registry: none, basic_surrogate (self), basic_full, attca or anonca.
	AttestationType string `json:"attestationType"`
	RPID            string `json:"rpId"`
	// AppID is set only for a key that was registered through the U2F API, which is bound to this id in place of the RP ID
	// (WebAuthn §10.1.1). A U2F key registered here has none.
	AppID string `json:"appId,omitempty"`
}

// ceremony is the record of one ceremony. The names in its JSON are short, because a record is stored for every ceremony.
type ceremony struct {
	Type        protocol.CeremonyType `json:"t"`
	Challenge   []byte                `json:"c"`
	Expires     int64                 `json:"x"` // Unix milliseconds
	Handle      []byte                `json:"u"`
	Verify      bool                  `json:"v,omitempty"`
	AppID       string                `json:"a,omitempty"`
	Credentials []listed              `json:"l,omitempty"` // at registration those excluded, at authentication those allowed
}

// listed is a credential of the ceremony's list, with its counter when the ceremony began.
type listed struct {
	ID    []byte `json:"i"`
	Count uint32 `json:"n,omitempty"`
}

// begin makes a ceremony and the descriptors of its credentials. A ceremony can ask for one AppID only: the first.
func (rp *RelyingParty) begin(kind protocol.CeremonyType, user User, credentials []Credential,
	now time.Time,
) (*ceremony, []protocol.CredentialDescriptor, error) {
	if n := len(user.Handle); n < 1 || n > 64 {
		return nil, nil, fmt.Errorf("user handle of %d bytes: want 1 to 64", n)
	}

	challenge, err := protocol.CreateChallenge() // 32 bytes of crypto/rand
	if err != nil {
		return nil, nil, err
	}

	c := &ceremony{
		Type: kind, Challenge: challenge, Expires: now.Add(timeout + grace).UnixMilli(),
		Handle: user.Handle, Verify: rp.RequireUserVerification,
	}

	var descriptors []protocol.CredentialDescriptor
	for _, credential := range credentials {
		if credential.AppID != "" && c.AppID == "" {
			c.AppID = credential.AppID
		}
		transports := make([]protocol.AuthenticatorTransport, len(credential.Transports))
		for i, t := range credential.Transports {
			transports[i] = protocol.AuthenticatorTransport(t)
		}
		descriptors = append(descriptors, protocol.CredentialDescriptor{
			Type: protocol.PublicKeyCredentialType, CredentialID: credential.ID, Transport: transports,
		})
		c.Credentials = append(c.Credentials, listed{credential.ID, credential.SignCount})
	}

	return c, descriptors, nil
}

// verification returns the requirement to tell the browser. With "discouraged", the user of a second factor is not asked for a PIN;
// with the default they would be.
func (c *ceremony) verification() protocol.UserVerificationRequirement {
	if c.Verify {
		return protocol.VerificationRequired
	}
	return protocol.VerificationDiscouraged
}

// find returns the listed credential with that id, or nil.
func (c *ceremony) find(id []byte) *listed {
	for i := range c.Credentials {
		if string(c.Credentials[i].ID) == string(id) {
			return &c.Credentials[i]
		}
	}
	return nil
}

// open reads the record of a ceremony of that kind, for an answer that arrives at now.
func open(record []byte, kind protocol.CeremonyType, now time.Time) (*ceremony, error) {
	var c ceremony
	if err := json.Unmarshal(record, &c); err != nil {
		return nil, fmt.Errorf("ceremony record: %w", err)
	}
	switch {
	case c.Type != kind:
		return nil, fmt.Errorf("%w: the ceremony is %s", ErrPurpose, c.Type)
	case len(c.Challenge) < protocol.MinimumChallengeLength:
		return nil, errors.New("ceremony record: no challenge")
	case now.UnixMilli() > c.Expires:
		return nil, ErrExpired
	}
	return &c, nil
}

// algorithms are those that we offer, in our order of preference: Ed25519, the NIST curves, then RSA for platforms that have
// nothing else.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES384},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES512},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgPS256},
}

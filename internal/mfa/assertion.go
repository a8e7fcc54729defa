package mfa

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Assertion is the content of a verified answer of a registered key.
type Assertion struct {
	CredentialID []byte
	SignCount    uint32
	CountAtStart uint32 // the credential's counter as it was when the ceremony began, for JudgeCounter
	UserVerified bool
	BackupState  bool
}

// BeginAssertion returns the options (PublicKeyCredentialRequestOptionsJSON, WebAuthn §5.5) that ask for any one of the
// user's credentials, and the record of the ceremony. Credentials made for another RP ID are left out, since no browser
// would use them here; it is an error when none remains, as an empty list would mean any credential at all.
func (rp *RelyingParty) BeginAssertion(user User, credentials []Credential, now time.Time) (options, record []byte, err error) {
	usable := slices.Clone(credentials)
	usable = slices.DeleteFunc(usable, func(c Credential) bool { return c.RPID != rp.id && c.AppID == "" })
	if len(usable) == 0 {
		return nil, nil, fmt.Errorf("no credential for relying party id %q", rp.id)
	}

	c, descriptors, err := rp.begin(protocol.AssertCeremony, user, usable, now)
	if err != nil {
		return nil, nil, err
	}

	var hints []protocol.PublicKeyCredentialHints
	if !slices.ContainsFunc(usable, func(c Credential) bool { return c.Attachment != string(protocol.CrossPlatform) }) {
		hints = append(hints, protocol.PublicKeyCredentialHintSecurityKey)
	}

	options, err = json.Marshal(protocol.PublicKeyCredentialRequestOptions{
		Challenge: c.Challenge, Timeout: int(timeout.Milliseconds()), RelyingPartyID: rp.id,
		AllowedCredentials: descriptors, UserVerification: c.verification(), Hints: hints,
		Extensions: protocol.AuthenticationExtensions{AppID: c.AppID},
	})
	if err != nil {
		return nil, nil, err
	}

	record, err = json.Marshal(c)
	return options, record, err
}

// FinishAssertion verifies the answer (AuthenticationResponseJSON) to the ceremony of the record. It takes all steps of WebAuthn
// §7.2 but the counter's: the caller judges the counter with [JudgeCounter] when it stores the new one. credentials are those that
// the identity has now, so a device that was removed since the ceremony began signs nobody in.
func (rp *RelyingParty) FinishAssertion(record, response []byte, credentials []Credential, now time.Time) (*Assertion, error) {
	c, err := open(record, protocol.AssertCeremony, now)
	if err != nil {
		return nil, err
	}

	a, err := parseAssertion(response)
	if err != nil {
		return nil, err
	}

	allowed := c.find(a.rawID)
	if allowed == nil {
		return nil, ErrNotAllowed
	}

	i := slices.IndexFunc(credentials, func(c Credential) bool { return bytes.Equal(c.ID, a.rawID) })
	if i < 0 {
		return nil, ErrUnknown
	}

	// U2F keys, and many others as a second factor, send no handle or an empty one.
	credential := &credentials[i]
	if len(a.userHandle) > 0 && subtle.ConstantTimeCompare(a.userHandle, c.Handle) != 1 {
		return nil, fmt.Errorf("%w: handle of another user", ErrUnknown)
	}
	if err := rp.checkClientData(a.clientData, c); err != nil {
		return nil, err
	}

	var data protocol.AuthenticatorData
	if err := data.Unmarshal(a.authenticatorData); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAuthenticatorData, err)
	}
	if data.Flags.HasAttestedCredentialData() { // only registrations have it
		return nil, fmt.Errorf("%w: attested credential data", ErrAuthenticatorData)
	}

	byAppID, err := a.appidOutput(c, credential)
	if err != nil {
		return nil, err
	}

	scope := rp.id
	if byAppID {
		scope = credential.AppID
	}
	if err := checkAuthenticatorData(&data, scope, c.Verify); err != nil {
		return nil, err
	}
	if data.Flags.HasBackupEligible() != credential.BackupEligible {
		return nil, ErrBackupEligibility
	}
	if err := checkSignature(credential.PublicKey, a); err != nil {
		return nil, err
	}

	return &Assertion{
		CredentialID: credential.ID,
		SignCount:    data.Counter,
		CountAtStart: allowed.Count,
		UserVerified: data.Flags.HasUserVerified(),
		BackupState:  data.Flags.HasBackupState(),
	}, nil
}

// assertion is the answer of an authentication.
type assertion struct {
	answer
	authenticatorData, signature, userHandle []byte
}

// parseAssertion reads an answer and the parts that only authentications have.
func parseAssertion(body []byte) (*assertion, error) {
	common, err := parseAnswer(body)
	if err != nil {
		return nil, err
	}

	a := &assertion{answer: *common}
	if a.authenticatorData, err = a.part("authenticatorData", maxAuthenticatorData); err != nil {
		return nil, err
	}
	if a.signature, err = a.part("signature", maxSignature); err != nil {
		return nil, err
	}
	if handle, present := a.response["userHandle"]; present && string(handle) != "null" { // WebAuthn Level 1 and 2 allow null
		a.userHandle, err = a.part("userHandle", 64)
	}
	return a, err
}

// appidOutput reports whether the key answered for the AppID instead of the RP ID (§10.1.1). It may do so only when the ceremony
// asked for it and the credential is bound to it.
func (a *assertion) appidOutput(c *ceremony, credential *Credential) (bool, error) {
	if c.AppID == "" {
		return false, nil // an output that was not asked for is ignored
	}
	used, err := a.flag(protocol.ExtensionAppID)
	return used && credential.AppID == c.AppID, err
}

// checkSignature takes §7.2 steps 20 and 21, with the key and the algorithm that were stored.
func checkSignature(publicKey []byte, a *assertion) error {
	key, err := webauthncose.ParsePublicKey(publicKey)
	if err != nil {
		return fmt.Errorf("stored public key: %w", err)
	}

	hash := sha256.Sum256(a.clientData)
	valid, err := webauthncose.VerifySignature(key, slices.Concat(a.authenticatorData, hash[:]), a.signature)
	if err != nil || !valid {
		return errors.Join(ErrSignature, err)
	}
	return nil
}

// CounterVerdict is what an assertion's counter means.
type CounterVerdict int

const (
	// CounterClone means that the counter went back, so two devices may hold the key. The caller refuses the sign-in, records it,
	// and marks the device.
	CounterClone CounterVerdict = iota
	// CounterRetry means that another sign-in with the key was faster, for example in another tab. The caller refuses this one and
	// lets the person try again, without a mark.
	CounterRetry
	// CounterFine means that the caller may go on, and stores the presented counter.
	CounterFine
)

// JudgeCounter decides about the presented counter (WebAuthn §7.2 step 22), given the counter that was stored when the ceremony
// began and the one that is stored now. It must be called in the transaction that stores the counter.
//
// A key without a counter always presents 0. A counter that wraps after 2³²−1 has gone back. When a ceremony began at 0 and
// presents 0, but another sign-in has stored a counter in the meantime, the verdict is a retry: the next ceremony starts from what
// is stored now.
func JudgeCounter(atStart, stored, presented uint32) CounterVerdict {
	switch {
	case presented > stored, presented == 0 && stored == 0:
		return CounterFine
	case presented > atStart, presented == 0 && atStart == 0:
		return CounterRetry
	}
	return CounterClone
}

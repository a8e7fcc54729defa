package mfa

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// BeginRegistration returns the options (PublicKeyCredentialCreationOptionsJSON, WebAuthn §5.4) that ask for a new security
// key, not one of the user's existing ones, and the record of the ceremony.
func (rp *RelyingParty) BeginRegistration(user User, existing []Credential, now time.Time) (options, record []byte, err error) {
	if rp.insecure {
		return nil, nil, ErrInsecure
	}
	c, descriptors, err := rp.begin(protocol.CreateCeremony, user, existing, now)
	if err != nil {
		return nil, nil, err
	}

	options, err = json.Marshal(protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{CredentialEntity: protocol.CredentialEntity{Name: rp.name}, ID: rp.id},
		User: protocol.UserEntity{
			CredentialEntity: protocol.CredentialEntity{Name: user.Name},
			DisplayName:      user.DisplayName, ID: protocol.URLEncodedBase64(user.Handle),
		},
		Challenge: c.Challenge, Parameters: algorithms, Timeout: int(timeout.Milliseconds()), CredentialExcludeList: descriptors,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyNotRequired(), // a second factor need not take one of the key's few places
			ResidentKey:        protocol.ResidentKeyRequirementDiscouraged,
			UserVerification:   c.verification(),
		},
		Hints:       []protocol.PublicKeyCredentialHints{protocol.PublicKeyCredentialHintSecurityKey},
		Attestation: protocol.PreferDirectAttestation,
		Extensions:  protocol.AuthenticationExtensions{CredProps: true, AppIDExclude: c.AppID},
	})
	if err != nil {
		return nil, nil, err
	}

	record, err = json.Marshal(c)
	return options, record, err
}

// FinishRegistration verifies the answer (RegistrationResponseJSON) to the ceremony of the record (WebAuthn §7.1), and returns the
// credential to store. The caller enforces that no identity of the installation has a credential of that id. go-webauthn judges the
// validity of an attestation certificate at the machine's time, and not at now.
func (rp *RelyingParty) FinishRegistration(record, response []byte, now time.Time) (*Credential, error) {
	c, err := open(record, protocol.CreateCeremony, now)
	if err != nil {
		return nil, err
	}

	a, err := parseRegistration(response)
	if err != nil {
		return nil, err
	}
	if err := rp.checkClientData(a.clientData, c); err != nil {
		return nil, err
	}

	hash := sha256.Sum256(a.clientData)
	object, publicKey, err := parseAttestation(a.attestationObject)
	if err != nil {
		return nil, err
	}

	data := &object.AuthData
	if err := checkAuthenticatorData(data, rp.id, c.Verify); err != nil {
		return nil, err
	}
	if err := checkPublicKey(publicKey); err != nil {
		return nil, err
	}
	if err := checkFormat(object); err != nil {
		return nil, err
	}
	if err := object.VerifyAttestation(hash[:], nil, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAttestation, err)
	}
	if err := checkStatement(object); err != nil {
		return nil, err
	}

	id := data.AttData.CredentialID
	if !bytes.Equal(id, a.rawID) {
		return nil, fmt.Errorf("%w: rawId is another", ErrCredentialID)
	}
	if c.find(id) != nil {
		return nil, ErrRegistered
	}

	discoverable, err := checkRegistrationExtensions(a, data.Ext, c)
	if err != nil {
		return nil, err
	}

	return &Credential{
		ID: id, PublicKey: publicKey, AAGUID: data.AttData.AAGUID, SignCount: data.Counter,
		Transports: a.transports, Attachment: a.attachment,
		BackupEligible: data.Flags.HasBackupEligible(), BackupState: data.Flags.HasBackupState(),
		UserVerified: data.Flags.HasUserVerified(), Discoverable: discoverable,
		AttestationFormat: object.Format, AttestationType: object.Type, RPID: rp.id,
	}, nil
}

// registration is the answer of a registration. Its members publicKey, publicKeyAlgorithm and authenticatorData only repeat what is
// in the attestation object, so they are not read.
type registration struct {
	answer
	attestationObject []byte
	transports        []string
}

// parseRegistration reads an answer and the parts that only registrations have.
func parseRegistration(body []byte) (*registration, error) {
	common, err := parseAnswer(body)
	if err != nil {
		return nil, err
	}

	a := &registration{answer: *common}
	if a.attestationObject, err = a.part("attestationObject", maxAttestationObject); err != nil {
		return nil, err
	}

	var transports []json.RawMessage
	if value, present := a.response["transports"]; present {
		if err := json.Unmarshal(value, &transports); err != nil || len(transports) > maxTransports {
			return nil, fmt.Errorf("%w: transports", ErrMalformed)
		}
	}

	for _, value := range transports {
		// Browsers add words over time, so any short one is kept.
		if word, ok := text(value); ok && word != "" && len(word) <= 32 {
			a.transports = append(a.transports, word)
		}
	}

	return a, nil
}

// Offsets of the attested credential data in authenticator data (WebAuthn §6.5.1).
const (
	idLengthOffset = 53
	idOffset       = 55
)

// parseAttestation decodes an attestation object and the authenticator data in it. It also returns the credential public key as the
// authenticator encoded it.
func parseAttestation(raw []byte) (*protocol.AttestationObject, []byte, error) {
	var (
		members map[string]webauthncbor.RawMessage
		object  protocol.AttestationObject
	)
	if err := webauthncbor.Unmarshal(raw, &members); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAttestationObject, err)
	}

	// The decoder of the whole object would also take these names in other capitals.
	for _, name := range []string{"fmt", "authData", "attStmt"} {
		if members[name] == nil {
			return nil, nil, fmt.Errorf("%w: no %s", ErrAttestationObject, name)
		}
	}
	if err := webauthncbor.Unmarshal(raw, &object); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAttestationObject, err)
	}

	data := object.RawAuthData
	if len(data) >= idOffset && protocol.AuthenticatorFlags(data[32]).HasAttestedCredentialData() {
		if n := binary.BigEndian.Uint16(data[idLengthOffset:]); n == 0 || n > maxCredentialID && len(data) >= idOffset+int(n) {
			return nil, nil, fmt.Errorf("%w: %d bytes", ErrCredentialID, n)
		}
	}
	if err := object.AuthData.Unmarshal(data); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAuthenticatorData, err)
	}
	if !object.AuthData.Flags.HasAttestedCredentialData() {
		return nil, nil, fmt.Errorf("%w: no attested credential data", ErrAuthenticatorData)
	}

	rest := data[idOffset+len(object.AuthData.AttData.CredentialID):]
	if rest[0]>>5 != 5 { // CBOR major type 5
		return nil, nil, fmt.Errorf("%w: the public key is not a map", ErrAuthenticatorData)
	}

	// go-webauthn re-encodes the key in CTAP2's canonical form, which an authenticator must use itself.
	key := object.AuthData.AttData.CredentialPublicKey
	if !bytes.HasPrefix(rest, key) {
		return nil, nil, fmt.Errorf("%w: not in canonical CBOR", ErrPublicKey)
	}

	return &object, key, nil
}

// formats are the attestation statement formats that we take. android-safetynet is not one of them, because its service was shut
// down.
var formats = []protocol.AttestationFormat{
	protocol.AttestationFormatPacked, protocol.AttestationFormatTPM, protocol.AttestationFormatAndroidKey,
	protocol.AttestationFormatFIDOUniversalSecondFactor, protocol.AttestationFormatApple,
}

// checkFormat takes §7.1 step 21: the format of the attestation statement must be one that we take, or none.
func checkFormat(object *protocol.AttestationObject) error {
	switch protocol.AttestationFormat(object.Format) {
	case protocol.AttestationFormatNone:
		return nil
	case protocol.AttestationFormatCompound:
		for _, sub := range object.SubStatements {
			if !slices.Contains(formats, protocol.AttestationFormat(sub.Format)) {
				return fmt.Errorf("%w: compound of %.32q", ErrAttestation, sub.Format)
			}
		}
		return nil
	}
	if !slices.Contains(formats, protocol.AttestationFormat(object.Format)) {
		return fmt.Errorf("%w: %.32q", ErrAttestationFormat, object.Format)
	}
	return nil
}

// checkStatement checks what go-webauthn does not look at, in a statement whose signature was verified.
func checkStatement(object *protocol.AttestationObject) error {
	statements := []protocol.NonCompoundAttestationObject{{Format: object.Format, AttStatement: object.AttStatement}}
	for _, s := range append(statements, object.SubStatements...) {
		switch protocol.AttestationFormat(s.Format) {
		case protocol.AttestationFormatFIDOUniversalSecondFactor:
			if !bytes.Equal(object.AuthData.AttData.AAGUID, make([]byte, 16)) { // U2F keys have none (§6.5)
				return fmt.Errorf("%w: fido-u2f with an AAGUID", ErrAttestation)
			}
		case protocol.AttestationFormatPacked:
			if _, present := s.AttStatement["ecdaaKeyId"]; present { // of Level 1; it was withdrawn
				return fmt.Errorf("%w: ECDAA", ErrAttestation)
			}
			if hasSerialNumber(s.AttStatement) {
				return fmt.Errorf("%w: a serial number outside enterprise attestation", ErrAttestation)
			}
		}
	}
	return nil
}

// serialNumber is id-fido-gen-ce-sernum (WebAuthn §8.2.2). It would tell every site which single device it is that registers.
var serialNumber = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2}

func hasSerialNumber(statement map[string]any) bool {
	chain, _ := statement["x5c"].([]any)
	if len(chain) == 0 {
		return false
	}
	der, _ := chain[0].([]byte)
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return true // cannot happen, because the statement was verified with this certificate
	}
	for _, extension := range leaf.Extensions {
		if extension.Id.Equal(serialNumber) {
			return true
		}
	}
	return false
}

// checkRegistrationExtensions takes §7.1 step 28. The outputs that were asked for must have the right types, and so must
// credProtect, which some keys send unasked. It returns credProps.rk, or nil when the browser does not send it.
func checkRegistrationExtensions(a *registration, outputs *protocol.AuthenticatorExtensionOutputs,
	c *ceremony,
) (discoverable *bool, err error) {
	if value, present := a.extensions[protocol.ExtensionCredProps]; present {
		var properties struct {
			RK *bool `json:"rk"`
		}
		if _, err := object(value); err != nil || json.Unmarshal(value, &properties) != nil {
			return nil, fmt.Errorf("%w: credProps", ErrExtension)
		}
		discoverable = properties.RK
	}

	if c.AppID != "" {
		if _, err := a.flag(protocol.ExtensionAppIDExclude); err != nil {
			return nil, err
		}
	}

	if outputs != nil {
		// go-webauthn puts what is not one of the three levels aside.
		if _, bad := outputs.Extra[protocol.ExtensionCredProtect]; bad {
			return nil, fmt.Errorf("%w: credProtect", ErrExtension)
		}
	}

	return discoverable, nil
}

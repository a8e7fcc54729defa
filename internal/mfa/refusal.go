package mfa

import "fmt"

// Refusal is a reason to refuse a ceremony's answer. The Err values of this package are the only ones. An error that refuses an
// answer wraps one of them, so errors.Is finds out which, and errors.As with a *Refusal finds the code and the step for an audit
// event.
type Refusal struct {
	Code string // a fixed word for logs and audit events

	// The step of WebAuthn Level 3 that the refusal comes from, at registration (§7.1) and at authentication (§7.2); 0
	// where it cannot come from that ceremony or the rule is our own.
	RegistrationStep, AssertionStep int
}

// Error returns the code with its steps.
func (r *Refusal) Error() string {
	switch {
	case r.RegistrationStep > 0 && r.AssertionStep > 0:
		return fmt.Sprintf("%s (WebAuthn §7.1 step %d, §7.2 step %d)", r.Code, r.RegistrationStep, r.AssertionStep)
	case r.RegistrationStep > 0:
		return fmt.Sprintf("%s (WebAuthn §7.1 step %d)", r.Code, r.RegistrationStep)
	case r.AssertionStep > 0:
		return fmt.Sprintf("%s (WebAuthn §7.2 step %d)", r.Code, r.AssertionStep)
	}
	return r.Code
}

// The reasons, each with the kind of answer that it refuses. Those of a ceremony itself come first, then those of the two lists of
// steps in their order.
var (
	// ErrTooLarge is an answer, or a part of one, beyond its limit.
	ErrTooLarge = &Refusal{Code: "RequestTooLarge"}
	// ErrExpired is an answer that came after the ceremony's time.
	ErrExpired = &Refusal{Code: "CeremonyExpired"}
	// ErrPurpose is an answer to a ceremony of the other kind.
	ErrPurpose = &Refusal{Code: "CeremonyPurposeMismatch"}
	// ErrMalformed is not the JSON form of a credential (§5.1.8.1, RegistrationResponseJSON and AuthenticationResponseJSON).
	ErrMalformed = &Refusal{"MalformedResponse", 3, 3}
	// ErrClientData is client data that does not parse, or says what it may not.
	ErrClientData = &Refusal{"ClientDataInvalid", 6, 9}
	// ErrType is client data of the other ceremony: a signature made for one use, presented for another.
	ErrType = &Refusal{"ClientDataTypeMismatch", 7, 10}
	// ErrChallenge is an answer to another challenge.
	ErrChallenge = &Refusal{"ChallengeMismatch", 8, 11}
	// ErrOrigin is an answer made on another site, as in phishing.
	ErrOrigin = &Refusal{"OriginMismatch", 9, 12}
	// ErrCrossOrigin is an answer made inside a frame of another site.
	ErrCrossOrigin = &Refusal{"CrossOriginNotAllowed", 10, 13}
	// ErrTopOrigin is an answer that names an embedding site.
	ErrTopOrigin = &Refusal{"TopOriginMismatch", 11, 14}
	// ErrAttestationObject is an attestation object that is not the CBOR map of §6.5.4.
	ErrAttestationObject = &Refusal{"AttestationObjectInvalid", 13, 0}
	// ErrAuthenticatorData is authenticator data that is not laid out as §6.1 has it.
	ErrAuthenticatorData = &Refusal{"AuthenticatorDataInvalid", 13, 7}
	// ErrRPID is a key that answered for another relying party.
	ErrRPID = &Refusal{"RpIdHashMismatch", 14, 15}
	// ErrUserPresence is a key that was not touched.
	ErrUserPresence = &Refusal{"UserPresenceMissing", 15, 16}
	// ErrUserVerification is a key that did not verify its user, although it was told to.
	ErrUserVerification = &Refusal{"UserVerificationMissing", 16, 17}
	// ErrBackupFlags is a credential said to be backed up and not eligible for it.
	ErrBackupFlags = &Refusal{"BackupFlagsInvalid", 17, 18}
	// ErrAlgorithm is a key of an algorithm that was not offered.
	ErrAlgorithm = &Refusal{"AlgorithmNotAllowed", 20, 0}
	// ErrPublicKey is a key that is not a valid one of its algorithm (§5.8.5, §6.5.1.1).
	ErrPublicKey = &Refusal{"PublicKeyInvalid", 20, 0}
	// ErrAttestationFormat is an attestation format that is not supported.
	ErrAttestationFormat = &Refusal{"AttestationFormatUnsupported", 21, 0}
	// ErrAttestation is an attestation statement that does not verify.
	ErrAttestation = &Refusal{"AttestationInvalid", 22, 0}
	// ErrCredentialID is a credential id of a wrong length, or not the one that was attested.
	ErrCredentialID = &Refusal{"CredentialIdInvalid", 25, 0}
	// ErrRegistered is a credential that the identity has already.
	ErrRegistered = &Refusal{"CredentialAlreadyRegistered", 26, 0}
	// ErrExtension is an output of an extension that is not of its type.
	ErrExtension = &Refusal{"ExtensionOutputInvalid", 28, 23}
	// ErrNotAllowed is a credential that the ceremony did not ask for.
	ErrNotAllowed = &Refusal{"CredentialNotAllowed", 0, 5}
	// ErrUnknown is a credential that the identity does not have, or no longer.
	ErrUnknown = &Refusal{"CredentialUnknown", 0, 6}
	// ErrBackupEligibility is a credential whose eligibility for backup is not what it was at registration.
	ErrBackupEligibility = &Refusal{"BackupEligibilityChanged", 0, 19}
	// ErrSignature is a signature that the credential's key did not make.
	ErrSignature = &Refusal{"SignatureInvalid", 0, 21}
	// ErrCounter is for the caller to return on a verdict other than CounterFine.
	ErrCounter = &Refusal{"CounterRegression", 0, 22}
)

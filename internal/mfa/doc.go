// Package mfa is the relying party's side of the FIDO ceremonies (W3C Web Authentication Level 3): it makes the options that
// a page hands to navigator.credentials, and verifies what comes back. It also names devices (AWS's serial numbers).
//
// It stores nothing. [RelyingParty.BeginRegistration] and [RelyingParty.BeginAssertion] return a record of the ceremony beside the
// options. The caller keeps the record on the server, bound to session, identity and purpose. It takes the record (that is, deletes
// it) before it calls [RelyingParty.FinishRegistration] or [RelyingParty.FinishAssertion], so that an answer is verified once,
// whatever follows. The record must never be sent to the browser, because this package trusts what is in it.
//
// The caller decides who may register a device, keeps credential ids unique in the installation, and looks after quotas, audit
// events and sessions, all in one transaction. There is no metadata and there are no trust anchors yet: an attestation statement is
// verified, but its chain of certificates is not.
//
// Invariants:
//   - Bytes from the browser are bounded before they are parsed, and no input makes this package panic.
//   - Every refusal is one of the Err values, with its step of the specification. Its text is for the audit trail, never for
//     the browser, and holds no challenge.
//   - A verified assertion is not yet a sign-in: the caller must ask [JudgeCounter] first.
//   - Cryptography is done by the standard library and, for attestation statements and COSE keys, by go-webauthn, which no
//     other package imports.
//
// # Registration, WebAuthn §7.1
//
//	 1     options                        BeginRegistration
//	 2     navigator.credentials.create   the page
//	 3     response is an attestation     parseRegistration
//	 4     client extension results       parseRegistration
//	 5, 6  client data: UTF-8, JSON       checkClientData: stricter, see object; a byte order mark is stripped
//	 7     type                           checkClientData
//	 8     challenge                      checkClientData, in constant time
//	 9     origin                         checkClientData, byte for byte
//	10     crossOrigin                    checkClientData: never true
//	11     topOrigin                      checkClientData: never present
//	12     hash of the client data        FinishRegistration
//	13     CBOR, authenticator data       parseAttestation; decoding by go-webauthn (webauthncbor, AuthenticatorData)
//	14     RP ID hash                     checkAuthenticatorData
//	15     user present                   checkAuthenticatorData
//	16     user verified                  checkAuthenticatorData, when RequireUserVerification was set
//	17     backed up only if eligible     checkAuthenticatorData
//	18, 19 backup policy                  none yet: both kinds are taken, and stored
//	20     algorithm was offered          checkPublicKey, with the whole key, whatever the format
//	21     attestation format             checkFormat: a list of ours
//	22     attestation statement          go-webauthn (AttestationObject.VerifyAttestation), then checkStatement
//	23, 24 trust anchors                  none yet: any type of attestation is taken, also none
//	25     length of the credential id    parseAttestation: 1 to 1023 bytes, equal to rawId
//	26     credential id not registered   FinishRegistration for those excluded; the caller, by unique index, for all
//	27, 29 credential record              FinishRegistration returns it, the caller stores it
//	28     extension outputs              checkRegistrationExtensions
//
// # Authentication, WebAuthn §7.2
//
//	 1     options                        BeginAssertion
//	 2     navigator.credentials.get      the page
//	 3     response is an assertion       parseAssertion
//	 4     client extension results       parseAssertion
//	 5     one of allowCredentials        FinishAssertion, by the record
//	 6     credential of the user         FinishAssertion: the caller passes those that the identity has now
//	 7     client data, data, signature   parseAssertion
//	 8, 9  client data: UTF-8, JSON       checkClientData
//	10–14  type to topOrigin              checkClientData, as above
//	15     RP ID hash, or that of AppID   FinishAssertion (appid: §10.1.1), checkAuthenticatorData
//	16     user present                   checkAuthenticatorData
//	17     user verified                  checkAuthenticatorData
//	18     backed up only if eligible     checkAuthenticatorData
//	19     backup eligibility as stored   FinishAssertion
//	20     hash of the client data        FinishAssertion
//	21     signature                      go-webauthn (webauthncose: strict DER, key and algorithm as stored)
//	22     signature counter              JudgeCounter, called by the caller with what is then stored
//	23     extension outputs              appidOutput; all else is ignored
//	24     update of the record           the caller
//
// Level 1's token binding is in neither list now: checkClientData refuses a client that says it was used.
package mfa

package mfa

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
)

// Limits on what a browser may send, in bytes. Real answers stay below a tenth of them.
const (
	maxResponse          = 64 << 10
	maxClientData        = 8 << 10
	maxAttestationObject = 32 << 10
	maxAuthenticatorData = 8 << 10
	maxSignature         = 1 << 10
	maxCredentialID      = 1023 // WebAuthn §4, credential id
	maxDepth             = 16   // of JSON
	maxTransports        = 16   // of at most 32 bytes
)

var errJSON = errors.New("not one JSON object of UTF-8 with distinct names")

// object reads data, which must be one JSON object, and returns its members. It is stricter than encoding/json, which accepts what
// a verifier must not guess about: repeated names, names that differ in case, bytes that are not UTF-8, and text after the object.
func object(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) || tooDeep(data) {
		return nil, errJSON
	}

	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errJSON
	}

	members := make(map[string]json.RawMessage, 8)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errJSON
		}
		name, ok := t.(string)
		if _, again := members[name]; !ok || again {
			return nil, errJSON
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errJSON
		}
		members[name] = value
	}

	if _, err := d.Token(); err != nil {
		return nil, errJSON
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errJSON
	}

	return members, nil
}

// tooDeep reports whether JSON text nests beyond maxDepth.
func tooDeep(data []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}

// text reads a member that is a string.
func text(value json.RawMessage) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	if !bytes.Contains(value, []byte{'\\'}) { // nearly every string is just what stands between its quotes
		return string(value[1 : len(value)-1]), true
	}
	return s, json.Unmarshal(value, &s) == nil
}

// octets reads a member that is a byte string: base64url without padding, line breaks or loose bits.
func octets(value json.RawMessage) ([]byte, bool) {
	s, ok := text(value)
	if !ok || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// answer is the JSON form of a PublicKeyCredential, taken apart as far as both ceremonies have the same parts.
type answer struct {
	rawID      []byte
	attachment string
	clientData []byte
	response   map[string]json.RawMessage
	extensions map[string]json.RawMessage
}

// parseAnswer reads the parts that the answers of both ceremonies have.
func parseAnswer(body []byte) (*answer, error) {
	if len(body) > maxResponse {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(body))
	}

	credential, err := object(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if kind, _ := text(credential["type"]); kind != string(protocol.PublicKeyCredentialType) {
		return nil, fmt.Errorf("%w: type", ErrMalformed)
	}

	var a answer
	id, ok := octets(credential["id"])
	if !ok || len(id) == 0 {
		return nil, fmt.Errorf("%w: id", ErrMalformed)
	}
	if a.rawID, ok = octets(credential["rawId"]); !ok || !bytes.Equal(a.rawID, id) {
		return nil, fmt.Errorf("%w: rawId", ErrMalformed)
	}
	if a.response, err = object(credential["response"]); err != nil {
		return nil, fmt.Errorf("%w: response: %w", ErrMalformed, err)
	}
	if a.clientData, err = a.part("clientDataJSON", maxClientData); err != nil {
		return nil, err
	}
	if a.extensions, err = object(credential["clientExtensionResults"]); err != nil && credential["clientExtensionResults"] != nil {
		return nil, fmt.Errorf("%w: clientExtensionResults: %w", ErrMalformed, err)
	}

	switch word, _ := text(credential["authenticatorAttachment"]); word {
	case string(protocol.Platform), string(protocol.CrossPlatform):
		a.attachment = word
	}

	return &a, nil
}

// part reads a required byte string of the response.
func (a *answer) part(name string, limit int) ([]byte, error) {
	b, ok := octets(a.response[name])
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, name)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("%w: %s of %d bytes", ErrTooLarge, name, len(b))
	}
	return b, nil
}

// flag reads an extension's output that is a boolean; false when it is absent.
func (a *answer) flag(extension string) (set bool, err error) {
	value, present := a.extensions[extension]
	if present && string(value) != "true" && string(value) != "false" {
		return false, fmt.Errorf("%w: %s", ErrExtension, extension)
	}
	return string(value) == "true", nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// checkClientData takes §7.1 steps 5 to 11, which are §7.2 steps 8 to 14.
func (rp *RelyingParty) checkClientData(raw []byte, c *ceremony) error {
	data, err := object(bytes.TrimPrefix(raw, byteOrderMark))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrClientData, err)
	}

	words := make([]string, 3)
	for i, name := range []string{"type", "challenge", "origin"} {
		value, present := data[name]
		ok := true
		if words[i], ok = text(value); present && !ok {
			return fmt.Errorf("%w: %s", ErrClientData, name)
		}
	}

	if words[0] != string(c.Type) {
		return ErrType
	}

	want := base64.RawURLEncoding.EncodeToString(c.Challenge)
	if subtle.ConstantTimeCompare([]byte(want), []byte(words[1])) != 1 {
		return ErrChallenge
	}
	if !slices.Contains(rp.origins, words[2]) {
		return fmt.Errorf("%w: %.100q", ErrOrigin, words[2])
	}

	switch value, present := data["crossOrigin"]; {
	case string(value) == "true":
		return ErrCrossOrigin
	case present && string(value) != "false":
		return fmt.Errorf("%w: crossOrigin", ErrClientData)
	}

	if _, present := data["topOrigin"]; present {
		return ErrTopOrigin
	}

	return checkTokenBinding(data)
}

// checkTokenBinding refuses an answer that says that token binding (Level 1) was used, because it was never negotiated. A client
// that only supports token binding is accepted.
func checkTokenBinding(data map[string]json.RawMessage) error {
	value, present := data["tokenBinding"]
	if !present {
		return nil
	}
	if binding, err := object(value); err == nil {
		switch status, _ := text(binding["status"]); status {
		case "supported", "not-supported":
			return nil
		}
	}
	return fmt.Errorf("%w: tokenBinding", ErrClientData)
}

// checkAuthenticatorData takes §7.1 steps 14 to 17, which are §7.2 steps 15 to 18. scope is the RP ID, or the AppID that takes its
// place. Reserved flags are ignored.
func checkAuthenticatorData(data *protocol.AuthenticatorData, scope string, verify bool) error {
	hash := sha256.Sum256([]byte(scope))
	switch {
	case !bytes.Equal(data.RPIDHash, hash[:]):
		return ErrRPID
	case !data.Flags.HasUserPresent():
		return ErrUserPresence
	case verify && !data.Flags.HasUserVerified():
		return ErrUserVerification
	case data.Flags.HasBackupState() && !data.Flags.HasBackupEligible():
		return ErrBackupFlags
	}
	return nil
}

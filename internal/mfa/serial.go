package mfa

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io"

	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// ErrDeviceName is the error for a name that a device may not have.
var ErrDeviceName = errors.New("a device name is 1 to 64 letters, digits or any of _+=,.@-")

// UserSerial makes the serial number of a user's new FIDO device: the ARN that AWS gives it, with 26 random characters from
// random (crypto/rand.Reader) after the name. It does not change when the user is renamed. Its error is [ErrDeviceName] for a bad
// name.
func UserSerial(random io.Reader, accountID, userName, device string) (string, error) {
	return newSerial(random, accountID, "user/"+userName, device)
}

// RootSerial makes the serial number of a new FIDO device of the account's root user, as [UserSerial] does.
func RootSerial(random io.Reader, accountID, device string) (string, error) {
	return newSerial(random, accountID, "root-account", device)
}

func newSerial(random io.Reader, accountID, owner, device string) (string, error) {
	if !touchstoneapi.ValidDeviceName(device) {
		return "", ErrDeviceName
	}

	var suffix [17]byte // 28 characters, of which 26 are 130 bits
	if _, err := io.ReadFull(random, suffix[:]); err != nil {
		return "", fmt.Errorf("random part of a device's serial number: %w", err)
	}

	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(suffix[:])
	return "arn:aws:iam::" + accountID + ":u2f/" + owner + "/" + device + "-" + text[:26], nil
}

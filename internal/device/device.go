// Package device is what sign-in, the API and the operator's commands share about MFA devices: how a stored device looks to
// WebAuthn, and what belongs to taking one away.
//
// It does not verify anything; package mfa does. Nor does it decide who may add or remove a device.
package device

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Holder returns the principal as a WebAuthn user account. Its handle is the internal id, because a handle must not tell who its
// owner is (WebAuthn §14.6.1).
func Holder(p *store.Principal) mfa.User {
	name := p.Name
	if p.Kind == store.Root {
		name = "root"
	}
	name += " @ " + p.AccountID
	return mfa.User{Handle: []byte(p.ID), Name: name, DisplayName: name}
}

// Credentials returns the credentials of several devices, in the same order.
func Credentials(devices []store.MFADevice) ([]mfa.Credential, error) {
	credentials := make([]mfa.Credential, len(devices))
	for n := range devices {
		var err error
		if credentials[n], err = Credential(&devices[n]); err != nil {
			return nil, err
		}
	}
	return credentials, nil
}

// Credential returns the device's credential. Its signature counter is the row's, which is newer than the one in the stored text
// when the counter has moved since.
func Credential(d *store.MFADevice) (mfa.Credential, error) {
	var c mfa.Credential
	if err := json.Unmarshal([]byte(d.Credential), &c); err != nil {
		return mfa.Credential{}, fmt.Errorf("stored credential of %s: %w", d.Serial, err)
	}
	c.SignCount = d.SignCount
	return c, nil
}

// Remove takes a device away from its principal. From then on it signs nobody in, not even in a sign-in that has begun. All
// sessions of the principal end, except the one with the id keep ("" keeps none). The root user gets mail about it.
func Remove(tx *store.Tx, p *store.Principal, d *store.MFADevice, keep string, now time.Time) error {
	if err := tx.DeleteMFADevice(d); err != nil {
		return err
	}
	if _, err := tx.DeleteSessions(p.AccountID, p.ID, keep); err != nil {
		return err
	}
	return TellRoot(tx, p, "MFA device removed", "The MFA device "+d.Name+" was removed from", now)
}

// TellRoot writes mail to the root user about a change to the root user's devices. For any other principal it does nothing. The
// mail begins with what, a clause that ends before "the root user of account …".
func TellRoot(tx *store.Tx, p *store.Principal, subject, what string, now time.Time) error {
	if p.Kind != store.Root {
		return nil
	}
	account, err := tx.Account(p.AccountID)
	if err != nil {
		return err
	}
	return tx.InsertMessage(&store.Message{
		ID: ids.NewUUID(), AccountID: account.ID, Recipient: account.RootEmail, Subject: subject, CreatedAt: now,
		Body: what + " the root user of account " + account.ID + " on " + now.UTC().Format("2006-01-02 15:04 UTC") +
			".\n\nIf this was not you, sign in, remove devices that you do not know, and change the password.\n",
	})
}

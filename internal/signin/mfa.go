package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Challenge is a ceremony that the browser is asked to perform.
type Challenge struct {
	Ceremony string // goes back with the answer
	Options  []byte // JSON for navigator.credentials.get
}

// BeginMFA asks for one of the principal's security keys: any of them will do. authn.ErrNoSession when the session does not
// stand at this step.
func (s *Service) BeginMFA(ctx context.Context, token string) (*Challenge, error) {
	now := s.Clock()
	var (
		session *store.Session
		record  []byte
		c       Challenge
	)
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		var (
			principal *store.Principal
			err       error
		)
		if session, principal, err = s.stage(tx, token, store.StageMFA, now); err != nil {
			return err
		}
		devices, err := tx.MFADevices(session.AccountID, session.PrincipalID)
		if err != nil {
			return err
		}
		credentials, err := Credentials(devices)
		if err != nil {
			return err
		}
		c.Options, record, err = s.RelyingParty.BeginAssertion(Holder(principal), credentials, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	var hash []byte
	c.Ceremony, hash = secret.NewToken(session.AccountID)
	return &c, s.Store.Update(ctx, store.SessionRow(session.AccountID, session.ID), func(tx *store.Tx) error {
		return tx.InsertCeremony(&store.Ceremony{
			AccountID: session.AccountID, Hash: hash, PrincipalID: session.PrincipalID, SessionID: session.ID,
			Purpose: store.PurposeAssert, SubjectID: session.PrincipalID, Record: record, CreatedAt: now, ExpiresAt: now.Add(ceremonyLife),
		}, maxCeremonies)
	})
}

// Holder is the principal as a WebAuthn user account: its handle is the internal id, which says nothing about it
// (WebAuthn §14.6.1).
func Holder(i *store.Principal) mfa.User {
	name := i.Name
	if i.Kind == store.Root {
		name = "root"
	}
	name += " @ " + i.AccountID
	return mfa.User{Handle: []byte(i.ID), Name: name, DisplayName: name}
}

// Credentials are the devices' credentials, with the counters as stored.
func Credentials(devices []store.MFADevice) ([]mfa.Credential, error) {
	credentials := make([]mfa.Credential, len(devices))
	for n, d := range devices {
		if err := json.Unmarshal([]byte(d.Credential), &credentials[n]); err != nil {
			return nil, fmt.Errorf("stored credential of %s: %w", d.Serial, err)
		}
		credentials[n].SignCount = d.SignCount
	}
	return credentials, nil
}

// FinishMFA verifies the browser's answer and begins the next session. Its errors are authn.ErrNoSession, ErrCeremony,
// ErrCounter, and those of package mfa, whose words are for the audit trail rather than the person.
func (s *Service) FinishMFA(ctx context.Context, v Visitor, token, ceremony string, response []byte) (*Progress, error) {
	now := s.Clock()
	session, principal, taken, devices, err := s.take(ctx, token, ceremony, now)
	if err != nil {
		return nil, err
	}
	credentials, err := Credentials(devices)
	if err != nil {
		return nil, err
	}
	assertion, err := s.RelyingParty.FinishAssertion(taken.Record, response, credentials, now)
	if err != nil {
		failed := loginFailed(v, &candidate{account: session.AccountID, principal: principal}, now, true, "Failed authentication")
		return nil, errors.Join(err, s.Audit.Now(failed))
	}
	var (
		p       *Progress
		verdict mfa.CounterVerdict
	)
	lock := store.Join(store.PrincipalRow(principal.AccountID, principal.ID), store.SessionRow(session.AccountID, session.ID))
	err = s.Store.Update(ctx, lock, func(tx *store.Tx) error {
		p, verdict = nil, 0
		session, principal, err := s.stage(tx, token, store.StageMFA, now)
		if err != nil {
			return err
		}
		device, err := deviceOf(tx, principal, assertion.CredentialID)
		if err != nil {
			return err
		}
		if device.Marked {
			return mfa.ErrCounter // until it is removed: which of two holders this is cannot be told
		}
		switch verdict = mfa.JudgeCounter(assertion.CountAtStart, device.SignCount, assertion.SignCount); verdict {
		case mfa.CounterRetry:
			return ErrCounter
		case mfa.CounterClone:
			if err := tx.MarkMFADevice(device.AccountID, device.ID); err != nil {
				return err
			}
			return audit.Write(tx, cloneSuspected(v, principal, device.Serial, now))
		}
		p, err = s.useDevice(tx, v, session, principal, device, assertion, now)
		return err
	})
	if err == nil && verdict == mfa.CounterClone {
		return nil, mfa.ErrCounter
	}
	if errors.Is(err, mfa.ErrCounter) {
		failed := loginFailed(v, &candidate{account: session.AccountID, principal: principal}, now, true, "Failed authentication")
		return nil, errors.Join(err, s.Audit.Now(failed))
	}
	return p, err
}

// take uses the ceremony up, and reads what its answer is verified against.
func (s *Service) take(ctx context.Context, token, ceremony string, now time.Time) (session *store.Session, principal *store.Principal, taken *store.Ceremony, devices []store.MFADevice, err error) {
	_, hash, err := secret.ParseToken(ceremony)
	if err != nil {
		return nil, nil, nil, nil, ErrCeremony
	}
	err = s.Store.Update(ctx, lockAccountOf(token), func(tx *store.Tx) (err error) {
		if session, principal, err = s.stage(tx, token, store.StageMFA, now); err != nil {
			return err
		}
		taken, err = tx.TakeCeremony(session.AccountID, hash, session.PrincipalID, session.ID, store.PurposeAssert, now)
		if errors.Is(err, store.ErrNotFound) {
			taken = nil
			return nil // an expired record is gone for good too, so this is committed
		}
		if err != nil {
			return err
		}
		devices, err = tx.MFADevices(session.AccountID, session.PrincipalID)
		return err
	})
	if err == nil && taken == nil {
		err = ErrCeremony
	}
	return session, principal, taken, devices, err
}

// deviceOf finds the principal's device with the credential: one removed since the ceremony began signs nobody in.
func deviceOf(tx *store.Tx, principal *store.Principal, credentialID []byte) (*store.MFADevice, error) {
	devices, err := tx.MFADevices(principal.AccountID, principal.ID)
	if err != nil {
		return nil, err
	}
	for n := range devices {
		if string(devices[n].CredentialID) == string(credentialID) {
			return &devices[n], nil
		}
	}
	return nil, authn.ErrNoSession
}

// useDevice stores the device's new state and moves the sign-in on.
func (s *Service) useDevice(tx *store.Tx, v Visitor, before *store.Session, principal *store.Principal, device *store.MFADevice, a *mfa.Assertion, now time.Time) (*Progress, error) {
	var credential mfa.Credential
	if err := json.Unmarshal([]byte(device.Credential), &credential); err != nil {
		return nil, fmt.Errorf("stored credential of %s: %w", device.Serial, err)
	}
	credential.BackupState = a.BackupState
	credential.SignCount = a.SignCount
	text, err := json.Marshal(credential)
	if err != nil {
		return nil, err
	}
	if err := tx.UseMFADevice(device, a.SignCount, string(text), now); err != nil {
		return nil, err
	}
	if err := replace(tx, before); err != nil {
		return nil, err
	}
	next := *before
	next.MFAAt, next.MFAMethod, next.MFASerial = now, "fido", device.Serial
	return s.afterMFA(tx, v, &next, principal, now)
}

// RemoveDevice takes a device away from its principal: it never signs in again, also in a sign-in that has begun, and the
// principal's sessions but keep ("" keeps none) end. The root user is told by mail.
func RemoveDevice(tx *store.Tx, principal *store.Principal, device *store.MFADevice, keep string, now time.Time) error {
	if err := tx.DeleteMFADevice(device); err != nil {
		return err
	}
	if _, err := tx.DeleteSessions(principal.AccountID, principal.ID, keep); err != nil {
		return err
	}
	return TellRoot(tx, principal, "MFA device removed", "The MFA device "+device.Name+" was removed from", now)
}

// TellRoot writes to the root user's e-mail about a change to its devices; for other principals it does nothing.
func TellRoot(tx *store.Tx, principal *store.Principal, subject, what string, now time.Time) error {
	if principal.Kind != store.Root {
		return nil
	}
	account, err := tx.Account(principal.AccountID)
	if err != nil {
		return err
	}
	return tx.InsertMessage(&store.Message{
		ID: audit.NewID(), AccountID: account.ID, Recipient: account.RootEmail, Subject: subject, CreatedAt: now,
		Body: what + " the root user of account " + account.ID + " on " + now.UTC().Format("2006-01-02 15:04 UTC") +
			".\n\nIf this was not you, sign in, remove devices that you do not know, and change the password.\n",
	})
}

package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/device"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Challenge is a ceremony that the browser is asked to perform.
type Challenge struct {
	Ceremony string // goes back with the answer
	Options  []byte // JSON for navigator.credentials.get
}

// BeginMFA asks for one of the principal's security keys; any of them will do. Its error is [authn.ErrNoSession] when the session
// does not stand at this step.
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
		if session, principal, err = s.sessionAt(tx, token, store.StageMFA, now); err != nil {
			return err
		}
		devices, err := tx.MFADevices(session.AccountID, session.PrincipalID)
		if err != nil {
			return err
		}
		credentials, err := device.Credentials(devices)
		if err != nil {
			return err
		}
		c.Options, record, err = s.RelyingParty.BeginAssertion(device.Holder(principal), credentials, now)
		return err
	})
	if err != nil {
		return nil, err
	}

	// The browser gets a token, the store its hash and what the answer is verified against.
	var hash []byte
	c.Ceremony, hash = s.Secrets.NewToken(session.AccountID)
	return &c, s.Store.Update(ctx, store.SessionRow(session.AccountID, session.ID), func(tx *store.Tx) error {
		return tx.InsertCeremony(&store.Ceremony{
			AccountID: session.AccountID, Hash: hash, PrincipalID: session.PrincipalID, SessionID: session.ID,
			Purpose: store.PurposeAssert, SubjectID: session.PrincipalID, Record: record, CreatedAt: now, ExpiresAt: now.Add(ceremonyLife),
		}, maxCeremonies)
	})
}

// FinishMFA verifies the browser's answer and begins the next session. Its errors are [authn.ErrNoSession], [ErrCeremony],
// [ErrCounter], and those of package mfa, which are worded for the audit trail and not for the person.
func (s *Service) FinishMFA(ctx context.Context, v Visitor, token, ceremony string, response []byte) (p *Progress, err error) {
	defer func() { s.Outcomes.add(MFAStep, err) }()
	now := s.Clock()
	asked, err := s.takeCeremony(ctx, token, ceremony, now)
	if err != nil {
		return nil, err
	}

	// Signatures are verified outside a transaction, because that takes long enough to hold up other writers.
	credentials, err := device.Credentials(asked.devices)
	if err != nil {
		return nil, err
	}

	assertion, err := s.RelyingParty.FinishAssertion(asked.ceremony.Record, response, credentials, now)
	if err != nil {
		return nil, errors.Join(err, s.Audit.Now(mfaFailed(v, asked.principal, now)))
	}

	lock := store.Join(store.PrincipalRow(asked.principal.AccountID, asked.principal.ID),
		store.SessionRow(asked.ceremony.AccountID, asked.ceremony.SessionID))
	err = s.Store.Update(ctx, lock, func(tx *store.Tx) error {
		p, err = s.useDevice(tx, v, token, assertion, now)
		return err
	})
	if err == nil && p == nil {
		err = mfa.ErrCounter // the device has just been marked, which had to be committed
	}
	if errors.Is(err, mfa.ErrCounter) {
		return nil, errors.Join(err, s.Audit.Now(mfaFailed(v, asked.principal, now)))
	}

	return p, err
}

// asked is a sign-in whose browser was asked for a device, with all that its answer is verified against.
type asked struct {
	principal *store.Principal
	ceremony  *store.Ceremony
	devices   []store.MFADevice
}

// takeCeremony uses a ceremony up, whether or not its answer turns out to be right: an answer can be tried once.
func (s *Service) takeCeremony(ctx context.Context, token, ceremony string, now time.Time) (*asked, error) {
	_, hash, err := s.Secrets.ParseToken(ceremony)
	if err != nil {
		return nil, ErrCeremony
	}

	var a asked
	err = s.Store.Update(ctx, s.lockAccountOf(token), func(tx *store.Tx) error {
		session, principal, err := s.sessionAt(tx, token, store.StageMFA, now)
		if err != nil {
			return err
		}
		a = asked{principal: principal}
		a.ceremony, err = tx.TakeCeremony(session.AccountID, hash, session.PrincipalID, session.ID, store.PurposeAssert, now)
		if errors.Is(err, store.ErrNotFound) {
			a.ceremony = nil
			return nil // no error, because an expired ceremony has been deleted and that must be committed
		}
		if err != nil {
			return err
		}
		a.devices, err = tx.MFADevices(session.AccountID, session.PrincipalID)
		return err
	})
	if err == nil && a.ceremony == nil {
		err = ErrCeremony
	}

	return &a, err
}

// useDevice stores what a right answer changes and moves the sign-in on. It reads the session and the device again, because either
// may have been removed while the answer was verified.
//
// When the counter shows that the device has a copy, it marks the device and returns neither a Progress nor an error, so that the
// mark is committed. Its errors are [authn.ErrNoSession], [ErrCounter], and [mfa.ErrCounter] for a device that was marked earlier.
func (s *Service) useDevice(tx *store.Tx, v Visitor, token string, a *mfa.Assertion, now time.Time) (*Progress, error) {
	session, principal, err := s.sessionAt(tx, token, store.StageMFA, now)
	if err != nil {
		return nil, err
	}

	d, err := deviceOf(tx, principal, a.CredentialID)
	if err != nil {
		return nil, err
	}

	// A marked device stays refused until it is removed: nobody can tell the owner's from the copy.
	if d.Marked {
		return nil, mfa.ErrCounter
	}

	switch mfa.JudgeCounter(a.CountAtStart, d.SignCount, a.SignCount) {
	case mfa.CounterRetry:
		return nil, ErrCounter
	case mfa.CounterClone:
		if err := tx.MarkMFADevice(d.AccountID, d.ID); err != nil {
			return nil, err
		}
		return nil, audit.Write(tx, cloneSuspected(v, principal, d.Serial, now))
	}

	if err := saveUse(tx, d, a, now); err != nil {
		return nil, err
	}
	if err := endSession(tx, session); err != nil {
		return nil, err
	}

	next := *session
	next.MFAAt, next.MFAMethod, next.MFASerial = now, "fido", d.Serial
	return s.afterMFA(tx, v, &next, principal, now)
}

// deviceOf finds the principal's device with the credential. A device that was removed since the ceremony began signs nobody in.
func deviceOf(tx *store.Tx, principal *store.Principal, credentialID []byte) (*store.MFADevice, error) {
	devices, err := tx.MFADevices(principal.AccountID, principal.ID)
	if err != nil {
		return nil, err
	}
	for n := range devices {
		if bytes.Equal(devices[n].CredentialID, credentialID) {
			return &devices[n], nil
		}
	}
	return nil, authn.ErrNoSession
}

// saveUse stores the counter and the state of backup that the device reported with its answer.
func saveUse(tx *store.Tx, d *store.MFADevice, a *mfa.Assertion, now time.Time) error {
	credential, err := device.Credential(d)
	if err != nil {
		return err
	}
	credential.BackupState = a.BackupState
	credential.SignCount = a.SignCount
	text, err := json.Marshal(credential)
	if err != nil {
		return err
	}
	return tx.UseMFADevice(d, a.SignCount, string(text), now)
}

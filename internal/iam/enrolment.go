package iam

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/device"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// A security key is enrolled in two steps, both authorised as iam:EnableMFADevice: Begin with iam:RegisterSecurityKey "Create",
// Finish with "Create" before the attestation is looked at and with "Activate", and what the attestation says, in the
// transaction (IAM User Guide, "Condition keys for security keys").
func (o *Operations) defineEnrolment(t *api.Table) {
	api.Define(t, touchstoneapi.BeginMFADeviceRegistration, api.Op[touchstoneapi.BeginMFADeviceRegistrationInput, touchstoneapi.BeginMFADeviceRegistrationOutput]{
		Resources: func(r *api.Request, tx *store.Tx, in *touchstoneapi.BeginMFADeviceRegistrationInput) ([]authz.Check, error) {
			return enrolmentResources(r, tx, in.UserName)
		},
		Execute:   o.beginRegistration,
		Quiet:     true,
		EventName: "-",
	})
	api.Define(t, touchstoneapi.FinishMFADeviceRegistration, api.Op[touchstoneapi.FinishMFADeviceRegistrationInput, touchstoneapi.FinishMFADeviceRegistrationOutput]{
		Resources: func(r *api.Request, tx *store.Tx, in *touchstoneapi.FinishMFADeviceRegistrationInput) ([]authz.Check, error) {
			return enrolmentResources(r, tx, in.UserName)
		},
		Claim:     claimRegistration,
		Prepare:   o.verifyRegistration,
		Execute:   finishRegistration,
		EventName: "EnableMFADevice",
	})
}

const (
	registerSecurityKey = "iam:RegisterSecurityKey"

	registrationLife = 5 * time.Minute
	maxRegistrations = 8
)

func enrolmentResources(r *api.Request, tx *store.Tx, name string) ([]authz.Check, error) {
	s, err := subjectOf(r, tx, name)
	if err != nil {
		return nil, err
	}
	check := s.check(r)
	check.Keys = append(check.Keys, authz.Key{Name: registerSecurityKey, Values: []string{"Create"}})
	return []authz.Check{check}, nil
}

// enrolling checks all that stands against a new device, and returns the principal with the devices that it has.
func enrolling(r *api.Request, tx *store.Tx, user, device string) (*store.Principal, []store.MFADevice, error) {
	i, err := find(r, tx, user)
	if err != nil {
		return nil, nil, err
	}
	if r.Caller.Credential != authn.ConsoleSession || i.Kind == store.Root && !r.Caller.IsRoot() {
		return nil, nil, authz.AccessDenied("A security key is assigned in the console, by somebody signed in there.")
	}
	if err := mustUseDevice(r, tx, i, "iam:EnableMFADevice"); err != nil {
		return nil, nil, err
	}
	devices, err := tx.MFADevices(i.AccountID, i.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range devices {
		if store.Fold(d.Name) == store.Fold(device) {
			return nil, nil, iamapi.EntityAlreadyExists("MFA device already exists.")
		}
	}
	return i, devices, within(tx, i.AccountID, MFADevicesPerUser, len(devices))
}

func (o *Operations) beginRegistration(r *api.Request, tx *store.Tx, in *touchstoneapi.BeginMFADeviceRegistrationInput) (*touchstoneapi.BeginMFADeviceRegistrationOutput, error) {
	i, devices, err := enrolling(r, tx, in.UserName, in.DeviceName)
	if err != nil {
		return nil, err
	}
	existing, err := device.Credentials(devices)
	if err != nil {
		return nil, err
	}
	options, record, err := o.RelyingParty.BeginRegistration(device.Holder(i), existing, r.Now)
	if err != nil {
		return nil, err
	}
	token, hash := secret.NewToken(i.AccountID)
	if err := tx.InsertCeremony(&store.Ceremony{
		AccountID: i.AccountID, Hash: hash, PrincipalID: r.Caller.Principal.ID, SessionID: r.Caller.SessionID,
		Purpose: store.PurposeRegister, SubjectID: i.ID, DeviceName: in.DeviceName, Record: record,
		CreatedAt: r.Now, ExpiresAt: r.Now.Add(registrationLife),
	}, maxRegistrations); err != nil {
		return nil, err
	}
	return &touchstoneapi.BeginMFADeviceRegistrationOutput{CeremonyId: token, Options: string(options)}, nil
}

// newSerial is the ARN of a principal's new device.
func newSerial(i *store.Principal, device string) (string, error) {
	if i.Kind == store.Root {
		return mfa.RootSerial(rand.Reader, i.AccountID, device)
	}
	return mfa.UserSerial(rand.Reader, i.AccountID, i.Name, device)
}

// refusedRegistration words a refusal of package mfa for the person; the audit event keeps its code.
func refusedRegistration(err error) error {
	var refusal *mfa.Refusal
	switch {
	case errors.Is(err, mfa.ErrRegistered):
		return errKeyRegistered
	case errors.Is(err, mfa.ErrExpired):
		return errRegistrationOver
	case errors.As(err, &refusal):
		return iamapi.InvalidInput("The security key's answer was refused (%s). Try again, or use a different security key.", refusal.Code)
	}
	return err
}

// registration is what the steps of a Finish hand on.
type registration struct {
	ceremony   *store.Ceremony
	credential mfa.Credential
}

var (
	errRegistrationOver = iamapi.InvalidInput("This registration has been used or has expired. Start again with Assign MFA device.")
	errKeyRegistered    = iamapi.EntityAlreadyExists("This security key is already registered. Use a different security key.")
)

// claimRegistration takes the ceremony, which is gone whatever follows.
func claimRegistration(r *api.Request, tx *store.Tx, in *touchstoneapi.FinishMFADeviceRegistrationInput) error {
	_, hash, err := secret.ParseToken(in.CeremonyId.Reveal())
	if err != nil {
		return errRegistrationOver
	}
	ceremony, err := tx.TakeCeremony(r.Caller.AccountID(), hash, r.Caller.Principal.ID, r.Caller.SessionID, store.PurposeRegister, r.Now)
	if errors.Is(err, store.ErrNotFound) {
		return errRegistrationOver
	}
	r.Carry = &registration{ceremony: ceremony}
	return err
}

// verifyRegistration verifies the attestation, outside any transaction.
func (o *Operations) verifyRegistration(_ context.Context, r *api.Request, in *touchstoneapi.FinishMFADeviceRegistrationInput) error {
	reg := r.Carry.(*registration)
	credential, err := o.RelyingParty.FinishRegistration(reg.ceremony.Record, []byte(in.Credential.Reveal()), r.Now)
	if err != nil {
		return refusedRegistration(err)
	}
	reg.credential = *credential
	r.Keys = []authz.Key{{Name: registerSecurityKey, Values: []string{"Activate"}}}
	return nil
}

func finishRegistration(r *api.Request, tx *store.Tx, in *touchstoneapi.FinishMFADeviceRegistrationInput) (*touchstoneapi.FinishMFADeviceRegistrationOutput, error) {
	reg := r.Carry.(*registration)
	i, _, err := enrolling(r, tx, in.UserName, reg.ceremony.DeviceName)
	if err != nil {
		return nil, err
	}
	if i.ID != reg.ceremony.SubjectID {
		return nil, errRegistrationOver
	}
	text, err := json.Marshal(reg.credential)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(i, reg.ceremony.DeviceName)
	if err != nil {
		return nil, err
	}
	d := &store.MFADevice{
		AccountID: i.AccountID, ID: ids.New(), PrincipalID: i.ID, Name: reg.ceremony.DeviceName,
		Serial:       serial,
		CredentialID: reg.credential.ID, RPID: reg.credential.RPID, SignCount: reg.credential.SignCount,
		Credential: string(text), EnabledAt: r.Now,
	}
	err = tx.InsertMFADevice(d)
	if errors.Is(err, store.ErrConflict) {
		return nil, errKeyRegistered
	}
	if err != nil {
		return nil, err
	}
	// Whoever is signed in as the principal without the new device has to sign in again, with it.
	if err := endSessions(r, tx, i); err != nil {
		return nil, err
	}
	if err := device.TellRoot(tx, i, "MFA device added", "The MFA device "+d.Name+" was added to", r.Now); err != nil {
		return nil, err
	}
	return &touchstoneapi.FinishMFADeviceRegistrationOutput{SerialNumber: d.Serial}, nil
}

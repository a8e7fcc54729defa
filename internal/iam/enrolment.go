package iam

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/device"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// A security key is enrolled in two steps, both authorised as iam:EnableMFADevice: Begin with iam:RegisterSecurityKey "Create",
// Finish with "Create" before the attestation is looked at and with "Activate", and what the attestation says, in the
// transaction (IAM User Guide, "Condition keys for security keys").
func (o *Operations) defineEnrolment(t *api.Table) {
	api.Record(t, touchstoneapi.BeginMFADeviceRegistration, onEnrolment, o.beginRegistration, api.Unrecorded())
	api.ChangeInSteps(t, touchstoneapi.FinishMFADeviceRegistration, onEnrolment, api.Steps[
		touchstoneapi.FinishMFADeviceRegistrationInput, touchstoneapi.FinishMFADeviceRegistrationOutput, *target, registration,
	]{Claim: o.claimRegistration, Prepare: o.verifyRegistration, Execute: finishRegistration}, api.As(iamapi.EnableMFADevice.Name))
}

const (
	registerSecurityKey = "iam:RegisterSecurityKey"

	registrationLife = store.MaxCeremony
	maxRegistrations = 8
)

// onEnrolment authorises a new device of the user that the input names.
func onEnrolment[In any, P naming[In]](r *api.Request, tx *store.Tx, in *In) (api.Subject[*target], error) {
	s, err := resolve(r, tx, users, P(in).Principal())
	s.Checks = s.Checks.With(authz.Key{Name: registerSecurityKey, Values: []string{"Create"}})
	return s, err
}

// checkEnrolment checks all that stands against a new device, and returns the devices that the principal has.
func checkEnrolment(r *api.Request, tx *store.Tx, p *store.Principal, device string) ([]store.MFADevice, error) {
	if r.Caller.Credential != authn.ConsoleSession || p.Kind == store.Root && !r.Caller.IsRoot() {
		return nil, authz.AccessDenied("A security key is assigned in the console, by somebody signed in there.")
	}
	if err := mustUseDevice(r, tx, p, iamapi.EnableMFADevice.Action); err != nil {
		return nil, err
	}

	devices, err := tx.MFADevices(p.AccountID, p.ID)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		if store.Fold(d.Name) == store.Fold(device) {
			return nil, iamapi.EntityAlreadyExists("MFA device already exists.")
		}
	}
	return devices, mfaDevicesPerUser.room(tx, p.AccountID, len(devices))
}

func (o *Operations) beginRegistration(
	r *api.Request, tx *store.Tx, about *target, in *touchstoneapi.BeginMFADeviceRegistrationInput,
) (*touchstoneapi.BeginMFADeviceRegistrationOutput, error) {
	devices, err := checkEnrolment(r, tx, about.Principal, in.DeviceName)
	if err != nil {
		return nil, err
	}
	existing, err := device.Credentials(devices)
	if err != nil {
		return nil, err
	}
	options, record, err := o.RelyingParty.BeginRegistration(device.Holder(about.Principal), existing, r.Now)
	if errors.Is(err, mfa.ErrInsecure) {
		return nil, errInsecure
	}
	if err != nil {
		return nil, err
	}

	token, hash := o.Secrets.NewToken(about.AccountID)
	if err := tx.InsertCeremony(&store.Ceremony{
		AccountID: about.AccountID, Hash: hash, PrincipalID: r.Caller.Principal.ID, SessionID: r.Caller.SessionID,
		Purpose: store.PurposeRegister, SubjectID: about.ID, DeviceName: in.DeviceName, Record: record,
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
func (o *Operations) refusedRegistration(err error) error {
	var refusal *mfa.Refusal
	switch {
	case errors.Is(err, mfa.ErrRegistered):
		return errKeyRegistered
	case errors.Is(err, mfa.ErrExpired):
		return errRegistrationOver
	case errors.Is(err, mfa.ErrOrigin):
		return iamapi.InvalidInput("Security keys work only at %s. Open this page there.",
			strings.Join(o.RelyingParty.Origins(), " and "))
	case errors.As(err, &refusal):
		return iamapi.InvalidInput("The security key's answer was refused (%s). Try again, or use a different security key.",
			refusal.Code)
	}
	return err
}

// registration is what was taken and verified when a registration is finished.
type registration struct {
	ceremony   *store.Ceremony
	credential *mfa.Credential
}

var (
	errRegistrationOver = iamapi.InvalidInput("This registration has been used or has expired. Start again with Assign MFA device.")
	errInsecure         = iamapi.InvalidInput("Security keys cannot be assigned here: " +
		"browsers use them only over https, or on localhost.")
	errKeyRegistered = iamapi.EntityAlreadyExists("This security key is already registered. Use a different security key.")
)

// claimRegistration takes the ceremony, which is gone whatever follows.
func (o *Operations) claimRegistration(r *api.Request, tx *store.Tx,
	in *touchstoneapi.FinishMFADeviceRegistrationInput,
) (made registration, err error) {
	_, hash, err := o.Secrets.ParseToken(in.CeremonyId.Reveal())
	if err != nil {
		return made, errRegistrationOver
	}
	made.ceremony, err = tx.TakeCeremony(r.Caller.AccountID(), hash, r.Caller.Principal.ID, r.Caller.SessionID, store.PurposeRegister,
		r.Now)
	if errors.Is(err, store.ErrNotFound) {
		return made, errRegistrationOver
	}
	return made, err
}

// verifyRegistration verifies the attestation, outside any transaction.
func (o *Operations) verifyRegistration(
	_ context.Context, r *api.Request, _ *target, in *touchstoneapi.FinishMFADeviceRegistrationInput, made *registration,
) (found []authz.Key, err error) {
	made.credential, err = o.RelyingParty.FinishRegistration(made.ceremony.Record, []byte(in.Credential.Reveal()), r.Now)
	if err != nil {
		return nil, o.refusedRegistration(err)
	}
	return []authz.Key{{Name: registerSecurityKey, Values: []string{"Activate"}}}, nil
}

func finishRegistration(
	r *api.Request, tx *store.Tx, about *target, made registration, _ *touchstoneapi.FinishMFADeviceRegistrationInput,
) (*touchstoneapi.FinishMFADeviceRegistrationOutput, error) {
	name := made.ceremony.DeviceName
	if _, err := checkEnrolment(r, tx, about.Principal, name); err != nil {
		return nil, err
	}
	// The ceremony was begun for one principal; another one may have the name by now.
	if about.ID != made.ceremony.SubjectID {
		return nil, errRegistrationOver
	}

	text, err := json.Marshal(made.credential)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(about.Principal, name)
	if err != nil {
		return nil, err
	}
	d := &store.MFADevice{
		AccountID: about.AccountID, ID: ids.New(), PrincipalID: about.ID, Name: name, Serial: serial,
		CredentialID: made.credential.ID, RPID: made.credential.RPID, SignCount: made.credential.SignCount,
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
	if err := endSessions(r, tx, about.Principal); err != nil {
		return nil, err
	}
	if err := device.TellRoot(tx, about.Principal, "MFA device added", "The MFA device "+d.Name+" was added to", r.Now); err != nil {
		return nil, err
	}
	return &touchstoneapi.FinishMFADeviceRegistrationOutput{SerialNumber: d.Serial}, nil
}

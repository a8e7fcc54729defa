package iam

import (
	"errors"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/device"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineMFADevices(t *api.Table) {
	api.Read(t, iamapi.ListMFADevices, onUser, listMFADevices)
	api.Read(t, iamapi.GetMFADevice, onUser, getMFADevice)
	api.Change(t, iamapi.EnableMFADevice, onUser, enableMFADevice)
	api.Change(t, iamapi.DeactivateMFADevice, onUser, deactivateMFADevice)
}

// mustUseDevice refuses somebody who has a device and did not use one to add or remove another of their own, whatever their
// policies say (IAM User Guide, "Enabling MFA devices"): otherwise a stolen password or key could put its own device beside
// the owner's, or strip it.
func mustUseDevice(r *api.Request, tx *store.Tx, p *store.Principal, action string) error {
	if p.ID != r.Caller.Principal.ID || r.Caller.UsedMFA() {
		return nil
	}
	devices, err := tx.CountMFADevices(p.AccountID, p.ID)
	if err != nil || devices == 0 {
		return err
	}
	resource := p.ARN()
	if p.Kind == store.User {
		resource = users.noun + " " + p.Name
	}
	return authz.Refuse(r.Caller, action, resource, "because an MFA device of the user must be used to sign in first")
}

func noSuchDevice(serial string) error {
	return iamapi.NoSuchEntity("MFA Device with serial number %s does not exist.", serial)
}

// deviceOf reads a device of the principal by its serial number.
func deviceOf(tx *store.Tx, p *store.Principal, serial string) (*store.MFADevice, error) {
	d, err := tx.MFADeviceBySerial(p.AccountID, serial)
	if errors.Is(err, store.ErrNotFound) || err == nil && d.PrincipalID != p.ID {
		return nil, noSuchDevice(serial)
	}
	return d, err
}

func listMFADevices(_ *api.Request, tx *store.Tx, about *target,
	in *iamapi.ListMFADevicesInput,
) (*iamapi.ListMFADevicesOutput, error) {
	devices, err := tx.MFADevices(about.AccountID, about.ID)
	if err != nil {
		return nil, err
	}
	place := func(d *store.MFADevice) string { return chronological(d.EnabledAt, d.ID) }
	devices, next, err := api.List(iamapi.ListMFADevices.Name, in, api.Cut(devices, place), place)
	if err != nil {
		return nil, err
	}

	out := &iamapi.ListMFADevicesOutput{MFADevices: make([]iamapi.MFADevice, len(devices))}
	for n := range devices {
		out.MFADevices[n] = iamapi.MFADevice{UserName: about.Name, SerialNumber: devices[n].Serial, EnableDate: devices[n].EnabledAt}
	}
	out.SetPage(next)
	return out, nil
}

func getMFADevice(_ *api.Request, tx *store.Tx, about *target, in *iamapi.GetMFADeviceInput) (*iamapi.GetMFADeviceOutput, error) {
	d, err := deviceOf(tx, about.Principal, in.SerialNumber)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetMFADeviceOutput{UserName: about.Name, SerialNumber: d.Serial, EnableDate: &d.EnabledAt}, nil
}

// enableMFADevice is the wire's way to enable a device with two codes. A security key cannot be enabled by it, and no device
// that shows codes can be made yet, so that whoever may enable finds none.
func enableMFADevice(r *api.Request, tx *store.Tx, about *target, in *iamapi.EnableMFADeviceInput) (*struct{}, error) {
	if err := mustUseDevice(r, tx, about.Principal, iamapi.EnableMFADevice.Action); err != nil {
		return nil, err
	}
	return nil, noSuchDevice(in.SerialNumber)
}

func deactivateMFADevice(r *api.Request, tx *store.Tx, about *target, in *iamapi.DeactivateMFADeviceInput) (*struct{}, error) {
	if about.Kind == store.Root && r.Caller.Credential != authn.ConsoleSession {
		return nil, authz.AccessDenied("The root user's MFA devices are removed on the Security credentials page, signed in with one of them, not with an access key.")
	}
	if err := mustUseDevice(r, tx, about.Principal, iamapi.DeactivateMFADevice.Action); err != nil {
		return nil, err
	}
	d, err := deviceOf(tx, about.Principal, in.SerialNumber)
	if err != nil {
		return nil, err
	}
	return nil, device.Remove(tx, about.Principal, d, r.Caller.SessionID, r.Now)
}

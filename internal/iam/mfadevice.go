package iam

import (
	"errors"
	"fmt"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/device"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineMFADevices(t *api.Table) {
	api.Define(t, iamapi.ListMFADevices, api.Op[iamapi.ListMFADevicesInput, iamapi.ListMFADevicesOutput]{
		Resources: onSubject(func(in *iamapi.ListMFADevicesInput) string { return in.UserName }),
		Execute:   listMFADevices,
	})
	api.Define(t, iamapi.GetMFADevice, api.Op[iamapi.GetMFADeviceInput, iamapi.GetMFADeviceOutput]{
		Resources: onSubject(func(in *iamapi.GetMFADeviceInput) string { return in.UserName }),
		Execute:   getMFADevice,
	})
	api.Define(t, iamapi.EnableMFADevice, api.Op[iamapi.EnableMFADeviceInput, struct{}]{
		Resources: onSubject(func(in *iamapi.EnableMFADeviceInput) string { return in.UserName }),
		Execute:   enableMFADevice,
	})
	api.Define(t, iamapi.DeactivateMFADevice, api.Op[iamapi.DeactivateMFADeviceInput, struct{}]{
		Resources: onSubject(func(in *iamapi.DeactivateMFADeviceInput) string { return in.UserName }),
		Execute:   deactivateMFADevice,
	})
}

// mustUseDevice refuses somebody who has a device and did not use one to add or remove another of their own, whatever their
// policies say (IAM User Guide, "Enabling MFA devices"): otherwise a stolen password or key could put its own device beside
// the owner's, or strip it.
func mustUseDevice(r *api.Request, tx *store.Tx, i *store.Principal, action string) error {
	if i.ID != r.Caller.Principal.ID || r.Caller.UsedMFA() {
		return nil
	}
	devices, err := tx.CountMFADevices(i.AccountID, i.ID)
	if err != nil || devices == 0 {
		return err
	}
	return authz.AccessDenied(fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because an MFA device of the user must be used to sign in first",
		r.Caller.Principal.ARN(), action, i.ARN()))
}

func noSuchDevice(serial string) error {
	return iamapi.NoSuchEntity("MFA Device with serial number %s does not exist.", serial)
}

// deviceOf reads a device of the principal by its serial number.
func deviceOf(tx *store.Tx, i *store.Principal, serial string) (*store.MFADevice, error) {
	d, err := tx.MFADeviceBySerial(i.AccountID, serial)
	if errors.Is(err, store.ErrNotFound) || err == nil && d.PrincipalID != i.ID {
		return nil, noSuchDevice(serial)
	}
	return d, err
}

func listMFADevices(r *api.Request, tx *store.Tx, in *iamapi.ListMFADevicesInput) (*iamapi.ListMFADevicesOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	devices, err := tx.MFADevices(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	part, next, err := page(devices, func(d *store.MFADevice) string {
		return fmt.Sprintf("%016x %s", d.EnabledAt.UnixMicro(), d.ID)
	}, "ListMFADevices", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListMFADevicesOutput{MFADevices: []iamapi.MFADevice{}, IsTruncated: next != "", Marker: next}
	for _, d := range part {
		out.MFADevices = append(out.MFADevices, iamapi.MFADevice{UserName: i.Name, SerialNumber: d.Serial, EnableDate: d.EnabledAt})
	}
	return out, nil
}

func getMFADevice(r *api.Request, tx *store.Tx, in *iamapi.GetMFADeviceInput) (*iamapi.GetMFADeviceOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	d, err := deviceOf(tx, i, in.SerialNumber)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetMFADeviceOutput{UserName: i.Name, SerialNumber: d.Serial, EnableDate: &d.EnabledAt}, nil
}

// enableMFADevice is the wire's way to enable a device with two codes. A security key cannot be enabled by it, and no device
// that shows codes can be made yet, so that whoever may enable finds none.
func enableMFADevice(r *api.Request, tx *store.Tx, in *iamapi.EnableMFADeviceInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	if err := mustUseDevice(r, tx, i, "iam:EnableMFADevice"); err != nil {
		return nil, err
	}
	return nil, noSuchDevice(in.SerialNumber)
}

func deactivateMFADevice(r *api.Request, tx *store.Tx, in *iamapi.DeactivateMFADeviceInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	if i.Kind == store.Root && r.Caller.Credential != authn.ConsoleSession {
		return nil, authz.AccessDenied("The root user's MFA devices are removed on the Security credentials page, signed in with one of them, not with an access key.")
	}
	if err := mustUseDevice(r, tx, i, "iam:DeactivateMFADevice"); err != nil {
		return nil, err
	}
	d, err := deviceOf(tx, i, in.SerialNumber)
	if err != nil {
		return nil, err
	}
	return nil, device.Remove(tx, i, d, r.Caller.SessionID, r.Now)
}

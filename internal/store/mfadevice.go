package store

import "time"

// MFADevice is a registered FIDO security key of a principal.
type MFADevice struct {
	AccountID    string
	ID           string
	PrincipalID  string
	Name         string
	Serial       string // its ARN, as registered; a rename of the user does not change it
	CredentialID []byte
	RPID         string // the relying party it was registered for
	SignCount    uint32
	Marked       bool   // its counter once went back: it may have been cloned
	Credential   string // what verification needs, in the form of package mfa
	EnabledAt    time.Time
	LastUsedAt   time.Time
}

const mfaDeviceColumns = `account_id, device_id, principal_id, name, serial, credential_id, rp_id, sign_count, marked,
	credential, enabled_at, last_used_at`

func scanMFADevice(row scanner) (d MFADevice, err error) {
	err = row.Scan(&d.AccountID, &d.ID, &d.PrincipalID, &d.Name, &d.Serial, &d.CredentialID, &d.RPID, &d.SignCount,
		&d.Marked, &d.Credential, instant{&d.EnabledAt}, instant{&d.LastUsedAt})
	return d, err
}

// InsertMFADevice stores a device and enters its credential in the directory. ErrConflict when the credential is registered
// anywhere in the installation (WebAuthn §7.1 step 26) or the principal has a device of that name.
func (tx *Tx) InsertMFADevice(d *MFADevice) error {
	if _, err := tx.exec(`insert into credential_directory (credential_id, account_id, device_id, rp_id) values ($1, $2, $3, $4)`,
		d.CredentialID, d.AccountID, d.ID, d.RPID); err != nil {
		return err
	}

	if _, err := tx.exec(`insert into mfa_device (`+mfaDeviceColumns+`, name_key, kind)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'fido')`,
		d.AccountID, d.ID, d.PrincipalID, d.Name, d.Serial, d.CredentialID, d.RPID, d.SignCount, d.Marked, d.Credential,
		micros(d.EnabledAt), micros(d.LastUsedAt), Fold(d.Name)); err != nil {
		return err
	}
	return tx.countUp(d.AccountID, tallyMFADevices)
}

// MFADevices lists a principal's devices, oldest first.
func (tx *Tx) MFADevices(account, principal string) ([]MFADevice, error) {
	return list(tx, scanMFADevice, `select `+mfaDeviceColumns+` from mfa_device where account_id = $1 and principal_id = $2
		order by enabled_at, device_id`, account, principal)
}

// MFADeviceBySerial reads a device by its ARN. ErrNotFound.
func (tx *Tx) MFADeviceBySerial(account, serial string) (*MFADevice, error) {
	return one(tx, scanMFADevice, `select `+mfaDeviceColumns+` from mfa_device where account_id = $1 and serial = $2`, account, serial)
}

// CountMFADevices counts a principal's devices.
func (tx *Tx) CountMFADevices(account, principal string) (n int, err error) {
	err = tx.get(`select count(*) from mfa_device where account_id = $1 and principal_id = $2`, []any{account, principal}, &n)
	return n, err
}

// CountAccountMFADevices reads how many devices all principals of the account have together.
func (tx *Tx) CountAccountMFADevices(account string) (int, error) {
	return tx.counted(account, tallyMFADevices)
}

// DeleteMFADevice removes a device. ErrNotFound when the principal has no such device.
func (tx *Tx) DeleteMFADevice(d *MFADevice) error {
	if err := tx.change(`delete from mfa_device where account_id = $1 and principal_id = $2 and device_id = $3`,
		d.AccountID, d.PrincipalID, d.ID); err != nil {
		return err
	}

	if err := tx.change(`delete from credential_directory where credential_id = $1`, d.CredentialID); err != nil {
		return err
	}
	return tx.countDown(d.AccountID, tallyMFADevices, 1)
}

// UseMFADevice records a successful assertion: the device's new counter, its credential facts and the time. It is guarded by
// the counter that the assertion was judged against. ErrNotFound when the device is gone or its counter moved meanwhile.
func (tx *Tx) UseMFADevice(d *MFADevice, signCount uint32, credential string, now time.Time) error {
	return tx.change(`update mfa_device set sign_count = $4, credential = $5, last_used_at = $6
		where account_id = $1 and device_id = $2 and sign_count = $3`, d.AccountID, d.ID, d.SignCount, signCount, credential, micros(now))
}

// MarkMFADevice records that the device's counter went back. The mark goes only with the device. ErrNotFound.
func (tx *Tx) MarkMFADevice(account, id string) error {
	return tx.change(`update mfa_device set marked = $3 where account_id = $1 and device_id = $2`, account, id, true)
}

// MFADeviceElsewhere names a principal that has a credential made for another relying party than rpID.
type MFADeviceElsewhere struct{ AccountID, UserName, DeviceName, RPID string }

// MFADevicesElsewhere lists up to limit devices that a relying party with this id could not use.
func (tx *Tx) MFADevicesElsewhere(rpID string, limit int) ([]MFADeviceElsewhere, error) {
	return list(tx, func(row scanner) (d MFADeviceElsewhere, err error) {
		err = row.Scan(&d.AccountID, &d.UserName, &d.DeviceName, &d.RPID)
		return d, err
	}, `select m.account_id, p.name, m.name, m.rp_id from credential_directory c
		join mfa_device m on m.account_id = c.account_id and m.device_id = c.device_id
		join principal p on p.account_id = m.account_id and p.principal_id = m.principal_id
		where c.rp_id < $1 or c.rp_id > $1 order by m.account_id, p.name limit $2`, rpID, limit)
}

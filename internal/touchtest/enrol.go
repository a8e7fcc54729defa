package touchtest

import (
	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// BeginEnrolment asks for the options of a new security key. An empty user means the person signed in.
func (c *Console) BeginEnrolment(user, device string) (*touchstoneapi.BeginMFADeviceRegistrationOutput, error) {
	return Call[touchstoneapi.BeginMFADeviceRegistrationInput, touchstoneapi.BeginMFADeviceRegistrationOutput](c,
		touchstoneapi.BeginMFADeviceRegistration, &touchstoneapi.BeginMFADeviceRegistrationInput{UserName: user, DeviceName: device})
}

// FinishEnrolment hands in the key's answer and returns the new device's serial number.
func (c *Console) FinishEnrolment(user, ceremony string, answer []byte) (serial string, err error) {
	out, err := Call[touchstoneapi.FinishMFADeviceRegistrationInput, touchstoneapi.FinishMFADeviceRegistrationOutput](c,
		touchstoneapi.FinishMFADeviceRegistration, &touchstoneapi.FinishMFADeviceRegistrationInput{
			UserName: user, CeremonyId: awsquery.Secret(ceremony), Credential: awsquery.Secret(answer),
		})
	if err != nil {
		return "", err
	}
	return out.SerialNumber, nil
}

// Enrol assigns a security key, and returns its serial number.
func (c *Console) Enrol(user, device string, key Authenticator) (serial string, err error) {
	begun, err := c.BeginEnrolment(user, device)
	if err != nil {
		return "", err
	}
	answer, err := key.Create(c.account.Server.URL, []byte(begun.Options))
	if err != nil {
		return "", err
	}
	return c.FinishEnrolment(user, begun.CeremonyId, answer)
}

// MustEnrol is [Console.Enrol]; the test ends when it fails.
func (c *Console) MustEnrol(user, device string, key Authenticator) (serial string) {
	c.t.Helper()
	serial, err := c.Enrol(user, device, key)
	if err != nil {
		c.t.Fatal(err)
	}
	return serial
}

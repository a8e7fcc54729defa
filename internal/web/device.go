package web

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// deviceView is a step of "Assign MFA device".
type deviceView struct {
	page
	Form     form
	Subject  subject
	Device   string
	Ceremony string
	Options  string // JSON for navigator.credentials.create
	AtOnce   bool   // the browser asks the key without waiting for a click
	Full     bool
}

func (v *visit) deviceView(f form) *deviceView {
	s := v.subject()
	return &deviceView{
		page: page{Title: "Assign MFA device", Nav: s.nav(), Crumbs: s.crumbs("Assign MFA device")}, Form: f, Subject: s,
	}
}

// selectDevice is the first step: a name, and what kind of device.
func (v *visit) selectDevice() error {
	return v.showDeviceStep(form{Values: url.Values{"DeviceName": {v.query.Get("device")}}})
}

func (v *visit) showDeviceStep(f form) error {
	shown := v.deviceView(f)
	devices, err := v.devicesPart(shown.Subject)
	if err != nil {
		return err
	}
	shown.Full = devices.Full()
	return v.show("assign-device", shown)
}

// deviceName is the form of a device's name (IAM API Reference, virtualMFADeviceName).
var deviceName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)

const wrongDeviceName = "Use 1 to 64 letters, digits and the characters + = , . @ - _"

// deviceSelected leads on to the second step. Whether the name is free is found there, where the registration begins.
func (v *visit) deviceSelected() error {
	f := form{Values: v.form}
	name := f.Value("DeviceName")
	switch {
	case name == "":
		f.wrong("DeviceName", "Enter a name for the device.")
	case !deviceName.MatchString(name):
		f.wrong("DeviceName", wrongDeviceName)
	default:
		v.to(at("/console/mfa/set-up", "user", v.query.Get("user"), "device", name))
		return nil
	}
	return v.showDeviceStep(f)
}

func (v *visit) beginRegistration(device string) (*touchstoneapi.BeginMFADeviceRegistrationOutput, error) {
	return call(v, touchstoneapi.BeginMFADeviceRegistration,
		&touchstoneapi.BeginMFADeviceRegistrationInput{UserName: v.query.Get("user"), DeviceName: device})
}

// wrongDevice takes in what may be wrong with the first step.
func (v *visit) wrongDevice(f *form, err error) error {
	switch {
	case isCode(err, "ValidationError"):
		f.wrong("DeviceName", wrongDeviceName)
		return nil
	case isCode(err, "EntityAlreadyExists"):
		f.wrong("DeviceName", "There is an MFA device of this name already. Choose another name.")
		return nil
	}
	return f.refused(v, err, nil)
}

// isCode reports whether err is an operation's error of that code.
func isCode(err error, code string) bool {
	var told *awsquery.Error
	return errors.As(err, &told) && told.Code == code
}

// setUpDevice is the second step: the browser asks the key, at once unless another site led here.
func (v *visit) setUpDevice() error {
	from := v.r.Header.Get("Sec-Fetch-Site")
	return v.showCeremony(form{}, from != "cross-site" && from != "same-site")
}

func (v *visit) showCeremony(f form, atOnce bool) error {
	shown := v.deviceView(f)
	shown.Device, shown.AtOnce, shown.Scripts = v.query.Get("device"), atOnce, []string{"webauthn.js"}
	begun, err := v.beginRegistration(shown.Device)
	if err != nil {
		// What was typed in the first step is no longer right: back there, with the reason.
		back := form{Values: url.Values{"DeviceName": {shown.Device}}}
		if err := v.wrongDevice(&back, err); err != nil {
			return err
		}
		return v.showDeviceStep(back)
	}
	shown.Ceremony, shown.Options = begun.CeremonyId, begun.Options
	return v.show("set-up-device", shown)
}

// assignDevice takes the key's answer.
func (v *visit) assignDevice() error {
	s := v.subject()
	_, err := call(v, touchstoneapi.FinishMFADeviceRegistration,
		&touchstoneapi.FinishMFADeviceRegistrationInput{
			UserName: s.UserName, CeremonyId: awsquery.Secret(v.form.Get("ceremony")), Credential: awsquery.Secret(v.form.Get("response")),
		})
	if err != nil {
		var f form
		if isCode(err, "ValidationError") {
			f.wrong("", "The security key's answer did not arrive. Try again.")
		} else if err := f.refused(v, err, nil); err != nil {
			return err
		}
		return v.showCeremony(f, false)
	}
	devices, err := v.devicesPart(s)
	if err != nil {
		return err
	}
	count := "?"
	if devices.Readable() {
		count = strconv.Itoa(len(devices.List))
	}
	if s.Own() {
		v.say("device-assigned", v.query.Get("device"), count)
	} else {
		v.say("device-assigned-to", v.query.Get("device"), s.Name, count)
	}
	v.to(s.Home())
	return nil
}

// removeView confirms the removal of a device.
type removeView struct {
	page
	Form    form
	Subject subject
	Device  *touchstoneapi.MFADeviceDetail
	Last    bool // it is the only one: the name is typed to confirm
}

// confirmRemoveDevice asks whether the selected device is really to be removed.
func (v *visit) confirmRemoveDevice() error {
	if v.query.Get("serial") == "" {
		v.say("device-select")
		v.to(v.subject().Home())
		return nil
	}
	return v.showRemoval(form{Values: url.Values{}}, v.query.Get("serial"))
}

func (v *visit) showRemoval(f form, serial string) error {
	shown, err := v.removal(f, serial)
	if err != nil {
		return err
	}
	return v.show("remove-device", shown)
}

// removal finds the device that is to be removed. One that may not be listed is named by its serial number.
func (v *visit) removal(f form, serial string) (*removeView, error) {
	s := v.subject()
	shown := &removeView{
		page: page{Title: "Remove MFA device", Nav: s.nav(), Crumbs: s.crumbs("Remove MFA device")}, Form: f, Subject: s,
	}
	devices, err := v.devicesPart(s)
	if err != nil {
		return nil, err
	}
	for n := range devices.List {
		if devices.List[n].SerialNumber == serial {
			shown.Device, shown.Last = &devices.List[n], len(devices.List) == 1
			return shown, nil
		}
	}
	if devices.Readable() {
		return nil, &awsquery.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: "There is no such MFA device. It may have been removed already."}
	}
	shown.Device = &touchstoneapi.MFADeviceDetail{SerialNumber: serial, DeviceName: serial}
	return shown, nil
}

func (v *visit) removeDevice() error {
	f := form{Values: v.form}
	serial := f.Value("serial")
	if serial == "" {
		serial = v.query.Get("serial")
	}
	shown, err := v.removal(f, serial)
	if err != nil {
		return err
	}
	if shown.Last && f.Value("Confirm") != shown.Device.DeviceName {
		shown.Form.wrong("Confirm", "Type the name of the device to confirm.")
		return v.show("remove-device", shown)
	}
	err = do(v, iamapi.DeactivateMFADevice, &iamapi.DeactivateMFADeviceInput{UserName: shown.Subject.UserName, SerialNumber: serial})
	if err != nil {
		if err := shown.Form.refused(v, err, nil); err != nil {
			return err
		}
		if d := shown.Form.Denied; d != nil { // the dialog sends the serial number in the form, not in the address
			d.Here = at(v.r.URL.Path, "user", shown.Subject.UserName, "serial", serial)
		}
		return v.show("remove-device", shown)
	}
	v.say("device-removed", shown.Device.DeviceName)
	v.to(shown.Subject.Home())
	return nil
}

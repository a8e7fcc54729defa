package console

import (
	"net/url"
	"strconv"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

const assignDeviceTitle = "Assign MFA device"

// selectDeviceView is the first step of assigning an MFA device.
type selectDeviceView struct {
	web.Page
	Form   web.Form
	Holder holder
	Limit  int
	Full   bool   // no further device may be assigned
	Where  string // the public address, when browsers use no security keys there; "" when they do
}

// setUpDeviceView is the second step.
type setUpDeviceView struct {
	web.Page
	Form     web.Form
	Holder   holder
	Device   string
	Ceremony string
	Options  string // JSON for navigator.credentials.create
	AtOnce   bool   // the browser asks the key without waiting for a click
}

// selectDevice is the first step: a name, and what kind of device.
func selectDevice(v *web.Visit) error {
	return showDeviceForm(v, web.Form{Values: url.Values{"DeviceName": {v.Query.Get("device")}}})
}

func showDeviceForm(v *web.Visit, f web.Form) error {
	h := holderOf(v)
	devices, err := readDevices(v, h)
	if err != nil {
		return err
	}
	most, err := accountLimits(v)
	if err != nil {
		return err
	}
	shown := &selectDeviceView{
		Page: h.page(assignDeviceTitle), Form: f, Holder: h, Limit: most.Devices, Full: len(devices.List) >= most.Devices,
	}
	if !v.KeysWork() {
		shown.Where = v.URL
	}
	return v.Show("assign-device", shown)
}

const wrongDeviceName = "Use 1 to 64 letters, digits and the characters + = , . @ - _"

// deviceSelected leads on to the second step. Whether the name is free is found there, where the registration begins.
func deviceSelected(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	name := f.Value("DeviceName")
	switch {
	case name == "":
		f.Wrong("DeviceName", "Enter a name for the device.")
	case !touchstoneapi.ValidDeviceName(name):
		f.Wrong("DeviceName", wrongDeviceName)
	default:
		v.Redirect(web.Address(setUpDevicePath, "user", v.Query.Get("user"), "device", name))
		return nil
	}
	return showDeviceForm(v, f)
}

// setUpDevice is the second step: the browser asks the key, at once unless another site led here.
func setUpDevice(v *web.Visit) error {
	from := v.Request.Header.Get("Sec-Fetch-Site")
	return showRegistration(v, web.Form{}, from != "cross-site" && from != "same-site")
}

// showRegistration begins the registration of a security key and shows the page whose script asks the key. When the first step
// turns out to be wrong it shows that step again.
func showRegistration(v *web.Visit, f web.Form, atOnce bool) error {
	h, device := holderOf(v), v.Query.Get("device")
	begun, err := web.Call(v, touchstoneapi.BeginMFADeviceRegistration,
		&touchstoneapi.BeginMFADeviceRegistrationInput{UserName: h.UserName, DeviceName: device})
	if err != nil {
		back := web.Form{Values: url.Values{"DeviceName": {device}}}
		if err := wrongDevice(v, &back, err); err != nil {
			return err
		}
		return showDeviceForm(v, back)
	}

	shown := &setUpDeviceView{
		Page: h.page(assignDeviceTitle), Form: f, Holder: h, Device: device,
		Ceremony: begun.CeremonyId, Options: begun.Options, AtOnce: atOnce,
	}
	shown.Scripts = []string{"webauthn.js"}
	return v.Show("set-up-device", shown)
}

// wrongDevice notes in the form of the first step what is wrong with it, and returns any error that is about something else.
func wrongDevice(v *web.Visit, f *web.Form, err error) error {
	switch {
	case web.IsCode(err, "ValidationError"):
		f.Wrong("DeviceName", wrongDeviceName)
		return nil
	case web.IsCode(err, "EntityAlreadyExists"):
		f.Wrong("DeviceName", "There is an MFA device of this name already. Choose another name.")
		return nil
	}
	return f.Refused(v, err, nil)
}

// assignDevice takes the key's answer.
func assignDevice(v *web.Visit) error {
	h := holderOf(v)
	_, err := web.Call(v, touchstoneapi.FinishMFADeviceRegistration, &touchstoneapi.FinishMFADeviceRegistrationInput{
		UserName: h.UserName, CeremonyId: awsquery.Secret(v.Form.Get("ceremony")), Credential: awsquery.Secret(v.Form.Get("response")),
	})
	if err != nil {
		var f web.Form
		if web.IsCode(err, "ValidationError") {
			f.Wrong("", "The security key's answer did not arrive. Try again.")
		} else if err := f.Refused(v, err, nil); err != nil {
			return err
		}
		return showRegistration(v, f, false)
	}

	// The message counts the devices if they may be listed.
	devices, err := readDevices(v, h)
	if err != nil {
		return err
	}
	most, err := accountLimits(v)
	if err != nil {
		return err
	}

	count := "?"
	if devices.Readable() {
		count = strconv.Itoa(len(devices.List))
	}
	if h.Own() {
		v.LeaveMessage("device-assigned", v.Query.Get("device"), count, strconv.Itoa(most.Devices))
	} else {
		v.LeaveMessage("device-assigned-to", v.Query.Get("device"), h.Name, count, strconv.Itoa(most.Devices))
	}
	v.Redirect(h.Home())
	return nil
}

// removeDevice asks whether the selected device is really to be removed. The name of the only one is typed to confirm. The dialog
// of a page with devices sends the serial number in the form, everything else in the address.
func removeDevice(v *web.Visit) (*web.Confirmation, error) {
	h, serial := holderOf(v), v.Query.Get("serial")
	if sent := v.Form.Get("serial"); sent != "" {
		serial = sent
	}
	if serial == "" {
		v.LeaveMessage("device-select")
		v.Redirect(h.Home())
		return nil, nil
	}

	name, last, err := findDevice(v, h, serial)
	if err != nil {
		return nil, err
	}

	text := web.Words("The device %s can no longer be used to sign in, and other sessions end. "+
		"This cannot be undone; the device can be assigned again.", web.Name(name))
	if !h.Own() {
		text = web.Words("The device %s of user %s can no longer be used to sign in, and other sessions end. "+
			"This cannot be undone; the device can be assigned again.", web.Name(name), web.Name(h.Name))
	}

	c := &web.Confirmation{
		Page: h.page("Remove MFA device"), Heading: "Remove MFA device?", Text: text, Detail: serial,
		Action: web.Address(removeDevicePath, "user", h.UserName, "serial", serial), Button: "Remove", Danger: true, Cancel: h.Home(),
		Do: func() error {
			err := web.Do(v, iamapi.DeactivateMFADevice, &iamapi.DeactivateMFADeviceInput{UserName: h.UserName, SerialNumber: serial})
			if err != nil {
				return err
			}
			v.LeaveMessage("device-removed", name)
			return nil
		},
	}
	if last {
		c.Typed = &web.Typed{
			Label: "To confirm, type the name of the device", Help: "It is the only one: without it a password is enough to sign in.",
			Text: name, Wrong: "Type the name of the device to confirm.",
		}
	}
	return c, nil
}

// findDevice returns the name of a device, and whether it is the only one. A device that may not be listed is named by its serial
// number.
func findDevice(v *web.Visit, h holder, serial string) (name string, last bool, err error) {
	devices, err := readDevices(v, h)
	if err != nil {
		return "", false, err
	}
	for n := range devices.List {
		if devices.List[n].SerialNumber == serial {
			return devices.List[n].DeviceName, len(devices.List) == 1, nil
		}
	}
	if devices.Readable() {
		return "", false, web.Missing("There is no such MFA device. It may have been removed already.")
	}
	return serial, false, nil
}

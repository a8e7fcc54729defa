package console

import (
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// holder is whose credentials a page is about: the person signed in, or a user whom the address names.
type holder struct {
	UserName string // "" for the person signed in
	Root     bool
	Name     string // for people
}

// holderOf returns the holder that the address names.
func holderOf(v *web.Visit) holder {
	if name := v.Query.Get("user"); name != "" {
		return holder{UserName: name, Name: name}
	}
	if v.Caller.IsRoot() {
		return holder{Root: true, Name: "root user"}
	}
	return holder{Name: v.Principal.Name}
}

// Own reports whether it is the person signed in.
func (h holder) Own() bool { return h.UserName == "" }

// Home returns the address of the page with the holder's credentials.
func (h holder) Home() string {
	switch {
	case !h.Own():
		return web.Address(userPath, "name", h.UserName, "tab", tabCredentials)
	case h.Root:
		return web.Address(credentialsPath, "continue", "yes")
	}
	return credentialsPath
}

// page returns what pages about the holder's credentials have in common: the way from the console to them.
func (h holder) page(title string) web.Page {
	if h.Own() {
		return web.Page{Title: title, Nav: credentialsPath, Crumbs: web.Crumbs("Security credentials", h.Home(), title)}
	}
	return web.Page{Title: title, Nav: usersPath, Crumbs: web.Crumbs("Users", usersPath, h.UserName, h.Home(), title)}
}

// credentials are the parts of a page that shows somebody's credentials. Each may be refused by itself.
type credentials struct {
	Holder   holder
	Limits   limits
	SignIn   signInPart
	Devices  devicesPart
	Keys     keysPart
	Sessions sessionsPart
}

// DevicesFull reports whether no further device may be assigned.
func (c *credentials) DevicesFull() bool { return len(c.Devices.List) >= c.Limits.Devices }

// KeysFull reports whether no further access key may be created.
func (c *credentials) KeysFull() bool { return len(c.Keys.List) >= c.Limits.AccessKeys }

// signInPart is the part about the password.
type signInPart struct {
	web.Section
	Profile *iamapi.LoginProfile // nil: console access is off
}

// devicesPart is the part with the MFA devices.
type devicesPart struct {
	web.Section
	List []touchstoneapi.MFADeviceDetail
}

// keysPart is the part with the access keys.
type keysPart struct {
	web.Section
	List []accessKey
}

// accessKey is a key with its last use; a nil Used could not be read.
type accessKey struct {
	iamapi.AccessKeyMetadata
	Used *iamapi.AccessKeyLastUsed
}

// Active reports whether requests may be signed with the key.
func (k *accessKey) Active() bool { return k.Status == iamapi.StatusTypeActive }

// sessionsPart is the part with the console sessions.
type sessionsPart struct {
	web.Section
	List []touchstoneapi.Session
}

// readCredentials reads as much of the holder's credentials as the person signed in may see.
func readCredentials(v *web.Visit, h holder) (c credentials, err error) {
	c.Holder = h
	if c.Limits, err = accountLimits(v); err != nil {
		return c, err
	}

	if !h.Root {
		if c.SignIn, err = readSignIn(v, h); err != nil {
			return c, err
		}
	}

	if c.Devices, err = readDevices(v, h); err != nil {
		return c, err
	}
	if c.Keys, err = readKeys(v, h); err != nil {
		return c, err
	}
	if err = c.Keys.readLastUse(v); err != nil {
		return c, err
	}

	c.Sessions, err = readSessions(v, h)
	return c, err
}

// readSignIn reads whether the holder has a password. The part has no Profile when there is none.
func readSignIn(v *web.Visit, h holder) (part signInPart, err error) {
	out, err := web.Call(v, iamapi.GetLoginProfile, &iamapi.GetLoginProfileInput{UserName: h.UserName})
	if web.IsCode(err, "NoSuchEntity") {
		return part, nil
	}
	if part.Section, err = v.Section(err); err == nil && part.Readable() {
		part.Profile = &out.LoginProfile
	}
	return part, err
}

// readDevices lists the holder's MFA devices.
func readDevices(v *web.Visit, h holder) (part devicesPart, err error) {
	out, err := web.Call(v, touchstoneapi.ListMFADeviceDetails, &touchstoneapi.ListMFADeviceDetailsInput{UserName: h.UserName})
	if part.Section, err = v.Section(err); err == nil && part.Readable() {
		part.List = out.MFADevices
	}
	return part, err
}

// readKeys lists the holder's access keys, without their last use.
func readKeys(v *web.Visit, h holder) (part keysPart, err error) {
	out, err := web.Call(v, iamapi.ListAccessKeys, &iamapi.ListAccessKeysInput{UserName: h.UserName})
	if part.Section, err = v.Section(err); err != nil || !part.Readable() {
		return part, err
	}
	for _, k := range out.AccessKeyMetadata {
		part.List = append(part.List, accessKey{AccessKeyMetadata: k})
	}
	return part, nil
}

// readLastUse reads when each key was used last, where that may be seen.
func (p *keysPart) readLastUse(v *web.Visit) error {
	for n := range p.List {
		key := &p.List[n]
		used, err := web.Call(v, iamapi.GetAccessKeyLastUsed, &iamapi.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId})
		last, err := v.Section(err)
		if err != nil {
			return err
		}
		if last.Readable() {
			key.Used = used.AccessKeyLastUsed
		}
	}
	return nil
}

// readSessions lists the holder's console sessions.
func readSessions(v *web.Visit, h holder) (part sessionsPart, err error) {
	out, err := web.Call(v, touchstoneapi.ListSessions, &touchstoneapi.ListSessionsInput{UserName: h.UserName})
	if part.Section, err = v.Section(err); err == nil && part.Readable() {
		part.List = out.Sessions
	}
	return part, err
}

// credentialsView is the page of one's own credentials.
type credentialsView struct {
	web.Page
	credentials
	User      userPart
	Details   *touchstoneapi.DescribeAccountOutput
	SignInURL string
	ARN       string
}

// userPart is what GetUser answers about a user.
type userPart struct {
	web.Section
	Of *iamapi.User
}

// readUser reads a user; "" is the person signed in.
func readUser(v *web.Visit, name string) (part userPart, err error) {
	out, err := web.Call(v, iamapi.GetUser, &iamapi.GetUserInput{UserName: name})
	if part.Section, err = v.Section(err); err == nil && part.Readable() {
		part.Of = &out.User
	}
	return part, err
}

// ownCredentials shows one's own credentials. The root user is warned first (IAM User Guide, "Manage access keys for the root
// user").
func ownCredentials(v *web.Visit) error {
	h := holderOf(v)
	shown := &credentialsView{
		Page: web.Page{Title: "Security credentials", Nav: credentialsPath, Crumbs: web.Crumbs("Security credentials")},
	}
	if h.Root && !v.Query.Has("continue") {
		return v.Show("root-credentials-warning", shown)
	}

	var err error
	if shown.credentials, err = readCredentials(v, h); err != nil {
		return err
	}
	if !h.Root {
		if shown.User, err = readUser(v, ""); err != nil {
			return err
		}
	}
	if shown.Details, err = v.Account(); err != nil {
		return err
	}
	if shown.SignInURL, err = signInURL(v); err != nil {
		return err
	}
	shown.ARN = v.Principal.ARN()
	return v.Show("security-credentials", shown)
}

package web

import (
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

const (
	credentialsPath = "/console/security-credentials"
	userPath        = "/console/user"

	tabPermissions = "permissions"
	tabTags        = "tags"
	tabCredentials = "security-credentials"
)

// subject is whose credentials a page is about: the person signed in, or a user whom the address names.
type subject struct {
	UserName string // "" for the person signed in
	Root     bool
	Name     string // for people
}

// subject is the one that the address names.
func (v *visit) subject() subject {
	if name := v.query.Get("user"); name != "" {
		return subject{UserName: name, Name: name}
	}
	if v.caller.IsRoot() {
		return subject{Root: true, Name: "root user"}
	}
	return subject{Name: v.principal.Name}
}

// Own reports whether it is the person signed in.
func (s subject) Own() bool { return s.UserName == "" }

// Home is the page with the subject's credentials.
func (s subject) Home() string {
	switch {
	case !s.Own():
		return at(userPath, "name", s.UserName, "tab", tabCredentials)
	case s.Root:
		return at(credentialsPath, "continue", "yes")
	}
	return credentialsPath
}

// crumbs lead from the console to a page about the subject's credentials.
func (s subject) crumbs(title string) []crumb {
	if s.Own() {
		return []crumb{{"Security credentials", s.Home()}, {title, ""}}
	}
	return []crumb{{"Users", usersPath}, {s.UserName, s.Home()}, {title, ""}}
}

// nav is the entry of the navigation that pages about the subject belong to.
func (s subject) nav() string {
	if s.Own() {
		return credentialsPath
	}
	return usersPath
}

// credentials are the parts of a page that shows somebody's credentials. Each may be refused by itself.
type credentials struct {
	Subject  subject
	SignIn   signInPart
	Devices  devicesPart
	Keys     keysPart
	Sessions sessionsPart
}

// signInPart is the password.
type signInPart struct {
	section
	Profile *iamapi.LoginProfile // nil: console access is off
}

// devicesPart are the MFA devices.
type devicesPart struct {
	section
	List []touchstoneapi.MFADeviceDetail
}

// maxDevices is how many MFA devices a principal may have (IAM User Guide, "IAM and AWS STS quotas").
const maxDevices = 8

// Full reports whether no further device may be assigned.
func (p *devicesPart) Full() bool { return len(p.List) >= maxDevices }

// keysPart are the access keys.
type keysPart struct {
	section
	List []accessKey
}

// maxKeys is how many access keys a principal may have (same page).
const maxKeys = 2

// Full reports whether no further key may be created.
func (p *keysPart) Full() bool { return len(p.List) >= maxKeys }

// accessKey is a key with its last use; a nil Used could not be read.
type accessKey struct {
	iamapi.AccessKeyMetadata
	Used *iamapi.AccessKeyLastUsed
}

// Active reports whether requests may be signed with the key.
func (k *accessKey) Active() bool { return k.Status == iamapi.StatusTypeActive }

// sessionsPart are the sessions in the console.
type sessionsPart struct {
	section
	List []touchstoneapi.Session
}

// credentials reads what the person signed in may see of the subject's.
func (v *visit) credentials(s subject) (c credentials, err error) {
	c.Subject = s
	if !s.Root {
		if c.SignIn, err = v.signInPart(s); err != nil {
			return c, err
		}
	}
	if c.Devices, err = v.devicesPart(s); err != nil {
		return c, err
	}
	if c.Keys, err = v.keysPart(s); err != nil {
		return c, err
	}
	c.Sessions, err = v.sessionsPart(s)
	return c, err
}

func (v *visit) signInPart(s subject) (part signInPart, err error) {
	out, err := call(v, iamapi.GetLoginProfile, &iamapi.GetLoginProfileInput{UserName: s.UserName})
	if isCode(err, "NoSuchEntity") {
		return part, nil
	}
	if part.section, err = v.section(err); err == nil && part.Readable() {
		part.Profile = &out.LoginProfile
	}
	return part, err
}

func (v *visit) devicesPart(s subject) (part devicesPart, err error) {
	out, err := call(v, touchstoneapi.ListMFADeviceDetails,
		&touchstoneapi.ListMFADeviceDetailsInput{UserName: s.UserName})
	if part.section, err = v.section(err); err == nil && part.Readable() {
		part.List = out.MFADevices
	}
	return part, err
}

func (v *visit) keysPart(s subject) (part keysPart, err error) {
	out, err := call(v, iamapi.ListAccessKeys, &iamapi.ListAccessKeysInput{UserName: s.UserName})
	if part.section, err = v.section(err); err != nil || !part.Readable() {
		return part, err
	}
	for _, k := range out.AccessKeyMetadata {
		key := accessKey{AccessKeyMetadata: k}
		used, err := call(v, iamapi.GetAccessKeyLastUsed,
			&iamapi.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId})
		last, err := v.section(err)
		if err != nil {
			return part, err
		}
		if last.Readable() {
			key.Used = used.AccessKeyLastUsed
		}
		part.List = append(part.List, key)
	}
	return part, nil
}

func (v *visit) sessionsPart(s subject) (part sessionsPart, err error) {
	out, err := call(v, touchstoneapi.ListSessions, &touchstoneapi.ListSessionsInput{UserName: s.UserName})
	if part.section, err = v.section(err); err == nil && part.Readable() {
		part.List = out.Sessions
	}
	return part, err
}

// credentialsView is the page of one's own credentials.
type credentialsView struct {
	page
	credentials
	User      userPart
	Details   *touchstoneapi.DescribeAccountOutput
	SignInURL string
	ARN       string
}

// userPart is what GetUser tells.
type userPart struct {
	section
	Of *iamapi.User
}

func (v *visit) userPart(name string) (part userPart, err error) {
	out, err := call(v, iamapi.GetUser, &iamapi.GetUserInput{UserName: name})
	if part.section, err = v.section(err); err == nil && part.Readable() {
		part.Of = &out.User
	}
	return part, err
}

// securityCredentials shows one's own credentials. The root user is warned first (IAM User Guide, "Manage access keys for the
// root user").
func (v *visit) securityCredentials() error {
	s := v.subject()
	shown := &credentialsView{page: page{Title: "Security credentials", Nav: credentialsPath, Crumbs: []crumb{{"Security credentials", ""}}}}
	if s.Root && !v.query.Has("continue") {
		return v.show("root-credentials-warning", shown)
	}
	var err error
	if shown.credentials, err = v.credentials(s); err != nil {
		return err
	}
	if !s.Root {
		if shown.User, err = v.userPart(""); err != nil {
			return err
		}
	}
	shown.Details, err = call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
	if err != nil {
		return err
	}
	shown.ARN, shown.SignInURL = v.principal.ARN(), v.signInURL(shown.Details)
	return v.show("security-credentials", shown)
}

// signInURL is the address at which the account's users sign in.
func (v *visit) signInURL(account *touchstoneapi.DescribeAccountOutput) string {
	if account.Alias != "" {
		return v.URL + "/signin/" + account.Alias
	}
	return v.URL + "/signin/" + account.AccountId
}

package console

import (
	"slices"
	"strconv"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// The tabs of a user's page.
const (
	tabPermissions = "permissions"
	tabTags        = "tags"
	tabCredentials = "security-credentials"
)

// userView is the page of a user.
type userView struct {
	web.Page
	userPart
	Name      string
	Tab       string
	Policies  policiesPart
	Rest      credentials // what the summary and the tab with credentials need
	SignInURL string
}

// policiesPart are the inline policies.
type policiesPart struct {
	web.Section
	Names []string
	More  bool // there are more than are shown
}

// tab is a part of a user's page that has an address of its own.
type tab struct{ ID, Text string }

// Tabs returns the tabs of the page.
func (*userView) Tabs() []tab {
	return []tab{{tabPermissions, "Permissions"}, {tabTags, "Tags"}, {tabCredentials, "Security credentials"}}
}

// showUser shows one tab of a user's page. The summary above the tabs shows as much of the rest as the person may see.
func showUser(v *web.Visit) error {
	name := v.Query.Get("name")
	shown := &userView{
		Page: web.Page{Title: name, Nav: usersPath, Kind: "Users", Crumbs: web.Crumbs("Users", usersPath, name)},
		Name: name, Tab: v.Query.Get("tab"),
	}
	if !slices.ContainsFunc(shown.Tabs(), func(t tab) bool { return t.ID == shown.Tab }) {
		shown.Tab = tabPermissions
	}

	out, err := web.Call(v, iamapi.GetUser, &iamapi.GetUserInput{UserName: name})
	if web.IsCode(err, "NoSuchEntity") || name == "" {
		return web.Missing("There is no user with the name " + name + ". It may have been deleted.")
	}
	if shown.userPart.Section, err = v.Section(err); err != nil {
		return err
	}
	if shown.userPart.Readable() {
		shown.Of = &out.User
		shown.Name, shown.Title = out.User.UserName, out.User.UserName
	}

	if shown.Rest, err = readCredentials(v, holder{UserName: name, Name: shown.Name}); err != nil {
		return err
	}
	if shown.Tab == tabPermissions {
		if shown.Policies, err = readPolicies(v, name); err != nil {
			return err
		}
	}
	if shown.SignInURL, err = signInURL(v); err != nil {
		return err
	}
	return v.Show("user", shown)
}

// readPolicies lists the inline policies of a user.
func readPolicies(v *web.Visit, user string) (part policiesPart, err error) {
	out, err := web.Call(v, iamapi.ListUserPolicies, &iamapi.ListUserPoliciesInput{UserName: user, MaxItems: 1000})
	if part.Section, err = v.Section(err); err == nil && part.Readable() {
		part.Names, part.More = out.PolicyNames, out.IsTruncated
	}
	return part, err
}

// attachedPart are the managed policies that are attached to a user.
type attachedPart struct {
	web.Section
	List []iamapi.AttachedPolicy
}

// readAttached lists the managed policies that are attached to a user.
func readAttached(v *web.Visit, user string) (part attachedPart, err error) {
	in := &iamapi.ListAttachedUserPoliciesInput{UserName: user, MaxItems: 1000}
	out, err := web.Call(v, iamapi.ListAttachedUserPolicies, in)
	if part.Section, err = v.Section(err); err == nil && part.Readable() {
		part.List = out.AttachedPolicies
	}
	return part, err
}

// belongings are the things of a user that are deleted together with it.
type belongings struct {
	SignIn   signInPart
	Devices  devicesPart
	Keys     keysPart
	Policies policiesPart
	Attached attachedPart
}

// readBelongings reads what belongs to a user, as far as the person may see it.
func readBelongings(v *web.Visit, user string) (b belongings, err error) {
	h := holder{UserName: user, Name: user}
	if b.SignIn, err = readSignIn(v, h); err != nil {
		return b, err
	}
	if b.Devices, err = readDevices(v, h); err != nil {
		return b, err
	}
	if b.Keys, err = readKeys(v, h); err != nil {
		return b, err
	}
	if b.Policies, err = readPolicies(v, user); err != nil {
		return b, err
	}
	b.Attached, err = readAttached(v, user)
	return b, err
}

// list returns a line for each kind of thing that is deleted.
func (b *belongings) list() []web.Prose {
	password := web.Words("no console password")
	if !b.SignIn.Readable() {
		password = web.Words("its console password, if it has one, which you may not see")
	} else if b.SignIn.Profile != nil {
		password = web.Words("its console password; it is signed out everywhere")
	}

	devices := web.Words("its MFA devices, which you may not see")
	if b.Devices.Readable() {
		devices = web.Words(web.Plural(len(b.Devices.List), "MFA device"))
	}

	keys := web.Words("its access keys, which you may not see")
	if b.Keys.Readable() {
		keys = web.Words(web.Plural(len(b.Keys.List), "access key"))
		for _, key := range b.Keys.List {
			if key.Active() {
				keys = append(keys, web.Words(" %s", web.Warning("active: "+key.AccessKeyId))...)
			}
		}
	}

	policies := web.Words("its inline policies, which you may not see")
	if b.Policies.Readable() {
		policies = web.Words(strconv.Itoa(len(b.Policies.Names)) + " inline policies")
		if len(b.Policies.Names) == 1 {
			policies = web.Words("1 inline policy")
		}
	}

	attached := web.Words("its attached managed policies, which you may not see")
	if b.Attached.Readable() {
		switch n := len(b.Attached.List); n {
		case 0:
			attached = web.Words("no attached managed policies")
		case 1:
			attached = web.Words("1 attached managed policy, which is only detached")
		default:
			attached = web.Words(strconv.Itoa(n) + " attached managed policies, which are only detached")
		}
	}
	return []web.Prose{password, devices, keys, policies, attached}
}

// deleteUser asks before a user is deleted with all that belongs to it. When a step is refused, the steps after it are not taken:
// the page says so, and shows what is left.
func deleteUser(v *web.Visit) (*web.Confirmation, error) {
	name := v.Query.Get("name")
	has, err := readBelongings(v, name)
	if err != nil {
		return nil, err
	}

	return &web.Confirmation{
		Page: pageOfUser(name, "Delete user"), Heading: "Delete " + name + "?",
		Text: web.Words("The user is deleted for good, with all that belongs to it:"), Points: has.list(),
		Typed:  &web.Typed{Label: "To confirm, type the name of the user", Text: name, Wrong: "Type the name of the user to confirm."},
		Button: "Delete user", Danger: true, Cancel: web.Address(userPath, "name", name), Next: usersPath,
		Do: func() error {
			if err := deleteWith(v, name, &has); err != nil {
				return err
			}
			v.LeaveMessage("user-deleted", name)
			return nil
		},
	}, nil
}

// deleteWith deletes a user with what belongs to it, which the API wants deleted first. DeleteUser is called at the beginning as
// well, so that nothing is taken from a user whom the person may not delete. Parts that may not be listed are left alone, and the
// last DeleteUser answers that they are in the way.
func deleteWith(v *web.Visit, name string, has *belongings) error {
	if err := web.Do(v, iamapi.DeleteUser, &iamapi.DeleteUserInput{UserName: name}); !web.IsCode(err, "DeleteConflict") {
		return err
	}

	if has.SignIn.Profile != nil {
		if err := web.Do(v, iamapi.DeleteLoginProfile, &iamapi.DeleteLoginProfileInput{UserName: name}); err != nil {
			return err
		}
	}
	for _, key := range has.Keys.List {
		in := &iamapi.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId}
		if err := web.Do(v, iamapi.DeleteAccessKey, in); err != nil {
			return err
		}
	}
	for _, device := range has.Devices.List {
		in := &iamapi.DeactivateMFADeviceInput{UserName: name, SerialNumber: device.SerialNumber}
		if err := web.Do(v, iamapi.DeactivateMFADevice, in); err != nil {
			return err
		}
	}
	for _, policy := range has.Policies.Names {
		if err := web.Do(v, iamapi.DeleteUserPolicy, &iamapi.DeleteUserPolicyInput{UserName: name, PolicyName: policy}); err != nil {
			return err
		}
	}
	for _, policy := range has.Attached.List {
		in := &iamapi.DetachUserPolicyInput{UserName: name, PolicyArn: policy.PolicyArn}
		if err := web.Do(v, iamapi.DetachUserPolicy, in); err != nil {
			return err
		}
	}
	return web.Do(v, iamapi.DeleteUser, &iamapi.DeleteUserInput{UserName: name})
}

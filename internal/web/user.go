package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

// userView is the page of a user.
type userView struct {
	page
	userPart
	Name      string
	Tab       string
	Policies  policiesPart
	Rest      credentials // what the summary and the tab with credentials need
	SignInURL string
}

// policiesPart are the inline policies.
type policiesPart struct {
	section
	Names []string
	More  bool // there are more than are shown
}

// Tabs are the page's.
func (*userView) Tabs() []struct{ ID, Text string } {
	return []struct{ ID, Text string }{{tabPermissions, "Permissions"}, {tabTags, "Tags"}, {tabCredentials, "Security credentials"}}
}

// user shows a user, one tab at a time. The summary above the tabs shows of the rest what may be seen.
func (v *visit) user() error {
	name := v.query.Get("name")
	shown := &userView{
		page: page{Title: name, Nav: usersPath, Kind: "Users", Crumbs: []crumb{{"Users", usersPath}, {name, ""}}},
		Name: name, Tab: v.query.Get("tab"),
	}
	if !slices.ContainsFunc(shown.Tabs(), func(t struct{ ID, Text string }) bool { return t.ID == shown.Tab }) {
		shown.Tab = tabPermissions
	}
	out, err := call(v, iamapi.GetUser, &iamapi.GetUserInput{UserName: name})
	if isCode(err, "NoSuchEntity") || name == "" {
		return &awsquery.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: "There is no user with the name " + name + ". It may have been deleted."}
	}
	if shown.userPart.section, err = v.section(err); err != nil {
		return err
	}
	if shown.userPart.Readable() {
		shown.Of = &out.User
		shown.Name, shown.Title = out.User.UserName, out.User.UserName
	}
	if shown.Rest, err = v.credentials(subject{UserName: name, Name: shown.Name}); err != nil {
		return err
	}
	if shown.Tab == tabPermissions {
		if shown.Policies, err = v.policiesPart(name); err != nil {
			return err
		}
	}
	account, err := call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
	if err != nil {
		return err
	}
	shown.SignInURL = v.signInURL(account)
	return v.show("user", shown)
}

func (v *visit) policiesPart(user string) (part policiesPart, err error) {
	out, err := call(v, iamapi.ListUserPolicies, &iamapi.ListUserPoliciesInput{UserName: user, MaxItems: 1000})
	if part.section, err = v.section(err); err == nil && part.Readable() {
		part.Names, part.More = out.PolicyNames, out.IsTruncated
	}
	return part, err
}

// deleteUserView confirms the deletion of a user with all that goes with it.
type deleteUserView struct {
	page
	Form     form
	Name     string
	Rest     credentials
	Policies policiesPart
}

func (v *visit) deleteUserView(f form) (*deleteUserView, error) {
	name := v.query.Get("name")
	shown := &deleteUserView{
		page: page{Title: "Delete user", Nav: usersPath, Crumbs: []crumb{{"Users", usersPath}, {name, at(userPath, "name", name)}, {"Delete user", ""}}},
		Form: f, Name: name,
	}
	var err error
	if shown.Rest, err = v.credentials(subject{UserName: name, Name: name}); err != nil {
		return nil, err
	}
	shown.Policies, err = v.policiesPart(name)
	return shown, err
}

func (v *visit) confirmDeleteUser() error {
	shown, err := v.deleteUserView(form{Values: url.Values{}})
	if err != nil {
		return err
	}
	return v.show("delete-user", shown)
}

// deleteUser takes from the user all that it has, as the API demands, and then deletes it. A step that is refused ends it there:
// the page says so, and shows what is left.
func (v *visit) deleteUser() error {
	name := v.query.Get("name")
	f := form{Values: v.form}
	if f.Value("Confirm") != name {
		f.wrong("Confirm", "Type the name of the user to confirm.")
	} else if err := v.strip(name); err != nil {
		if err := f.refused(v, err, nil); err != nil {
			return err
		}
	} else {
		v.say("user-deleted", name)
		v.to(usersPath)
		return nil
	}
	shown, err := v.deleteUserView(f)
	if err != nil {
		return err
	}
	return v.show("delete-user", shown)
}

// strip deletes a user with what belongs to it. DeleteUser comes first too, so that nothing is taken from a user whom the person
// may not delete. Parts that may not be listed are left: DeleteUser tells of them.
func (v *visit) strip(name string) error {
	if err := do(v, iamapi.DeleteUser, &iamapi.DeleteUserInput{UserName: name}); !isCode(err, "DeleteConflict") {
		return err
	}
	shown, err := v.deleteUserView(form{})
	if err != nil {
		return err
	}
	if shown.Rest.SignIn.Profile != nil {
		if err := do(v, iamapi.DeleteLoginProfile, &iamapi.DeleteLoginProfileInput{UserName: name}); err != nil {
			return err
		}
	}
	for _, key := range shown.Rest.Keys.List {
		if err := do(v, iamapi.DeleteAccessKey, &iamapi.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKeyId}); err != nil {
			return err
		}
	}
	for _, device := range shown.Rest.Devices.List {
		if err := do(v, iamapi.DeactivateMFADevice, &iamapi.DeactivateMFADeviceInput{UserName: name, SerialNumber: device.SerialNumber}); err != nil {
			return err
		}
	}
	for _, policy := range shown.Policies.Names {
		if err := do(v, iamapi.DeleteUserPolicy, &iamapi.DeleteUserPolicyInput{UserName: name, PolicyName: policy}); err != nil {
			return err
		}
	}
	return do(v, iamapi.DeleteUser, &iamapi.DeleteUserInput{UserName: name})
}

// accessView is the page on a user's console access.
type accessView struct {
	page
	Form      form
	Subject   subject
	SignIn    signInPart
	Password  string // shown in this answer alone
	Done      bool
	SignInURL string
}

// Created is whose credentials the page shows.
func (a *accessView) Created() string { return a.Subject.Name }

func (v *visit) accessView(f form) (*accessView, error) {
	s := v.subject()
	shown := &accessView{
		page: page{Title: "Manage console access", Nav: usersPath, Crumbs: s.crumbs("Manage console access")}, Form: f, Subject: s,
	}
	if s.Own() {
		return nil, &awsquery.Error{Code: "ValidationError", Status: http.StatusBadRequest, Message: "Console access is managed on the page of a user."}
	}
	account, err := call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
	if err != nil {
		return nil, err
	}
	shown.SignInURL = v.signInURL(account)
	shown.SignIn, err = v.signInPart(s)
	return shown, err
}

func (v *visit) editConsoleAccess() error {
	shown, err := v.accessView(form{Values: url.Values{"Action": {"password"}, "Password": {"generated"}, "Reset": {"yes"}}})
	if err != nil {
		return err
	}
	shown.Done = v.query.Has("shown")
	return v.show("console-access", shown)
}

// saveConsoleAccess enables, resets or disables a user's console access.
func (v *visit) saveConsoleAccess() error {
	f := form{Values: v.form}
	shown, err := v.accessView(f)
	if err != nil {
		return err
	}
	name := shown.Subject.UserName
	switch {
	case f.Checked("Action", "disable"):
		err = do(v, iamapi.DeleteLoginProfile, &iamapi.DeleteLoginProfileInput{UserName: name})
		if err == nil {
			v.say("console-disabled", name)
		}
	case f.Checked("Action", "reset"):
		required, said := f.Checked("Reset", "yes"), "reset-not-required"
		if required {
			said = "reset-required"
		}
		err = do(v, iamapi.UpdateLoginProfile, &iamapi.UpdateLoginProfileInput{UserName: name, PasswordResetRequired: &required})
		if err == nil {
			v.say(said, name)
		}
	default:
		return v.saveNewPassword(shown)
	}
	if err == nil {
		v.to(shown.Subject.Home())
		return nil
	}
	if err := shown.Form.refused(v, err, nil); err != nil {
		return err
	}
	return v.show("console-access", shown)
}

// saveNewPassword gives a user a password, the first or another.
func (v *visit) saveNewPassword(shown *accessView) error {
	f := &shown.Form
	password, reset, name := secret.GeneratePassword(), f.Checked("Reset", "yes"), shown.Subject.UserName
	if f.Checked("Password", "custom") {
		password = f.Values.Get("NewPassword")
		twice(f)
	}
	if len(f.Problems) == 0 {
		var err error
		if shown.SignIn.Profile == nil {
			_, err = call(v, iamapi.CreateLoginProfile, &iamapi.CreateLoginProfileInput{
				UserName: name, Password: awsquery.Secret(password), PasswordResetRequired: reset,
			})
		} else {
			err = do(v, iamapi.UpdateLoginProfile, &iamapi.UpdateLoginProfileInput{
				UserName: name, Password: awsquery.Secret(password), PasswordResetRequired: &reset,
			})
		}
		if err == nil {
			shown.Done, shown.Password = true, password
			return v.show("console-access", shown)
		}
		if err := f.refused(v, err, map[string]string{"PasswordPolicyViolation": "NewPassword"}); err != nil {
			return err
		}
	}
	return v.show("console-access", shown)
}

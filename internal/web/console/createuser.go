package console

import (
	"net/url"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/web"
)

// newUserView is the form for a new user.
type newUserView struct {
	web.Page
	Form  web.Form
	Tags  []tagRow
	Limit int // of tags
}

// createdUserView shows the user who was made. Without Created, the page was shown before and its password is gone.
type createdUserView struct {
	web.Page
	Created     string // the new user
	Password    string // shown in this answer alone
	SignInURL   string
	web.Section // says why there is no password
}

// tagRow is a line of the form for tags.
type tagRow struct {
	Number     int
	Key, Value string
}

// newUserPage returns what the form and the page after it have in common.
func newUserPage() web.Page {
	return web.Page{Title: "Create user", Nav: usersPath, Crumbs: web.Crumbs("Users", usersPath, "Create user")}
}

func newUser(v *web.Visit) error {
	if v.Query.Has("shown") {
		return v.Show("user-created", &createdUserView{Page: newUserPage()})
	}
	return showNewUser(v, web.Form{Values: url.Values{"Password": {"generated"}, "Reset": {"yes"}}})
}

func showNewUser(v *web.Visit, f web.Form) error {
	most, err := accountLimits(v)
	if err != nil {
		return err
	}
	return v.Show("create-user", &newUserView{Page: newUserPage(), Form: f, Tags: typedTags(&f, most.Tags), Limit: most.Tags})
}

// typedTags returns the lines of the form for tags. It adds an empty line when one was asked for and there is room for it. Tags
// beyond the most that a user may have are returned as well, so that the operation refuses them instead of their being left out
// silently.
func typedTags(f *web.Form, most int) []tagRow {
	var rows []tagRow
	values := f.Values["TagValue"]
	for n, key := range f.Values["TagKey"] {
		if n >= len(values) {
			break
		}
		if key != "" || values[n] != "" {
			rows = append(rows, tagRow{len(rows) + 1, key, values[n]})
		}
	}
	if f.Values.Has("AddTag") && len(rows) < most {
		rows = append(rows, tagRow{Number: len(rows) + 1})
	}
	return rows
}

// createUser makes a user and, if that was asked for, a password, which it shows in this answer alone.
func createUser(v *web.Visit) error {
	f := web.Form{Values: v.Form}
	if f.Values.Has("AddTag") {
		return showNewUser(v, f)
	}

	access, custom := f.Checked("Access", "yes"), f.Checked("Password", "custom")
	f.Require("UserName", "Enter a user name.")
	if access && custom {
		f.RequireNewPassword()
		// A password that breaks a rule is refused before anything is made.
		err := secret.CheckUserPassword(f.Values.Get("NewPassword"), "", "")
		if err != nil && f.Problem("NewPassword")+f.Problem("Again") == "" {
			f.Wrong("NewPassword", "%s", err.Error())
		}
	}
	if len(f.Problems) > 0 {
		return showNewUser(v, f)
	}

	most, err := accountLimits(v)
	if err != nil {
		return err
	}
	in := &iamapi.CreateUserInput{UserName: strings.TrimSpace(f.Value("UserName"))}
	for _, row := range typedTags(&f, most.Tags) {
		in.Tags = append(in.Tags, iamapi.Tag{Key: row.Key, Value: row.Value})
	}
	if _, err := web.Call(v, iamapi.CreateUser, in); err != nil {
		if web.IsCode(err, "ValidationError") && len(in.Tags) == 0 {
			f.Wrong("UserName", "Use 1 to 64 letters, digits and the characters + = , . @ - _")
		} else if err := f.Refused(v, err, map[string]string{"EntityAlreadyExists": "UserName"}); err != nil {
			return err
		}
		return showNewUser(v, f)
	}

	if !access {
		v.LeaveMessage("user-created", in.UserName)
		v.Redirect(web.Address(userPath, "name", in.UserName))
		return nil
	}
	return givePassword(v, &f, in.UserName, custom)
}

// givePassword gives a password to a user who was just made. If the password breaks a rule that only the operation knows, the user
// is deleted again, so that the form can be sent once more. If the password is refused for another reason, the user stays, and the
// page says so.
func givePassword(v *web.Visit, f *web.Form, name string, custom bool) error {
	shown := &createdUserView{Page: newUserPage(), Created: name}
	var err error
	if shown.SignInURL, err = signInURL(v); err != nil {
		return err
	}

	password := f.Values.Get("NewPassword")
	if !custom {
		password = secret.GeneratePassword()
	}
	_, err = web.Call(v, iamapi.CreateLoginProfile, &iamapi.CreateLoginProfileInput{
		UserName: name, Password: awsquery.Secret(password), PasswordResetRequired: f.Checked("Reset", "yes"),
	})
	if err == nil {
		shown.Password = password
		return v.Show("user-created", shown)
	}

	if shown.Section, err = v.Section(err); err != nil {
		return err
	}
	if custom && shown.Denied == nil && web.Do(v, iamapi.DeleteUser, &iamapi.DeleteUserInput{UserName: name}) == nil {
		f.Wrong("NewPassword", "%s", shown.Problem)
		return showNewUser(v, *f)
	}
	return v.Show("user-created", shown)
}

package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
)

const usersPath = "/console/users"

// usersView is the list of users.
type usersView struct {
	page
	section
	Users      []touchstoneapi.UserDetail
	Total      int
	Search     string
	Sort       string
	Descending bool
	Size       int
	Next       string // address of the page after this one; "" when this is the last
	First      string // address of the first page; "" when this is it
}

// pageSizes are those that can be chosen; the first is the default.
var pageSizes = []int{100, 20, 50, 500}

// PageSizes are those that can be chosen, in order.
func (u *usersView) PageSizes() []int { return slices.Sorted(slices.Values(pageSizes)) }

// address is the list's address with the same search, in an order, from a marker on.
func (u *usersView) address(sort string, descending bool, marker string) string {
	order, size := "", ""
	if descending {
		order = "descending"
	}
	if u.Size != pageSizes[0] {
		size = strconv.Itoa(u.Size)
	}
	return at(usersPath, "search", u.Search, "sort", sort, "order", order, "size", size, "from", marker)
}

// SortAddress is the list's address sorted by a column, the other way round when it is already.
func (u *usersView) SortAddress(column string) string {
	return u.address(column, u.Sort == column && !u.Descending, "")
}

// AriaSort is a column's state in the words of WAI-ARIA.
func (u *usersView) AriaSort(column string) string {
	switch {
	case u.Sort != column:
		return "none"
	case u.Descending:
		return "descending"
	}
	return "ascending"
}

// users lists the account's users.
func (v *visit) users() error {
	shown := &usersView{
		page:   page{Title: "Users", Nav: usersPath, Crumbs: []crumb{{"Users", ""}}},
		Search: strings.TrimSpace(v.query.Get("search")), Sort: v.query.Get("sort"), Descending: v.query.Get("order") == "descending",
		Size: pageSizes[0],
	}
	if shown.Sort == "" {
		shown.Sort = string(touchstoneapi.UserSortTypeUserName)
	}
	if size, err := strconv.Atoi(v.query.Get("size")); err == nil && slices.Contains(pageSizes, size) {
		shown.Size = size
	}
	in := &touchstoneapi.DescribeUsersInput{
		NameContains: shown.Search, SortBy: touchstoneapi.UserSortType(shown.Sort), MaxItems: shown.Size, Marker: v.query.Get("from"),
	}
	if shown.Descending {
		in.SortOrder = touchstoneapi.SortOrderTypeDescending
	}
	out, err := call(v, touchstoneapi.DescribeUsers, in)
	if shown.section, err = v.section(err); err != nil {
		return err
	}
	if !shown.Readable() {
		return v.show("users", shown)
	}
	shown.Users, shown.Total = out.Users, out.TotalCount
	if out.IsTruncated {
		shown.Next = shown.address(shown.Sort, shown.Descending, out.Marker)
	}
	if in.Marker != "" {
		shown.First = shown.address(shown.Sort, shown.Descending, "")
	}
	return v.show("users", shown)
}

// newUserView is the form for a new user, and then what was made.
type newUserView struct {
	page
	Form      form
	Tags      []tagRow
	Created   string // the new user
	Password  string // shown in this answer alone
	SignInURL string
	Failed    string // what could not be done after the user was made
	Denied    *denial
}

// tagRow is a line of the form for tags.
type tagRow struct {
	Number     int
	Key, Value string
}

const maxTags = 50

func (v *visit) newUser() error {
	if v.query.Has("shown") {
		return v.show("user-created", v.newUserView(form{}))
	}
	return v.showNewUser(form{Values: url.Values{"Password": {"generated"}, "Reset": {"yes"}}})
}

func (v *visit) newUserView(f form) *newUserView {
	return &newUserView{
		page: page{Title: "Create user", Nav: usersPath, Crumbs: []crumb{{"Users", usersPath}, {"Create user", ""}}}, Form: f,
	}
}

func (v *visit) showNewUser(f form) error {
	shown := v.newUserView(f)
	shown.Tags = typedTags(&f)
	return v.show("create-user", shown)
}

// typedTags are the lines of the form for tags, with an empty one when another was asked for.
func typedTags(f *form) []tagRow {
	var rows []tagRow
	values := f.Values["TagValue"]
	for n, key := range f.Values["TagKey"] {
		if n >= maxTags || n >= len(values) {
			break
		}
		if key != "" || values[n] != "" {
			rows = append(rows, tagRow{len(rows) + 1, key, values[n]})
		}
	}
	if f.Values.Has("AddTag") {
		rows = append(rows, tagRow{Number: len(rows) + 1})
	}
	return rows
}

// createUser makes a user and, if that was asked for, a password, which it shows in this answer alone.
func (v *visit) createUser() error {
	f := form{Values: v.form}
	if f.Values.Has("AddTag") {
		return v.showNewUser(f)
	}
	access, custom := f.Checked("Access", "yes"), f.Checked("Password", "custom")
	required(&f, "UserName", "Enter a user name.")
	if access && custom {
		twice(&f)
		if err := secret.CheckUserPassword(f.Values.Get("NewPassword"), "", ""); err != nil && f.Problem("NewPassword")+f.Problem("Again") == "" {
			f.wrong("NewPassword", "%s", err.Error()) // before anything is made
		}
	}
	in := &iamapi.CreateUserInput{UserName: strings.TrimSpace(f.Value("UserName"))}
	for _, row := range typedTags(&f) {
		in.Tags = append(in.Tags, iamapi.Tag{Key: row.Key, Value: row.Value})
	}
	if len(f.Problems) > 0 {
		return v.showNewUser(f)
	}
	if _, err := call(v, iamapi.CreateUser, in); err != nil {
		if isCode(err, "ValidationError") && len(in.Tags) == 0 {
			f.wrong("UserName", "Use 1 to 64 letters, digits and the characters + = , . @ - _")
		} else if err := f.refused(v, err, map[string]string{"EntityAlreadyExists": "UserName"}); err != nil {
			return err
		}
		return v.showNewUser(f)
	}
	if !access {
		v.say("user-created", in.UserName)
		v.to(at(userPath, "name", in.UserName))
		return nil
	}
	return v.givePassword(&f, in.UserName, custom)
}

// givePassword gives a user who was just made a password. One that breaks a rule which only the operation knows undoes the
// user, so that the form can be sent again; when it is refused for another reason the user is there all the same, and the page
// says so.
func (v *visit) givePassword(f *form, name string, custom bool) error {
	shown := v.newUserView(*f)
	shown.Created = name
	account, err := call(v, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
	if err != nil {
		return err
	}
	shown.SignInURL = v.signInURL(account)
	password := f.Values.Get("NewPassword")
	if !custom {
		password = secret.GeneratePassword()
	}
	_, err = call(v, iamapi.CreateLoginProfile, &iamapi.CreateLoginProfileInput{
		UserName: name, Password: awsquery.Secret(password), PasswordResetRequired: f.Checked("Reset", "yes"),
	})
	if err == nil {
		shown.Password = password
		return v.show("user-created", shown)
	}
	part, err := v.section(err)
	if err != nil {
		return err
	}
	if custom && part.Denied == nil && do(v, iamapi.DeleteUser, &iamapi.DeleteUserInput{UserName: name}) == nil {
		f.wrong("NewPassword", "%s", part.Problem)
		return v.showNewUser(*f)
	}
	shown.Failed, shown.Denied = part.Problem, part.Denied
	return v.show("user-created", shown)
}

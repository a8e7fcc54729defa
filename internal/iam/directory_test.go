package iam_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// directoryOperations are the operations of this file that are asked of the policies.
func directoryOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Own(touchstoneapi.ListMFADeviceDetails, "iam:ListMFADevices", u.ARN(), u.Named(), "ListMFADevices",
			touchstoneapi.ListMFADeviceDetailsInput{UserName: u.Name}, "NoSuchEntity"),
		touchtest.Own(touchstoneapi.DescribeUsers, "iam:ListUsers", "arn:aws:iam::"+u.AccountID+":user/", "", "DescribeUsers",
			touchstoneapi.DescribeUsersInput{}),
	}
}

func describeUsers(c *touchtest.Console, in touchstoneapi.DescribeUsersInput) (*touchstoneapi.DescribeUsersOutput, error) {
	return touchtest.Call(c, touchstoneapi.DescribeUsers, &in)
}

// A column is there where the operation that it belongs to would be allowed on that user.
func TestDescribeUsersColumns(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	root := a.SetUpRoot()
	a.NewTarget(t, root, "bob") // bob: a key, a device, no password
	u := a.NewUser("alice", "")
	_, err := c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: &u.Name})
	must(t, err)
	_, err = c.UpdateAccessKey(ctx,
		&awsiam.UpdateAccessKeyInput{UserName: &u.Name, AccessKeyId: &u.Key.AccessKeyID, Status: "Inactive"})
	must(t, err)
	console := a.SignIn(u, nil)
	show := func(n *int) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}

	rows := func(c *touchtest.Console) string {
		t.Helper()
		out, err := describeUsers(c, touchstoneapi.DescribeUsersInput{})
		must(t, err)
		if out.TotalCount != 2 || out.IsTruncated || out.Marker != "" {
			t.Errorf("described %+v", out)
		}

		var lines []string
		for _, u := range out.Users {
			password := "-"
			if u.HasPassword != nil {
				password = fmt.Sprint(*u.HasPassword)
			}
			lines = append(lines, fmt.Sprintf("%s%s devices %s, keys %s, active %s, password %s",
				u.Path, u.UserName, show(u.MFADevices), show(u.AccessKeys), show(u.ActiveAccessKeys), password))
			if u.Arn != userARN(a, u.Path+u.UserName) || !strings.HasPrefix(u.UserId, "AIDA") || u.CreateDate.IsZero() ||
				(u.PasswordLastUsed != nil) != (u.UserName == "alice") {
				t.Errorf("described %+v", u)
			}
		}
		return strings.Join(lines, "\n")
	}

	const everything = "/alice devices 0, keys 2, active 1, password true\n/x/bob devices 1, keys 1, active 1, password false"
	for _, test := range []struct{ policy, want string }{
		{allow("iam:ListUsers"), "/alice devices -, keys -, active -, password -\n/x/bob devices -, keys -, active -, password -"},
		{
			allow("iam:ListUsers", "iam:ListMFADevices"),
			"/alice devices 0, keys -, active -, password -\n/x/bob devices 1, keys -, active -, password -",
		},
		{
			allow("iam:ListUsers", "iam:ListAccessKeys"),
			"/alice devices -, keys 2, active 1, password -\n/x/bob devices -, keys 1, active 1, password -",
		},
		{
			allow("iam:ListUsers", "iam:GetLoginProfile"),
			"/alice devices -, keys -, active -, password true\n/x/bob devices -, keys -, active -, password false",
		},
		{touchtest.AdminPolicy, everything},
		{
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"},{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}]}`,
			"/alice devices 0, keys 2, active 1, password true\n/x/bob devices -, keys -, active -, password -",
		},
		{
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","NotAction":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}]}`,
			"/alice devices 0, keys 2, active 1, password true\n/x/bob devices -, keys -, active -, password -",
		},
	} {
		a.PutPolicy("alice", test.policy)
		if got := rows(console); got != test.want {
			t.Errorf("with %s\n%s\nwant\n%s", test.policy, got, test.want)
		}
	}

	if got := rows(root); got != everything {
		t.Errorf("root sees\n%s", got)
	}
	if record := a.LastRecord("DescribeUsers"); record.EventSource != "iam.amazonaws.com" || !record.ReadOnly ||
		record.ResponseElements != nil {
		t.Errorf("the event is %+v", record)
	}
	if n := len(a.Records("ListMFADevices")) + len(a.Records("ListAccessKeys")) + len(a.Records("GetLoginProfile")); n != 0 {
		t.Errorf("%d events beside the page's one", n)
	}
}

// Searched, sorted and paged, in every combination.
func TestDescribeUsersPages(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	root := a.SetUpRoot()
	for n := range 40 { // several users of one moment, one path, and many that never used a password
		fill(t, a, [2]string{fmt.Sprintf("%s%02d", []string{"Ann", "bob", "50%_", "bobby"}[n%4], n), []string{"/", "/b/", "/a/"}[n%3]})
		if n%5 == 0 {
			a.Server.Clock.Advance(time.Second)
		}
		if n%4 == 0 {
			must(t, a.Server.State.Store.Update(ctx, store.Raise(a.ID), func(tx *store.Tx) error {
				i, err := tx.PrincipalByName(a.ID, store.User, fmt.Sprintf("Ann%02d", n))
				if err != nil {
					return err
				}
				return tx.TouchPasswordUse(a.ID, i.ID, a.Server.Clock.Now().Add(time.Duration(n%8)*time.Hour))
			}))
		}
	}
	less := map[touchstoneapi.UserSortType]func(x, y touchstoneapi.UserDetail) int{
		"": nil, "UserName": nil,
		"Path":       func(x, y touchstoneapi.UserDetail) int { return strings.Compare(x.Path, y.Path) },
		"CreateDate": func(x, y touchstoneapi.UserDetail) int { return x.CreateDate.Compare(y.CreateDate) },
		"PasswordLastUsed": func(x, y touchstoneapi.UserDetail) int {
			return aws.ToTime(x.PasswordLastUsed).Compare(aws.ToTime(y.PasswordLastUsed))
		},
	}
	all := func(in touchstoneapi.DescribeUsersInput) (users []touchstoneapi.UserDetail) {
		t.Helper()
		for {
			out, err := describeUsers(root, in)
			must(t, err)
			users = append(users, out.Users...)
			if !out.IsTruncated {
				if out.TotalCount != len(users) {
					t.Errorf("%+v: %d users, and the count is %d", in, len(users), out.TotalCount)
				}
				return users
			}
			in.Marker = out.Marker
		}
	}
	for sort, compare := range less {
		for _, order := range []touchstoneapi.SortOrderType{"", "Ascending", "Descending"} {
			for _, filter := range []touchstoneapi.DescribeUsersInput{
				{},
				{NameContains: "BOB"},
				{NameContains: "0%_"},
				{PathPrefix: "/a/"},
				{PathPrefix: "/b/", NameContains: "ann"},
				{NameContains: "zz"},
			} {
				filter.SortBy, filter.SortOrder = sort, order
				whole := all(filter)
				if !slices.IsSortedFunc(whole, func(x, y touchstoneapi.UserDetail) int {
					n := 0
					if compare != nil {
						n = compare(x, y)
					}
					if n == 0 {
						n = strings.Compare(store.Fold(x.UserName), store.Fold(y.UserName))
					}
					if order == "Descending" {
						n = -n
					}
					return n
				}) {
					t.Errorf("%+v is not in its order", filter)
				}
				for _, u := range whole {
					if !strings.Contains(store.Fold(u.UserName), store.Fold(filter.NameContains)) ||
						!strings.HasPrefix(u.Path, filter.PathPrefix) {
						t.Errorf("%+v found %+v", filter, u)
					}
				}
				filter.MaxItems = 3
				if paged := all(filter); text(paged) != text(whole) {
					t.Errorf("%+v: in pages other than at once", filter)
				}
			}
		}
	}
	if n := len(all(touchstoneapi.DescribeUsersInput{})); n != 40 {
		t.Errorf("%d users", n)
	}
	if n := len(all(touchstoneapi.DescribeUsersInput{NameContains: "bob"})); n != 20 {
		t.Errorf("%d users called bob", n)
	}

	// A marker is of one order.
	out, err := describeUsers(root, touchstoneapi.DescribeUsersInput{MaxItems: 1})
	must(t, err)
	for name, in := range map[string]touchstoneapi.DescribeUsersInput{
		"another order":  {SortBy: "Path", Marker: out.Marker},
		"the other way":  {SortOrder: "Descending", Marker: out.Marker},
		"none":           {Marker: "x"},
		"a made-up one":  {Marker: "eyJvIjoiRGVzY3JpYmVVc2VycyBuYW1lX2tleWZhbHNlIiwibCI6IngifQ"},
		"one of a place": {Marker: "eyJvIjoiRGVzY3JpYmVVc2VycyBuYW1lX2tleWZhbHNlIiwibCI6ImFcdTAwMDBiXHUwMDAwY1x1MDAwMGQifQ"},
	} {
		_, err := describeUsers(root, in)
		want(t, "marker of "+name, err, "400 ValidationError: Invalid Marker.")
	}
	_, err = describeUsers(root,
		touchstoneapi.DescribeUsersInput{
			SortBy: "Age", SortOrder: "Up", MaxItems: 1001, NameContains: strings.Repeat("n", 129),
			PathPrefix: "a",
		})
	if got := touchtest.Told(err); !strings.HasPrefix(got, "400 ValidationError: 5 validation errors detected: ") {
		t.Errorf("everything at once: %s", got)
	}
}

// Everybody who is signed in may know the account; root's address is root's, and the state of its credentials for who may read
// the account's summary.
func TestDescribeAccount(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	_, err := c.CreateAccountAlias(ctx, &awsiam.CreateAccountAliasInput{AccountAlias: aws.String("acme")})
	must(t, err)
	root := a.SetUpRoot()
	describe := func(c *touchtest.Console) *touchstoneapi.DescribeAccountOutput {
		t.Helper()
		out, err := touchtest.Call(c, touchstoneapi.DescribeAccount, &touchstoneapi.DescribeAccountInput{})
		must(t, err)
		if out.AccountId != a.ID || out.Alias != "acme" {
			t.Errorf("described %+v", out)
		}
		return out
	}

	if out := describe(a.SignIn(a.NewUser("alice", ""), nil)); out.RootEmail != "" || out.RootMFADevices != nil ||
		out.RootAccessKeys != nil {
		t.Errorf("a user without permissions is told %+v", out)
	}

	reader := a.SignIn(a.NewUser("reader", allow("iam:GetAccountSummary")), nil)
	if out := describe(reader); out.RootEmail != "" || out.RootMFADevices == nil || *out.RootMFADevices != 0 ||
		*out.RootAccessKeys != 1 {
		t.Errorf("who may read the summary is told %+v", out)
	}

	root.MustEnrol("", "key", newKey())
	if out := describe(root); out.RootEmail != a.Email || *out.RootMFADevices != 1 || *out.RootAccessKeys != 1 {
		t.Errorf("root is told %+v", out)
	}
	if got := a.Records("DescribeAccount"); len(got) != 0 {
		t.Errorf("recorded %+v", got)
	}
}

func TestListMFADeviceDetails(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", allow("iam:ListMFADevices", "iam:EnableMFADevice"))
	list := func(console *touchtest.Console) []touchstoneapi.MFADeviceDetail {
		t.Helper()
		out, err := touchtest.Call(console, touchstoneapi.ListMFADeviceDetails,
			&touchstoneapi.ListMFADeviceDetailsInput{})
		must(t, err)
		return out.MFADevices
	}

	console := a.SignIn(u, nil)
	if got := list(console); got == nil || len(got) != 0 {
		t.Errorf("at first %v", got)
	}

	key := newKey()
	serial := console.MustEnrol("", "key", key)
	if d := list(console)[0]; d.SerialNumber != serial || d.UserName != "alice" || d.DeviceName != "key" || d.Kind != "Security key" ||
		d.Model != "Security key" || d.EnableDate.IsZero() || d.LastUsedDate != nil || d.Marked {
		t.Errorf("a new device is %+v", d)
	}

	console = a.SignIn(u, key)
	if d := list(console)[0]; d.LastUsedDate == nil || d.Marked {
		t.Errorf("a used device is %+v", d)
	}
	if record := a.LastRecord("ListMFADevices"); record.EventSource != "iam.amazonaws.com" || !record.ReadOnly {
		t.Errorf("the event is %+v", record)
	}

	// Its counter goes back: somebody may have a copy.
	key.Counter = 0
	p, err := a.Server.SignIn.User(ctx, touchtest.Visitor, a.ID, "alice", u.Password, "")
	must(t, err)
	challenge, err := a.Server.SignIn.BeginMFA(ctx, p.Token)
	must(t, err)
	answer, err := key.Get(a.Server.URL, challenge.Options)
	must(t, err)
	if _, err := a.Server.SignIn.FinishMFA(ctx, touchtest.Visitor, p.Token, challenge.Ceremony, answer); err == nil {
		t.Error("signed in with a counter that went back")
	}
	if d := list(console)[0]; !d.Marked {
		t.Errorf("afterwards it is %+v", d)
	}
	if got := serials(t, c, "alice"); len(got) != 1 || got[0] != serial {
		t.Errorf("the API lists %v", got)
	}
}

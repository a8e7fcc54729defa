package iam_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// userOperations are the operations of this file that are asked of the policies.
func userOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Of(iamapi.GetUser, u.ARN(), u.Named(), iamapi.GetUserInput{UserName: u.Name}),
		touchtest.Of(iamapi.CreateUser, "arn:aws:iam::"+u.AccountID+":user/new/made", "",
			iamapi.CreateUserInput{UserName: "made", Path: "/new/"}),
		touchtest.Of(iamapi.UpdateUser, u.ARN(), u.Named(), iamapi.UpdateUserInput{UserName: u.Name}),
		touchtest.Of(iamapi.ListUsers, "arn:aws:iam::"+u.AccountID+":user/", "", iamapi.ListUsersInput{}),
		touchtest.Of(iamapi.DeleteUser, u.ARN(), u.Named(), iamapi.DeleteUserInput{UserName: u.Name}),
	}
}

// userErrors are the errors that the model declares for them.
var userErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		"CreateUser LimitExceeded": func(s *touchtest.Stage) error {
			quota(s.T, s.Account, "UsersPerAccount", 1)
			return second(s.Root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("bob")}))
		},
		"CreateUser EntityAlreadyExists": func(s *touchtest.Stage) error {
			return second(s.Root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("ALICE")}))
		},
		"CreateUser InvalidInput": func(s *touchtest.Stage) error {
			return second(s.Root.CreateUser(ctx,
				&awsiam.CreateUserInput{UserName: aws.String("bob"), Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}}))
		},
		"CreateUser NoSuchEntity": func(s *touchtest.Stage) error {
			return second(s.Root.CreateUser(ctx, &awsiam.CreateUserInput{
				UserName: aws.String("bob"), PermissionsBoundary: aws.String(policyOf(s.ID, "/nothing")),
			}))
		},
		"UpdateUser EntityAlreadyExists": func(s *touchtest.Stage) error {
			createUser(s.T, s.Root, "bob", "/")
			return second(s.Root.UpdateUser(ctx, &awsiam.UpdateUserInput{UserName: aws.String("bob"), NewUserName: aws.String("alice")}))
		},
		"DeleteUser DeleteConflict": func(s *touchtest.Stage) error {
			return second(s.Root.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: aws.String("alice")}))
		},
	},
	Unreachable: map[string]string{
		"UpdateUser LimitExceeded":                 "makes nothing that is counted",
		"UpdateUser EntityTemporarilyUnmodifiable": "a user made anew under an old name can be changed at once",
		"DeleteUser LimitExceeded":                 "makes nothing that is counted",
	},
}

func TestCreateUser(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	out, err := c.CreateUser(ctx, &awsiam.CreateUserInput{
		UserName: aws.String("Alice"), Path: aws.String("/staff/"),
		Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("red")}, {Key: aws.String("empty"), Value: aws.String("")}},
	})
	must(t, err)
	u := out.User
	if *u.UserName != "Alice" || *u.Path != "/staff/" || *u.Arn != userARN(a, "/staff/Alice") || u.CreateDate == nil ||
		u.PasswordLastUsed != nil {
		t.Errorf("created %+v", u)
	}
	if !regexp.MustCompile(`^AIDA[A-Z2-7]{17}$`).MatchString(*u.UserId) {
		t.Errorf("user id %s", *u.UserId)
	}
	if len(u.Tags) != 2 || *u.Tags[0].Key != "team" || *u.Tags[0].Value != "red" || *u.Tags[1].Value != "" {
		t.Errorf("tags %v", u.Tags)
	}
	record := a.LastRecord("CreateUser")
	if got, expected := text(record.RequestParameters),
		`{"path":"/staff/","tags":[{"key":"team","value":"red"},{"key":"empty"}],"userName":"Alice"}`; got != expected {
		t.Errorf("requestParameters %s\nwant %s", got, expected)
	}
	created := u.CreateDate.UTC().Format("Jan 2, 2006 3:04:05 PM")
	expected := fmt.Sprintf(`{"user":{"arn":%q,"createDate":%q,"path":"/staff/","tags":[{"key":"team","value":"red"},{"key":"empty"}],"userId":%q,"userName":"Alice"}}`,
		*u.Arn, created, *u.UserId)
	if got := text(record.ResponseElements); got != expected {
		t.Errorf("responseElements %s\nwant %s", got, expected)
	}

	get, err := c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String("alice")})
	must(t, err)
	if *get.User.UserName != "Alice" || *get.User.UserId != *u.UserId || len(get.User.Tags) != 2 {
		t.Errorf("ignoring case, got %+v", get.User)
	}
	for name, in := range map[string]*awsiam.CreateUserInput{
		"the same name":                 {UserName: aws.String("Alice")},
		"the same name in another case": {UserName: aws.String("ALICE")},
		"the same name on another path": {UserName: aws.String("alice"), Path: aws.String("/other/")},
		"the same name with other spice": {
			UserName: aws.String("aLiCe"),
			Tags:     []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		},
	} {
		_, err := c.CreateUser(ctx, in)
		want(t, name, err, "409 EntityAlreadyExists: User with name "+*in.UserName+" already exists.")
	}
	_, err = c.CreateUser(ctx,
		&awsiam.CreateUserInput{UserName: aws.String("bob"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")})
	want(t, "with a boundary that is not there", err,
		"404 NoSuchEntity: Policy arn:aws:iam::aws:policy/ReadOnlyAccess does not exist or is not attachable.")
	_, err = c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String("bob")})
	want(t, "the user with that boundary", err, noUser("bob"))
}

// The constraints of the model: each violation is told, all in one answer.
func TestCreateUserConstraints(t *testing.T) {
	t.Parallel()
	_, c := newAccount(t)
	const (
		one  = "400 ValidationError: 1 validation error detected: "
		name = "Value at 'userName' failed to satisfy constraint: Member must "
		path = "Value at 'path' failed to satisfy constraint: Member must "
	)

	tag := func(key, value string) []types.Tag { return []types.Tag{{Key: &key, Value: &value}} }
	for _, test := range []struct {
		what string
		in   awsiam.CreateUserInput
		want string
	}{
		{"64 characters", awsiam.CreateUserInput{UserName: aws.String(strings.Repeat("a", 64))}, ""},
		{
			"65 characters",
			awsiam.CreateUserInput{UserName: aws.String(strings.Repeat("a", 65))},
			one + name + "have length less than or equal to 64",
		},
		{"every sign that is allowed", awsiam.CreateUserInput{UserName: aws.String("a_Z9+=,.@-")}, ""},
		{"a blank", awsiam.CreateUserInput{UserName: aws.String("a b")}, one + name + `satisfy regular expression pattern: [\w+=,.@-]+`},
		{
			"a letter that is not of ASCII",
			awsiam.CreateUserInput{UserName: aws.String("ä")},
			one + name + `satisfy regular expression pattern: [\w+=,.@-]+`,
		},
		{"a slash", awsiam.CreateUserInput{UserName: aws.String("a/b")}, one + name + `satisfy regular expression pattern: [\w+=,.@-]+`},
		{"no name", awsiam.CreateUserInput{UserName: aws.String("")}, "400 ValidationError: 2 validation errors detected: " +
			name + "have length greater than or equal to 1; " + name + `satisfy regular expression pattern: [\w+=,.@-]+`},
		{"path without its last slash", awsiam.CreateUserInput{UserName: aws.String("p1"), Path: aws.String("/a")}, one + path +
			`satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F)`},
		{"path of 512", awsiam.CreateUserInput{UserName: aws.String("p2"), Path: aws.String("/" + strings.Repeat("a", 510) + "/")}, ""},
		{
			"path of 513",
			awsiam.CreateUserInput{UserName: aws.String("p3"), Path: aws.String("/" + strings.Repeat("a", 511) + "/")},
			one + path + "have length less than or equal to 512",
		},
		{
			"everything at once",
			awsiam.CreateUserInput{UserName: aws.String("a b"), Path: aws.String("x"), Tags: tag("", strings.Repeat("v", 257))},
			"400 ValidationError: 5 validation errors detected: " + path +
				`satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F); ` +
				name + `satisfy regular expression pattern: [\w+=,.@-]+; ` +
				"Value at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
				`Value at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+; ` +
				"Value at 'tags.1.member.value' failed to satisfy constraint: Member must have length less than or equal to 256",
		},
		{
			"a reserved tag",
			awsiam.CreateUserInput{UserName: aws.String("t1"), Tags: tag("AWS:x", "")},
			"400 InvalidInput: The tag key AWS:x is reserved: tag keys must not begin with aws:.",
		},
		{
			"one tag twice",
			awsiam.CreateUserInput{UserName: aws.String("t2"), Tags: append(tag("Team", "a"), tag("team", "b")...)},
			"400 InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive.",
		},
	} {
		_, err := c.CreateUser(ctx, &test.in)
		want(t, test.what, err, test.want)
	}

	var tags []types.Tag
	for n := range 51 {
		tags = append(tags, tag(fmt.Sprint("k", n), "v")...)
	}

	_, err := c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("t3"), Tags: tags[:50]})
	want(t, "50 tags", err, "")
	_, err = c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("t4"), Tags: tags})
	want(t, "51 tags", err, one+"Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
}

func TestUserQuotas(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	quota(t, a, "UsersPerAccount", 2)
	quota(t, a, "TagsPerUser", 1)
	createUser(t, c, "one", "/")
	_, err := c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("two"), Tags: []types.Tag{
		{Key: aws.String("a"), Value: aws.String("")}, {Key: aws.String("b"), Value: aws.String("")},
	}})
	if touchtest.CodeOf(err) != "LimitExceeded" {
		t.Errorf("more tags than the quota: %v", err)
	}

	const writers = 16
	errs := make(chan error, writers)
	for n := range writers {
		go func() {
			_, err := c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String(fmt.Sprint("racer", n))})
			errs <- err
		}()
	}

	var got []string
	for range writers {
		got = append(got, touchtest.Told(<-errs))
	}

	slices.Sort(got)
	if got[0] != "" || got[1] != "409 LimitExceeded: Cannot exceed quota for UsersPerAccount: 2" || got[1] != got[writers-1] {
		t.Errorf("%d at the last place: %q; want one to have it", writers, got)
	}
}

// Tags at creation are an action of their own, and both are told what the tags are.
func TestCreateUserWithTags(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	u := a.NewUser("maker", "")
	c := a.IAM(u.Key)
	team := func(value string) []types.Tag {
		return []types.Tag{{Key: aws.String("team"), Value: aws.String(value)}}
	}

	me := userARN(a, "/maker")
	for n, test := range []struct {
		what, policy string
		tags         []types.Tag
		want         string // "" is allowed; %s is the user's ARN
	}{
		{"no tags, no TagUser", allow("iam:CreateUser"), nil, ""},
		{"tags, no TagUser", allow("iam:CreateUser"), team("red"), touchtest.NotAllowed(me, "iam:TagUser", "%s")},
		{"tags, only TagUser", allow("iam:TagUser"), team("red"), touchtest.NotAllowed(me, "iam:CreateUser", "%s")},
		{"tags, both", allow("iam:CreateUser", "iam:TagUser"), team("red"), ""},
		{
			"tag as RequestTag asks for it", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*",
				"Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}}}`, team("red"), "",
		},
		{
			"another value than RequestTag asks for", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*",
				"Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}}}`, team("blue"), touchtest.NotAllowed(me, "iam:CreateUser", "%s"),
		},
		{
			"RequestTag that TagUser alone is held to", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:CreateUser"],"Resource":"*"},
				{"Effect":"Allow","Action":"iam:TagUser","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}}]}`,
			team("blue"), touchtest.NotAllowed(me, "iam:TagUser", "%s"),
		},
		{
			"TagKeys within the set", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*",
				"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]}}}}`, team("red"), "",
		},
		{
			"TagKeys outside the set", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:CreateUser","iam:TagUser"],"Resource":"*",
				"Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]}}}}`,
			append(team("red"), types.Tag{Key: aws.String("admin"), Value: aws.String("yes")}), touchtest.NotAllowed(me, "iam:CreateUser",
				"%s"),
		},
		{
			"a denied key", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:TagUser","Resource":"*",
				"Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}}]}`, team("red"), touchtest.Forbidden(me, "iam:TagUser", "%s"),
		},
		{
			"a boundary that is allowed", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*",
				"Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/X"}}}}`, nil, touchtest.NotAllowed(me, "iam:CreateUser", "%s"),
		},
	} {
		a.PutPolicy("maker", test.policy)
		name := fmt.Sprint("made", n)
		_, err := c.CreateUser(ctx, &awsiam.CreateUserInput{UserName: &name, Path: aws.String("/x/"), Tags: test.tags})
		if test.want != "" {
			test.want = fmt.Sprintf(strings.ReplaceAll(test.want, "%s", "%[1]s"), userARN(a, "/x/"+name))
		}
		want(t, test.what, err, test.want)
	}

	_, err := c.CreateUser(ctx,
		&awsiam.CreateUserInput{UserName: aws.String("bounded"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/X")})
	want(t, "with the boundary that the policy names, which does not exist", err, unattachable("arn:aws:iam::aws:policy/X"))
}

func TestGetUser(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	alice := a.NewUser("alice", allow("iam:GetUser"))
	a.SignIn(alice, nil)
	out, err := a.IAM(alice.Key).GetUser(ctx, &awsiam.GetUserInput{})
	must(t, err)
	if *out.User.Arn != userARN(a, "/alice") || out.User.PasswordLastUsed == nil {
		t.Errorf("without a name, a user got %+v", out.User)
	}
	if record := a.LastRecord("GetUser"); record.RequestParameters != nil || record.ResponseElements != nil || !record.ReadOnly ||
		record.ErrorCode != "" {
		t.Errorf("the event is %+v", record)
	}

	out, err = c.GetUser(ctx, &awsiam.GetUserInput{})
	must(t, err)
	if u := out.User; *u.Arn != "arn:aws:iam::"+a.ID+":root" || *u.UserId != a.ID {
		t.Errorf("without a name, the root user got %+v", u)
	}

	_, err = c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String("nobody")})
	want(t, "a user who is not there", err, noUser("nobody"))
	record := a.LastRecord("GetUser")
	if record.ErrorCode != "NoSuchEntity" || text(record.RequestParameters) != `{"userName":"nobody"}` {
		t.Errorf("the event of the failure is %+v", record)
	}

	_, err = c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String(strings.Repeat("a", 129) + " ")})
	want(t, "an impossible name", err, "400 ValidationError: 2 validation errors detected: "+
		"Value at 'userName' failed to satisfy constraint: Member must have length less than or equal to 128; "+
		`Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`)

	_, err = c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String(strings.Repeat("a", 128))})
	want(t, "a long name", err, noUser(strings.Repeat("a", 128)))
}

// Whether there is a user is told only to who may ask for one of that name.
func TestUnknownUserIsToldToWhoMayKnow(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "there", "/secret/")
	u := a.NewUser("alice", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/known*"}}`)
	asks := a.IAM(u.Key)
	me := userARN(a, "/alice")
	for name, expected := range map[string]string{
		"there":        touchtest.NotAllowed(me, "iam:GetUser", "user there"),
		"nobody":       touchtest.NotAllowed(me, "iam:GetUser", "user nobody"),
		"known-nobody": noUser("known-nobody"),
	} {
		_, err := asks.GetUser(ctx, &awsiam.GetUserInput{UserName: &name})
		want(t, name, err, expected)
		_, err = asks.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: &name})
		want(t, "delete "+name, err, strings.ReplaceAll(expected, "GetUser", "DeleteUser"))
	}
}

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", allow("iam:GetUser", "sts:*"))
	before, err := c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String("alice")})
	must(t, err)
	_, err = c.UpdateUser(ctx,
		&awsiam.UpdateUserInput{UserName: aws.String("alice"), NewUserName: aws.String("Alicia"), NewPath: aws.String("/staff/")})
	must(t, err)
	record := a.LastRecord("UpdateUser")
	if got, expected := text(record.RequestParameters),
		`{"newPath":"/staff/","newUserName":"Alicia","userName":"alice"}`; got != expected || record.ResponseElements != nil {
		t.Errorf("the event has %s, %v; want %s", got, record.ResponseElements, expected)
	}
	// The key goes with the user, and so does who it is.
	after, err := a.IAM(u.Key).GetUser(ctx, &awsiam.GetUserInput{})
	must(t, err)
	if *after.User.Arn != userARN(a, "/staff/Alicia") || *after.User.UserId != *before.User.UserId ||
		!after.User.CreateDate.Equal(*before.User.CreateDate) {
		t.Errorf("after the rename, the key is %+v", after.User)
	}
	u.Name = "alicia"
	a.SignIn(u, nil) // the password too
	_, err = c.GetUser(ctx, &awsiam.GetUserInput{UserName: aws.String("alice")})
	want(t, "the old name", err, noUser("alice"))
	createUser(t, c, "alice", "/") // is free

	for what, test := range map[string]struct {
		in   awsiam.UpdateUserInput
		want string
	}{
		"to a name that is taken": {
			awsiam.UpdateUserInput{UserName: aws.String("Alicia"), NewUserName: aws.String("ALICE")},
			"409 EntityAlreadyExists: User with name ALICE already exists.",
		},
		"a user who is not there": {
			awsiam.UpdateUserInput{UserName: aws.String("nobody"), NewUserName: aws.String("x")},
			noUser("nobody"),
		},
		"to nothing new":  {awsiam.UpdateUserInput{UserName: aws.String("Alicia")}, ""},
		"to another case": {awsiam.UpdateUserInput{UserName: aws.String("Alicia"), NewUserName: aws.String("ALICIA")}, ""},
		"to another path": {awsiam.UpdateUserInput{UserName: aws.String("alice"), NewPath: aws.String("/b/")}, ""},
		"to what cannot be a name": {
			awsiam.UpdateUserInput{UserName: aws.String("alice"), NewUserName: aws.String("a b"), NewPath: aws.String("b")},
			"400 ValidationError: 2 validation errors detected: " +
				`Value at 'newPath' failed to satisfy constraint: Member must satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F); ` +
				`Value at 'newUserName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`,
		},
	} {
		_, err := c.UpdateUser(ctx, &test.in)
		want(t, what, err, test.want)
	}
}

// A rename is asked for on who the user is and on who the user will be.
func TestUpdateUserIsAuthorizedTwice(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "bob", "/old/")
	u := a.NewUser("alice", "")
	me := userARN(a, "/alice")

	const both = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:UpdateUser","Resource":["arn:aws:iam::*:user/old/*","arn:aws:iam::*:user/new/*"]}}`
	for _, test := range []struct {
		what, policy string
		in           awsiam.UpdateUserInput
		want         string
	}{
		{
			"only the old", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:UpdateUser","Resource":"arn:aws:iam::*:user/old/*"}}`,
			awsiam.UpdateUserInput{UserName: aws.String("bob"), NewPath: aws.String("/new/")},
			touchtest.NotAllowed(me, "iam:UpdateUser", "user bob"),
		},
		{
			"only the new", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:UpdateUser","Resource":"arn:aws:iam::*:user/new/*"}}`,
			awsiam.UpdateUserInput{UserName: aws.String("bob"), NewPath: aws.String("/new/")},
			touchtest.NotAllowed(me, "iam:UpdateUser", "user bob"),
		},
		{
			"out of both", both,
			awsiam.UpdateUserInput{UserName: aws.String("bob"), NewPath: aws.String("/")},
			touchtest.NotAllowed(me, "iam:UpdateUser", "user bob"),
		},
		{
			"onto a name that is denied", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
				{"Effect":"Deny","Action":"iam:UpdateUser","Resource":"arn:aws:iam::*:user/*/admin"}]}`,
			awsiam.UpdateUserInput{UserName: aws.String("bob"), NewUserName: aws.String("admin")},
			touchtest.Forbidden(me, "iam:UpdateUser", "user admin"),
		},
		{
			"somebody who is not there", both,
			awsiam.UpdateUserInput{UserName: aws.String("nobody"), NewPath: aws.String("/new/")},
			touchtest.NotAllowed(me, "iam:UpdateUser", "user nobody"),
		},
		{"within both", both, awsiam.UpdateUserInput{UserName: aws.String("bob"), NewPath: aws.String("/new/")}, ""},
	} {
		a.PutPolicy("alice", test.policy)
		_, err := a.IAM(u.Key).UpdateUser(ctx, &test.in)
		want(t, test.what, err, test.want)
	}
}

// What must be gone first is named: policies, keys, devices, login profile, in this order.
func TestDeleteUser(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	console := a.SignIn(u, nil)
	serial := console.MustEnrol("", "key", newKey())
	in := &awsiam.DeleteUserInput{UserName: aws.String("alice")}
	conflict := func(what string) {
		t.Helper()
		_, err := c.DeleteUser(ctx, in)
		want(t, "with "+what, err, "409 DeleteConflict: Cannot delete entity, must delete "+what+" first.")
	}

	conflict("policies")
	_, err := c.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: &u.Name, PolicyName: aws.String("test")})
	must(t, err)
	conflict("access keys")
	_, err = c.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: &u.Name, AccessKeyId: &u.Key.AccessKeyID})
	must(t, err)
	conflict("MFA device")
	_, err = c.DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{UserName: &u.Name, SerialNumber: &serial})
	must(t, err)
	conflict("login profile")
	_, err = c.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: &u.Name})
	must(t, err)
	_, err = c.DeleteUser(ctx, in)
	must(t, err)
	if record := a.LastRecord("DeleteUser"); text(record.RequestParameters) != `{"userName":"alice"}` || record.ErrorCode != "" {
		t.Errorf("the event is %+v", record)
	}

	_, err = c.DeleteUser(ctx, in)
	want(t, "again", err, noUser("alice"))
	if got := len(a.Records("DeleteUser")); got != 6 {
		t.Errorf("%d events, want one of each attempt", got)
	}

	// One of the same name is somebody else.
	again := createUser(t, c, "alice", "/")
	_, err = a.IAM(u.Key).GetUser(ctx, &awsiam.GetUserInput{})
	want(t, "the old key", err, "403 InvalidClientTokenId: The security token included in the request is invalid.")
	if _, err := a.Server.SignIn.Admit(ctx, console.Token); err == nil {
		t.Error("the old session is somebody")
	}

	policies, err := c.ListUserPolicies(ctx, &awsiam.ListUserPoliciesInput{UserName: again.User.UserName})
	must(t, err)
	if len(policies.PolicyNames) != 0 {
		t.Errorf("the new user has the old policies %v", policies.PolicyNames)
	}
}

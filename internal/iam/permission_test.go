package iam_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// operation is a call of one operation, to be made by anybody.
type operation struct {
	name     string
	action   string // that is authorised
	resource string // that it is authorised on, without the account's part
	named    string // as a refusal writes the resource; "" for its ARN
	event    string // that a refusal is recorded as
	console  func(*touchtest.Console) error
	wire     func(*awsiam.Client) error // nil: Touchstone's own, which has no wire form
}

// of is the operation with the input, in the console and by AWS's client.
func of[In, Out any](o awsquery.Typed[In, Out], resource, named string, in In) operation {
	return operation{
		name: o.Name, action: o.Action, resource: resource, named: named, event: o.Name,
		console: func(c *touchtest.Console) error {
			return second(touchtest.Call(c, o, &in))
		},
		wire: func(c *awsiam.Client) error { return callSDK(c, o.Name, reflect.ValueOf(in)) },
	}
}

// own is an operation of Touchstone's own.
func own[In, Out any](o awsquery.Typed[In, Out], action, resource, named, event string, in In) operation {
	return operation{name: o.Name, action: action, resource: resource, named: named, event: event, console: func(c *touchtest.Console) error {
		return second(touchtest.Call(c, o, &in))
	}}
}

// callSDK calls the client's method of that name with the input.
func callSDK(c *awsiam.Client, name string, input reflect.Value) error {
	method := reflect.ValueOf(c).MethodByName(name)
	in := reflect.New(method.Type().In(1).Elem())
	if err := copySDK(in.Elem(), input); err != nil {
		panic(fmt.Sprintf("the test cannot give AWS's client the input of %s: %v", name, err))
	}
	err, _ := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})[1].Interface().(error)
	return err
}

// copySDK copies a value of our types to one of AWS's, whose fields have the same names. A value that is not given stays so. It
// fails at what it cannot copy, so that no test takes an input for sent that was not.
func copySDK(to, from reflect.Value) error {
	if from.IsZero() {
		return nil
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		return copySDK(to.Elem(), reflect.Indirect(from))
	}

	from = reflect.Indirect(from)
	switch {
	case from.Type().AssignableTo(to.Type()):
		to.Set(from)
	case from.Kind() == reflect.Struct && to.Kind() == reflect.Struct:
		for n := range from.NumField() {
			field := to.FieldByName(from.Type().Field(n).Name)
			if !field.IsValid() {
				return fmt.Errorf("it has no field %s", from.Type().Field(n).Name)
			}
			if err := copySDK(field, from.Field(n)); err != nil {
				return fmt.Errorf("%s: %w", from.Type().Field(n).Name, err)
			}
		}
	case from.Kind() == reflect.Slice && to.Kind() == reflect.Slice:
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		for n := range from.Len() {
			if err := copySDK(to.Index(n), from.Index(n)); err != nil {
				return err
			}
		}
	case from.Kind() == reflect.Map && to.Kind() == reflect.Map:
		to.Set(reflect.MakeMapWithSize(to.Type(), from.Len()))
		for _, key := range from.MapKeys() {
			k, v := reflect.New(to.Type().Key()).Elem(), reflect.New(to.Type().Elem()).Elem()
			if err := cmp.Or(copySDK(k, key), copySDK(v, from.MapIndex(key))); err != nil {
				return err
			}
			to.SetMapIndex(k, v)
		}
	case from.CanInt() && to.CanInt(), from.Kind() == to.Kind() && (from.Kind() == reflect.String || from.Kind() == reflect.Bool):
		to.Set(from.Convert(to.Type()))
	default:
		return fmt.Errorf("a %s is no %s", from.Type(), to.Type())
	}
	return nil
}

// target is the user that operations are about.
type target struct{ name, arn, key, serial, account string }

// named is the target as refusals write it.
func (u target) named() string { return "user " + u.name }

func (u target) fullARN() string { return "arn:aws:iam::" + u.account + u.arn }

// operations are all that are built, each about the target where it is about a user.
func operations(u target) []operation {
	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}}`
	return []operation{
		of(iamapi.GetUser, u.arn, u.named(), iamapi.GetUserInput{UserName: u.name}),
		of(iamapi.CreateUser, ":user/new/made", "", iamapi.CreateUserInput{UserName: "made", Path: "/new/"}),
		of(iamapi.UpdateUser, u.arn, u.named(), iamapi.UpdateUserInput{UserName: u.name}),
		of(iamapi.ListUsers, ":user/", "", iamapi.ListUsersInput{}),
		of(iamapi.CreateLoginProfile, u.arn, u.named(), iamapi.CreateLoginProfileInput{UserName: u.name, Password: "Passw0rd"}),
		of(iamapi.GetLoginProfile, u.arn, u.named(), iamapi.GetLoginProfileInput{UserName: u.name}),
		of(iamapi.UpdateLoginProfile, u.arn, u.named(), iamapi.UpdateLoginProfileInput{UserName: u.name}),
		of(iamapi.DeleteLoginProfile, u.arn, u.named(), iamapi.DeleteLoginProfileInput{UserName: u.name}),
		of(iamapi.PutUserPolicy, u.arn, u.named(), iamapi.PutUserPolicyInput{UserName: u.name, PolicyName: "p", PolicyDocument: document}),
		of(iamapi.GetUserPolicy, u.arn, u.named(), iamapi.GetUserPolicyInput{UserName: u.name, PolicyName: "p"}),
		of(iamapi.DeleteUserPolicy, u.arn, u.named(), iamapi.DeleteUserPolicyInput{UserName: u.name, PolicyName: "p"}),
		of(iamapi.ListUserPolicies, u.arn, u.named(), iamapi.ListUserPoliciesInput{UserName: u.name}),
		of(iamapi.TagUser, u.arn, u.named(), iamapi.TagUserInput{UserName: u.name, Tags: []iamapi.Tag{{Key: "cost", Value: "1"}}}),
		of(iamapi.UntagUser, u.arn, u.named(), iamapi.UntagUserInput{UserName: u.name, TagKeys: []string{"cost"}}),
		of(iamapi.ListUserTags, u.arn, u.named(), iamapi.ListUserTagsInput{UserName: u.name}),
		of(iamapi.SimulateCustomPolicy, "*", "", iamapi.SimulateCustomPolicyInput{
			PolicyInputList: []string{document}, ActionNames: []string{"iam:GetUser"},
		}),
		of(iamapi.SimulatePrincipalPolicy, u.arn, "", iamapi.SimulatePrincipalPolicyInput{
			PolicySourceArn: u.fullARN(), ActionNames: []string{"iam:GetUser"},
		}),
		of(iamapi.GetContextKeysForCustomPolicy, "*", "",
			iamapi.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{document}}),
		of(iamapi.GetContextKeysForPrincipalPolicy, u.arn, "",
			iamapi.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: u.fullARN()}),
		of(iamapi.CreateAccessKey, u.arn, u.named(), iamapi.CreateAccessKeyInput{UserName: u.name}),
		of(iamapi.ListAccessKeys, u.arn, u.named(), iamapi.ListAccessKeysInput{UserName: u.name}),
		of(iamapi.GetAccessKeyLastUsed, u.arn, "access key "+u.key, iamapi.GetAccessKeyLastUsedInput{AccessKeyId: u.key}),
		of(iamapi.UpdateAccessKey, u.arn, u.named(), iamapi.UpdateAccessKeyInput{UserName: u.name, AccessKeyId: u.key, Status: "Active"}),
		of(iamapi.CreateAccountAlias, "*", "", iamapi.CreateAccountAliasInput{AccountAlias: "alias-of-" + strings.ToLower(u.key)}),
		of(iamapi.ListAccountAliases, "*", "", iamapi.ListAccountAliasesInput{}),
		of(iamapi.DeleteAccountAlias, "*", "", iamapi.DeleteAccountAliasInput{AccountAlias: "alias"}),
		of(iamapi.GetAccountSummary, "*", "", iamapi.GetAccountSummaryInput{}),
		of(iamapi.ListMFADevices, u.arn, u.named(), iamapi.ListMFADevicesInput{UserName: u.name}),
		of(iamapi.GetMFADevice, u.arn, u.named(), iamapi.GetMFADeviceInput{UserName: u.name, SerialNumber: u.serial}),
		of(iamapi.EnableMFADevice, u.arn, u.named(), iamapi.EnableMFADeviceInput{
			UserName: u.name, SerialNumber: u.serial, AuthenticationCode1: "123456", AuthenticationCode2: "654321",
		}),
		own(touchstoneapi.BeginMFADeviceRegistration, "iam:EnableMFADevice", u.arn, u.named(), "BeginMFADeviceRegistration",
			touchstoneapi.BeginMFADeviceRegistrationInput{UserName: u.name, DeviceName: "key"}),
		own(touchstoneapi.FinishMFADeviceRegistration, "iam:EnableMFADevice", u.arn, u.named(), "EnableMFADevice",
			touchstoneapi.FinishMFADeviceRegistrationInput{UserName: u.name, CeremonyId: "x", Credential: "{}"}),
		own(touchstoneapi.ListMFADeviceDetails, "iam:ListMFADevices", u.arn, u.named(), "ListMFADevices", touchstoneapi.ListMFADeviceDetailsInput{UserName: u.name}),
		own(touchstoneapi.DescribeUsers, "iam:ListUsers", ":user/", "", "DescribeUsers", touchstoneapi.DescribeUsersInput{}),
		own(touchstoneapi.ListSessions, "touchstone:ListSessions", u.arn, u.named(), "ListSessions", touchstoneapi.ListSessionsInput{UserName: u.name}),
		own(touchstoneapi.EndSession, "touchstone:EndSession", u.arn, u.named(), "EndSession", touchstoneapi.EndSessionInput{UserName: u.name, SessionId: "x"}),
		own(touchstoneapi.EndAllSessions, "touchstone:EndAllSessions", u.arn, u.named(), "EndAllSessions", touchstoneapi.EndAllSessionsInput{UserName: u.name}),
		// These end what the others are about.
		of(iamapi.DeactivateMFADevice, u.arn, u.named(), iamapi.DeactivateMFADeviceInput{UserName: u.name, SerialNumber: u.serial}),
		of(iamapi.DeleteAccessKey, u.arn, u.named(), iamapi.DeleteAccessKeyInput{UserName: u.name, AccessKeyId: u.key}),
		of(iamapi.DeleteUser, u.arn, u.named(), iamapi.DeleteUserInput{UserName: u.name}),
	}
}

// The operations that the table does not have: those that are about the caller alone, or ask for nothing.
var aboutTheCaller = []string{"ChangePassword", "DescribeAccount", "ValidatePolicy"}

func TestEveryOperationIsInTheTable(t *testing.T) {
	t.Parallel()
	table := slices.Clone(aboutTheCaller)
	for _, o := range operations(target{}) {
		table = append(table, o.name)
	}
	for _, defined := range start(t).API.Table.Defined() {
		service, name, _ := strings.Cut(defined, ":")
		if n := slices.Index(table, name); n >= 0 {
			table = slices.Delete(table, n, n+1)
		} else if service != "sts" {
			t.Errorf("no test asks whether %s is authorised", defined)
		}
	}
	if len(table) > 0 {
		t.Errorf("tested and not defined: %v", table)
	}
}

// newTarget makes bob, on a path and with the tag team=red, who has a password, a key and a device.
func newTarget(t *testing.T, a *touchtest.Account, admin *touchtest.Console) target {
	t.Helper()
	c := a.IAM(a.Root)
	_, err := c.CreateUser(ctx, &awsiam.CreateUserInput{
		UserName: aws.String("bob"), Path: aws.String("/x/"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("red")}},
	})
	must(t, err)
	key, err := c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: aws.String("bob")})
	must(t, err)
	return target{"bob", ":user/x/bob", *key.AccessKey.AccessKeyId, admin.MustEnrol("bob", "key", newKey()), a.ID}
}

// arn is the resource as an ARN of the account.
func (o operation) arn(a *touchtest.Account) string {
	if o.resource == "*" {
		return "*"
	}
	return "arn:aws:iam::" + a.ID + o.resource
}

// notAllowed and forbidden are the operation's refusals, as the caller with the ARN is told them.
func (o operation) notAllowed(a *touchtest.Account, caller string) string {
	return o.refusal(a, caller, notAllowed)
}

func (o operation) forbidden(a *touchtest.Account, caller string) string {
	return o.refusal(a, caller, forbidden)
}

func (o operation) refusal(a *touchtest.Account, caller string, usual func(caller, action, resource string) string) string {
	if o.name == "GetAccessKeyLastUsed" { // in AWS's own form: it gives no reason
		return "403 AccessDenied: User: " + caller + " is not authorized to perform iam:GetAccessKeyLastUsed on resource: " + o.named
	}
	return usual(caller, o.action, cmp.Or(o.named, o.arn(a)))
}

// Without a permission, and with an explicit deny, every operation answers in AWS's words, by console and by API; the refusal
// is recorded, without what was asked for.
func TestEveryOperationCanBeDenied(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	bob := newTarget(t, a, a.SetUpRoot())
	u := a.NewUser("alice", "")
	me := userARN(a, "/alice")
	console, client := a.SignIn(u, nil), a.IAM(u.Key)
	for _, o := range operations(bob) {
		expected := o.notAllowed(a, me)
		want(t, o.name+" in the console", o.console(console), expected)
		if o.wire != nil {
			want(t, o.name+" by API", o.wire(client), expected)
		}
		r := lastRecord(t, a, o.event)
		if r.ErrorCode != "AccessDenied" || "403 AccessDenied: "+r.ErrorMessage != expected || r.RequestParameters != nil || r.ResponseElements != nil || r.UserIdentity.ARN != me {
			t.Errorf("%s: the event is %+v", o.name, r)
		}
		service, _, _ := strings.Cut(o.action, ":")
		if source := map[string]string{"iam": "iam.amazonaws.com", "touchstone": "touchstone"}[service]; r.EventSource != source {
			t.Errorf("%s: the event's source is %s", o.name, r.EventSource)
		}
	}
	for _, o := range operations(bob) {
		a.PutPolicy("alice", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":%q,"Resource":%q}]}`, o.action, o.arn(a)))
		expected := o.forbidden(a, me)
		want(t, o.name+" in the console", o.console(console), expected)
		if o.wire != nil {
			want(t, o.name+" by API", o.wire(client), expected)
		}
	}
}

// The action on the resource is enough.
func TestEveryOperationNeedsOnlyItsAction(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	bob := newTarget(t, a, a.SetUpRoot())
	u := a.NewUser("alice", "")
	console, client := a.SignIn(u, nil), a.IAM(u.Key)
	for _, o := range operations(bob) {
		a.PutPolicy("alice", fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":%q,"Resource":%q}}`, o.action, o.arn(a)))
		if err := o.console(console); codeOf(err) == "AccessDenied" {
			t.Errorf("%s in the console: %v", o.name, err)
		}
		if o.wire == nil {
			continue
		}
		if err := o.wire(client); codeOf(err) == "AccessDenied" {
			t.Errorf("%s by API: %v", o.name, err)
		}
	}
}

// What is done to a user can be bound to the user's tags, under both names of the key.
func TestResourceTags(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	bob := newTarget(t, a, a.SetUpRoot())
	u := a.NewUser("alice", "")
	me := userARN(a, "/alice")
	console, client := a.SignIn(u, nil), a.IAM(u.Key)
	tagged := func(key, value string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{%q:%q}}}}`, key, value)
	}
	for _, key := range []string{"iam:ResourceTag/team", "aws:ResourceTag/team", "aws:ResourceTag/TEAM"} {
		a.PutPolicy("alice", tagged(key, "blue"))
		for _, o := range operations(bob) {
			want(t, o.name+" with another value of "+key, o.console(console), o.notAllowed(a, me))
		}
	}
	for n, o := range operations(bob) {
		if o.resource != bob.arn {
			continue
		}
		a.PutPolicy("alice", tagged([]string{"iam:ResourceTag/team", "aws:ResourceTag/team"}[n%2], "red"))
		call := func() error { return o.console(console) }
		if o.wire != nil {
			call = func() error { return o.wire(client) }
		}
		if err := call(); codeOf(err) == "AccessDenied" {
			t.Errorf("%s with the right value: %v", o.name, err)
		}
	}
}

// A list of users is asked for with its path.
func TestListUsersIsAuthorizedOnThePath(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "bob", "/staff/eng/")
	u := a.NewUser("alice", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"arn:aws:iam::*:user/staff/*"}}`)
	me := userARN(a, "/alice")
	console := a.SignIn(u, nil)
	for prefix, expected := range map[string]string{
		"/staff/":     "",
		"/staff/eng/": "",
		"/staff":      notAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/staff"),
		"/":           notAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/"),
		"/other/":     notAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/other/"),
	} {
		out, err := a.IAM(u.Key).ListUsers(ctx, &awsiam.ListUsersInput{PathPrefix: &prefix})
		want(t, "list "+prefix, err, expected)
		if err == nil && (len(out.Users) != 1 || *out.Users[0].UserName != "bob") {
			t.Errorf("list %s: %+v", prefix, out.Users)
		}
		_, err = touchtest.Call(console, touchstoneapi.DescribeUsers,
			&touchstoneapi.DescribeUsersInput{PathPrefix: prefix})
		want(t, "describe "+prefix, err, expected)
	}
	_, err := a.IAM(u.Key).ListUsers(ctx, &awsiam.ListUsersInput{})
	want(t, "list without a path", err, notAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/"))
	a.PutPolicy("alice", allow("iam:ListUsers"))
	_, err = a.IAM(u.Key).ListUsers(ctx, &awsiam.ListUsersInput{})
	want(t, "list with Resource *", err, "")
}

// A stored policy that cannot be decided denies everything, and its reader is told nothing of it.
func TestUndecidablePolicy(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	bob := newTarget(t, a, a.SetUpRoot())
	u := a.NewUser("alice", touchtest.AdminPolicy)
	console, client := a.SignIn(u, nil), a.IAM(u.Key)
	breakPolicy(t, a, "alice")
	for _, o := range operations(bob) {
		errs := []error{o.console(console)}
		if o.wire != nil {
			errs = append(errs, o.wire(client))
		}
		for _, err := range errs {
			const words = "500 ServiceFailure: The request processing has failed because of an unknown error, exception or failure. Request id: "
			if got := told(err); !strings.HasPrefix(got, words) || len(got) > len(words)+36 {
				t.Errorf("%s: answered %q", o.name, got)
			}
			if r := lastRecord(t, a, o.event); r.ErrorCode != "ServiceFailure" {
				t.Errorf("%s: the event is %+v", o.name, r)
			}
		}
	}
}

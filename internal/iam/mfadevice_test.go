package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// mfaDeviceOperations are the operations of this file that are asked of the policies.
func mfaDeviceOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Of(iamapi.ListMFADevices, u.ARN(), u.Named(), iamapi.ListMFADevicesInput{UserName: u.Name}),
		touchtest.Of(iamapi.GetMFADevice, u.ARN(), u.Named(), iamapi.GetMFADeviceInput{UserName: u.Name, SerialNumber: u.Serial}),
		touchtest.Of(iamapi.EnableMFADevice, u.ARN(), u.Named(), iamapi.EnableMFADeviceInput{
			UserName: u.Name, SerialNumber: u.Serial, AuthenticationCode1: "123456", AuthenticationCode2: "654321",
		}),
		touchtest.Of(iamapi.DeactivateMFADevice, u.ARN(), u.Named(),
			iamapi.DeactivateMFADeviceInput{UserName: u.Name, SerialNumber: u.Serial}),
	}
}

// mfaDeviceErrors are the errors that the model declares for them.
var mfaDeviceErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		// The way of a security key into EnableMFADevice is through the console.
		"EnableMFADevice LimitExceeded": func(s *touchtest.Stage) error {
			quota(s.T, s.Account, "MFADevicesPerUser", 0)
			return second(s.SignIn(s.Alice, nil).BeginEnrolment("", "key"))
		},
		"EnableMFADevice EntityAlreadyExists": func(s *touchtest.Stage) error {
			root := s.SetUpRoot()
			root.MustEnrol("alice", "key", newKey())
			return second(root.BeginEnrolment("alice", "key"))
		},
	},
	Unreachable: map[string]string{
		"DeactivateMFADevice LimitExceeded":                 "makes nothing that is counted",
		"DeactivateMFADevice EntityTemporarilyUnmodifiable": "a user made anew under an old name can be changed at once",
		"EnableMFADevice EntityTemporarilyUnmodifiable":     "a user made anew under an old name can be changed at once",
		"EnableMFADevice InvalidAuthenticationCode":         "there is no device that shows codes yet: none is found",
	},
}

// newKey is a software security key.
func newKey() *softkey.Key { return softkey.New() }

// Calls of operations as the person signed in to the console.

func deactivate(c *touchtest.Console, user, serial string) error {
	_, err := touchtest.Call(c, iamapi.DeactivateMFADevice,
		&iamapi.DeactivateMFADeviceInput{UserName: user, SerialNumber: serial})
	return err
}

func enable(c *touchtest.Console, user, serial string) error {
	_, err := touchtest.Call(c, iamapi.EnableMFADevice,
		&iamapi.EnableMFADeviceInput{UserName: user, SerialNumber: serial, AuthenticationCode1: "123456", AuthenticationCode2: "654321"})
	return err
}

// serials are the serial numbers of the user's devices, oldest first.
func serials(t *testing.T, c *awsiam.Client, user string) (all []string) {
	t.Helper()
	in := &awsiam.ListMFADevicesInput{}
	if user != "" {
		in.UserName = &user
	}
	out, err := c.ListMFADevices(ctx, in)
	must(t, err)
	for _, d := range out.MFADevices {
		all = append(all, *d.SerialNumber)
	}
	return all
}

func noDevice(serial string) string {
	return "404 NoSuchEntity: MFA Device with serial number " + serial + " does not exist."
}

// useOneFirst is the refusal of who has a device and signed in without one.
func useOneFirst(caller, action string) string {
	resource := caller // the root user has no name
	if _, name, ok := strings.Cut(caller, ":user/"); ok {
		resource = "user " + name[strings.LastIndex(name, "/")+1:]
	}
	return fmt.Sprintf("403 AccessDenied: User: %s is not authorized to perform: %s on resource: %s"+
		" because an MFA device of the user must be used to sign in first", caller, action, resource)
}

func TestMFADevices(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	if got := serials(t, c, "alice"); got != nil {
		t.Errorf("at first, %v", got)
	}
	serial := a.SignIn(u, nil).MustEnrol("", "key", newKey())
	list, err := c.ListMFADevices(ctx, &awsiam.ListMFADevicesInput{UserName: aws.String("ALICE")})
	must(t, err)
	if d := list.MFADevices; len(d) != 1 || *d[0].UserName != "alice" || *d[0].SerialNumber != serial || d[0].EnableDate == nil ||
		list.IsTruncated {
		t.Fatalf("listed %+v", list)
	}
	if record := a.LastRecord("ListMFADevices"); text(record.RequestParameters) != `{"userName":"ALICE"}` ||
		record.ResponseElements != nil || !record.ReadOnly {
		t.Errorf("the event is %+v", record)
	}
	get, err := a.IAM(u.Key).GetMFADevice(ctx, &awsiam.GetMFADeviceInput{SerialNumber: &serial})
	must(t, err)
	if *get.UserName != "alice" || *get.SerialNumber != serial || !get.EnableDate.Equal(*list.MFADevices[0].EnableDate) ||
		len(get.Certifications) != 0 {
		t.Errorf("got %+v", get)
	}
	if got := text(a.LastRecord("GetMFADevice").RequestParameters); got != fmt.Sprintf(`{"serialNumber":%q}`, serial) {
		t.Errorf("the event has %s", got)
	}
	// A device is found only as its owner's.
	bob := a.NewUser("bob", "")
	unknown := strings.Replace(serial, "key-", "kez-", 1)
	for what, test := range map[string]struct{ user, serial string }{
		"unknown":           {"alice", unknown},
		"another's":         {bob.Name, serial},
		"in another case":   {"alice", strings.ToLower(serial)},
		"of another's name": {"alice", strings.Replace(serial, "alice", "bob", 1)},
	} {
		_, err := c.GetMFADevice(ctx, &awsiam.GetMFADeviceInput{UserName: &test.user, SerialNumber: &test.serial})
		want(t, "get "+what, err, noDevice(test.serial))
		_, err = c.DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{UserName: &test.user, SerialNumber: &test.serial})
		want(t, "deactivate "+what, err, noDevice(test.serial))
	}
	stranger := a.Server.NewAccount(t)
	stranger.NewUser("alice", "")
	_, err = stranger.IAM(stranger.Root).DeactivateMFADevice(ctx,
		&awsiam.DeactivateMFADeviceInput{UserName: aws.String("alice"), SerialNumber: &serial})
	want(t, "deactivate another account's", err, noDevice(serial))
	for what, err := range map[string]error{
		"list": second(c.ListMFADevices(ctx, &awsiam.ListMFADevicesInput{UserName: aws.String("nobody")})),
		"get":  second(c.GetMFADevice(ctx, &awsiam.GetMFADeviceInput{UserName: aws.String("nobody"), SerialNumber: &serial})),
		"deactivate": second(c.DeactivateMFADevice(ctx,
			&awsiam.DeactivateMFADeviceInput{UserName: aws.String("nobody"), SerialNumber: &serial})),
		"enable": second(c.EnableMFADevice(ctx, &awsiam.EnableMFADeviceInput{
			UserName: aws.String("nobody"), SerialNumber: &serial, AuthenticationCode1: aws.String("123456"),
			AuthenticationCode2: aws.String("654321"),
		})),
	} {
		want(t, what+" of somebody who is not there", err, noUser("nobody"))
	}
	const serialMust = "Value at 'serialNumber' failed to satisfy constraint: Member must "
	_, err = c.GetMFADevice(ctx, &awsiam.GetMFADeviceInput{UserName: aws.String("a b"), SerialNumber: aws.String("12 34")})
	want(t, "everything at once", err,
		"400 ValidationError: 3 validation errors detected: "+serialMust+"have length greater than or equal to 9; "+
			serialMust+`satisfy regular expression pattern: [\w+=/:,.@-]+; Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`)
	_, err = c.DeactivateMFADevice(ctx,
		&awsiam.DeactivateMFADeviceInput{UserName: aws.String("alice"), SerialNumber: aws.String(strings.Repeat("1", 257))})
	want(t, "a long serial number", err,
		"400 ValidationError: 1 validation error detected: "+serialMust+"have length less than or equal to 256")
	_, err = c.EnableMFADevice(ctx, &awsiam.EnableMFADeviceInput{
		UserName: aws.String("alice"), SerialNumber: &serial, AuthenticationCode1: aws.String("12345"),
		AuthenticationCode2: aws.String("abcdefg"),
	})
	const first, next = "Value at 'authenticationCode1' failed to satisfy constraint: Member must ",
		"Value at 'authenticationCode2' failed to satisfy constraint: Member must "
	want(t, "codes that are none", err,
		"400 ValidationError: 3 validation errors detected: "+first+"have length greater than or equal to 6; "+
			next+"have length less than or equal to 6; "+next+`satisfy regular expression pattern: [\d]+`)

	// An administrator removes it, and it is gone.
	inside := a.SignIn(bob, nil)
	_, err = c.DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{UserName: aws.String("alice"), SerialNumber: &serial})
	must(t, err)
	record := a.LastRecord("DeactivateMFADevice")
	if got := text(record.RequestParameters); got != fmt.Sprintf(`{"serialNumber":%q,"userName":"alice"}`, serial) ||
		record.ErrorCode != "" || record.ResponseElements != nil {
		t.Errorf("the event is %+v", record)
	}
	if got := serials(t, c, "alice"); got != nil {
		t.Errorf("afterwards, %v", got)
	}
	a.SignIn(u, nil) // by password alone
	if _, err := a.Server.SignIn.Admit(ctx, inside.Token); err != nil {
		t.Errorf("the session of somebody else: %v", err)
	}
}

// By the wire a security key cannot be enabled: policy and the rule on further devices first, then there is no such device.
func TestEnableMFADeviceByQuery(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", allow("iam:EnableMFADevice"))
	me := userARN(a, "/alice")
	enableAs := func(client *awsiam.Client, user, serial string) error {
		_, err := client.EnableMFADevice(ctx, &awsiam.EnableMFADeviceInput{
			UserName: &user, SerialNumber: &serial, AuthenticationCode1: aws.String("123456"), AuthenticationCode2: aws.String("654321"),
		})
		return err
	}

	of := func(user string) string {
		return "arn:aws:iam::" + a.ID + ":u2f/user/" + user + "/key-AAAAAAAAAAAAAAAAAAAAAAAAAA"
	}

	want(t, "allowed, without a device", enableAs(a.IAM(u.Key), "alice", of("alice")), noDevice(of("alice")))
	record := a.LastRecord("EnableMFADevice")
	if got := text(record.RequestParameters); got != fmt.Sprintf(`{"serialNumber":%q,"userName":"alice"}`, of("alice")) ||
		record.ErrorCode != "NoSuchEntity" {
		t.Errorf("the event is %+v", record)
	}

	console := a.SignIn(u, nil)
	want(t, "the same in the console", enable(console, "alice", of("alice")), noDevice(of("alice")))
	key := newKey()
	serial := console.MustEnrol("", "key", key)
	want(t, "with a device, by access key", enableAs(a.IAM(u.Key), "alice", serial), useOneFirst(me, "iam:EnableMFADevice"))
	want(t, "with a device that was not used, in the console", enable(console, "alice", serial),
		useOneFirst(me, "iam:EnableMFADevice"))
	want(t, "with a device that was used", enable(a.SignIn(u, key), "alice", serial), noDevice(serial))
	want(t, "for somebody else", enableAs(c, "alice", serial), noDevice(serial))
	a.PutPolicy("alice", allow("iam:GetUser"))
	want(t, "denied", enableAs(a.IAM(u.Key), "alice", serial), touchtest.NotAllowed(me, "iam:EnableMFADevice", "user alice"))
}

// Root's devices are removed by page, signed in with one of them. A long-term key cannot strip them.
func TestRootDevicesAreRemovedInTheConsole(t *testing.T) {
	t.Parallel()
	a, root := newAccount(t)
	key := newKey()
	console := a.SetUpRoot()
	serial := console.MustEnrol("", "safe", key)
	rootARN := "arn:aws:iam::" + a.ID + ":root"
	const onThePage = "403 AccessDenied: The root user's MFA devices are removed on the Security credentials page, signed in with one of them, not with an access key."
	_, err := root.DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{SerialNumber: &serial})
	want(t, "by root's access key", err, onThePage)
	if got := a.LastRecord("DeactivateMFADevice"); got.ErrorCode != "AccessDenied" || got.RequestParameters != nil ||
		got.UserIdentity.Type != "Root" {
		t.Errorf("the event is %+v", got)
	}

	_, err = root.DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{SerialNumber: aws.String(serial + "X")})
	want(t, "one that is not there", err, onThePage)
	admin := a.NewUser("admin", touchtest.AdminPolicy)
	for _, name := range []string{"root", "admin", a.ID} {
		_, err := a.IAM(admin.Key).DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{UserName: &name, SerialNumber: &serial})
		if got := touchtest.CodeOf(err); got != "NoSuchEntity" {
			t.Errorf("an administrator who calls root %q: %v", name, err)
		}
	}

	_, err = a.IAM(admin.Key).DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{SerialNumber: &serial})
	want(t, "an administrator as if it were their own", err, noDevice(serial))
	want(t, "in the console, without it", deactivate(console, "", serial), useOneFirst(rootARN, "iam:DeactivateMFADevice"))
	if got := serials(t, root, ""); len(got) != 1 || got[0] != serial {
		t.Errorf("after all of that root has %v", got)
	}

	with := a.SignInRoot(key)
	must(t, deactivate(with, "", serial))
	if got := serials(t, root, ""); got != nil {
		t.Errorf("root still has %v", got)
	}

	over(t, "root's other session", console, a)
	if _, err := a.Server.SignIn.Admit(ctx, with.Token); err != nil {
		t.Errorf("the session that removed it: %v", err)
	}
	a.SignInRoot(nil)
}

// Who has a device uses it before adding or removing another of their own, whatever the policies say; an administrator's own
// devices do not matter for somebody else's.
func TestFurtherDevices(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	me := userARN(a, "/alice")
	first := newKey()
	without := a.SignIn(u, nil) // goes on after the first device is there
	serial := without.MustEnrol("", "one", first)

	_, err := without.BeginEnrolment("", "two")
	want(t, "begin another, signed in without", err, useOneFirst(me, "iam:EnableMFADevice"))
	want(t, "remove it, signed in without", deactivate(without, "", serial), useOneFirst(me, "iam:DeactivateMFADevice"))
	want(t, "remove it by name, signed in without", deactivate(without, "Alice", serial), useOneFirst(me, "iam:DeactivateMFADevice"))
	_, err = a.IAM(u.Key).DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{UserName: &u.Name, SerialNumber: &serial})
	want(t, "remove it by access key", err, useOneFirst(me, "iam:DeactivateMFADevice"))
	_, err = a.IAM(u.Key).DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{SerialNumber: aws.String(serial + "X")})
	want(t, "remove one that is not there by access key", err, useOneFirst(me, "iam:DeactivateMFADevice"))

	// A registration that was begun before there was a device is not finished without it.
	b := a.NewUser("bob", touchtest.AdminPolicy)
	early, other := a.SignIn(b, nil), a.SignIn(a.NewUser("carol", touchtest.AdminPolicy), nil)
	begun, err := early.BeginEnrolment("", "early")
	must(t, err)
	answer, err := newKey().Create(a.Server.URL, []byte(begun.Options))
	must(t, err)
	other.MustEnrol("bob", "given", newKey())
	_, err = early.FinishEnrolment("", begun.CeremonyId, answer)
	if !strings.Contains(touchtest.Told(err), "no such session") { // it ended with the new device
		t.Errorf("finish a registration that was begun before: %v", err)
	}

	with := a.SignIn(u, first)
	second := with.MustEnrol("", "two", newKey())
	if got := serials(t, c, "alice"); len(got) != 2 {
		t.Errorf("alice has %v", got)
	}
	must(t, deactivate(with, "", second))
	must(t, deactivate(other, "alice", serial)) // carol has no device and uses none
	without = a.SignIn(u, nil)
	without.MustEnrol("", "three", newKey()) // the first again
}

// A rename leaves the devices and their serial numbers as they are.
func TestRenameKeepsDevices(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	key := newKey()
	serial := a.SignIn(u, nil).MustEnrol("", "key", key)
	_, err := c.UpdateUser(ctx,
		&awsiam.UpdateUserInput{UserName: &u.Name, NewUserName: aws.String("alicia"), NewPath: aws.String("/x/")})
	must(t, err)
	out, err := c.ListMFADevices(ctx, &awsiam.ListMFADevicesInput{UserName: aws.String("alicia")})
	must(t, err)
	if d := out.MFADevices; len(d) != 1 || *d[0].SerialNumber != serial || *d[0].UserName != "alicia" {
		t.Errorf("after the rename: %+v", d)
	}

	u.Name = "alicia"
	console := a.SignIn(u, key)
	if next := console.MustEnrol("", "key2", newKey()); !strings.Contains(next, ":u2f/user/alicia/key2-") {
		t.Errorf("a new device is %s", next)
	}
	must(t, deactivate(console, "", serial))
}

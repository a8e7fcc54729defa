package iam_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// enrolmentOperations are the operations of this file that are asked of the policies.
func enrolmentOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Own(touchstoneapi.BeginMFADeviceRegistration, "iam:EnableMFADevice", u.ARN(), u.Named(), "BeginMFADeviceRegistration",
			touchstoneapi.BeginMFADeviceRegistrationInput{UserName: u.Name, DeviceName: "key"}, "EntityAlreadyExists", "LimitExceeded",
			"NoSuchEntity"),
		touchtest.Own(touchstoneapi.FinishMFADeviceRegistration, "iam:EnableMFADevice", u.ARN(), u.Named(), "EnableMFADevice",
			touchstoneapi.FinishMFADeviceRegistrationInput{UserName: u.Name, CeremonyId: "x", Credential: "{}"}, "InvalidInput",
			"NoSuchEntity"),
	}
}

const (
	registrationOver = "400 InvalidInput: This registration has been used or has expired. Start again with Assign MFA device."
	keyRegistered    = "409 EntityAlreadyExists: This security key is already registered. Use a different security key."
	nameTaken        = "409 EntityAlreadyExists: MFA device already exists."
	eightDevices     = "409 LimitExceeded: Cannot exceed quota for MFADevicesPerUser: 8"
)

// begun is a registration that waits for the key's answer.
type begun struct{ ceremony, options string }

func begin(t *testing.T, c *touchtest.Console, user, device string) begun {
	t.Helper()
	out, err := c.BeginEnrolment(user, device)
	must(t, err)
	return begun{out.CeremonyId, out.Options}
}

// tap is the key's answer to the options.
func (b begun) tap(t *testing.T, a *touchtest.Account, key *softkey.Key) []byte {
	t.Helper()
	answer, err := key.Create(a.Server.URL, []byte(b.options))
	must(t, err)
	return answer
}

// A key is assigned to oneself, to another user and to the root user, who use it from then on.
func TestEnrolment(t *testing.T) {
	t.Parallel()
	for who, test := range map[string]struct {
		serial  string // pattern of what follows the account
		console func(*touchtest.Account, *touchtest.User) *touchtest.Console
		user    string
		signIn  func(*touchtest.Account, *touchtest.User, *softkey.Key) *touchtest.Console
	}{
		"oneself": {
			`u2f/user/alice/my\.key@1-[A-Z2-7]{26}`,
			func(a *touchtest.Account, u *touchtest.User) *touchtest.Console { return a.SignIn(u, nil) }, "",
			func(a *touchtest.Account, u *touchtest.User, k *softkey.Key) *touchtest.Console {
				return a.SignIn(u, k)
			},
		},
		"oneself by name": {
			`u2f/user/alice/my\.key@1-[A-Z2-7]{26}`,
			func(a *touchtest.Account, u *touchtest.User) *touchtest.Console { return a.SignIn(u, nil) }, "Alice",
			func(a *touchtest.Account, u *touchtest.User, k *softkey.Key) *touchtest.Console {
				return a.SignIn(u, k)
			},
		},
		"an administrator for a user": {
			`u2f/user/alice/my\.key@1-[A-Z2-7]{26}`,
			func(a *touchtest.Account, _ *touchtest.User) *touchtest.Console {
				return a.SignIn(a.NewUser("admin", touchtest.AdminPolicy), nil)
			}, "alice",
			func(a *touchtest.Account, u *touchtest.User, k *softkey.Key) *touchtest.Console {
				return a.SignIn(u, k)
			},
		},
		"root for a user": {
			`u2f/user/alice/my\.key@1-[A-Z2-7]{26}`,
			func(a *touchtest.Account, _ *touchtest.User) *touchtest.Console { return a.SetUpRoot() }, "alice",
			func(a *touchtest.Account, u *touchtest.User, k *softkey.Key) *touchtest.Console {
				return a.SignIn(u, k)
			},
		},
		"root for itself": {
			`u2f/root-account/my\.key@1-[A-Z2-7]{26}`,
			func(a *touchtest.Account, _ *touchtest.User) *touchtest.Console { return a.SetUpRoot() }, "",
			func(a *touchtest.Account, _ *touchtest.User, k *softkey.Key) *touchtest.Console {
				return a.SignInRoot(k)
			},
		},
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			a, _ := newAccount(t)
			u := a.NewUser("alice", touchtest.AdminPolicy)
			console := test.console(a, u)
			before := console
			if console.Session.PrincipalID != a.SignIn(u, nil).Session.PrincipalID && test.user != "" {
				before = a.SignIn(u, nil)
			}

			key := newKey()
			serial := console.MustEnrol(test.user, "my.key@1", key)
			if !regexp.MustCompile(`^arn:aws:iam::` + a.ID + `:` + test.serial + `$`).MatchString(serial) {
				t.Errorf("the serial number is %s", serial)
			}

			record := a.LastRecord("EnableMFADevice")
			if got := text(record.ResponseElements); got != fmt.Sprintf(`{"serialNumber":%q}`, serial) || record.ErrorCode != "" ||
				record.EventSource != "iam.amazonaws.com" {
				t.Errorf("the event is %+v", record)
			}
			if parameters := text(record.RequestParameters); test.user != "" && parameters != fmt.Sprintf(`{"userName":%q}`, test.user) ||
				test.user == "" && parameters != "null" {
				t.Errorf("the event has %s", parameters)
			}
			if got := len(a.Records("BeginMFADeviceRegistration")) + len(a.Records("FinishMFADeviceRegistration")); got != 0 {
				t.Errorf("%d events beside it", got)
			}

			// A session of the principal that began without the device ends; the one that assigned it goes on.
			if before != console {
				over(t, "a session from before", before, a)
			}
			if _, err := a.Server.SignIn.Admit(ctx, console.Token); err != nil {
				t.Errorf("the session that assigned it: %v", err)
			}
			if after := test.signIn(a, u, key); after.Session.MFASerial != serial || after.Session.MFAAt.IsZero() {
				t.Errorf("signed in with it: %+v", after.Session)
			}
		})
	}
}

// Whoever is given a key by an administrator cannot sign in without it.
func TestEnrolledUserMustUseIt(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	u := a.NewUser("alice", "")
	key := newKey()
	a.SetUpRoot().MustEnrol("alice", "key", key)
	p, err := a.Server.SignIn.User(ctx, touchtest.Visitor, a.ID, "alice", u.Password, "")
	must(t, err)
	if p.Session.Stage != store.StageMFA {
		t.Errorf("after the password the stage is %s", p.Session.Stage)
	}
	a.CompleteSignIn(p, key)
}

func TestDeviceNames(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	console := a.SetUpRoot()
	a.NewUser("alice", "")
	a.NewUser("bob", "")
	const one, device = "400 ValidationError: 1 validation error detected: ",
		"Value at 'deviceName' failed to satisfy constraint: Member must "
	const pattern = `satisfy regular expression pattern: [\w+=,.@-]+`
	console.MustEnrol("alice", "Key", newKey())
	for name, expected := range map[string]string{
		"":                      one + device + "not be null",
		"a":                     "",
		"_+=,.@-9Z":             "",
		strings.Repeat("n", 64): "",
		strings.Repeat("n", 65): one + device + "have length less than or equal to 64",
		"my key":                one + device + pattern,
		"a/b":                   one + device + pattern,
		"schl\u00fcssel":        one + device + pattern,
		strings.Repeat("\u00fc", 65): "400 ValidationError: 2 validation errors detected: " + device +
			"have length less than or equal to 64; " + device + pattern,
		"Key": nameTaken,
		"KEY": nameTaken,
	} {
		_, err := console.BeginEnrolment("alice", name)
		want(t, "begin "+name, err, expected)
	}

	console.MustEnrol("bob", "key", newKey()) // of somebody else's device
	// A name that was free at the beginning and is taken at the end.
	first, other := begin(t, console, "bob", "same"), begin(t, console, "bob", "SAME")
	_, err := console.FinishEnrolment("bob", first.ceremony, first.tap(t, a, newKey()))
	must(t, err)
	_, err = console.FinishEnrolment("bob", other.ceremony, other.tap(t, a, newKey()))
	want(t, "finish with a name taken meanwhile", err, nameTaken)
}

// Eight devices, any mix of principals; the ninth is refused at the beginning, and at the end when it was begun in time.
func TestEightDevices(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	root, admin := a.SetUpRoot(), a.SignIn(a.NewUser("admin", touchtest.AdminPolicy), nil)
	for n := range 7 {
		root.MustEnrol("alice", fmt.Sprint("key", n), newKey())
	}
	// Sixteen finish at once, for the last place; each administrator may have eight under way.
	const racers = 16
	type racer struct {
		console *touchtest.Console
		begun
		answer []byte
	}
	var all []racer
	for n := range racers {
		console := []*touchtest.Console{root, admin}[n%2]
		b := begin(t, console, "alice", fmt.Sprint("racer", n))
		all = append(all, racer{console, b, b.tap(t, a, newKey())})
	}
	errs := make(chan error, racers)
	for _, r := range all {
		go func() {
			_, err := r.console.FinishEnrolment("alice", r.ceremony, r.answer)
			errs <- err
		}()
	}
	var got []string
	for range racers {
		got = append(got, touchtest.Told(<-errs))
	}
	slices.Sort(got)
	if got[0] != "" || got[1] != eightDevices || got[racers-1] != eightDevices {
		t.Errorf("answers %q; want one success and otherwise LimitExceeded", got)
	}
	if got := serials(t, c, "alice"); len(got) != 8 {
		t.Errorf("alice has %d devices", len(got))
	}
	_, err := root.BeginEnrolment("alice", "ninth")
	want(t, "begin the ninth", err, eightDevices)
	refused := 0
	for _, r := range a.Records("EnableMFADevice") {
		if r.ErrorCode == "LimitExceeded" {
			refused++
		}
	}
	if refused != racers-1 {
		t.Errorf("%d events of refused finishes, want %d", refused, racers-1)
	}

	// A list of eight comes in pages.
	var paged []string
	in := &awsiam.ListMFADevicesInput{UserName: &u.Name, MaxItems: aws.Int32(3)}
	for {
		out, err := c.ListMFADevices(ctx, in)
		must(t, err)
		for _, d := range out.MFADevices {
			paged = append(paged, *d.SerialNumber)
		}
		if !out.IsTruncated {
			break
		}
		in.Marker = out.Marker
	}
	if all := serials(t, c, "alice"); !slices.Equal(paged, all) {
		t.Errorf("in pages %v\nat once %v", paged, all)
	}
	must(t, a.Server.State.Operator().SetQuota(ctx, a.ID, "MFADevicesPerUser", 9))
	root.MustEnrol("alice", "ninth", newKey())
}

// twins are two keys that give the same credential ids, as a copied key would.
func twins() (one, other *softkey.Key) {
	twin := func(k *softkey.Key) { k.Random = bytes.NewReader(bytes.Repeat([]byte{7}, 1<<10)) }
	return softkey.New(twin), softkey.New(twin)
}

// A key is registered once in the installation: with a principal by the browser and by the server, elsewhere by the server.
func TestKeyIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	a.NewUser("alice", "")
	a.NewUser("bob", "")
	console := a.SetUpRoot()
	key, twin := twins()
	again := begin(t, console, "alice", "again")
	console.MustEnrol("alice", "key", key)
	if _, err := console.Enrol("alice", "browser", key); err != softkey.ErrExcluded {
		t.Errorf("the browser was not told to exclude it: %v", err)
	}

	_, err := console.FinishEnrolment("alice", again.ceremony, again.tap(t, a, twin))
	want(t, "the same key, by the server", err, keyRegistered)
	_, twin = twins()
	_, err = console.Enrol("alice", "excluding", twin)
	if err != nil && err != softkey.ErrExcluded {
		want(t, "the same key, after the browser was told", err, keyRegistered)
	} else {
		t.Errorf("the twin of a registered key: %v", err)
	}

	_, twin = twins()
	_, err = console.Enrol("bob", "key", twin)
	want(t, "the same key with another user", err, keyRegistered)
	_, twin = twins()
	_, err = console.Enrol("", "key", twin)
	want(t, "the same key with root", err, keyRegistered)
	stranger := a.Server.NewAccount(t)
	_, twin = twins()
	_, err = stranger.SetUpRoot().Enrol("", "key", twin)
	want(t, "the same key in another account", err, keyRegistered)
	if got := a.LastRecord("EnableMFADevice"); got.ErrorCode != "EntityAlreadyExists" {
		t.Errorf("the event is %+v", got)
	}

	// Once it is removed it is free.
	must(t, deactivate(console, "alice", serials(t, c, "alice")[0]))
	console.MustEnrol("bob", "key", twin)
}

// The record of a registration is used once, by who began it and where, in five minutes.
func TestRegistrationCeremony(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	a.NewUser("alice", "")
	a.NewUser("bob", "")
	adminUser := a.NewUser("admin", touchtest.AdminPolicy)
	admin, again, root := a.SignIn(adminUser, nil), a.SignIn(adminUser, nil), a.SetUpRoot()
	stranger := a.Server.NewAccount(t).SetUpRoot()
	finish := func(what string, console *touchtest.Console, user, ceremony string, answer []byte, expected string) {
		t.Helper()
		_, err := console.FinishEnrolment(user, ceremony, answer)
		want(t, what, err, expected)
	}

	b := begin(t, admin, "alice", "key")
	answer := b.tap(t, a, newKey())
	finish("by another session of the same person", again, "alice", b.ceremony, answer, registrationOver)
	finish("by somebody else", root, "alice", b.ceremony, answer, registrationOver)
	finish("in another account", stranger, "", b.ceremony, answer, registrationOver)
	finish("by who began it", admin, "alice", b.ceremony, answer, "")
	finish("again", admin, "alice", b.ceremony, answer, registrationOver)

	b = begin(t, admin, "alice", "key2")
	answer = b.tap(t, a, newKey())
	finish("for another user", admin, "bob", b.ceremony, answer, registrationOver)
	finish("for the right one after that", admin, "alice", b.ceremony, answer, registrationOver)
	b = begin(t, admin, "alice", "key2")
	finish("for nobody that there is", admin, "nobody", b.ceremony, b.tap(t, a, newKey()), noUser("nobody"))

	b = begin(t, admin, "alice", "key3")
	finish("with an answer that is none", admin, "alice", b.ceremony, []byte("{}"),
		"400 InvalidInput: The security key's answer was refused (MalformedResponse). Try again, or use a different security key.")
	finish("with a right answer after that", admin, "alice", b.ceremony, b.tap(t, a, newKey()), registrationOver)

	b, other := begin(t, admin, "alice", "key4"), begin(t, admin, "alice", "key5")
	finish("with the answer to another", admin, "alice", b.ceremony, other.tap(t, a, newKey()),
		"400 InvalidInput: The security key's answer was refused (ChallengeMismatch). Try again, or use a different security key.")

	for _, bad := range []string{"x", a.ID + ".", a.ID + "." + strings.Repeat("A", 43), strings.Repeat("a", 256)} {
		finish("with a made-up name", admin, "alice", bad, answer, registrationOver)
	}
	finish("with a very long name", admin, "alice", strings.Repeat("a", 257), answer,
		"400 ValidationError: 1 validation error detected: Value at 'ceremonyId' failed to satisfy constraint: Member must have length less than or equal to 256")
	finish("with a very large answer", admin, "alice", b.ceremony, bytes.Repeat([]byte("a"), 1<<16+1),
		"400 ValidationError: 1 validation error detected: Value at 'credential' failed to satisfy constraint: Member must have length less than or equal to 65536")

	// The ninth that one person has under way is instead of the first.
	var nine []begun
	for n := range 9 {
		nine = append(nine, begin(t, admin, "bob", fmt.Sprint("nine", n)))
	}
	finish("the first of nine", admin, "bob", nine[0].ceremony, nine[0].tap(t, a, newKey()), registrationOver)
	finish("the last of nine", admin, "bob", nine[8].ceremony, nine[8].tap(t, a, newKey()), "")

	b = begin(t, admin, "alice", "late")
	answer = b.tap(t, a, newKey())
	a.Server.Clock.Advance(5*time.Minute + time.Second)
	finish("after five minutes", admin, "alice", b.ceremony, answer, registrationOver)
	if got := serials(t, c, "alice"); len(got) != 1 {
		t.Errorf("alice has %v", got)
	}
}

// register is a policy that allows enrolment, and says more.
func register(more string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetUser","iam:ListMFADevices"],"Resource":"*"},` + more + `]}`
}

const (
	allowStep = `{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"*","Condition":{"StringEquals":{"iam:RegisterSecurityKey":%s}}}`
	denyStep  = `{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"*"},
		{"Effect":"Deny","Action":"iam:EnableMFADevice","Resource":"*","Condition":{"StringEquals":{"iam:RegisterSecurityKey":%s}}}`
)

// Both steps are decided, each with its own value of iam:RegisterSecurityKey.
func TestRegisterSecurityKeyCondition(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy string
		begin  func(caller, action, resource string) string // nil is allowed
		finish func(caller, action, resource string) string
	}{
		"both allowed":          {register(fmt.Sprintf(allowStep, `["Create","Activate"]`)), nil, nil},
		"only Create allowed":   {register(fmt.Sprintf(allowStep, `"Create"`)), nil, touchtest.NotAllowed},
		"only Activate allowed": {register(fmt.Sprintf(allowStep, `"Activate"`)), touchtest.NotAllowed, nil},
		"Create denied":         {register(fmt.Sprintf(denyStep, `"Create"`)), touchtest.Forbidden, nil},
		"Activate denied":       {register(fmt.Sprintf(denyStep, `"Activate"`)), nil, touchtest.Forbidden},
		"a step that asks for the key's certification": {
			register(fmt.Sprintf(allowStep, `"Create"`) + `,{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"*",
				"Condition":{"StringEquals":{"iam:RegisterSecurityKey":"Activate","iam:FIDO-certification":["L1","L2"]}}}`), nil, touchtest.NotAllowed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, c := newAccount(t)
			u := a.NewUser("alice", test.policy)
			me := userARN(a, "/alice")
			console := a.SignIn(u, nil)
			out, err := console.BeginEnrolment("", "key")
			if test.begin != nil {
				want(t, "begin", err, test.begin(me, "iam:EnableMFADevice", "user alice"))
				if record := a.LastRecord("BeginMFADeviceRegistration"); record.ErrorCode != "AccessDenied" ||
					record.EventSource != "iam.amazonaws.com" {
					t.Errorf("the event is %+v", record)
				}
				return
			}

			must(t, err)
			b := begun{out.CeremonyId, out.Options}
			answer := b.tap(t, a, newKey())
			serial, err := console.FinishEnrolment("", b.ceremony, answer)
			if test.finish == nil {
				want(t, "finish", err, "")
				return
			}

			want(t, "finish", err, test.finish(me, "iam:EnableMFADevice", "user alice"))
			if record := a.LastRecord("EnableMFADevice"); record.ErrorCode != "AccessDenied" || serial != "" {
				t.Errorf("the event is %+v", record)
			}
			if got := serials(t, c, "alice"); got != nil {
				t.Errorf("alice has %v", got)
			}

			a.PutPolicy("alice", touchtest.AdminPolicy)
			_, err = console.FinishEnrolment("", b.ceremony, answer)
			want(t, "finish once it is allowed", err, registrationOver)
		})
	}
}

// What changes between the steps, and between the gate and the transaction, counts.
func TestEnrolmentIsDecidedInTheTransaction(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	me := userARN(a, "/alice")
	admin := a.SetUpRoot()
	console := a.SignIn(u, nil)
	finish := func(b begun, do func()) error {
		answer := b.tap(t, a, newKey())
		_, err := callIn(t,
			// Claim is a transaction too: the second is the one in which the device is stored.
			&inTransaction{Context: ctx, do: do, after: 1}, a, console, touchstoneapi.FinishMFADeviceRegistration,
			&touchstoneapi.FinishMFADeviceRegistrationInput{CeremonyId: awsquery.Secret(b.ceremony), Credential: awsquery.Secret(answer)})
		return err
	}

	b := begin(t, console, "", "one")
	a.PutPolicy("alice", register(fmt.Sprintf(denyStep, `"Create"`)))
	want(t, "denied between the steps", finish(b, nil), touchtest.Forbidden(me, "iam:EnableMFADevice", "user alice"))
	a.PutPolicy("alice", touchtest.AdminPolicy)
	b = begin(t, console, "", "two")
	want(t, "denied after the gate", finish(b, func() { a.PutPolicy("alice", register(fmt.Sprintf(denyStep, `"Activate"`))) }),
		touchtest.Forbidden(me, "iam:EnableMFADevice", "user alice"))
	a.PutPolicy("alice", touchtest.AdminPolicy)
	b = begin(t, console, "", "three")
	if err := finish(b, func() { admin.MustEnrol("alice", "given", newKey()) }); err == nil ||
		!strings.Contains(err.Error(), "no such session") {
		t.Errorf("given another device after the gate: %v, want the session to be over", err)
	}
	if got := serials(t, c, "alice"); len(got) != 1 {
		t.Errorf("alice has %v", got)
	}
}

// By name, and by the tags of the user, as for every operation on users.
func TestEnrolmentForAnotherIsAuthorized(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "bob", "/staff/")
	for _, test := range []struct {
		policy, user string
		denied       bool
	}{
		{register(fmt.Sprintf(denyStep, `"Activate"`)), "bob", false},
		{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"arn:aws:iam::*:user/${aws:username}"}}`, "bob", true},
		{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"arn:aws:iam::*:user/${aws:username}"}}`, "nobody", true},
	} {
		u := a.NewUser(fmt.Sprint("alice-", len(test.policy), test.user), test.policy)
		_, err := a.SignIn(u, nil).BeginEnrolment(test.user, "key")
		expected := ""
		if test.denied {
			expected = touchtest.NotAllowed(userARN(a, "/"+u.Name), "iam:EnableMFADevice", "user "+test.user)
		}
		want(t, test.policy+" for "+test.user, err, expected)
	}

	_, err := a.SetUpRoot().BeginEnrolment("nobody", "key")
	want(t, "for a user who is not there", err, noUser("nobody"))
}

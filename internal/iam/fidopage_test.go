package iam_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// credential is how a test asks for operations as somebody: in the console, or by API with an access key.
type credential struct {
	console *touchtest.Console
	account *touchtest.Account
	key     aws.Credentials
}

// can reports whether the operation can be asked for at all.
func (c credential) can(o touchtest.Operation) bool { return c.console != nil || o.Wire != nil }

func (c credential) do(o touchtest.Operation) error {
	if c.console != nil {
		return o.Console(c.console)
	}
	return o.Wire(c.account.IAM(c.key))
}

func (c credential) changePassword(from, to string) error {
	if c.console != nil {
		return second(touchtest.Call(c.console, iamapi.ChangePassword,
			&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(from), NewPassword: awsquery.Secret(to)}))
	}
	return second(c.account.IAM(c.key).ChangePassword(ctx, &awsiam.ChangePasswordInput{OldPassword: &from, NewPassword: &to}))
}

func (c credential) callerIdentity() error {
	if c.console != nil {
		return second(touchtest.Call(c.console, stsapi.GetCallerIdentity, &stsapi.GetCallerIdentityInput{}))
	}
	return second(c.account.STS(c.key).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{}))
}

// The self-management policy of the FIDO page, cell by cell: each operation, on oneself and on another user, with each kind of
// credential that there is.
func TestFIDOPagePolicy(t *testing.T) {
	t.Parallel()
	const none = "arn:aws:iam::000000000000:u2f/user/alice/none-AAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, column := range map[string]struct {
		mfa      bool // the credential was made with MFA
		further  bool // the user has a device that the credential was not made with
		obtained func(*testing.T, *touchtest.Account, *touchtest.User) (c credential, serial string)
	}{
		"console without MFA": {false, false, func(_ *testing.T, a *touchtest.Account, u *touchtest.User) (credential, string) {
			return credential{console: a.SignIn(u, nil)}, none
		}},
		"console without MFA, since then a device": {
			false, true,
			func(_ *testing.T, a *touchtest.Account, u *touchtest.User) (credential, string) {
				c := a.SignIn(u, nil)
				return credential{console: c}, c.MustEnrol("", "key", newKey())
			},
		},
		"console with MFA": {true, false, func(_ *testing.T, a *touchtest.Account, u *touchtest.User) (credential, string) {
			key := newKey()
			serial := a.SignIn(u, nil).MustEnrol("", "key", key)
			return credential{console: a.SignIn(u, key)}, serial
		}},
		"console with MFA, since then no device": {
			true, false,
			func(t *testing.T, a *touchtest.Account, u *touchtest.User) (credential, string) {
				key := newKey()
				serial := a.SignIn(u, nil).MustEnrol("", "key", key)
				c := a.SignIn(u, key)
				must(t, deactivate(c, "", serial))
				return credential{console: c}, none
			},
		},
		"long-term key": {false, false, func(_ *testing.T, a *touchtest.Account, u *touchtest.User) (credential, string) {
			return credential{account: a, key: u.Key}, none
		}},
		"long-term key of a user with a device": {
			false, true,
			func(_ *testing.T, a *touchtest.Account, u *touchtest.User) (credential, string) {
				return credential{account: a, key: u.Key}, a.SignIn(u, nil).MustEnrol("", "key", newKey())
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newAccount(t)
			bob := touchtest.NewTarget(t, a)
			u := a.NewUser("alice", touchtest.FIDOPagePolicy)
			me := userARN(a, "/alice")
			c, serial := column.obtained(t, a, u)

			// What the policy does not list is denied explicitly until MFA was used, and implicitly then.
			unlisted := touchtest.Forbidden
			if column.mfa {
				unlisted = touchtest.NotAllowed
			}
			want(t, "GetCallerIdentity", c.callerIdentity(), "")
			want(t, "ChangePassword", c.changePassword(u.Password, "Passw0rd-2"), unlisted(me, "iam:ChangePassword", "user alice"))
			for _, o := range operations(bob) {
				if !c.can(o) {
					continue
				}
				expected := o.Refused(me, unlisted)
				switch o.Action {
				case "iam:GetUser", "iam:ListMFADevices", "iam:EnableMFADevice":
					expected = o.NotAllowed(me) // the deny leaves them out, and nothing allows them
				}
				want(t, o.Name+" on another user", c.do(o), expected)
			}
			for _, o := range operations(touchtest.Target{
				Name: "alice", Path: "/", AccessKeyID: u.Key.AccessKeyID, Serial: serial,
				AccountID: a.ID,
			}) {
				if !c.can(o) || o.Name == "EndAllSessions" { // which would end this one
					continue
				}
				expected := o.Refused(me, unlisted)
				switch o.Name {
				case "GetUser", "ListMFADevices", "ListMFADeviceDetails", "ListSessions":
					expected = ""
				case "EndSession": // one's own sessions need no permission
					expected = "404 NoSuchEntity: The session x cannot be found."
				case "EnableMFADevice":
					expected = noDevice(serial)
					if column.further {
						expected = useOneFirst(me, o.Action)
					}
				case "BeginMFADeviceRegistration":
					switch {
					case column.further:
						expected = useOneFirst(me, o.Action)
					case column.mfa && serial != none:
						expected = nameTaken // that is, it may
					default:
						expected = ""
					}
				case "FinishMFADeviceRegistration":
					expected = registrationOver // it may, and there is none of that name
				case "DeactivateMFADevice":
					switch {
					case column.mfa && serial == none:
						expected = noDevice(serial)
					case column.mfa:
						expected = ""
					}
				}
				want(t, o.Name+" on oneself", c.do(o), expected)
			}
		})
	}
}

// The same policy as the page tells it: a first key by password alone, everything else with the key.
func TestFIDOPageJourney(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.FIDOPagePolicy)
	me := userARN(a, "/alice")
	first, next := newKey(), newKey()
	console := a.SignIn(u, nil)
	serial := console.MustEnrol("", "first", first)
	want(t, "remove it, signed in without it", deactivate(console, "", serial),
		touchtest.Forbidden(me, "iam:DeactivateMFADevice", "user alice"))
	_, err := a.IAM(u.Key).DeactivateMFADevice(ctx, &awsiam.DeactivateMFADeviceInput{UserName: &u.Name, SerialNumber: &serial})
	want(t, "remove it by API", err, touchtest.Forbidden(me, "iam:DeactivateMFADevice", "user alice"))
	console = a.SignIn(u, first)
	console.MustEnrol("", "next", next)
	must(t, deactivate(console, "", serial))
	console = a.SignIn(u, next)
	if got := serials(t, c, "alice"); len(got) != 1 || got[0] != console.Session.MFASerial {
		t.Errorf("alice has %v, and signed in with %s", got, console.Session.MFASerial)
	}

	// A password that must be changed cannot be under this policy, not even at the sign-in that asks for it.
	required := true
	_, err = c.UpdateLoginProfile(ctx, &awsiam.UpdateLoginProfileInput{UserName: &u.Name, PasswordResetRequired: &required})
	must(t, err)
	console = a.SignIn(u, next)
	if console.Session.Stage != store.StageChangePassword {
		t.Fatalf("the stage is %s", console.Session.Stage)
	}
	want(t, "the forced change, with MFA", credential{console: console}.changePassword(u.Password, "Passw0rd-2"),
		touchtest.NotAllowed(me, "iam:ChangePassword", "user alice"))
	b := a.NewUser("bob", touchtest.FIDOPagePolicy)
	_, err = c.UpdateLoginProfile(ctx, &awsiam.UpdateLoginProfileInput{UserName: &b.Name, PasswordResetRequired: &required})
	must(t, err)
	want(t, "the forced change, without MFA", credential{console: a.SignIn(b, nil)}.changePassword(b.Password, "Passw0rd-2"),
		touchtest.Forbidden(userARN(a, "/bob"), "iam:ChangePassword", "user bob"))
}

// No policy applies to the root user, with any credential.
func TestRootMayEverything(t *testing.T) {
	t.Parallel()
	for name, obtained := range map[string]func(*touchtest.Account, *touchtest.Console) credential{
		"console without MFA": func(_ *touchtest.Account, c *touchtest.Console) credential { return credential{console: c} },
		"console with MFA": func(a *touchtest.Account, c *touchtest.Console) credential {
			key := newKey()
			c.MustEnrol("", "key", key)
			return credential{console: a.SignInRoot(key)}
		},
		"long-term key": func(a *touchtest.Account, _ *touchtest.Console) credential {
			return credential{account: a, key: a.Root}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newAccount(t)
			root := a.SetUpRoot()
			bob := a.NewTarget(t, root, "bob")
			c := obtained(a, root)

			want(t, "GetCallerIdentity", c.callerIdentity(), "")
			for _, o := range operations(bob) {
				if !c.can(o) {
					continue
				}
				if err := c.do(o); err != nil && !slices.Contains(o.Codes, touchtest.CodeOf(err)) {
					t.Errorf("%s: %v", o.Name, err)
				}
			}
		})
	}
}

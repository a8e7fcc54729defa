package iam_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// accountOperations are the operations of this file that are asked of the policies.
func accountOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Of(iamapi.CreateAccountAlias, "*", "",
			iamapi.CreateAccountAliasInput{AccountAlias: "alias-of-" + strings.ToLower(u.AccessKeyID)}),
		touchtest.Of(iamapi.ListAccountAliases, "*", "", iamapi.ListAccountAliasesInput{}),
		touchtest.Of(iamapi.DeleteAccountAlias, "*", "", iamapi.DeleteAccountAliasInput{AccountAlias: "alias"}),
		touchtest.Of(iamapi.GetAccountSummary, "*", "", iamapi.GetAccountSummaryInput{}),
	}
}

// accountErrors are the errors that the model declares for them.
var accountErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		"CreateAccountAlias EntityAlreadyExists": func(s *touchtest.Stage) error {
			other := s.Server.NewAccount(s.T)
			in := &awsiam.CreateAccountAliasInput{AccountAlias: aws.String("alias-" + s.ID)}
			_, err := other.IAM(other.Root).CreateAccountAlias(ctx, in)
			must(s.T, err)
			return second(s.Root.CreateAccountAlias(ctx, in))
		},
		"DeleteAccountAlias NoSuchEntity": func(s *touchtest.Stage) error {
			return second(s.Root.DeleteAccountAlias(ctx, &awsiam.DeleteAccountAliasInput{AccountAlias: aws.String("nothing")}))
		},
	},
	Unreachable: map[string]string{
		"CreateAccountAlias LimitExceeded": "a second alias replaces the first",
		"DeleteAccountAlias LimitExceeded": "makes nothing that is counted",
	},
}

func TestAccountAlias(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	other := a.Server.NewAccount(t)
	create := func(alias string) error {
		_, err := c.CreateAccountAlias(ctx, &awsiam.CreateAccountAliasInput{AccountAlias: &alias})
		return err
	}
	aliases := func(expected ...string) {
		t.Helper()
		out, err := c.ListAccountAliases(ctx, &awsiam.ListAccountAliasesInput{})
		must(t, err)
		if !slices.Equal(out.AccountAliases, expected) || out.IsTruncated || out.Marker != nil {
			t.Errorf("aliases %v, want %v", out, expected)
		}
	}
	aliases()
	must(t, create("acme"))
	if got := text(a.LastRecord("CreateAccountAlias").RequestParameters); got != `{"accountAlias":"acme"}` {
		t.Errorf("the event has %s", got)
	}
	aliases("acme")
	must(t, create("acme")) // the same again
	must(t, create("acme-2"))
	aliases("acme-2")
	_, err := other.IAM(other.Root).CreateAccountAlias(ctx, &awsiam.CreateAccountAliasInput{AccountAlias: aws.String("acme")})
	must(t, err) // what was replaced is free
	want(t, "another account's", create("acme"), "409 EntityAlreadyExists: The account alias acme already exists.")
	aliases("acme-2")
	u := a.NewUser("alice", "")
	if _, err := a.Server.SignIn.User(ctx, touchtest.Visitor, "acme-2", "alice", u.Password, ""); err != nil {
		t.Errorf("signing in by the alias: %v", err)
	}

	const pattern = "Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$"
	const one, two = "400 ValidationError: 1 validation error detected: ", "400 ValidationError: 2 validation errors detected: "
	for alias, expected := range map[string]string{
		"abc":                   "",
		strings.Repeat("a", 63): "",
		"a-b-c":                 "",
		"123456789012":          "400 ValidationError: The account alias must not be a 12-digit number, with or without hyphens.",
		"12345678901":           "",
		"1234567890123":         "",
		"ab": two +
			"Value at 'accountAlias' failed to satisfy constraint: Member must have length greater than or equal to 3; " + pattern,
		strings.Repeat("a", 64): two +
			"Value at 'accountAlias' failed to satisfy constraint: Member must have length less than or equal to 63; " + pattern,
		"Abc":  one + pattern,
		"-abc": one + pattern,
		"abc-": one + pattern,
		"a--b": one + pattern,
		"a_b":  one + pattern,
		"a.b":  one + pattern,
	} {
		want(t, alias, create(alias), expected)
	}

	must(t, create("acme-3"))
	remove := func(alias string) error {
		_, err := c.DeleteAccountAlias(ctx, &awsiam.DeleteAccountAliasInput{AccountAlias: &alias})
		return err
	}
	want(t, "remove another account's", remove("acme"), "404 NoSuchEntity: The account alias acme cannot be found.")
	must(t, remove("acme-3"))
	if got := text(a.LastRecord("DeleteAccountAlias").RequestParameters); got != `{"accountAlias":"acme-3"}` {
		t.Errorf("the event has %s", got)
	}
	aliases()
	want(t, "remove again", remove("acme-3"), "404 NoSuchEntity: The account alias acme-3 cannot be found.")
	want(t, "remove what cannot be one", remove("A"),
		two+"Value at 'accountAlias' failed to satisfy constraint: Member must have length greater than or equal to 3; "+pattern)
}

func TestGetAccountSummary(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	summary := func() map[string]int32 {
		t.Helper()
		out, err := c.GetAccountSummary(ctx, &awsiam.GetAccountSummaryInput{})
		must(t, err)
		return out.SummaryMap
	}

	fresh := map[string]int32{
		"Users": 0, "UsersQuota": 5000, "Groups": 0, "GroupsQuota": 300, "Roles": 0, "RolesQuota": 1000,
		"Policies": 0, "PoliciesQuota": 1500, "PolicyVersionsInUse": 0, "PolicyVersionsInUseQuota": 10000,
		"InstanceProfiles": 0, "InstanceProfilesQuota": 1000, "ServerCertificates": 0, "ServerCertificatesQuota": 20,
		"Providers": 0, "MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0, "AccountAccessKeysPresent": 1,
		"AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0, "AccessKeysPerUserQuota": 2,
		"SigningCertificatesPerUserQuota": 2, "GroupsPerUserQuota": 10, "VersionsPerPolicyQuota": 5,
		"AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10, "AttachedPoliciesPerUserQuota": 10,
		"PolicySizeQuota": 6144, "UserPolicySizeQuota": 2048, "GroupPolicySizeQuota": 5120, "RolePolicySizeQuota": 10240,
		"AssumeRolePolicySizeQuota": 2048, "GlobalEndpointTokenVersion": 1,
	}

	check := func(changed map[string]int32) {
		t.Helper()
		got := summary()
		for key, value := range changed {
			fresh[key] = value
		}
		for key, value := range fresh {
			if v, ok := got[key]; !ok || v != value {
				t.Errorf("%s is %d, want %d", key, v, value)
			}
		}
		if len(got) != len(fresh) {
			t.Errorf("%d keys, want %d", len(got), len(fresh))
		}
	}

	check(nil)
	if record := a.LastRecord("GetAccountSummary"); record.RequestParameters != nil || record.ResponseElements != nil ||
		!record.ReadOnly {
		t.Errorf("the event is %+v", record)
	}

	u := a.NewUser("alice", touchtest.AdminPolicy)
	check(map[string]int32{"Users": 1})
	console := a.SignIn(u, nil)
	console.MustEnrol("", "one", newKey())
	check(map[string]int32{"MFADevices": 1, "MFADevicesInUse": 1})
	root := a.SetUpRoot()
	check(map[string]int32{"AccountPasswordPresent": 1})
	root.MustEnrol("", "root-key", newKey())
	check(map[string]int32{"MFADevices": 2, "MFADevicesInUse": 2, "AccountMFAEnabled": 1})
	read := createPolicy(t, c, "read", allow("iam:GetUser"))
	must(t, newVersion(c, read, allow("s3:*"), false))
	check(map[string]int32{"Policies": 1, "PolicyVersionsInUse": 1})
	quota(t, a, "VersionsPerPolicy", 3)
	check(map[string]int32{"VersionsPerPolicyQuota": 3})
	quota(t, a, "UsersPerAccount", 7)
	check(map[string]int32{"UsersQuota": 7})

	// What another account has is not counted.
	a.Server.NewAccount(t).NewUser("bob", "")
	check(nil)
}

// An alias that the sign-in page would take for an account id would lead to another account's page.
func TestAliasIsNoAccountID(t *testing.T) {
	t.Parallel()
	_, c := newAccount(t)
	for _, alias := range []string{"111122223333", "1111-2222-3333", "111122223-333"} {
		_, err := c.CreateAccountAlias(ctx, &awsiam.CreateAccountAliasInput{AccountAlias: &alias})
		if got := touchtest.Told(err); !strings.Contains(got, "ValidationError") || !strings.Contains(got, "12-digit number") {
			t.Errorf("%s: answered %q, want a ValidationError", alias, got)
		}
	}
}

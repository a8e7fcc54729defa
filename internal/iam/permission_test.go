package iam_test

import (
	"slices"
	"strings"
	"testing"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/iam"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// operations are all that are built, each about the target where it is about a user. Those that end what others are about come
// last, and those on users last of all.
func operations(u touchtest.Target) []touchtest.Operation {
	all := slices.Concat(
		accountOperations(u), loginProfileOperations(u), userPolicyOperations(u), tagOperations(u), accessKeyOperations(u),
		mfaDeviceOperations(u), enrolmentOperations(u), directoryOperations(u), sessionOperations(u), policyOperations(u),
		userOperations(u),
	)
	slices.SortStableFunc(all, func(a, b touchtest.Operation) int { return ends(a) - ends(b) })
	return all
}

func ends(o touchtest.Operation) int {
	if strings.HasPrefix(o.Name, "Delete") || strings.HasPrefix(o.Name, "Deactivate") {
		return 1
	}
	return 0
}

// definedHere lists the operations that this package defines.
func definedHere() []string {
	table := api.NewTable(iamapi.Operations())
	table.AddInProcess(touchstoneapi.Operations())
	new(iam.Operations).Define(table)
	return table.Defined()
}

// The operations that the table does not have are about the caller alone, or ask for nothing.
func TestEveryOperationIsInTheTable(t *testing.T) {
	t.Parallel()
	touchtest.CheckTable(t, definedHere(), operations(touchtest.Target{}), "ChangePassword", "DescribeAccount", "ValidatePolicy")
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	bob := touchtest.NewTarget(t, a)
	touchtest.CheckPermissions(t, a, bob, operations(bob))
}

func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	touchtest.CheckSecrecy(t, a, operations)
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
		"/staff":      touchtest.NotAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/staff"),
		"/":           touchtest.NotAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/"),
		"/other/":     touchtest.NotAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/other/"),
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
	want(t, "list without a path", err, touchtest.NotAllowed(me, "iam:ListUsers", "arn:aws:iam::"+a.ID+":user/"))
	a.PutPolicy("alice", allow("iam:ListUsers"))
	_, err = a.IAM(u.Key).ListUsers(ctx, &awsiam.ListUsersInput{})
	want(t, "list with Resource *", err, "")
}

// A stored policy that cannot be decided denies everything, and its reader is told nothing of it.
func TestUndecidablePolicy(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	touchtest.CheckUndecidable(t, a, operations(touchtest.NewTarget(t, a)))
}

package iam_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// stage is an account in which an error is caused: alice, who may do everything, and root.
type stage struct {
	*touchtest.Account
	t     *testing.T
	alice *touchtest.User
	root  *awsiam.Client
}

// causes are the declared errors that can be caused, by "Operation Code": each makes the error from nothing.
var causes = map[string]func(*stage) error{
	"CreateUser LimitExceeded": func(s *stage) error {
		quota(s.t, s.Account, "UsersPerAccount", 1)
		return second(s.root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("bob")}))
	},
	"CreateUser EntityAlreadyExists": func(s *stage) error {
		return second(s.root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("ALICE")}))
	},
	"CreateUser InvalidInput": func(s *stage) error {
		return second(s.root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String("bob"), Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}}))
	},
	"UpdateUser EntityAlreadyExists": func(s *stage) error {
		createUser(s.t, s.root, "bob", "/")
		return second(s.root.UpdateUser(ctx, &awsiam.UpdateUserInput{UserName: aws.String("bob"), NewUserName: aws.String("alice")}))
	},
	"DeleteUser DeleteConflict": func(s *stage) error {
		return second(s.root.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: aws.String("alice")}))
	},
	"CreateLoginProfile EntityAlreadyExists": func(s *stage) error {
		return second(s.root.CreateLoginProfile(ctx, &awsiam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Passw0rd")}))
	},
	"CreateLoginProfile PasswordPolicyViolation": func(s *stage) error {
		createUser(s.t, s.root, "bob", "/")
		return second(s.root.CreateLoginProfile(ctx, &awsiam.CreateLoginProfileInput{UserName: aws.String("bob"), Password: aws.String("short")}))
	},
	"UpdateLoginProfile PasswordPolicyViolation": func(s *stage) error {
		return second(s.root.UpdateLoginProfile(ctx, &awsiam.UpdateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("short")}))
	},
	"ChangePassword NoSuchEntity": func(s *stage) error {
		_, err := s.root.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("alice")})
		must(s.t, err)
		return s.changePassword("Passw0rd")
	},
	"ChangePassword InvalidUserType": func(s *stage) error {
		return second(s.root.ChangePassword(ctx, &awsiam.ChangePasswordInput{OldPassword: aws.String("Passw0rd"), NewPassword: aws.String("Passw0rd-2")}))
	},
	"ChangePassword PasswordPolicyViolation": func(s *stage) error { return s.changePassword("short") },
	"ChangePassword EntityTemporarilyUnmodifiable": func(s *stage) error {
		// Two windows of one session: the second's change comes between the first's proof and its transaction.
		console := s.SignIn(s.alice, nil)
		change := func(in context.Context, to awsquery.Secret) error {
			return second(callIn(s.t, in, s.Account, console, iamapi.ChangePassword,
				&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(s.alice.Password), NewPassword: to}))
		}
		return change(&inTransaction{Context: ctx, do: func() { must(s.t, change(ctx, "Passw0rd-2")) }}, "Passw0rd-3")
	},
	"ChangePassword ServiceFailure": func(s *stage) error {
		breakPolicy(s.t, s.Account, "alice")
		return s.changePassword("Passw0rd")
	},
	"PutUserPolicy LimitExceeded": func(s *stage) error {
		return s.putPolicy(fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/%s"}}`, strings.Repeat("a", 2048)))
	},
	"PutUserPolicy MalformedPolicyDocument": func(s *stage) error { return s.putPolicy("{}") },
	"TagUser LimitExceeded": func(s *stage) error {
		quota(s.t, s.Account, "TagsPerUser", 1)
		return tagUser(s.root, "alice", "a", "", "b", "")
	},
	"TagUser InvalidInput": func(s *stage) error { return tagUser(s.root, "alice", "aws:x", "") },
	"SimulateCustomPolicy InvalidInput": func(s *stage) error {
		return second(s.root.SimulateCustomPolicy(ctx, &awsiam.SimulateCustomPolicyInput{PolicyInputList: []string{"{}"}, ActionNames: []string{"iam:GetUser"}}))
	},
	"SimulatePrincipalPolicy InvalidInput": func(s *stage) error {
		source := "arn:aws:sts::" + s.ID + ":assumed-role/a/b"
		return second(s.root.SimulatePrincipalPolicy(ctx, &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: []string{"iam:GetUser"}}))
	},
	"SimulatePrincipalPolicy PolicyEvaluation": func(s *stage) error {
		breakPolicy(s.t, s.Account, "alice")
		source := userARN(s.Account, "/alice")
		return second(s.root.SimulatePrincipalPolicy(ctx, &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: []string{"iam:GetUser"}}))
	},
	"GetContextKeysForCustomPolicy InvalidInput": func(s *stage) error {
		return second(s.root.GetContextKeysForCustomPolicy(ctx, &awsiam.GetContextKeysForCustomPolicyInput{PolicyInputList: []string{"{}"}}))
	},
	"GetContextKeysForPrincipalPolicy InvalidInput": func(s *stage) error {
		source := userARN(s.Account, "/alice")
		return second(s.root.GetContextKeysForPrincipalPolicy(ctx, &awsiam.GetContextKeysForPrincipalPolicyInput{PolicySourceArn: &source, PolicyInputList: []string{"{}"}}))
	},
	"CreateAccessKey LimitExceeded": func(s *stage) error {
		quota(s.t, s.Account, "AccessKeysPerUser", 1)
		return second(s.root.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: aws.String("alice")}))
	},
	"CreateAccountAlias EntityAlreadyExists": func(s *stage) error {
		other := s.Server.NewAccount(s.t)
		in := &awsiam.CreateAccountAliasInput{AccountAlias: aws.String("alias-" + s.ID)}
		_, err := other.IAM(other.Root).CreateAccountAlias(ctx, in)
		must(s.t, err)
		return second(s.root.CreateAccountAlias(ctx, in))
	},
	"DeleteAccountAlias NoSuchEntity": func(s *stage) error {
		return second(s.root.DeleteAccountAlias(ctx, &awsiam.DeleteAccountAliasInput{AccountAlias: aws.String("nothing")}))
	},
	// The way of a security key into EnableMFADevice is through the console.
	"EnableMFADevice LimitExceeded": func(s *stage) error {
		quota(s.t, s.Account, "MFADevicesPerUser", 0)
		return second(s.SignIn(s.alice, nil).BeginEnrolment("", "key"))
	},
	"EnableMFADevice EntityAlreadyExists": func(s *stage) error {
		root := s.SetUpRoot()
		root.MustEnrol("alice", "key", newKey())
		return second(root.BeginEnrolment("alice", "key"))
	},
}

func (s *stage) changePassword(to string) error {
	return second(s.IAM(s.alice.Key).ChangePassword(ctx, &awsiam.ChangePasswordInput{OldPassword: &s.alice.Password, NewPassword: &to}))
}

func (s *stage) putPolicy(document string) error {
	return second(s.root.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("p"), PolicyDocument: &document}))
}

// unreachable are the declared errors that nothing causes, with the reason; "*" stands for every operation.
var unreachable = map[string]string{
	"* ConcurrentModification":                          "changes to an account wait for each other",
	"CreateUser NoSuchEntity":                           "is about a permissions boundary, which is NotImplemented",
	"UpdateUser LimitExceeded":                          "makes nothing that is counted",
	"UpdateUser EntityTemporarilyUnmodifiable":          "a user made anew under an old name can be changed at once",
	"DeleteUser LimitExceeded":                          "makes nothing that is counted",
	"CreateLoginProfile LimitExceeded":                  "a second login profile is EntityAlreadyExists",
	"UpdateLoginProfile LimitExceeded":                  "makes nothing that is counted",
	"UpdateLoginProfile EntityTemporarilyUnmodifiable":  "what it replaces is read in its own transaction",
	"DeleteLoginProfile LimitExceeded":                  "makes nothing that is counted",
	"DeleteLoginProfile EntityTemporarilyUnmodifiable":  "what it removes is read in its own transaction",
	"ChangePassword LimitExceeded":                      "makes nothing that is counted",
	"DeleteUserPolicy LimitExceeded":                    "makes nothing that is counted",
	"UpdateAccessKey LimitExceeded":                     "makes nothing that is counted",
	"UpdateAccessKey InvalidInput":                      "a status that cannot be set is a ValidationError",
	"DeleteAccessKey LimitExceeded":                     "makes nothing that is counted",
	"SimulateCustomPolicy PolicyEvaluation":             "what cannot be read is InvalidInput, and what was read can be evaluated",
	"CreateAccountAlias LimitExceeded":                  "a second alias replaces the first",
	"DeleteAccountAlias LimitExceeded":                  "makes nothing that is counted",
	"DeactivateMFADevice LimitExceeded":                 "makes nothing that is counted",
	"DeactivateMFADevice EntityTemporarilyUnmodifiable": "a user made anew under an old name can be changed at once",
	"EnableMFADevice EntityTemporarilyUnmodifiable":     "a user made anew under an old name can be changed at once",
	"EnableMFADevice InvalidAuthenticationCode":         "there is no device that shows codes yet: none is found",
}

// everyCause is causes with the two that operations share: a user who is not there, and a fault of the service.
func everyCause() map[string]func(*stage) error {
	all := make(map[string]func(*stage) error)
	for name, cause := range causes {
		all[name] = cause
	}
	nobody := target{"nobody", ":user/nobody", "AKIAAAAAAAAAAAAAAAAA", "arn:aws:iam::000000000000:u2f/user/nobody/key-AAAAAAAAAAAAAAAAAAAAAAAAAA", "000000000000"}
	for _, o := range operations(nobody) {
		if o.wire == nil {
			continue
		}
		if o.resource == nobody.arn && o.name != "GetAccessKeyLastUsed" {
			all[o.name+" NoSuchEntity"] = func(s *stage) error { return o.wire(s.root) }
		}
		all[o.name+" ServiceFailure"] = func(s *stage) error {
			breakPolicy(s.t, s.Account, "alice")
			return o.wire(s.IAM(s.alice.Key))
		}
	}
	return all
}

// Every error that the model declares for an operation that is built is caused here, or has a reason why it cannot be.
func TestDeclaredErrors(t *testing.T) {
	t.Parallel()
	server := start(t)
	defined, all := server.API.Table.Defined(), everyCause()
	used := make(map[string]bool)
	for _, o := range iamapi.Operations() {
		if !slices.Contains(defined, "iam:"+o.Name) {
			continue
		}
		for _, code := range o.Errors {
			name := o.Name + " " + code
			cause := all[name]
			reason := unreachable[name]
			used[name] = true
			if general, ok := unreachable["* "+code]; ok {
				reason, used["* "+code] = general, true
			}
			switch {
			case cause == nil && reason == "":
				t.Errorf("%s: is declared, not caused, and has no reason why", name)
			case cause != nil && reason != "":
				t.Errorf("%s: is caused, although %s", name, reason)
			case cause != nil:
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					a := server.NewAccount(t)
					s := &stage{a, t, a.NewUser("alice", touchtest.AdminPolicy), a.IAM(a.Root)}
					if err := cause(s); codeOf(err) != code {
						t.Errorf("answered %q, want %s", told(err), code)
					}
				})
			}
		}
	}
	for name := range causes {
		if !used[name] {
			t.Errorf("%s: is caused and not declared", name)
		}
	}
	for name := range unreachable {
		if !used[name] {
			t.Errorf("%s: has a reason and is not declared", name)
		}
	}
}

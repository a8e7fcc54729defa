package iam_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// loginProfileOperations are the operations of this file that are asked of the policies.
func loginProfileOperations(u touchtest.Target) []touchtest.Operation {
	return []touchtest.Operation{
		touchtest.Of(iamapi.CreateLoginProfile, u.ARN(), u.Named(),
			iamapi.CreateLoginProfileInput{UserName: u.Name, Password: "Passw0rd"}),
		touchtest.Of(iamapi.GetLoginProfile, u.ARN(), u.Named(), iamapi.GetLoginProfileInput{UserName: u.Name}),
		touchtest.Of(iamapi.UpdateLoginProfile, u.ARN(), u.Named(), iamapi.UpdateLoginProfileInput{UserName: u.Name}),
		touchtest.Of(iamapi.DeleteLoginProfile, u.ARN(), u.Named(), iamapi.DeleteLoginProfileInput{UserName: u.Name}),
	}
}

// loginProfileErrors are the errors that the model declares for them.
var loginProfileErrors = touchtest.Declared{
	Causes: map[string]func(*touchtest.Stage) error{
		"CreateLoginProfile EntityAlreadyExists": func(s *touchtest.Stage) error {
			return second(s.Root.CreateLoginProfile(ctx,
				&awsiam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Passw0rd")}))
		},
		"CreateLoginProfile PasswordPolicyViolation": func(s *touchtest.Stage) error {
			createUser(s.T, s.Root, "bob", "/")
			return second(s.Root.CreateLoginProfile(ctx,
				&awsiam.CreateLoginProfileInput{UserName: aws.String("bob"), Password: aws.String("short")}))
		},
		"UpdateLoginProfile PasswordPolicyViolation": func(s *touchtest.Stage) error {
			return second(s.Root.UpdateLoginProfile(ctx,
				&awsiam.UpdateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("short")}))
		},
		"ChangePassword NoSuchEntity": func(s *touchtest.Stage) error {
			_, err := s.Root.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("alice")})
			must(s.T, err)
			return changePasswordIn(s, "Passw0rd")
		},
		"ChangePassword InvalidUserType": func(s *touchtest.Stage) error {
			return second(s.Root.ChangePassword(ctx,
				&awsiam.ChangePasswordInput{OldPassword: aws.String("Passw0rd"), NewPassword: aws.String("Passw0rd-2")}))
		},
		"ChangePassword PasswordPolicyViolation": func(s *touchtest.Stage) error { return changePasswordIn(s, "short") },
		"ChangePassword EntityTemporarilyUnmodifiable": func(s *touchtest.Stage) error {
			// Two windows of one session: the second's change comes between the first's proof and its transaction.
			console := s.SignIn(s.Alice, nil)
			change := func(in context.Context, to awsquery.Secret) error {
				return second(callIn(s.T, in, s.Account, console, iamapi.ChangePassword,
					&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(s.Alice.Password), NewPassword: to}))
			}
			return change(&inTransaction{Context: ctx, do: func() { must(s.T, change(ctx, "Passw0rd-2")) }}, "Passw0rd-3")
		},
		"ChangePassword ServiceFailure": func(s *touchtest.Stage) error {
			s.BreakPolicy("alice")
			return changePasswordIn(s, "Passw0rd")
		},
	},
	Unreachable: map[string]string{
		"CreateLoginProfile LimitExceeded":                 "a second login profile is EntityAlreadyExists",
		"UpdateLoginProfile LimitExceeded":                 "makes nothing that is counted",
		"UpdateLoginProfile EntityTemporarilyUnmodifiable": "what it replaces is read in its own transaction",
		"DeleteLoginProfile LimitExceeded":                 "makes nothing that is counted",
		"DeleteLoginProfile EntityTemporarilyUnmodifiable": "what it removes is read in its own transaction",
		"ChangePassword LimitExceeded":                     "makes nothing that is counted",
	},
}

func changePasswordIn(s *touchtest.Stage, to string) error {
	return second(s.IAM(s.Alice.Key).ChangePassword(ctx,
		&awsiam.ChangePasswordInput{OldPassword: &s.Alice.Password, NewPassword: &to}))
}

// signsIn reports whether the user's password is right.
func signsIn(t *testing.T, a *touchtest.Account, name, password string) bool {
	t.Helper()
	_, err := a.Server.SignIn.User(ctx, touchtest.Visitor, a.ID, name, password, "")
	a.Server.Clock.Advance(time.Minute) // a wrong password slows the next attempt down
	return err == nil
}

// over checks that a console session has ended.
func over(t *testing.T, what string, c *touchtest.Console, a *touchtest.Account) {
	t.Helper()
	if _, err := a.Server.SignIn.Admit(ctx, c.Token); !errors.Is(err, authn.ErrNoSession) {
		t.Errorf("%s: %v, want no session", what, err)
	}
}

func TestLoginProfile(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	createUser(t, c, "Alice", "/")
	_, err := c.GetLoginProfile(ctx, &awsiam.GetLoginProfileInput{UserName: aws.String("alice")})
	want(t, "get without one", err, "404 NoSuchEntity: Login Profile for User Alice cannot be found.")
	_, err = c.UpdateLoginProfile(ctx,
		&awsiam.UpdateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Passw0rd")})
	want(t, "update without one", err, "404 NoSuchEntity: Login Profile for User Alice cannot be found.")
	_, err = c.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("alice")})
	want(t, "delete without one", err, "404 NoSuchEntity: Login Profile for User Alice cannot be found.")

	_, err = c.CreateLoginProfile(ctx, &awsiam.CreateLoginProfileInput{UserName: aws.String("alice")})
	want(t, "create without a password", err,
		"400 ValidationError: 1 validation error detected: Value null at 'password' failed to satisfy constraint: Member must not be null")
	out, err := c.CreateLoginProfile(ctx,
		&awsiam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Passw0rd"), PasswordResetRequired: true})
	must(t, err)
	if p := out.LoginProfile; *p.UserName != "Alice" || !p.PasswordResetRequired || p.CreateDate == nil {
		t.Errorf("created %+v", p)
	}
	record := a.LastRecord("CreateLoginProfile")
	if got := text(record.RequestParameters); got != `{"passwordResetRequired":true,"userName":"alice"}` {
		t.Errorf("requestParameters %s", got)
	}
	expected := `{"loginProfile":{"createDate":"` + out.LoginProfile.CreateDate.UTC().Format("Jan 2, 2006 3:04:05 PM") +
		`","passwordResetRequired":true,"userName":"Alice"}}`
	if got := text(record.ResponseElements); got != expected {
		t.Errorf("responseElements %s\nwant %s", got, expected)
	}
	_, err = c.CreateLoginProfile(ctx,
		&awsiam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Passw0rd")})
	want(t, "create again", err, "409 EntityAlreadyExists: Login Profile for user Alice already exists.")
	get, err := c.GetLoginProfile(ctx, &awsiam.GetLoginProfileInput{UserName: aws.String("alice")})
	must(t, err)
	if p := get.LoginProfile; *p.UserName != "Alice" || !p.PasswordResetRequired || !p.CreateDate.Equal(*out.LoginProfile.CreateDate) {
		t.Errorf("got %+v", p)
	}

	// What is not given stays as it was.
	_, err = c.UpdateLoginProfile(ctx,
		&awsiam.UpdateLoginProfileInput{UserName: aws.String("alice"), PasswordResetRequired: aws.Bool(false)})
	must(t, err)
	if !signsIn(t, a, "alice", "Passw0rd") {
		t.Error("the password changed with the flag")
	}
	u := &touchtest.User{Name: "alice", Password: "Passw0rd"}
	console := a.SignIn(u, nil)
	_, err = c.UpdateLoginProfile(ctx,
		&awsiam.UpdateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Passw0rd-2")})
	must(t, err)
	if record := a.LastRecord("UpdateLoginProfile"); text(record.RequestParameters) != `{"userName":"alice"}` ||
		record.ResponseElements != nil {
		t.Errorf("the event is %+v", record)
	}
	over(t, "after the reset", console, a)
	if signsIn(t, a, "alice", "Passw0rd") || !signsIn(t, a, "alice", "Passw0rd-2") {
		t.Error("the password is not the new one")
	}
	if get, err = c.GetLoginProfile(ctx, &awsiam.GetLoginProfileInput{UserName: aws.String("alice")}); err != nil ||
		get.LoginProfile.PasswordResetRequired {
		t.Errorf("after both updates: %+v, %v", get, err)
	}

	u.Password = "Passw0rd-2"
	console = a.SignIn(u, nil)
	_, err = c.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("alice")})
	must(t, err)
	over(t, "after the login profile went", console, a)
	if signsIn(t, a, "alice", "Passw0rd-2") {
		t.Error("signed in without a login profile")
	}
	if record := a.LastRecord("DeleteLoginProfile"); text(record.RequestParameters) != `{"userName":"alice"}` ||
		record.ErrorCode != "" {
		t.Errorf("the event is %+v", record)
	}
	for _, err := range []error{
		second(c.CreateLoginProfile(ctx,
			&awsiam.CreateLoginProfileInput{UserName: aws.String("nobody"), Password: aws.String("Passw0rd")})),
		second(c.GetLoginProfile(ctx, &awsiam.GetLoginProfileInput{UserName: aws.String("nobody")})),
		second(c.UpdateLoginProfile(ctx,
			&awsiam.UpdateLoginProfileInput{UserName: aws.String("nobody"), Password: aws.String("Passw0rd")})),
		second(c.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("nobody")})),
	} {
		want(t, "a user who is not there", err, noUser("nobody"))
	}
}

// second is the error of a call whose answer is not looked at.
func second[T any](_ T, err error) error { return err }

// Without a name the caller is meant; the root user has no login profile to be told or changed.
func TestOwnLoginProfile(t *testing.T) {
	t.Parallel()
	a, root := newAccount(t)
	u := a.NewUser("alice", allow("iam:*LoginProfile"))
	get, err := a.IAM(u.Key).GetLoginProfile(ctx, &awsiam.GetLoginProfileInput{})
	must(t, err)
	if *get.LoginProfile.UserName != "alice" {
		t.Errorf("got %+v", get.LoginProfile)
	}

	const expected = "400 ValidationError: Must specify userName when calling with root credentials: the root user has no login profile."
	console := a.SetUpRoot()
	for what, err := range map[string]error{
		"create": second(root.CreateLoginProfile(ctx, &awsiam.CreateLoginProfileInput{Password: aws.String("Passw0rd")})),
		"get":    second(root.GetLoginProfile(ctx, &awsiam.GetLoginProfileInput{})),
		"delete": second(root.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{})),
	} {
		want(t, what+" root's", err, expected)
	}

	if _, err := a.Server.SignIn.Admit(ctx, console.Token); err != nil {
		t.Errorf("root's session ended: %v", err)
	}
}

// The default account password policy, which tells everything that is wrong.
func TestPasswordPolicy(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	_, err := c.CreateAccountAlias(ctx, &awsiam.CreateAccountAliasInput{AccountAlias: aws.String("acme-1")})
	must(t, err)
	createUser(t, c, "alice", "/")
	u := a.NewUser("bob", allow("iam:ChangePassword"))
	const (
		prefix = "400 PasswordPolicyViolation: "
		short  = "Password should have a minimum length of 8"
		kinds  = "Password should have at least three of: an uppercase letter, a lowercase letter, a number, a symbol"
		ours   = "Password should not be the account name or e-mail address"
	)

	for password, expected := range map[string]string{
		"Short-1":         prefix + short,
		"short":           prefix + short + "; " + kinds,
		"ACME-1":          prefix + short + "; " + ours,
		"onlyletters1":    prefix + kinds,
		"UPPER-CASE-ONLY": prefix + kinds,
		strings.ToUpper(a.Email[:1]) + a.Email[1:]: prefix + ours,
		"lower-1-and-a-sign":                       "",
		"Ünïcödé":                                  prefix + short + "; " + kinds,
		"Aa1\u00e4\u00f6\u00fc\u00df-":             "",
		"Aa1-" + strings.Repeat("x", 124):          "",
	} {
		_, err := c.CreateLoginProfile(ctx, &awsiam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: &password})
		want(t, "create "+password, err, expected)
		if err == nil {
			_, err := c.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("alice")})
			must(t, err)
		}
		_, err = c.UpdateLoginProfile(ctx, &awsiam.UpdateLoginProfileInput{UserName: aws.String("bob"), Password: &password})
		want(t, "update "+password, err, expected)
		if err == nil {
			u.Password = password
			continue
		}
		_, err = a.IAM(u.Key).ChangePassword(ctx, &awsiam.ChangePasswordInput{OldPassword: &u.Password, NewPassword: &password})
		want(t, "change to "+password, err, expected)
	}

	_, err = c.CreateLoginProfile(ctx,
		&awsiam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Aa1-" + strings.Repeat("x", 125))})
	want(t, "129 characters", err, "400 ValidationError: 1 validation error detected: Value at 'password' failed to satisfy constraint: Member must have length less than or equal to 128")
	_, err = c.CreateLoginProfile(ctx,
		&awsiam.CreateLoginProfileInput{UserName: aws.String("a b"), Password: aws.String("snow\u2603man")})
	want(t, "what no password may have", err, "400 ValidationError: 2 validation errors detected: "+
		`Value at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+; `+
		`Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+`)
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	a, root := newAccount(t)
	u := a.NewUser("alice", allow("iam:ChangePassword"))
	console, other := a.SignIn(u, nil), a.SignIn(u, nil)
	change := func(from, to string) error {
		_, err := touchtest.Call(console, iamapi.ChangePassword,
			&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(from), NewPassword: awsquery.Secret(to)})
		return err
	}
	want(t, "with a wrong password", change("wrong", "Passw0rd-2"), "403 AccessDenied: The old password is incorrect.")
	if record := a.LastRecord("ChangePassword"); record.ErrorCode != "AccessDenied" || record.RequestParameters != nil ||
		record.ErrorMessage != "The old password is incorrect." {
		t.Errorf("the event is %+v", record)
	}
	must(t, change(u.Password, "Passw0rd-2"))
	if record := a.LastRecord("ChangePassword"); record.ErrorCode != "" || record.RequestParameters != nil ||
		record.ResponseElements != nil || record.ReadOnly {
		t.Errorf("the event is %+v", record)
	}
	over(t, "the other session", other, a)
	if _, err := a.Server.SignIn.Admit(ctx, console.Token); err != nil {
		t.Errorf("the session that changed it: %v", err)
	}
	if signsIn(t, a, "alice", u.Password) || !signsIn(t, a, "alice", "Passw0rd-2") {
		t.Error("the password is not the new one")
	}

	over := func(client *awsiam.Client) error {
		_, err := client.ChangePassword(ctx,
			&awsiam.ChangePasswordInput{OldPassword: aws.String("Passw0rd-2"), NewPassword: aws.String("Passw0rd-3")})
		return err
	}
	must(t, over(a.IAM(u.Key)))
	want(t, "as root", over(root), "400 InvalidUserType: Only IAM users can change their password with this operation.")
	if _, err := root.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("alice")}); err != nil {
		t.Fatal(err)
	}
	want(t, "without a password", over(a.IAM(u.Key)), "404 NoSuchEntity: Login Profile for User alice cannot be found.")
}

// Of several changes at once, one is made; the others are told that there was another, or find their password wrong.
func TestChangePasswordAtOnce(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	u := a.NewUser("alice", allow("iam:ChangePassword"))
	const writers = 5 // as many as are let in at once
	codes := make(chan string, writers)
	for range writers {
		go func() {
			_, err := a.IAM(u.Key).ChangePassword(ctx,
				&awsiam.ChangePasswordInput{OldPassword: &u.Password, NewPassword: aws.String("Passw0rd-2")})
			codes <- touchtest.CodeOf(err)
		}()
	}

	made := 0
	for range writers {
		switch got := <-codes; got {
		case "":
			made++
		case "EntityTemporarilyUnmodifiable", "AccessDenied":
		default:
			t.Errorf("answered %s", got)
		}
	}

	if made != 1 {
		t.Errorf("%d changes were made, want 1", made)
	}
}

// Who takes a user's name between the check and the commit is another user, about whom everything is decided anew.
func TestPasswordOfAUserMadeMeanwhile(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("admin", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/staff/*"}}`)
	console := a.SignIn(u, nil)
	makeUser := func(path string) {
		createUser(t, c, "alice", path)
		_, err := c.CreateLoginProfile(ctx,
			&awsiam.CreateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String("Passw0rd")})
		must(t, err)
	}
	deleteUser := func() {
		_, err := c.DeleteLoginProfile(ctx, &awsiam.DeleteLoginProfileInput{UserName: aws.String("alice")})
		must(t, err)
		must(t, second(c.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: aws.String("alice")})))
	}
	update := func(meanwhile func()) error {
		return second(callIn(t, &inTransaction{Context: ctx, do: meanwhile}, a, console, iamapi.UpdateLoginProfile,
			&iamapi.UpdateLoginProfileInput{UserName: "alice", Password: "Passw0rd-2"}))
	}

	makeUser("/staff/")
	want(t, "another user on another path", update(func() { deleteUser(); makeUser("/board/") }),
		touchtest.NotAllowed(userARN(a, "/admin"), "iam:UpdateLoginProfile", "user alice"))
	if !signsIn(t, a, "alice", "Passw0rd") {
		t.Error("the password changed")
	}
	deleteUser()
	makeUser("/staff/")
	want(t, "a user who is deleted", update(deleteUser),
		touchtest.NotAllowed(userARN(a, "/admin"), "iam:UpdateLoginProfile", "user alice"))

	a.PutPolicy("admin", touchtest.AdminPolicy)
	makeUser("/staff/")
	want(t, "a user who is deleted, to who may know", update(deleteUser), noUser("alice"))
	makeUser("/staff/")
	want(t, "the same user", update(nil), "")
	if !signsIn(t, a, "alice", "Passw0rd-2") {
		t.Error("the password did not change")
	}
}

// The database has no password in it, nor a hash that anybody could guess at without the master key.
func TestPasswordsAreHashed(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	u := a.NewUser("alice", "")
	must(t, a.Server.State.Store.View(ctx, func(tx *store.Tx) error {
		i, err := tx.PrincipalByName(a.ID, store.User, "alice")
		if err != nil {
			return err
		}
		p, err := tx.Password(a.ID, i.ID)
		if err == nil && (bytes.Contains(p.SealedHash, []byte(u.Password)) || bytes.Contains(p.SealedHash, []byte("argon2id"))) {
			t.Errorf("stored as %q", p.SealedHash)
		}
		if err != nil {
			return err
		}

		hash, err := a.Server.State.Secrets.OpenHash(a.ID, i.ID, p.SealedHash)
		if !strings.HasPrefix(hash, "$argon2id$") {
			t.Errorf("sealed was %q, %v", hash, err)
		}
		return err
	}))
}

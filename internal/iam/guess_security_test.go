package iam_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// Whoever has somebody's access key or session cannot find out the password with it by trying: also ChangePassword slows down,
// and the owner, who is elsewhere, does not wait for that.
func TestChangePasswordSlowsGuesses(t *testing.T) {
	t.Parallel()
	a, _ := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	owner, thief := a.SignIn(u, nil), a.SignIn(u, nil)
	inConsole := func(c *touchtest.Console, old string) error {
		return second(touchtest.Call(c, iamapi.ChangePassword,
			&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(old), NewPassword: "Another-Passw0rd"}))
	}

	byKey := func(old string) error {
		return second(a.IAM(u.Key).ChangePassword(ctx,
			&awsiam.ChangePasswordInput{OldPassword: &old, NewPassword: aws.String("Another-Passw0rd")}))
	}

	for name, guess := range map[string]func(string) error{
		"session": func(old string) error { return inConsole(thief, old) }, "key": byKey,
	} {
		for range 5 {
			if got := touchtest.CodeOf(guess("wrong")); got != "AccessDenied" {
				t.Fatalf("%s: a wrong password: %s", name, got)
			}
		}
		if got := touchtest.CodeOf(guess(u.Password)); got != "Throttling" {
			t.Errorf("%s: the right password just after five wrong ones: %q, want Throttling", name, got)
		}
	}

	a.Server.Clock.Advance(time.Minute)
	if err := inConsole(owner, u.Password); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

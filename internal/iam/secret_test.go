package iam_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// No event has a password, an access key's secret, a one-time code, or what authenticates a browser or a registration,
// whether the operation was done, failed or was denied.
func TestEventsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	a, c := newAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	nobody := a.NewUser("nobody", "")
	console := a.SignIn(u, nil)
	secrets := map[string]string{
		"password": u.Password, "secret": u.Key.SecretAccessKey, "root's secret": a.Root.SecretAccessKey, "session": console.Token,
		"new password": "Passw0rd-new", "short password": "Sh0rt-1", "reset password": "Passw0rd-reset", "first code": "314159",
		"second code": "271828",
	}

	made, err := c.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: aws.String("alice")})
	must(t, err)
	secrets["second secret"] = *made.AccessKey.SecretAccessKey
	change := func(to string) error {
		return second(touchtest.Call(console, iamapi.ChangePassword,
			&iamapi.ChangePasswordInput{OldPassword: awsquery.Secret(u.Password), NewPassword: awsquery.Secret(to)}))
	}

	if touchtest.CodeOf(change(secrets["short password"])) != "PasswordPolicyViolation" {
		t.Error("a short password was taken")
	}

	must(t, change(secrets["new password"]))
	reset := &awsiam.UpdateLoginProfileInput{UserName: aws.String("alice"), Password: aws.String(secrets["reset password"])}
	if _, err := a.IAM(nobody.Key).UpdateLoginProfile(ctx, reset); touchtest.CodeOf(err) != "AccessDenied" {
		t.Errorf("nobody resets a password: %v", err)
	}

	_, err = c.UpdateLoginProfile(ctx, reset)
	must(t, err)
	u.Password = secrets["reset password"]
	console = a.SignIn(u, nil)
	secrets["second session"] = console.Token
	_, err = c.EnableMFADevice(ctx, &awsiam.EnableMFADeviceInput{
		UserName: aws.String("alice"), SerialNumber: aws.String("GAHT12345678"),
		AuthenticationCode1: aws.String(secrets["first code"]), AuthenticationCode2: aws.String(secrets["second code"]),
	})
	want(t, "enable by codes", err, noDevice("GAHT12345678"))
	for _, refused := range []bool{true, false} {
		b := begin(t, console, "", "key")
		answer := b.tap(t, a, newKey())
		var parts struct {
			Response struct{ ClientDataJSON, AttestationObject string }
		}
		must(t, json.Unmarshal(answer, &parts))
		name := fmt.Sprint(" of a registration, refused: ", refused)
		secrets["ceremony"+name], secrets["client data"+name], secrets["object"+name] = b.ceremony, parts.Response.ClientDataJSON,
			parts.Response.AttestationObject
		if refused {
			answer = append(answer, '!')
		}
		if _, err := console.FinishEnrolment("", b.ceremony, answer); (err != nil) != refused {
			t.Errorf("registration: %v", err)
		}
	}

	seen := 0
	must(t, a.Server.State.Store.View(ctx, func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{Limit: 1000})
		for _, e := range events {
			seen++
			for what, secret := range secrets {
				if len(secret) < 6 || strings.Contains(e.Record, secret) {
					t.Errorf("%s has the %s: %s", e.Name, what, e.Record)
				}
			}
		}
		return err
	}))

	if seen < 15 {
		t.Errorf("%d events", seen)
	}
}

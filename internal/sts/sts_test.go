package sts_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/stsapi"
)

var ctx = context.Background()

// Everybody whose credential is good is told who they are, whatever the policies say.
func TestGetCallerIdentity(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, func(c *server.Config) { c.AuditReads = audit.ReadsSync })
	a := s.NewAccount(t)
	nothing := a.NewUser("nothing", "")
	denied := a.NewUser("denied", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)
	for name, test := range map[string]struct {
		key aws.Credentials
		arn string
	}{
		"root":                       {a.Root, "arn:aws:iam::" + a.ID + ":root"},
		"a user without permissions": {nothing.Key, "arn:aws:iam::" + a.ID + ":user/nothing"},
		"a user who is denied it":    {denied.Key, "arn:aws:iam::" + a.ID + ":user/denied"},
	} {
		out, err := a.STS(test.key).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if *out.Account != a.ID || *out.Arn != test.arn || len(*out.UserId) < 12 || name == "root" && *out.UserId != a.ID {
			t.Errorf("%s is told %s, %s, %s", name, *out.Account, *out.Arn, *out.UserId)
		}
		r := last(t, s, a.ID)
		if r.EventSource != "sts.amazonaws.com" || r.AWSRegion != "eu-central-1" || !r.ReadOnly || r.ErrorCode != "" ||
			r.RequestParameters != nil ||
			r.ResponseElements != nil || r.UserIdentity.ARN != test.arn || *r.UserIdentity.AccessKeyID != test.key.AccessKeyID {
			t.Errorf("%s: the event is %+v", name, r)
		}
	}

	console := a.SignIn(denied, nil)
	out, err := touchtest.Call(console, stsapi.GetCallerIdentity, &stsapi.GetCallerIdentityInput{})
	if err != nil || out.Arn != "arn:aws:iam::"+a.ID+":user/denied" {
		t.Errorf("in the console: %+v, %v", out, err)
	}
}

// last is the account's newest event of GetCallerIdentity.
func last(t *testing.T, s *touchtest.Server, account string) (r audit.Record) {
	t.Helper()
	if err := s.State.Store.View(ctx, func(tx *store.Tx) error {
		events, err := tx.Events(store.EventQuery{AccountID: account, Name: "GetCallerIdentity", Limit: 100})
		if err != nil || len(events) == 0 {
			return err
		}
		return json.Unmarshal([]byte(events[len(events)-1].Record), &r)
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// Nothing is told to a credential that is not good.
func TestBadCredentials(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)

	token := a.Root
	token.SessionToken = "a-session-token"
	wrong := a.Root
	wrong.SecretAccessKey = "wrong" + wrong.SecretAccessKey[5:]

	for name, test := range map[string]struct {
		key  aws.Credentials
		code string
	}{
		"an unknown key":          {aws.Credentials{AccessKeyID: "AKIAAAAAAAAAAAAAAAAA", SecretAccessKey: "x"}, "InvalidClientTokenId"},
		"a wrong secret":          {wrong, "SignatureDoesNotMatch"},
		"a token that is not one": {token, "InvalidClientTokenId"},
	} {
		_, err := a.STS(test.key).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
		var refused smithy.APIError
		if !errors.As(err, &refused) || refused.ErrorCode() != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}

// What is not built answers by its name.
func TestNotImplemented(t *testing.T) {
	t.Parallel()
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	_, err := a.STS(a.Root).GetSessionToken(ctx, &awssts.GetSessionTokenInput{})
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "NotImplemented" ||
		refused.ErrorMessage() != "GetSessionToken is not implemented in this version of Touchstone." {
		t.Errorf("GetSessionToken: %v", err)
	}
}

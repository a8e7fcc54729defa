package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
	"github.com/touchstone-iam/touchstone/sigv4"
)

var ctx = context.Background()

func codeOf(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// slow is a server on which TagUser, an operation that is not built yet, has a Prepare that waits for the test.
type slow struct {
	*touchtest.Account
	service            *api.Service
	preparing, release chan struct{}
}

func newSlow(t *testing.T) *slow {
	t.Helper()
	s := touchtest.Start(t, nil)
	service := *s.API
	service.Table = api.NewTable(iamapi.Operations())
	slow := &slow{Account: s.NewAccount(t), service: &service, preparing: make(chan struct{}), release: make(chan struct{})}
	api.ChangeInSteps(service.Table, iamapi.TagUser, slowTarget,
		api.Steps[iamapi.TagUserInput, struct{}, *store.Principal, struct{}]{
			Prepare: func(context.Context, *api.Request, *store.Principal, *iamapi.TagUserInput, *struct{}) ([]authz.Key, error) {
				slow.preparing <- struct{}{}
				<-slow.release
				return nil, nil
			},
			Execute: func(_ *api.Request, tx *store.Tx, u *store.Principal, _ struct{}, _ *iamapi.TagUserInput) (*struct{}, error) {
				return nil, tx.InsertTags(u.AccountID, u.Owner(), []store.Tag{{Key: "k", Value: "v"}})
			},
		})
	return slow
}

// slowTarget authorises on the user whom a TagUser names.
func slowTarget(r *api.Request, tx *store.Tx, in *iamapi.TagUserInput) (s api.Subject[*store.Principal], err error) {
	s.Checks = api.Ask(authz.Check{Resource: store.UserARN(r.Caller.AccountID(), "/", in.UserName), Named: "user " + in.UserName})
	s.About, err = tx.PrincipalByName(r.Caller.AccountID(), store.User, in.UserName)
	if errors.Is(err, store.ErrNotFound) {
		s.Missing, err = iamapi.NoSuchEntity("The user with name %s cannot be found.", in.UserName), nil
	}
	return s, err
}

// tag sends a signed TagUser, and hands its answer's status and body to the channel.
func (s *slow) tag(user string, key aws.Credentials) chan string {
	body := url.Values{
		"Action": {"TagUser"}, "Version": {"2010-05-08"}, "UserName": {user},
		"Tags.member.1.Key": {"k"}, "Tags.member.1.Value": {"v"},
	}.Encode()
	r := httptest.NewRequest(http.MethodPost, s.Server.URL+"/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, "us-east-1",
		"iam", time.Now())
	answer := make(chan string, 1)
	go func() {
		w := httptest.NewRecorder()
		s.service.ServeHTTP(w, r)
		text, _ := io.ReadAll(w.Result().Body)
		answer <- w.Result().Status + " " + string(text)
	}()
	return answer
}

func (s *slow) tags(user string) (n int) {
	if err := s.Server.State.Store.View(ctx, func(tx *store.Tx) error {
		i, err := tx.PrincipalByName(s.ID, store.User, user)
		if err != nil {
			return err
		}
		tags, err := tx.Tags(s.ID, i.Owner())
		n = len(tags)
		return err
	}); err != nil && !errors.Is(err, store.ErrNotFound) {
		panic(err)
	}
	return n
}

// What changes while an operation prepares is found in its transaction.
func TestChangedDuringPrepare(t *testing.T) {
	const mayTag = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:TagUser","Resource":"*"}}`
	for name, test := range map[string]struct {
		change func(*testing.T, *slow, *touchtest.User)
		want   string // in the answer
		tagged int
	}{
		"nothing": {func(*testing.T, *slow, *touchtest.User) {}, "200 OK", 1},
		"something else": {func(_ *testing.T, s *slow, _ *touchtest.User) {
			s.NewUser("bob", "")
		}, "200 OK", 1},
		"the key is made inactive": {func(t *testing.T, s *slow, u *touchtest.User) {
			if _, err := s.IAM(s.Root).UpdateAccessKey(ctx, &awsiam.UpdateAccessKeyInput{
				UserName: &u.Name, AccessKeyId: &u.Key.AccessKeyID, Status: types.StatusTypeInactive,
			}); err != nil {
				t.Error(err)
			}
		}, "InvalidClientTokenId", 0},
		"the key is deleted": {func(t *testing.T, s *slow, u *touchtest.User) {
			if _, err := s.IAM(s.Root).DeleteAccessKey(ctx,
				&awsiam.DeleteAccessKeyInput{UserName: &u.Name, AccessKeyId: &u.Key.AccessKeyID}); err != nil {
				t.Error(err)
			}
		}, "InvalidClientTokenId", 0},
		"the permission is taken away": {func(t *testing.T, s *slow, u *touchtest.User) {
			if _, err := s.IAM(s.Root).DeleteUserPolicy(ctx,
				&awsiam.DeleteUserPolicyInput{UserName: &u.Name, PolicyName: aws.String("test")}); err != nil {
				t.Error(err)
			}
		}, "AccessDenied", 0},
		"the permission is denied by another process": {func(t *testing.T, s *slow, u *touchtest.User) {
			other, err := server.OpenState(ctx, touchtest.StateConfig(t, s.Server.Data))
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			if err := other.Store.Update(ctx, store.Raise(s.ID), func(tx *store.Tx) error {
				i, err := tx.PrincipalByName(s.ID, store.User, u.Name)
				if err != nil {
					return err
				}
				return tx.DeleteInlinePolicy(s.ID, i.ID, "test")
			}); err != nil {
				t.Error(err)
			}
		}, "AccessDenied", 0},
		"the account is reset": {func(t *testing.T, s *slow, _ *touchtest.User) {
			if _, err := s.Server.State.Operator().CreateAccount(ctx,
				operator.AccountRequest{RootEmail: s.Email, Reset: &operator.AccountNames{ID: s.ID}}); err != nil {
				t.Error(err)
			}
		}, "InvalidClientTokenId", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSlow(t)
			u := s.NewUser("alice", mayTag)
			answer := s.tag("alice", u.Key)
			<-s.preparing
			test.change(t, s, u)
			s.release <- struct{}{}
			if got := <-answer; !strings.Contains(got, test.want) {
				t.Errorf("answered %s\nwant %s", got, test.want)
			}

			if got := s.tags("alice"); got != test.tagged {
				t.Errorf("%d tags, want %d", got, test.tagged)
			}
		})
	}
}

// Nobody without the permission makes us prepare.
func TestDeniedBeforePrepare(t *testing.T) {
	s := newSlow(t)
	u := s.NewUser("alice", "")
	if got := <-s.tag("alice", u.Key); !strings.Contains(got, "AccessDenied") { // would hang in Prepare
		t.Errorf("answered %s", got)
	}
}

// A change is in force for the next request, whichever process made it.
func TestChangesAreInForceAtOnce(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	c := a.IAM(u.Key)
	get := func() string {
		_, err := c.GetUser(ctx, &awsiam.GetUserInput{})
		return codeOf(err)
	}

	other, err := server.OpenState(ctx, touchtest.StateConfig(t, s.Data))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { other.Close() })
	elsewhere := func(change func(tx *store.Tx, i *store.Principal) error) {
		t.Helper()
		if err := other.Store.Update(ctx, store.Raise(a.ID), func(tx *store.Tx) error {
			i, err := tx.PrincipalByName(a.ID, store.User, "alice")
			if err != nil {
				return err
			}
			return change(tx, i)
		}); err != nil {
			t.Fatal(err)
		}
	}

	for range 3 {
		if got := get(); got != "" {
			t.Fatalf("allowed by policy: %s", got)
		}
		elsewhere(func(tx *store.Tx, i *store.Principal) error {
			return tx.DeleteInlinePolicy(a.ID, i.ID, "test")
		})
		if got := get(); got != "AccessDenied" {
			t.Fatalf("after the policy went: %q, want AccessDenied", got)
		}
		a.PutPolicy("alice", touchtest.AdminPolicy)
	}

	elsewhere(func(tx *store.Tx, i *store.Principal) error {
		return tx.SetAccessKeyActive(a.ID, i.ID, u.Key.AccessKeyID, false)
	})

	if got := get(); got != "InvalidClientTokenId" {
		t.Fatalf("with the key inactive: %q", got)
	}

	elsewhere(func(tx *store.Tx, i *store.Principal) error {
		return tx.SetAccessKeyActive(a.ID, i.ID, u.Key.AccessKeyID, true)
	})

	if got := get(); got != "" {
		t.Fatalf("with the key active again: %q", got)
	}
}

// After a reset under a running server nothing of the old account is taken for current, also when the new one has come to the
// same generation.
func TestResetUnderARunningServer(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	u := a.NewUser("alice", touchtest.AdminPolicy)
	if _, err := a.IAM(u.Key).GetUser(ctx, &awsiam.GetUserInput{}); err != nil {
		t.Fatal(err)
	}

	var before store.Freshness
	view(t, s, func(tx *store.Tx) (err error) { before, err = tx.Freshness(a.ID); return err })
	made, err := s.State.Operator().CreateAccount(ctx,
		operator.AccountRequest{RootEmail: a.Email, Reset: &operator.AccountNames{ID: a.ID}, AccessKey: true})
	if err != nil {
		t.Fatal(err)
	}

	for {
		var now store.Freshness
		view(t, s, func(tx *store.Tx) (err error) { now, err = tx.Freshness(a.ID); return err })
		if now.Generation == before.Generation {
			break
		}
		if err := s.State.Store.Update(ctx, store.Raise(a.ID), func(*store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}

	for name, key := range map[string]aws.Credentials{"user": u.Key, "root": a.Root} {
		_, err := a.STS(key).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
		if got := codeOf(err); got != "InvalidClientTokenId" {
			t.Errorf("the old account's %s: %q, want InvalidClientTokenId", name, got)
		}
	}

	root := aws.Credentials{AccessKeyID: made.AccessKeyID, SecretAccessKey: made.SecretAccessKey}
	if _, err := a.STS(root).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{}); err != nil {
		t.Errorf("the new account's root: %v", err)
	}
}

func view(t *testing.T, s *touchtest.Server, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.State.Store.View(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

// Two at a limit: one of them has it.
func TestLimitsHoldUnderRace(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	a.NewUser("alice", "") // has one key of two
	const writers = 16
	codes := make(chan string, writers)
	for range writers {
		go func() {
			_, err := a.IAM(a.Root).CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: aws.String("alice")})
			codes <- codeOf(err)
		}()
	}

	var got []string
	for range writers {
		got = append(got, <-codes)
	}

	slices.Sort(got)
	if got[0] != "" || got[1] != "LimitExceeded" || got[writers-1] != "LimitExceeded" {
		t.Errorf("answers: %q, want one success and otherwise LimitExceeded", got)
	}
}

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
	api.Define(service.Table, iamapi.TagUser, api.Op[iamapi.TagUserInput, struct{}]{
		Resources: func(r *api.Request, _ *store.Tx, in *iamapi.TagUserInput) ([]authz.Check, error) {
			return []authz.Check{{Resource: store.UserARN(r.Caller.AccountID(), "/", in.UserName)}}, nil
		},
		Prepare: func(context.Context, *api.Request, *iamapi.TagUserInput) error {
			slow.preparing <- struct{}{}
			<-slow.release
			return nil
		},
		Execute: func(r *api.Request, tx *store.Tx, in *iamapi.TagUserInput) (*struct{}, error) {
			i, err := tx.UserByName(r.Caller.AccountID(), in.UserName)
			if err != nil {
				return nil, err
			}
			return nil, tx.InsertTags(i.AccountID, i.Owner(), []store.Tag{{Key: "k", Value: "v"}})
		},
	})
	return slow
}

// tag sends a signed TagUser, and hands its answer's status and body to the channel.
func (s *slow) tag(user string, key aws.Credentials) chan string {
	body := url.Values{
		"Action": {"TagUser"}, "Version": {"2010-05-08"}, "UserName": {user},
		"Tags.member.1.Key": {"k"}, "Tags.member.1.Value": {"v"},
	}.Encode()
	r := httptest.NewRequest(http.MethodPost, s.Server.URL+"/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}, "us-east-1", "iam", time.Now())
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
		i, err := tx.UserByName(s.ID, user)
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
			if _, err := s.IAM(s.Root).DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: &u.Name, AccessKeyId: &u.Key.AccessKeyID}); err != nil {
				t.Error(err)
			}
		}, "InvalidClientTokenId", 0},
		"the permission is taken away": {func(t *testing.T, s *slow, u *touchtest.User) {
			if _, err := s.IAM(s.Root).DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: &u.Name, PolicyName: aws.String("test")}); err != nil {
				t.Error(err)
			}
		}, "AccessDenied", 0},
		"the permission is denied by another process": {func(t *testing.T, s *slow, u *touchtest.User) {
			other, err := server.OpenState(ctx, server.StateConfig{Data: s.Server.Data})
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			if err := other.Store.Update(ctx, func(tx *store.Tx) error {
				if err := tx.RaiseGeneration(s.ID); err != nil {
					return err
				}
				i, err := tx.UserByName(s.ID, u.Name)
				if err != nil {
					return err
				}
				return tx.DeleteInlinePolicy(s.ID, i.ID, "test")
			}); err != nil {
				t.Error(err)
			}
		}, "AccessDenied", 0},
		"the account is reset": {func(t *testing.T, s *slow, _ *touchtest.User) {
			if _, err := s.Server.State.Operator().CreateAccount(ctx, operator.AccountRequest{ID: s.ID, RootEmail: s.Email, Reset: true}); err != nil {
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
	other, err := server.OpenState(ctx, server.StateConfig{Data: s.Data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	elsewhere := func(change func(tx *store.Tx, i *store.Principal) error) {
		t.Helper()
		if err := other.Store.Update(ctx, func(tx *store.Tx) error {
			if err := tx.RaiseGeneration(a.ID); err != nil {
				return err
			}
			i, err := tx.UserByName(a.ID, "alice")
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
			return errors.Join(tx.DeleteInlinePolicy(a.ID, i.ID, "test"), tx.RaisePrincipalVersion(a.ID, i.ID))
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
	made, err := s.State.Operator().CreateAccount(ctx, operator.AccountRequest{ID: a.ID, RootEmail: a.Email, Reset: true, AccessKey: true})
	if err != nil {
		t.Fatal(err)
	}
	for {
		var now store.Freshness
		view(t, s, func(tx *store.Tx) (err error) { now, err = tx.Freshness(a.ID); return err })
		if now.Generation == before.Generation {
			break
		}
		if err := s.State.Store.Update(ctx, func(tx *store.Tx) error { return tx.RaiseGeneration(a.ID) }); err != nil {
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

// Every operation of the models answers, if only that it is not built.
func TestEveryOperationHasARow(t *testing.T) {
	s := touchtest.Start(t, nil)
	a := s.NewAccount(t)
	defined := s.API.Table.Defined()
	for _, o := range iamapi.Operations() {
		if slices.Contains(defined, "iam:"+o.Name) {
			continue
		}
		body := url.Values{"Action": {o.Name}, "Version": {"2010-05-08"}}.Encode()
		r := httptest.NewRequest(http.MethodPost, s.URL+"/", strings.NewReader(body))
		sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: a.Root.AccessKeyID, SecretAccessKey: a.Root.SecretAccessKey}, "us-east-1", "iam", time.Now())
		w := httptest.NewRecorder()
		s.API.ServeHTTP(w, r)
		text := w.Body.String()
		if w.Code != http.StatusNotImplemented && !strings.Contains(text, "ValidationError") || strings.Contains(text, "NotImplemented") && !strings.Contains(text, o.Name) {
			t.Errorf("%s answers %d %s", o.Name, w.Code, text)
		}
	}
}

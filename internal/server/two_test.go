package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/outbox"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/softkey"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// These tests run two servers on one database, each with a store, caches and an audit log of its own, as two processes have them.

// startTwo starts two servers on one database, and makes an account, which it returns as seen from each of them.
func startTwo(t *testing.T, change func(*server.Config)) (one, two *touchtest.Account) {
	t.Helper()
	data := t.TempDir()
	first := touchtest.StartIn(t, data, change)
	second := touchtest.StartIn(t, data, func(c *server.Config) {
		c.Clock = first.Clock.Now
		if change != nil {
			change(c)
		}
	})
	one = first.NewAccount(t)
	elsewhere := *one
	elsewhere.Server = second
	return one, &elsewhere
}

// code is the code of an answer that refuses; "" when the request was granted.
func code(t *testing.T, err error) string {
	t.Helper()
	var refused smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return refused.ErrorCode()
	}
	t.Errorf("no answer: %v", err)
	return "none"
}

func TestChangeOnOneServerIsInForceOnTheOther(t *testing.T) {
	ctx := context.Background()
	one, two := startTwo(t, nil)
	alice := one.NewUser("alice", touchtest.AdminPolicy)

	// Requests by the same user keep the caches of both servers full.
	loaded, stop := context.WithCancel(ctx)
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for _, at := range []*touchtest.Account{one, two, one, two} {
		c := at.IAM(alice.Key)
		load.Go(func() {
			for loaded.Err() == nil {
				_, err := c.GetUser(loaded, &awsiam.GetUserInput{})
				if loaded.Err() != nil {
					return
				}
				if got := code(t, err); !slices.Contains([]string{"", "AccessDenied", "InvalidClientTokenId"}, got) {
					t.Errorf("under load: %v", err)
				}
			}
		})
	}

	for round := range 6 {
		here, there := one, two
		if round%2 == 1 {
			here, there = two, one
		}
		root, other := here.IAM(here.Root), there.IAM(there.Root)

		// done makes a change on one server, and ask must then be answered with the code on the other at once.
		done := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		want := func(what, want string, err error) {
			t.Helper()
			if got := code(t, err); got != want {
				t.Errorf("round %d, %s: the other server answers %q, want %q", round, what, got, want)
			}
		}
		list := func(key aws.Credentials) error {
			_, err := there.IAM(key).ListUsers(ctx, &awsiam.ListUsersInput{MaxItems: aws.Int32(1)})
			return err
		}

		want("before", "", list(alice.Key))
		_, err := root.PutUserPolicy(ctx, &awsiam.PutUserPolicyInput{
			UserName: &alice.Name, PolicyName: aws.String("deny"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}}`),
		})
		done("put a policy", err)
		want("policy put", "AccessDenied", list(alice.Key))
		_, err = root.DeleteUserPolicy(ctx, &awsiam.DeleteUserPolicyInput{UserName: &alice.Name, PolicyName: aws.String("deny")})
		done("delete a policy", err)
		want("policy deleted", "", list(alice.Key))

		for status, answer := range map[iamtypes.StatusType]string{
			iamtypes.StatusTypeInactive: "InvalidClientTokenId", iamtypes.StatusTypeActive: "",
		} {
			_, err = root.UpdateAccessKey(ctx, &awsiam.UpdateAccessKeyInput{
				UserName: &alice.Name, AccessKeyId: &alice.Key.AccessKeyID, Status: status,
			})
			done("switch a key", err)
			want("key "+string(status), answer, list(alice.Key))
		}
		_, err = root.UpdateAccessKey(ctx, &awsiam.UpdateAccessKeyInput{
			UserName: &alice.Name, AccessKeyId: &alice.Key.AccessKeyID, Status: iamtypes.StatusTypeActive,
		})
		done("switch a key on", err)

		made, err := root.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: &alice.Name})
		done("create a key", err)
		key := aws.Credentials{AccessKeyID: *made.AccessKey.AccessKeyId, SecretAccessKey: *made.AccessKey.SecretAccessKey}
		want("key created", "", list(key))
		_, err = root.DeleteAccessKey(ctx, &awsiam.DeleteAccessKeyInput{UserName: &alice.Name, AccessKeyId: &key.AccessKeyID})
		done("delete a key", err)
		want("key deleted", "InvalidClientTokenId", list(key))

		bob := fmt.Sprintf("bob-%d", round)
		get := func() error {
			_, err := other.GetUser(ctx, &awsiam.GetUserInput{UserName: &bob})
			return err
		}
		_, err = root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: &bob})
		done("create a user", err)
		want("user created", "", get())
		_, err = root.DeleteUser(ctx, &awsiam.DeleteUserInput{UserName: &bob})
		done("delete a user", err)
		want("user deleted", "NoSuchEntity", get())

		// There are more users than the first quota, and fewer than the second.
		for limit, answer := range map[int]string{1: "LimitExceeded", 1000: ""} {
			done("set a quota", here.Server.State.Operator().SetQuota(ctx, here.ID, "UsersPerAccount", limit))
			_, err = other.CreateUser(ctx, &awsiam.CreateUserInput{UserName: aws.String(fmt.Sprintf("carol-%d", round))})
			want(fmt.Sprintf("quota of %d", limit), answer, err)
		}
		done("set a quota", here.Server.State.Operator().SetQuota(ctx, here.ID, "UsersPerAccount", 1000))

		console := here.SignIn(alice, nil)
		if _, err := there.Server.SignIn.Admit(ctx, console.Token); err != nil {
			t.Errorf("round %d: the other server does not know the session: %v", round, err)
		}
		done("sign out", here.Server.SignIn.SignOut(ctx, touchtest.Visitor, console.Token))
		if _, err := there.Server.SignIn.Admit(ctx, console.Token); !errors.Is(err, authn.ErrNoSession) {
			t.Errorf("round %d: an ended session is still good on the other server: %v", round, err)
		}
	}
}

// 1,600 charges at once from two servers are 1,600.
func TestTwoServersChargeOneThrottle(t *testing.T) {
	ctx := context.Background()
	one, two := startTwo(t, nil)
	const slot, workers, charges = 7, 32, 50
	now := time.Now()
	var all sync.WaitGroup
	for worker := range workers {
		s := []*touchtest.Account{one, two}[worker%2].Server.State.Store
		all.Go(func() {
			for range charges {
				if err := s.Update(ctx, store.ThrottleSlots(slot), func(tx *store.Tx) error {
					return tx.ChargeThrottle(slot, now, now.Add(-time.Hour))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}

	all.Wait()
	if err := one.Server.State.Store.View(ctx, func(tx *store.Tx) error {
		got, err := tx.Throttle(slot)
		if got.Failures != workers*charges {
			t.Errorf("%d charges were counted as %d", workers*charges, got.Failures)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Guesses at one password that arrive at two servers at the same moment are slowed down as if they had arrived at one.
func TestTwoServersThrottleTogether(t *testing.T) {
	ctx := context.Background()
	now := time.Now() // stands still, so that no wait ends during the test
	one, two := startTwo(t, func(c *server.Config) { c.Clock = func() time.Time { return now } })
	alice := one.NewUser("alice", touchtest.AdminPolicy)

	const guesses = 60
	var looked, refused atomic.Int64
	var all sync.WaitGroup
	for n := range guesses {
		at := []*touchtest.Account{one, two}[n%2]
		all.Go(func() {
			_, err := at.Server.SignIn.User(ctx, touchtest.Visitor, at.ID, alice.Name, "a wrong password", "")
			var tooMany *signin.TooManyAttempts
			switch {
			case errors.Is(err, signin.ErrIncorrect):
				looked.Add(1)
			case errors.As(err, &tooMany):
				refused.Add(1)
			default:
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
	all.Wait()
	if looked.Load() != 5 || refused.Load() != guesses-5 {
		t.Errorf("%d of %d guesses were looked at and %d refused, want 5 and %d", looked.Load(), guesses, refused.Load(), guesses-5)
	}
}

// Each mail leaves once, whichever server takes it.
func TestTwoServersDeliverOnce(t *testing.T) {
	ctx := context.Background()
	one, two := startTwo(t, nil)
	const mails = 100
	now := time.Now()
	if err := one.Server.State.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		for n := range mails {
			if err := tx.InsertMessage(&store.Message{ID: fmt.Sprintf("mail-%d", n), AccountID: one.ID, CreatedAt: now}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	var mu sync.Mutex
	delivered := make(map[string]int)
	deliver := func(_ context.Context, m *store.Message) error {
		mu.Lock()
		defer mu.Unlock()
		delivered[m.ID]++
		return nil
	}
	waiting := func(s *store.Store) (n int) {
		if err := s.View(ctx, func(tx *store.Tx) error {
			due, err := tx.DueMessages(now.Add(time.Hour), 1000)
			n = len(due)
			return err
		}); err != nil {
			t.Error(err)
		}
		return n
	}
	var all sync.WaitGroup
	for _, at := range []*touchtest.Account{one, two, one, two} {
		all.Go(func() {
			for !t.Failed() && waiting(at.Server.State.Store) > 0 {
				if err := outbox.Flush(ctx, at.Server.State.Store, deliver, slog.New(slog.DiscardHandler), now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for n := range mails {
		if id := fmt.Sprintf("mail-%d", n); delivered[id] != 1 {
			t.Errorf("%s was delivered %d times", id, delivered[id])
		}
	}
}

// Two servers clean up at the same time: neither fails, each abandoned sign-in is told once, and only what is old goes.
func TestTwoServersCleanUp(t *testing.T) {
	ctx := context.Background()
	one, two := startTwo(t, nil)

	users := make([]*store.Principal, 3)
	for n := range users {
		u := one.NewUser(fmt.Sprintf("user-%d", n), touchtest.AdminPolicy)
		one.SignIn(u, nil).MustEnrol("", "laptop", softkey.New())
		p, err := one.Server.SignIn.User(ctx, touchtest.Visitor, one.ID, u.Name, u.Password, "")
		if err != nil {
			t.Fatal(err)
		}
		users[n] = p.Principal // and the sign-in stops there
	}

	const old = 3500
	now := one.Server.Clock.Now()
	events := make([]*store.Event, old)
	for n := range events {
		events[n] = &store.Event{
			AccountID: one.ID, ID: ids.NewUUID(), Time: now.Add(-30 * 24 * time.Hour), Name: "Old", Source: "iam", ReadOnly: true,
			Record: "{}",
		}
	}
	if err := one.Server.State.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		return tx.InsertEvents(events)
	}); err != nil {
		t.Fatal(err)
	}
	before := allEvents(t, one, 1<<20)

	one.Server.Clock.Advance(time.Hour)
	var all sync.WaitGroup
	for _, at := range []*touchtest.Account{one, two, one, two} {
		all.Go(func() {
			for range 3 {
				if err := at.Server.SignIn.Sweep(ctx); err != nil {
					t.Errorf("sweep: %v", err)
				}
				if err := at.Server.API.Audit.Prune(ctx, at.Server.Clock.Now(), 7*24*time.Hour, 400*24*time.Hour); err != nil {
					t.Errorf("prune: %v", err)
				}
			}
		})
	}
	all.Wait()

	for _, u := range users {
		notices, err := one.Server.SignIn.Notices(ctx, u)
		if err != nil || len(notices) != 1 {
			t.Errorf("%s has %d notices, %v, want one", u.Name, len(notices), err)
		}
	}
	after := allEvents(t, two, 1<<20)
	if want := len(before) - old + len(users); len(after) != want {
		t.Errorf("%d events are left, want %d: all but the old ones, and one for each sign-in that stopped", len(after), want)
	}
	for _, e := range after {
		if e.Name == "Old" {
			t.Error("an old event is left")
			break
		}
	}
}

// allEvents reads all events page by page.
func allEvents(t *testing.T, at *touchtest.Account, page int) (all []store.Event) {
	t.Helper()
	if err := at.Server.State.Store.View(context.Background(), func(tx *store.Tx) error {
		all = nil
		q := store.EventQuery{Limit: page}
		for {
			events, err := tx.Events(q)
			if err != nil || len(events) == 0 {
				return err
			}
			all = append(all, events...)
			last := &events[len(events)-1]
			q.AfterTime, q.AfterID = last.Time, last.ID
			q.Since = last.Time
		}
	}); err != nil {
		t.Fatal(err)
	}

	return all
}

// Every change made on two servers at once has its one event, and small pages of the events show each of them once, in order.
func TestTwoServersRecordEveryChangeOnce(t *testing.T) {
	ctx := context.Background()
	one, two := startTwo(t, nil)
	const workers, changes = 8, 12
	var all sync.WaitGroup
	for worker := range workers {
		at := []*touchtest.Account{one, two}[worker%2]
		root := at.IAM(at.Root)
		all.Go(func() {
			for n := range changes {
				name := fmt.Sprintf("user-%d-%d", worker, n)
				if _, err := root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: &name}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()

	events := allEvents(t, one, 7)
	there, known := make(map[string]bool), make(map[string]bool)
	if err := two.Server.State.Store.View(ctx, func(tx *store.Tx) error { return stored(tx, one.ID, there) }); err != nil {
		t.Fatal(err)
	}
	created := 0
	for n, e := range events {
		if known[e.ID] {
			t.Errorf("event %s is there twice", e.ID)
		}
		known[e.ID] = true
		if n > 0 && (e.Time.Before(events[n-1].Time) || e.Time.Equal(events[n-1].Time) && e.ID < events[n-1].ID) {
			t.Errorf("event %d is out of order", n)
		}
		if e.Name == "CreateUser" {
			created++
		}
	}
	if whole := allEvents(t, two, 1<<20); len(whole) != len(events) {
		t.Errorf("small pages show %d events of %d", len(events), len(whole))
	}
	if len(there) != workers*changes || created != workers*changes {
		t.Errorf("%d users and %d events of their creation, want %d", len(there), created, workers*changes)
	}
}

package operator_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret/secrettest"
	"github.com/touchstone-iam/touchstone/internal/store"
)

var (
	ctx = context.Background()
	now = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
)

const origin = "https://iam.example.com"

// newOperator returns an operator of an empty installation, whose clock stands still.
func newOperator(t *testing.T) *operator.Operator {
	t.Helper()
	directory := t.TempDir()
	s, err := store.Open(ctx, filepath.Join(directory, "touchstone.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &operator.Operator{Store: s, Secrets: secrettest.Keyring(t), Clock: func() time.Time { return now }}
}

func create(t *testing.T, o *operator.Operator, n operator.AccountRequest) *operator.CreatedAccount {
	t.Helper()
	n.URL = origin
	c, err := o.CreateAccount(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// acme makes the account 111122223333 with the alias acme and the user alice.
func acme(t *testing.T, o *operator.Operator) *operator.CreatedAccount {
	t.Helper()
	c := create(t, o, operator.AccountRequest{ID: "111122223333", Alias: "acme", RootEmail: "root@example.com", AccessKey: true})
	change(t, o, func(tx *store.Tx) error {
		return tx.InsertPrincipal(&store.Principal{
			AccountID: c.AccountID, ID: "alice-id", Kind: store.User, UniqueID: ids.NewUnique("AIDA"), Name: "alice", Path: "/",
			CreatedAt: now,
		})
	})
	return c
}

func change(t *testing.T, o *operator.Operator, do func(*store.Tx) error) {
	t.Helper()
	if err := o.Store.Update(ctx, store.NoLock(), do); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, o *operator.Operator, do func(*store.Tx) error) {
	t.Helper()
	if err := o.Store.View(ctx, do); err != nil {
		t.Fatal(err)
	}
}

// refused demands a fault that says each of the words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if _, ok := errors.AsType[*operator.Fault](err); !ok {
		t.Errorf("the error is %v, not a Fault", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

// events returns the names of an account's events, the oldest first; "" stands for the installation.
func events(t *testing.T, o *operator.Operator, account string) []string {
	t.Helper()
	names := []string{}
	if err := o.Events(ctx, store.EventQuery{}, func(e *store.Event) error {
		if e.AccountID != account {
			return nil
		}
		var record struct{ UserIdentity struct{ Type string } }
		if err := json.Unmarshal([]byte(e.Record), &record); err != nil {
			return err
		}
		if record.UserIdentity.Type != "Operator" {
			t.Errorf("%s is recorded as done by %q", e.Name, record.UserIdentity.Type)
		}
		names = append(names, e.Name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	slices.Sort(names) // events of the same instant have no order
	return names
}

func TestCreateAccount(t *testing.T) {
	o := newOperator(t)
	c := create(t, o, operator.AccountRequest{ID: "111122223333", Alias: "acme", RootEmail: "root@example.com", AccessKey: true})
	if c.AccountID != "111122223333" || c.Alias != "acme" || c.RootEmail != "root@example.com" {
		t.Errorf("created %+v", c)
	}

	token, ok := strings.CutPrefix(c.SetupURL, origin+"/auth/setup?link=")
	account, hash, err := o.Secrets.ParseToken(token)
	if !ok || err != nil || account != c.AccountID {
		t.Errorf("set-up link %q: account %q, %v", c.SetupURL, account, err)
	}

	view(t, o, func(tx *store.Tx) error {
		root, err := tx.RootUser(c.AccountID)
		if err != nil {
			return err
		}
		if owner, err := tx.SetupLink(c.AccountID, hash, now); err != nil || owner != root.ID {
			t.Errorf("the set-up link is %q's, %v", owner, err)
		}
		key, err := tx.AccessKey(c.AccountID, c.AccessKeyID)
		if err != nil {
			return err
		}
		plain, err := o.Secrets.OpenSecretKey(c.AccountID, root.ID, c.AccessKeyID, key.SealedSecret)
		if err != nil || plain != c.SecretAccessKey || key.PrincipalID != root.ID || !key.Active {
			t.Errorf("the stored access key is %+v with the secret %q, %v", key, plain, err)
		}
		return nil
	})

	if got := events(t, o, c.AccountID); !slices.Equal(got, []string{"CreateAccount"}) {
		t.Errorf("events %v", got)
	}
}

func TestCreateAccountChoosesAnID(t *testing.T) {
	o := newOperator(t)
	one := create(t, o, operator.AccountRequest{RootEmail: "one@example.com"})
	two := create(t, o, operator.AccountRequest{RootEmail: "two@example.com"})
	if len(one.AccountID) != 12 || len(two.AccountID) != 12 || one.AccountID == two.AccountID {
		t.Errorf("ids %q and %q", one.AccountID, two.AccountID)
	}
	if one.AccessKeyID != "" || one.SecretAccessKey != "" {
		t.Errorf("an access key that nobody asked for: %+v", one)
	}
}

func TestCreateFirstAccount(t *testing.T) {
	o := newOperator(t)
	if c := create(t, o, operator.AccountRequest{RootEmail: "root@example.com", First: true}); c == nil {
		t.Fatal("an empty installation got no first account")
	}
	if c := create(t, o, operator.AccountRequest{RootEmail: "other@example.com", First: true}); c != nil {
		t.Errorf("a second first account: %+v", c)
	}
	if accounts, err := o.Accounts(ctx); err != nil || len(accounts) != 1 || accounts[0].RootEmail != "root@example.com" {
		t.Errorf("accounts %+v, %v", accounts, err)
	}
}

func TestCreateAccountRefusals(t *testing.T) {
	o := newOperator(t)
	acme(t, o)
	for _, test := range []struct {
		name    string
		request operator.AccountRequest
		words   []string
	}{
		{"id too short", operator.AccountRequest{ID: "12", RootEmail: "a@example.com"}, []string{`account id "12"`, "12 digits"}},
		{"id with hyphens", operator.AccountRequest{ID: "1111-2222-4444", RootEmail: "a@example.com"}, []string{"12 digits"}},
		{"no e-mail", operator.AccountRequest{}, []string{`root e-mail ""`, "use an e-mail address"}},
		{"a name with the e-mail", operator.AccountRequest{RootEmail: "Root <a@example.com>"}, []string{"use an e-mail address"}},
		{"an e-mail with a line end", operator.AccountRequest{RootEmail: "a@example.com\n"}, []string{"use an e-mail address"}},
		{"alias in capitals", operator.AccountRequest{Alias: "Acme", RootEmail: "a@example.com"}, []string{`alias "Acme"`, "lower-case"}},
		{"alias like an id", operator.AccountRequest{Alias: "1111-2222-3333", RootEmail: "a@example.com"}, []string{"account id"}},
		{
			"id taken",
			operator.AccountRequest{ID: "111122223333", RootEmail: "a@example.com"},
			[]string{"111122223333 belongs to another account", "--account-id"},
		},
		{
			"e-mail taken",
			operator.AccountRequest{RootEmail: "ROOT@example.com"},
			[]string{"belongs to account 111122223333", "--root-email"},
		},
		{"alias taken", operator.AccountRequest{Alias: "acme", RootEmail: "a@example.com"}, []string{"acme belongs to another account"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := o.CreateAccount(ctx, test.request)
			refused(t, err, test.words...)
			if c != nil {
				t.Errorf("a refused request returned %+v", c)
			}
		})
	}

	_, err := o.CreateAccount(ctx, operator.AccountRequest{ID: "1", Alias: "x", RootEmail: "y"})
	refused(t, err, `account id "1"`, `alias "x"`, `root e-mail "y"`)
	if accounts, err := o.Accounts(ctx); err != nil || len(accounts) != 1 {
		t.Errorf("after refusals there are %d accounts, %v", len(accounts), err)
	}
}

func TestReset(t *testing.T) {
	for _, test := range []struct {
		name    string
		names   operator.AccountNames
		refusal string // "" for a reset
	}{
		{"by id", operator.AccountNames{ID: "111122223333"}, ""},
		{"by alias", operator.AccountNames{Alias: "acme"}, ""},
		{"by e-mail", operator.AccountNames{RootEmail: "Root@example.com"}, ""},
		{"by all", operator.AccountNames{ID: "111122223333", Alias: "acme", RootEmail: "root@example.com"}, ""},
		{"by its id, and a new e-mail", operator.AccountNames{ID: "111122223333", RootEmail: "new@example.com"}, ""},
		{"an id that is free", operator.AccountNames{ID: "444455556666"}, "there is no account to reset: --account-id 444455556666"},
		{"nothing that is known", operator.AccountNames{Alias: "new", RootEmail: "new@example.com"}, "there is no account to reset"},
		{"nothing", operator.AccountNames{}, "no account was named"},
		{"two accounts", operator.AccountNames{Alias: "acme", RootEmail: "other@example.com"}, "not clear"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOperator(t)
			old := acme(t, o)
			create(t, o, operator.AccountRequest{RootEmail: "other@example.com"})
			before := events(t, o, old.AccountID)

			c, err := o.CreateAccount(ctx, operator.AccountRequest{RootEmail: "anew@example.com", Reset: &test.names, URL: origin})
			left, trail := 0, []string{"ResetAccount"}
			if test.refusal != "" {
				left, trail = 1, nil
				refused(t, err, test.refusal)
			} else if err != nil || c.AccountID != old.AccountID {
				t.Errorf("the new account is %+v, %v", c, err)
			}

			var keys, users int
			view(t, o, func(tx *store.Tx) error {
				if _, err := tx.AccessKey(old.AccountID, old.AccessKeyID); err == nil {
					keys++
				}
				if _, err := tx.PrincipalByName(old.AccountID, store.User, "alice"); err == nil {
					users++
				}
				return nil
			})
			if keys != left || users != left {
				t.Errorf("the old account has %d keys and %d users left, want %d", keys, users, left)
			}
			if got := events(t, o, ""); !slices.Equal(got, trail) {
				t.Errorf("the installation's trail has %v", got)
			}
			// What was done in the account before stays in its trail.
			if got := events(t, o, old.AccountID); len(got) < len(before) || !slices.Equal(got[:len(before)], before) {
				t.Errorf("the account's trail was %v and is %v", before, got)
			}
		})
	}
}

func TestSetUpLink(t *testing.T) {
	o := newOperator(t)
	c := acme(t, o)
	for _, named := range []string{"acme", "111122223333", "1111-2222-3333", " ACME "} {
		link, err := o.SetUpLink(ctx, named, "https://other.example")
		token, ok := strings.CutPrefix(link, "https://other.example/auth/setup?link=")
		if account, _, parseErr := o.Secrets.ParseToken(token); err != nil || !ok || parseErr != nil || account != c.AccountID {
			t.Errorf("account %q: link %q, %v", named, link, err)
		}
	}

	// Only the last link works.
	_, first, _ := strings.Cut(c.SetupURL, "link=")
	_, hash, err := o.Secrets.ParseToken(first)
	if err != nil {
		t.Fatal(err)
	}
	view(t, o, func(tx *store.Tx) error {
		if _, err := tx.SetupLink(c.AccountID, hash, now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the first link still works: %v", err)
		}
		return nil
	})

	_, err = o.SetUpLink(ctx, "nowhere", origin)
	refused(t, err, "there is no account nowhere", "touchstone account list")
}

func TestSetQuota(t *testing.T) {
	o := newOperator(t)
	c := acme(t, o)
	for _, value := range []int{7, 0} {
		if err := o.SetQuota(ctx, "acme", "UsersPerAccount", value); err != nil {
			t.Fatal(err)
		}
		view(t, o, func(tx *store.Tx) error {
			if got, ok, err := tx.Quota(c.AccountID, "UsersPerAccount"); got != value || !ok || err != nil {
				t.Errorf("the quota is %d, %t, %v, want %d", got, ok, err, value)
			}
			return nil
		})
	}

	refused(t, o.SetQuota(ctx, "acme", "UsersPerAccount", -1), "UsersPerAccount", "-1", "below zero")
	refused(t, o.SetQuota(ctx, "nowhere", "UsersPerAccount", 1), "there is no account nowhere")
	if got := events(t, o, c.AccountID); !slices.Equal(got, []string{"CreateAccount", "SetQuota", "SetQuota"}) {
		t.Errorf("events %v", got)
	}
}

// insertDevice gives a principal a device with the name, and returns its serial number.
func insertDevice(t *testing.T, o *operator.Operator, account, principal, name string) string {
	t.Helper()
	serial := "arn:aws:iam::" + account + ":u2f/user/" + name + "/" + strings.ToUpper(ids.New())
	change(t, o, func(tx *store.Tx) error {
		return tx.InsertMFADevice(&store.MFADevice{
			AccountID: account, ID: ids.New(), PrincipalID: principal, Name: name, Serial: serial,
			CredentialID: []byte(ids.New()), RPID: "iam.example.com", Credential: "{}", EnabledAt: now,
		})
	})
	return serial
}

// insertSession signs a principal in.
func insertSession(t *testing.T, o *operator.Operator, account, principal string) {
	t.Helper()
	_, hash := o.Secrets.NewToken(account)
	change(t, o, func(tx *store.Tx) error {
		return tx.InsertSession(&store.Session{
			AccountID: account, ID: ids.NewUUID(), PrincipalID: principal, TokenHash: hash, Stage: store.StageFull, Scope: store.ScopeFull,
			CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour),
		})
	})
}

func sessions(t *testing.T, o *operator.Operator, account, principal string) (n int) {
	t.Helper()
	view(t, o, func(tx *store.Tx) error {
		found, err := tx.Sessions(account, principal)
		n = len(found)
		return err
	})
	return n
}

func TestMFADevices(t *testing.T) {
	o := newOperator(t)
	c := acme(t, o)
	alice := operator.Who{Account: "acme", User: "alice"}
	serial := insertDevice(t, o, c.AccountID, "alice-id", "blue")
	insertDevice(t, o, c.AccountID, "alice-id", "red")
	insertSession(t, o, c.AccountID, "alice-id")

	if devices, err := o.MFADevices(ctx, alice); err != nil || len(devices) != 2 {
		t.Fatalf("devices %+v, %v", devices, err)
	}
	if devices, err := o.MFADevices(ctx, operator.Who{Account: "acme", Root: true}); err != nil || len(devices) != 0 {
		t.Errorf("the root user's devices are %+v, %v", devices, err)
	}

	_, err := o.RemoveMFADevice(ctx, alice, "green")
	refused(t, err, "there is no device green", "touchstone mfa list")
	_, err = o.RemoveMFADevice(ctx, operator.Who{Account: "acme", Root: true}, "blue")
	refused(t, err, "there is no device blue")
	if n := sessions(t, o, c.AccountID, "alice-id"); n != 1 {
		t.Errorf("after refusals alice has %d sessions", n)
	}

	if removed, err := o.RemoveMFADevice(ctx, alice, serial); err != nil || removed.Name != "blue" {
		t.Errorf("by serial number: %+v, %v", removed, err)
	}
	if n := sessions(t, o, c.AccountID, "alice-id"); n != 0 {
		t.Errorf("after the removal alice has %d sessions", n)
	}
	if removed, err := o.RemoveMFADevice(ctx, alice, "RED"); err != nil || removed.Name != "red" {
		t.Errorf("by name: %+v, %v", removed, err)
	}
	if devices, err := o.MFADevices(ctx, alice); err != nil || len(devices) != 0 {
		t.Errorf("left are %+v, %v", devices, err)
	}
	want := []string{"CreateAccount", "DeactivateMFADevice", "DeactivateMFADevice"}
	if got := events(t, o, c.AccountID); !slices.Equal(got, want) {
		t.Errorf("events %v", got)
	}
}

func TestRevokeSessions(t *testing.T) {
	o := newOperator(t)
	c := acme(t, o)
	insertSession(t, o, c.AccountID, "alice-id")
	insertSession(t, o, c.AccountID, "alice-id")

	if ended, err := o.RevokeSessions(ctx, operator.Who{Account: "acme", Root: true}); err != nil || ended != 0 {
		t.Errorf("the root user had %d sessions, %v", ended, err)
	}
	if ended, err := o.RevokeSessions(ctx, operator.Who{Account: "acme", User: "ALICE"}); err != nil || ended != 2 {
		t.Errorf("alice had %d sessions, %v", ended, err)
	}
	if n := sessions(t, o, c.AccountID, "alice-id"); n != 0 {
		t.Errorf("alice has %d sessions left", n)
	}
	view(t, o, func(tx *store.Tx) error {
		p, err := tx.Principal(c.AccountID, "alice-id")
		if err == nil && !p.SessionsNotBefore.Equal(now) {
			t.Errorf("temporary credentials hold from %v, want %v", p.SessionsNotBefore, now)
		}
		return err
	})
	for who, words := range map[operator.Who]string{
		{Account: "acme", User: "bob"}:      "account 111122223333 has no user bob",
		{Account: "nowhere", User: "alice"}: "there is no account nowhere",
	} {
		_, err := o.RevokeSessions(ctx, who)
		refused(t, err, words)
	}
}

func TestEventsInPages(t *testing.T) {
	o := newOperator(t)
	c := acme(t, o)
	const changes = 501 // one more than a page
	for n := range changes {
		now := now.Add(time.Duration(n+1) * time.Second)
		o.Clock = func() time.Time { return now }
		if err := o.SetQuota(ctx, c.AccountID, "UsersPerAccount", n); err != nil {
			t.Fatal(err)
		}
	}
	var last time.Time
	n := 0
	if err := o.Events(ctx, store.EventQuery{Name: "SetQuota"}, func(e *store.Event) error {
		if !e.Time.After(last) {
			t.Errorf("the event of %v comes after that of %v", e.Time, last)
		}
		last = e.Time
		n++
		return nil
	}); err != nil || n != changes {
		t.Errorf("%d events, %v, want %d", n, err, changes)
	}

	stop := errors.New("stop")
	if err := o.Events(ctx, store.EventQuery{}, func(*store.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the caller's becomes %v", err)
	}
}

func TestResolveAccount(t *testing.T) {
	o := newOperator(t)
	c := acme(t, o)
	for _, typed := range []string{"acme", "Acme ", "111122223333", "1111-2222-3333"} {
		if id, err := o.ResolveAccount(ctx, typed); err != nil || id != c.AccountID {
			t.Errorf("%q: %q, %v", typed, id, err)
		}
	}
	for _, typed := range []string{"", "acme2", "444455556666"} {
		_, err := o.ResolveAccount(ctx, typed)
		refused(t, err, "there is no account "+typed, "touchstone account list")
	}
}

package authz_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

var (
	ctx = context.Background()
	now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	env = authz.Environment{Now: now}
)

const (
	account = "111122223333"
	aliceID = "arn:aws:iam::111122223333:user/alice"
)

// process is one of several that work on the same database.
type process struct {
	name    string
	store   *store.Store
	authz   *authz.Authorizer
	authn   *authn.Authenticator
	gathers int // how often policies were read
}

// world is an account with alice, and two processes that decide about her. Besides her own policies, the managed ones and her
// boundary she is governed by those of her group, which a stand-in source reads from the tables that there are.
type world struct {
	t         *testing.T
	processes []*process
	alice     *store.Principal
	group     *store.Principal
}

func newWorld(t *testing.T) *world {
	t.Helper()
	path, databaseURL := storetest.Place(t, t.TempDir())
	w := &world{t: t}
	for _, name := range []string{"this process", "another process"} {
		p := &process{name: name}
		var err error
		if p.store, err = store.OpenConfig(ctx, store.Config{Path: path, URL: databaseURL, Migrate: true}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.store.Close() })
		counting := authz.Source{
			Versions: func(*store.Tx, *store.Principal) ([]authz.Version, error) { return nil, nil },
			Gather: func(*store.Tx, *store.Principal, *authz.Governing) error {
				p.gathers++
				return nil
			},
		}
		p.authz = authz.New(counting, groupPolicies)
		p.authn = authn.New(nil, 0, authn.SessionLimits{Absolute: time.Hour, Idle: time.Hour, Partial: time.Hour})
		w.processes = append(w.processes, p)
	}

	w.update(func(tx *store.Tx) error {
		if err := tx.InsertAccount(account, "root@example.com", now); err != nil {
			return err
		}
		w.alice = &store.Principal{
			AccountID: account, ID: ids.New(), Kind: store.User, UniqueID: "AIDAALICE", Name: "alice", Path: "/", CreatedAt: now,
		}
		w.group = &store.Principal{
			AccountID: account, ID: ids.New(), Kind: store.Group, UniqueID: "AGPAGROUP", Name: "team", Path: "/", CreatedAt: now,
		}
		return errors.Join(tx.InsertPrincipal(w.alice), tx.InsertPrincipal(w.group))
	})
	return w
}

// update changes the account in the first process.
func (w *world) update(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.processes[0].store.Update(ctx, store.Raise(account), fn); err != nil {
		w.t.Fatal(err)
	}
}

// caller is alice, signed in to the console, as the transaction has her.
func (p *process) caller(tx *store.Tx, id string) (*authn.Caller, error) {
	principal, err := tx.Principal(account, id)
	if err != nil {
		return nil, err
	}
	session := &store.Session{AccountID: account, Stage: store.StageFull, Scope: store.ScopeFull, CreatedAt: now}
	return p.authn.ConsoleCaller(tx, session, principal)
}

// authorize asks whether a principal may do something, in one process.
func (p *process) authorize(id string, checks ...authz.Check) error {
	return p.store.View(ctx, func(tx *store.Tx) error {
		c, err := p.caller(tx, id)
		if err != nil {
			return err
		}
		return p.authz.Authorize(tx, c, &env, checks)
	})
}

// A setting stands for a table that there is not yet: which group a user is in.
func settingOfGroup(user string) string { return "test group of " + user }

var groupPolicies = authz.Source{
	Versions: func(tx *store.Tx, p *store.Principal) ([]authz.Version, error) {
		group, err := tx.Setting(settingOfGroup(p.ID))
		if err != nil || group == "" {
			return nil, err
		}
		version, err := tx.PrincipalVersion(p.AccountID, group)
		return []authz.Version{{ID: group, State: fmt.Sprint(version)}}, err
	},
	Gather: func(tx *store.Tx, p *store.Principal, g *authz.Governing) error {
		id, err := tx.Setting(settingOfGroup(p.ID))
		if err != nil || id == "" {
			return err
		}
		group, err := tx.Principal(p.AccountID, id)
		if err != nil {
			return err
		}
		inline, err := tx.InlinePolicies(p.AccountID, id)
		for _, each := range inline {
			id := "group_" + group.Name + "_" + each.Name
			g.Policies = append(g.Policies, authz.Policy{ID: id, Owner: group, Name: each.Name, Text: each.Document})
		}
		return err
	},
}

// setPolicy makes a managed policy, or brings another text of it into force.
func setPolicy(tx *store.Tx, arn, text string) error {
	p, err := tx.ManagedPolicy(account, arn)
	if errors.Is(err, store.ErrNotFound) {
		name := arn[strings.LastIndex(arn, "/")+1:]
		return tx.InsertManagedPolicy(&store.ManagedPolicy{
			AccountID: account, ID: ids.NewUnique("ANPA"), ARN: arn, Name: name, Path: "/", CreatedAt: now,
		}, text)
	}
	if err != nil {
		return err
	}
	_, err = tx.InsertPolicyVersion(p, text, true, now)
	return err
}

func document(effect, action, resource, condition string) string {
	if condition != "" {
		condition = `,"Condition":{` + condition + `}`
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":%q,"Action":%q,"Resource":%q%s}}`, effect, action, resource,
		condition)
}

// Package operator does what the person who runs the installation may do on its host: make accounts, hand out set-up links,
// remove a lost device, end sessions, set quotas.
//
// It works on the store, whether or not a server runs on it; a running server sees each change with its next request. Whoever can
// write the data directory is authorised, and no policy is asked. Every change is recorded as the operator's in the audit trail.
package operator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/device"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Operator acts on an installation's store. All fields are required.
type Operator struct {
	Store   *store.Store
	Secrets *secret.Keyring
	Clock   func() time.Time
}

// AccountRequest says which account [Operator.CreateAccount] makes.
type AccountRequest struct {
	ID        string // 12 digits; "" chooses one at random
	Alias     string // "" for none
	RootEmail string
	AccessKey bool   // also make an access key of the root user
	First     bool   // do nothing when there is an account already
	URL       string // public origin for the set-up link, without a slash at the end

	// Reset, unless it is nil, names an account that is there: it is first removed with everything in it, except its events, and the
	// new account gets its id.
	Reset *AccountNames

	seeding *seeding // what is made in the account besides; nil for nothing. [NewSeedRequest] sets it
}

// AccountNames name one account, in one or several ways. The empty names are left out.
type AccountNames struct{ ID, Alias, RootEmail string }

// CreatedAccount is a new account with its secrets, which are shown this once. Its JSON form is part of the command's contract.
type CreatedAccount struct {
	AccountID       string `json:"AccountId"`
	Alias           string `json:",omitempty"`
	RootEmail       string
	SetupURL        string `json:"SetupUrl,omitempty"` // "" when a seed gave the root user a password
	AccessKeyID     string `json:"AccessKeyId,omitempty"`
	SecretAccessKey string `json:",omitempty"`
}

// Fault is a mistake in what was asked for. Its text is for the person at the command line.
type Fault struct {
	Reason string
	flag   string // by which another value is chosen, when the value is taken; "" otherwise
}

// Error returns the reason, with the flag that helps.
func (f *Fault) Error() string {
	if f.flag != "" {
		return f.Reason + ": choose another one with --" + f.flag
	}
	return f.Reason
}

func fault(format string, args ...any) error { return &Fault{Reason: fmt.Sprintf(format, args...)} }

// CheckAlias returns a [*Fault] when text cannot be an account alias (IAM User Guide, "Account alias"). An alias has 3 to 63
// lower-case letters, digits and single hyphens inside; and it must not look like an account id, since people type either into the
// same field.
func CheckAlias(alias string) error {
	if !iamapi.ValidAccountAlias(alias) {
		return fault("alias %q: use 3 to 63 lower-case letters, digits and single hyphens, beginning and ending with a letter or digit", alias)
	}
	if _, ok := ids.ParseAccount(alias); ok {
		return fault("alias %q: use one that does not look like an account id", alias)
	}
	return nil
}

// Check returns all faults of the request at once, each a [*Fault].
func (n *AccountRequest) Check() error {
	faults := []error{checkAccountID(n.ID)}
	if n.Alias != "" {
		faults = append(faults, CheckAlias(n.Alias))
	}
	return errors.Join(append(faults, checkRootEmail(n.RootEmail))...)
}

// checkAccountID returns a [*Fault] for an id that is none. "" stands for one that is drawn.
func checkAccountID(id string) error {
	if id != "" && !arn.IsAccountID(id) {
		return fault("account id %q: use 12 digits", id)
	}
	return nil
}

func checkRootEmail(email string) error {
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || len(email) > 254 || strings.ContainsAny(email, "\r\n") {
		return fault("root e-mail %q: use an e-mail address, such as root@example.com", email)
	}
	return nil
}

// CreateAccount makes an account with its root user and a set-up link. It returns nil without an error when the request is for the
// first account and there is one already. Its error is a [*Fault] when something asked for is malformed or taken.
func (o *Operator) CreateAccount(ctx context.Context, n AccountRequest) (*CreatedAccount, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}

	now := o.Clock()

	// Which account is replaced is looked up before its lock can be had, and again under the lock.
	var (
		c        *CreatedAccount
		replaced string
		err      error
	)
	for c == nil {
		if n.Reset != nil {
			old, err := o.Named(ctx, *n.Reset)
			if err != nil {
				return nil, err
			}
			replaced = old.ID
		}
		first := false
		err = o.Store.Update(ctx, store.Join(store.Installation(), store.Raise(replaced)), func(tx *store.Tx) (err error) {
			c, first = nil, true
			if n.First {
				if accounts, err := tx.Accounts(); err != nil || len(accounts) > 0 {
					first = false
					return err
				}
			}
			if n.Reset != nil {
				if current, err := n.Reset.find(tx); err != nil || current != replaced {
					return err // another account has the name by now: look again
				}
			}
			c, err = o.create(tx, &n, replaced, now)
			return err
		})
		if err != nil || !first {
			return nil, err
		}
	}

	return c, nil
}

// create makes the account, in place of the one with the id replaced unless that is "".
func (o *Operator) create(tx *store.Tx, n *AccountRequest, replaced string, now time.Time) (*CreatedAccount, error) {
	c := &CreatedAccount{AccountID: n.ID, Alias: n.Alias, RootEmail: n.RootEmail}
	if replaced != "" {
		switch err := tx.RemoveAccount(replaced); {
		case err == nil:
			// The installation's own log keeps a record that it happened.
			c.AccountID = replaced
			if err := o.record(tx, "", "ResetAccount", map[string]any{"accountId": replaced}, now); err != nil {
				return nil, err
			}
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	if c.AccountID == "" {
		c.AccountID = ids.NewAccount()
	}

	root, err := insertAccount(tx, c, now)
	if err != nil && n.seeding != nil {
		return nil, refusedAt(n.seeding.seed, n.seeding.account.RootEmail.Line, err)
	}
	if err != nil {
		return nil, err
	}
	if n.seeding == nil || n.seeding.account.RootPassword.Line == 0 {
		token, err := signin.NewSetUpLink(tx, o.Secrets, root, now)
		if err != nil {
			return nil, err
		}
		c.SetupURL = setUpURL(n.URL, token)
	}

	if n.AccessKey {
		c.AccessKeyID, c.SecretAccessKey, err = authn.NewAccessKey(tx, o.Secrets, c.AccountID, root.ID, now)
		if err != nil {
			return nil, err
		}
	}
	parameters := map[string]any{"alias": n.Alias, "rootEmail": n.RootEmail, "reset": n.Reset != nil}
	if err := o.record(tx, c.AccountID, "CreateAccount", parameters, now); err != nil {
		return nil, err
	}
	if n.seeding != nil {
		return c, n.seeding.apply(o, tx, root, now)
	}
	return c, nil
}

// insertAccount stores the account, its alias and its root user.
func insertAccount(tx *store.Tx, c *CreatedAccount, now time.Time) (*store.Principal, error) {
	// What is taken is looked up, because the error of the insertion would not tell which of the two it is, and whose.
	switch owner, err := tx.AccountByRootEmail(c.RootEmail); {
	case err == nil:
		return nil, &Fault{fmt.Sprintf("root e-mail %s belongs to account %s", c.RootEmail, owner), "root-email"}
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	if err := tx.InsertAccount(c.AccountID, c.RootEmail, now); err != nil {
		return nil, taken(err, "account id", c.AccountID, "account-id")
	}

	if c.Alias != "" {
		if err := tx.SetAlias(c.AccountID, c.Alias, now); err != nil {
			return nil, taken(err, "alias", c.Alias, "alias")
		}
	}
	root := &store.Principal{
		AccountID: c.AccountID, ID: ids.New(), Kind: store.Root, UniqueID: c.AccountID, Path: "/", CreatedAt: now,
	}
	return root, tx.InsertPrincipal(root)
}

// setUpURL returns the address of a set-up link's page.
func setUpURL(origin, token string) string { return origin + "/auth/setup?link=" + token }

// Named returns the account that the names name. Its error is a [*Fault] when they name no account, or several.
func (o *Operator) Named(ctx context.Context, names AccountNames) (a store.Account, err error) {
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		id, err := names.find(tx)
		if err != nil {
			return err
		}
		a, err = tx.Account(id)
		return err
	})
	return a, err
}

// find returns the id of the one account that the names name.
func (n AccountNames) find(tx *store.Tx) (string, error) {
	found := make(map[string]bool)
	for _, by := range []struct {
		name string
		look func(string) (string, error)
	}{
		{n.ID, func(id string) (string, error) {
			_, err := tx.Freshness(id)
			return id, err
		}},
		{n.Alias, tx.AccountByAlias},
		{n.RootEmail, tx.AccountByRootEmail},
	} {
		if by.name == "" {
			continue
		}
		switch id, err := by.look(by.name); {
		case err == nil:
			found[id] = true
		case !errors.Is(err, store.ErrNotFound):
			return "", err
		}
	}

	ids := slices.Sorted(maps.Keys(found))
	switch len(ids) {
	case 0:
		return "", fault("there is no account to reset: %s", n)
	case 1:
		return ids[0], nil
	}
	return "", fault("which account is to be reset is not clear, and nothing was changed: %s name the accounts %s", n,
		strings.Join(ids, " and "))
}

// String lists the names as the flags that give them.
func (n AccountNames) String() string {
	var flags []string
	for flag, name := range map[string]string{"--account-id": n.ID, "--alias": n.Alias, "--root-email": n.RootEmail} {
		if name != "" {
			flags = append(flags, flag+" "+name)
		}
	}
	if len(flags) == 0 {
		return "no account was named"
	}
	slices.Sort(flags)
	return strings.Join(flags, ", ")
}

// Accounts lists all accounts.
func (o *Operator) Accounts(ctx context.Context) (accounts []store.Account, err error) {
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		accounts, err = tx.Accounts()
		return err
	})
	return accounts, err
}

// SetUpLink makes a new set-up link for the root user of an account, named by its id or alias, and ends earlier links. Whoever has
// the link can set a password with it; a root user with an MFA device is still asked for the device.
func (o *Operator) SetUpLink(ctx context.Context, account, url string) (link string, err error) {
	err = o.changeAccount(ctx, account, quietly, "CreateSetUpLink", nil, func(tx *store.Tx, id string, now time.Time) error {
		root, err := tx.RootUser(id)
		if err != nil {
			return err
		}
		token, err := signin.NewSetUpLink(tx, o.Secrets, root, now)
		link = setUpURL(url, token)
		return err
	})
	return link, err
}

// SetQuota gives an account its own value of a quota. Its error is a [*Fault] for a negative value or an unknown account.
func (o *Operator) SetQuota(ctx context.Context, account, name string, value int) error {
	if value < 0 {
		return fault("quota %s: %d is below zero; use 0 or more", name, value)
	}
	parameters := map[string]any{"quota": name, "value": value}
	return o.changeAccount(ctx, account, store.Raise, "SetQuota", parameters, func(tx *store.Tx, id string, _ time.Time) error {
		return tx.SetQuota(id, name, value)
	})
}

// ReadAccount calls read with the id of an account, named by its id or alias, in a snapshot.
func (o *Operator) ReadAccount(ctx context.Context, account string, read func(tx *store.Tx, id string) error) error {
	return o.Store.View(ctx, func(tx *store.Tx) error {
		id, err := resolve(tx, account)
		if err != nil {
			return err
		}
		return read(tx, id)
	})
}

// Who names a principal of an account: either its root user or an IAM user.
type Who struct {
	Account string // id or alias
	User    string // the IAM user's name; not looked at when Root is set
	Root    bool
}

// principal reads whom w names.
func (w Who) principal(tx *store.Tx, account string) (*store.Principal, error) {
	if w.Root {
		return tx.RootUser(account)
	}
	i, err := tx.PrincipalByName(account, store.User, w.User)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault("account %s has no user %s", account, w.User)
	}
	return i, err
}

// flags are the flags of the command that name the same principal.
func (w Who) flags() string {
	if w.Root {
		return "--account " + w.Account + " --root"
	}
	return "--account " + w.Account + " --user " + w.User
}

// MFADevices lists a principal's devices, the oldest first.
func (o *Operator) MFADevices(ctx context.Context, w Who) (devices []store.MFADevice, err error) {
	err = o.ReadAccount(ctx, w.Account, func(tx *store.Tx, account string) error {
		i, err := w.principal(tx, account)
		if err != nil {
			return err
		}
		devices, err = tx.MFADevices(account, i.ID)
		return err
	})
	return devices, err
}

// RemoveMFADevice takes a device away from a principal and ends the principal's sessions. The device is given by its name or its
// serial number.
func (o *Operator) RemoveMFADevice(ctx context.Context, w Who, named string) (removed *store.MFADevice, err error) {
	parameters := map[string]any{"userName": w.User, "device": named}
	err = o.changeAccount(ctx, w.Account, store.Raise, "DeactivateMFADevice", parameters,
		func(tx *store.Tx, account string, now time.Time) error {
			removed = nil
			i, err := w.principal(tx, account)
			if err != nil {
				return err
			}

			devices, err := tx.MFADevices(account, i.ID)
			if err != nil {
				return err
			}
			removed = nil
			for n := range devices {
				if devices[n].Serial == named || strings.EqualFold(devices[n].Name, named) {
					removed = &devices[n]
				}
			}
			if removed == nil {
				return fault("there is no device %s; 'touchstone mfa list %s' shows what there is", named, w.flags())
			}

			return device.Remove(tx, i, removed, "", now)
		})

	return removed, err
}

// Sessions lists a principal's console sessions, the oldest first. Some of them may have expired.
func (o *Operator) Sessions(ctx context.Context, w Who) (sessions []store.Session, err error) {
	err = o.ReadAccount(ctx, w.Account, func(tx *store.Tx, account string) error {
		i, err := w.principal(tx, account)
		if err != nil {
			return err
		}
		sessions, err = tx.Sessions(account, i.ID)
		return err
	})
	return sessions, err
}

// RevokeSessions ends all sessions of a principal: it deletes console sessions and returns how many there were, and it makes
// temporary credentials that were issued until now invalid.
func (o *Operator) RevokeSessions(ctx context.Context, w Who) (ended int64, err error) {
	parameters := map[string]any{"userName": w.User, "root": w.Root}
	err = o.changeAccount(ctx, w.Account, store.Raise, "RevokeSessions", parameters,
		func(tx *store.Tx, account string, now time.Time) error {
			i, err := w.principal(tx, account)
			if err != nil {
				return err
			}

			if err := tx.SetSessionsNotBefore(account, i.ID, now); err != nil {
				return err
			}
			ended, err = tx.DeleteSessions(account, i.ID, "")
			return err
		})
	return ended, err
}

// Events calls each with the events that q selects, the oldest first. It reads them in pages, so that no transaction is held open
// while they are printed.
func (o *Operator) Events(ctx context.Context, q store.EventQuery, each func(*store.Event) error) error {
	q.Limit = 500
	for {
		var page []store.Event
		if err := o.Store.View(ctx, func(tx *store.Tx) (err error) {
			page, err = tx.Events(q)
			return err
		}); err != nil {
			return err
		}

		for n := range page {
			if err := each(&page[n]); err != nil {
				return err
			}
		}

		if len(page) < q.Limit {
			return nil
		}

		last := page[len(page)-1]
		q.AfterTime, q.AfterID = last.Time, last.ID
	}
}

// quietly locks an account for a change that no decision or authentication reads.
func quietly(account string) store.Lock { return store.Accounts(account) }

// changeAccount changes an account, named by its id or alias, under the lock that lock makes for its id, and records the change in
// the same transaction.
func (o *Operator) changeAccount(
	ctx context.Context, account string, lock func(id string) store.Lock, event string, parameters map[string]any,
	change func(tx *store.Tx, id string, now time.Time) error,
) error {
	now := o.Clock()
	for {
		id, err := o.ResolveAccount(ctx, account)
		if err != nil {
			return err
		}

		moved := false
		err = o.Store.Update(ctx, lock(id), func(tx *store.Tx) error {
			current, err := resolve(tx, account)
			if moved = err == nil && current != id; err != nil || moved {
				return err // the alias was given to another account before the lock: look again
			}
			if err := change(tx, id, now); err != nil {
				return err
			}
			return o.record(tx, id, event, parameters, now)
		})
		if err != nil || !moved {
			return err
		}
	}
}

// resolve finds an account's id by its id or alias; its error is a [*Fault] when there is no such account.
func resolve(tx *store.Tx, account string) (string, error) {
	id, err := signin.ResolveAccount(tx, account)
	if errors.Is(err, store.ErrNotFound) {
		return "", fault("there is no account %s; 'touchstone account list' shows what there is", account)
	}
	return id, err
}

// record writes an event of the operator's to the trail of an account, or of the installation when account is "".
func (o *Operator) record(tx *store.Tx, account, name string, parameters map[string]any, now time.Time) error {
	r := &audit.Record{
		Time: now, EventSource: audit.SourceTouchstone, EventName: name, EventType: audit.TypeServiceEvent,
		UserIdentity: audit.UserIdentity{Type: "Operator", AccountID: account}, SourceIPAddress: "localhost",
		UserAgent: "touchstone", RecipientAccountID: account,
	}
	if parameters != nil {
		r.RequestParameters = parameters
	}
	return audit.Write(tx, r)
}

// taken turns a conflict in the store about a value, which another account has, into a [*Fault] that names the value's flag. It
// leaves other errors as they are.
func taken(err error, what, value, flag string) error {
	if errors.Is(err, store.ErrConflict) {
		return &Fault{what + " " + value + " belongs to another account", flag}
	}
	return err
}

// ResolveAccount finds an account's id by its id or alias. Its error is a [*Fault] when there is no such account.
func (o *Operator) ResolveAccount(ctx context.Context, account string) (id string, err error) {
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		id, err = resolve(tx, account)
		return err
	})
	return id, err
}

// Package operator does what the person who runs the installation may do on its host: make accounts, hand out set-up links,
// take away a lost device, end sessions, raise quotas.
//
// It works on the store, whether or not a server runs on it: a running server sees each change with its next request. Being
// on the host with the data directory is the authority; every change is recorded as the operator's.
package operator

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Operator acts on an installation's store.
type Operator struct {
	Store  *store.Store
	Master *secret.MasterKey
	Clock  func() time.Time
}

// NewAccount is what an account is made from.
type NewAccount struct {
	ID        string // 12 digits; "" chooses one
	Alias     string // "" for none
	RootEmail string
	Reset     bool // first remove the account with this id, or alias, or e-mail, and everything in it
	AccessKey bool // also make an access key of the root user
	First     bool // only when there is no account yet
	URL       string
}

// CreatedAccount is an account just made, with what is shown once. Its JSON form is part of the command's contract.
type CreatedAccount struct {
	AccountID       string `json:"AccountId"`
	Alias           string
	RootEmail       string
	SetupURL        string `json:"SetupUrl"`
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
}

// Fault is a mistake in what was asked for; its text is for the person.
type Fault struct{ Reason string }

// Error is the reason.
func (f *Fault) Error() string { return f.Reason }

func fault(format string, args ...any) error { return &Fault{fmt.Sprintf(format, args...)} }

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	aliasPattern   = regexp.MustCompile(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){1,61}[a-z0-9]$`)
)

// CheckAlias reports what is wrong with an account alias (IAM User Guide, "Account alias": 3–63 of lower-case letters, digits
// and single hyphens inside; not twelve digits).
func CheckAlias(alias string) error {
	if len(alias) < 3 || len(alias) > 63 || !aliasPattern.MatchString(alias) {
		return fault("alias %q: use 3 to 63 lower-case letters, digits and single hyphens, beginning and ending with a letter or digit", alias)
	}
	if signin.LooksLikeAccountID(alias) {
		return fault("alias %q: it must not look like an account id", alias)
	}
	return nil
}

func (n *NewAccount) check() error {
	var faults []error
	if n.ID != "" && !accountPattern.MatchString(n.ID) {
		faults = append(faults, fault("account id %q: use 12 digits", n.ID))
	}
	if n.Alias != "" {
		faults = append(faults, CheckAlias(n.Alias))
	}
	address, err := mail.ParseAddress(n.RootEmail)
	if err != nil || address.Address != n.RootEmail || len(n.RootEmail) > 254 || strings.ContainsAny(n.RootEmail, "\r\n") {
		faults = append(faults, fault("root e-mail %q: it is not an e-mail address", n.RootEmail))
	}
	return errors.Join(faults...)
}

// CreateAccount makes an account with its root user and a set-up link. *Fault when something asked for is taken or wrong; nil for
// a First that is not.
func (o *Operator) CreateAccount(ctx context.Context, n NewAccount) (*CreatedAccount, error) {
	if err := n.check(); err != nil {
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
		if n.Reset {
			if err := o.Store.View(ctx, func(tx *store.Tx) (err error) { replaced, err = n.replaces(tx); return err }); err != nil {
				return nil, err
			}
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
			if n.Reset {
				if current, err := n.replaces(tx); err != nil || current != replaced {
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
func (o *Operator) create(tx *store.Tx, n *NewAccount, replaced string, now time.Time) (*CreatedAccount, error) {
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
		c.AccountID = secret.NewAccountID()
	}

	if err := tx.InsertAccount(c.AccountID, n.RootEmail, now); err != nil {
		return nil, taken(err, "account %s or root e-mail %s exists already (--reset replaces an account with everything in it)", c.AccountID, n.RootEmail)
	}
	if n.Alias != "" {
		if err := tx.SetAlias(c.AccountID, n.Alias, now); err != nil {
			return nil, taken(err, "the alias %s belongs to another account", n.Alias)
		}
	}
	root := &store.Principal{
		AccountID: c.AccountID, ID: secret.NewID(), Kind: store.Root, UniqueID: c.AccountID, Path: "/", CreatedAt: now,
	}
	if err := tx.InsertPrincipal(root); err != nil {
		return nil, err
	}

	token, err := signin.NewSetUpLink(tx, root, now)
	if err != nil {
		return nil, err
	}
	c.SetupURL = n.URL + "/auth/setup?link=" + token
	if n.AccessKey {
		if err := o.createKey(tx, root, c, now); err != nil {
			return nil, err
		}
	}
	parameters := map[string]any{"alias": n.Alias, "rootEmail": n.RootEmail, "reset": n.Reset}
	return c, o.record(tx, c.AccountID, "CreateAccount", parameters, now)
}

// replaces finds the account that a reset replaces: the one with the id asked for, else the one with the alias or e-mail, whose id
// is then kept. "" when there is none.
func (n *NewAccount) replaces(tx *store.Tx) (id string, err error) {
	if n.ID != "" {
		return n.ID, nil
	}
	for _, find := range []func() (string, error){
		func() (string, error) { return tx.AccountByAlias(n.Alias) },
		func() (string, error) { return tx.AccountByRootEmail(n.RootEmail) },
	} {
		if id, err = find(); !errors.Is(err, store.ErrNotFound) {
			return id, err
		}
	}
	return "", nil
}

func (o *Operator) createKey(tx *store.Tx, root *store.Principal, c *CreatedAccount, now time.Time) error {
	c.AccessKeyID, c.SecretAccessKey = secret.NewAccessKeyID(), secret.NewSecretAccessKey()
	sealed, err := o.Master.Seal([]byte(c.SecretAccessKey), authn.SecretContext(c.AccountID, c.AccessKeyID))
	if err != nil {
		return err
	}
	return tx.InsertAccessKey(&store.AccessKey{
		AccountID: c.AccountID, ID: c.AccessKeyID, PrincipalID: root.ID, Active: true, SealedSecret: sealed, CreatedAt: now,
	})
}

// Accounts lists all accounts.
func (o *Operator) Accounts(ctx context.Context) (accounts []store.Account, err error) {
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		accounts, err = tx.Accounts()
		return err
	})
	return accounts, err
}

// SetUpLink makes a new set-up link for an account's root user, ending earlier ones. It sets a password and bypasses no device.
func (o *Operator) SetUpLink(ctx context.Context, account, url string) (link string, err error) {
	err = o.within(ctx, account, quietly, "CreateSetUpLink", nil, func(tx *store.Tx, id string, now time.Time) error {
		root, err := tx.RootUser(id)
		if err != nil {
			return err
		}
		token, err := signin.NewSetUpLink(tx, root, now)
		link = url + "/auth/setup?link=" + token
		return err
	})
	return link, err
}

// SetQuota gives an account its own value of a quota.
func (o *Operator) SetQuota(ctx context.Context, account, name string, value int) error {
	if value < 0 {
		return fault("quota %s: %d is not a number of things", name, value)
	}
	return o.within(ctx, account, store.Raise, "SetQuota", map[string]any{"quota": name, "value": value}, func(tx *store.Tx, id string, _ time.Time) error {
		return tx.SetQuota(id, name, value)
	})
}

// Who names a principal of an account.
type Who struct {
	Account string // its id or alias
	User    string
	Root    bool
}

// principal finds whom w names.
func (w Who) principal(tx *store.Tx, account string) (*store.Principal, error) {
	if w.Root {
		return tx.RootUser(account)
	}
	i, err := tx.UserByName(account, w.User)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault("account %s has no user %s", account, w.User)
	}
	return i, err
}

// MFADevices lists a principal's devices.
func (o *Operator) MFADevices(ctx context.Context, w Who) (devices []store.MFADevice, err error) {
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		account, err := resolve(tx, w.Account)
		if err != nil {
			return err
		}
		i, err := w.principal(tx, account)
		if err != nil {
			return err
		}
		devices, err = tx.MFADevices(account, i.ID)
		return err
	})
	return devices, err
}

// RemoveMFADevice takes a device away from a principal, by its name or serial number, and ends the principal's sessions.
func (o *Operator) RemoveMFADevice(ctx context.Context, w Who, device string) (removed *store.MFADevice, err error) {
	err = o.within(ctx, w.Account, store.Raise, "DeactivateMFADevice", map[string]any{"userName": w.User, "device": device}, func(tx *store.Tx, account string, now time.Time) error {
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
			if devices[n].Serial == device || strings.EqualFold(devices[n].Name, device) {
				removed = &devices[n]
			}
		}
		if removed == nil {
			return fault("there is no device %s; 'touchstone mfa list' shows what there is", device)
		}
		return signin.RemoveDevice(tx, i, removed, "", now)
	})
	return removed, err
}

// RevokeSessions ends every session that a principal has: of the console, and issued credentials.
func (o *Operator) RevokeSessions(ctx context.Context, w Who) (ended int64, err error) {
	err = o.within(ctx, w.Account, store.Raise, "RevokeSessions", map[string]any{"userName": w.User, "root": w.Root}, func(tx *store.Tx, account string, now time.Time) error {
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

// Events hands the events that q selects to each, oldest first.
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

// within changes an account, named by its id or alias, under the lock that lock makes for its id, and records it.
func (o *Operator) within(ctx context.Context, account string, lock func(id string) store.Lock, event string, parameters map[string]any,
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

func resolve(tx *store.Tx, account string) (string, error) {
	id, err := signin.ResolveAccount(tx, account)
	if errors.Is(err, store.ErrNotFound) {
		return "", fault("there is no account %s; 'touchstone account list' shows what there is", account)
	}
	return id, err
}

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

func taken(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrConflict) {
		return fault(format, args...)
	}
	return err
}

// ResolveAccount finds an account's id by its id or alias.
func (o *Operator) ResolveAccount(ctx context.Context, account string) (id string, err error) {
	err = o.Store.View(ctx, func(tx *store.Tx) error {
		id, err = resolve(tx, account)
		return err
	})
	return id, err
}

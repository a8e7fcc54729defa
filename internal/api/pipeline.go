// Package api is the one way through which everything is done: the table of operations and the pipeline that each request
// takes, whether it arrives signed over the wire or from a page as the person signed in.
//
//	authenticate → decode, check shape → authorise ─┬─► execute (a read)                                     → encode
//	└──────────── one read snapshot ────────────────┘
//	                                                └─► claim → prepare → transaction: still the same caller and state?
//	                                                    (otherwise authorise anew) → execute → encode → event → commit
//
// Invariants. Slow work (password hashes, attestations) starts only after the caller was authorised. A change and its event are one
// transaction. What was true at the check is true at the commit, or is checked again inside it. Only the last transaction is
// ever run again; it works on a copy of the request, and what it made is published after the commit.
//
// Operations are defined by [Read], [Change], [Record] and [Issue]; docs/adding-an-operation.md walks through one.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Service is the pipeline with what it works on. All fields are required.
type Service struct {
	Store  *store.Store
	Authn  *authn.Authenticator
	Authz  *authz.Authorizer
	Audit  *audit.Log
	Table  *Table
	Clock  func() time.Time
	Logger *slog.Logger
	// KeyUses records each use of an access key.
	KeyUses *KeyUses
	// Proofs limits how often an address may have the proof of an unsigned call checked.
	Proofs *ProofBudget
}

// Request is one call on its way through the pipeline.
type Request struct {
	ID     string
	Now    time.Time // the only time there is in a request
	Env    authz.Environment
	Caller *authn.Caller

	entry *entry
}

// origin is where a request comes from.
type origin interface {
	// open authenticates the request and decodes its input, in the snapshot that decides about it.
	open(*store.Tx, *Request) (in any, err error)
	// encode renders the answer, before anything is committed.
	encode(*Request, any) ([]byte, error)
}

// result is what an operation made.
type result struct {
	out    any    // nil for an operation that answers nothing
	answer []byte // as the origin rendered it
}

// inProcess is a call from a page, as the person signed in.
type inProcess struct {
	service *Service
	in      any
}

func (c *inProcess) open(tx *store.Tx, r *Request) (in any, err error) {
	if r.Caller, err = c.service.Authn.Recheck(tx, r.Caller, r.Now); err != nil {
		return nil, err
	}
	return c.in, awsquery.Validate(r.entry.Operation, c.in)
}

func (*inProcess) encode(*Request, any) ([]byte, error) { return nil, nil }

// Call does an operation as the caller, in process. It is how pages do everything.
func Call[In, Out any](ctx context.Context, s *Service, r Request, o awsquery.Typed[In, Out], in *In) (*Out, error) {
	r.entry = s.Table.entries[o.Operation]
	if r.entry == nil {
		return nil, fmt.Errorf("the table has no operation %s", o.Action)
	}
	if r.entry.Unsigned {
		return nil, fmt.Errorf("%s is called without credentials, and nobody signed in has any need of it", o.Name)
	}

	done, err := s.perform(ctx, &r, &inProcess{s, in})
	if err != nil {
		return nil, err
	}
	if done.out == nil {
		return new(Out), nil
	}
	return done.out.(*Out), nil
}

// Allowed reports whether the caller of r may do an action on a resource, for a page that shows only what may be seen. It is
// no substitute for the operation's own authorisation.
func (s *Service) Allowed(ctx context.Context, r *Request, checks ...authz.Check) (allowed []bool, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		allowed = allowed[:0]
		for _, check := range checks {
			ok, err := s.Authz.Allows(tx, r.Caller, &r.Env, check)
			if err != nil {
				return err
			}
			allowed = append(allowed, ok)
		}
		return nil
	})
	return allowed, err
}

// decided is what one snapshot decided about a request.
type decided struct {
	in      any
	subject subject
	state   []accountState // that the decision read, in the order of the accounts
}

// accountState says in which state an account was.
type accountState struct {
	account string
	store.Freshness
}

// perform takes a request through the pipeline and records it.
func (s *Service) perform(ctx context.Context, r *Request, from origin) (result, error) {
	var (
		d    decided
		done result
	)
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if d, err = s.decide(tx, r, from); err != nil || r.entry.does != reads && r.entry.does != issues || r.entry.slow() {
			return err
		}
		done.out, err = r.entry.execute(r, tx, d.subject.about, r.entry.newMade(), d.in)
		return err
	})

	switch {
	case err != nil:
	case r.entry.does == reads:
		done.answer, err = from.encode(r, done.out)
	case r.entry.does == issues:
		done, err = s.issue(ctx, r, from, d, done)
	default:
		done, err = s.change(ctx, r, from, d)
	}
	return done, s.settle(ctx, r, d.in, err)
}

// slow reports whether the operation has work that its first snapshot must not wait for.
func (r *entry) slow() bool { return r.claim != nil || r.prepare != nil }

// decide authenticates and decodes a request, and authorises it.
func (s *Service) decide(tx *store.Tx, r *Request, from origin) (d decided, err error) {
	if d.in, err = from.open(tx, r); err != nil {
		return d, err
	}
	if r.entry.execute == nil {
		return d, NotImplemented(r.entry.Name)
	}
	if err := withinScope(r); err != nil {
		return d, err
	}

	if d.subject, err = r.entry.resolve(r, tx, d.in); err != nil {
		return d, err
	}
	if err := s.authorize(tx, r, &d.subject, nil); err != nil {
		return d, err
	}
	if d.subject.missing != nil || r.entry.does == reads {
		return d, d.subject.missing
	}
	d.state, err = stateOf(tx, r.Caller, d.subject.accounts)
	return d, err
}

// stateOf returns the state of the caller's account and of the others, sorted by account.
func stateOf(tx *store.Tx, c *authn.Caller, others []string) ([]accountState, error) {
	state := []accountState{{c.AccountID(), c.Freshness}}
	for _, account := range distinct(others) {
		if account == c.AccountID() {
			continue
		}
		freshness, err := tx.Freshness(account)
		if errors.Is(err, store.ErrNotFound) {
			err = nil // an account that does not exist is a state, too
		}
		if err != nil {
			return nil, err
		}
		state = append(state, accountState{account, freshness})
	}
	slices.SortFunc(state, func(a, b accountState) int { return strings.Compare(a.account, b.account) })
	return state, nil
}

// authorize asks the policies all that the operation asks, with the condition keys that Prepare found.
func (s *Service) authorize(tx *store.Tx, r *Request, about *subject, found []authz.Key) error {
	if about.checks.without {
		return nil
	}
	if len(about.checks.asked) == 0 {
		return fmt.Errorf("%s asks the policies nothing and does not say that it is meant", r.entry.Action)
	}

	checks := slices.Clone(about.checks.asked)
	for n := range checks {
		if checks[n].Action == "" {
			checks[n].Action = r.entry.Action
		}
		if checks[n].Action == "" { // the model has operations that are no actions: these say which actions they need
			return fmt.Errorf("%s asks the policies about no action", r.entry.Name)
		}
		checks[n].Keys = append(checks[n].Keys[:len(checks[n].Keys):len(checks[n].Keys)], found...)
	}
	return s.Authz.Authorize(tx, r.Caller, &r.Env, checks)
}

// withinScope refuses what the caller's credential was not made for.
func withinScope(r *Request) error {
	if r.entry.inScope(r.Caller.Scope) {
		return nil
	}
	switch r.Caller.Scope {
	case authn.ScopeChangePassword:
		return authz.AccessDenied("Choose a new password first: this session may do nothing else.")
	case authn.ScopeRecovery:
		return authz.AccessDenied("This session was opened to replace a lost MFA device and may do nothing else. Sign in again with the new device.")
	}
	return authz.AccessDenied("These credentials cannot be used to call " + r.entry.Action + ".")
}

// prepare does an operation's slow work. It returns what Execute is handed, and the condition keys that came to light.
func (s *Service) prepare(ctx context.Context, r *Request, d *decided) (made any, found []authz.Key, err error) {
	made = r.entry.newMade()
	if r.entry.claim != nil {
		err := s.Store.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
			taken, err := r.entry.claim(r, tx, d.in)
			made = taken
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if r.entry.prepare != nil {
		found, err = r.entry.prepare(ctx, r, d.subject.about, d.in, made)
	}
	return made, found, err
}

// change does an operation that writes.
func (s *Service) change(ctx context.Context, r *Request, from origin, d decided) (result, error) {
	made, found, err := s.prepare(ctx, r, &d)
	if err != nil {
		return result{}, err
	}

	var done result
	confirmed := r.Caller
	err = s.Store.Update(ctx, r.lock(d.subject.accounts), func(tx *store.Tx) error {
		// This may run again: it works on a copy of the request, and what it assigns is looked at only after the commit.
		run := *r
		about, err := s.confirm(tx, &run, &d, found)
		if err != nil {
			return err
		}

		out, err := run.entry.execute(&run, tx, about.about, made, d.in)
		if err != nil {
			return err
		}
		answer, err := from.encode(&run, out)
		if err != nil {
			return err
		}

		if !run.entry.unrecorded {
			for _, event := range events(&run, d.in, out, about.accounts) {
				if err := audit.Write(tx, event); err != nil {
					return err
				}
			}
		}
		done, confirmed = result{out, answer}, run.Caller
		return nil
	})
	if err != nil {
		return result{}, err
	}
	r.Caller = confirmed
	return done, nil
}

// lock holds still what the decision reads while the operation writes: the caller's account, which a change raises, and the others.
func (r *Request) lock(others []string) store.Lock {
	own := store.Accounts(r.Caller.AccountID())
	if r.entry.does == changes {
		own = store.Raise(r.Caller.AccountID())
	}
	return store.Join(own, store.Accounts(others...))
}

// confirm makes sure, inside the transaction, that the caller may still do it: the credential is still good, nothing that the
// decision read has changed, and the policies would be asked the same; otherwise it is decided anew. The questions are compared as
// well as the accounts' states because not everything that a resolver may read raises a generation. It returns what the operation
// is about, as the transaction has it.
func (s *Service) confirm(tx *store.Tx, run *Request, d *decided, found []authz.Key) (subject, error) {
	expected := slices.Clone(d.state)
	if run.entry.does == changes {
		for n := range expected {
			if expected[n].account == run.Caller.AccountID() {
				expected[n].Generation++ // by the transaction's lock
			}
		}
	}

	var err error
	if run.Caller, err = s.Authn.Recheck(tx, run.Caller, run.Now); err != nil {
		return subject{}, err
	}
	about, err := run.entry.resolve(run, tx, d.in)
	if err != nil {
		return subject{}, err
	}
	// Only the accounts that the first look found are locked.
	if !slices.Equal(distinct(about.accounts), distinct(d.subject.accounts)) {
		return subject{}, errMoved()
	}
	state, err := stateOf(tx, run.Caller, about.accounts)
	if err != nil {
		return subject{}, err
	}

	if !slices.Equal(state, expected) || len(found) > 0 || !reflect.DeepEqual(about.checks, d.subject.checks) {
		if err := withinScope(run); err != nil {
			return subject{}, err
		}
		if err := s.authorize(tx, run, &about, found); err != nil {
			return subject{}, err
		}
	}
	return about, about.missing
}

// issue finishes an operation that hands out credentials: done is what it made in the snapshot that decided, unless it has slow
// work to do first. The event is durable before the answer is given; if it cannot be written, nothing is handed out.
func (s *Service) issue(ctx context.Context, r *Request, from origin, d decided, done result) (result, error) {
	accounts := d.subject.accounts
	if r.entry.slow() {
		made, found, err := s.prepare(ctx, r, &d)
		if err != nil {
			return result{}, err
		}

		confirmed := r.Caller
		err = s.Store.View(ctx, func(tx *store.Tx) error {
			run := *r
			about, err := s.confirm(tx, &run, &d, found)
			if err != nil {
				return err
			}
			done.out, err = run.entry.execute(&run, tx, about.about, made, d.in)
			accounts, confirmed = about.accounts, run.Caller
			return err
		})
		if err != nil {
			return result{}, err
		}
		r.Caller = confirmed
	}

	var err error
	if done.answer, err = from.encode(r, done.out); err != nil {
		return result{}, err
	}
	for _, event := range events(r, d.in, done.out, accounts) {
		if err := s.Audit.Now(event); err != nil {
			return result{}, err
		}
	}
	return done, nil
}

// settle records a read, or the failure of a request, and turns err into what the caller is told.
func (s *Service) settle(ctx context.Context, r *Request, in any, err error) error {
	if err == nil {
		if r.entry.does != reads || r.entry.unrecorded || !s.Audit.RecordsReads() {
			return nil
		}
		return s.failure(ctx, r, s.Audit.Read(newEvent(r, in, nil, nil)))
	}

	told := s.failure(ctx, r, err)
	if r.Caller.Valid() {
		// When the database is gone, the event of that cannot be written either. The caller is still told what became of the request:
		// whether a change was made may be unknown.
		unrecorded := s.Audit.Now(newEvent(r, in, nil, told))
		if unrecorded != nil && !errors.Is(err, store.ErrUnavailable) {
			return s.failure(ctx, r, unrecorded)
		}
	}
	return told
}

package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Subject is what an operation is about, as one transaction reads it, with what is asked of the policies about it.
type Subject[About any] struct {
	// About is handed to Prepare and Execute. It is read anew in the transaction that Execute runs in.
	About About
	// Checks say what is authorised.
	Checks Checks
	// Missing is what the caller is told, once they are allowed, when what the operation is about does not exist. Prepare and
	// Execute do not run then.
	Missing error
	// Accounts are the other accounts whose state the decision or the operation reads, such as that of a role that is assumed. They
	// are held still like the caller's own, and each has an event of the operation.
	Accounts []string
}

// Resolver finds what an operation is about. It must not reveal whether a resource exists: an absent one is authorised under the
// ARN that it would have, and named as the caller named it.
type Resolver[In, About any] func(*Request, *store.Tx, *In) (Subject[About], error)

// Checks are the questions that the policies must answer with yes. The zero value is a fault of the program, never an allow: an
// operation that asks nothing says so.
type Checks struct {
	asked   []authz.Check
	without bool
}

// Ask demands that each check is allowed. Asking nothing is a fault.
func Ask(checks ...authz.Check) Checks { return Checks{asked: checks} }

// Asked returns the checks.
func (c Checks) Asked() []authz.Check { return slices.Clone(c.asked) }

// With returns the checks with more condition keys.
func (c Checks) With(keys ...authz.Key) Checks {
	c.asked = c.Asked()
	for n := range c.asked {
		c.asked[n].Keys = slices.Concat(c.asked[n].Keys, keys)
	}
	return c
}

// Open asks nothing: whoever is authenticated may do it.
func Open() Checks { return Checks{without: true} }

// Own asks nothing because the operation is about the caller's own.
func Own() Checks { return Checks{without: true} }

// effect is what an operation does to the state, which decides how it runs.
type effect int

const (
	reads   effect = iota // runs in the snapshot that decided
	changes               // changes what decisions and authentications read: raises the account's generation
	records               // writes what is read anew for every request: raises nothing
	issues                // hands out credentials that the store does not keep: only its event is written, by group commit
)

// Execute does an operation: a read in the snapshot that decided, a change in the transaction that also holds its event. It may run
// again when that transaction could not be committed, so it touches nothing but its transaction.
type Execute[In, Out, About any] func(*Request, *store.Tx, About, *In) (*Out, error)

// Steps are the functions of an operation with work that no transaction should wait for. They run in the order of the fields.
type Steps[In, Out, About, Made any] struct {
	// Claim takes a one-time record by one guarded statement, in a short transaction of its own, so that the record is gone
	// whatever follows. It is optional. What it returns is handed to Prepare.
	Claim func(*Request, *store.Tx, *In) (Made, error)
	// Prepare does slow work, such as password hashes and signatures, in no transaction and only for who is allowed. It completes
	// what is handed to Execute. When it returns condition keys, everything is decided anew with them.
	Prepare func(context.Context, *Request, About, *In, *Made) ([]authz.Key, error)
	// Execute is as for other operations, and is handed what Prepare made.
	Execute func(*Request, *store.Tx, About, Made, *In) (*Out, error)
}

// Option is something that only some operations have.
type Option func(*entry)

// InScope lets callers of narrower scopes call the operation, too, beside those of the full scope.
func InScope(scopes ...authn.Scope) Option {
	return func(r *entry) { r.scopes = append(r.scopes, scopes...) }
}

// As records the operation under the name of another, of which it is a step or a different view.
func As(eventName string) Option { return func(r *entry) { r.eventName = eventName } }

// AsRead records an operation that writes as a read, as CloudTrail does where nothing that a client owns changes.
func AsRead() Option { return func(r *entry) { r.readEvent = true } }

// Unrecorded leaves a success of the operation without an event: a later step records it, or nothing happened that is worth one.
// Failures are recorded all the same.
func Unrecorded() Option { return func(r *entry) { r.unrecorded = true } }

// Proven lets an unsigned operation be called. prove checks, outside any transaction, what the parameters say about the sender;
// is as slow as its signatures, so it runs under a budget for each address. The panic of a definition says when the model
// has the operation as a signed one.
func Proven[In any](prove func(context.Context, *Request, *In) (*authn.Proof, error)) Option {
	return func(r *entry) {
		if !r.Unsigned {
			panic(fmt.Sprintf("define %s: it is signed, so its parameters prove nothing", r.Action))
		}
		r.prove = func(ctx context.Context, req *Request, in any) (*authn.Proof, error) {
			return prove(ctx, req, in.(*In))
		}
	}
}

// Read defines an operation that only reads.
func Read[In, Out, About any](t *Table, o awsquery.Typed[In, Out], on Resolver[In, About], do Execute[In, Out, About],
	options ...Option,
) {
	define(t, o, reads, on, plain(do), append(options, AsRead())...)
}

// Change defines an operation that changes what decisions or authentications read, so that everything cached for the account is
// read anew.
func Change[In, Out, About any](t *Table, o awsquery.Typed[In, Out], on Resolver[In, About], do Execute[In, Out, About],
	options ...Option,
) {
	define(t, o, changes, on, plain(do), options...)
}

// ChangeInSteps is Change for an operation with slow work.
func ChangeInSteps[In, Out, About, Made any](
	t *Table, o awsquery.Typed[In, Out], on Resolver[In, About], steps Steps[In, Out, About, Made], options ...Option,
) {
	define(t, o, changes, on, steps, options...)
}

// Record defines an operation that writes only what is read anew for every request, such as a ceremony or a console session:
// nothing that is kept in memory was made from it.
func Record[In, Out, About any](t *Table, o awsquery.Typed[In, Out], on Resolver[In, About], do Execute[In, Out, About],
	options ...Option,
) {
	define(t, o, records, on, plain(do), options...)
}

// Issue defines an operation that hands out credentials of which nothing is stored. Its event is durable before the answer.
func Issue[In, Out, About any](t *Table, o awsquery.Typed[In, Out], on Resolver[In, About], do Execute[In, Out, About],
	options ...Option,
) {
	define(t, o, issues, on, plain(do), options...)
}

// IssueInSteps is Issue for an operation that takes or checks a code first.
func IssueInSteps[In, Out, About, Made any](
	t *Table, o awsquery.Typed[In, Out], on Resolver[In, About], steps Steps[In, Out, About, Made], options ...Option,
) {
	define(t, o, issues, on, steps, options...)
}

// nothing is what an operation without slow work prepares.
type nothing struct{}

func plain[In, Out, About any](do Execute[In, Out, About]) Steps[In, Out, About, nothing] {
	if do == nil {
		return Steps[In, Out, About, nothing]{}
	}
	return Steps[In, Out, About, nothing]{
		Execute: func(r *Request, tx *store.Tx, about About, _ nothing, in *In) (*Out, error) {
			return do(r, tx, about, in)
		},
	}
}

// define fills an operation's entry. It panics when the table does not have the operation, when it is defined already, or when it
// has nothing to authorise or execute: all are faults of the program.
func define[In, Out, About, Made any](
	t *Table, o awsquery.Typed[In, Out], does effect, on Resolver[In, About], steps Steps[In, Out, About, Made], options ...Option,
) {
	r := t.entries[o.Operation]
	switch {
	case r == nil:
		panic(fmt.Sprintf("define %s: the table has no such operation", o.Action))
	case r.execute != nil:
		panic(fmt.Sprintf("define %s: defined twice", o.Action))
	case on == nil:
		panic(fmt.Sprintf("define %s: nothing to authorise", o.Action))
	case steps.Execute == nil:
		panic(fmt.Sprintf("define %s: nothing to execute", o.Action))
	}
	r.does, r.eventName = does, o.Name

	r.resolve = func(req *Request, tx *store.Tx, in any) (subject, error) {
		s, err := on(req, tx, in.(*In))
		return subject{s.About, s.Checks, s.Missing, s.Accounts}, err
	}
	if steps.Claim != nil {
		r.claim = func(req *Request, tx *store.Tx, in any) (any, error) {
			made, err := steps.Claim(req, tx, in.(*In))
			return &made, err
		}
	}
	if steps.Prepare != nil {
		r.prepare = func(ctx context.Context, req *Request, about, in, made any) ([]authz.Key, error) {
			return steps.Prepare(ctx, req, about.(About), in.(*In), made.(*Made))
		}
	}
	r.newMade = func() any { return new(Made) }
	r.execute = func(req *Request, tx *store.Tx, about, made, in any) (any, error) {
		out, err := steps.Execute(req, tx, about.(About), *made.(*Made), in.(*In))
		if out == nil {
			return nil, err // not a nil *Out in an any
		}
		return out, err
	}

	for _, option := range options {
		option(r)
	}
	if r.Unsigned && r.prove == nil {
		panic(fmt.Sprintf("define %s: it is unsigned, and nothing proves who calls it", o.Action))
	}
}

// entry is an operation in the table, its functions freed of their types.
type entry struct {
	*awsquery.Operation
	does       effect
	scopes     []authn.Scope // that may call it, beside the full one
	eventName  string
	readEvent  bool
	unrecorded bool

	prove   func(context.Context, *Request, any) (*authn.Proof, error) // nil: it is signed
	resolve func(*Request, *store.Tx, any) (subject, error)
	claim   func(*Request, *store.Tx, any) (made any, err error)                          // nil: there is nothing to take
	prepare func(_ context.Context, _ *Request, about, in, made any) ([]authz.Key, error) // nil: there is nothing slow
	newMade func() any
	execute func(_ *Request, _ *store.Tx, about, made, in any) (any, error) // nil: not built yet
}

// subject is a Subject freed of its type.
type subject struct {
	about    any
	checks   Checks
	missing  error
	accounts []string
}

// inScope reports whether a caller of the scope may call the operation.
func (r *entry) inScope(scope authn.Scope) bool {
	return scope == authn.ScopeFull || slices.Contains(r.scopes, scope)
}

// Table holds every operation of the models. Those without functions answer NotImplemented.
type Table struct {
	entries map[*awsquery.Operation]*entry
	query   awsquery.Registry // those that the Query protocol can ask for
}

// NewTable makes an entry for each operation of services that speak the Query protocol.
func NewTable(services ...[]*awsquery.Operation) *Table {
	t := &Table{entries: make(map[*awsquery.Operation]*entry), query: awsquery.NewRegistry(services...)}
	for _, operations := range services {
		t.AddInProcess(operations)
	}
	return t
}

// AddInProcess makes entries for operations that are only called in process.
func (t *Table) AddInProcess(operations []*awsquery.Operation) {
	for _, o := range operations {
		t.entries[o] = &entry{Operation: o, eventName: o.Name}
	}
}

// unknownEntry stands for an operation that is not in the table.
var unknownEntry = &entry{eventName: "UnknownOperation", Operation: &awsquery.Operation{
	Name: "UnknownOperation", Service: "iam", Action: "iam:UnknownOperation", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
}}

// find returns the entry of the operation that a request of the Query protocol names. With an error it returns unknownEntry.
func (t *Table) find(form awsquery.Form) (*entry, error) {
	operation, err := t.query.Find(form)
	if err != nil {
		return unknownEntry, err
	}
	return t.entries[operation], nil
}

// Defined lists the operations that have functions, as service:Name.
func (t *Table) Defined() []string {
	var names []string
	for o, r := range t.entries {
		if r.execute != nil {
			names = append(names, o.Service+":"+o.Name)
		}
	}
	return names
}

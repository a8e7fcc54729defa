package api

import (
	"context"
	"fmt"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Op is what is particular to an operation. Its name, shapes, constraints, action and access level come from the model.
//
// The functions run in the order of their fields. Resources and, for an operation that only reads, Execute run in one
// read snapshot. Claim runs in a short transaction of its own. Prepare runs in none, so that nothing slow holds the writer.
// Execute of an operation that writes runs in the transaction that also holds its event, and may touch only that.
type Op[In, Out any] struct {
	// Resources names what is authorised. It may put into Request.Carry what Prepare and Execute need of the snapshot. It
	// must not tell whether a resource exists: an absent one is authorised under the ARN that it would have.
	Resources func(*Request, *store.Tx, *In) ([]authz.Check, error)
	// Claim takes a one-time record, so that it is gone whatever follows.
	Claim func(*Request, *store.Tx, *In) error
	// Prepare does slow work: password hashes, signatures. It may add condition keys, and then everything is decided anew.
	Prepare func(context.Context, *Request, *In) error
	// Execute does it.
	Execute func(*Request, *store.Tx, *In) (*Out, error)

	// Open operations are authorised by being authenticated: no policy is asked.
	Open bool
	// Quiet changes touch nothing that a decision or an authentication reads, and leave the account's generation alone.
	Quiet bool
	// Scopes are the narrower session scopes that may call the operation, beside the full one.
	Scopes []string
	// EventName is the name under which the operation is recorded when it is not its own; "-" records nothing here because
	// a later step of the same undertaking does.
	EventName string
}

// row is an operation in the table, its functions freed of their types.
type row struct {
	*awsquery.Operation
	writes    bool
	open      bool
	quiet     bool
	scopes    []string
	eventName string
	resources func(*Request, *store.Tx, any) ([]authz.Check, error)
	claim     func(*Request, *store.Tx, any) error
	prepare   func(context.Context, *Request, any) error
	execute   func(*Request, *store.Tx, any) (any, error) // nil: not built yet
}

// Table holds every operation of the models. Those without functions answer NotImplemented.
type Table struct {
	rows  map[*awsquery.Operation]*row
	query awsquery.Registry // those that the Query protocol can ask for
}

// NewTable makes a row for each operation of services that speak the Query protocol.
func NewTable(services ...[]*awsquery.Operation) *Table {
	t := &Table{rows: make(map[*awsquery.Operation]*row), query: awsquery.NewRegistry(services...)}
	for _, operations := range services {
		t.AddInProcess(operations)
	}
	return t
}

// AddInProcess makes rows for operations that are only called in process.
func (t *Table) AddInProcess(operations []*awsquery.Operation) {
	for _, o := range operations {
		t.rows[o] = &row{
			Operation: o, writes: o.Level != awsquery.Read && o.Level != awsquery.List, eventName: o.Name,
		}
	}
}

// Define gives an operation its functions. It panics when the table does not have the operation, when it is defined already, or
// when it has nothing to authorise or execute: all are faults of the program.
func Define[In, Out any](t *Table, o awsquery.Typed[In, Out], op Op[In, Out]) {
	r := t.rows[o.Operation]
	switch {
	case r == nil:
		panic(fmt.Sprintf("define %s: the table has no such operation", o.Action))
	case r.execute != nil:
		panic(fmt.Sprintf("define %s: defined twice", o.Action))
	case op.Execute == nil:
		panic(fmt.Sprintf("define %s: nothing to execute", o.Action))
	case op.Resources == nil && !op.Open:
		panic(fmt.Sprintf("define %s: nothing to authorise", o.Action))
	}
	r.open, r.quiet, r.scopes = op.Open, op.Quiet, op.Scopes
	if op.EventName != "" {
		r.eventName = op.EventName
	}
	r.execute = func(req *Request, tx *store.Tx, in any) (any, error) {
		out, err := op.Execute(req, tx, in.(*In))
		if out == nil {
			return nil, err
		}
		return out, err
	}
	if op.Resources != nil {
		r.resources = func(req *Request, tx *store.Tx, in any) ([]authz.Check, error) {
			return op.Resources(req, tx, in.(*In))
		}
	}
	if op.Claim != nil {
		r.claim = func(req *Request, tx *store.Tx, in any) error { return op.Claim(req, tx, in.(*In)) }
	}
	if op.Prepare != nil {
		r.prepare = func(ctx context.Context, req *Request, in any) error { return op.Prepare(ctx, req, in.(*In)) }
	}
}

// unknownRow stands for an operation that is not in the table.
var unknownRow = &row{Operation: &awsquery.Operation{
	Name: "UnknownOperation", Service: "iam", Action: "iam:UnknownOperation", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
}}

// find is the row of the operation that a request of the Query protocol names. With an error comes unknownRow.
func (t *Table) find(form awsquery.Form) (*row, error) {
	operation, err := t.query.Find(form)
	if err != nil {
		return unknownRow, err
	}
	return t.rows[operation], nil
}

// Defined lists the operations that have functions, as service:Name.
func (t *Table) Defined() []string {
	var names []string
	for o, r := range t.rows {
		if r.execute != nil {
			names = append(names, o.Service+":"+o.Name)
		}
	}
	return names
}

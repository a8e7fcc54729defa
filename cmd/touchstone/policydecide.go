package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/policy"
	"github.com/touchstone-iam/touchstone/policy/policytest"
)

func policyEvaluateCommand() *cobra.Command {
	var q policyQuestion
	cmd := &cobra.Command{
		Use: "evaluate", Short: "Decide one request by policies in files", Args: args(0, "no arguments"),
		Long: `Decide one request by policies in files, as the server would.

Condition keys that follow from the principal, such as aws:username, are set; all others come from --context. The exit code
says whether there was an answer, not which.`,
		Example: `  touchstone policy evaluate --identity self.json --principal arn:aws:iam::111122223333:user/alice \
    --action iam:GetUser --resource arn:aws:iam::111122223333:user/alice --context aws:MultiFactorAuthPresent=true
  touchstone policy evaluate --trust trust.json --identity admin.json --principal arn:aws:iam::111122223333:user/alice \
    --action sts:AssumeRole --resource arn:aws:iam::444455556666:role/Deploy --output json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, e, err := q.ask(cmd)
			if err != nil {
				return err
			}
			d := newPolicyDecision(r, &e)
			return q.out.print(cmd.OutOrStdout(), d, func() { d.print(cmd.OutOrStdout()) })
		},
	}
	q.flags(cmd)
	return cmd
}

func policyExplainCommand() *cobra.Command {
	var q policyQuestion
	cmd := &cobra.Command{
		Use: "explain", Short: "Decide one request and account for every statement", Args: args(0, "no arguments"),
		Long: `Decide one request by policies in files, and say of every statement whether it applies, or which of its elements did
not match: what the request has and what the policy asks.`,
		Example: `  touchstone policy explain --identity self.json --principal arn:aws:iam::111122223333:user/alice \
    --action iam:DeactivateMFADevice --resource arn:aws:iam::111122223333:user/alice --context aws:MultiFactorAuthPresent=false`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, e, err := q.ask(cmd)
			if err != nil {
				return err
			}

			x := newPolicyExplanation(r, &e)
			return q.out.print(cmd.OutOrStdout(), x, func() { x.print(cmd.OutOrStdout()) })
		},
	}
	q.flags(cmd)
	return cmd
}

// policyQuestion is what evaluate and explain ask.
type policyQuestion struct {
	out output

	// Names of files with policies, by type.
	identity, resource, trust, boundary, session, scp, rcp []string

	context                                []string // as key=value
	principal, issuer, action, on, account string
}

func (q *policyQuestion) flags(cmd *cobra.Command) {
	q.out.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&q.identity, "identity", nil, "file with a policy of the user, its groups, or the role; repeat for more")
	f.StringArrayVar(&q.boundary, "boundary", nil, "file with the permissions boundary")
	f.StringArrayVar(&q.session, "session", nil, "file with a session policy; repeat for more")
	f.StringArrayVar(&q.resource, "resource-policy", nil, "file with the policy of the resource")
	f.StringArrayVar(&q.trust, "trust", nil, "file with the trust policy of the role that is assumed")
	f.StringArrayVar(&q.scp, "scp", nil, "file with a service control policy; each is a level of the organization")
	f.StringArrayVar(&q.rcp, "rcp", nil, "file with a resource control policy; each is a level of the organization")
	f.StringArrayVar(&q.context, "context", nil, "condition key and value, as key=value; repeat for more values and keys")
	f.StringVar(&q.principal, "principal", "", "who asks: an ARN, a service, an identity provider, or anonymous")
	f.StringVar(&q.issuer, "issuer", "", "ARN of the role or user that a session was made from, when it has a path")
	f.StringVar(&q.action, "action", "", "action, such as iam:GetUser")
	f.StringVar(&q.on, "resource", "*", "ARN of the resource")
	f.StringVar(&q.account, "resource-account", "",
		"account that owns the resource (default: the one in its ARN, else the principal's)")
}

// ask reads the policies and explains the decision about them.
func (q *policyQuestion) ask(cmd *cobra.Command) (*policy.Request, policy.Explanation, error) {
	if err := q.check(); err != nil {
		return nil, policy.Explanation{}, err
	}
	r, err := q.request()
	if err != nil {
		return nil, policy.Explanation{}, err
	}
	policies, err := q.policies(cmd)
	if err != nil {
		return nil, policy.Explanation{}, err
	}
	return r, policy.Explain(policies, r), nil
}

// check finds mistakes in how the flags are combined, before any file is read.
func (q *policyQuestion) check() error {
	if err := q.out.check(); err != nil {
		return err
	}
	if q.principal == "" || q.action == "" {
		return usagef("give --principal and --action")
	}
	if err := catalogue.Builtin().CheckAction(q.action); err != nil {
		return usagef("--action: %v", err)
	}
	if len(q.trust) > 0 && len(q.resource) > 0 {
		return usagef("give --trust or --resource-policy, not both")
	}
	return nil
}

// request returns the request that the flags describe.
func (q *policyQuestion) request() (*policy.Request, error) {
	principal, err := policytest.ParsePrincipal(q.principal, q.issuer)
	if err != nil {
		return nil, usagef("--principal: %w", err)
	}
	r := &policy.Request{
		Principal: principal, Action: q.action, Resource: q.on, ResourceAccountID: q.account, Context: policytest.Context(&principal),
	}
	if r.ResourceAccountID == "" {
		r.ResourceAccountID = policytest.Owner(q.on, &principal)
	}

	// A key that is given several times has several values. They replace the value that follows from the principal.
	values := make(map[string][]string)
	for _, text := range q.context {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usagef("--context %q: use key=value", text)
		}
		values[key] = append(values[key], value)
		r.Context.Set(key, values[key]...)
	}
	return r, nil
}

// policies reads and compiles the policies. It reports what is wrong with all of them at once.
func (q *policyQuestion) policies(cmd *cobra.Command) (*policy.Policies, error) {
	var faults []error
	compile := func(kind policy.Kind, names ...string) *policy.Set {
		set, err := compileFiles(cmd, kind, names)
		faults = append(faults, err)
		return set
	}

	p := &policy.Policies{
		Identity: compile(policy.Identity, q.identity...), Resource: compile(policy.Resource, q.resource...),
		Boundary: compile(policy.Boundary, q.boundary...), Session: compile(policy.Session, q.session...),
	}
	if len(q.trust) > 0 {
		p.Resource = compile(policy.Trust, q.trust...)
	}
	for _, name := range q.scp {
		p.ServiceControl = append(p.ServiceControl, compile(policy.ServiceControl, name))
	}
	for _, name := range q.rcp {
		p.ResourceControl = append(p.ResourceControl, compile(policy.ResourceControl, name))
	}
	return p, errors.Join(faults...)
}

// compileFiles reads policies of one kind and compiles them into one set. Without files the set is nil, so that the kind takes no
// part in the decision.
func compileFiles(cmd *cobra.Command, kind policy.Kind, names []string) (*policy.Set, error) {
	if len(names) == 0 {
		return nil, nil
	}

	var faults []error
	var sources []policy.Source
	for _, name := range names {
		text, err := readPolicy(cmd, name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		document, err := policy.Parse(kind, text)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s:%w", name, err))
			continue
		}
		sources = append(sources, policy.Source{ID: name, Document: document})
	}
	return policy.Compile(sources...), errors.Join(faults...)
}

// policyDecision is a decision as 'policy evaluate --output json' prints it.
type policyDecision struct {
	Decision, Type     string
	Policy, SID        string `json:",omitempty"`
	Line, Column       int    `json:",omitempty"` // of the statement that decided
	Reason             string `json:",omitempty"`
	MissingContextKeys []string
}

func newPolicyDecision(r *policy.Request, e *policy.Explanation) policyDecision {
	d := policyDecision{
		Decision: e.Decision.Effect.String(), Type: e.Decision.Type.String(), Policy: e.Decision.Source,
		Reason: e.Decision.Reason(r.Action), MissingContextKeys: append([]string{}, e.Missing...),
	}
	if s := e.Decision.Statement; s != nil {
		d.SID, d.Line, d.Column = s.SID, s.Start.Line, s.Start.Column
	}
	return d
}

// print writes a decision for people: the effect, the statement that decided, and the reason.
func (d *policyDecision) print(w io.Writer) {
	fmt.Fprint(w, d.Decision)
	if d.Policy != "" {
		fmt.Fprintf(w, " by %s:%d:%d", d.Policy, d.Line, d.Column)
	}
	if d.SID != "" {
		fmt.Fprintf(w, " (%s)", d.SID)
	}
	if d.Reason != "" {
		fmt.Fprintf(w, " %s", d.Reason)
	}
	fmt.Fprintln(w)

	if len(d.MissingContextKeys) > 0 {
		fmt.Fprintf(w, "the request lacks the condition keys %s\n", strings.Join(d.MissingContextKeys, ", "))
	}
}

// policyExplanation is an explanation as 'policy explain --output json' prints it.
type policyExplanation struct {
	policyDecision
	Verdicts   []policyVerdict
	Statements []consideredStatement
}

// policyVerdict is what all policies of one type come to.
type policyVerdict struct {
	Type   string
	Level  int
	Effect string
	Note   string `json:",omitempty"`
}

// consideredStatement is a statement, and the element that did not match when it does not apply.
type consideredStatement struct {
	Type, Policy string
	Statement    int
	SID          string `json:",omitempty"`
	Line, Column int
	Effect       string
	Applies      bool
	Failure      string `json:",omitempty"`
}

func newPolicyExplanation(r *policy.Request, e *policy.Explanation) policyExplanation {
	x := policyExplanation{policyDecision: newPolicyDecision(r, e), Statements: []consideredStatement{}}
	for _, v := range e.Verdicts {
		x.Verdicts = append(x.Verdicts, policyVerdict{v.Type.String(), v.Level, v.Effect.String(), v.Note})
	}
	for _, c := range e.Considered {
		s := c.Statement
		x.Statements = append(x.Statements, consideredStatement{
			c.Type.String(), c.Source, c.Index, s.SID, s.Start.Line, s.Start.Column, s.Effect.String(), c.Applies, c.Failure(),
		})
	}
	return x
}

// print writes an explanation for people: the decision, a line for each type of policy, and a line for each statement.
func (x *policyExplanation) print(w io.Writer) {
	x.policyDecision.print(w)

	for _, v := range x.Verdicts {
		fmt.Fprintf(w, "\n%s: %s", v.Type, v.Effect)
		if v.Note != "" {
			fmt.Fprintf(w, " (%s)", v.Note)
		}
	}
	fmt.Fprintln(w)

	for _, c := range x.Statements {
		what := c.Failure
		if c.Applies {
			what = "applies, " + c.Effect
		}
		if c.SID != "" {
			what = c.SID + ": " + what
		}
		fmt.Fprintf(w, "\n%s:%d:%d: %s", c.Policy, c.Line, c.Column, what)
	}
	fmt.Fprintln(w)
}

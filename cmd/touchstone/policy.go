package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/policy"
	"github.com/touchstone-iam/touchstone/policy/policytest"
)

func policyCommand() *cobra.Command {
	return group("policy", "Check, format, evaluate and test policies; needs no server",
		policyValidateCommand(), policyFmtCommand(), policyEvaluateCommand(), policyExplainCommand(), policyTestCommand())
}

// readPolicy reads a file, or standard input for "-". Of a text that is far longer than a policy may be it reads a part, which is
// too long as well.
func readPolicy(cmd *cobra.Command, name string) ([]byte, error) {
	if policytest.IsSuite(name) {
		return nil, fmt.Errorf("%s is a file of expected decisions, not a policy: run touchstone policy test", name)
	}
	from := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	return io.ReadAll(io.LimitReader(from, 1<<20))
}

// some refuses a call without arguments.
func some(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) == 0 {
			return usagef("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

func policyValidateCommand() *cobra.Command {
	var (
		out        output
		kind       string
		catalogues []string
	)
	cmd := &cobra.Command{
		Use: "validate FILE...", Short: "Say what is wrong or dangerous in policies", Args: some("one or more files, or - for standard input"),
		Long: `Say what is wrong, dangerous or needless in policies, each with its line and column.

Findings are of four classes, as in IAM Access Analyzer: ERROR, SECURITY_WARNING, WARNING and SUGGESTION. The exit code is 1
when there is an ERROR, such as a policy that is larger than the quota for its --kind. Actions and condition keys of IAM and STS are known; --catalogue adds those of other services.`,
		Example: `  touchstone policy validate self.json
  touchstone policy validate --kind trust --output json role-trust.json
  touchstone policy validate --catalogue jobs-service.json - < policy.json`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := out.check(); err != nil {
				return err
			}
			attachment, ok := policy.AttachmentNamed(kind)
			if !ok {
				return usagef("--kind %q: use one of %s", kind, strings.Join(policy.AttachmentNames(), ", "))
			}
			known, err := catalogue.Load(catalogues...)
			if err != nil {
				return err
			}
			type finding struct {
				File                             string
				Line, Column                     int
				Path, Class, Code, Message, Hint string
			}
			findings := []finding{}
			faults := 0
			for _, name := range files {
				text, err := readPolicy(cmd, name)
				if err != nil {
					return err
				}
				for _, f := range policy.Lint(attachment, text, known) {
					findings = append(findings, finding{name, f.Line, f.Column, f.Path, string(f.Class), f.Code, f.Message, f.Hint})
					if f.Class == policy.ClassError {
						faults++
					}
				}
			}
			err = out.print(cmd.OutOrStdout(), findings, func() {
				for _, f := range findings {
					fmt.Fprintf(cmd.OutOrStdout(), "%s:%d:%d: %s %s", f.File, f.Line, f.Column, f.Class, f.Code)
					if f.Path != "" {
						fmt.Fprintf(cmd.OutOrStdout(), " %s", f.Path)
					}
					fmt.Fprintf(cmd.OutOrStdout(), ": %s", f.Message)
					if f.Hint != "" {
						fmt.Fprintf(cmd.OutOrStdout(), " (%s)", f.Hint)
					}
					fmt.Fprintln(cmd.OutOrStdout())
				}
			})
			if err == nil && faults > 0 {
				err = fmt.Errorf("%d of %d findings are errors", faults, len(findings))
			}
			return err
		},
	}
	out.flags(cmd)
	cmd.Flags().StringVar(&kind, "kind", "identity", "what the policies are for: "+strings.Join(policy.AttachmentNames(), ", "))
	cmd.Flags().StringArrayVar(&catalogues, "catalogue", nil, "file with the actions and condition keys of more services")
	return cmd
}

func policyFmtCommand() *cobra.Command {
	var write, list bool
	cmd := &cobra.Command{
		Use: "fmt FILE...", Short: "Print policies in their canonical form", Args: some("one or more files, or - for standard input"),
		Long: `Print policies in their canonical form, which decides the same: elements in the guide's order, a line for each value,
no list around a single value, four spaces for each level.`,
		Example: `  touchstone policy fmt self.json
  touchstone policy fmt --write policies/self.json policies/limit.json
  touchstone policy fmt --list self.json limit.json || echo 'run touchstone policy fmt --write'`,
		RunE: func(cmd *cobra.Command, files []string) error {
			different := 0
			for _, name := range files {
				text, err := readPolicy(cmd, name)
				if err != nil {
					return err
				}
				formatted, err := policy.Format(text)
				if err != nil {
					return fmt.Errorf("%s:%w", name, err)
				}
				same := bytes.Equal(text, formatted)
				if !same {
					different++
				}
				switch {
				case !write && !list:
					if _, err := cmd.OutOrStdout().Write(formatted); err != nil {
						return err
					}
				case same:
				case list:
					fmt.Fprintln(cmd.OutOrStdout(), name)
				case name == "-":
					return usagef("standard input cannot be written to")
				default:
					info, err := os.Stat(name)
					if err != nil {
						return err
					}
					if err := os.WriteFile(name, formatted, info.Mode().Perm()); err != nil {
						return err
					}
				}
			}
			if list && different > 0 {
				return fmt.Errorf("%d files are not in their canonical form", different)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the files instead of printing")
	cmd.Flags().BoolVarP(&list, "list", "l", false, "only list the files that would change, and fail if there are any")
	cmd.MarkFlagsMutuallyExclusive("write", "list")
	return cmd
}

// policyQuestion is what evaluate and explain ask.
type policyQuestion struct {
	out                                                             output
	identity, resource, trust, boundary, session, scp, rcp, context []string
	principal, issuer, action, on, account                          string
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
	f.StringVar(&q.account, "resource-account", "", "account that owns the resource (default: the one in its ARN, else the principal's)")
}

// ask reads the policies and explains the decision about them.
func (q *policyQuestion) ask(cmd *cobra.Command) (*policy.Request, policy.Explanation, error) {
	if err := q.out.check(); err != nil {
		return nil, policy.Explanation{}, err
	}
	if q.principal == "" || q.action == "" {
		return nil, policy.Explanation{}, usagef("give --principal and --action")
	}
	if err := catalogue.Builtin().CheckAction(q.action); err != nil {
		return nil, policy.Explanation{}, usagef("--action: %v", err)
	}
	if len(q.trust) > 0 && len(q.resource) > 0 {
		return nil, policy.Explanation{}, usagef("give --trust or --resource-policy, not both")
	}
	principal, err := policytest.ParsePrincipal(q.principal, q.issuer)
	if err != nil {
		return nil, policy.Explanation{}, usagef("--principal: %w", err)
	}
	r := &policy.Request{
		Principal: principal, Action: q.action, Resource: q.on, ResourceAccountID: q.account, Context: policytest.Context(&principal),
	}
	if r.ResourceAccountID == "" {
		r.ResourceAccountID = policytest.Owner(q.on, &principal)
	}
	values := make(map[string][]string)
	for _, text := range q.context {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, policy.Explanation{}, usagef("--context %q: use key=value", text)
		}
		values[key] = append(values[key], value)
		r.Context.Set(key, values[key]...)
	}
	policies, err := q.policies(cmd)
	if err != nil {
		return nil, policy.Explanation{}, err
	}
	return r, policy.Explain(policies, r), nil
}

func (q *policyQuestion) policies(cmd *cobra.Command) (*policy.Policies, error) {
	var faults []error
	compile := func(kind policy.Kind, names ...string) *policy.Set {
		if len(names) == 0 {
			return nil
		}
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
		return policy.Compile(sources...)
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

// policyDecision is a decision as evaluate prints it.
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
		Long: `Decide one request by policies in files, and tell of every statement whether it applies, or which of its elements did
not hold: what the request has and what the policy asks.`,
		Example: `  touchstone policy explain --identity self.json --principal arn:aws:iam::111122223333:user/alice \
    --action iam:DeactivateMFADevice --resource arn:aws:iam::111122223333:user/alice --context aws:MultiFactorAuthPresent=false`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, e, err := q.ask(cmd)
			if err != nil {
				return err
			}
			type verdict struct {
				Type   string
				Level  int
				Effect string
				Note   string `json:",omitempty"`
			}
			type considered struct {
				Type, Policy string
				Statement    int
				SID          string `json:",omitempty"`
				Line, Column int
				Effect       string
				Applies      bool
				Failure      string `json:",omitempty"`
			}
			answer := struct {
				policyDecision
				Verdicts   []verdict
				Statements []considered
			}{policyDecision: newPolicyDecision(r, &e), Statements: []considered{}}
			for _, v := range e.Verdicts {
				answer.Verdicts = append(answer.Verdicts, verdict{v.Type.String(), v.Level, v.Effect.String(), v.Note})
			}
			for _, c := range e.Considered {
				s := c.Statement
				answer.Statements = append(answer.Statements, considered{
					c.Type.String(), c.Source, c.Index, s.SID, s.Start.Line, s.Start.Column, s.Effect.String(), c.Applies, c.Failure(),
				})
			}
			return q.out.print(cmd.OutOrStdout(), answer, func() {
				w := cmd.OutOrStdout()
				answer.print(w)
				for _, v := range answer.Verdicts {
					fmt.Fprintf(w, "\n%s: %s", v.Type, v.Effect)
					if v.Note != "" {
						fmt.Fprintf(w, " (%s)", v.Note)
					}
				}
				fmt.Fprintln(w)
				for _, c := range answer.Statements {
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
			})
		},
	}
	q.flags(cmd)
	return cmd
}

func policyTestCommand() *cobra.Command {
	var (
		out        output
		junit, tap string
		catalogues []string
	)
	cmd := &cobra.Command{
		Use: "test PATH...", Short: "Test policies against files of expected decisions", Args: some("one or more files or folders"),
		Long: `Run the files that end in .test.json, .test.yaml or .test.yml and say which decisions are not as expected. The exit code is 1
when one is not.

A file names policies, who asks, and what must come out:

  policies:
    identity: [self.json]
    boundary: [limit.json]
  principal: arn:aws:iam::111122223333:user/alice
  context:
    aws:MultiFactorAuthPresent: false
  tests:
    - name: removes no key without MFA
      action: iam:DeactivateMFADevice
      resource: arn:aws:iam::111122223333:user/alice
      expect: explicitDeny
      by: DenyAllExceptListedIfNoMFA

In JSON it has the same form. Files and the policies that they name have at most 1 MiB.`,
		Example: `  touchstone policy test docs/policies
  touchstone policy test --junit report.xml --tap report.tap policies/`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := out.check(); err != nil {
				return err
			}
			known, err := catalogue.Load(catalogues...)
			if err != nil {
				return err
			}
			var results []policytest.Result
			for _, path := range paths {
				of, err := policytest.Run(path, known)
				if err != nil {
					return err
				}
				results = append(results, of...)
			}
			for _, report := range []struct {
				name  string
				write func(io.Writer, []policytest.Result) error
			}{{junit, policytest.WriteJUnit}, {tap, policytest.WriteTAP}} {
				if report.name == "" {
					continue
				}
				var text bytes.Buffer
				if err := report.write(&text, results); err != nil {
					return err
				}
				if err := os.WriteFile(report.name, text.Bytes(), 0o644); err != nil {
					return err
				}
			}
			return printResults(cmd, &out, results)
		},
	}
	out.flags(cmd)
	cmd.Flags().StringVar(&junit, "junit", "", "also write the results to this file, as JUnit's XML")
	cmd.Flags().StringArrayVar(&catalogues, "catalogue", nil, "file with the actions of more services; in a service that is known, a test's action must exist")
	cmd.Flags().StringVar(&tap, "tap", "", "also write the results to this file, in the Test Anything Protocol")
	return cmd
}

func printResults(cmd *cobra.Command, out *output, results []policytest.Result) error {
	type result struct {
		File, Name, Action, Resource, Want string
		WantedBy                           string `json:",omitempty"`
		Got                                string
		DecidedBy                          string `json:",omitempty"`
		Passed                             bool
	}
	failed := 0
	list := make([]result, len(results))
	for n := range results {
		r := &results[n]
		if r.Failed() {
			failed++
		}
		list[n] = result{r.File, r.Name, r.Request.Action, r.Request.Resource, r.Want, r.WantedBy, r.Got(), r.DecidedBy(), !r.Failed()}
	}
	err := out.print(cmd.OutOrStdout(), list, func() {
		for n := range results {
			if results[n].Failed() {
				fmt.Fprintln(cmd.OutOrStdout(), &results[n])
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d decisions, %d as expected\n", len(results), len(results)-failed)
	})
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d decisions are not as expected", failed, len(results))
	}
	return err
}

// Package policytest tests policies against files, in JSON or YAML, that name policies, requests, and the decision that is
// expected of each request. [Run] is what the command 'touchstone policy test' calls, and Go tests can call it too:
//
//	results, err := policytest.Run("policies", nil)
//	...
//	for _, r := range results { if r.Failed() { t.Error(r) } }
//
// A file looks like this; docs/policy-engine.md explains every field:
//
//	{
//	  "policies": {"identity": ["self.json"]},
//	  "principal": "arn:aws:iam::111122223333:user/alice",
//	  "tests": [
//	    {"name": "reads itself", "action": "iam:GetUser", "resource": "arn:aws:iam::111122223333:user/alice", "expect": "allowed"}
//	  ]
//	}
//
// Each [Result] says what was expected and explains what was decided. [WriteTAP] and [WriteJUnit] write results for continuous
// integration. [ParsePrincipal], [Context] and [Owner] read the parts of a request as a file has them.
//
// Decisions are made by [policy.Evaluate], without a server or a network. A field that is not known is an error, so that nothing
// in a file is left out by mistake, and so is a file without tests.
package policytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/policy"
)

// Result is a decision that was made, with the one that was expected.
type Result struct {
	File        string
	Name        string // of the test
	Request     *policy.Request
	Want        string // allowed, explicitDeny or implicitDeny
	WantedBy    string // the Sid of the statement that must decide; empty when any may
	Explanation policy.Explanation
}

// Failed reports whether the decision differs from the expected one, or was made by another statement than expected.
func (r *Result) Failed() bool {
	return r.Got() != r.Want || r.WantedBy != "" && r.DecidedBy() != r.WantedBy
}

// Got returns the decision that was made: allowed, explicitDeny or implicitDeny.
func (r *Result) Got() string { return r.Explanation.Decision.Effect.String() }

// DecidedBy returns the Sid of the statement that decided. It is empty when the statement has none, or when no statement decided.
func (r *Result) DecidedBy() string {
	if s := r.Explanation.Decision.Statement; s != nil {
		return s.SID
	}
	return ""
}

// Run runs the tests in a file, or in all the test files of a folder and the folders below it. An action that does not exist in a
// service of the catalogue is an error: nothing allows it, so a test that expects a denial would pass although its action is
// misspelt. The catalogue may be nil; then any action may be tested.
func Run(path string, known *policy.Catalogue) ([]Result, error) {
	var results []Result
	files := 0
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name != path && !IsSuite(name) {
			return err
		}
		files++
		of, err := runFile(name, known)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		results = append(results, of...)
		return nil
	})

	// A path with no test files is most likely misspelt.
	if err == nil && files == 0 {
		err = fmt.Errorf("%s: no file ends in .test.json, .test.yaml or .test.yml", path)
	}
	return results, err
}

// suite is a test file, as written.
type suite struct {
	text      []byte
	Policies  policies
	Principal string
	Issuer    string
	Context   map[string]values
	Tests     []test
}

// policies holds the documents of a suite by type. Each is the name of a file, relative to the suite's folder, or the document
// itself.
type policies struct {
	Identity, Resource, Trust, Boundary, Session documents
	ServiceControl, ResourceControl              []documents
}

// documents is one document or a list of them.
type documents []json.RawMessage

// UnmarshalJSON reads one document or a list of them.
func (d *documents) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		return json.Unmarshal(text, (*[]json.RawMessage)(d))
	}
	*d = documents{bytes.Clone(text)}
	return nil
}

// test is a request with the decision that is expected. With several actions and resources it stands for every action on every
// resource. The principal and the context default to those of the suite.
type test struct {
	Name             string
	Principal        string
	Issuer           string
	Action, Resource values
	ResourceAccount  string
	Context          map[string]values // in addition to the file's; null makes a key absent
	Expect           string
	By               string
}

// values is a string, a number, a boolean, or a list of such. It is nil where null was written.
type values []string

// UnmarshalJSON reads one value or a list.
func (v *values) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var one any
	if err := decoder.Decode(&one); err != nil || one == nil {
		return err
	}
	list, ok := one.([]any)
	if !ok {
		list = []any{one}
	}

	*v = make(values, len(list))
	for n, item := range list {
		switch item.(type) {
		case string, json.Number, bool:
			(*v)[n] = fmt.Sprint(item)
		default:
			return fmt.Errorf("%.80s is not a string, a number, a boolean or a list of them", text)
		}
	}
	return nil
}

// runFile runs the tests of one file.
func runFile(name string, known *policy.Catalogue) ([]Result, error) {
	s, err := readSuite(name)
	if err != nil {
		return nil, err
	}
	if len(s.Tests) == 0 {
		return nil, errors.New("there are no tests")
	}
	compiled, err := s.compile(filepath.Dir(name))
	if err != nil {
		return nil, err
	}

	var results []Result
	values := 0 // in all contexts; each test has a context of its own, so they can take much memory
	for n := range s.Tests {
		t := &s.Tests[n]
		values += len(s.Context) + len(t.Context)
		if len(results)+len(t.Action)*max(1, len(t.Resource)) > maxRequests || values > maxRequests {
			return nil, fmt.Errorf("test %q: a file has at most %d requests, and as many condition keys over all tests", t.Name, maxRequests)
		}
		if t.Name == "" {
			return nil, fmt.Errorf("test number %d has no name", n+1)
		}
		for _, action := range t.Action {
			if err := known.CheckAction(action); err != nil {
				return nil, fmt.Errorf("test %q: %w", t.Name, err)
			}
		}

		of, err := s.run(name, compiled, t)
		if err != nil {
			return nil, fmt.Errorf("test %q: %w", t.Name, err)
		}
		results = append(results, of...)
	}
	return results, nil
}

// run makes the decisions of one test.
func (s *suite) run(file string, compiled *policy.Policies, t *test) ([]Result, error) {
	switch t.Expect {
	case "allowed", "explicitDeny", "implicitDeny":
	default:
		return nil, fmt.Errorf("expect is allowed, explicitDeny or implicitDeny, not %q", t.Expect)
	}
	if len(t.Action) == 0 {
		return nil, errors.New("there is no action")
	}
	if len(t.Resource) == 0 {
		t.Resource = values{"*"}
	}

	// An issuer belongs to the principal beside it, so a test with its own principal does not use the suite's issuer.
	who, issuer := s.Principal, s.Issuer
	if t.Principal != "" {
		who, issuer = t.Principal, t.Issuer
	}
	principal, err := ParsePrincipal(who, issuer)
	if err != nil {
		return nil, err
	}
	ctx, err := s.context(&principal, t)
	if err != nil {
		return nil, err
	}

	var results []Result
	for _, action := range t.Action {
		for _, resource := range t.Resource {
			r := &policy.Request{
				Principal: principal, Action: action, Resource: resource, ResourceAccountID: t.ResourceAccount, Context: ctx,
			}
			if r.ResourceAccountID == "" {
				r.ResourceAccountID = Owner(resource, &principal)
			}
			results = append(results, Result{
				File: file, Name: t.Name, Request: r, Want: t.Expect, WantedBy: t.By, Explanation: policy.Explain(compiled, r),
			})
		}
	}
	return results, nil
}

// context returns the condition keys of a test: those that follow from the principal, then the suite's, then the test's own. A
// later value replaces an earlier one, and null makes a key absent.
func (s *suite) context(principal *policy.Principal, t *test) (*policy.Context, error) {
	ctx := Context(principal)
	for _, from := range []map[string]values{s.Context, t.Context} {
		seen := make(map[string]bool)
		for _, key := range slices.Sorted(maps.Keys(from)) {
			folded := strings.ToLower(key)
			if seen[folded] {
				return nil, fmt.Errorf("condition key %q is there twice, in two letter cases", key)
			}
			seen[folded] = true
			if list := from[key]; list == nil {
				ctx.Delete(key)
			} else {
				ctx.Set(key, list...)
			}
		}
	}
	return ctx, nil
}

// compile reads and compiles the policies of a suite whose files are named relative to dir.
func (s *suite) compile(dir string) (*policy.Policies, error) {
	p := &s.Policies
	if p.Resource != nil && p.Trust != nil {
		return nil, errors.New("a resource has a resource-based policy or a trust policy, not both")
	}

	// The faults of all policies are reported together, up to a limit.
	var faults []error
	compile := func(kind policy.Kind, texts documents) *policy.Set {
		if texts == nil {
			return nil // a type without policies takes no part in a decision
		}
		var sources []policy.Source
		for n, text := range texts {
			if len(faults) == maxFaults {
				break
			}
			source, err := s.source(dir, kind, n, text)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			sources = append(sources, source)
		}
		return policy.Compile(sources...)
	}

	compiled := &policy.Policies{
		Identity: compile(policy.Identity, p.Identity), Resource: compile(policy.Resource, p.Resource),
		Boundary: compile(policy.Boundary, p.Boundary), Session: compile(policy.Session, p.Session),
	}
	if p.Trust != nil {
		compiled.Resource = compile(policy.Trust, p.Trust)
	}
	for _, level := range p.ServiceControl {
		compiled.ServiceControl = append(compiled.ServiceControl, compile(policy.ServiceControl, level))
	}
	for _, level := range p.ResourceControl {
		compiled.ResourceControl = append(compiled.ResourceControl, compile(policy.ResourceControl, level))
	}
	return compiled, errors.Join(faults...)
}

// source reads policy number n of its kind, whose text is a document or a string with the name of a file.
func (s *suite) source(dir string, kind policy.Kind, n int, text json.RawMessage) (policy.Source, error) {
	source := policy.Source{ID: fmt.Sprintf("%s %d", kind, n)}

	if text[0] != '"' {
		document, err := policy.Parse(kind, text)
		if err != nil {
			return source, fmt.Errorf("%s: %w", source.ID, s.locateViolations(text, err))
		}
		source.Document = document
		return source, nil
	}

	if err := json.Unmarshal(text, &source.ID); err != nil {
		return source, err
	}
	if strings.ContainsAny(source.ID, "{\n") {
		return source, fmt.Errorf("%.40q is not the name of a file: write a policy as an object, not as a string", source.ID)
	}
	content, err := readFile(filepath.Join(dir, filepath.FromSlash(source.ID)))
	if err != nil {
		return source, err
	}
	if source.Document, err = policy.Parse(kind, content); err != nil {
		return source, fmt.Errorf("%s: %w", source.ID, err)
	}
	return source, nil
}

// locateViolations gives the violations of a policy that is written in the suite the lines of the suite. It leaves the columns
// out, because a suite in YAML has others.
func (s *suite) locateViolations(text []byte, err error) error {
	violations, ok := err.(policy.Violations)
	if !ok {
		return err
	}
	above := s.line(int64(bytes.Index(s.text, text))) - 1
	faults := make([]error, len(violations))
	for n, v := range violations {
		faults[n] = fmt.Errorf("line %d: %v", above+v.Line, v)
	}
	return errors.Join(faults...)
}

// ParsePrincipal reads a principal in the form in which messages about denied access name it: the ARN of a user, of a session, or
// of an account's root user; "anonymous"; a service such as ec2.amazonaws.com; or, for a call without credentials, the ARN or the
// name of an identity provider. issuer is the ARN of the role or user that a session was made from. When it is empty, it is taken
// from the session's ARN, which does not contain the path of the role or user: the issuer then has none.
func ParsePrincipal(text, issuer string) (policy.Principal, error) {
	name, err := arn.Parse(text)
	kind, rest, _ := strings.Cut(name.Resource, "/")
	p := policy.Principal{ARN: text, AccountID: name.AccountID, Issuer: issuer}
	from := "arn:" + name.Partition + ":iam::" + name.AccountID

	switch {
	case text == "anonymous":
		return policy.Principal{}, nil
	case err != nil && strings.HasSuffix(text, ".amazonaws.com") && text != "cognito-identity.amazonaws.com":
		return policy.Principal{Service: text}, nil
	case err != nil && strings.Contains(text, "."), kind == "saml-provider", kind == "oidc-provider":
		return policy.Principal{Federated: text}, nil
	case name.Service == "iam" && name.Resource == "root":
		p.Root = true
	case name.Service == "iam" && kind == "user" && rest != "":
	case name.Service == "sts" && kind == "assumed-role" && strings.Contains(rest, "/"):
		if issuer == "" {
			role, _, _ := strings.Cut(rest, "/")
			p.Issuer = from + ":role/" + role
		}
	case name.Service == "sts" && kind == "federated-user" && rest != "":
		if issuer == "" {
			p.Issuer = from + ":user/" + rest
		}
	default:
		return policy.Principal{}, fmt.Errorf("%q is not a principal: give the ARN of a user, a session or a root user, "+
			"a service, an identity provider, or anonymous", text)
	}
	return p, nil
}

// Context returns the condition keys that follow from who asks, as [policy.Caller.Describe] sets them; a test sets all others.
// A session of a role or of a federated user says that it was made without MFA, since such credentials never say anything else
// (IAM User Guide, "aws:MultiFactorAuthPresent").
func Context(p *policy.Principal) *policy.Context {
	caller := policy.Caller{Principal: *p}
	if p.Issuer != "" {
		caller.MFA = policy.MFANotUsed
	}

	ctx := policy.NewContext()
	caller.Describe(ctx)
	return ctx
}

// Owner returns the id of the account that owns a resource: the one in its ARN, or the principal's when the ARN has none.
func Owner(resource string, p *policy.Principal) string {
	if name, err := arn.Parse(resource); err == nil && name.AccountID != "" {
		return name.AccountID
	}
	return p.AccountID
}

// Package policytest runs what a team expects of its policies: files in JSON or YAML that name policies, requests, and the decisions that
// must come out. It is what 'touchstone policy test' does, and can be called from Go tests:
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
// Decisions are those of policy.Evaluate and nothing else; no server and no network are asked. Nothing that a file says is left
// unread: an unknown field is an error, and so is a file without tests.
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

// Result is one decision and the one that was expected.
type Result struct {
	File        string
	Name        string // of the test
	Request     *policy.Request
	Want        string // allowed, explicitDeny or implicitDeny
	WantedBy    string // the Sid of the statement that must decide; empty when any may
	Explanation policy.Explanation
}

// Failed reports whether the decision is another than expected, or was made by another statement.
func (r *Result) Failed() bool {
	return r.Got() != r.Want || r.WantedBy != "" && r.DecidedBy() != r.WantedBy
}

// Got is the decision.
func (r *Result) Got() string { return r.Explanation.Decision.Effect.String() }

// DecidedBy is the Sid of the statement that decided; empty when it has none or no statement decided.
func (r *Result) DecidedBy() string {
	if s := r.Explanation.Decision.Statement; s != nil {
		return s.SID
	}
	return ""
}

// Run runs the files with expectations at a path: a file, or a folder with all below it. An action that does not exist in a service of
// the catalogue is an error, since nothing allows it and a test that expects a denial would pass; the catalogue may be nil.
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
	if err == nil && files == 0 {
		err = fmt.Errorf("%s: no file ends in .test.json, .test.yaml or .test.yml", path)
	}
	return results, err
}

// suite is a file as written.
type suite struct {
	text      []byte
	Policies  policies
	Principal string
	Issuer    string
	Context   map[string]values
	Tests     []test
}

// policies are documents by type: the names of files, beside the file that names them, or the documents themselves.
type policies struct {
	Identity, Resource, Trust, Boundary, Session documents
	ServiceControl, ResourceControl              []documents
}

// documents is one, or a list of them.
type documents []json.RawMessage

// UnmarshalJSON reads one or a list.
func (d *documents) UnmarshalJSON(text []byte) error {
	if text[0] == '[' {
		return json.Unmarshal(text, (*[]json.RawMessage)(d))
	}
	*d = documents{bytes.Clone(text)}
	return nil
}

// test is a request, or several to the same effect: every action on every resource. What it leaves out is the file's.
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
	values := 0 // of contexts, which every test has of its own
	for n := range s.Tests {
		t := &s.Tests[n]
		values += len(s.Context) + len(t.Context)
		if len(results)+len(t.Action)*max(1, len(t.Resource)) > maxRequests || values > maxRequests {
			return nil, fmt.Errorf("test %q: a file has at most %d requests, and condition keys over all tests", t.Name, maxRequests)
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
	who, issuer := s.Principal, s.Issuer
	if t.Principal != "" {
		who, issuer = t.Principal, t.Issuer
	}
	principal, err := ParsePrincipal(who, issuer)
	if err != nil {
		return nil, err
	}
	ctx := Context(&principal)
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
	var results []Result
	for _, action := range t.Action {
		for _, resource := range t.Resource {
			r := &policy.Request{Principal: principal, Action: action, Resource: resource, ResourceAccountID: t.ResourceAccount, Context: ctx}
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

func (s *suite) compile(dir string) (*policy.Policies, error) {
	p := &s.Policies
	if p.Resource != nil && p.Trust != nil {
		return nil, errors.New("a resource has a resource-based policy or a trust policy, not both")
	}
	var faults []error
	compile := func(kind policy.Kind, texts documents) *policy.Set {
		if texts == nil {
			return nil
		}
		var sources []policy.Source
		for n, text := range texts {
			source := policy.Source{ID: fmt.Sprintf("%s %d", kind, n)}
			if len(faults) == maxFaults {
				break
			}
			inSuite := text[0] != '"'
			var err error
			if !inSuite {
				if err = json.Unmarshal(text, &source.ID); err == nil && strings.ContainsAny(source.ID, "{\n") {
					err = fmt.Errorf("a text names a file, which %.40q does not: write a policy as an object", source.ID)
				}
				if err == nil {
					text, err = readFile(filepath.Join(dir, filepath.FromSlash(source.ID)))
				}
				if err != nil {
					faults = append(faults, err)
					continue
				}
			}
			if source.Document, err = policy.Parse(kind, text); err != nil {
				if inSuite {
					err = s.inSuite(text, err)
				}
				faults = append(faults, fmt.Errorf("%s: %w", source.ID, err))
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

// inSuite gives violations of a policy that is written in the suite itself the suite's lines. It leaves the columns out, which are not
// those of YAML.
func (s *suite) inSuite(text []byte, err error) error {
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

// ParsePrincipal reads a principal as messages about denied access name it: the ARN of a user, of a session, or of an account's root
// user; "anonymous"; a service such as ec2.amazonaws.com; or, for a call without credentials, the ARN or the name of an identity
// provider. issuer is the ARN of the role or user that a session was made from; when it is empty the session's name tells it,
// as if it had no path.
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
		return policy.Principal{}, fmt.Errorf("%q is no principal: give the ARN of a user, a session or a root user, a service, an identity provider, or anonymous", text)
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

// Owner returns the account that owns a resource: the one in its ARN, or else the principal's.
func Owner(resource string, p *policy.Principal) string {
	if name, err := arn.Parse(resource); err == nil && name.AccountID != "" {
		return name.AccountID
	}
	return p.AccountID
}

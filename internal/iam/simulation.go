package iam

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/policy"
)

// simulation answers what policies would decide about actions on resources (IAM User Guide, "Testing IAM policies with the IAM
// policy simulator"). It asks policy.Explain, which matches by the code that enforces, and nothing of it is enforced.
type simulation struct {
	in        *iamapi.SimulateCustomPolicyInput
	catalogue *policy.Catalogue
	policies  policy.Policies // without a resource-based policy
	caller    policy.Principal
	owner     string // the account of resources whose names have none
	context   *policy.Context
	attached  map[policy.Kind]*policy.Set // the policy of the resources, compiled as what an action takes it for
}

// principal is whose policies are simulated.
type principal struct {
	arn      string          // of a user, group or role; "" for nobody in particular
	policies []policy.Source // that are attached to it
	keys     map[string]string
}

// newSimulation reads the input, whole: what is wrong with it is found before anything is decided.
func newSimulation(r *api.Request, catalogue *policy.Catalogue, in *iamapi.SimulateCustomPolicyInput, of *principal) (*simulation, error) {
	s := &simulation{
		in: in, catalogue: catalogue, owner: r.Caller.AccountID(),
		context: policy.NewContext(), attached: make(map[policy.Kind]*policy.Set),
	}
	for _, read := range []func() error{
		s.checkQuestions,
		func() error { return s.readCaller(r.Caller.AccountID(), of) },
		func() error { return s.readPolicies(of) },
		s.readOwner, s.readResourcePolicy, s.readContext,
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *simulation) checkQuestions() error {
	for _, action := range s.in.ActionNames {
		service, name, ok := strings.Cut(action, ":")
		if !ok || service == "" || name == "" {
			return iamapi.InvalidInput("ActionNames: %q is not of the form service:Action, such as iam:CreateUser.", action)
		}
		if strings.ContainsAny(action, "*?") {
			return iamapi.InvalidInput("ActionNames: %q has a wildcard. Name each action.", action)
		}
	}
	for _, resource := range s.in.ResourceArns {
		if _, err := arn.Parse(resource); err != nil && resource != "*" {
			return iamapi.InvalidInput(`ResourceArns: %q is neither an ARN nor "*".`, resource)
		}
	}
	return s.checkHandling()
}

// handlings are the scenarios of ResourceHandlingOption with the types of resource that must be there (IAM API, SimulateCustomPolicy).
var handlings = map[string][]string{
	"EC2-VPC-InstanceStore":        {"instance", "image", "security-group", "network-interface"},
	"EC2-VPC-InstanceStore-Subnet": {"instance", "image", "security-group", "network-interface", "subnet"},
	"EC2-VPC-EBS":                  {"instance", "image", "security-group", "network-interface", "volume"},
	"EC2-VPC-EBS-Subnet":           {"instance", "image", "security-group", "network-interface", "subnet", "volume"},
}

func (s *simulation) checkHandling() error {
	option := s.in.ResourceHandlingOption
	if option == "" {
		return nil
	}
	required, ok := handlings[option]
	if !ok {
		return iamapi.InvalidInput("ResourceHandlingOption: %q is not one of %s.", option, strings.Join(slices.Sorted(maps.Keys(handlings)), ", "))
	}
	for _, kind := range required {
		if !slices.ContainsFunc(s.in.ResourceArns, func(resource string) bool {
			name, err := arn.Parse(resource)
			return err == nil && name.Service == "ec2" && strings.HasPrefix(name.Resource, kind+"/")
		}) {
			return iamapi.InvalidInput("ResourceArns: %s needs the ARN of a resource of the type %s.", option, kind)
		}
	}
	return nil
}

// readCaller makes the principal that acts: the one named, or else the one whose policies these are. Without either it is a user
// of this account of whom nothing is known. What follows from who it is becomes condition keys.
func (s *simulation) readCaller(account string, of *principal) error {
	text := cmp.Or(s.in.CallerArn, of.arn)
	if text == "" {
		if s.in.ResourcePolicy != "" {
			return iamapi.InvalidInput("CallerArn: a resource policy needs the ARN of who calls, so that its principals can be compared.")
		}
		s.caller = policy.Principal{ARN: "arn:aws:iam::" + account + ":user/*", AccountID: account}
		return nil
	}
	name, err := arn.Parse(text)
	kind, path, _ := strings.Cut(name.Resource, "/")
	if err != nil || name.Service != "iam" || name.AccountID == "" || path == "" || !slices.Contains([]string{"user", "group", "role"}, kind) {
		return iamapi.InvalidInput("CallerArn: %q is not the ARN of an IAM user, group or role.", text)
	}
	s.caller = policy.Principal{ARN: text, AccountID: name.AccountID}
	s.context.Set("aws:PrincipalAccount", name.AccountID)
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch kind {
	case "user":
		s.context.Set("aws:PrincipalArn", text)
		s.context.Set("aws:PrincipalType", "User")
		s.context.Set("aws:username", last)
	case "role": // which acts as sessions
		s.context.Set("aws:PrincipalArn", text)
		s.context.Set("aws:PrincipalType", "AssumedRole")
		s.caller.ARN = "arn:" + name.Partition + ":sts::" + name.AccountID + ":assumed-role/" + last + "/simulated"
		s.caller.Issuer = text
	}
	if text == of.arn {
		for key, value := range of.keys {
			s.context.Set(key, value)
		}
	}
	return nil
}

func (s *simulation) readPolicies(of *principal) error {
	identity, err := parseInputs("PolicyInputList", policy.Identity, s.in.PolicyInputList)
	if err != nil {
		return err
	}
	s.policies.Identity = policy.Compile(append(of.policies, identity...)...)
	if len(s.in.PermissionsBoundaryPolicyInputList) > 1 {
		return iamapi.InvalidInput("PermissionsBoundaryPolicyInputList: a principal has one permissions boundary at a time; give one policy.")
	}
	boundary, err := parseInputs("PermissionsBoundaryPolicyInputList", policy.Boundary, s.in.PermissionsBoundaryPolicyInputList)
	if err != nil {
		return err
	}
	if len(boundary) > 0 {
		s.policies.Boundary = policy.Compile(boundary...)
	}
	for n, level := range s.in.OrderedOrganizationPolicyInputList {
		parameter := fmt.Sprintf("OrderedOrganizationPolicyInputList.%d.ServiceControlPolicyInputList", n+1)
		if len(level.ServiceControlPolicyInputList) == 0 {
			return iamapi.InvalidInput("%s: each level of an organization has at least one service control policy.", parameter)
		}
		sources, err := parseInputs(parameter, policy.ServiceControl, level.ServiceControlPolicyInputList)
		if err != nil {
			return err
		}
		s.policies.ServiceControl = append(s.policies.ServiceControl, policy.Compile(sources...))
	}
	return nil
}

// readOwner takes the account from the ARN of its root user, or as its number.
func (s *simulation) readOwner() error {
	s.owner = s.caller.AccountID
	if text := s.in.ResourceOwner; text != "" {
		name, err := arn.Parse(text)
		if err == nil && name.Service == "iam" && name.Resource == "root" {
			text = name.AccountID
		}
		if len(text) != 12 || strings.Trim(text, "0123456789") != "" {
			return iamapi.InvalidInput("ResourceOwner: %q is not the ARN of an account, such as arn:aws:iam::111122223333:root.", s.in.ResourceOwner)
		}
		s.owner = text
	}
	return nil
}

// readResourcePolicy reads it as what the actions take it for: those of STS on a role are decided by the role's trust policy.
func (s *simulation) readResourcePolicy() error {
	if s.in.ResourcePolicy == "" {
		return nil
	}
	for _, action := range s.in.ActionNames {
		kind := resourceKind(action)
		if s.attached[kind] != nil {
			continue
		}
		document, err := policy.Parse(kind, []byte(s.in.ResourcePolicy))
		if err != nil {
			return notAPolicy("ResourcePolicy", err)
		}
		s.attached[kind] = policy.Compile(policy.Source{ID: "ResourcePolicy", Document: document})
	}
	return nil
}

func resourceKind(action string) policy.Kind {
	for _, trusting := range []string{"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"} {
		if strings.EqualFold(action, trusting) {
			return policy.Trust
		}
	}
	return policy.Resource
}

// readContext sets the keys that were given, over those that follow from the caller.
func (s *simulation) readContext() error {
	for n, entry := range s.in.ContextEntries {
		if entry.ContextKeyName == "" {
			return iamapi.InvalidInput("ContextEntries.%d: there is no ContextKeyName.", n+1)
		}
		name, list := strings.CutSuffix(string(entry.ContextKeyType), "List")
		if !list && len(entry.ContextKeyValues) != 1 && entry.ContextKeyType != "" {
			return iamapi.InvalidInput("ContextEntries: %s has %d values; the type %s has one. Use %sList for several.",
				entry.ContextKeyName, len(entry.ContextKeyValues), name, name)
		}
		for _, value := range entry.ContextKeyValues {
			if !keyTypes[name].Accepts(value) {
				return iamapi.InvalidInput("ContextEntries: the value %q of %s is not of the type %s.", value, entry.ContextKeyName, name)
			}
		}
		s.context.Set(entry.ContextKeyName, entry.ContextKeyValues...)
	}
	return nil
}

// keyTypes are the types of ContextKeyType, those of lists without their ending. What is missing here accepts everything.
var keyTypes = map[string]policy.KeyType{
	"numeric": policy.KeyNumeric, "boolean": policy.KeyBool, "ip": policy.KeyAddress, "binary": policy.KeyBinary, "date": policy.KeyDate,
}

// parseInputs reads the policies of a list; their names are the list's with their place in it.
func parseInputs(parameter string, kind policy.Kind, texts []string) ([]policy.Source, error) {
	sources := make([]policy.Source, len(texts))
	for n, text := range texts {
		id := parameter + "." + strconv.Itoa(n+1)
		document, err := policy.Parse(kind, []byte(text))
		if err != nil {
			return nil, notAPolicy(id, err)
		}
		sources[n] = policy.Source{ID: id, Document: document}
	}
	return sources, nil
}

// notAPolicy says what is wrong with a policy of the input, first of all.
func notAPolicy(parameter string, err error) error {
	var violations policy.Violations
	if !errors.As(err, &violations) {
		return err
	}
	return iamapi.InvalidInput("%s: line %d, column %d: %v", parameter, violations[0].Line, violations[0].Column, violations[0])
}

// maxConsidered bounds the work of one answer: how many statements are looked at, over all actions and resources. An answer ends
// early at it; the next page goes on.
const maxConsidered = 100_000

// answer is the page of results that begins with the action numbered from, and the number of the action after it.
func (s *simulation) answer(from int) (results []iamapi.EvaluationResult, next int, err error) {
	resources := s.in.ResourceArns
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	cost := len(resources) * (1 + s.statements())
	if cost > maxConsidered {
		return nil, 0, iamapi.InvalidInput("ResourceArns: %d resources are too many to simulate with %d statements. Ask about some of them at a time.",
			len(resources), s.statements())
	}
	page := min(pageSize(s.in.MaxItems), maxConsidered/cost)
	for next = from; next < len(s.in.ActionNames) && len(results) < page; next++ {
		results = append(results, s.result(s.in.ActionNames[next], resources))
	}
	return results, next, nil
}

func (s *simulation) statements() int {
	count := 0
	for _, set := range append([]*policy.Set{s.policies.Identity, s.policies.Boundary, s.attached[policy.Resource], s.attached[policy.Trust]}, s.policies.ServiceControl...) {
		count += set.Len()
	}
	return count
}

// result tells of one action on every resource, and of each. Nothing was asked about single ones when the only one is "*".
func (s *simulation) result(action string, resources []string) iamapi.EvaluationResult {
	outcomes := make([]outcome, len(resources))
	for n, resource := range resources {
		outcomes[n] = s.decide(action, resource)
	}
	all := together(outcomes)
	result := iamapi.EvaluationResult{
		EvalActionName: action, EvalResourceName: resources[0], EvalDecision: decisionType(all.decision),
		MatchedStatements: all.statements(), MissingContextValues: all.missing, EvalDecisionDetails: all.decisionDetails(),
		PermissionsBoundaryDecisionDetail: all.boundaryDetail(), OrganizationsDecisionDetail: all.organizationsDetail(),
	}
	if len(resources) > 1 {
		result.EvalResourceName = s.resourcePattern(action)
	} else if resources[0] == "*" {
		return result
	}
	for n, resource := range resources {
		o := &outcomes[n]
		result.ResourceSpecificResults = append(result.ResourceSpecificResults, iamapi.ResourceSpecificResult{
			EvalResourceName: resource, EvalResourceDecision: decisionType(o.decision),
			MatchedStatements: o.statements(), MissingContextValues: o.missing, EvalDecisionDetails: o.decisionDetails(),
			PermissionsBoundaryDecisionDetail: o.boundaryDetail(),
		})
	}
	return result
}

// resourcePattern is what names of an action's resources look like; "*" where that is not known.
func (s *simulation) resourcePattern(action string) string {
	prefix, name, _ := strings.Cut(action, ":")
	service := s.catalogue.Services[prefix]
	for _, kind := range service.Actions[name].Resources {
		return service.Resources[kind]
	}
	return "*"
}

// outcome is what is decided about one action on one resource, or on several together.
type outcome struct {
	decision      policy.Effect
	matched       []policy.Considered           // the statements that made the decision
	missing       []string                      // the keys that statements about the action read in vain
	boundary      *policy.Effect                // nil without one
	organizations *policy.Effect                // likewise
	details       map[policy.Kind]policy.Effect // of each type, between accounts; nil about everything
}

// decide leaves the statements and keys of an organization's policies out: its members are not shown them.
func (s *simulation) decide(action, resource string) outcome {
	policies := s.policies
	policies.Resource = s.attached[resourceKind(action)]
	request := &policy.Request{
		Principal: s.caller, Action: action, Resource: resource, ResourceAccountID: s.ownerOf(resource), Context: s.context,
	}
	e := policy.Explain(&policies, request)
	o := outcome{decision: e.Decision.Effect, missing: []string{}}
	for n := range e.Considered {
		c := &e.Considered[n]
		if c.Type == policy.ServiceControl {
			continue
		}
		o.missing = append(o.missing, c.Missing...)
		if c.Applies && c.Statement.Effect == o.decision {
			o.matched = append(o.matched, *c)
		}
	}
	o.missing = policy.DistinctKeys(o.missing)
	foreign := request.ResourceAccountID != s.caller.AccountID
	if foreign || resource != "*" {
		o.details = make(map[policy.Kind]policy.Effect)
	}
	for _, v := range e.Verdicts {
		switch v.Type {
		case policy.ServiceControl:
			o.organizations = stricter(o.organizations, &v.Effect)
			continue
		case policy.Boundary:
			o.boundary = &v.Effect
		}
		if foreign {
			o.details[v.Type] = v.Effect
		}
	}
	return o
}

// ownerOf is the account that a resource is taken to belong to. Without a resource policy only the side of the caller is
// simulated, as if the resource were its account's, unless an owner was named.
func (s *simulation) ownerOf(resource string) string {
	if s.in.ResourcePolicy == "" && s.in.ResourceOwner == "" {
		return s.caller.AccountID
	}
	if name, err := arn.Parse(resource); err == nil && name.AccountID != "" {
		return name.AccountID
	}
	return s.owner
}

// together is the strictest of outcomes: the statements are those that made it, the keys those of all (IAM API, EvaluationResult).
func together(outcomes []outcome) outcome {
	all := outcomes[0]
	all.matched, all.missing, all.details = nil, []string{}, maps.Clone(all.details)
	for _, o := range outcomes {
		all.decision = *stricter(&all.decision, &o.decision)
		all.boundary = stricter(all.boundary, o.boundary)
		all.organizations = stricter(all.organizations, o.organizations)
		all.missing = append(all.missing, o.missing...)
		for kind, effect := range o.details {
			if had, ok := all.details[kind]; ok {
				effect = *stricter(&had, &effect)
			}
			all.details[kind] = effect
		}
	}
	all.missing = policy.DistinctKeys(all.missing)
	seen := make(map[*policy.Statement]bool)
	for _, o := range outcomes {
		for _, c := range o.matched {
			if o.decision == all.decision && !seen[c.Statement] {
				seen[c.Statement] = true
				all.matched = append(all.matched, c)
			}
		}
	}
	return all
}

// stricter is the effect that allows less; nil is no effect.
func stricter(a, b *policy.Effect) *policy.Effect {
	order := []policy.Effect{policy.Allow, policy.ImplicitDeny, policy.ExplicitDeny}
	if a == nil || b != nil && slices.Index(order, *b) > slices.Index(order, *a) {
		return b
	}
	return a
}

func (o *outcome) statements() []iamapi.Statement {
	statements := make([]iamapi.Statement, len(o.matched))
	for n, c := range o.matched {
		statements[n] = iamapi.Statement{
			SourcePolicyId: c.Source, SourcePolicyType: iamapi.PolicySourceType(sourceType(c.Type)),
			StartPosition: &iamapi.Position{Line: &c.Statement.Start.Line, Column: &c.Statement.Start.Column},
			EndPosition:   &iamapi.Position{Line: &c.Statement.End.Line, Column: &c.Statement.End.Column},
		}
	}
	return statements
}

func (o *outcome) boundaryDetail() *iamapi.PermissionsBoundaryDecisionDetail {
	if o.boundary == nil {
		return nil
	}
	return &iamapi.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: *o.boundary == policy.Allow}
}

func (o *outcome) organizationsDetail() *iamapi.OrganizationsDecisionDetail {
	if o.organizations == nil {
		return nil
	}
	return &iamapi.OrganizationsDecisionDetail{AllowedByOrganizations: *o.organizations == policy.Allow}
}

// decisionDetails are absent when the organization denied: then the simulation ends with that.
func (o *outcome) decisionDetails() map[string]iamapi.PolicyEvaluationDecisionType {
	if o.details == nil || o.organizations != nil && *o.organizations != policy.Allow {
		return nil
	}
	details := make(map[string]iamapi.PolicyEvaluationDecisionType)
	for kind, effect := range o.details {
		details[sourceType(kind)] = decisionType(effect)
	}
	return details
}

func decisionType(e policy.Effect) iamapi.PolicyEvaluationDecisionType {
	return iamapi.PolicyEvaluationDecisionType(e.String())
}

// sourceType names a type of policy as the live service does, which is not as its reference lists the types.
func sourceType(kind policy.Kind) string {
	switch kind {
	case policy.Boundary:
		return "IAM Permissions Boundary Policy"
	case policy.Resource, policy.Trust:
		return "Resource Policy"
	}
	return "IAM Policy"
}

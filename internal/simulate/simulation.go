package simulate

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
	resources []string
	given     map[string]bool // the condition keys of the input, in lower case
	size      int             // of all policies, in bytes
	longest   int             // of the values of a condition key, in bytes
	work      int             // of one action on all resources
}

// simulated is whose policies are simulated.
type simulated struct {
	arn      string          // of a user, group or role; "" for nobody in particular
	policies []policy.Source // that are attached to it
	boundary *policy.Source  // its permissions boundary, unless the input brings another; nil without one
	size     int             // of these, in bytes

	userID  string
	tags    []policy.PrincipalTag
	longest int // of the tags' values, in bytes
}

// newSimulation reads the input, whole: what is wrong with it is found before anything is decided.
func newSimulation(r *api.Request, catalogue *policy.Catalogue, in *iamapi.SimulateCustomPolicyInput,
	of *simulated,
) (*simulation, error) {
	s := &simulation{
		in: in, catalogue: catalogue, context: policy.NewContext(), attached: make(map[policy.Kind]*policy.Set),
		resources: in.ResourceArns, given: make(map[string]bool),
	}
	if len(s.resources) == 0 {
		s.resources = []string{"*"}
	}
	if err := s.checkQuestions(); err != nil {
		return nil, err
	}
	if err := s.readCaller(r.Caller.AccountID(), of); err != nil {
		return nil, err
	}
	if err := s.readOwner(); err != nil {
		return nil, err
	}
	if err := s.readContext(); err != nil {
		return nil, err
	}
	if err := s.readPolicies(of); err != nil {
		return nil, err
	}
	if err := s.readResourcePolicy(); err != nil {
		return nil, err
	}
	if err := s.checkWork(); err != nil {
		return nil, err
	}

	return s, s.checkApplicable()
}

func (s *simulation) checkQuestions() error {
	if len(s.in.ActionNames) == 0 {
		return api.Invalid("ActionNames", "name at least one action.")
	}
	for _, action := range s.in.ActionNames {
		if err := policy.CheckAction(action); err != nil {
			return api.Invalid("ActionNames", "%v.", err)
		}
	}
	for _, resource := range s.in.ResourceArns {
		if _, err := arn.Parse(resource); err != nil && resource != "*" {
			return api.Invalid("ResourceArns", `%q is neither an ARN nor "*".`, resource)
		}
	}
	return s.checkHandling()
}

// handlings are the scenarios of ResourceHandlingOption with the types of resource that must be there (IAM API,
// SimulateCustomPolicy).
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
		return api.Invalid("ResourceHandlingOption", "%q is not one of %s.", option,
			strings.Join(slices.Sorted(maps.Keys(handlings)), ", "))
	}

	for _, kind := range required {
		if !slices.ContainsFunc(s.in.ResourceArns, func(resource string) bool {
			name, err := arn.Parse(resource)
			return err == nil && name.Service == "ec2" && strings.HasPrefix(name.Resource, kind+"/")
		}) {
			return api.Invalid("ResourceArns", "%s needs the ARN of a resource of the type %s.", option, kind)
		}
	}
	return nil
}

// readCaller makes the principal that acts: the one named, or else the one whose policies these are. Without either it is a user
// of this account of whom nothing is known. What follows from who it is becomes condition keys.
func (s *simulation) readCaller(account string, of *simulated) error {
	text := cmp.Or(s.in.CallerArn, of.arn)
	if text == "" {
		if s.in.ResourcePolicy != "" {
			return api.Invalid("CallerArn", "a resource policy needs the ARN of who calls, so that its principals can be compared.")
		}
		s.caller = policy.Principal{ARN: "arn:aws:iam::" + account + ":user/*", AccountID: account}
		return nil
	}
	entity, ok := parseEntity(text)
	if !ok {
		return api.Invalid("CallerArn", "%q is not the ARN of an IAM user, group or role.", text)
	}
	caller := policy.Caller{Principal: policy.Principal{ARN: text, AccountID: entity.account}}
	if entity.kind == "role" { // which acts as sessions
		caller.ARN = "arn:" + entity.partition + ":sts::" + entity.account + ":assumed-role/" + entity.name + "/simulated"
		caller.Issuer = text
	}
	s.longest = len(text)

	// Of a caller who is stored nothing need be guessed.
	if text == of.arn {
		caller.UserID, caller.Tags = of.userID, of.tags
		s.longest = max(s.longest, len(of.userID), of.longest)
	}
	s.caller = caller.Principal
	caller.Describe(s.context)
	return nil
}

// entity is a user, group or role as its ARN names it.
type entity struct{ partition, account, kind, name string }

// parseEntity takes the ARN of a user, group or role apart. Its path is not told.
func parseEntity(text string) (entity, bool) {
	name, err := arn.Parse(text)
	kind, path, _ := strings.Cut(name.Resource, "/")
	e := entity{name.Partition, name.AccountID, kind, path[strings.LastIndexByte(path, '/')+1:]}
	ok := err == nil && name.Service == "iam" && name.Region == "" && arn.IsAccountID(name.AccountID) && e.name != "" &&
		(kind == "user" || kind == "group" || kind == "role")
	return e, ok
}

func (s *simulation) readPolicies(of *simulated) error {
	s.size = of.size
	attached, err := s.parse("PolicyInputList", policy.Identity, s.in.PolicyInputList)
	if err != nil {
		return err
	}

	s.policies.Identity = policy.Compile(slices.Concat(of.policies, attached)...)
	if len(s.in.PermissionsBoundaryPolicyInputList) > 1 {
		return api.Invalid("PermissionsBoundaryPolicyInputList", "a principal has one permissions boundary at a time; give one policy.")
	}

	boundary, err := s.parse("PermissionsBoundaryPolicyInputList", policy.Boundary, s.in.PermissionsBoundaryPolicyInputList)
	if err != nil {
		return err
	}
	if len(boundary) == 0 && of.boundary != nil {
		boundary = append(boundary, *of.boundary)
	}
	if len(boundary) > 0 {
		s.policies.Boundary = policy.Compile(boundary...)
	}

	for n, level := range s.in.OrderedOrganizationPolicyInputList {
		parameter := fmt.Sprintf("OrderedOrganizationPolicyInputList.%d.ServiceControlPolicyInputList", n+1)
		if len(level.ServiceControlPolicyInputList) == 0 {
			return api.Invalid(parameter, "each level of an organization has at least one service control policy.")
		}
		sources, err := s.parse(parameter, policy.ServiceControl, level.ServiceControlPolicyInputList)
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
		if !arn.IsAccountID(text) {
			return api.Invalid("ResourceOwner", "%q is not the ARN of an account, such as arn:aws:iam::111122223333:root.",
				s.in.ResourceOwner)
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
	s.size += len(s.in.ResourcePolicy)
	return nil
}

// maxWork bounds one answer. Looking at a policy takes time with its length, and with the length of what its patterns are compared
// with. At worst an answer takes about a second; then it ends, and the next page goes on.
const maxWork = 8 << 20

// checkWork finds out what deciding about one action on all resources costs. Variables can make a pattern as long as a value, hence
// the square.
func (s *simulation) checkWork() error {
	for _, resource := range s.resources {
		compared := max(len(resource), s.longest)
		s.work += 8*len(resource) + s.size*(1+compared/128+compared*compared/65536)
		if s.work > maxWork {
			return api.Invalid("ResourceArns", "the policies, values and names are too long to simulate at once. Ask about fewer resources at a time, or shorten the policies.")
		}
	}
	return nil
}

// checkApplicable refuses a resource policy that says nothing of a resource (IAM API, SimulateCustomPolicy).
func (s *simulation) checkApplicable() error {
	for _, set := range s.attached {
		for _, resource := range s.resources {
			if resource != "*" && !set.IsAbout(resource, s.context) {
				return api.Invalid("ResourcePolicy", "no statement is about the resource %s.", resource)
			}
		}
	}
	return nil
}

func resourceKind(action string) policy.Kind {
	for _, trusting := range []string{
		"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession",
		"sts:SetSourceIdentity",
	} {
		if strings.EqualFold(action, trusting) {
			return policy.Trust
		}
	}
	return policy.Resource
}

// readContext sets the keys that were given, over those that follow from the caller.
func (s *simulation) readContext() error {
	for n, entry := range s.in.ContextEntries {
		parameter := "ContextEntries." + strconv.Itoa(n+1)
		if entry.ContextKeyName == "" {
			return api.Invalid(parameter, "there is no ContextKeyName.")
		}
		folded := strings.ToLower(entry.ContextKeyName)
		if s.given[folded] {
			return api.Invalid(parameter, "%s is there twice.", entry.ContextKeyName)
		}
		s.given[folded] = true
		name, list := strings.CutSuffix(string(entry.ContextKeyType), "List")
		if !list && len(entry.ContextKeyValues) != 1 && entry.ContextKeyType != "" {
			return api.Invalid(parameter, "%s has %d values; the type %s has one. Use %sList for several.",
				entry.ContextKeyName, len(entry.ContextKeyValues), name, name)
		}
		length := 0
		for _, value := range entry.ContextKeyValues {
			length += 1 + len(value)
			if !keyTypes[name].Accepts(value) {
				return api.Invalid(parameter, "the value %q of %s is not of the type %s.", value, entry.ContextKeyName, name)
			}
		}
		s.longest = max(s.longest, length)
		s.context.Set(entry.ContextKeyName, entry.ContextKeyValues...)
	}

	return nil
}

// keyTypes are the types of ContextKeyType, those of lists without their ending. What is missing here accepts everything.
var keyTypes = map[string]policy.KeyType{
	"numeric": policy.KeyNumeric, "boolean": policy.KeyBool, "ip": policy.KeyAddress, "binary": policy.KeyBinary,
	"date": policy.KeyDate,
}

// parse is parseInputs, and counts the size.
func (s *simulation) parse(parameter string, kind policy.Kind, texts []string) ([]policy.Source, error) {
	for _, text := range texts {
		s.size += len(text)
	}
	return parseInputs(parameter, kind, texts)
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
	return api.Invalid(parameter, "line %d, column %d: %v", violations[0].Line, violations[0].Column, violations[0])
}

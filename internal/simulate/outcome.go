package simulate

import (
	"maps"
	"slices"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/policy"
)

// answer is the page of results that begins with the action numbered from, and the number of the action after it.
func (s *simulation) answer(from int) (results []iamapi.EvaluationResult, next int) {
	page := min(api.PageSize(s.in.MaxItems), maxWork/s.work)
	for next = from; next < len(s.in.ActionNames) && len(results) < page; next++ {
		results = append(results, s.result(s.in.ActionNames[next]))
	}
	return results, next
}

// result tells of one action on every resource, and of each. Nothing was asked about single ones when the only one is "*".
func (s *simulation) result(action string) iamapi.EvaluationResult {
	resources := s.resources
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
	prefix, wanted, _ := strings.Cut(action, ":")
	service := s.catalogue.Services[strings.ToLower(prefix)]
	for name, known := range service.Actions {
		if strings.EqualFold(name, wanted) && len(known.Resources) > 0 {
			return service.Resources[known.Resources[0]]
		}
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

// decide leaves the statements and keys of an organization's policies out: its members are not shown them. When they deny, nothing
// else is told.
func (s *simulation) decide(action, resource string) outcome {
	policies := s.policies
	policies.Resource = s.attached[resourceKind(action)]
	request := &policy.Request{
		Principal: s.caller, Action: action, Resource: resource, ResourceAccountID: s.ownerOf(resource), Context: s.context,
	}
	if account, _ := s.context.Get("aws:ResourceAccount"); !s.given["aws:resourceaccount"] &&
		!slices.Equal(account, []string{request.ResourceAccountID}) {
		s.context.Set("aws:ResourceAccount", request.ResourceAccountID)
	}

	e := policy.Explain(&policies, request)
	o := outcome{decision: e.Decision.Effect, missing: []string{}}
	if !e.Decision.Allowed() && e.Decision.Type == policy.ServiceControl {
		o.organizations = &o.decision
		return o
	}

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
	if name, err := arn.Parse(resource); err == nil && arn.IsAccountID(name.AccountID) {
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
		if all.details == nil && o.details != nil {
			all.details = make(map[policy.Kind]policy.Effect)
		}
		for kind, effect := range o.details {
			if had, ok := all.details[kind]; ok {
				effect = *stricter(&had, &effect)
			}
			all.details[kind] = effect
		}
	}

	all.missing = policy.DistinctKeys(all.missing)
	if all.organizations != nil && *all.organizations != policy.Allow {
		all.details = nil
	}

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

func (o *outcome) decisionDetails() map[string]iamapi.PolicyEvaluationDecisionType {
	if o.details == nil {
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

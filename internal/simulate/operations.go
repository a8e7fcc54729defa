// Package simulate holds IAM's operations that ask what policies would allow (IAM User Guide, "Testing IAM policies with the IAM
// policy simulator"). They ask the engine that enforces about the policies that it enforces, gathered by the same code; nothing
// that they decide is enforced.
package simulate

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// Operations are what the operations work with, beside the store.
type Operations struct {
	Authz     *authz.Authorizer
	Catalogue *policy.Catalogue // of what resources actions have
}

// Define gives the operations their functions.
func (o *Operations) Define(t *api.Table) {
	api.Read(t, iamapi.SimulateCustomPolicy, onAnything, o.simulateCustomPolicy)
	api.Read(t, iamapi.GetContextKeysForCustomPolicy, onAnything, getContextKeysForCustomPolicy)
	api.Read(t, iamapi.SimulatePrincipalPolicy, onSimulatedPrincipal, o.simulatePrincipalPolicy)
	api.Read(t, iamapi.GetContextKeysForPrincipalPolicy, onContextKeysPrincipal, o.getContextKeysForPrincipalPolicy)
}

// onAnything authorises an operation whose action knows no resource.
func onAnything[In any](*api.Request, *store.Tx, *In) (api.Subject[struct{}], error) {
	return api.Subject[struct{}]{Checks: api.Ask(authz.Check{Resource: "*"})}, nil
}

// policySource is the principal whose policies are asked about.
type policySource struct {
	*store.Principal
	tags []store.Tag
}

func onSimulatedPrincipal(r *api.Request, tx *store.Tx,
	in *iamapi.SimulatePrincipalPolicyInput,
) (api.Subject[*policySource], error) {
	return onPolicySource(r, tx, in.PolicySourceArn)
}

func onContextKeysPrincipal(r *api.Request, tx *store.Tx,
	in *iamapi.GetContextKeysForPrincipalPolicyInput,
) (api.Subject[*policySource], error) {
	return onPolicySource(r, tx, in.PolicySourceArn)
}

// onPolicySource authorises an operation on the principal that an ARN names. Whether there is one is told only to who may know.
func onPolicySource(r *api.Request, tx *store.Tx, text string) (s api.Subject[*policySource], err error) {
	named, ok := parseEntity(text)
	if !ok {
		return s, iamapi.InvalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", text)
	}
	check := authz.Check{Resource: text}
	s.Missing = iamapi.NoSuchEntity("The %s with name %s cannot be found.", named.kind, named.name)

	// Only users can be made so far, and only those of the caller's account can be asked about. A name in another spelling, or with
	// another path, is another ARN.
	if named.kind == "user" && named.account == r.Caller.AccountID() {
		found, err := tx.DescribedByName(named.account, store.User, named.name)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return s, err
		case found.ARN() == text:
			s.About, s.Missing = &policySource{&found.Principal, found.Tags}, nil
			check.Keys = authz.ResourceTags(found.Tags)
		}
	}
	s.Checks = api.Ask(check)
	return s, nil
}

// gather reads the policies of the source, but for those excluded.
func (o *Operations) gather(tx *store.Tx, of *policySource, excluded []iamapi.PolicyIdentifier) (*simulated, error) {
	governing, err := o.Authz.Gather(tx, of.Principal)
	if unreadable := new(authz.UnreadablePolicyError); errors.As(err, &unreadable) {
		return nil, iamapi.PolicyEvaluation("The policy %s of user %s cannot be evaluated: %s", unreadable.Policy,
			unreadable.Principal.Name, unreadable.Err)
	}
	if err != nil {
		return nil, err
	}

	s := &simulated{arn: of.ARN(), userID: of.UniqueID}
	for _, tag := range of.tags {
		s.tags = append(s.tags, policy.NewPrincipalTag(tag.Key, tag.Value))
		s.longest = max(s.longest, len(tag.Value))
	}
	for n := range governing.Policies {
		p := &governing.Policies[n]
		if slices.ContainsFunc(excluded, func(x iamapi.PolicyIdentifier) bool { return excludes(&x, p) }) {
			continue
		}
		s.size += len(p.Text)
		s.policies = append(s.policies, policy.Source{ID: p.ID, Document: p.Document})
	}

	if b := governing.Boundary; b != nil && !slices.ContainsFunc(excluded, func(x iamapi.PolicyIdentifier) bool {
		return excludesManaged(&x, b, iamapi.PolicyIdentifierPolicyTypePermissionBoundary)
	}) {
		s.size += len(b.Text)
		s.boundary = &policy.Source{ID: b.ID, Document: b.Document}
	}
	return s, nil
}

// excludesManaged reports whether an exclusion is about a managed policy that is used as a policy of some type.
func excludesManaged(x *iamapi.PolicyIdentifier, p *authz.Policy, as iamapi.PolicyIdentifierPolicyType) bool {
	return x.PolicyType == as || x.PolicyArn != "" && arn.Match(x.PolicyArn, p.ID)
}

// excludes reports whether an exclusion is about a policy that allows and denies.
func excludes(x *iamapi.PolicyIdentifier, p *authz.Policy) bool {
	if p.Owner == nil {
		return excludesManaged(x, p, iamapi.PolicyIdentifierPolicyTypeUserManaged)
	}
	if inline := x.InlinePolicyIdentifier; inline != nil {
		owners := "arn:aws:iam::" + p.Owner.AccountID + ":" + string(p.Owner.Kind) + "/"
		return string(inline.AttachmentType) == string(p.Owner.Kind) && inline.PolicyName == p.Name &&
			arn.Match(owners+strings.ToLower(inline.AttachmentName), owners+strings.ToLower(p.Owner.Name))
	}
	return x.PolicyType == iamapi.PolicyIdentifierPolicyTypeInline
}

// checkExclusions refuses what does not name policies in one of the three ways, or has wildcards where none may be (IAM API,
// PolicyIdentifier).
func checkExclusions(exclusions []iamapi.PolicyIdentifier) error {
	for n := range exclusions {
		x := &exclusions[n]
		parameter := "PolicyExclusionList." + strconv.Itoa(n+1)
		ways, pattern := 0, ""
		if x.PolicyType != "" {
			ways++
		}
		if x.InlinePolicyIdentifier != nil {
			ways++
			pattern = x.InlinePolicyIdentifier.AttachmentName
		}
		if x.PolicyArn != "" {
			ways++
			name, err := arn.Parse(x.PolicyArn)
			kind, path, _ := strings.Cut(name.Resource, "/")
			managed := name.Service == "iam" && kind == "policy" && name.Region == "" &&
				(name.AccountID == "aws" || arn.IsAccountID(name.AccountID))
			if err != nil || path == "" || !managed && name.Service != "organizations" {
				return api.Invalid(parameter, "%q is not the ARN of a policy.", x.PolicyArn)
			}
			pattern = path
		}
		if ways != 1 {
			return api.Invalid(parameter, "give one of PolicyType, PolicyArn and InlinePolicyIdentifier.")
		}
		if strings.Count(pattern, "*") > 1 {
			return api.Invalid(parameter, "%q has more than one *.", pattern)
		}
	}

	return nil
}

func (o *Operations) simulateCustomPolicy(
	r *api.Request, _ *store.Tx, _ struct{}, in *iamapi.SimulateCustomPolicyInput,
) (*iamapi.SimulateCustomPolicyOutput, error) {
	return o.simulate(r, in, &simulated{})
}

func (o *Operations) simulatePrincipalPolicy(
	r *api.Request, tx *store.Tx, about *policySource, in *iamapi.SimulatePrincipalPolicyInput,
) (*iamapi.SimulatePrincipalPolicyOutput, error) {
	if err := checkExclusions(in.PolicyExclusionList); err != nil {
		return nil, err
	}

	of, err := o.gather(tx, about, in.PolicyExclusionList)
	if err != nil {
		return nil, err
	}

	out, err := o.simulate(r, &iamapi.SimulateCustomPolicyInput{
		PolicyInputList: in.PolicyInputList, PermissionsBoundaryPolicyInputList: in.PermissionsBoundaryPolicyInputList,
		ActionNames: in.ActionNames, ResourceArns: in.ResourceArns, ResourcePolicy: in.ResourcePolicy, ResourceOwner: in.ResourceOwner,
		CallerArn: in.CallerArn, ContextEntries: in.ContextEntries, ResourceHandlingOption: in.ResourceHandlingOption,
		MaxItems: in.MaxItems, Marker: in.Marker,
	}, of)
	if err != nil {
		return nil, err
	}

	return &iamapi.SimulatePrincipalPolicyOutput{
		EvaluationResults: out.EvaluationResults, IsTruncated: out.IsTruncated,
		Marker: out.Marker,
	}, nil
}

// simulate answers one page. Its marker is the number of the next action.
func (o *Operations) simulate(r *api.Request, in *iamapi.SimulateCustomPolicyInput,
	of *simulated,
) (*iamapi.SimulateCustomPolicyOutput, error) {
	const list = "Simulate"
	place, err := api.Place(list, in.Marker)
	if err != nil {
		return nil, err
	}
	from, err := strconv.Atoi(cmp.Or(place, "0"))
	if err != nil || from < 0 || place != "" && (from == 0 || from >= len(in.ActionNames)) {
		return nil, api.ErrMarker()
	}

	s, err := newSimulation(r, o.Catalogue, in, of)
	if err != nil {
		return nil, err
	}
	results, next := s.answer(from)
	out := &iamapi.SimulateCustomPolicyOutput{EvaluationResults: results}
	if next < len(in.ActionNames) {
		out.SetPage(api.Marker(list, strconv.Itoa(next)))
	}
	return out, nil
}

func getContextKeysForCustomPolicy(
	_ *api.Request, _ *store.Tx, _ struct{}, in *iamapi.GetContextKeysForCustomPolicyInput,
) (*iamapi.GetContextKeysForCustomPolicyOutput, error) {
	keys, err := contextKeys(in.PolicyInputList, nil)
	return &iamapi.GetContextKeysForCustomPolicyOutput{ContextKeyNames: keys}, err
}

func (o *Operations) getContextKeysForPrincipalPolicy(
	_ *api.Request, tx *store.Tx, about *policySource, in *iamapi.GetContextKeysForPrincipalPolicyInput,
) (*iamapi.GetContextKeysForPrincipalPolicyOutput, error) {
	of, err := o.gather(tx, about, nil)
	if err != nil {
		return nil, err
	}
	keys, err := contextKeys(in.PolicyInputList, of.policies)
	return &iamapi.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: keys}, err
}

func contextKeys(inputs []string, attached []policy.Source) ([]string, error) {
	sources, err := parseInputs("PolicyInputList", policy.Identity, inputs)
	if err != nil {
		return nil, err
	}
	documents := []*policy.Document{}
	for _, source := range slices.Concat(attached, sources) {
		documents = append(documents, source.Document)
	}
	return append([]string{}, policy.ContextKeys(documents...)...), nil
}

package iam

import (
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

func (o *Operations) defineSimulations(t *api.Table) {
	api.Define(t, iamapi.SimulateCustomPolicy, api.Op[iamapi.SimulateCustomPolicyInput, iamapi.SimulateCustomPolicyOutput]{
		Resources: onEverything[iamapi.SimulateCustomPolicyInput], Execute: o.simulateCustomPolicy,
	})
	api.Define(t, iamapi.SimulatePrincipalPolicy, api.Op[iamapi.SimulatePrincipalPolicyInput, iamapi.SimulatePrincipalPolicyOutput]{
		Resources: onPolicySource(func(in *iamapi.SimulatePrincipalPolicyInput) string { return in.PolicySourceArn }),
		Execute:   o.simulatePrincipalPolicy,
	})
	api.Define(t, iamapi.GetContextKeysForCustomPolicy, api.Op[iamapi.GetContextKeysForCustomPolicyInput, iamapi.GetContextKeysForCustomPolicyOutput]{
		Resources: onEverything[iamapi.GetContextKeysForCustomPolicyInput], Execute: getContextKeysForCustomPolicy,
	})
	api.Define(t, iamapi.GetContextKeysForPrincipalPolicy, api.Op[iamapi.GetContextKeysForPrincipalPolicyInput, iamapi.GetContextKeysForPrincipalPolicyOutput]{
		Resources: onPolicySource(func(in *iamapi.GetContextKeysForPrincipalPolicyInput) string { return in.PolicySourceArn }),
		Execute:   getContextKeysForPrincipalPolicy,
	})
}

// onPolicySource authorises an operation on the principal that an ARN names, and carries who it is to Execute.
func onPolicySource[In any](source func(*In) string) func(*api.Request, *store.Tx, *In) ([]authz.Check, error) {
	return func(r *api.Request, tx *store.Tx, in *In) ([]authz.Check, error) {
		text := source(in)
		named, ok := parseEntity(text)
		if !ok {
			return nil, iamapi.InvalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", text)
		}
		s := &policySource{kind: named.kind, subject: subject{name: named.name}}
		if named.kind == "user" && named.account == r.Caller.AccountID() {
			found, err := subjectOf(r, tx, s.name)
			if err != nil {
				return nil, err
			}
			if found.principal != nil && found.principal.ARN() == text {
				s.subject = *found
			}
		}
		r.Carry = s
		check := authz.Check{Resource: text}
		if s.principal != nil {
			check = s.check(r)
		}
		return []authz.Check{check}, nil
	}
}

// policySource is the principal whose policies are asked about: a user, as long as there are no groups and roles.
type policySource struct {
	subject
	kind string
}

// simulated reads the policies of the source, but for those excluded, and the condition keys that follow from who it is.
func (s *policySource) simulated(tx *store.Tx, excluded []iamapi.PolicyIdentifier) (*simulated, error) {
	if s.principal == nil {
		return nil, iamapi.NoSuchEntity("The %s with name %s cannot be found.", s.kind, s.name)
	}
	p := &simulated{arn: s.principal.ARN(), keys: map[string]string{"aws:userid": s.principal.UniqueID}}
	for _, tag := range s.tags {
		p.keys["aws:PrincipalTag/"+tag.Key] = tag.Value
	}
	stored, err := tx.InlinePolicies(s.principal.AccountID, s.principal.ID)
	if err != nil {
		return nil, err
	}
	for _, each := range stored {
		if slices.ContainsFunc(excluded, func(x iamapi.PolicyIdentifier) bool { return s.excludes(&x, each.Name) }) {
			continue
		}
		document, err := policy.Parse(policy.Identity, []byte(each.Document))
		if err != nil {
			return nil, iamapi.PolicyEvaluation("The policy %s of user %s cannot be evaluated: %s", each.Name, s.principal.Name, err)
		}
		p.size += len(each.Document)
		p.policies = append(p.policies, policy.Source{ID: "user_" + s.principal.Name + "_" + each.Name, Document: document})
	}
	return p, nil
}

// excludes reports whether an exclusion is about an inline policy of the source. Of what can be named only such are stored so far.
func (s *policySource) excludes(x *iamapi.PolicyIdentifier, name string) bool {
	if inline := x.InlinePolicyIdentifier; inline != nil {
		users := "arn:aws:iam::" + s.principal.AccountID + ":user/"
		return string(inline.AttachmentType) == s.kind && inline.PolicyName == name &&
			arn.Match(users+strings.ToLower(inline.AttachmentName), users+strings.ToLower(s.principal.Name))
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
			managed := name.Service == "iam" && kind == "policy" && name.Region == "" && (name.AccountID == "aws" || isAccount(name.AccountID))
			if err != nil || path == "" || !managed && name.Service != "organizations" {
				return invalid(parameter, "%q is not the ARN of a policy.", x.PolicyArn)
			}
			pattern = path
		}
		if ways != 1 {
			return invalid(parameter, "give one of PolicyType, PolicyArn and InlinePolicyIdentifier.")
		}
		if strings.Count(pattern, "*") > 1 {
			return invalid(parameter, "%q has more than one *.", pattern)
		}
	}
	return nil
}

func (o *Operations) simulateCustomPolicy(r *api.Request, _ *store.Tx, in *iamapi.SimulateCustomPolicyInput) (*iamapi.SimulateCustomPolicyOutput, error) {
	return o.simulate(r, in, &simulated{})
}

func (o *Operations) simulatePrincipalPolicy(r *api.Request, tx *store.Tx, in *iamapi.SimulatePrincipalPolicyInput) (*iamapi.SimulatePrincipalPolicyOutput, error) {
	source := r.Carry.(*policySource)
	if err := checkExclusions(in.PolicyExclusionList); err != nil {
		return nil, err
	}
	of, err := source.simulated(tx, in.PolicyExclusionList)
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
	return &iamapi.SimulatePrincipalPolicyOutput{EvaluationResults: out.EvaluationResults, IsTruncated: out.IsTruncated, Marker: out.Marker}, nil
}

// simulate answers one page. Its marker is the number of the next action.
func (o *Operations) simulate(r *api.Request, in *iamapi.SimulateCustomPolicyInput, of *simulated) (*iamapi.SimulateCustomPolicyOutput, error) {
	const markerOf = "Simulate"
	from := 0
	if last, err := decodeMarker(markerOf, in.Marker); err != nil {
		return nil, err
	} else if last != "" {
		if from, err = strconv.Atoi(last); err != nil || from <= 0 || from >= len(in.ActionNames) {
			return nil, validationError("Invalid Marker.")
		}
	}
	s, err := newSimulation(r, o.Catalogue, in, of)
	if err != nil {
		return nil, err
	}
	results, next := s.answer(from)
	out := &iamapi.SimulateCustomPolicyOutput{EvaluationResults: results}
	if next < len(in.ActionNames) {
		out.IsTruncated, out.Marker = true, encodeMarker(markerOf, strconv.Itoa(next))
	}
	return out, nil
}

func getContextKeysForCustomPolicy(_ *api.Request, _ *store.Tx, in *iamapi.GetContextKeysForCustomPolicyInput) (*iamapi.GetContextKeysForCustomPolicyOutput, error) {
	keys, err := contextKeys(in.PolicyInputList, nil)
	return &iamapi.GetContextKeysForCustomPolicyOutput{ContextKeyNames: keys}, err
}

func getContextKeysForPrincipalPolicy(r *api.Request, tx *store.Tx, in *iamapi.GetContextKeysForPrincipalPolicyInput) (*iamapi.GetContextKeysForPrincipalPolicyOutput, error) {
	of, err := r.Carry.(*policySource).simulated(tx, nil)
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

package iam

import (
	"errors"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

func (o *Operations) defineUserPolicies(t *api.Table) {
	api.Define(t, iamapi.PutUserPolicy, api.Op[iamapi.PutUserPolicyInput, struct{}]{
		Resources: onSubject(func(in *iamapi.PutUserPolicyInput) string { return in.UserName }),
		Execute:   putUserPolicy,
	})
	api.Define(t, iamapi.GetUserPolicy, api.Op[iamapi.GetUserPolicyInput, iamapi.GetUserPolicyOutput]{
		Resources: onSubject(func(in *iamapi.GetUserPolicyInput) string { return in.UserName }),
		Execute:   getUserPolicy,
	})
	api.Define(t, iamapi.DeleteUserPolicy, api.Op[iamapi.DeleteUserPolicyInput, struct{}]{
		Resources: onSubject(func(in *iamapi.DeleteUserPolicyInput) string { return in.UserName }),
		Execute:   deleteUserPolicy,
	})
	api.Define(t, iamapi.ListUserPolicies, api.Op[iamapi.ListUserPoliciesInput, iamapi.ListUserPoliciesOutput]{
		Resources: onSubject(func(in *iamapi.ListUserPoliciesInput) string { return in.UserName }),
		Execute:   listUserPolicies,
	})
}

func putUserPolicy(r *api.Request, tx *store.Tx, in *iamapi.PutUserPolicyInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	if _, err := policy.Parse(policy.Identity, []byte(in.PolicyDocument)); err != nil {
		return nil, malformed(err)
	}
	if err := checkInlineSize(tx, i, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	if err := tx.PutInlinePolicy(i.AccountID, i.ID, in.PolicyName, in.PolicyDocument, r.Now); err != nil {
		return nil, err
	}
	return nil, tx.RaisePrincipalVersion(i.AccountID, i.ID)
}

// checkInlineSize holds the sum of a user's inline policies, white space not counted, to its quota (IAM User Guide, "IAM and
// AWS STS quotas").
func checkInlineSize(tx *store.Tx, i *store.Principal, name, document string) error {
	others, err := tx.InlinePolicies(i.AccountID, i.ID)
	if err != nil {
		return err
	}
	limit, err := quota(tx, i.AccountID, UserPolicySize)
	if err != nil {
		return err
	}
	size := policy.Size([]byte(document))
	for _, p := range others {
		if p.Name != name {
			size += policy.Size([]byte(p.Document))
		}
	}
	if size > limit {
		return iamapi.LimitExceeded("Maximum policy size of %d bytes exceeded for user %s", limit, i.Name)
	}
	return nil
}

// malformed is AWS's answer to a document that is not a policy: its message names the first thing wrong.
func malformed(err error) error {
	var violations policy.Violations
	if !errors.As(err, &violations) {
		return err
	}
	return iamapi.MalformedPolicyDocument("%s", violations[0].Message)
}

func noSuchPolicy(name string) error {
	return iamapi.NoSuchEntity("The user policy with name %s cannot be found.", name)
}

func getUserPolicy(r *api.Request, tx *store.Tx, in *iamapi.GetUserPolicyInput) (*iamapi.GetUserPolicyOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	p, err := tx.InlinePolicy(i.AccountID, i.ID, in.PolicyName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchPolicy(in.PolicyName)
	}
	if err != nil {
		return nil, err
	}
	return &iamapi.GetUserPolicyOutput{UserName: i.Name, PolicyName: p.Name, PolicyDocument: awsquery.Document(p.Document)}, nil
}

func deleteUserPolicy(r *api.Request, tx *store.Tx, in *iamapi.DeleteUserPolicyInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	err = tx.DeleteInlinePolicy(i.AccountID, i.ID, in.PolicyName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchPolicy(in.PolicyName)
	}
	if err != nil {
		return nil, err
	}
	return nil, tx.RaisePrincipalVersion(i.AccountID, i.ID)
}

func listUserPolicies(r *api.Request, tx *store.Tx, in *iamapi.ListUserPoliciesInput) (*iamapi.ListUserPoliciesOutput, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	policies, err := tx.InlinePolicies(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	part, next, err := page(policies, func(p *store.InlinePolicy) string { return p.Name }, "ListUserPolicies", in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListUserPoliciesOutput{PolicyNames: []string{}, IsTruncated: next != "", Marker: next}
	for _, p := range part {
		out.PolicyNames = append(out.PolicyNames, p.Name)
	}
	return out, nil
}

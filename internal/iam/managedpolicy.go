package iam

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/arn"
	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

func (o *Operations) definePolicies(t *api.Table) {
	api.Change(t, iamapi.CreatePolicy, onNewPolicy, createPolicy)
	api.Read(t, iamapi.GetPolicy, onPolicy, getPolicy)
	api.Read(t, iamapi.ListPolicies, onPolicyPath, listPolicies)
	api.Read(t, iamapi.ListEntitiesForPolicy, onPolicy, listEntitiesForPolicy)
	api.Change(t, iamapi.DeletePolicy, onPolicy, deletePolicy)

	api.Change(t, iamapi.CreatePolicyVersion, onPolicy, createPolicyVersion)
	api.Read(t, iamapi.GetPolicyVersion, onPolicy, getPolicyVersion)
	api.Read(t, iamapi.ListPolicyVersions, onPolicy, listPolicyVersions)
	api.Change(t, iamapi.SetDefaultPolicyVersion, onPolicy, setDefaultPolicyVersion)
	api.Change(t, iamapi.DeletePolicyVersion, onPolicy, deletePolicyVersion)

	defineTags(t, tagging[
		iamapi.TagPolicyInput, iamapi.UntagPolicyInput, iamapi.ListPolicyTagsInput, iamapi.ListPolicyTagsOutput, *managedPolicy,
	]{
		tag: iamapi.TagPolicy, untag: iamapi.UntagPolicy, list: iamapi.ListPolicyTags, limit: tagsPerPolicy,
		onTag: onPolicy[iamapi.TagPolicyInput], onUntag: onPolicy[iamapi.UntagPolicyInput], onList: onPolicy[iamapi.ListPolicyTagsInput],
		listed: func(tags []iamapi.Tag) *iamapi.ListPolicyTagsOutput { return &iamapi.ListPolicyTagsOutput{Tags: tags} },
	})
}

// managedPolicy is the managed policy that an operation is about, with its tags.
type managedPolicy struct {
	*store.ManagedPolicy
	tags []store.Tag
}

// carried returns the policy's tags, and what carries them.
func (p *managedPolicy) carried() (account string, owner store.Owner, tags []store.Tag) {
	return p.AccountID, p.Owner(), p.tags
}

// policyARNNaming is an input that names a managed policy.
type policyARNNaming[In any] interface {
	*In
	PolicyARN() string
}

// onPolicy authorises an operation on the managed policy that the input names, whether or not it exists.
func onPolicy[In any, P policyARNNaming[In]](
	r *api.Request, tx *store.Tx, in *In,
) (s api.Subject[*managedPolicy], err error) {
	named := P(in).PolicyARN()
	check := authz.Check{Resource: named, Named: "policy " + named}
	if _, err := arn.Parse(named); err != nil {
		check.Resource, s.Missing = "*", errInvalidARN
		s.Checks = api.Ask(check)
		return s, nil
	}

	p, err := tx.ManagedPolicy(r.Caller.AccountID(), named)
	if errors.Is(err, store.ErrNotFound) {
		s.Checks, s.Missing = api.Ask(check), iamapi.NoSuchEntity("Policy %s was not found.", named)
		return s, nil
	}
	if err != nil {
		return s, err
	}

	about := &managedPolicy{ManagedPolicy: p}
	if about.tags, err = tx.Tags(p.AccountID, p.Owner()); err != nil {
		return s, err
	}
	check.Keys = authz.ResourceTags(about.tags)
	s.About, s.Checks = about, api.Ask(check)
	return s, nil
}

// policyARN is the ARN that a managed policy has, or would have.
func policyARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":policy" + path + name
}

// onNewPolicy authorises the policy to be; its tags need an action of their own.
func onNewPolicy(r *api.Request, _ *store.Tx, in *iamapi.CreatePolicyInput) (api.Subject[struct{}], error) {
	check := authz.Check{
		Resource: policyARN(r.Caller.AccountID(), cmp.Or(in.Path, "/"), in.PolicyName), Named: "policy " + in.PolicyName,
		Keys: requestTags(in.Tags),
	}
	checks := []authz.Check{check}
	if len(in.Tags) > 0 {
		check.Action = iamapi.TagPolicy.Action
		checks = append(checks, check)
	}
	return api.Subject[struct{}]{Checks: api.Ask(checks...)}, nil
}

func createPolicy(
	r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.CreatePolicyInput,
) (*iamapi.CreatePolicyOutput, error) {
	account := r.Caller.AccountID()
	if err := checkManagedDocument(tx, account, in.PolicyDocument); err != nil {
		return nil, err
	}
	tags, err := checkTags(in.Tags, false)
	if err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		if err := tagsPerPolicy.room(tx, account, len(tags)-1); err != nil {
			return nil, err
		}
	}
	count, err := tx.CountManagedPolicies(account)
	if err != nil {
		return nil, err
	}
	if err := policiesPerAccount.room(tx, account, count); err != nil {
		return nil, err
	}

	path := cmp.Or(in.Path, "/")
	p := &store.ManagedPolicy{
		AccountID: account, ID: ids.NewUnique("ANPA"), ARN: policyARN(account, path, in.PolicyName), Name: in.PolicyName, Path: path,
		Description: in.Description, CreatedAt: r.Now,
	}
	if err := tx.InsertManagedPolicy(p, in.PolicyDocument); err != nil {
		return nil, api.Taken(err, "A policy called %s already exists. Duplicate names are not allowed.", in.PolicyName)
	}
	if err := tx.InsertTags(account, p.Owner(), tags); err != nil {
		return nil, err
	}

	described, err := describePolicy(tx, p)
	described.Tags = describeTags(tags)
	return &iamapi.CreatePolicyOutput{Policy: &described}, err
}

// checkManagedDocument refuses a document that is not an identity policy, or too long without its white space.
func checkManagedDocument(tx *store.Tx, account, document string) error {
	if _, err := policy.Parse(policy.Identity, []byte(document)); err != nil {
		return malformed(err)
	}
	limit, err := policySize.of(tx, account)
	if err != nil {
		return err
	}
	if policy.Size([]byte(document)) > limit {
		return api.LimitExceeded(policySize.name, limit)
	}
	return nil
}

// describePolicy returns a policy as lists and CreatePolicy show it: without its description and tags.
func describePolicy(tx *store.Tx, p *store.ManagedPolicy) (iamapi.Policy, error) {
	attached, boundaries, err := tx.PolicyUses(p.AccountID, p.ARN)
	return iamapi.Policy{
		PolicyName: p.Name, PolicyId: p.ID, Arn: p.ARN, Path: p.Path, DefaultVersionId: versionID(p.Default), IsAttachable: true,
		AttachmentCount: &attached, PermissionsBoundaryUsageCount: &boundaries, CreateDate: &p.CreatedAt, UpdateDate: &p.UpdatedAt,
	}, err
}

func getPolicy(_ *api.Request, tx *store.Tx, about *managedPolicy, _ *iamapi.GetPolicyInput) (*iamapi.GetPolicyOutput, error) {
	described, err := describePolicy(tx, about.ManagedPolicy)
	described.Description, described.Tags = about.Description, describeTags(about.tags)
	return &iamapi.GetPolicyOutput{Policy: &described}, err
}

// onPolicyPath asks for the type's ARN with the path that is listed.
func onPolicyPath(r *api.Request, _ *store.Tx, in *iamapi.ListPoliciesInput) (api.Subject[struct{}], error) {
	prefix := cmp.Or(in.PathPrefix, "/")
	return api.Subject[struct{}]{Checks: api.Ask(authz.Check{
		Resource: policyARN(r.Caller.AccountID(), prefix, ""), Named: "policy path " + prefix,
	})}, nil
}

func listPolicies(
	r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.ListPoliciesInput,
) (*iamapi.ListPoliciesOutput, error) {
	// The filter by usage counts only together with OnlyAttached, as live AWS has it.
	usage := store.AnyUse
	if in.OnlyAttached {
		usage = store.UsedAttached
		if in.PolicyUsageFilter == iamapi.PolicyUsageTypePermissionsBoundary {
			usage = store.UsedAsBoundary
		}
	}

	read := func(after string, limit int) ([]store.ManagedPolicy, error) {
		if in.Scope == iamapi.PolicyScopeTypeAWS {
			return nil, nil // no policy of AWS's is here yet
		}
		return tx.ManagedPolicies(r.Caller.AccountID(), in.PathPrefix, usage, after, limit)
	}
	found, next, err := api.List(iamapi.ListPolicies.Name, in, read, func(p *store.ManagedPolicy) string { return p.Name })
	if err != nil {
		return nil, err
	}

	out := &iamapi.ListPoliciesOutput{Policies: make([]iamapi.Policy, len(found))}
	for n := range found {
		if out.Policies[n], err = describePolicy(tx, &found[n]); err != nil {
			return nil, err
		}
	}
	out.SetPage(next)
	return out, nil
}

func listEntitiesForPolicy(
	_ *api.Request, tx *store.Tx, about *managedPolicy, in *iamapi.ListEntitiesForPolicyInput,
) (*iamapi.ListEntitiesForPolicyOutput, error) {
	usage := store.UsedAtAll
	switch in.PolicyUsageFilter {
	case iamapi.PolicyUsageTypePermissionsPolicy:
		usage = store.UsedAttached
	case iamapi.PolicyUsageTypePermissionsBoundary:
		usage = store.UsedAsBoundary
	}

	read := func(after string, limit int) ([]store.Principal, error) {
		if filter := cmp.Or(in.EntityFilter, iamapi.EntityTypeUser); filter != iamapi.EntityTypeUser {
			return nil, nil
		}
		return tx.PrincipalsUsing(about.AccountID, about.ARN, in.PathPrefix, usage, after, limit)
	}
	found, next, err := api.List(iamapi.ListEntitiesForPolicy.Name, in, read, func(p *store.Principal) string { return p.ID })
	if err != nil {
		return nil, err
	}

	out := &iamapi.ListEntitiesForPolicyOutput{
		PolicyGroups: []iamapi.PolicyGroup{}, PolicyUsers: []iamapi.PolicyUser{}, PolicyRoles: []iamapi.PolicyRole{},
	}
	for _, p := range found {
		out.PolicyUsers = append(out.PolicyUsers, iamapi.PolicyUser{UserName: p.Name, UserId: p.UniqueID})
	}
	out.SetPage(next)
	return out, nil
}

func deletePolicy(_ *api.Request, tx *store.Tx, about *managedPolicy, _ *iamapi.DeletePolicyInput) (*struct{}, error) {
	attached, boundaries, err := tx.PolicyUses(about.AccountID, about.ARN)
	if err != nil {
		return nil, err
	}
	if attached+boundaries > 0 {
		return nil, iamapi.DeleteConflict("Cannot delete a policy attached to entities.")
	}
	versions, err := tx.PolicyVersions(about.AccountID, about.ID)
	if err != nil {
		return nil, err
	}
	if len(versions) > 1 {
		return nil, iamapi.DeleteConflict("This policy has more than one version. Before you delete a policy, you must delete the " +
			"policy's versions. The default version is deleted with the policy.")
	}
	return nil, tx.DeleteManagedPolicy(about.ManagedPolicy)
}

// versionID is the id of a version, such as v1.
func versionID(number int64) string { return fmt.Sprintf("v%d", number) }

// version finds a version of the policy by its id.
func (p *managedPolicy) version(tx *store.Tx, id string) (*store.PolicyVersion, error) {
	number, parseErr := strconv.ParseInt(strings.TrimPrefix(id, "v"), 10, 64)
	versions, err := tx.PolicyVersions(p.AccountID, p.ID)
	if err != nil {
		return nil, err
	}
	for n := range versions {
		if parseErr == nil && versions[n].Number == number {
			return &versions[n], nil
		}
	}
	return nil, iamapi.NoSuchEntity("Policy %s version %s does not exist or is not attachable.", p.ARN, id)
}

// describeVersion returns a version as the API shows it. Lists leave the document out.
func (p *managedPolicy) describeVersion(number int64, created time.Time, document string) iamapi.PolicyVersion {
	return iamapi.PolicyVersion{
		Document: awsquery.Document(document), VersionId: versionID(number), IsDefaultVersion: number == p.Default, CreateDate: &created,
	}
}

func createPolicyVersion(
	r *api.Request, tx *store.Tx, about *managedPolicy, in *iamapi.CreatePolicyVersionInput,
) (*iamapi.CreatePolicyVersionOutput, error) {
	if err := checkManagedDocument(tx, about.AccountID, in.PolicyDocument); err != nil {
		return nil, err
	}
	versions, err := tx.PolicyVersions(about.AccountID, about.ID)
	if err != nil {
		return nil, err
	}
	limit, err := versionsPerPolicy.of(tx, about.AccountID)
	if err != nil {
		return nil, err
	}
	if len(versions) >= limit {
		return nil, iamapi.LimitExceeded("A managed policy can have up to %d versions. Before you create a new version, you must delete "+
			"an existing version.", limit)
	}

	number, err := tx.InsertPolicyVersion(about.ManagedPolicy, in.PolicyDocument, in.SetAsDefault, r.Now)
	if err != nil {
		return nil, err
	}
	if in.SetAsDefault {
		about.Default = number
	}
	described := about.describeVersion(number, r.Now, "")
	return &iamapi.CreatePolicyVersionOutput{PolicyVersion: &described}, nil
}

func getPolicyVersion(
	_ *api.Request, tx *store.Tx, about *managedPolicy, in *iamapi.GetPolicyVersionInput,
) (*iamapi.GetPolicyVersionOutput, error) {
	v, err := about.version(tx, in.VersionId)
	if err != nil {
		return nil, err
	}
	described := about.describeVersion(v.Number, v.CreatedAt, v.Document)
	return &iamapi.GetPolicyVersionOutput{PolicyVersion: &described}, nil
}

// listPolicyVersions lists the newest version first. Their numbers are few, so a page is cut from all of them.
func listPolicyVersions(
	_ *api.Request, tx *store.Tx, about *managedPolicy, in *iamapi.ListPolicyVersionsInput,
) (*iamapi.ListPolicyVersionsOutput, error) {
	versions, err := tx.PolicyVersions(about.AccountID, about.ID)
	if err != nil {
		return nil, err
	}
	place := func(v *store.PolicyVersion) string { return fmt.Sprintf("%019d", 1<<62-v.Number) }
	page, next, err := api.List(iamapi.ListPolicyVersions.Name, in, api.Cut(versions, place), place)
	if err != nil {
		return nil, err
	}

	out := &iamapi.ListPolicyVersionsOutput{Versions: make([]iamapi.PolicyVersion, len(page))}
	for n, v := range page {
		out.Versions[n] = about.describeVersion(v.Number, v.CreatedAt, "")
	}
	out.SetPage(next)
	return out, nil
}

func setDefaultPolicyVersion(
	r *api.Request, tx *store.Tx, about *managedPolicy, in *iamapi.SetDefaultPolicyVersionInput,
) (*struct{}, error) {
	v, err := about.version(tx, in.VersionId)
	if err != nil {
		return nil, err
	}
	return nil, tx.SetDefaultVersion(about.AccountID, about.ID, v.Number, r.Now)
}

func deletePolicyVersion(
	_ *api.Request, tx *store.Tx, about *managedPolicy, in *iamapi.DeletePolicyVersionInput,
) (*struct{}, error) {
	v, err := about.version(tx, in.VersionId)
	if err != nil {
		return nil, err
	}
	if v.Number == about.Default {
		return nil, iamapi.DeleteConflict("Cannot delete the default version of a policy.")
	}
	return nil, tx.DeletePolicyVersion(about.AccountID, about.ID, v.Number)
}

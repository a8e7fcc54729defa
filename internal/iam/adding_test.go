package iam

import (
	"cmp"
	"errors"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// This file defines operations that Touchstone does not have yet, one of each shape. docs/adding-an-operation.md shows it piece by
// piece, and added_test.go holds the page to it and calls the operations.

// groups is a second kind of principal.
var groups = &kind{
	of: store.Group, noun: "group", title: "Group",
	inlineSize: &quota{name: "GroupPolicySize", standard: 5120},
}

// onGroup authorises an operation on the group that the input names.
func onGroup[In any, P naming[In]](r *api.Request, tx *store.Tx, in *In) (api.Subject[*target], error) {
	return resolve(r, tx, groups, P(in).Principal())
}

// DefineExamples gives the operations their functions.
func DefineExamples(t *api.Table) {
	api.Read(t, iamapi.GetGroup, onGroup, getGroup)
	api.Read(t, iamapi.ListGroups, onGroupPath, listGroups)
	api.Change(t, iamapi.CreateGroup, onNewGroup, createGroup)
	api.Issue(t, stsapi.GetSessionToken, onOwnSession, getSessionToken)

	defineInlinePolicies(t, groups, inlinePolicies[
		iamapi.PutGroupPolicyInput, iamapi.GetGroupPolicyInput, iamapi.GetGroupPolicyOutput, iamapi.DeleteGroupPolicyInput,
		iamapi.ListGroupPoliciesInput, iamapi.ListGroupPoliciesOutput,
	]{
		put: iamapi.PutGroupPolicy, get: iamapi.GetGroupPolicy, delete: iamapi.DeleteGroupPolicy, list: iamapi.ListGroupPolicies,
		got: func(p *store.Principal, name, document string) *iamapi.GetGroupPolicyOutput {
			return &iamapi.GetGroupPolicyOutput{GroupName: p.Name, PolicyName: name, PolicyDocument: awsquery.Document(document)}
		},
		listed: func(names []string) *iamapi.ListGroupPoliciesOutput {
			return &iamapi.ListGroupPoliciesOutput{PolicyNames: names}
		},
	})
}

func getGroup(_ *api.Request, _ *store.Tx, about *target, _ *iamapi.GetGroupInput) (*iamapi.GetGroupOutput, error) {
	return &iamapi.GetGroupOutput{Group: describeGroup(about.Principal), Users: []iamapi.User{}}, nil
}

func describeGroup(g *store.Principal) iamapi.Group {
	return iamapi.Group{
		Path: g.Path, GroupName: g.Name, GroupId: g.UniqueID, Arn: groups.arn(g.AccountID, g.Path, g.Name),
		CreateDate: g.CreatedAt,
	}
}

func onGroupPath(r *api.Request, _ *store.Tx, in *iamapi.ListGroupsInput) (api.Subject[struct{}], error) {
	resource := groups.arn(r.Caller.AccountID(), cmp.Or(in.PathPrefix, "/"), "")
	return api.Subject[struct{}]{Checks: api.Ask(authz.Check{Resource: resource})}, nil
}

func listGroups(r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.ListGroupsInput) (*iamapi.ListGroupsOutput, error) {
	read := func(after string, limit int) ([]store.Principal, error) {
		q := store.PrincipalQuery{Kind: store.Group, PathPrefix: in.PathPrefix, Order: store.ByName, Limit: limit}
		if after != "" {
			q.After = &store.Principal{Name: after}
		}
		return tx.Principals(r.Caller.AccountID(), q)
	}
	found, next, err := api.List(iamapi.ListGroups.Name, in, read, func(g *store.Principal) string { return g.Name })
	if err != nil {
		return nil, err
	}

	out := &iamapi.ListGroupsOutput{Groups: make([]iamapi.Group, len(found))}
	for n := range found {
		out.Groups[n] = describeGroup(&found[n])
	}
	out.SetPage(next)
	return out, nil
}

func onNewGroup(r *api.Request, _ *store.Tx, in *iamapi.CreateGroupInput) (api.Subject[struct{}], error) {
	resource := groups.arn(r.Caller.AccountID(), cmp.Or(in.Path, "/"), in.GroupName)
	return api.Subject[struct{}]{Checks: api.Ask(authz.Check{Resource: resource})}, nil
}

func createGroup(r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.CreateGroupInput) (*iamapi.CreateGroupOutput, error) {
	g := &store.Principal{
		AccountID: r.Caller.AccountID(), ID: ids.New(), Kind: store.Group, UniqueID: ids.NewUnique("AGPA"),
		Name: in.GroupName, Path: cmp.Or(in.Path, "/"), CreatedAt: r.Now,
	}
	if err := tx.InsertPrincipal(g); err != nil {
		return nil, groups.taken(err, in.GroupName)
	}
	return &iamapi.CreateGroupOutput{Group: describeGroup(g)}, nil
}

func onOwnSession(r *api.Request, _ *store.Tx, _ *stsapi.GetSessionTokenInput) (api.Subject[*store.Principal], error) {
	return api.Subject[*store.Principal]{About: r.Caller.Principal, Checks: api.Own()}, nil
}

func getSessionToken(r *api.Request, _ *store.Tx, about *store.Principal,
	in *stsapi.GetSessionTokenInput,
) (*stsapi.GetSessionTokenOutput, error) {
	if about.Kind == store.Root {
		return nil, errors.New("an example issues nothing for the root user")
	}
	life := time.Duration(cmp.Or(in.DurationSeconds, 43200)) * time.Second
	return &stsapi.GetSessionTokenOutput{Credentials: &stsapi.Credentials{
		AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "made up", SessionToken: "made up", Expiration: r.Now.Add(life),
	}}, nil
}

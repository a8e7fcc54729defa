package iam

import (
	"cmp"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineUsers(t *api.Table) {
	api.Read(t, iamapi.GetUser, onUser, getUser)
	api.Read(t, iamapi.ListUsers, onUserPath, listUsers)
	api.Change(t, iamapi.CreateUser, onNewUser, createUser)
	api.Change(t, iamapi.UpdateUser, onMovedUser, updateUser)
	api.Change(t, iamapi.DeleteUser, onUser, deleteUser)

	defineInlinePolicies(t, users, inlinePolicies[
		iamapi.PutUserPolicyInput, iamapi.GetUserPolicyInput, iamapi.GetUserPolicyOutput, iamapi.DeleteUserPolicyInput,
		iamapi.ListUserPoliciesInput, iamapi.ListUserPoliciesOutput,
	]{
		put: iamapi.PutUserPolicy, get: iamapi.GetUserPolicy, delete: iamapi.DeleteUserPolicy, list: iamapi.ListUserPolicies,
		got: func(p *store.Principal, name, document string) *iamapi.GetUserPolicyOutput {
			return &iamapi.GetUserPolicyOutput{UserName: p.Name, PolicyName: name, PolicyDocument: awsquery.Document(document)}
		},
		listed: func(names []string) *iamapi.ListUserPoliciesOutput {
			return &iamapi.ListUserPoliciesOutput{PolicyNames: names}
		},
	})
	defineAttachments(t, users, attachments[
		iamapi.AttachUserPolicyInput, iamapi.DetachUserPolicyInput, iamapi.ListAttachedUserPoliciesInput,
		iamapi.ListAttachedUserPoliciesOutput,
	]{
		attach: iamapi.AttachUserPolicy, detach: iamapi.DetachUserPolicy, list: iamapi.ListAttachedUserPolicies,
		listed: func(attached []iamapi.AttachedPolicy) *iamapi.ListAttachedUserPoliciesOutput {
			return &iamapi.ListAttachedUserPoliciesOutput{AttachedPolicies: attached}
		},
	})
	defineBoundaries(t, users, boundaries[iamapi.PutUserPermissionsBoundaryInput, iamapi.DeleteUserPermissionsBoundaryInput]{
		put: iamapi.PutUserPermissionsBoundary, delete: iamapi.DeleteUserPermissionsBoundary,
	})
	defineTags(t, tagging[
		iamapi.TagUserInput, iamapi.UntagUserInput, iamapi.ListUserTagsInput, iamapi.ListUserTagsOutput, *target,
	]{
		tag: iamapi.TagUser, untag: iamapi.UntagUser, list: iamapi.ListUserTags, limit: tagsPerUser, caseless: true,
		onTag: onUser[iamapi.TagUserInput], onUntag: onUser[iamapi.UntagUserInput], onList: onUser[iamapi.ListUserTagsInput],
		listed: func(tags []iamapi.Tag) *iamapi.ListUserTagsOutput { return &iamapi.ListUserTagsOutput{Tags: tags} },
	})
}

// describeUser returns the user as the API shows it. Lists leave the tags and the boundary out.
func describeUser(i *store.Principal, tags []store.Tag) iamapi.User {
	u := iamapi.User{
		Path: i.Path, UserName: i.Name, UserId: i.UniqueID, Arn: i.ARN(), CreateDate: i.CreatedAt,
		PasswordLastUsed: timePointer(i.PasswordLastUsedAt),
	}
	if len(tags) > 0 {
		u.Tags = describeTags(tags)
	}
	return u
}

func getUser(_ *api.Request, _ *store.Tx, about *target, _ *iamapi.GetUserInput) (*iamapi.GetUserOutput, error) {
	user := describeUser(about.Principal, about.Tags)
	user.PermissionsBoundary = describeBoundary(about.boundary)
	return &iamapi.GetUserOutput{User: user}, nil
}

// onNewUser authorises the user to be, with the tags that the request brings (IAM User Guide, "Controlling access during AWS
// requests"); tagging at creation is an action of its own.
func onNewUser(r *api.Request, _ *store.Tx, in *iamapi.CreateUserInput) (api.Subject[struct{}], error) {
	arn := users.arn(r.Caller.AccountID(), cmp.Or(in.Path, "/"), in.UserName)
	keys := append(requestTags(in.Tags), boundaryKey(in.PermissionsBoundary)...)

	checks := []authz.Check{{Resource: arn, Keys: keys}}
	if len(in.Tags) > 0 {
		checks = append(checks, authz.Check{Action: iamapi.TagUser.Action, Resource: arn, Keys: requestTags(in.Tags)})
	}
	return api.Subject[struct{}]{Checks: api.Ask(checks...)}, nil
}

func createUser(r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.CreateUserInput) (*iamapi.CreateUserOutput, error) {
	account := r.Caller.AccountID()

	tags, err := checkTags(in.Tags, true)
	if err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		if err := tagsPerUser.room(tx, account, len(tags)-1); err != nil {
			return nil, err
		}
	}
	count, err := tx.CountPrincipals(account, store.PrincipalQuery{Kind: store.User})
	if err != nil {
		return nil, err
	}
	if err := usersPerAccount.room(tx, account, count); err != nil {
		return nil, err
	}

	u := &store.Principal{
		AccountID: account, ID: ids.New(), Kind: store.User, UniqueID: ids.NewUnique("AIDA"),
		Name: in.UserName, Path: cmp.Or(in.Path, "/"), CreatedAt: r.Now,
	}
	if err := tx.InsertPrincipal(u); err != nil {
		return nil, users.taken(err, in.UserName)
	}
	if err := tx.InsertTags(account, u.Owner(), tags); err != nil {
		return nil, err
	}
	if in.PermissionsBoundary != "" {
		if err := putBoundary(tx, u, in.PermissionsBoundary); err != nil {
			return nil, err
		}
	}

	user := describeUser(u, tags)
	user.PermissionsBoundary = describeBoundary(in.PermissionsBoundary)
	return &iamapi.CreateUserOutput{User: &user}, nil
}

// movedUser is a user with the name and path that it is to have.
type movedUser struct {
	*target
	name, path string
}

// onMovedUser authorises the user as it is and, when its ARN changes, as it will be. Both are named as the caller named them: the
// path of an existing user is not revealed.
func onMovedUser(r *api.Request, tx *store.Tx, in *iamapi.UpdateUserInput) (s api.Subject[*movedUser], err error) {
	found, err := resolve(r, tx, users, in.UserName)
	if err != nil {
		return s, err
	}
	name, path := in.UserName, "/"
	if found.About != nil {
		name, path = found.About.Name, found.About.Path
	}
	moved := &movedUser{found.About, cmp.Or(in.NewUserName, name), cmp.Or(in.NewPath, path)}

	checks := found.Checks.Asked()
	after := checks[0]
	after.Resource = users.arn(r.Caller.AccountID(), moved.path, moved.name)
	after.Named = users.noun + " " + cmp.Or(in.NewUserName, in.UserName)
	if after.Resource != checks[0].Resource {
		checks = append(checks, after)
	}
	return api.Subject[*movedUser]{About: moved, Checks: api.Ask(checks...), Missing: found.Missing}, nil
}

func updateUser(_ *api.Request, tx *store.Tx, about *movedUser, _ *iamapi.UpdateUserInput) (*struct{}, error) {
	return nil, users.taken(tx.RenamePrincipal(about.AccountID, about.ID, about.name, about.path), about.name)
}

// userBelongings are in the order in which AWS names them.
var userBelongings = []belonging{
	{"delete policies", func(tx *store.Tx, p *store.Principal) (bool, error) {
		policies, err := tx.InlinePolicies(p.AccountID, p.ID)
		return len(policies) > 0, err
	}},
	{"detach all policies", func(tx *store.Tx, p *store.Principal) (bool, error) {
		attached, err := tx.Attachments(p.AccountID, p.ID, "", 1)
		return len(attached) > 0, err
	}},
	{"delete access keys", func(tx *store.Tx, p *store.Principal) (bool, error) {
		keys, err := tx.AccessKeys(p.AccountID, p.ID)
		return len(keys) > 0, err
	}},
	{"delete MFA device", func(tx *store.Tx, p *store.Principal) (bool, error) {
		devices, err := tx.CountMFADevices(p.AccountID, p.ID)
		return devices > 0, err
	}},
	{"delete login profile", func(tx *store.Tx, p *store.Principal) (bool, error) {
		return tx.HasPassword(p.AccountID, p.ID)
	}},
}

func deleteUser(_ *api.Request, tx *store.Tx, about *target, _ *iamapi.DeleteUserInput) (*struct{}, error) {
	if err := checkDeletable(tx, about.Principal, userBelongings); err != nil {
		return nil, err
	}
	return nil, tx.DeletePrincipal(about.AccountID, about.ID)
}

// checkUserPath asks for the type's ARN with the path that is listed.
func checkUserPath(r *api.Request, prefix string) api.Checks {
	return api.Ask(authz.Check{Resource: users.arn(r.Caller.AccountID(), cmp.Or(prefix, "/"), "")})
}

func onUserPath(r *api.Request, _ *store.Tx, in *iamapi.ListUsersInput) (api.Subject[struct{}], error) {
	return api.Subject[struct{}]{Checks: checkUserPath(r, in.PathPrefix)}, nil
}

func listUsers(r *api.Request, tx *store.Tx, _ struct{}, in *iamapi.ListUsersInput) (*iamapi.ListUsersOutput, error) {
	read := func(after string, limit int) ([]store.Principal, error) {
		q := store.PrincipalQuery{Kind: store.User, PathPrefix: in.PathPrefix, Order: store.ByName, Limit: limit}
		if after != "" {
			q.After = &store.Principal{Name: after}
		}
		return tx.Principals(r.Caller.AccountID(), q)
	}
	found, next, err := api.List(iamapi.ListUsers.Name, in, read, func(u *store.Principal) string { return u.Name })
	if err != nil {
		return nil, err
	}

	out := &iamapi.ListUsersOutput{Users: make([]iamapi.User, len(found))}
	for n := range found {
		out.Users[n] = describeUser(&found[n], nil)
	}
	out.SetPage(next)
	return out, nil
}

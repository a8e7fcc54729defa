package iam

import (
	"errors"
	"strings"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineUsers(t *api.Table) {
	api.Define(t, iamapi.GetUser, api.Op[iamapi.GetUserInput, iamapi.GetUserOutput]{
		Resources: getUserResources, Execute: getUser,
	})
	api.Define(t, iamapi.CreateUser, api.Op[iamapi.CreateUserInput, iamapi.CreateUserOutput]{
		Resources: createUserResources, Execute: createUser,
	})
	api.Define(t, iamapi.UpdateUser, api.Op[iamapi.UpdateUserInput, struct{}]{
		Resources: updateUserResources, Execute: updateUser,
	})
	api.Define(t, iamapi.DeleteUser, api.Op[iamapi.DeleteUserInput, struct{}]{
		Resources: onSubject(func(in *iamapi.DeleteUserInput) string { return in.UserName }),
		Execute:   deleteUser,
	})
	api.Define(t, iamapi.ListUsers, api.Op[iamapi.ListUsersInput, iamapi.ListUsersOutput]{
		Resources: func(r *api.Request, _ *store.Tx, in *iamapi.ListUsersInput) ([]authz.Check, error) {
			return []authz.Check{listUsersCheck(r, in.PathPrefix)}, nil
		},
		Execute: listUsers,
	})
}

// describeUser is the user as the API shows it. Lists leave the tags out.
func describeUser(i *store.Principal, tags []store.Tag) iamapi.User {
	u := iamapi.User{
		Path: i.Path, UserName: i.Name, UserId: i.UniqueID, Arn: i.ARN(), CreateDate: i.CreatedAt,
		PasswordLastUsed: timePointer(i.PasswordLastUsedAt),
	}
	for _, t := range tags {
		u.Tags = append(u.Tags, iamapi.Tag{Key: t.Key, Value: t.Value})
	}
	return u
}

// getUserResources carries the user to getUser, which runs in the same snapshot.
func getUserResources(r *api.Request, tx *store.Tx, in *iamapi.GetUserInput) ([]authz.Check, error) {
	s, err := subjectOf(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	r.Carry = s
	return []authz.Check{s.check(r)}, nil
}

func getUser(r *api.Request, _ *store.Tx, _ *iamapi.GetUserInput) (*iamapi.GetUserOutput, error) {
	s := r.Carry.(*subject)
	i, err := s.found()
	if err != nil {
		return nil, err
	}
	return &iamapi.GetUserOutput{User: describeUser(i, s.tags)}, nil
}

// createUserResources asks for the user to be, with the tags that the request brings (IAM User Guide, "Controlling access
// during AWS requests"); tagging at creation is an action of its own.
func createUserResources(r *api.Request, _ *store.Tx, in *iamapi.CreateUserInput) ([]authz.Check, error) {
	arn := store.UserARN(r.Caller.AccountID(), pathOr(in.Path), in.UserName)
	keys := requestTags(in.Tags)
	if in.PermissionsBoundary != "" {
		keys = append(keys, authz.Key{Name: "iam:PermissionsBoundary", Values: []string{in.PermissionsBoundary}})
	}
	checks := []authz.Check{{Resource: arn, Keys: keys}}
	if len(in.Tags) > 0 {
		checks = append(checks, authz.Check{Action: "iam:TagUser", Resource: arn, Keys: requestTags(in.Tags)})
	}
	return checks, nil
}

// requestTags are the condition keys of the tags that a request brings.
func requestTags(tags []iamapi.Tag) []authz.Key {
	if len(tags) == 0 {
		return nil
	}
	keys := make([]authz.Key, 0, len(tags)+1)
	names := make([]string, len(tags))
	for n, t := range tags {
		names[n] = t.Key
		keys = append(keys, authz.Key{Name: "aws:RequestTag/" + t.Key, Values: []string{t.Value}})
	}
	return append(keys, authz.Key{Name: "aws:TagKeys", Values: names})
}

func createUser(r *api.Request, tx *store.Tx, in *iamapi.CreateUserInput) (*iamapi.CreateUserOutput, error) {
	if in.PermissionsBoundary != "" {
		return nil, api.NotImplemented("The parameter PermissionsBoundary")
	}
	tags, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	account := r.Caller.AccountID()
	if err := within(tx, account, TagsPerUser, len(tags)-1); err != nil {
		return nil, err
	}
	users, err := tx.CountUsers(account)
	if err != nil {
		return nil, err
	}
	if err := within(tx, account, UsersPerAccount, users); err != nil {
		return nil, err
	}
	i := &store.Principal{
		AccountID: account, ID: ids.New(), Kind: store.User, UniqueID: ids.NewUnique("AIDA"),
		Name: in.UserName, Path: pathOr(in.Path), CreatedAt: r.Now,
	}
	if err := tx.InsertPrincipal(i); err != nil {
		return nil, userExists(err, in.UserName)
	}
	if err := tx.InsertTags(account, i.Owner(), tags); err != nil {
		return nil, err
	}
	u := describeUser(i, tags)
	return &iamapi.CreateUserOutput{User: &u}, nil
}

func userExists(err error, name string) error {
	if errors.Is(err, store.ErrConflict) {
		return iamapi.EntityAlreadyExists("User with name %s already exists.", name)
	}
	return err
}

func pathOr(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// checkTags turns tags into the store's. Keys are unique without regard to case, and "aws:" is reserved (IAM User Guide,
// "Tagging IAM resources").
func checkTags(tags []iamapi.Tag) ([]store.Tag, error) {
	stored := make([]store.Tag, len(tags))
	seen := make(map[string]bool, len(tags))
	for n, t := range tags {
		folded := store.Fold(t.Key)
		if strings.HasPrefix(folded, "aws:") {
			return nil, iamapi.InvalidInput("The tag key %s is reserved: tag keys must not begin with aws:.", t.Key)
		}
		if seen[folded] {
			return nil, iamapi.InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[folded] = true
		stored[n] = store.Tag{Key: t.Key, Value: t.Value}
	}
	return stored, nil
}

// updateUserResources asks for the user as it is and, when it moves, as it will be.
func updateUserResources(r *api.Request, tx *store.Tx, in *iamapi.UpdateUserInput) ([]authz.Check, error) {
	s, err := subjectOf(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	checks := []authz.Check{s.check(r)}
	name, path := in.UserName, "/"
	if s.principal != nil {
		name, path = s.principal.Name, s.principal.Path
	}
	moved := checks[0]
	moved.Resource = store.UserARN(r.Caller.AccountID(), or(in.NewPath, path), or(in.NewUserName, name))
	if moved.Resource != checks[0].Resource {
		checks = append(checks, moved)
	}
	return checks, nil
}

func or(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}

func updateUser(r *api.Request, tx *store.Tx, in *iamapi.UpdateUserInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	name := or(in.NewUserName, i.Name)
	return nil, userExists(tx.RenameUser(i.AccountID, i.ID, name, or(in.NewPath, i.Path)), name)
}

// deleteUser refuses while the user still has something, naming the first thing found (IAM API Reference, DeleteUser).
func deleteUser(r *api.Request, tx *store.Tx, in *iamapi.DeleteUserInput) (*struct{}, error) {
	i, err := find(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	policies, err := tx.InlinePolicies(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	keys, err := tx.AccessKeys(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	devices, err := tx.CountMFADevices(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	hasPassword, err := tx.HasPassword(i.AccountID, i.ID)
	if err != nil {
		return nil, err
	}
	for _, left := range []struct {
		has  bool
		what string
	}{
		{len(policies) > 0, "policies"},
		{len(keys) > 0, "access keys"},
		{devices > 0, "MFA device"},
		{hasPassword, "login profile"},
	} {
		if left.has {
			return nil, iamapi.DeleteConflict("Cannot delete entity, must delete %s first.", left.what)
		}
	}
	return nil, tx.DeletePrincipal(i.AccountID, i.ID)
}

// listUsersCheck is the question of ListUsers: the type's ARN with the path that is listed.
func listUsersCheck(r *api.Request, prefix string) authz.Check {
	return authz.Check{Resource: "arn:aws:iam::" + r.Caller.AccountID() + ":user" + pathOr(prefix)}
}

func listUsers(r *api.Request, tx *store.Tx, in *iamapi.ListUsersInput) (*iamapi.ListUsersOutput, error) {
	last, err := decodeMarker("ListUsers", in.Marker)
	if err != nil {
		return nil, err
	}
	q := store.UserQuery{PathPrefix: in.PathPrefix, Order: store.ByName, Limit: pageSize(in.MaxItems) + 1}
	if last != "" {
		q.After = &store.Principal{Name: last}
	}
	users, err := tx.Users(r.Caller.AccountID(), q)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListUsersOutput{Users: []iamapi.User{}}
	if len(users) == q.Limit {
		users = users[:q.Limit-1]
		out.IsTruncated, out.Marker = true, encodeMarker("ListUsers", users[len(users)-1].Name)
	}
	for n := range users {
		out.Users = append(out.Users, describeUser(&users[n], nil))
	}
	return out, nil
}

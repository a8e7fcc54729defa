package iam

import (
	"context"
	"errors"
	"net/http"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func (o *Operations) defineLoginProfiles(t *api.Table) {
	api.Define(t, iamapi.CreateLoginProfile, api.Op[iamapi.CreateLoginProfileInput, iamapi.CreateLoginProfileOutput]{
		Resources: func(r *api.Request, tx *store.Tx, in *iamapi.CreateLoginProfileInput) ([]authz.Check, error) {
			return passwordResources(r, tx, in.UserName)
		},
		Prepare: func(ctx context.Context, r *api.Request, in *iamapi.CreateLoginProfileInput) error {
			return o.hashNewPassword(ctx, r, in.Password.Reveal())
		},
		Execute: createLoginProfile,
	})
	api.Define(t, iamapi.GetLoginProfile, api.Op[iamapi.GetLoginProfileInput, iamapi.GetLoginProfileOutput]{
		Resources: onSubject(func(in *iamapi.GetLoginProfileInput) string { return in.UserName }),
		Execute:   getLoginProfile,
	})
	api.Define(t, iamapi.UpdateLoginProfile, api.Op[iamapi.UpdateLoginProfileInput, struct{}]{
		Resources: func(r *api.Request, tx *store.Tx, in *iamapi.UpdateLoginProfileInput) ([]authz.Check, error) {
			return passwordResources(r, tx, in.UserName)
		},
		Prepare: func(ctx context.Context, r *api.Request, in *iamapi.UpdateLoginProfileInput) error {
			return o.hashNewPassword(ctx, r, in.Password.Reveal())
		},
		Execute: updateLoginProfile,
	})
	api.Define(t, iamapi.DeleteLoginProfile, api.Op[iamapi.DeleteLoginProfileInput, struct{}]{
		Resources: onSubject(func(in *iamapi.DeleteLoginProfileInput) string { return in.UserName }),
		Execute:   deleteLoginProfile,
	})
	api.Define(t, iamapi.ChangePassword, api.Op[iamapi.ChangePasswordInput, struct{}]{
		Resources: func(r *api.Request, tx *store.Tx, _ *iamapi.ChangePasswordInput) ([]authz.Check, error) {
			return passwordResources(r, tx, "")
		},
		Prepare: o.prepareChangePassword,
		Execute: changePassword,
		Scopes:  []string{authn.ScopeChangePassword},
	})
}

// passwordChange is what the operations on passwords carry: what the snapshot had, and the new hash.
type passwordChange struct {
	principal *store.Principal
	alias     string
	email     string
	current   *store.Password // nil: none
	hash      string          // "": the password stays
}

// passwordResources authorises on the user and carries what a new password is checked against.
func passwordResources(r *api.Request, tx *store.Tx, name string) ([]authz.Check, error) {
	s, err := subjectOf(r, tx, name)
	if err != nil {
		return nil, err
	}
	change := &passwordChange{principal: s.principal}
	r.Carry = change
	if s.principal != nil {
		account, err := tx.Account(s.principal.AccountID)
		if err != nil {
			return nil, err
		}
		change.alias, change.email = account.Alias, account.RootEmail
		change.current, err = tx.Password(s.principal.AccountID, s.principal.ID)
		if errors.Is(err, store.ErrNotFound) {
			change.current, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return []authz.Check{s.check(r)}, nil
}

// hashNewPassword checks and hashes a password that an administrator sets. A user who does not exist costs no work: that is
// told by Execute.
func (o *Operations) hashNewPassword(ctx context.Context, r *api.Request, password string) error {
	change := r.Carry.(*passwordChange)
	if password == "" || change.principal == nil || change.principal.Kind == store.Root {
		return nil
	}
	if err := checkPassword(password, change.alias, change.email); err != nil {
		return err
	}
	var err error
	change.hash, err = o.Hasher.Hash(ctx, password, true)
	return err
}

// targetOfPassword is the user whose login profile is meant; the root user has none.
func targetOfPassword(r *api.Request, tx *store.Tx, name string) (*store.Principal, error) {
	i, err := find(r, tx, name)
	if err == nil && i.Kind == store.Root {
		return nil, validationError("Must specify userName when calling with root credentials: the root user has no login profile.")
	}
	return i, err
}

func noLoginProfile(i *store.Principal) error {
	return iamapi.NoSuchEntity("Login Profile for User %s cannot be found.", i.Name)
}

// loginProfile reads the password of a user who must have one.
func loginProfile(tx *store.Tx, i *store.Principal) (*store.Password, error) {
	p, err := tx.Password(i.AccountID, i.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noLoginProfile(i)
	}
	return p, err
}

func createLoginProfile(r *api.Request, tx *store.Tx, in *iamapi.CreateLoginProfileInput) (*iamapi.CreateLoginProfileOutput, error) {
	i, err := targetOfPassword(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	hash := r.Carry.(*passwordChange).hash
	if hash == "" {
		if in.Password.Reveal() == "" {
			return nil, validationError("1 validation error detected: Value null at 'password' failed to satisfy constraint: Member must not be null")
		}
		return nil, noSuchUser(in.UserName) // made after the snapshot: ask again
	}
	err = tx.InsertPassword(i.AccountID, i.ID, hash, in.PasswordResetRequired, r.Now)
	if errors.Is(err, store.ErrConflict) {
		return nil, iamapi.EntityAlreadyExists("Login Profile for user %s already exists.", i.Name)
	}
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateLoginProfileOutput{LoginProfile: iamapi.LoginProfile{
		UserName: i.Name, CreateDate: r.Now, PasswordResetRequired: in.PasswordResetRequired,
	}}, nil
}

func getLoginProfile(r *api.Request, tx *store.Tx, in *iamapi.GetLoginProfileInput) (*iamapi.GetLoginProfileOutput, error) {
	i, err := targetOfPassword(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	p, err := loginProfile(tx, i)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetLoginProfileOutput{LoginProfile: iamapi.LoginProfile{
		UserName: i.Name, CreateDate: p.CreatedAt, PasswordResetRequired: p.ResetRequired,
	}}, nil
}

func updateLoginProfile(r *api.Request, tx *store.Tx, in *iamapi.UpdateLoginProfileInput) (*struct{}, error) {
	i, err := targetOfPassword(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	p, err := loginProfile(tx, i)
	if err != nil {
		return nil, err
	}
	required := p.ResetRequired
	if in.PasswordResetRequired != nil {
		required = *in.PasswordResetRequired
	}
	hash := r.Carry.(*passwordChange).hash
	if hash == "" {
		if in.Password.Reveal() != "" {
			return nil, noSuchUser(in.UserName) // made after the snapshot: ask again
		}
		return nil, tx.SetPasswordResetRequired(i.AccountID, i.ID, required)
	}
	if err := tx.ChangePassword(i.AccountID, i.ID, p.Version, hash, required, r.Now); err != nil {
		return nil, err
	}
	return nil, endSessions(r, tx, i)
}

func deleteLoginProfile(r *api.Request, tx *store.Tx, in *iamapi.DeleteLoginProfileInput) (*struct{}, error) {
	i, err := targetOfPassword(r, tx, in.UserName)
	if err != nil {
		return nil, err
	}
	if err := tx.DeletePassword(i.AccountID, i.ID); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil, noLoginProfile(i)
		}
		return nil, err
	}
	return nil, endSessions(r, tx, i)
}

// endSessions ends the principal's console sessions, but not the one that the request is made in.
func endSessions(r *api.Request, tx *store.Tx, i *store.Principal) error {
	_, err := tx.DeleteSessions(i.AccountID, i.ID, r.Caller.SessionID)
	return err
}

// prepareChangePassword proves the old password and hashes the new one.
func (o *Operations) prepareChangePassword(ctx context.Context, r *api.Request, in *iamapi.ChangePasswordInput) error {
	change := r.Carry.(*passwordChange)
	if r.Caller.IsRoot() {
		return iamapi.InvalidUserType("Only IAM users can change their password with this operation.")
	}
	if change.current == nil {
		return noLoginProfile(r.Caller.Principal)
	}
	right, err := o.SignIn.Prove(ctx, r.Caller, in.OldPassword.Reveal(), change.current.Hash)
	tooMany := new(signin.TooManyAttempts)
	if errors.As(err, &tooMany) {
		return &awsquery.Error{Code: "Throttling", Status: http.StatusBadRequest, Message: "Rate exceeded: " + tooMany.Error() + "."}
	}
	if err != nil {
		return err
	}
	if !right {
		denied := authz.AccessDenied("The old password is incorrect.")
		denied.Parameter = "OldPassword"
		return denied
	}
	if err := checkPassword(in.NewPassword.Reveal(), change.alias, change.email); err != nil {
		return err
	}
	if in.NewPassword.Reveal() == in.OldPassword.Reveal() && change.current.ResetRequired {
		return iamapi.PasswordPolicyViolation("The new password must differ from the one that must be changed.")
	}
	change.hash, err = o.Hasher.Hash(ctx, in.NewPassword.Reveal(), true)
	return err
}

func changePassword(r *api.Request, tx *store.Tx, _ *iamapi.ChangePasswordInput) (*struct{}, error) {
	change := r.Carry.(*passwordChange)
	i := r.Caller.Principal
	err := tx.ChangePassword(i.AccountID, i.ID, change.current.Version, change.hash, false, r.Now)
	if errors.Is(err, store.ErrNotFound) {
		return nil, iamapi.EntityTemporarilyUnmodifiable("The password was changed at the same time. Try again.")
	}
	if err != nil {
		return nil, err
	}
	return nil, endSessions(r, tx, i)
}

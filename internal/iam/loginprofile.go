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
	api.Read(t, iamapi.GetLoginProfile, onLoginProfile, getLoginProfile)
	api.Change(t, iamapi.DeleteLoginProfile, onLoginProfile, deleteLoginProfile)

	// Passwords are hashed outside any transaction.
	api.ChangeInSteps(t, iamapi.CreateLoginProfile, onLoginProfile,
		api.Steps[iamapi.CreateLoginProfileInput, iamapi.CreateLoginProfileOutput, *loginProfile, newPassword]{
			Prepare: func(ctx context.Context, _ *api.Request, about *loginProfile, in *iamapi.CreateLoginProfileInput,
				made *newPassword,
			) ([]authz.Key, error) {
				return nil, o.hashPassword(ctx, about, in.Password, made)
			},
			Execute: o.createLoginProfile,
		})
	api.ChangeInSteps(t, iamapi.UpdateLoginProfile, onLoginProfile,
		api.Steps[iamapi.UpdateLoginProfileInput, struct{}, *loginProfile, newPassword]{
			Prepare: func(ctx context.Context, _ *api.Request, about *loginProfile, in *iamapi.UpdateLoginProfileInput,
				made *newPassword,
			) ([]authz.Key, error) {
				return nil, o.hashPassword(ctx, about, in.Password, made)
			},
			Execute: o.updateLoginProfile,
		})
	api.ChangeInSteps(t, iamapi.ChangePassword, onOwnPassword,
		api.Steps[iamapi.ChangePasswordInput, struct{}, *loginProfile, newPassword]{
			Prepare: o.checkOldPassword, Execute: o.changePassword,
		},
		api.InScope(authn.ScopeChangePassword))
}

// loginProfile is a user with the password that it has, and what a new one is compared with.
type loginProfile struct {
	*target
	password *store.Password // nil: none
	alias    string
	email    string
}

// newPassword is a password that was checked and hashed.
type newPassword struct {
	hash string // "": the password stays
	// replaces is the version of the password that the old one was compared with; zero when none was.
	replaces int64
}

// onLoginProfile authorises an operation on the login profile of the user that the input names.
func onLoginProfile[In any, P naming[In]](r *api.Request, tx *store.Tx, in *In) (api.Subject[*loginProfile], error) {
	s, err := resolveLoginProfile(r, tx, P(in).Principal())
	if err == nil && s.About != nil && s.About.Kind == store.Root {
		s.Missing = api.ValidationError("Must specify userName when calling with root credentials: the root user has no login profile.")
	}
	return s, err
}

// onOwnPassword authorises a change of the caller's own password.
func onOwnPassword(r *api.Request, tx *store.Tx, _ *iamapi.ChangePasswordInput) (api.Subject[*loginProfile], error) {
	return resolveLoginProfile(r, tx, "")
}

func resolveLoginProfile(r *api.Request, tx *store.Tx, name string) (api.Subject[*loginProfile], error) {
	found, err := resolve(r, tx, users, name)
	s := api.Subject[*loginProfile]{Checks: found.Checks, Missing: found.Missing}
	if err != nil || found.About == nil {
		return s, err
	}

	account, err := tx.Account(found.About.AccountID)
	if err != nil {
		return s, err
	}
	s.About = &loginProfile{target: found.About, alias: account.Alias, email: account.RootEmail}
	s.About.password, err = tx.Password(found.About.AccountID, found.About.ID)
	if errors.Is(err, store.ErrNotFound) {
		s.About.password, err = nil, nil
	}
	return s, err
}

// hashPassword checks and hashes a password that an administrator sets. Without a password it does nothing.
func (o *Operations) hashPassword(ctx context.Context, about *loginProfile, password awsquery.Secret,
	made *newPassword,
) (err error) {
	if password.Reveal() == "" {
		return nil
	}
	if err := checkPassword(password.Reveal(), about.alias, about.email); err != nil {
		return err
	}
	made.hash, err = o.Hasher.Hash(ctx, password.Reveal(), true)
	return err
}

func noLoginProfile(p *store.Principal) error {
	return iamapi.NoSuchEntity("Login Profile for User %s cannot be found.", p.Name)
}

func (o *Operations) createLoginProfile(
	r *api.Request, tx *store.Tx, about *loginProfile, made newPassword, in *iamapi.CreateLoginProfileInput,
) (*iamapi.CreateLoginProfileOutput, error) {
	if made.hash == "" {
		return nil, api.ValidationError("1 validation error detected: Value null at 'password' failed to satisfy constraint: Member must not be null")
	}
	sealed := o.Secrets.SealHash(about.AccountID, about.ID, made.hash)
	err := tx.InsertPassword(about.AccountID, about.ID, sealed, in.PasswordResetRequired, r.Now)
	if err != nil {
		return nil, api.Taken(err, "Login Profile for user %s already exists.", about.Name)
	}
	return &iamapi.CreateLoginProfileOutput{LoginProfile: iamapi.LoginProfile{
		UserName: about.Name, CreateDate: r.Now, PasswordResetRequired: in.PasswordResetRequired,
	}}, nil
}

func getLoginProfile(_ *api.Request, _ *store.Tx, about *loginProfile,
	_ *iamapi.GetLoginProfileInput,
) (*iamapi.GetLoginProfileOutput, error) {
	if about.password == nil {
		return nil, noLoginProfile(about.Principal)
	}
	return &iamapi.GetLoginProfileOutput{LoginProfile: iamapi.LoginProfile{
		UserName: about.Name, CreateDate: about.password.CreatedAt, PasswordResetRequired: about.password.ResetRequired,
	}}, nil
}

func (o *Operations) updateLoginProfile(r *api.Request, tx *store.Tx, about *loginProfile, made newPassword,
	in *iamapi.UpdateLoginProfileInput,
) (*struct{}, error) {
	if about.password == nil {
		return nil, noLoginProfile(about.Principal)
	}
	required := about.password.ResetRequired
	if in.PasswordResetRequired != nil {
		required = *in.PasswordResetRequired
	}

	if made.hash == "" {
		return nil, tx.SetPasswordResetRequired(about.AccountID, about.ID, required)
	}
	sealed := o.Secrets.SealHash(about.AccountID, about.ID, made.hash)
	if err := tx.ChangePassword(about.AccountID, about.ID, about.password.Version, sealed, required, r.Now); err != nil {
		return nil, err
	}
	return nil, endSessions(r, tx, about.Principal)
}

func deleteLoginProfile(r *api.Request, tx *store.Tx, about *loginProfile, _ *iamapi.DeleteLoginProfileInput) (*struct{}, error) {
	if about.password == nil {
		return nil, noLoginProfile(about.Principal)
	}
	if err := tx.DeletePassword(about.AccountID, about.ID); err != nil {
		return nil, err
	}
	return nil, endSessions(r, tx, about.Principal)
}

// endSessions ends the principal's console sessions, but not the one that the request is made in.
func endSessions(r *api.Request, tx *store.Tx, p *store.Principal) error {
	_, err := tx.DeleteSessions(p.AccountID, p.ID, r.Caller.SessionID)
	return err
}

// checkOldPassword proves the old password and hashes the new one.
func (o *Operations) checkOldPassword(
	ctx context.Context, r *api.Request, about *loginProfile, in *iamapi.ChangePasswordInput, made *newPassword,
) ([]authz.Key, error) {
	if about.Kind == store.Root {
		return nil, iamapi.InvalidUserType("Only IAM users can change their password with this operation.")
	}
	if about.password == nil {
		return nil, noLoginProfile(about.Principal)
	}

	hash, err := o.Secrets.OpenHash(about.AccountID, about.ID, about.password.SealedHash)
	if err != nil {
		return nil, err
	}
	right, err := o.SignIn.Prove(ctx, r.Caller, in.OldPassword.Reveal(), hash)
	tooMany := new(signin.TooManyAttempts)
	if errors.As(err, &tooMany) {
		return nil, &awsquery.Error{Code: "Throttling", Status: http.StatusBadRequest, Message: "Rate exceeded: " + tooMany.Error() + "."}
	}
	if err != nil {
		return nil, err
	}
	if !right {
		refusal := authz.AccessDenied("The old password is incorrect.")
		refusal.Parameter = "OldPassword"
		return nil, refusal
	}

	if err := checkPassword(in.NewPassword.Reveal(), about.alias, about.email); err != nil {
		return nil, err
	}
	if in.NewPassword.Reveal() == in.OldPassword.Reveal() && about.password.ResetRequired {
		return nil, iamapi.PasswordPolicyViolation("The new password must differ from the one that must be changed.")
	}
	made.replaces = about.password.Version
	made.hash, err = o.Hasher.Hash(ctx, in.NewPassword.Reveal(), true)
	return nil, err
}

func (o *Operations) changePassword(r *api.Request, tx *store.Tx, about *loginProfile, made newPassword,
	_ *iamapi.ChangePasswordInput,
) (*struct{}, error) {
	// The old password was compared with a certain version of it: another one may have taken its place meanwhile.
	sealed := o.Secrets.SealHash(about.AccountID, about.ID, made.hash)
	err := tx.ChangePassword(about.AccountID, about.ID, made.replaces, sealed, false, r.Now)
	if errors.Is(err, store.ErrNotFound) {
		return nil, iamapi.EntityTemporarilyUnmodifiable("The password was changed at the same time. Try again.")
	}
	if err != nil {
		return nil, err
	}
	return nil, endSessions(r, tx, about.Principal)
}

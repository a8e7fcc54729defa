package iam

import (
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Founder does operations in an account that is being made, inside the transaction that makes it, for whoever runs the
// installation.
//
// It holds to every rule of the operations: the shapes of the model, the forms of names and documents, unique names, quotas. What
// it leaves out is the caller: nobody is authenticated, no policy is asked, and the events are those who call it to write. Its
// errors are the operations' own.
type Founder struct {
	tx         *store.Tx
	operations *Operations // with the keys alone
	run        *api.Request
}

// NewFounder returns a Founder for the account of a root user. It is good for as long as the transaction is.
func NewFounder(tx *store.Tx, secrets *secret.Keyring, root *store.Principal, now time.Time) *Founder {
	// The operations read the account and the time from their request. This caller is not Valid, so that no pipeline takes it.
	return &Founder{tx, &Operations{Secrets: secrets}, &api.Request{Now: now, Caller: &authn.Caller{Principal: root}}}
}

// CreateUser makes a user with its tags.
func (f *Founder) CreateUser(in *iamapi.CreateUserInput) error {
	if err := awsquery.Validate(iamapi.CreateUser.Operation, in); err != nil {
		return err
	}
	_, err := createUser(f.run, f.tx, struct{}{}, in)
	return err
}

// PutUserPolicy gives a user an inline policy.
func (f *Founder) PutUserPolicy(in *iamapi.PutUserPolicyInput) error {
	if err := awsquery.Validate(iamapi.PutUserPolicy.Operation, in); err != nil {
		return err
	}
	about, err := f.target(in.UserName)
	if err != nil {
		return err
	}
	return putInlinePolicy(f.run, f.tx, users, about, in.PolicyName, in.PolicyDocument)
}

// CreateLoginProfile gives a user a password, which was held against the password policy and hashed before the transaction.
func (f *Founder) CreateLoginProfile(in *iamapi.CreateLoginProfileInput, hash string) error {
	if err := awsquery.Validate(iamapi.CreateLoginProfile.Operation, in); err != nil {
		return err
	}
	about, err := f.target(in.UserName)
	if err != nil {
		return err
	}
	_, err = f.operations.createLoginProfile(f.run, f.tx, &loginProfile{target: about}, newPassword{hash: hash}, in)
	return err
}

// CreateAccessKey gives a user, or the root user when the name is "", an access key whose id and secret are fixed by a seed. Its
// error is EntityAlreadyExists when any account has a key with the id.
func (f *Founder) CreateAccessKey(userName, id, secretKey string) error {
	if !iamapi.ValidAccessKeyID(id) {
		return api.ValidationError("An access key id has 16 to 128 letters, digits and underscores.")
	}
	about, err := f.target(userName)
	if err != nil {
		return err
	}
	if err := roomForAccessKey(f.tx, about); err != nil {
		return err
	}

	err = f.tx.InsertAccessKey(&store.AccessKey{
		AccountID: about.AccountID, ID: id, PrincipalID: about.ID, Active: true, CreatedAt: f.run.Now, Seeded: true,
		SealedSecret: f.operations.Secrets.SealSecretKey(about.AccountID, about.ID, id, secretKey),
	})
	return api.Taken(err, "The access key id %s belongs to another key already.", id)
}

// target finds the user of the name, or the root user when it is "".
func (f *Founder) target(userName string) (*target, error) {
	found, err := resolve(f.run, f.tx, users, userName)
	if err == nil {
		err = found.Missing
	}
	return found.About, err
}

package operator

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/iam"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/seed"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/policy"
)

// CheckSeed returns all that is wrong with the values of a seed by themselves, each a [*seed.Fault]: what would be refused whatever
// is in the store.
func CheckSeed(s *seed.Seed) error {
	c := seedCheck{seed: s}
	if len(s.Accounts) == 0 {
		c.fault(1, "there are no accounts in it: give at least one, with its rootEmail")
	}
	for n := range s.Accounts {
		c.account(&s.Accounts[n])
	}
	return errors.Join(c.faults...)
}

// seedCheck collects the faults of a seed.
type seedCheck struct {
	seed   *seed.Seed
	faults []error
}

func (c *seedCheck) fault(line int, format string, args ...any) {
	c.faults = append(c.faults, c.seed.Fault(line, format, args...))
}

// refused notes an error about a value on a line.
func (c *seedCheck) refused(line int, err error) {
	if err != nil {
		c.faults = append(c.faults, refusedAt(c.seed, line, err))
	}
}

// refusedAt turns an operation's refusal into a fault with its line. Errors that are not about the input it returns as they are.
func refusedAt(s *seed.Seed, line int, err error) error {
	var (
		told *awsquery.Error
		ours *Fault
	)
	switch {
	case errors.As(err, &told):
		return s.Fault(line, "%s: %s", told.Code, told.Message)
	case errors.As(err, &ours):
		return s.Fault(line, "%s", ours.Reason) // without the flag, because the value is in the file
	}
	return err
}

func (c *seedCheck) account(a *seed.Account) {
	c.refused(a.ID.Line, checkAccountID(a.ID.Value))
	if a.Alias.Value != "" {
		c.refused(a.Alias.Line, CheckAlias(a.Alias.Value))
	}
	c.refused(a.RootEmail.Line, checkRootEmail(a.RootEmail.Value))
	if a.RootPassword.Line > 0 {
		if err := secret.CheckRootPassword(a.RootPassword.Value, a.RootEmail.Value); err != nil {
			c.fault(a.RootPassword.Line, "rootPassword: %v", err)
		}
	}

	c.keys(a.RootAccessKeys)
	for n := range a.Users {
		c.user(a, &a.Users[n])
	}
}

func (c *seedCheck) user(a *seed.Account, u *seed.User) {
	if !iamapi.ValidUserName(u.Name.Value) {
		c.fault(u.Name.Line, "user name %q: use 1 to 64 letters, digits and any of _+=,.@-", u.Name.Value)
	}
	// The other parts are held against the model one by one, so that each has its own line; the name stands for a right one.
	part := func(line int, in iamapi.CreateUserInput) {
		in.UserName = "name"
		c.refused(line, awsquery.Validate(iamapi.CreateUser.Operation, &in))
	}
	part(u.Path.Line, iamapi.CreateUserInput{Path: u.Path.Value})
	for _, tag := range u.Tags {
		part(tag.Key.Line, iamapi.CreateUserInput{Tags: []iamapi.Tag{{Key: tag.Key.Value, Value: tag.Value.Value}}})
	}

	if u.Password.Line > 0 {
		if err := secret.CheckUserPassword(u.Password.Value, a.Alias.Value, a.RootEmail.Value); err != nil {
			c.fault(u.Password.Line, "password: %v", err)
		}
	} else if u.PasswordResetRequired.Line > 0 {
		c.fault(u.PasswordResetRequired.Line, "passwordResetRequired: the user has no password; give one, or leave this out")
	}

	c.keys(u.AccessKeys)
	for n := range u.InlinePolicies {
		c.policy(&u.InlinePolicies[n])
	}
}

func (c *seedCheck) keys(keys []seed.AccessKey) {
	for _, k := range keys {
		switch {
		case !iamapi.ValidAccessKeyID(k.ID.Value):
			c.fault(k.ID.Line, "access key id %q: use 16 to 128 letters, digits and underscores, such as AKIAIOSFODNN7EXAMPLE", k.ID.Value)
		case strings.HasPrefix(k.ID.Value, "ASIA"):
			c.fault(k.ID.Line, "access key id %q: ids that begin with ASIA are those of temporary credentials; use another, such as AKIA…", k.ID.Value)
		}
		if !validSecretKey(k.Secret.Value) {
			c.fault(k.Secret.Line, "secret: use 16 to 128 printable characters of ASCII without spaces")
		}
	}
}

// validSecretKey reports whether a secret access key can be typed, put into an environment variable and not be guessed at once.
func validSecretKey(key string) bool {
	const shortest, longest = 16, 128
	for n := range len(key) {
		if key[n] <= ' ' || key[n] > '~' {
			return false
		}
	}
	return len(key) >= shortest && len(key) <= longest
}

func (c *seedCheck) policy(p *seed.Policy) {
	if !iamapi.ValidPolicyName(p.Name.Value) {
		c.fault(p.Name.Line, "policy name %q: use 1 to 128 letters, digits and any of _+=,.@-", p.Name.Value)
	}

	_, err := policy.Parse(policy.Identity, []byte(p.Document.Lined))
	var violations policy.Violations
	if !errors.As(err, &violations) {
		c.refused(p.Document.Line, err)
		return
	}
	for _, v := range violations {
		c.fault(p.Document.Line+max(v.Line, 1)-1, "policy %s: %v", p.Name.Value, v)
	}
}

// newUser is what CreateUser is given for a user of a seed.
func newUser(u *seed.User) *iamapi.CreateUserInput {
	in := &iamapi.CreateUserInput{UserName: u.Name.Value, Path: u.Path.Value}
	for _, tag := range u.Tags {
		in.Tags = append(in.Tags, iamapi.Tag{Key: tag.Key.Value, Value: tag.Value.Value})
	}
	return in
}

// newUserPolicy is what PutUserPolicy is given for an inline policy of a seed.
func newUserPolicy(u *seed.User, p *seed.Policy) *iamapi.PutUserPolicyInput {
	return &iamapi.PutUserPolicyInput{UserName: u.Name.Value, PolicyName: p.Name.Value, PolicyDocument: p.Document.JSON}
}

// seeding is an account of a seed that is to be made.
type seeding struct {
	seed    *seed.Seed
	account *seed.Account
	hashes  map[*seed.Text]string // of the passwords
}

// newSeeding hashes the passwords of an account's entry: that is slow, and so it is done before any transaction.
func newSeeding(ctx context.Context, s *seed.Seed, a *seed.Account, hasher *secret.Hasher) (*seeding, error) {
	made := &seeding{s, a, make(map[*seed.Text]string)}
	passwords := []*seed.Text{&a.RootPassword}
	for n := range a.Users {
		passwords = append(passwords, &a.Users[n].Password)
	}
	for _, password := range passwords {
		if password.Line == 0 {
			continue
		}
		hash, err := hasher.Hash(ctx, password.Value, true)
		if err != nil {
			return nil, err
		}
		made.hashes[password] = hash
	}
	return made, nil
}

// Seed makes the accounts of a seed in one transaction, in place of the first account: when there is an account already, it makes
// none and returns none. Its error is a [*seed.Fault] for what is wrong in the file, or joins several.
func (o *Operator) Seed(ctx context.Context, s *seed.Seed, hasher *secret.Hasher, url string) (made []*CreatedAccount, err error) {
	if err := CheckSeed(s); err != nil {
		return nil, err
	}
	if present, err := o.Accounts(ctx); err != nil || len(present) > 0 {
		return nil, err
	}
	requests := make([]AccountRequest, len(s.Accounts))
	for n := range s.Accounts {
		if requests[n], err = NewSeedRequest(ctx, s, &s.Accounts[n], hasher); err != nil {
			return nil, err
		}
		requests[n].URL = url
	}

	now := o.Clock()
	err = o.Store.Update(ctx, store.Installation(), func(tx *store.Tx) error {
		made = nil
		if present, err := tx.Accounts(); err != nil || len(present) > 0 {
			return err
		}
		for n := range requests {
			c, err := o.create(tx, &requests[n], "", now)
			if err != nil {
				return err
			}
			made = append(made, c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// NewSeedRequest asks for the account that an entry of a seed describes. The caller sets what else the request may have: URL and
// Reset. The entry must have passed [CheckSeed].
func NewSeedRequest(ctx context.Context, s *seed.Seed, a *seed.Account, hasher *secret.Hasher) (AccountRequest, error) {
	made, err := newSeeding(ctx, s, a, hasher)
	return AccountRequest{ID: a.ID.Value, Alias: a.Alias.Value, RootEmail: a.RootEmail.Value, seeding: made}, err
}

// apply makes what the entry says of the account, whose root user is there already, and records each step.
func (e *seeding) apply(o *Operator, tx *store.Tx, root *store.Principal, now time.Time) error {
	if hash, ok := e.hashes[&e.account.RootPassword]; ok {
		sealed := o.Secrets.SealHash(root.AccountID, root.ID, hash)
		if err := signin.SetPassword(tx, root, sealed, false, now); err != nil {
			return err
		}
	}

	a := application{seeding: e, operator: o, tx: tx, founder: iam.NewFounder(tx, o.Secrets, root, now), id: root.AccountID, now: now}
	if err := a.keys("", e.account.RootAccessKeys); err != nil {
		return err
	}
	for n := range e.account.Users {
		if err := a.user(&e.account.Users[n]); err != nil {
			return err
		}
	}
	return nil
}

// application is a seeding in its transaction.
type application struct {
	*seeding
	operator *Operator
	tx       *store.Tx
	founder  *iam.Founder
	id       string // of the account
	now      time.Time
}

func (a *application) user(u *seed.User) error {
	in := newUser(u)
	if err := a.done(u.Name.Line, a.founder.CreateUser(in), iamapi.CreateUser.Name, in); err != nil {
		return err
	}

	for n := range u.InlinePolicies {
		p := &u.InlinePolicies[n]
		in := newUserPolicy(u, p)
		if err := a.done(p.Name.Line, a.founder.PutUserPolicy(in), iamapi.PutUserPolicy.Name, in); err != nil {
			return err
		}
	}

	if hash, ok := a.hashes[&u.Password]; ok {
		in := &iamapi.CreateLoginProfileInput{
			UserName: u.Name.Value, Password: awsquery.Secret(u.Password.Value), PasswordResetRequired: u.PasswordResetRequired.Value,
		}
		if err := a.done(u.Password.Line, a.founder.CreateLoginProfile(in, hash), iamapi.CreateLoginProfile.Name, in); err != nil {
			return err
		}
	}
	return a.keys(u.Name.Value, u.AccessKeys)
}

// keys makes access keys of a user, or of the root user when the name is "".
func (a *application) keys(userName string, keys []seed.AccessKey) error {
	for _, k := range keys {
		// The operation's own input cannot say which key it is to be.
		made := iamapi.AccessKey{UserName: userName, AccessKeyId: k.ID.Value}
		err := a.founder.CreateAccessKey(userName, k.ID.Value, k.Secret.Value)
		if err := a.done(k.ID.Line, err, iamapi.CreateAccessKey.Name, made); err != nil {
			return err
		}
	}
	return nil
}

// done records a step with what it was given, or returns its error with the line that asked for it.
func (a *application) done(line int, err error, event string, in any) error {
	if err != nil {
		return refusedAt(a.seed, line, err)
	}
	parameters, _ := audit.Parameters(in).(map[string]any)
	return a.operator.record(a.tx, a.id, event, parameters, a.now)
}

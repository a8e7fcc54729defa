// Package touchtest starts a whole Touchstone inside a test: real store, real pipeline, real wire, with a clock that the test
// holds and software security keys.
//
// Each test takes an account of its own from a shared server, so tests run in parallel.
package touchtest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// Clock is a clock that a test moves.
type Clock struct {
	mu     sync.Mutex
	offset time.Duration
}

// Now returns the machine's time, moved by as much as [Clock.Advance] was called with.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

// Advance moves the clock forward, or back for a negative duration.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// Server is a running Touchstone.
type Server struct {
	*server.Server
	State *server.State
	Clock *Clock
	URL   string // where its wire is: http://localhost:PORT
	Data  string
}

// CheapHashes are costs so low that a test does not spend its time on hashing passwords.
var CheapHashes = secret.Params{MemoryKiB: 64, Time: 1, Threads: 1}

// Start starts a server that is stopped at the end of the test. change, which may be nil, alters its configuration.
func Start(t testing.TB, change func(*server.Config)) *Server {
	t.Helper()
	return StartIn(t, t.TempDir(), change)
}

// StartIn is [Start] on a data directory of the test's own, which may have been used before.
func StartIn(t testing.TB, data string, change func(*server.Config)) *Server {
	t.Helper()
	state, err := server.OpenState(context.Background(), StateConfig(t, data))
	if err != nil {
		t.Fatal(err)
	}

	clock := &Clock{}
	wire := httptest.NewUnstartedServer(nil)
	s := &Server{State: state, Clock: clock, Data: data, URL: "http://localhost:" + portOf(wire)}
	c := server.Defaults()
	c.URL, c.Clock, c.Argon2 = s.URL, clock.Now, CheapHashes
	c.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	if change != nil {
		change(&c)
	}
	if s.Server, err = server.New(context.Background(), state, c); err != nil {
		t.Fatal(err)
	}

	front, err := httpd.New(httpd.Config{Listen: "127.0.0.1:0", URL: s.URL}, s.Handler, func(context.Context) error { return nil },
		c.Logger)
	if err != nil {
		t.Fatal(err)
	}

	wire.Config.Handler = front.Handler()
	wire.Start()
	t.Cleanup(func() {
		wire.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// StateConfig returns the configuration of the state in a data directory, on the engine that the tests run on. Several servers of a
// test may share one state.
func StateConfig(t testing.TB, data string) server.StateConfig {
	t.Helper()
	_, databaseURL := storetest.Place(t, data)
	return server.StateConfig{Data: data, Database: databaseURL, MasterKeyFile: filepath.Join(data, "master.key"), Create: true}
}

func portOf(s *httptest.Server) string {
	_, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	return port
}

// Account is an account of a server, with a key of its root user.
type Account struct {
	t      testing.TB
	Server *Server
	ID     string
	Email  string
	Root   aws.Credentials
	setUp  string // the token of the set-up link
}

// NewAccount makes an account.
func (s *Server) NewAccount(t testing.TB) *Account {
	t.Helper()
	email := strings.ToLower(ids.NewUnique("root")) + "@example.com"

	o := s.State.Operator()
	o.Clock = s.Clock.Now
	made, err := o.CreateAccount(context.Background(), operator.AccountRequest{RootEmail: email, AccessKey: true, URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}

	_, token, _ := strings.Cut(made.SetupURL, "link=")
	return &Account{
		t: t, Server: s, ID: made.AccountID, Email: email, setUp: token,
		Root: aws.Credentials{AccessKeyID: made.AccessKeyID, SecretAccessKey: made.SecretAccessKey},
	}
}

// IAM returns AWS's own client of IAM, which signs with the credentials and calls the test's server.
func (a *Account) IAM(c aws.Credentials) *awsiam.Client {
	return awsiam.New(awsiam.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(a.Server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	})
}

// STS returns AWS's own client of STS, as [Account.IAM] does for IAM.
func (a *Account) STS(c aws.Credentials) *awssts.Client {
	return awssts.New(awssts.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(a.Server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	})
}

// User is an IAM user with a password and an access key.
type User struct {
	Name, Password string
	Key            aws.Credentials
}

// AdminPolicy allows everything.
const AdminPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// FIDOPagePolicy is the self-management policy printed on the FIDO page of the IAM User Guide.
const FIDOPagePolicy = `{"Version":"2012-10-17","Statement":[
 {"Sid":"AllowManageOwnUserMFA","Effect":"Allow","Action":["iam:DeactivateMFADevice","iam:EnableMFADevice","iam:GetUser","iam:ListMFADevices","iam:ResyncMFADevice"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
 {"Sid":"DenyAllExceptListedIfNoMFA","Effect":"Deny","NotAction":["iam:EnableMFADevice","iam:GetUser","iam:ListMFADevices","iam:ResyncMFADevice"],"Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}`

// NewUser makes a user with a generated password, an access key and, unless policy is "", the inline policy "test".
func (a *Account) NewUser(name, policy string) *User {
	a.t.Helper()
	ctx := context.Background()
	root := a.IAM(a.Root)
	u := &User{Name: name, Password: secret.GeneratePassword()}
	if _, err := root.CreateUser(ctx, &awsiam.CreateUserInput{UserName: &name}); err != nil {
		a.t.Fatal(err)
	}
	if _, err := root.CreateLoginProfile(ctx, &awsiam.CreateLoginProfileInput{UserName: &name, Password: &u.Password}); err != nil {
		a.t.Fatal(err)
	}

	key, err := root.CreateAccessKey(ctx, &awsiam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		a.t.Fatal(err)
	}

	u.Key = aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey}
	if policy != "" {
		a.PutPolicy(name, policy)
	}
	return u
}

// PutPolicy gives the user the inline policy "test", in place of an earlier one.
func (a *Account) PutPolicy(user, policy string) {
	a.t.Helper()
	if _, err := a.IAM(a.Root).PutUserPolicy(context.Background(), &awsiam.PutUserPolicyInput{
		UserName: &user, PolicyName: aws.String("test"), PolicyDocument: &policy,
	}); err != nil {
		a.t.Fatal(err)
	}
}

// Visitor is the browser that tests sign in with.
var Visitor = signin.Visitor{Address: netip.MustParseAddr("127.0.0.1"), UserAgent: "touchtest"}

// Console is a person who is signed in to the console.
type Console struct {
	t       testing.TB
	account *Account
	Token   string
	Session *store.Session
}

// CompleteSignIn completes a sign-in. If it asks for a device, the key answers; otherwise key may be nil.
func (a *Account) CompleteSignIn(p *signin.Progress, key Authenticator) *Console {
	a.t.Helper()
	ctx := context.Background()
	if p.Session.Stage == store.StageMFA {
		if key == nil {
			a.t.Fatal("the sign-in asks for a security key and the test has none")
		}
		challenge, err := a.Server.SignIn.BeginMFA(ctx, p.Token)
		if err != nil {
			a.t.Fatal(err)
		}
		answer, err := key.Get(a.Server.URL, challenge.Options)
		if err != nil {
			a.t.Fatal(err)
		}
		if p, err = a.Server.SignIn.FinishMFA(ctx, Visitor, p.Token, challenge.Ceremony, answer); err != nil {
			a.t.Fatal(err)
		}
	}

	return &Console{t: a.t, account: a, Token: p.Token, Session: p.Session}
}

// Authenticator is a security key: softkey's, or a test's own.
type Authenticator interface {
	Create(origin string, options []byte) ([]byte, error)
	Get(origin string, options []byte) ([]byte, error)
}

// SignIn signs a user in to the console. key is the user's security key, or nil.
func (a *Account) SignIn(u *User, key Authenticator) *Console {
	a.t.Helper()
	p, err := a.Server.SignIn.User(context.Background(), Visitor, a.ID, u.Name, u.Password, "")
	if err != nil {
		a.t.Fatal(err)
	}
	return a.CompleteSignIn(p, key)
}

// RootPassword is the password that SetUpRoot gives the root user.
const RootPassword = "a root password, long enough"

// SetUpRoot uses the account's set-up link and signs the root user in.
func (a *Account) SetUpRoot() *Console {
	a.t.Helper()
	p, err := a.Server.SignIn.SetUp(context.Background(), Visitor, a.setUp, RootPassword)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.CompleteSignIn(p, nil)
}

// SignInRoot signs the root user in to the console. key is the root user's security key, or nil.
func (a *Account) SignInRoot(key Authenticator) *Console {
	a.t.Helper()
	p, err := a.Server.SignIn.Root(context.Background(), Visitor, a.Email, RootPassword, "")
	if err != nil {
		a.t.Fatal(err)
	}
	return a.CompleteSignIn(p, key)
}

// Call calls an operation in process, as a page does for the person who is signed in.
func Call[In, Out any](c *Console, o awsquery.Typed[In, Out], in *In) (*Out, error) {
	c.t.Helper()
	s := c.account.Server
	admitted, err := s.SignIn.Admit(context.Background(), c.Token)
	if err != nil {
		return nil, err
	}
	return api.Call(context.Background(), s.API, c.request(admitted.Caller), o, in)
}

func (c *Console) request(caller *authn.Caller) api.Request {
	now := c.account.Server.Clock.Now()
	return api.Request{ID: ids.NewUUID(), Now: now, Caller: caller, Env: authz.Environment{
		Now: now, Address: Visitor.Address, UserAgent: Visitor.UserAgent, Region: "us-east-1",
	}}
}

package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/iamapi"
	"github.com/touchstone-iam/touchstone/internal/api"
	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/authz"
	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/iam"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/mfa"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/outbox"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/signin"
	"github.com/touchstone-iam/touchstone/internal/simulate"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/sts"
	"github.com/touchstone-iam/touchstone/internal/touchstoneapi"
	"github.com/touchstone-iam/touchstone/internal/web"
	"github.com/touchstone-iam/touchstone/internal/web/console"
	"github.com/touchstone-iam/touchstone/internal/web/entry"
	"github.com/touchstone-iam/touchstone/policy"
	"github.com/touchstone-iam/touchstone/stsapi"
)

// Config says how a server works, apart from its state and its listeners.
type Config struct {
	URL               string // public origin: links, cookies and the relying party id come from it
	RPID              string // "" is the URL's host
	OrphanCredentials bool   // start although there are credentials of another relying party
	InsecureHTTP      bool   // URL may be an http address of any host, where no security keys can be assigned

	Sessions           authn.SessionLimits
	Skew               time.Duration // that a signature may be old or early
	Argon2             secret.Params
	MemoryLimit        int64 // of the process, in bytes; 0 is none
	AuditReads         audit.ReadMode
	AuditRetention     time.Duration
	AuditReadRetention time.Duration
	SMTPURL            string            // "" writes mails to the log, see [outbox.FlushToLog]
	Catalogue          *policy.Catalogue // what policies may name, for their validation

	Clock  func() time.Time
	Logger *slog.Logger
}

// Defaults returns the settings of a server that is started without flags.
func Defaults() Config {
	return Config{
		Sessions:       authn.SessionLimits{Absolute: 12 * time.Hour, Idle: time.Hour, Partial: 10 * time.Minute},
		Skew:           15 * time.Minute,
		Argon2:         secret.DefaultParams,
		AuditReads:     audit.ReadsQueued,
		AuditRetention: 400 * 24 * time.Hour, AuditReadRetention: 7 * 24 * time.Hour,
		Catalogue: catalogue.Builtin(),
		Clock:     time.Now,
	}
}

// Server is a whole Touchstone. Its Handler answers API requests and pages.
type Server struct {
	Handler http.Handler
	API     *api.Service
	SignIn  *signin.Service
	URL     string

	config  Config
	state   *State
	deliver outbox.Deliver
	id      string // of this process, among those that serve the database
	name    string
}

// New puts a server together on opened state. It returns an error when there are security keys of another relying party id, which
// would stop working, unless OrphanCredentials is set.
func New(ctx context.Context, state *State, c Config) (*Server, error) {
	check := httpd.CheckURL
	if c.InsecureHTTP {
		check = httpd.CheckOrigin
	}
	host, err := check(c.URL)
	if err != nil {
		return nil, err
	}
	if c.RPID == "" {
		c.RPID = host
	}

	newRelyingParty := mfa.NewRelyingParty
	if origin, err := url.Parse(c.URL); err == nil && c.InsecureHTTP && !httpd.SecureContext(origin) {
		newRelyingParty = mfa.NewInsecureRelyingParty
	}
	rp, err := newRelyingParty(c.RPID, "Touchstone", []string{c.URL})
	if err != nil {
		return nil, fmt.Errorf("relying party: %w", err)
	}
	if err := claimURL(ctx, state.Store, c); err != nil {
		return nil, err
	}

	var deliver outbox.Deliver // nil without a mail server
	if c.SMTPURL != "" {
		if deliver, err = outbox.ToSMTP(c.SMTPURL); err != nil {
			return nil, err
		}
	}

	table := api.NewTable(iamapi.Operations(), stsapi.Operations())
	table.AddInProcess(touchstoneapi.Operations())
	hasher := secret.NewHasher(c.Argon2, c.MemoryLimit)
	if err := learnCosts(ctx, state, hasher); err != nil {
		return nil, err
	}
	service := &api.Service{
		Store: state.Store, Authn: authn.New(state.Secrets, c.Skew, c.Sessions), Authz: authz.New(),
		Audit: audit.NewLog(state.Store, c.AuditReads, c.Logger), Table: table, Clock: c.Clock, Logger: c.Logger,
		KeyUses: api.NewKeyUses(), Proofs: api.NewProofBudget(),
	}
	signIn := &signin.Service{
		Store: state.Store, Authn: service.Authn, Audit: service.Audit, Hasher: hasher, Secrets: state.Secrets,
		RelyingParty: rp, Clock: c.Clock, Logger: c.Logger,
	}

	(&iam.Operations{
		SignIn: signIn, Hasher: hasher, Secrets: state.Secrets, RelyingParty: rp, Authn: service.Authn, Authz: service.Authz,
		KeyUses: service.KeyUses, Catalogue: c.Catalogue,
	}).Define(table)
	(&simulate.Operations{Authz: service.Authz, Catalogue: c.Catalogue}).Define(table)
	sts.Define(table)

	s := &Server{
		API: service, SignIn: signIn, URL: c.URL, config: c, state: state, deliver: deliver, id: ids.New(), name: serverName(),
	}
	actions, keyTypes := names(c.Catalogue)
	pages, err := web.New(web.Config{API: service, SignIn: signIn, URL: c.URL, Logger: c.Logger},
		entry.Pages(), console.Pages(console.Catalogue{Actions: actions, KeyTypes: keyTypes}))
	if err != nil {
		return nil, err
	}

	s.Handler = route(service, pages)
	return s, nil
}

// names returns the actions of a catalogue, as policies name them, and the types of its condition keys.
func names(c *policy.Catalogue) (actions []string, keyTypes map[string]string) {
	keyTypes = make(map[string]string)
	for prefix, service := range c.Services {
		for action := range service.Actions {
			actions = append(actions, prefix+":"+action)
		}
	}
	for key, t := range c.Keys {
		keyTypes[key] = string(t)
	}
	slices.Sort(actions)
	return actions, keyTypes
}

// route sends API requests to query and everything else to pages. A request to / is an API request when it is a POST, has an
// Action, or has an Authorization header.
func route(query, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && (r.Method == http.MethodPost || r.URL.Query().Has("Action") || r.Header.Get("Authorization") != "") {
			query.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

const settingURL = "public_url"

// claimURL stores the server's public URL, for the links that the operator's commands print. Before it does, it makes sure that the
// security keys there are can be used at the server's relying party id.
func claimURL(ctx context.Context, s *store.Store, c Config) error {
	const shown = 5
	return s.Update(ctx, store.Installation(), func(tx *store.Tx) error {
		elsewhere, err := tx.MFADevicesElsewhere(c.RPID, shown+1)
		if err != nil {
			return err
		}
		if len(elsewhere) > 0 && !c.OrphanCredentials {
			return orphaned(c.RPID, elsewhere, shown)
		}
		return tx.SetSetting(settingURL, c.URL)
	})
}

// orphaned returns the error that names the owners of security keys of another relying party id, at most shown of them.
func orphaned(rpID string, elsewhere []store.MFADeviceElsewhere, shown int) error {
	var names []string
	for n, d := range elsewhere {
		if n == shown {
			names = append(names, "and others")
			break
		}
		user := d.UserName
		if user == "" {
			user = "the root user"
		}
		names = append(names, fmt.Sprintf("%s of account %s (%s, made for %s)", user, d.AccountID, d.DeviceName, d.RPID))
	}
	return fmt.Errorf("these security keys were registered for another address and would stop working at %s: %s; "+
		"start with the old --url or --rp-id, or pass --orphan-credentials to give these keys up", rpID, strings.Join(names, "; "))
}

// LinkURL returns the public URL for links that the command line prints: the one given there, else the one that the server was last
// started with, else http://localhost:8080.
func LinkURL(ctx context.Context, s *store.Store, given string) (string, error) {
	chosen := given
	if chosen == "" {
		if err := s.View(ctx, func(tx *store.Tx) (err error) {
			chosen, err = tx.Setting(settingURL)
			return err
		}); err != nil {
			return "", err
		}
	}
	if chosen == "" {
		return "http://localhost:8080", nil
	}
	_, err := httpd.CheckOrigin(chosen) // the server may have been started with --insecure-http
	return strings.TrimSuffix(chosen, "/"), err
}

// FirstAccount makes the first account of an installation. It returns nil when there is an account already.
func FirstAccount(ctx context.Context, state *State, rootEmail, publicURL string) (*operator.CreatedAccount, error) {
	o := state.Operator()
	accounts, err := o.Accounts(ctx)
	if err != nil || len(accounts) > 0 {
		return nil, err
	}
	return o.CreateAccount(ctx, operator.AccountRequest{RootEmail: rootEmail, URL: publicURL, First: true})
}

// How often the work in the background is done.
const (
	flushEvery = 5 * time.Second
	sweepEvery = time.Minute
	pruneEvery = time.Hour
)

// Background does the work that no request waits for, until ctx is done. Each kind of work has a goroutine of its own, so that a
// mail server that does not answer delays only mails.
func (s *Server) Background(ctx context.Context) {
	c, now := s.config, s.config.Clock
	if err := s.announce(ctx); err != nil && ctx.Err() == nil {
		c.Logger.Error("the server could not say that it runs, and will try again", "error", err)
	}

	var running sync.WaitGroup
	for _, work := range []struct {
		every time.Duration
		do    func() error
	}{
		{renewEvery, func() error { return s.announce(ctx) }},
		{pruneEvery, func() error { return s.state.DropUnusedKeys(ctx, now()) }},
		{flushEvery, func() error { return s.API.KeyUses.Flush(ctx, s.state.Store) }},
		{flushEvery, func() error { return s.flushMails(ctx) }},
		{sweepEvery, func() error { return errors.Join(s.SignIn.Sweep(ctx), s.API.Audit.FlushUnauthenticated(now())) }},
		{pruneEvery, func() error { return s.prune(ctx) }},
	} {
		running.Go(func() { s.repeat(ctx, work.every, work.do) })
	}
	running.Wait()
}

// prune removes the events and mails that are kept no longer.
func (s *Server) prune(ctx context.Context) error {
	c := s.config
	err := s.API.Audit.Prune(ctx, c.Clock(), c.AuditReadRetention, c.AuditRetention)
	if s.deliver == nil {
		err = errors.Join(err, outbox.Prune(ctx, s.state.Store, c.Clock()))
	}
	return err
}

// flushMails delivers the mails that wait, or logs them when there is no mail server.
func (s *Server) flushMails(ctx context.Context) error {
	if s.deliver == nil {
		return outbox.FlushToLog(ctx, s.state.Store, s.config.Logger, s.config.Clock())
	}
	return outbox.Flush(ctx, s.state.Store, s.deliver, s.config.Logger, s.config.Clock())
}

// repeat does work at the given interval until ctx is done. A failure is logged, and the work is tried again at its next turn.
func (s *Server) repeat(ctx context.Context, every time.Duration, do func() error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := do(); err != nil && ctx.Err() == nil {
			s.config.Logger.Error("background work failed, will be tried again", "error", err)
		}
	}
}

// Close writes what is still held in memory: uses of access keys, and audit events. The state stays open.
func (s *Server) Close() error {
	return errors.Join(s.API.KeyUses.Flush(context.Background(), s.state.Store), s.API.Audit.Close(), s.leave(context.Background()))
}

// Check returns all faults of the settings in one error, each on a line of its own.
func (c *Config) Check() error {
	var faults []error
	positive := func(flag string, d time.Duration) {
		if d <= 0 {
			faults = append(faults, fmt.Errorf("--%s %v: use a duration above zero, such as 12h", flag, d))
		}
	}

	positive("session-duration", c.Sessions.Absolute)
	positive("session-idle", c.Sessions.Idle)
	positive("audit-retention", c.AuditRetention)
	positive("audit-read-retention", c.AuditReadRetention)
	if c.Skew < 5*time.Minute || c.Skew > 15*time.Minute {
		faults = append(faults, fmt.Errorf("--clock-skew %v: use 5m to 15m", c.Skew))
	}
	if host, err := httpd.CheckURL(c.URL); err == nil { // a URL that cannot be used is reported with the listener's faults
		if _, err := mfa.NewRelyingParty(cmp.Or(c.RPID, host), "Touchstone", []string{c.URL}); err != nil {
			faults = append(faults, fmt.Errorf("--rp-id %q: %w", c.RPID, err))
		}
	}
	if err := c.Argon2.Check(); err != nil {
		faults = append(faults, fmt.Errorf("--argon2-memory, --argon2-time: %w", err))
	} else if err := c.Argon2.Within(c.MemoryLimit); err != nil {
		faults = append(faults, fmt.Errorf("--argon2-memory, --memory-limit: %w", err))
	}
	if c.SMTPURL != "" {
		if _, err := outbox.ToSMTP(c.SMTPURL); err != nil {
			faults = append(faults, fmt.Errorf("--smtp-url: %w", err))
		}
	}

	return errors.Join(faults...)
}

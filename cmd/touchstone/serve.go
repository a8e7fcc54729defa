package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/seed"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// serving are the settings of 'serve'.
type serving struct {
	where      location
	http       httpd.Config
	server     server.Config
	rootEmail  string
	seedFile   string
	seed       *seed.Seed // nil without --seed
	reads      string
	catalogues []string
	logLevel   string
	logFormat  string
}

func serveCommand() *cobra.Command {
	s := serving{server: server.Defaults()}
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the service: the API, the sign-in pages and the console", Args: args(0, "no arguments"),
		Long: `Run the service on one address: the AWS Query endpoint of IAM and STS, and the sign-in and console pages.

On the first start it makes an account and prints a link on which the root user sets a password. With --seed it makes the accounts
of a file instead, with their users, policies and keys.

The database is SQLite, in the directory of --data, or PostgreSQL 15 or later with --database. Several servers may run on one
PostgreSQL database, with the same master key. A database that an earlier version wrote is brought to this version's schema, unless
another server still runs on it.`,
		Example: `  touchstone serve --data ./data
  touchstone serve --data :memory: --seed iam.yaml
  touchstone serve --data /var/lib/touchstone --listen :443 --tls-cert cert.pem --tls-key key.pem --url https://iam.example.com
  touchstone serve --data ./data --listen 10.0.0.5:8080 --behind-proxy 10.0.0.1 --url https://iam.example.com
  PGPASSFILE=pgpass touchstone serve --database postgres://touchstone@db.example.com/touchstone --master-key-file master.key`,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	f := cmd.Flags()
	s.where.flags(cmd)
	f.StringVar(&s.http.Listen, "listen", "127.0.0.1:8080", "address to serve on; beyond loopback only with TLS or behind a proxy")
	f.StringVar(&s.http.TLSCert, "tls-cert", "", "file with the TLS certificate chain (PEM)")
	f.StringVar(&s.http.TLSKey, "tls-key", "", "file with the TLS private key (PEM)")
	f.StringSliceVar(&s.http.BehindProxy, "behind-proxy", nil, "addresses of the proxies in front (IP or CIDR); only they may say who the client is")
	f.BoolVar(&s.http.InsecureHTTP, "insecure-http", false, "serve HTTP without TLS to other machines, for tests: passwords cross the network in the clear, "+
		"and security keys work only on localhost")
	f.StringVar(&s.http.URL, "url", "", "public address, from which links, cookies and the security keys' relying party come (default: http://localhost:PORT)")
	f.StringVar(&s.http.MetricsListen, "metrics-listen", "", "address for Prometheus metrics (default: none)")
	f.StringVar(&s.server.RPID, "rp-id", "", "relying party id of security keys: the URL's host, or a registrable parent of it")
	f.BoolVar(&s.server.OrphanCredentials, "orphan-credentials", false, "start although some security keys were registered for another relying party id")
	f.StringVar(&s.rootEmail, "root-email", "root@localhost", "e-mail address of the root user of the account made on the first start")
	f.StringVar(&s.seedFile, "seed", "", "file, in YAML or JSON, of the accounts, users, policies and keys that an empty database begins with, in place of "+
		"the first account; docs/seed.md explains it")
	f.DurationVar(&s.server.Sessions.Absolute, "session-duration", s.server.Sessions.Absolute, "how long a console session lasts")
	f.DurationVar(&s.server.Sessions.Idle, "session-idle", s.server.Sessions.Idle, "how long a console session lasts without being used")
	f.DurationVar(&s.server.Skew, "clock-skew", s.server.Skew, "how far a signature's time may be from the clock")
	f.Uint32Var(&s.server.Argon2.MemoryKiB, "argon2-memory", s.server.Argon2.MemoryKiB, "memory of a password hash, in KiB")
	f.Uint32Var(&s.server.Argon2.Time, "argon2-time", s.server.Argon2.Time, "passes of a password hash")
	f.StringVar(&s.reads, "audit-reads", string(s.server.AuditReads), "events of reads: queue (within 100 ms), sync (before the answer) or off")
	f.DurationVar(&s.server.AuditRetention, "audit-retention", s.server.AuditRetention, "how long events of changes, sign-ins and denials are kept")
	f.DurationVar(&s.server.AuditReadRetention, "audit-read-retention", s.server.AuditReadRetention, "how long events of reads are kept")
	f.StringVar(&s.server.SMTPURL, "smtp-url", "", "mail server, smtp://user:password@host:587?from=ADDRESS (default: mails go to the log)")
	f.StringArrayVar(&s.catalogues, "catalogue", nil, "file with the actions and condition keys of more services, which the policy editor then knows")
	f.StringVar(&s.logLevel, "log-level", "info", "what to log: debug, info, warn or error")
	f.StringVar(&s.logFormat, "log-format", "auto", "how to log: text, json, or auto (text on a terminal)")
	return cmd
}

// run serves until the command's context is done.
func (s *serving) run(cmd *cobra.Command) error {
	logger, err := s.logger(cmd.ErrOrStderr())
	if err := errors.Join(err, s.complete(logger), s.where.check(cmd)); err != nil {
		return &usageError{err}
	}
	collectLess()

	ctx := cmd.Context()
	c := s.where.state()
	c.Create, c.Migrate = true, true
	c.Migrated = func(from, to int64) {
		if from > 0 {
			logger.Info("the schema of the database was migrated", "from", from, "to", to)
		}
	}
	state, err := server.OpenState(ctx, c)
	if err != nil {
		return err
	}
	logger.Info("opened the database", "database", state.Store.Name())
	s.warn(logger)

	err = s.serve(ctx, cmd.OutOrStdout(), state, logger)
	return errors.Join(err, state.Close())
}

// warn says what is doubtful about the settings.
func (s *serving) warn(logger *slog.Logger) {
	for _, warning := range s.http.Warnings() {
		logger.Warn(warning)
	}
	if s.where.database == "" && s.where.data == server.InMemory {
		logger.Warn("everything is kept in memory and is gone when the server stops; name a directory with --data to keep it")
	}
}

// collectLess lets the heap, which is a few MiB, grow further before garbage is collected: a request's garbage is small and the
// collector would otherwise run hundreds of times a second under load. GOGC in the environment has the last word.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// complete fills in what follows from other settings, and reports every fault of them at once.
func (s *serving) complete(logger *slog.Logger) error {
	var faults []error
	if s.http.URL == "" {
		s.http.URL = defaultURL(s.http.Listen, s.http.TLSCert != "")
	}
	s.http.URL = strings.TrimSuffix(s.http.URL, "/")
	s.server.URL, s.server.Logger, s.server.InsecureHTTP = s.http.URL, logger, s.http.InsecureHTTP
	s.server.AuditReads = audit.ReadMode(s.reads)
	switch s.server.AuditReads {
	case audit.ReadsQueued, audit.ReadsSync, audit.ReadsOff:
	default:
		faults = append(faults, fmt.Errorf("--audit-reads %q: use queue, sync or off", s.reads))
	}
	if s.seedFile != "" {
		read, err := readSeed(s.seedFile)
		s.seed, faults = read, append(faults, err)
	}
	known, err := catalogue.Load(s.catalogues...)
	if err != nil {
		faults = append(faults, err)
	}
	s.server.Catalogue = known
	return errors.Join(append(faults, s.http.Validate(), s.server.Check())...)
}

// defaultURL is where a browser on this machine reaches the address.
func defaultURL(listen string, tls bool) string {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return scheme + "://localhost"
	}
	return scheme + "://localhost:" + port
}

func (s *serving) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
		return slog.Default(), fmt.Errorf("--log-level %q: use debug, info, warn or error", s.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch {
	case s.logFormat == "text", s.logFormat == "auto" && terminal(w):
		return slog.New(slog.NewTextHandler(w, options)), nil
	case s.logFormat == "json", s.logFormat == "auto":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.Default(), fmt.Errorf("--log-format %q: use text, json or auto", s.logFormat)
}

// terminal reports whether a person is likely to read what is written to w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (s *serving) serve(ctx context.Context, out io.Writer, state *server.State, logger *slog.Logger) error {
	app, err := server.New(ctx, state, s.server)
	if err != nil {
		return err
	}
	ready := func(ctx context.Context) error { return state.Store.View(ctx, func(*store.Tx) error { return nil }) }
	front, err := httpd.New(s.http, app.Handler, ready, logger)
	if err != nil {
		return errors.Join(err, app.Close())
	}
	if err := front.Listen(); err != nil {
		return errors.Join(err, app.Close())
	}
	made, err := s.firstAccounts(ctx, app, state)
	if err != nil {
		return errors.Join(err, app.Close())
	}
	greet(out, s.http.URL, s.seed != nil, made)
	if err := s.warnOfKeys(ctx, state, logger); err != nil {
		return errors.Join(err, app.Close())
	}
	background, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		app.Background(background)
	}()
	err = front.Serve(ctx)
	stop()
	<-done
	return errors.Join(err, app.Close())
}

// firstAccounts makes what an empty database begins with: the accounts of the seed, or else one account. It returns none when there is
// an account already.
func (s *serving) firstAccounts(ctx context.Context, app *server.Server, state *server.State) ([]*operator.CreatedAccount, error) {
	if s.seed != nil {
		return state.Operator().Seed(ctx, s.seed, app.SignIn.Hasher, s.http.URL)
	}
	first, err := server.FirstAccount(ctx, state, s.rootEmail, s.http.URL)
	if first == nil || err != nil {
		return nil, err
	}
	return []*operator.CreatedAccount{first}, nil
}

// greet tells whoever started the server where it is and, the first time, how to get in.
func greet(w io.Writer, url string, seeded bool, made []*operator.CreatedAccount) {
	fmt.Fprintf(w, "Touchstone is serving %s\n", url)
	switch {
	case seeded && len(made) == 0:
		fmt.Fprint(w, "The seed was not applied, because there are accounts already.\n")
	case len(made) > 0 && seeded:
		fmt.Fprint(w, "\nThis is the first start. The accounts of the seed have been made:\n")
	case len(made) > 0:
		fmt.Fprint(w, "\nThis is the first start. An account has been made:\n")
	}

	for _, account := range made {
		fmt.Fprintf(w, "\n  Account id:   %s\n", account.AccountID)
		if account.Alias != "" {
			fmt.Fprintf(w, "  Alias:        %s\n", account.Alias)
		}
		fmt.Fprintf(w, "  Root e-mail:  %s\n", account.RootEmail)
		if account.SetupURL != "" {
			fmt.Fprintf(w, `  Set-up link:  %s

Open the link to choose the root user's password. It works once, within an hour;
'touchstone account setup-link --account %s' makes a new one.
`, account.SetupURL, account.AccountID)
		}
	}
}

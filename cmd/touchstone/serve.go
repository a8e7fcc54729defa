package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/memlimit"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/plain"
	"github.com/touchstone-iam/touchstone/internal/seed"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/systemd"
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
	backups    scheduled
	logLevel   string
	logFormat  string
	defaultURL bool // --url was not given
}

func serveCommand() *cobra.Command {
	s := serving{server: server.Defaults(), http: httpd.Config{BodyMemory: httpd.DefaultBodyMemory}}
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
	f.StringSliceVar(&s.http.BehindProxy, "behind-proxy", nil,
		"addresses of the proxies in front (IP or CIDR); only they may say who the client is")
	f.BoolVar(&s.http.InsecureHTTP, "insecure-http", false, "serve HTTP without TLS to other machines, for tests: "+
		"passwords cross the network in the clear, and security keys work only on localhost")
	f.StringVar(&s.http.URL, "url", "", "public address, from which links, cookies and the security keys' relying party come (default: http://localhost:PORT)")
	f.StringVar(&s.http.MetricsListen, "metrics-listen", "", "address for Prometheus metrics (default: none)")
	f.StringVar(&s.server.RPID, "rp-id", "", "relying party id of security keys: the URL's host, or a registrable parent of it")
	f.BoolVar(&s.server.OrphanCredentials, "orphan-credentials", false,
		"start although some security keys were registered for another relying party id")
	f.StringVar(&s.rootEmail, "root-email", "root@localhost", "e-mail address of the root user of the account made on the first start")
	f.StringVar(&s.seedFile, "seed", "", "file, in YAML or JSON, of the accounts, users, policies and keys that an empty database begins with, in place of "+
		"the first account; docs/seed.md explains it")
	f.DurationVar(&s.server.Sessions.Absolute, "session-duration", s.server.Sessions.Absolute, "how long a console session lasts")
	f.DurationVar(&s.server.Sessions.Idle, "session-idle", s.server.Sessions.Idle,
		"how long a console session lasts without being used")
	f.DurationVar(&s.server.Skew, "clock-skew", s.server.Skew, "how far a signature's time may be from the clock")
	f.Uint32Var(&s.server.Argon2.MemoryKiB, "argon2-memory", s.server.Argon2.MemoryKiB, "memory of a password hash, in KiB")
	f.Uint32Var(&s.server.Argon2.Time, "argon2-time", s.server.Argon2.Time, "passes of a password hash")
	f.Var((*byteSize)(&s.server.MemoryLimit), "memory-limit",
		"memory that the process should keep within, such as 256MiB (default: the limit of its control group)")
	f.Var((*byteSize)(&s.http.BodyMemory), "body-memory",
		"memory for large requests in flight, of which one address or key has at most a quarter")
	f.IntVar(&s.http.MaxConnections, "max-connections", httpd.DefaultConnections,
		"connections at a time, of which one address has at most a quarter")
	f.StringVar(&s.reads, "audit-reads", string(s.server.AuditReads),
		"events of reads: queue (within 100 ms), sync (before the answer) or off")
	f.DurationVar(&s.server.AuditRetention, "audit-retention", s.server.AuditRetention,
		"how long events of changes, sign-ins and denials are kept")
	f.DurationVar(&s.server.AuditReadRetention, "audit-read-retention", s.server.AuditReadRetention,
		"how long events of reads are kept")
	f.StringVar(&s.server.SMTPURL, "smtp-url", "",
		"mail server, smtp://user:password@host:587?from=ADDRESS (default: mails are logged as warnings, and kept)")
	f.StringArrayVar(&s.catalogues, "catalogue", nil,
		"file with the actions and condition keys of more services, which the policy editor then knows")
	s.backups.flags(cmd)
	f.StringVar(&s.logLevel, "log-level", "info", "what to log: debug, info, warn or error")
	f.StringVar(&s.logFormat, "log-format", "auto", "how to log: text, json, or auto (text on a terminal)")
	return cmd
}

// run serves until the command's context is done.
func (s *serving) run(cmd *cobra.Command) error {
	logger, err := s.logger(cmd.ErrOrStderr())
	if err := errors.Join(err, s.complete(logger), s.where.check(cmd), s.backups.check(cmd, &s.where.place)); err != nil {
		return &usageError{err}
	}
	memlimit.Apply(s.server.MemoryLimit)
	hungUp, stop := hangups() // from the beginning, since a SIGHUP must not end a server that is just starting
	defer stop()
	memlimit.Apply(s.server.MemoryLimit)

	ctx := cmd.Context()
	c := s.where.state()
	c.Create, c.Migrate = true, true
	c.Checking = func(why string) { logger.Warn("checking the database, which can take a while", "because", why) }
	c.Migrated = s.migrated(logger)
	state, err := server.OpenState(ctx, c)
	if err != nil {
		return err
	}
	for _, text := range s.doubts(cmd, time.Now()) {
		logger.Warn(text)
	}

	err = s.serve(ctx, cmd.OutOrStdout(), state, hungUp, logger)
	return errors.Join(err, state.Close())
}

// migrated returns what writes the line about a migration.
func (s *serving) migrated(logger *slog.Logger) func(from, to int64) {
	return func(from, to int64) {
		if from == 0 {
			return // the database is new
		}
		attributes := []any{"from", from, "to", to}
		if s.where.database == "" {
			attributes = append(attributes, "copy", server.CopyBefore(s.where.data, from))
		}
		logger.Info("the schema of the database was migrated", attributes...)
	}
}

// complete fills in what follows from other settings, and reports every fault of them at once.
func (s *serving) complete(logger *slog.Logger) error {
	var faults []error
	if s.http.URL == "" {
		s.defaultURL = true
		s.http.URL = defaultURL(s.http.Listen, s.http.TLSCert != "")
	}

	s.http.URL = strings.TrimSuffix(s.http.URL, "/")
	s.server.URL, s.server.Logger, s.server.InsecureHTTP = s.http.URL, logger, s.http.InsecureHTTP
	if s.server.MemoryLimit == 0 {
		s.server.MemoryLimit = memlimit.Of()
	}
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
	first := operator.AccountRequest{RootEmail: s.rootEmail}
	return errors.Join(append(faults, first.Check(), s.http.Validate(), s.server.Check())...)
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
	safe := plain.NewWriter(w) // what is logged contains what strangers sent
	switch {
	case s.logFormat == "text", s.logFormat == "auto" && terminal(w):
		return slog.New(slog.NewTextHandler(safe, options)), nil
	case s.logFormat == "json", s.logFormat == "auto":
		return slog.New(slog.NewJSONHandler(safe, options)), nil
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

// serve answers requests on opened state until ctx is done.
func (s *serving) serve(ctx context.Context, out io.Writer, state *server.State, hungUp <-chan os.Signal,
	logger *slog.Logger,
) error {
	app, err := server.New(ctx, state, s.server)
	if err != nil {
		return err
	}
	o := s.operation(state, logger)
	front, err := httpd.New(s.http, app.Handler, o.ready.Check, logger)
	if err != nil {
		return errors.Join(err, app.Close())
	}
	front.Remarks(o.remarks)
	if s.http.MetricsListen != "" {
		front.Register(slices.Concat(app.Collectors(), o.collectors())...)
	}
	if err := front.Listen(); err != nil {
		return errors.Join(err, app.Close())
	}

	made, err := s.firstAccounts(ctx, app, state)
	if err != nil {
		return errors.Join(err, app.Close())
	}
	greet(out, s.http.URL, s.seed != nil, made, &s.where)
	if err := s.warnOfKeys(ctx, state, logger); err != nil {
		return errors.Join(err, app.Close())
	}
	s.announce(front, state, logger)
	endOperation := o.start(ctx)

	background, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { app.Background(background) })
	running.Go(func() { rereadAt(background, hungUp, files(front, state), logger) })
	running.Go(func() { watch(background, o.ready.Check, logger) })
	context.AfterFunc(ctx, func() {
		logger.Info("stopping: requests in flight may finish; a second signal ends the server at once")
		tellManager(logger, systemd.Stopping)
	})

	err = front.Serve(ctx)
	stop()
	running.Wait()
	endOperation()
	if err = errors.Join(err, app.Close()); err == nil {
		logger.Info("stopped")
	}
	return err
}

// announce says that the server answers requests: to the log, and to the service manager.
func (s *serving) announce(front *httpd.Server, state *server.State, logger *slog.Logger) {
	v := server.Version()
	logger.Info("started", "version", v.Version, "commit", v.Commit, "address", front.Addr().String(), "url", s.http.URL,
		"database", state.Store.Name(), "schema", store.SchemaVersion())
	tellManager(logger, systemd.Ready)
}

// files are what the server reads again at SIGHUP.
func files(front *httpd.Server, state *server.State) []rereading {
	all := []rereading{{"master key", func(ctx context.Context) ([]any, error) { return nil, state.RenewKeys(ctx) }}}
	if _, tls, _ := front.Reread(); tls {
		all = append(all, rereading{"TLS certificate", func(context.Context) ([]any, error) {
			expires, _, err := front.Reread()
			return []any{"expires", expires}, err
		}})
	}
	return all
}

// firstAccounts makes what an empty database begins with: the accounts of the seed, or else one account. It returns none when there
// is an account already.
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
func greet(w io.Writer, url string, seeded bool, made []*operator.CreatedAccount, where *location) {
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

Open the link to choose the root user's password. It works once, within an hour.
`, account.SetupURL)
			printRenewal(w, account, where)
		}
	}
}

// printRenewal writes which command makes a new set-up link. None reaches a database in memory.
func printRenewal(w io.Writer, account *operator.CreatedAccount, where *location) {
	if where.database == "" && where.data == server.InMemory {
		return
	}
	fmt.Fprintf(w, "This command makes a new one:\n\n  %s\n", where.command("account setup-link --account "+account.AccountID))
}

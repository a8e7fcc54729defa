package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/catalogue"
	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/memlimit"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// serving are the settings of 'serve'.
type serving struct {
	where      location
	http       httpd.Config
	server     server.Config
	rootEmail  string
	reads      string
	catalogues []string
	logLevel   string
	logFormat  string
}

func serveCommand() *cobra.Command {
	s := serving{server: server.Defaults(), http: httpd.Config{BodyMemory: httpd.DefaultBodyMemory}}
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the service: the API, the sign-in pages and the console", Args: args(0, "no arguments"),
		Long: `Run the service on one address: the AWS Query endpoint of IAM and STS, and the sign-in and console pages.

On the first start it makes an account and prints a link on which the root user sets a password.

The database is SQLite, in the directory of --data, or PostgreSQL 15 or later with --database. Several servers may run on one
PostgreSQL database, with the same master key. A database that an earlier version wrote is brought to this version's schema, unless
another server still runs on it.`,
		Example: `  touchstone serve --data ./data
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
	f.StringVar(&s.http.URL, "url", "", "public address, from which links, cookies and the security keys' relying party come (default: http://localhost:PORT)")
	f.StringVar(&s.http.MetricsListen, "metrics-listen", "", "address for Prometheus metrics (default: none)")
	f.StringVar(&s.server.RPID, "rp-id", "", "relying party id of security keys: the URL's host, or a registrable parent of it")
	f.BoolVar(&s.server.OrphanCredentials, "orphan-credentials", false, "start although some security keys were registered for another relying party id")
	f.StringVar(&s.rootEmail, "root-email", "root@localhost", "e-mail address of the root user of the account made on the first start")
	f.DurationVar(&s.server.Sessions.Absolute, "session-duration", s.server.Sessions.Absolute, "how long a console session lasts")
	f.DurationVar(&s.server.Sessions.Idle, "session-idle", s.server.Sessions.Idle, "how long a console session lasts without being used")
	f.DurationVar(&s.server.Skew, "clock-skew", s.server.Skew, "how far a signature's time may be from the clock")
	f.Uint32Var(&s.server.Argon2.MemoryKiB, "argon2-memory", s.server.Argon2.MemoryKiB, "memory of a password hash, in KiB")
	f.Uint32Var(&s.server.Argon2.Time, "argon2-time", s.server.Argon2.Time, "passes of a password hash")
	f.Var((*byteSize)(&s.server.MemoryLimit), "memory-limit", "memory that the process should keep within, such as 256MiB (default: the limit of its control group)")
	f.Var((*byteSize)(&s.http.BodyMemory), "body-memory", "memory for large requests in flight, of which one address or key has at most a quarter")
	f.IntVar(&s.http.MaxConnections, "max-connections", httpd.DefaultConnections, "connections at a time, of which one address has at most a quarter")
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
	memlimit.Apply(s.server.MemoryLimit)

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

	err = s.serve(ctx, cmd.OutOrStdout(), state, logger)
	return errors.Join(err, state.Close())
}

// complete fills in what follows from other settings, and reports every fault of them at once.
func (s *serving) complete(logger *slog.Logger) error {
	var faults []error
	if s.http.URL == "" {
		s.http.URL = defaultURL(s.http.Listen, s.http.TLSCert != "")
	}
	s.http.URL = strings.TrimSuffix(s.http.URL, "/")
	s.server.URL, s.server.Logger = s.http.URL, logger
	if s.server.MemoryLimit == 0 {
		s.server.MemoryLimit = memlimit.Of()
	}
	s.server.AuditReads = audit.ReadMode(s.reads)
	switch s.server.AuditReads {
	case audit.ReadsQueued, audit.ReadsSync, audit.ReadsOff:
	default:
		faults = append(faults, fmt.Errorf("--audit-reads %q: use queue, sync or off", s.reads))
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
	first, err := server.FirstAccount(ctx, state, s.rootEmail, s.http.URL)
	if err != nil {
		return errors.Join(err, app.Close())
	}
	greet(out, s.http.URL, first)
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

// greet tells whoever started the server where it is and, the first time, how to get in.
func greet(w io.Writer, url string, first *operator.CreatedAccount) {
	fmt.Fprintf(w, "Touchstone is serving %s\n", url)
	if first == nil {
		return
	}
	fmt.Fprintf(w, `
This is the first start. An account has been made:

  Account id:   %s
  Root e-mail:  %s
  Set-up link:  %s

Open the link to choose the root user's password. It works once, within an hour;
'touchstone account setup-link --account %s' makes a new one.
`, first.AccountID, first.RootEmail, first.SetupURL, first.AccountID)
}

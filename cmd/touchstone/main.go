// Command touchstone is a self-hosted principal and access service that speaks AWS IAM.
//
// 'touchstone serve' runs it. The account, mfa, sessions, audit and migrate commands work on the same database, a data directory or
// PostgreSQL, whether or not the server runs; the policy and version commands need neither. Each command explains itself with
// --help. Every flag can also be given by an environment variable: TOUCHSTONE_DATA stands for --data. The exit code is 0 when the
// command did what it was asked to, 1 when it failed, and 2 when it was called wrongly.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the command that the arguments name and returns the exit code of the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)

	err := root.ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "touchstone: %s\n", strings.ReplaceAll(usage.Error(), "\n", "\ntouchstone: "))
		fmt.Fprintln(stderr, "touchstone: run the command with --help to see how it is used")
		return 2
	default:
		fmt.Fprintf(stderr, "touchstone: %s\n", strings.ReplaceAll(err.Error(), "\n", "\ntouchstone: "))
		return 1
	}
}

// usageError is a mistake in how a command was called.
type usageError struct{ err error }

// Error describes the mistake.
func (e *usageError) Error() string { return e.err.Error() }

// Unwrap returns the mistake itself.
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "touchstone",
		Short: "AWS IAM on your own machines, with FIDO security keys at the front door",
		Long: `Touchstone is a self-hosted principal and access service that speaks AWS IAM and STS.

Start it with 'touchstone serve' and open the address that it prints. The account, mfa, sessions, audit and
migrate commands work on the same database, whether or not the server runs: on SQLite in the directory of --data, or on
PostgreSQL with --database and --master-key-file. The policy commands work on files only.`,
		Example: `  touchstone serve --data ./data
  touchstone account create --data ./data --alias acme --root-email root@example.com
  touchstone mfa remove --data ./data --account acme --user alice --device laptop-key`,
		SilenceUsage: true, SilenceErrors: true, Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", args[0])
			}
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(serveCommand(),
		accountCommand(), mfaCommand(), sessionsCommand(), auditCommand(), migrateCommand(), // on the database
		policyCommand(), envCommand(), manCommand(), versionCommand())
	return root
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("%s has no command %q", cmd.CommandPath(), args[0])
		}
		return cmd.Help()
	}}
	c.AddCommand(commands...)
	return c
}

// args refuses any other number of arguments than n.
func args(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) != n {
			return usagef("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// fromEnvironment gives each flag that was not set the value of its environment variable.
func fromEnvironment(cmd *cobra.Command) error {
	var faults []error // all of them, so that one run shows everything to correct
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "TOUCHSTONE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := os.LookupEnv(name); ok && !f.Changed && f.Name != "help" {
			if err := cmd.Flags().Set(f.Name, value); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", name, err))
			}
		}
	})

	if len(faults) > 0 {
		return &usageError{errors.Join(faults...)}
	}
	return nil
}

// place is the database that a command works on: its flags.
type place struct{ data, database string }

func (p *place) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.data, "data", "data", "directory of the SQLite database; with serve, "+server.InMemory+" keeps everything in memory, for tests")
	cmd.Flags().StringVar(&p.database, "database", "", "URL of a PostgreSQL database, in place of --data: "+
		"postgres://USER@HOST/NAME, with parameters as libpq names them; the password in PGPASSFILE or PGPASSWORD")
}

// check refuses two databases, and a URL that cannot be read. An environment variable counts as the flag that it stands for.
func (p *place) check(cmd *cobra.Command) error {
	if p.database == "" {
		if cmd.Flags().Changed("database") {
			return usagef("--database is empty: give the URL of a PostgreSQL database, or leave it out")
		}
		return nil
	}
	if cmd.Flags().Changed("data") {
		return usagef("--data and --database name two databases: use one of them (TOUCHSTONE_DATA and TOUCHSTONE_DATABASE count as well)")
	}
	if err := store.CheckURL(p.database); err != nil {
		return usagef("--database: %w", err)
	}
	return nil
}

// location is where the installation's state is, the database and its master key: the flags of every command that works on it.
type location struct {
	place
	masterKey string
}

func (l *location) flags(cmd *cobra.Command) {
	l.place.flags(cmd)
	cmd.Flags().StringVar(&l.masterKey, "master-key-file", "", "file with the master key (default: master.key in the data directory; "+
		"required with --database)")
}

func (l *location) check(cmd *cobra.Command) error {
	if err := l.place.check(cmd); err != nil {
		return err
	}
	if l.database != "" && l.masterKey == "" {
		return usagef("--database needs --master-key-file FILE: the file with the key that seals the secrets in the database; " +
			"on an empty database, serve and account create make it")
	}
	return nil
}

// state is what to open.
func (l *location) state() server.StateConfig {
	return server.StateConfig{Data: l.data, Database: l.database, MasterKeyFile: l.masterKey}
}

// operate opens the installation, calls work with it, and closes it. With create it makes the schema and the master key of an empty
// database; an older schema it refuses.
func (l *location) operate(cmd *cobra.Command, create bool, work func(context.Context, *operator.Operator) error) error {
	if err := l.check(cmd); err != nil {
		return err
	}
	c := l.state()
	c.Create = create
	state, err := server.OpenState(cmd.Context(), c)
	if err != nil {
		return err
	}
	return errors.Join(work(cmd.Context(), state.Operator()), state.Close())
}

// output is the --output flag.
type output struct{ format string }

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.format, "output", "text", "how to print the result: text or json")
}

// print writes v as JSON, or calls text.
func (o *output) print(w io.Writer, v any, text func()) error {
	switch o.format {
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	case "text":
		text()
		return nil
	}
	return usagef("--output %q: use text or json", o.format)
}

// check refuses a format that print would refuse, before the command does its work.
func (o *output) check() error { return o.print(io.Discard, nil, func() {}) }

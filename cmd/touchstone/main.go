// Command touchstone is a self-hosted identity and access service that speaks AWS IAM.
//
// 'touchstone serve' runs it. The account, mfa, sessions, audit, keys, backup and check commands work on the same database, a data
// directory or PostgreSQL, whether or not the server runs; restore, restored, migrate and copy put it back, bring it to this
// version, and move it. health asks a running server, and the policy and version commands need neither. Each command explains
// itself with --help. Every flag can also be given by an environment variable: TOUCHSTONE_DATA stands for --data. The exit code is
// 0 when the command did what it was asked to, 1 when it failed, and 2 when it was called wrongly.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/plain"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal returns a context that is done at the first SIGINT or SIGTERM, which asks for an end that lets requests finish. By
// then signals have their usual effect again, so that a second one ends the process at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-c
		signal.Stop(c)
		cancel()
	}()
	return ctx
}

// run runs the command that the arguments name and returns the exit code of the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// What is printed contains names that others chose.
	safe := plain.NewWriter(stdout)
	root := newCommand()
	root.SetArgs(args)
	root.SetOut(safe)
	root.SetErr(stderr)

	err := root.ExecuteContext(ctx)
	err = errors.Join(err, safe.Flush())
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "touchstone: %s\n", strings.ReplaceAll(plain.Text(err.Error()), "\n", "\ntouchstone: "))
	if _, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintln(stderr, "touchstone: run the command with --help to see how it is used")
		return 2
	}
	return 1
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
		Long: `Touchstone is a self-hosted identity and access service that speaks AWS IAM and STS.

Start it with 'touchstone serve' and open the address that it prints. The account, mfa, sessions, audit and
migrate commands work on the same database, whether or not the server runs: on SQLite in the directory of --data, or on
PostgreSQL with --database and --master-key-file. The policy commands work on files only.

Every flag can also be given by an environment variable: TOUCHSTONE_DATA stands for --data. The exit code is 0 when the command
did what it was asked to, 1 when it failed, and 2 when it was called wrongly: a flag or an argument is missing, unknown or has a
value that can never work.`,
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
	root.Version = "of" // makes cobra add --version, whose text is the version command's
	root.SetVersionTemplate(versionLine())
	root.AddCommand(serveCommand(),
		accountCommand(), mfaCommand(), sessionsCommand(), auditCommand(), keysCommand(), migrateCommand(), // on the database
		backupCommand(), restoreCommand(), restoredCommand(), checkCommand(), copyCommand(), healthCommand(),
		policyCommand(), envCommand(), manCommand(), versionCommand())
	addCobras(root)
	return root
}

// addCobras adds the commands that the library has of its own, with examples.
func addCobras(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	examples := map[string]string{
		"help":       "  touchstone help account create",
		"bash":       "  source <(touchstone completion bash)",
		"zsh":        "  source <(touchstone completion zsh)",
		"fish":       "  touchstone completion fish | source",
		"powershell": "  touchstone completion powershell | Out-String | Invoke-Expression",
	}
	eachCommand(root, func(c *cobra.Command) {
		if c.Name() == "completion" {
			c.Example = "  source <(touchstone completion bash)\n  touchstone completion zsh --help"
		} else if example := examples[c.Name()]; example != "" {
			c.Example = example
		}
	})
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

	var examples []string
	for _, below := range commands {
		first, _, _ := strings.Cut(below.Example, "\n")
		examples = append(examples, first)
	}
	c.Example = strings.Join(examples, "\n")
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

// fromVariable is the annotation of a flag whose value is its environment variable's.
const fromVariable = "environment variable"

// typed reports whether a flag was given on the command line itself.
func typed(cmd *cobra.Command, flag string) bool {
	f := cmd.Flags().Lookup(flag)
	return f.Changed && f.Annotations[fromVariable] == nil
}

// fromEnvironment gives each flag that was not set the value of its environment variable.
func fromEnvironment(cmd *cobra.Command) error {
	var faults []error // all of them, so that one run shows everything to correct
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := variable(f.Name)
		if value, ok := os.LookupEnv(name); ok && !f.Changed && f.Name != "help" && f.Name != "version" {
			if err := cmd.Flags().Set(f.Name, value); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", name, err))
			}
			f.Annotations = map[string][]string{fromVariable: {name}}
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
	cmd.Flags().StringVar(&p.data, "data", "data",
		"directory of the SQLite database; with serve, "+server.InMemory+" keeps everything in memory, for tests")
	cmd.Flags().StringVar(&p.database, "database", "", "URL of a PostgreSQL database, in place of --data: "+
		"postgres://USER@HOST/NAME, with parameters as libpq names them; the password in PGPASSFILE or PGPASSWORD")
}

// check refuses two databases, and a URL that cannot be read. An environment variable counts as the flag that it stands for.
func (p *place) check(cmd *cobra.Command) error {
	if p.database == "" {
		if cmd.Flags().Changed("database") {
			return usagef("--database is empty: give the URL of a PostgreSQL database, or leave it out")
		}
		if p.data == "" {
			return usagef("--data is empty: give a directory, or leave it out (%s counts as well)", variable("data"))
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

// isNew reports whether there is no SQLite database in the directory yet.
func (l *location) isNew() bool {
	if l.database != "" {
		return false
	}
	_, err := os.Stat(filepath.Join(l.data, "touchstone.db"))
	return errors.Is(err, fs.ErrNotExist)
}

// state is what to open.
func (l *location) state() server.StateConfig {
	return server.StateConfig{Data: l.data, Database: l.database, MasterKeyFile: l.masterKey}
}

// command returns a command line that runs a command of ours on this installation, for a person to copy: with the program as it was
// called, and no password.
func (l *location) command(words string) string {
	line := program() + " " + words
	if l.database == "" {
		line += " --data " + quote(l.data)
	} else {
		line += " --database " + quote(withoutPassword(l.database))
	}
	if l.masterKey != "" && words != "migrate" { // which needs no key
		line += " --master-key-file " + quote(l.masterKey)
	}
	return line
}

// program returns how to call this program in the same shell.
func program() string {
	if strings.Contains(os.Args[0], "/") {
		return quote(os.Args[0])
	}
	return "touchstone"
}

// quote returns a word as a POSIX shell reads it.
func quote(word string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,"
	if word != "" && strings.Trim(word, safe) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// withoutPassword returns the URL of a database without the password, which may stand in it in two places.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "postgres://…"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	if q.Has("password") {
		q.Del("password")
		u.RawQuery = q.Encode()
	}
	return u.String()
}

// operate opens the installation, calls work with it, and closes it. With create it makes the schema and the master key of an empty
// database; an older schema it refuses.
func (l *location) operate(cmd *cobra.Command, create bool, work func(context.Context, *operator.Operator) error) error {
	return l.openTo(cmd, create, func(ctx context.Context, state *server.State) error { return work(ctx, state.Operator()) })
}

// open opens the installation, which must exist, calls work with it, and closes it.
func (l *location) open(cmd *cobra.Command, work func(context.Context, *server.State) error) error {
	return l.openTo(cmd, false, work)
}

// openTo opens the installation for work, and with create makes the schema and the master key of an empty database. An error names
// commands as a person can type them.
func (l *location) openTo(cmd *cobra.Command, create bool, work func(context.Context, *server.State) error) error {
	return l.hinted(l.opened(cmd, create, work))
}

func (l *location) opened(cmd *cobra.Command, create bool, work func(context.Context, *server.State) error) error {
	if err := l.check(cmd); err != nil {
		return err
	}
	c := l.state()
	c.Create = create
	state, err := server.OpenState(cmd.Context(), c)
	if err != nil {
		return err
	}
	return errors.Join(work(cmd.Context(), state), state.Close())
}

// mentioned finds a command of ours in an error.
var mentioned = regexp.MustCompile(`'touchstone ([^']+)'`)

// hinted returns the error with the commands that it mentions as a person can type them: on this installation.
func (l *location) hinted(err error) error {
	if err == nil || !mentioned.MatchString(err.Error()) {
		return err
	}
	text := mentioned.ReplaceAllStringFunc(err.Error(), func(quoted string) string {
		return "'" + l.command(mentioned.FindStringSubmatch(quoted)[1]) + "'"
	})
	return &hint{err, text}
}

// hint is an error in other words.
type hint struct {
	error
	text string
}

// Error returns the words.
func (h *hint) Error() string { return h.text }

// Unwrap returns the error itself.
func (h *hint) Unwrap() error { return h.error }

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

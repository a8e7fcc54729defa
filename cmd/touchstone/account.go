package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/iam"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/plain"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func accountCommand() *cobra.Command {
	return group("account", "Make and list accounts, hand out set-up links, set quotas",
		accountCreate(), accountList(), accountSetUpLink(), group("quota", "Show and set an account's quotas", quotaList(), quotaSet()))
}

// creating are the settings of 'account create'.
type creating struct {
	where      location
	out        output
	request    operator.AccountRequest
	reset, yes bool
	seedFile   string // with the account's entry; "" for none
}

func accountCreate() *cobra.Command {
	var c creating
	cmd := &cobra.Command{
		Use: "create", Short: "Make an account and a link on which its root user sets a password", Args: args(0, "no arguments"),
		Long: `Make an account and a link on which its root user sets a password. It works whether or not the server runs.

Where there is no data yet, it makes the database's tables and the master key. A database that an earlier version wrote is
refused: 'touchstone migrate' brings it to this version.

With --seed the account is made as its entry in the file says, with its users, policies and keys.

With --reset it first removes an account that is there, with its users, keys, devices and policies. The account must be named
on the command line, by --account-id, --alias or --root-email, and is not taken from a default or the environment. On a
terminal the command asks before it removes anything. The account's audit events stay.`,
		Example: `  touchstone account create --data ./data --alias acme --root-email root@example.com
  touchstone account create --data ./data --root-email ci@example.com --access-key --output json
  touchstone account create --data ./data --root-email ci@example.com --reset --access-key --output json
  touchstone account create --data ./data --alias acme --reset --seed iam.yaml
  touchstone account create --database postgres://touchstone@db.example.com/touchstone --master-key-file master.key --alias acme`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.where.flags(cmd)
	c.out.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.request.RootEmail, "root-email", "root@localhost", "e-mail address of the root user")
	f.StringVar(&c.request.Alias, "alias", "", "account alias, used in the sign-in address")
	f.StringVar(&c.request.ID, "account-id", "", "12 digits (default: chosen)")
	f.BoolVar(&c.reset, "reset", false, "first remove the account that --account-id, --alias or --root-email names, with everything in it "+
		"but its audit events")
	f.BoolVar(&c.yes, "yes", false, "do not ask before --reset removes an account")
	f.BoolVar(&c.request.AccessKey, "access-key", false, "also make an access key of the root user")
	f.StringVar(&c.seedFile, "seed", "", "file with the account's entry: what is made in it")
	f.StringVar(&c.request.URL, "url", "", "public address for the link (default: the server's, else http://localhost:8080)")
	return cmd
}

// run makes the account.
func (c *creating) run(cmd *cobra.Command) error {
	if err := c.out.check(); err != nil {
		return err
	}
	names, err := c.resets(cmd)
	if err != nil {
		return err
	}
	if c.seedFile != "" {
		if c.request, err = fromSeed(cmd.Context(), cmd, c.seedFile, c.request); err != nil {
			return err
		}
	}
	if err := c.request.Check(); err != nil {
		return &usageError{err}
	}
	if c.request.URL != "" {
		if _, err := httpd.CheckURL(c.request.URL); err != nil {
			return usagef("--url: %w", err)
		}
	}

	isNew := c.where.isNew()
	return c.where.operate(cmd, true, func(ctx context.Context, o *operator.Operator) (err error) {
		if isNew {
			fmt.Fprintf(cmd.ErrOrStderr(), "touchstone: there was no installation in %s, so a new one was made, with a master key of its own\n",
				plain.Text(c.where.data))
		}
		if names != nil {
			if c.request.Reset, err = c.confirm(cmd, o, *names); err != nil {
				return err
			}
		}
		if c.request.URL, err = server.LinkURL(ctx, o.Store, c.request.URL); err != nil {
			return err
		}
		made, err := o.CreateAccount(ctx, c.request)
		if err != nil {
			return err
		}
		return c.out.print(cmd.OutOrStdout(), made, func() { printAccount(cmd.OutOrStdout(), made) })
	})
}

// resets returns the names of the account to reset, or nil when none is to be. What removes an account must have been typed: a
// default, or a variable that was set for something else, names no account to remove.
func (c *creating) resets(cmd *cobra.Command) (*operator.AccountNames, error) {
	if !c.reset {
		return nil, nil
	}
	if !typed(cmd, "reset") {
		return nil, usagef("%s is set: an account is only reset when --reset is given on the command line", variable("reset"))
	}

	var names operator.AccountNames
	for flag, name := range map[string]*string{"account-id": &names.ID, "alias": &names.Alias, "root-email": &names.RootEmail} {
		if typed(cmd, flag) {
			*name = cmd.Flags().Lookup(flag).Value.String()
		}
	}
	if names == (operator.AccountNames{}) {
		return nil, usagef("--reset needs to be told which account it removes: name it on the command line, " +
			"by --account-id, --alias or --root-email")
	}
	return &names, nil
}

// confirm asks on a terminal whether the account that the names name may be removed. Without a terminal nobody can be asked, and
// --reset alone says that it is meant. It returns the account's id as its name.
func (c *creating) confirm(cmd *cobra.Command, o *operator.Operator, names operator.AccountNames) (*operator.AccountNames, error) {
	old, err := o.Named(cmd.Context(), names)
	if err != nil {
		return nil, err
	}
	named := &operator.AccountNames{ID: old.ID}
	in, isFile := cmd.InOrStdin().(*os.File)
	if c.yes || !isFile || !isatty.IsTerminal(in.Fd()) {
		return named, nil
	}

	described := old.ID + ", root e-mail " + old.RootEmail
	if old.Alias != "" {
		described = old.ID + ", alias " + old.Alias + ", root e-mail " + old.RootEmail
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "This removes the account %s, with its users, keys, devices and policies.\nType its id to go on: ",
		plain.Text(described))
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != old.ID {
		return nil, errors.New("nothing was removed, because the account's id was not typed")
	}
	return named, nil
}

// printAccount writes a new account for people.
func printAccount(w io.Writer, made *operator.CreatedAccount) {
	fmt.Fprintf(w, "Account id:   %s\n", made.AccountID)
	if made.Alias != "" {
		fmt.Fprintf(w, "Alias:        %s\n", made.Alias)
	}
	fmt.Fprintf(w, "Root e-mail:  %s\n", made.RootEmail)
	if made.SetupURL != "" {
		fmt.Fprintf(w, "Set-up link:  %s\n              (use it once, within an hour)\n", made.SetupURL)
	}

	if made.AccessKeyID != "" {
		fmt.Fprintf(w, "Access key:   %s\n", made.AccessKeyID)
		fmt.Fprintf(w, "Secret key:   %s\n              (shown only now)\n", made.SecretAccessKey)
	}
}

// listedAccount is an account as 'account list --output json' prints it.
type listedAccount struct {
	AccountID string `json:"AccountId"`
	Alias     string `json:",omitempty"`
	RootEmail string
	CreatedAt string
}

func accountList() *cobra.Command {
	var (
		where location
		out   output
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List the accounts", Args: args(0, "no arguments"),
		Example: "  touchstone account list --data ./data\n  touchstone account list --data ./data --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				accounts, err := o.Accounts(ctx)
				if err != nil {
					return err
				}

				listed := make([]listedAccount, len(accounts))
				for n, a := range accounts {
					listed[n] = listedAccount{a.ID, a.Alias, a.RootEmail, a.CreatedAt.Format(time.RFC3339)}
				}

				return out.print(cmd.OutOrStdout(), listed, func() {
					w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
					fmt.Fprintln(w, "ACCOUNT ID\tALIAS\tROOT E-MAIL\tCREATED")
					for _, a := range listed {
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.AccountID, a.Alias, a.RootEmail, a.CreatedAt)
					}
					w.Flush()
				})
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	return cmd
}

func accountSetUpLink() *cobra.Command {
	var (
		where        location
		out          output
		account, url string
	)
	cmd := &cobra.Command{
		Use: "setup-link", Short: "Make a new link on which the root user sets a password", Args: args(0, "no arguments"),
		Long: `Make a new link on which the root user of an account sets a password. It works once, within an hour, and ends
earlier links. It replaces the password only: a root user who has an MFA device is still asked for it.`,
		Example: "  touchstone account setup-link --data ./data --account acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if account == "" {
				return usagef("--account is missing: the account's id or alias")
			}
			if url != "" {
				if _, err := httpd.CheckURL(url); err != nil {
					return usagef("--url: %w", err)
				}
			}

			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				public, err := server.LinkURL(ctx, o.Store, url)
				if err != nil {
					return err
				}
				link, err := o.SetUpLink(ctx, account, public)
				if err != nil {
					return err
				}
				return out.print(cmd.OutOrStdout(), map[string]string{"SetupUrl": link}, func() {
					fmt.Fprintf(cmd.OutOrStdout(), "%s\n(use it once, within an hour)\n", link)
				})
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	cmd.Flags().StringVar(&account, "account", "", "account id or alias")
	cmd.Flags().StringVar(&url, "url", "", "public address for the link (default: the server's, else http://localhost:8080)")
	return cmd
}

func quotaList() *cobra.Command {
	var (
		where   location
		out     output
		account string
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List an account's quotas", Args: args(0, "no arguments"),
		Example: "  touchstone account quota list --data ./data --account acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if account == "" {
				return usagef("--account is missing: the account's id or alias")
			}

			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				var values []iam.QuotaValue
				if err := o.ReadAccount(ctx, account, func(tx *store.Tx, id string) (err error) {
					values, err = iam.QuotaValues(tx, id)
					return err
				}); err != nil {
					return err
				}
				return out.print(cmd.OutOrStdout(), values, func() {
					w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
					fmt.Fprintln(w, "QUOTA\tVALUE\tDEFAULT")
					for _, v := range values {
						fmt.Fprintf(w, "%s\t%d\t%d\n", v.Name, v.Value, v.Default)
					}
					w.Flush()
				})
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	cmd.Flags().StringVar(&account, "account", "", "account id or alias")
	return cmd
}

func quotaSet() *cobra.Command {
	var (
		where   location
		account string
	)
	cmd := &cobra.Command{
		Use: "set NAME VALUE", Short: "Set one of an account's quotas", Args: args(2, "a quota's name and its value"),
		Long:    "Set one of an account's quotas. The names: " + iam.QuotaNames() + ".",
		Example: "  touchstone account quota set --data ./data --account acme UsersPerAccount 20000",
		RunE: func(cmd *cobra.Command, given []string) error {
			if account == "" {
				return usagef("--account is missing: the account's id or alias")
			}
			if !iam.IsQuota(given[0]) {
				return usagef("there is no quota %q; the names: %s", given[0], iam.QuotaNames())
			}
			value, err := strconv.Atoi(given[1])
			if err != nil || value < 0 {
				return usagef("quota value %q: use a whole number", given[1])
			}

			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				if err := o.SetQuota(ctx, account, given[0], value); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s of account %s is %d now.\n", given[0], account, value)
				return nil
			})
		},
	}
	where.flags(cmd)
	cmd.Flags().StringVar(&account, "account", "", "account id or alias")
	return cmd
}

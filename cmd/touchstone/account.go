package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/iam"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/server"
)

func accountCommand() *cobra.Command {
	return group("account", "Make and list accounts, hand out set-up links, set quotas",
		accountCreate(), accountList(), accountSetUpLink(), group("quota", "Set an account's quotas", quotaSet()))
}

func accountCreate() *cobra.Command {
	var (
		where location
		out   output
		n     operator.AccountRequest
		file  string
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Make an account and a link on which its root user sets a password", Args: args(0, "no arguments"),
		Long: `Make an account and a link on which its root user sets a password. It works whether or not the server runs.

Where there is no data yet, it makes the database's tables and the master key. A database that an earlier version wrote is
refused: 'touchstone migrate' brings it to this version.

With --seed the account is made as its entry in the file says, with its users, policies and keys.`,
		Example: `  touchstone account create --data ./data --alias acme --root-email root@example.com
  touchstone account create --data ./data --root-email ci@example.com --reset --access-key --output json
  touchstone account create --data ./data --alias acme --reset --seed iam.yaml
  touchstone account create --database postgres://touchstone@db.example.com/touchstone --master-key-file master.key --alias acme`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if file != "" {
				var err error
				if n, err = fromSeed(cmd.Context(), cmd, file, n); err != nil {
					return err
				}
			}
			return where.operate(cmd, true, func(ctx context.Context, o *operator.Operator) error {
				var err error
				if n.URL, err = server.LinkURL(ctx, o.Store, n.URL); err != nil {
					return err
				}
				made, err := o.CreateAccount(ctx, n)
				if err != nil {
					return err
				}
				return out.print(cmd.OutOrStdout(), made, func() { printAccount(cmd.OutOrStdout(), made) })
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	cmd.Flags().StringVar(&n.RootEmail, "root-email", "root@localhost", "e-mail address of the root user")
	cmd.Flags().StringVar(&n.Alias, "alias", "", "account alias, used in the sign-in address")
	cmd.Flags().StringVar(&n.ID, "account-id", "", "12 digits (default: chosen)")
	cmd.Flags().BoolVar(&n.Reset, "reset", false, "first remove the account with this id, alias or e-mail, and everything in it")
	cmd.Flags().BoolVar(&n.AccessKey, "access-key", false, "also make an access key of the root user")
	cmd.Flags().StringVar(&file, "seed", "", "file with the account's entry: what is made in it")
	cmd.Flags().StringVar(&n.URL, "url", "", "public address for the link (default: the server's, else http://localhost:8080)")
	return cmd
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
	Alias     string
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
				return o.SetQuota(ctx, account, given[0], value)
			})
		},
	}
	where.flags(cmd)
	cmd.Flags().StringVar(&account, "account", "", "account id or alias")
	return cmd
}

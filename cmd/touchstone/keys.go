package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/server"
)

func keysCommand() *cobra.Command {
	return group("keys", "Rotate the master key and the keys under it, or go on after the master key was lost",
		keysList(), keysRotate(), keysDropPrevious(), keysForget())
}

// listedKeys is what 'keys list --output json' prints.
type listedKeys struct {
	MasterKeys       []string // fingerprints; the first seals
	InstallationKeys []listedKey
}

// listedKey is a key of the installation.
type listedKey struct {
	ID       string `json:"Id"`
	UsedFrom string
	InUse    bool // something that is stored is under it
}

func keysList() *cobra.Command {
	var (
		where location
		out   output
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List the master key and the installation's keys", Args: args(0, "no arguments"),
		Long: `List the fingerprints of the master keys in the file, and the installation's keys, which protect what is stored and are
themselves stored, sealed by the master key. No key is shown.`,
		Example: "  touchstone keys list --data ./data\n  touchstone keys list --data ./data --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}

			return where.open(cmd, func(ctx context.Context, state *server.State) error {
				keys, err := state.Keys(ctx)
				if err != nil {
					return err
				}
				listed := listedKeys{MasterKeys: keys.Master}
				for _, k := range keys.Installation {
					listed.InstallationKeys = append(listed.InstallationKeys, listedKey{k.ID, k.UsedFrom.UTC().Format(time.RFC3339), k.InUse})
				}

				return out.print(cmd.OutOrStdout(), listed, func() { printKeys(cmd.OutOrStdout(), listed) })
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	return cmd
}

func printKeys(out io.Writer, listed listedKeys) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tID OR FINGERPRINT\tUSED FROM\tIN USE")
	for n, fingerprint := range listed.MasterKeys {
		fmt.Fprintf(w, "master\t%s\t\t%s\n", fingerprint, map[bool]string{true: "yes", false: "only opens"}[n == 0])
	}
	for _, k := range listed.InstallationKeys {
		fmt.Fprintf(w, "installation\t%s\t%s\t%s\n", k.ID, k.UsedFrom, map[bool]string{true: "yes", false: "no"}[k.InUse])
	}
	w.Flush()
}

func keysRotate() *cobra.Command {
	var (
		where  location
		leaked bool
	)
	cmd := &cobra.Command{
		Use: "rotate", Short: "Put a new master key into the place of the present one", Args: args(0, "no arguments"),
		Long: `Put a new master key into the place of the present one, while servers run. The file then holds both keys; the new one is used
once every running server has read the file, which each does within 20 seconds. When the servers run on several hosts, copy the file to
the others when the command says that it waits for them, and again when it is done. Interrupted at any point, it goes on when it is run
again.

With --leaked, every stored secret is also sealed again, with a new key of the installation: for when somebody may have the
master key and a copy of the database. What the copy holds stays readable to them: change the passwords and access keys too. The old
key of the installation goes seven days later, when nothing is under it any more.

Backups made before need the old file: keep it with them. 'touchstone keys drop-previous' then removes the old key from this one.`,
		Example: "  touchstone keys rotate --data ./data\n  touchstone keys rotate --data ./data --leaked",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return where.open(cmd, func(ctx context.Context, state *server.State) error {
				show := &rotationProgress{w: cmd.ErrOrStderr()}
				err := state.RotateMasterKey(ctx, show.rotation())
				switch {
				case errors.Is(err, secret.ErrPrevious) && leaked:
					// The master key was rotated already, and moving the secrets was interrupted or is asked for only now.
				case errors.Is(err, secret.ErrPrevious):
					return fmt.Errorf("%w: run 'touchstone keys drop-previous' first", err)
				case err != nil:
					return err
				default:
					fmt.Fprintln(cmd.OutOrStdout(), "The new master key is in use. Backups made before need the old one, which the file holds as well.")
				}
				if !leaked {
					return nil
				}

				if err := state.ReplaceKey(ctx, show.rotation()); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "Every stored secret is sealed with a new key of the installation.")
				return nil
			})
		},
	}
	where.flags(cmd)
	cmd.Flags().BoolVar(&leaked, "leaked", false, "also seal every stored secret again, with a new key")
	return cmd
}

// rotationProgress tells how a rotation goes on, each thing once.
type rotationProgress struct {
	w    io.Writer
	said string
}

func (p *rotationProgress) say(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != p.said {
		p.said = text
		fmt.Fprintln(p.w, text)
	}
}

func (p *rotationProgress) rotation() server.Rotation {
	return server.Rotation{
		Waiting: func(missing []string) {
			if missing == nil {
				p.say("Waiting until every server uses the new key: a minute at most.")
				return
			}
			p.say("Waiting until these servers have read the new key: %s. On another host, copy the master key's file there.",
				strings.Join(missing, ", "))
		},
		Sealed: func(done, all int64) { p.say("%d of %d secrets are sealed with the new key.", done, all) },
	}
}

func keysDropPrevious() *cobra.Command {
	var where location
	cmd := &cobra.Command{
		Use: "drop-previous", Short: "Remove the key of before the last rotation from the master key's file",
		Args: args(0, "no arguments"),
		Long: `Remove the key of before the last rotation from the master key's file. The database does not need it any more; a backup
made before the rotation does, so keep the file as it was with such backups.`,
		Example: "  touchstone keys drop-previous --data ./data",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return where.open(cmd, func(_ context.Context, state *server.State) error {
				dropped, err := state.DropPreviousKey()
				if err != nil {
					return err
				}

				if !dropped {
					fmt.Fprintln(cmd.OutOrStdout(), "The file holds no key of before a rotation.")
					return nil
				}
				fmt.Fprintln(cmd.OutOrStdout(), "The key of before the rotation was removed from the file.")
				return nil
			})
		},
	}
	where.flags(cmd)
	return cmd
}

func keysForget() *cobra.Command {
	var (
		where location
		out   output
		url   string
		yes   bool
	)
	cmd := &cobra.Command{
		Use: "forget", Short: "Go on without a master key that is lost: remove what it sealed", Args: args(0, "no arguments"),
		Long: `Go on without a master key that is lost for good. What it sealed can never be read again, so it is removed: every password and
every access key, with all sessions and links. Accounts, users, policies, tags, MFA devices and the audit trail stay. A new master key is
made, and a set-up link for the root user of each account is printed. Stop the servers first.

The command asks before it does this; without a terminal it needs --yes.`,
		Example: "  touchstone keys forget --data ./data\n  touchstone keys forget --data ./data --yes --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if err := where.check(cmd); err != nil {
				return err
			}
			if !yes {
				if err := confirmForget(cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
					return err
				}
			}

			forgotten, err := server.ForgetKeys(cmd.Context(), where.state(), url)
			if err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), forgotten, func() {
				for _, a := range forgotten {
					fmt.Fprintf(cmd.OutOrStdout(), "Account %s lost %d passwords (%s) and %d access keys (%s).\n", a.AccountID,
						len(a.Passwords), strings.Join(a.Passwords, ", "), len(a.AccessKeys), strings.Join(a.AccessKeys, ", "))
					fmt.Fprintf(cmd.OutOrStdout(), "  Set-up link of the root user: %s\n", a.SetupURL)
				}
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().StringVar(&url, "url", "", "public address for the links (default: the server's, else http://localhost:8080)")
	return cmd
}

// confirmForget asks the person at the terminal.
func confirmForget(in io.Reader, w io.Writer) error {
	if f, ok := in.(*os.File); !ok || !isTerminal(f) {
		return usagef("this removes every password and access key: without a terminal to ask on, it needs --yes")
	}

	fmt.Fprint(w, "Every password and access key of this installation is removed for good. Type 'forget' to go on: ")
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(answer) != "forget" {
		return errors.New("nothing was changed")
	}
	return nil
}

// isTerminal reports whether a person is at the other end.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

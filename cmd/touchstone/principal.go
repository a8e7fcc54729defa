package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/operator"
)

// principalFlags are the flags that name a user, or the root user, of an account.
type principalFlags struct{ who operator.Who }

func (f *principalFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.who.Account, "account", "", "account id or alias")
	cmd.Flags().StringVar(&f.who.User, "user", "", "name of the IAM user")
	cmd.Flags().BoolVar(&f.who.Root, "root", false, "the account's root user")
}

func (f *principalFlags) check() error {
	switch {
	case f.who.Account == "":
		return usagef("--account is missing: the account's id or alias")
	case f.who.Root == (f.who.User != ""):
		return usagef("name the user: either --user NAME or --root")
	}
	return nil
}

func mfaCommand() *cobra.Command {
	return group("mfa", "List and remove MFA devices: the way out when one is lost", mfaList(), mfaRemove())
}

// listedDevice is a device as 'mfa list --output json' prints it.
type listedDevice struct {
	DeviceName   string
	SerialNumber string
	Kind         string
	EnableDate   string
	LastUsed     string `json:",omitempty"`
	Marked       bool
}

func mfaList() *cobra.Command {
	var (
		where location
		out   output
		id    principalFlags
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List a user's MFA devices", Args: args(0, "no arguments"),
		Example: `  touchstone mfa list --data ./data --account acme --user alice
  touchstone mfa list --data ./data --account acme --root`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if err := id.check(); err != nil {
				return err
			}

			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				devices, err := o.MFADevices(ctx, id.who)
				if err != nil {
					return err
				}

				listed := make([]listedDevice, len(devices))
				for n, d := range devices {
					listed[n] = listedDevice{d.Name, d.Serial, "Security key", d.EnabledAt.Format(time.RFC3339), "", d.Marked}
					if !d.LastUsedAt.IsZero() {
						listed[n].LastUsed = d.LastUsedAt.Format(time.RFC3339)
					}
				}

				return out.print(cmd.OutOrStdout(), listed, func() {
					w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
					fmt.Fprintln(w, "DEVICE\tKIND\tENABLED\tLAST USED\tSERIAL NUMBER")
					for _, d := range listed {
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n",
							d.DeviceName, d.Kind, d.EnableDate, cmp.Or(d.LastUsed, "never"), d.SerialNumber)
					}
					w.Flush()
				})
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	id.flags(cmd)
	return cmd
}

func mfaRemove() *cobra.Command {
	var (
		where  location
		id     principalFlags
		device string
	)
	cmd := &cobra.Command{
		Use: "remove", Short: "Remove a user's MFA device and end the user's sessions", Args: args(0, "no arguments"),
		Long: `Remove an MFA device from a user, for when it is lost and nobody can do it in the console. The user's sessions end,
and the removal is recorded in the audit trail.`,
		Example: `  touchstone mfa remove --data ./data --account acme --user alice --device laptop-key
  touchstone mfa remove --data ./data --account acme --root --device safe-key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := id.check(); err != nil {
				return err
			}
			if device == "" {
				return usagef("--device is missing: the device's name or serial number")
			}

			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				removed, err := o.RemoveMFADevice(ctx, id.who, device)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Removed %s (%s).\n", removed.Name, removed.Serial)
				return nil
			})
		},
	}
	where.flags(cmd)
	id.flags(cmd)
	cmd.Flags().StringVar(&device, "device", "", "the device's name or serial number")
	return cmd
}

func sessionsCommand() *cobra.Command {
	return group("sessions", "List and end console sessions", sessionsList(), sessionsRevoke())
}

// listedSession is a session as 'sessions list --output json' prints it.
type listedSession struct {
	SessionID     string `json:"SessionId"`
	Stage         string
	CreateDate    string
	LastSeen      string
	Expires       string
	MFASerial     string `json:"MFASerialNumber,omitempty"`
	SourceAddress string
	UserAgent     string `json:",omitempty"`
}

func sessionsList() *cobra.Command {
	var (
		where location
		out   output
		id    principalFlags
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List a user's console sessions", Args: args(0, "no arguments"),
		Long: "List the console sessions that a user has, the oldest first. The stage full is a complete sign-in; the other stages " +
			"still wait for an MFA device (mfa) or a new password (change-password).",
		Example: "  touchstone sessions list --data ./data --account acme --user alice",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if err := id.check(); err != nil {
				return err
			}

			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				sessions, err := o.Sessions(ctx, id.who)
				if err != nil {
					return err
				}

				listed := make([]listedSession, len(sessions))
				for n, s := range sessions {
					listed[n] = listedSession{
						s.ID, string(s.Stage), s.CreatedAt.Format(time.RFC3339), s.LastSeenAt.Format(time.RFC3339),
						s.ExpiresAt.Format(time.RFC3339), s.MFASerial, s.SourceAddress, s.UserAgent,
					}
				}

				return out.print(cmd.OutOrStdout(), listed, func() {
					w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
					fmt.Fprintln(w, "STAGE\tCREATED\tLAST SEEN\tEXPIRES\tADDRESS\tBROWSER")
					for _, s := range listed {
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Stage, s.CreateDate, s.LastSeen, s.Expires, s.SourceAddress, s.UserAgent)
					}
					w.Flush()
				})
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	id.flags(cmd)
	return cmd
}

func sessionsRevoke() *cobra.Command {
	var (
		where location
		id    principalFlags
	)

	cmd := &cobra.Command{
		Use: "revoke", Short: "End every session of a user at once", Args: args(0, "no arguments"),
		Long: "End every session that a user has now, in the console and by temporary credentials. " +
			"Long-term access keys keep working.",
		Example: "  touchstone sessions revoke --data ./data --account acme --user alice",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := id.check(); err != nil {
				return err
			}
			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				ended, err := o.RevokeSessions(ctx, id.who)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Ended %d console sessions. Whoever was signed in must sign in again.\n", ended)
				return nil
			})
		},
	}
	where.flags(cmd)
	id.flags(cmd)
	return cmd
}

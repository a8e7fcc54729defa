package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func auditCommand() *cobra.Command {
	var (
		where        location
		out          output
		q            store.EventQuery
		since, until string
	)
	cmd := &cobra.Command{
		Use: "audit", Short: "Print the stored events", Args: args(0, "no arguments"),
		Long: `Print the stored events, oldest first: one line each, or with --output json one CloudTrail record a line.

Times are RFC 3339 (2026-11-24T10:00:00Z), a date (2026-11-24), or a duration back from now (90m, 24h).`,
		Example: `  touchstone audit --data ./data --account acme --since 24h
  touchstone audit --data ./data --user alice --event ConsoleLogin --output json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			now := time.Now()
			var err error
			if q.Since, err = parseTime(since, now); err != nil {
				return usagef("--since: %w", err)
			}
			if q.Until, err = parseTime(until, now); err != nil {
				return usagef("--until: %w", err)
			}
			return where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
				if q.AccountID != "" {
					if q.AccountID, err = o.ResolveAccount(ctx, q.AccountID); err != nil {
						return err
					}
				}
				w := cmd.OutOrStdout()
				return o.Events(ctx, q, func(e *store.Event) error {
					if out.format == "json" {
						_, err := fmt.Fprintln(w, e.Record)
						return err
					}
					_, err := fmt.Fprintln(w, summary(e))
					return err
				})
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	cmd.Flags().StringVar(&q.AccountID, "account", "", "only events of this account (id or alias)")
	cmd.Flags().StringVar(&q.UserName, "user", "", "only events of this user")
	cmd.Flags().StringVar(&q.Name, "event", "", "only events of this name, such as ConsoleLogin")
	cmd.Flags().StringVar(&since, "since", "", "only events from this time on")
	cmd.Flags().StringVar(&until, "until", "", "only events before this time")
	return cmd
}

// summary is an event on one line: when, where, who, what, from where, with what result.
func summary(e *store.Event) string {
	var record struct {
		UserIdentity    struct{ Type, Arn, UserName string }
		SourceIPAddress string
	}
	// A record that cannot be read is still listed by what the store knows of it.
	_ = json.Unmarshal([]byte(e.Record), &record)
	who := record.UserIdentity.Arn
	if who == "" {
		who = record.UserIdentity.UserName
	}
	if who == "" {
		who = record.UserIdentity.Type
	}
	result := "ok"
	if e.ErrorCode != "" {
		result = e.ErrorCode
	}
	account := e.AccountID
	if account == "" {
		account = "-"
	}
	return fmt.Sprintf("%s  %-12s  %-28s  %s  %s  %s", e.Time.Format(time.RFC3339), account, e.Name, who, record.SourceIPAddress, result)
}

func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time, a date nor a duration", text)
}

func versionCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: args(0, "no arguments"),
		Example: "  touchstone version\n  touchstone version --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := server.Version()
			return out.print(cmd.OutOrStdout(), v, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "touchstone %s (%s, %s)\n", v.Version, v.Commit, v.Go)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

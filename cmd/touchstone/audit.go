package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// auditing are the settings of 'audit'.
type auditing struct {
	where        location
	out          output
	query        store.EventQuery
	since, until string
}

func auditCommand() *cobra.Command {
	var a auditing
	cmd := &cobra.Command{
		Use: "audit", Short: "Print the stored events", Args: args(0, "no arguments"),
		Long: `Print the stored events, oldest first: one line each, or with --output json one CloudTrail record a line.

Times are RFC 3339 (2026-11-24T10:00:00Z), a date (2026-11-24), or a duration back from now (90m, 24h).`,
		Example: `  touchstone audit --data ./data --account acme --since 24h
  touchstone audit --data ./data --user alice --event ConsoleLogin --output json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.run(cmd) },
	}
	a.where.flags(cmd)
	a.out.flags(cmd)
	cmd.Flags().StringVar(&a.query.AccountID, "account", "", "only events of this account (id or alias)")
	cmd.Flags().StringVar(&a.query.UserName, "user", "", "only events of this user")
	cmd.Flags().StringVar(&a.query.Name, "event", "", "only events of this name, such as ConsoleLogin")
	cmd.Flags().StringVar(&a.since, "since", "", "only events from this time on")
	cmd.Flags().StringVar(&a.until, "until", "", "only events before this time")
	return cmd
}

func (a *auditing) run(cmd *cobra.Command) error {
	if err := a.out.check(); err != nil {
		return err
	}

	// Both times are read with the same clock, so that durations are counted back from one moment.
	now := time.Now()
	var err error
	if a.query.Since, err = parseTime(a.since, now); err != nil {
		return usagef("--since: %w", err)
	}
	if a.query.Until, err = parseTime(a.until, now); err != nil {
		return usagef("--until: %w", err)
	}

	return a.where.operate(cmd, false, func(ctx context.Context, o *operator.Operator) error {
		if a.query.AccountID != "" {
			if a.query.AccountID, err = o.ResolveAccount(ctx, a.query.AccountID); err != nil {
				return err
			}
		}
		w := cmd.OutOrStdout()
		return o.Events(ctx, a.query, func(e *store.Event) error {
			line := e.Record
			if a.out.format == "text" {
				line = summary(e)
			}
			_, err := fmt.Fprintln(w, line)
			return err
		})
	})
}

// summary puts an event on one line: time, account, name, caller, address and result.
func summary(e *store.Event) string {
	var record struct {
		UserIdentity    struct{ Type, Arn, UserName string }
		SourceIPAddress string
	}
	// A record that cannot be parsed is still listed, by the columns that the store has beside it.
	_ = json.Unmarshal([]byte(e.Record), &record)

	who := cmp.Or(record.UserIdentity.Arn, record.UserIdentity.UserName, record.UserIdentity.Type)
	return fmt.Sprintf("%s  %-12s  %-28s  %s  %s  %s",
		e.Time.Format(time.RFC3339), cmp.Or(e.AccountID, "-"), e.Name, who, record.SourceIPAddress, cmp.Or(e.ErrorCode, "ok"))
}

// parseTime reads a time, a date, or a duration back from now. An empty text is the zero time, which sets no limit.
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

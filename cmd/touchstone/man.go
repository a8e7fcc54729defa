package main

import (
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/touchstone-iam/touchstone/internal/server"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the manual pages to a directory", Args: args(1, "a directory"),
		Long: `Write a manual page for each command to a directory, which is made when it is missing. The pages say what --help says.

Their date is today's, or the time that SOURCE_DATE_EPOCH has in seconds.`,
		Example: "  touchstone man ./man && man ./man/touchstone-serve.1",
		RunE: func(cmd *cobra.Command, given []string) error {
			if err := os.MkdirAll(given[0], 0o755); err != nil {
				return err
			}
			date := time.Now()
			if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
				seconds, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return usagef("SOURCE_DATE_EPOCH: %w", err)
				}
				date = time.Unix(seconds, 0).UTC()
			}

			root := cmd.Root()
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{
				Title: "TOUCHSTONE", Section: "1", Date: &date, Source: "Touchstone " + server.Version().Version, Manual: "Touchstone",
			}, given[0])
		},
	}
}

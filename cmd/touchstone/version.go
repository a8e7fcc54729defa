package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/server"
)

func versionCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: args(0, "no arguments"),
		Example: "  touchstone version\n  touchstone version --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := server.Version()
			return out.print(cmd.OutOrStdout(), v, func() {
				fmt.Fprint(cmd.OutOrStdout(), versionLine())
			})
		},
	}
	out.flags(cmd)
	return cmd
}

// versionLine is the version for people.
func versionLine() string {
	v := server.Version()
	return fmt.Sprintf("touchstone %s (commit %s, built with %s)\n", v.Version, v.Commit, v.Go)
}

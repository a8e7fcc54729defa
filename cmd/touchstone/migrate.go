package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/server"
)

// migrated is the result of 'migrate --output json'. The versions are the same when there was nothing to do.
type migrated struct{ From, To int64 }

func migrateCommand() *cobra.Command {
	var (
		where location
		out   output
	)
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database to this version's schema", Args: args(0, "no arguments"),
		Long: `Bring the schema of the database to the version that this Touchstone works with, and say from which version to which.
An empty PostgreSQL database gets its tables. A SQLite database is first copied to DIR/touchstone.db.schema-N, where N is
the version that it has; back up a PostgreSQL database yourself. The master key is needed only for a database in which an earlier
version stored secrets in another form.

'touchstone serve' does the same when it starts; every other command refuses an older database. Stop what runs on the
database first: while a server or a command has it open, its schema is left as it is, and that process is named.`,
		Example: `  touchstone migrate --data ./data
  touchstone migrate --database postgres://touchstone@db.example.com/touchstone --output json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if err := where.place.check(cmd); err != nil {
				return err
			}

			from, to, err := server.MigrateState(cmd.Context(), where.state())
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			return out.print(w, migrated{from, to}, func() {
				switch from {
				case to:
					fmt.Fprintf(w, "The schema is of version %d already.\n", to)
				case 0:
					fmt.Fprintf(w, "The database was empty. Its schema is of version %d now.\n", to)
				default:
					fmt.Fprintf(w, "The schema was brought from version %d to version %d.\n", from, to)
				}
			})
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	return cmd
}

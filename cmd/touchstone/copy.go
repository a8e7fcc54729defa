package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// copying are the settings of 'copy'.
type copying struct {
	from, to, masterKey string
	out                 output
}

// copiedRows is the result of 'copy --output json'.
type copiedRows struct {
	From, To string
	Rows     map[string]int64 // by table
}

func copyCommand() *cobra.Command {
	var c copying
	cmd := &cobra.Command{
		Use: "copy", Short: "Copy the database to another, between SQLite and PostgreSQL", Args: args(0, "no arguments"),
		Long: `Copy everything to another database: from SQLite to PostgreSQL, back, or between two of a kind. A database is named by
the data directory, or by a URL of PostgreSQL.

Stop every server first: the source is opened alone, and who has it open is named. The target must be empty. It is
filled in one transaction, so that it stays empty when the copy is interrupted, and its rows are counted and compared. The
master key stays the same, and is not copied: --master-key-file names its file when that is not master.key in the directory
of the source. Do not start a server on the source again afterwards.`,
		Example: `  touchstone copy --from /var/lib/touchstone --to postgres://touchstone@db.example.com/touchstone
  touchstone copy --from postgres://touchstone@db.example.com/touchstone --to ./data --master-key-file master.key`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	cmd.Flags().StringVar(&c.from, "from", "", "what to copy: a data directory, or postgres://USER@HOST/NAME")
	cmd.Flags().StringVar(&c.to, "to", "", "where to copy it: a data directory, or postgres://USER@HOST/NAME")
	cmd.Flags().StringVar(&c.masterKey, "master-key-file", "",
		"file with the master key (default: master.key in the data directory of --from)")
	c.out.flags(cmd)
	return cmd
}

// named is where a name of a database leads.
func named(name string) (server.StateConfig, error) {
	if strings.Contains(name, "://") {
		return server.StateConfig{Database: name}, store.CheckURL(name)
	}
	return server.StateConfig{Data: name}, nil
}

func (c *copying) run(cmd *cobra.Command) error {
	from, fromFault := named(c.from)
	to, toFault := named(c.to)
	switch {
	case c.from == "" || c.to == "":
		return usagef("name both databases, with --from and --to")
	case fromFault != nil:
		return usagef("--from: %w", fromFault)
	case toFault != nil:
		return usagef("--to: %w", toFault)
	case from.Database != "" && c.masterKey == "":
		return usagef("--from names a PostgreSQL database: name the file of its master key with --master-key-file")
	}
	if err := c.out.check(); err != nil {
		return err
	}
	if from.MasterKeyFile = c.masterKey; from.MasterKeyFile == "" {
		from.MasterKeyFile = filepath.Join(c.from, "master.key")
	}

	ctx := cmd.Context()
	from.Alone = true
	source, err := server.OpenState(ctx, from) // which compares the master key
	if err != nil {
		return err
	}
	done, err := c.into(ctx, cmd, source, to)
	if err := errors.Join(err, source.Close()); err != nil {
		return err
	}

	w := cmd.OutOrStdout()
	return c.out.print(w, done, func() {
		var all int64
		for _, n := range done.Rows {
			all += n
		}
		fmt.Fprintf(w, "Copied %d rows of %d tables from %s to %s; their numbers agree.\n", all, len(done.Rows), done.From, done.To)
		if to.Database != "" {
			fmt.Fprintf(w, "Serve from it with: touchstone serve --database %s --master-key-file %s\n",
				shellWord(store.WithoutPassword(to.Database)), shellWord(from.MasterKeyFile))
		} else {
			fmt.Fprintf(w, "Serve from it with: touchstone serve --data %s --master-key-file %s\n",
				shellWord(to.Data), shellWord(from.MasterKeyFile))
		}
		fmt.Fprintln(w, "Do not start a server on the database that was copied.")
	})
}

// into copies the source's rows into the target.
func (c *copying) into(ctx context.Context, cmd *cobra.Command, source *server.State, to server.StateConfig) (*copiedRows, error) {
	to.Create, to.Migrate, to.Alone = true, true, true
	target, err := server.OpenStore(ctx, to)
	if err != nil {
		return nil, err
	}

	done := &copiedRows{From: source.Store.Name(), To: target.Name()}
	progress := newProgress(cmd.ErrOrStderr(), "copied")
	done.Rows, err = store.CopyAll(ctx, source.Store, target, progress.show)
	progress.end()
	if err != nil {
		err = fmt.Errorf("copy to %s: %w", done.To, err)
	} else {
		var all int64
		for _, n := range done.Rows {
			all += n
		}
		o := &operator.Operator{Store: target, Clock: time.Now}
		err = o.Copied(ctx, done.From, all)
	}
	return done, errors.Join(err, target.Close())
}

// shellWord is a text as one word of a shell's command line.
func shellWord(text string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/:@%+,="
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

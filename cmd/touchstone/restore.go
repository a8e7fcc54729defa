package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/backup"
	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func restoreCommand() *cobra.Command {
	var (
		where   location
		replace bool
		out     output
	)
	cmd := &cobra.Command{
		Use: "restore BACKUP", Short: "Put a backup back, into a data directory that nobody uses",
		Args: args(1, "the directory of a backup"),
		Long: `Put the database of a backup into a data directory. It is refused while any process has that directory's database open,
and when there is a database in it: --replace keeps that one aside, as touchstone.db.replaced-TIME.

What was begun before is over: every console session, ceremony and set-up link is removed, temporary credentials that
were issued until now are void, and an event in the trail of each account says so. What was revoked, removed or changed
after the backup was made is as it was then: look at the keys, devices and passwords that were revoked since.

The master key is not in a backup. It is looked for in the data directory, or in --master-key-file, and must be the one
that the backup was made with; when there is none yet, the command says which it must be.

A PostgreSQL database is restored with PostgreSQL's own tools, which this command names.`,
		Example: `  touchstone restore /var/backups/touchstone/touchstone-20261201T031500.000Z --data /var/lib/touchstone
  touchstone restore ./backups/touchstone-20261201T031500.000Z --data ./data --replace --output json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(out.check(), where.place.check(cmd)); err != nil {
				return err
			}
			if where.database != "" {
				return errors.New(postgresRestore(where.database))
			}
			data, masterKey := where.data, where.masterKey
			if data == "" {
				return usagef("--data is empty: name the data directory")
			}
			if data == server.InMemory {
				return usagef("--data %s: a backup is put into a directory, so name one", data)
			}
			if masterKey == "" {
				masterKey = filepath.Join(data, "master.key")
			}
			fingerprint, err := fingerprintOf(masterKey)
			if err != nil {
				return err
			}
			b, err := backup.Open(args[0])
			if err != nil {
				return err
			}

			r := &backup.Restore{Data: data, Replace: replace, Clock: time.Now, KeyFingerprint: fingerprint}
			done, err := r.From(cmd.Context(), b)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			return out.print(w, done, func() {
				fmt.Fprintf(w, "The backup was put into %s.\n", data)
				if done.Aside != "" {
					fmt.Fprintf(w, "The database that was there is kept as %s; remove it when it is no longer needed.\n", done.Aside)
				}
				tellRestored(w, &done.Restoration)
				if fingerprint == "" {
					fmt.Fprintf(w, "Before you start the server, put the master key at %s: the one with the fingerprint %s.\n",
						masterKey, done.MasterKeyFingerprint)
				}
			})
		},
	}
	where.flags(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false,
		"also when there is a database in the directory, which is kept aside under another name")
	out.flags(cmd)
	return cmd
}

// postgresRestore says what to use on PostgreSQL.
func postgresRestore(databaseURL string) string {
	named, _ := store.ForTools(databaseURL)
	return `a PostgreSQL database is restored with PostgreSQL's own tools, such as, into an empty database:
  pg_restore --no-owner --dbname='` + named + `' touchstone.dump
Then, as the last step, run: touchstone restored --database URL`
}

// fingerprintOf reads a master key's fingerprint; "" when there is no such file.
func fingerprintOf(path string) (string, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	master, err := secret.LoadOrCreateMasterKey(path, false)
	if err != nil {
		return "", err
	}
	return master.Fingerprint(), nil
}

// tellRestored says what a restore means.
func tellRestored(w io.Writer, done *operator.Restoration) {
	fmt.Fprintf(w, "%d console sessions were ended in %d accounts. "+
		"Set-up links, ceremonies and temporary credentials of before are void.\n", done.Sessions, done.Accounts)
	if done.AsOf.IsZero() {
		fmt.Fprintln(w, "How old the data is, is not known, because it has no event.")
	} else {
		fmt.Fprintf(w, "The data is of %s, %s ago.\n", done.AsOf.UTC().Format(time.RFC3339), done.Age.Round(time.Second))
	}
	fmt.Fprintln(w, "Access keys, MFA devices, passwords and policies that were revoked, removed or changed "+
		"since then are back as they were: go through them.")
}

func restoredCommand() *cobra.Command {
	var (
		where place
		out   output
	)
	cmd := &cobra.Command{
		Use: "restored", Short: "Make a database safe that was put back by other means", Args: args(0, "no arguments"),
		Long: `Do to a database what 'touchstone restore' does to a backup that it puts back: end what was begun before. It is the
last step whenever the database was put back by other means: with pg_restore, from a base backup, from a snapshot of a virtual
machine or a file system.

Every console session, ceremony and set-up link is removed, temporary credentials that were issued until now are void,
each account gets a new incarnation, by which servers notice that what they remember is no longer current, and an event in
the trail of each account says so. Servers that run on the database may go on; those that have noticed that it was put back
answer again. No master key is needed.`,
		Example: `  touchstone restored --database postgres://touchstone@db.example.com/touchstone
  touchstone restored --data /var/lib/touchstone`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(out.check(), where.check(cmd)); err != nil {
				return err
			}
			s, err := where.openStore(cmd, server.StateConfig{})
			if err != nil {
				return err
			}
			o := &operator.Operator{Store: s, Clock: time.Now}
			done, err := o.Restored(cmd.Context(), time.Time{})
			if err := errors.Join(err, s.Close()); err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			return out.print(w, done, func() { tellRestored(w, done) })
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	return cmd
}

// checked is the result of 'check --output json'.
type checked struct {
	Database string
	Sound    bool
	Findings []string
}

func checkCommand() *cobra.Command {
	var (
		where location
		out   output
	)
	cmd := &cobra.Command{
		Use: "check", Short: "Look for what is wrong with the database", Args: args(0, "no arguments"),
		Long: `Read the whole database and list what is wrong with it: damage of the file (SQLite), rows that refer to what is not there,
counts that do not agree, secrets that the master key does not open. It changes nothing, and works while the server runs.

The exit code is 0 when nothing was found and 1 when something was, or the database could not be read.`,
		Example: `  touchstone check --data /var/lib/touchstone
  touchstone check --database postgres://touchstone@db.example.com/touchstone --master-key-file master.key --output json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(out.check(), where.check(cmd)); err != nil {
				return err
			}
			c := where.state()
			c.Unchecked = true
			state, err := server.OpenState(cmd.Context(), c)
			if err != nil {
				return err
			}
			found := checked{Database: state.Store.Name()}
			found.Findings, err = state.Operator().Check(cmd.Context())
			if err := errors.Join(err, state.Close()); err != nil {
				return err
			}
			if found.Sound = len(found.Findings) == 0; found.Sound {
				found.Findings = []string{} // a list in JSON as well
			}

			w := cmd.OutOrStdout()
			if err := out.print(w, found, func() {
				for _, finding := range found.Findings {
					fmt.Fprintln(w, finding)
				}
				if found.Sound {
					fmt.Fprintf(w, "Nothing is wrong with %s.\n", found.Database)
				}
			}); err != nil {
				return err
			}
			if !found.Sound {
				return fmt.Errorf("%s has faults: %d were found", found.Database, len(found.Findings))
			}
			return nil
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	return cmd
}

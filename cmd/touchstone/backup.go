package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/backup"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

func backupCommand() *cobra.Command {
	var (
		where place
		out   output
	)
	cmd := &cobra.Command{
		Use: "backup DIR", Short: "Make a backup of the database, also while the server runs",
		Args: args(1, "the directory of the backups"),
		Long: `Make a backup of the SQLite database in a new directory within DIR, and print its path. Servers and other commands go
on meanwhile; everything that was acknowledged before the backup began is in it. It has its name, touchstone-TIME, only
when it was read whole, compared with the database and written to disk.

The backup has the database and a manifest, and never the master key: keep a copy of that in another place. No master
key is needed to make a backup. 'touchstone restore' puts one back.

A PostgreSQL database is backed up with PostgreSQL's own tools, which this command names.`,
		Example: `  touchstone backup /var/backups/touchstone --data /var/lib/touchstone
  touchstone backup ./backups --output json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(out.check(), where.check(cmd)); err != nil {
				return err
			}
			if where.database != "" {
				return errors.New(postgresBackup(where.database))
			}
			return makeBackup(cmd, &where, &out, args[0])
		},
	}
	where.flags(cmd)
	out.flags(cmd)
	return cmd
}

func makeBackup(cmd *cobra.Command, where *place, out *output, directory string) error {
	s, err := where.openStore(cmd, server.StateConfig{})
	if err != nil {
		return err
	}
	progress := newProgress(cmd.ErrOrStderr(), "copied")
	m := &backup.Maker{
		Store: s, Clock: time.Now, Version: server.Version().Version,
		Progress: func(done, total int) { progress.show(int64(done), int64(total)) },
	}
	made, err := m.Make(cmd.Context(), directory)
	progress.end()
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}

	w := cmd.OutOrStdout()
	return out.print(w, made, func() {
		fmt.Fprintf(w, "%s\n", made.Path)
		fmt.Fprintf(w, "It has %d accounts in %d bytes, and was checked. The master key is not in it: keep a copy of that elsewhere.\n",
			made.Rows["account"], made.Database.Size)
	})
}

// openStore opens the database without its master key.
func (p *place) openStore(cmd *cobra.Command, c server.StateConfig) (*store.Store, error) {
	c.Data, c.Database = p.data, p.database
	c.Checking = func(why string) {
		fmt.Fprintf(cmd.ErrOrStderr(), "touchstone: checking the database, because %s\n", why)
	}
	return server.OpenStore(cmd.Context(), c)
}

// postgresBackup says what to use on PostgreSQL.
func postgresBackup(databaseURL string) string {
	named, schema := store.ForTools(databaseURL)
	only := ""
	if schema != "" {
		only = " --schema=" + schema
	}
	return `a PostgreSQL database is backed up with PostgreSQL's own tools, also while servers run:
  pg_dump --format=custom --file=touchstone.dump` + only + ` --dbname='` + named + `'
or, for a whole database server with all that was committed up to a moment, pg_basebackup and the archive of its log.
After a restore, as the last step, run: touchstone restored --database URL`
}

// progress shows on a terminal how far something is.
type progress struct {
	w    io.Writer // nil: nowhere
	done string
	last time.Time
}

func newProgress(w io.Writer, done string) *progress {
	if !terminal(w) {
		w = nil
	}
	return &progress{w: w, done: done}
}

// show shows the share that is done, at most ten times a second.
func (p *progress) show(done, total int64) {
	if p.w == nil || total == 0 || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(p.w, "\r%3d %% %s", done*100/total, p.done)
}

// end clears the line.
func (p *progress) end() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// scheduled are the settings of serve's backups.
type scheduled struct {
	directory string
	every     time.Duration
	keep      int
}

func (s *scheduled) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.directory, "backup-dir", "",
		"directory in which backups are made at intervals (SQLite; default: none are made)")
	cmd.Flags().DurationVar(&s.every, "backup-every", 24*time.Hour, "how often a backup is made in --backup-dir")
	cmd.Flags().IntVar(&s.keep, "backup-keep", 7, "how many backups stay in --backup-dir")
}

// check returns all faults of the settings.
func (s *scheduled) check(cmd *cobra.Command, where *place) error {
	var faults []error
	if s.directory != "" && where.database != "" {
		faults = append(faults, errors.New("--backup-dir is for SQLite: back up a PostgreSQL database with pg_dump or pg_basebackup"))
	}
	if s.directory != "" && where.database == "" && where.data == server.InMemory {
		faults = append(faults, errors.New("--backup-dir is for a database in a directory: name one with --data"))
	}
	if s.directory == "" && (cmd.Flags().Changed("backup-every") || cmd.Flags().Changed("backup-keep")) {
		faults = append(faults, errors.New("--backup-every and --backup-keep need --backup-dir"))
	}
	if s.every < time.Minute {
		faults = append(faults, fmt.Errorf("--backup-every %v: use a minute or more, such as 6h", s.every))
	}
	if s.keep < 1 {
		faults = append(faults, fmt.Errorf("--backup-keep %d: use 1 or more", s.keep))
	}
	return errors.Join(faults...)
}

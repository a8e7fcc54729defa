package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/touchstone-iam/touchstone/internal/httpd"
	"github.com/touchstone-iam/touchstone/internal/outbox"
	"github.com/touchstone-iam/touchstone/internal/server"
)

// doubts returns what the person who runs the server probably did not mean by these settings, each as a sentence for the log. A
// setting that cannot work is an error instead, see [serving.complete].
func (s *serving) doubts(cmd *cobra.Command, now time.Time) []string {
	texts := unknownVariables(cmd.Root())
	doubt := func(format string, args ...any) { texts = append(texts, fmt.Sprintf(format, args...)) }

	texts = append(texts, s.http.Warnings()...)
	if s.where.database == "" && s.where.data == server.InMemory {
		doubt("everything is kept in memory and is gone when the server stops; name a directory with --data to keep it")
	}
	if s.http.TLSCert != "" {
		texts = append(texts, httpd.CertificateDoubts(s.http, now)...)
	}
	if s.http.TLSKey != "" && readableByOthers(s.http.TLSKey) {
		doubt("other users of this machine can read the TLS key: run chmod 600 %s", s.http.TLSKey)
	}
	if s.where.database == "" {
		if file := filepath.Join(s.where.data, "touchstone.db"); readableByOthers(file) {
			doubt("other users of this machine can read the database: run chmod 600 %s", file)
		}
	}

	if s.defaultURL && !httpd.Loopback(s.http.Listen) {
		doubt("--url is not given, so links, cookies and security keys are for %s, which only this machine reaches: "+
			"give the address at which browsers reach the server", s.http.URL)
	}
	if s.http.MetricsListen != "" && !httpd.Loopback(s.http.MetricsListen) {
		doubt("--metrics-listen %s: whoever reaches this address can read the metrics; they are not protected", s.http.MetricsListen)
	}
	if s.server.Sessions.Idle > s.server.Sessions.Absolute {
		doubt("--session-idle %v is longer than --session-duration %v, and so has no effect", s.server.Sessions.Idle,
			s.server.Sessions.Absolute)
	}
	if s.server.SMTPURL == "" {
		doubt("--smtp-url is not given, so security mails are not sent: each is written to the log as a warning, and kept for %d days "+
			"in case a mail server is configured", int(outbox.KeptWithoutServer.Hours()/24))
	}
	return texts
}

// readableByOthers reports whether users other than the owner have any right to a file. A file that cannot be looked at is left to
// whatever opens it.
func readableByOthers(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}

// variablePrefix begins the name of every environment variable that stands for a flag.
const variablePrefix = "TOUCHSTONE_"

// variable returns the name of the environment variable that stands for a flag.
func variable(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// unknownVariables returns a sentence for each environment variable that looks like a flag of ours, and stands for no flag of any
// command.
func unknownVariables(root *cobra.Command) (texts []string) {
	known := make(map[string]bool)
	eachCommand(root, func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { known[variable(f.Name)] = true })
	})

	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, variablePrefix) && !known[name] {
			texts = append(texts, fmt.Sprintf("the environment variable %s is set, and there is no flag that it could stand for", name))
		}
	}
	slices.Sort(texts)
	return texts
}

// eachCommand calls visit for a command and all below it.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, below := range c.Commands() {
		eachCommand(below, visit)
	}
}

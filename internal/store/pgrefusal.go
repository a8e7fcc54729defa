package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// refusal is why a database cannot be worked with, in one line that says what to do.
type refusal struct {
	text  string
	cause error // nil when the text is Touchstone's own finding
}

// Error returns the line.
func (r *refusal) Error() string { return r.text }

// Unwrap returns the cause; whatever it is, the database is not available.
func (r *refusal) Unwrap() []error {
	if r.cause == nil {
		return []error{ErrUnavailable}
	}
	return []error{ErrUnavailable, r.cause}
}

func refusef(format string, args ...any) error { return &refusal{text: fmt.Sprintf(format, args...)} }

// explain words the error of an attempt to connect, or of a statement on the way to an open database. The driver's own words take
// several lines when there are several addresses or tries, and say nothing of what to do.
func (s *pgSettings) explain(err error) error {
	if err == nil {
		return nil
	}
	var own *refusal
	if errors.As(err, &own) {
		return own // the driver puts its words before what ValidateConnect found
	}
	if text := s.words(err); text != "" {
		return &refusal{text, err}
	}
	return err
}

// words says what an error means to whoever runs Touchstone; "" when the error is not one of connecting.
func (s *pgSettings) words(err error) string {
	var (
		answer    *pgconn.PgError
		connect   *pgconn.ConnectError
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		name      *net.DNSError
	)
	switch {
	case errors.As(err, &answer):
		return s.answerWords(answer, errors.As(err, &connect))
	case !errors.As(err, &connect):
		return ""
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return "the server does not offer TLS, which the URL asks for, or must be had because the host is another machine: " +
			"turn it on in the server (ssl = on), or set sslmode=disable in the URL if nobody can listen on the network between"
	case errors.As(err, &authority):
		return "the authority that signed the server's TLS certificate is not known here: name its certificate with sslrootcert=FILE in the URL"
	case errors.As(err, &untrusted):
		return "the server's TLS certificate does not prove who it is: " + oneLine(untrusted.Err)
	case errors.As(err, &name):
		return fmt.Sprintf("the host name %s is not known: %s", name.Name, name.Err)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return fmt.Sprintf("nothing answers at %s: is PostgreSQL running there, and are host and port right?", s.addresses())
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return fmt.Sprintf("%s does not answer within %v", s.addresses(), s.timeout)
	}

	text := oneLine(errors.Unwrap(connect))
	if s.config.Password != "" {
		text = strings.ReplaceAll(text, s.config.Password, "xxxxx") // the driver does not quote it today
	}
	return "cannot connect to " + s.addresses() + ": " + text
}

// answerWords words what the server itself answered: PostgreSQL, appendix A, "PostgreSQL Error Codes".
func (s *pgSettings) answerWords(answer *pgconn.PgError, connecting bool) string {
	const passwords = "give it in PGPASSWORD or, better, in a file that PGPASSFILE names"
	user, database := s.config.User, s.config.Database
	switch {
	case strings.Contains(answer.Message, "unsupported startup parameter"):
		return behindPooler
	case answer.Code == "28P01" && s.config.Password == "": // invalid_password
		return fmt.Sprintf("the server wants a password for the user %q: %s", user, passwords)
	case answer.Code == "28P01":
		return fmt.Sprintf("the server refuses the password of the user %q: %s", user, passwords)
	case answer.Code == "28000": // invalid_authorization_specification
		return fmt.Sprintf("the server does not let the user %q in: %s", user, answer.Message)
	case answer.Code == "3D000": // invalid_catalog_name
		return fmt.Sprintf("the server has no database %q: make it with createdb --owner=%s %s", database, user, database)
	case answer.Code == "42501": // insufficient_privilege
		return fmt.Sprintf("the user %q lacks a right (%s): make it the owner of the database %q", user, answer.Message, database)
	case connecting:
		return "the server refuses the connection: " + answer.Message
	}

	return ""
}

// behindPooler is the refusal of a server that is reached through something that shares sessions out.
const behindPooler = "a connection pooler, such as PgBouncer, stands before the server, and Touchstone needs sessions of its own: " +
	"name the PostgreSQL server itself in the URL; pool_max_conns sets how many connections are made"

// addresses names the hosts that are tried.
func (s *pgSettings) addresses() string {
	var all []string
	add := func(host string, port uint16) {
		_, address := pgconn.NetworkAddress(host, port)
		if len(all) == 0 || all[len(all)-1] != address { // with sslmode=prefer a host is tried twice
			all = append(all, address)
		}
	}
	add(s.config.Host, s.config.Port)
	for _, f := range s.config.Fallbacks {
		add(f.Host, f.Port)
	}
	return strings.Join(all, ", ")
}

// oneLine joins the lines of an error's text.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\t' }), "; ")
}

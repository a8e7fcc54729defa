package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgSettings are what a PostgreSQL URL, and the environment as libpq reads it, say about connections.
type pgSettings struct {
	config      *pgx.ConnConfig
	connections int           // of the pool, at most
	timeout     time.Duration // to connect
}

const (
	defaultConnections = 20
	oldestPostgres     = 15
)

// parseURL reads a database URL. Its error never quotes the URL, which may hold a password.
func parseURL(text string) (*pgSettings, error) {
	const want = "want postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full, with parameters as libpq names them"
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New(want)
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, errors.New(want + ": " + reason(err))
	}

	// Whoever is between here and another host could read and change everything, unless the server proves who it is.
	if parameters := u.Query(); !local(config) && !parameters.Has("sslmode") && !parameters.Has("ssl") {
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&sslmode=verify-full", "&")
		if config, err = pgx.ParseConfig(u.String()); err != nil {
			return nil, errors.New(want + ": " + reason(err))
		}
	}

	s := &pgSettings{config: config, connections: defaultConnections, timeout: cmp.Or(config.ConnectTimeout, connectTimeout)}
	if n, given := config.RuntimeParams["pool_max_conns"]; given {
		if s.connections, err = strconv.Atoi(n); err != nil || s.connections < 2 || s.connections > 10000 {
			return nil, errors.New("pool_max_conns is a number from 2 to 10000: reading and writing have connections of their own")
		}
		delete(config.RuntimeParams, "pool_max_conns")
	}

	// These win over what the server, the database or the role has set.
	host, _ := os.Hostname()
	defaultParameter(config, "application_name", fmt.Sprintf("touchstone on %s, process %d", host, os.Getpid()))
	for name, value := range map[string]string{
		"client_encoding": "UTF8", "synchronous_commit": "on", "jit": "off",
		"lock_timeout": milliseconds(lockTimeout), "statement_timeout": milliseconds(statementTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTimeout),
	} {
		config.RuntimeParams[name] = value
	}
	config.ValidateConnect = fit
	config.DialFunc = dialWithLimits
	return s, nil
}

func defaultParameter(c *pgx.ConnConfig, name, value string) {
	if c.RuntimeParams[name] == "" {
		c.RuntimeParams[name] = value
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// reason is the part of a parsing error that does not quote the URL.
func reason(err error) string {
	for _, known := range []string{"sslmode is invalid", "invalid port", "unable to read CA file", "connect_timeout"} {
		if strings.Contains(err.Error(), known) {
			return known
		}
	}
	return "it cannot be read"
}

// local reports whether all hosts are this one: Unix sockets and loopback addresses.
func local(c *pgx.ConnConfig) bool {
	hosts := []string{c.Host}
	for _, f := range c.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, host := range hosts {
		address, err := netip.ParseAddr(host)
		loopback := err == nil && address.IsLoopback()
		if !loopback && host != "localhost" && !strings.HasPrefix(host, "/") && !strings.HasPrefix(host, "@") {
			return false
		}
	}
	return true
}

// name names the database without its secrets.
func (s *pgSettings) name() string {
	return fmt.Sprintf("%s on %s", s.config.Database, s.config.Host)
}

// withoutPassword makes sure that an error does not quote the password.
func (s *pgSettings) withoutPassword(err error) error {
	if s.config.Password != "" && strings.Contains(err.Error(), s.config.Password) {
		return errors.New(strings.ReplaceAll(err.Error(), s.config.Password, "xxxxx"))
	}
	return err
}

// fit refuses a server that Touchstone does not work on, by what it says of itself when somebody connects.
func fit(_ context.Context, c *pgconn.PgConn) error {
	version := c.ParameterStatus("server_version")
	major, _, _ := strings.Cut(version, ".")
	digits := strings.TrimRightFunc(major, func(r rune) bool { return r < '0' || r > '9' }) // "17beta1"
	if n, err := strconv.Atoi(strings.TrimSpace(digits)); err != nil || n < oldestPostgres {
		return fmt.Errorf("the server is PostgreSQL %s, and Touchstone needs %d or later", version, oldestPostgres)
	}
	if c.ParameterStatus("in_hot_standby") == "on" {
		return errors.New("the server is a standby (pg_is_in_recovery), which cannot be written to: name the primary, " +
			"or several hosts, of which the primary is then used")
	}
	if encoding := c.ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, and Touchstone needs UTF8: create it with "+
			"CREATE DATABASE touchstone ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// dialWithLimits connects to a server that is later given up when it does not answer in time.
func dialWithLimits(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &limitedConn{c}, nil
}

// limitedConn is a network connection on which every read and write ends in time.
type limitedConn struct{ net.Conn }

func (c *limitedConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *limitedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

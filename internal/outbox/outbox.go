// Package outbox delivers mails that were stored by a transaction.
//
// A mail is a row, written in the same transaction as the change that it reports, so it is sent only when that change was
// committed. Delivery is tried for about three days, at growing intervals. When a process dies after sending a mail and before
// deleting its row, the mail is sent twice.
package outbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/smtp"
	"net/url"
	"strings"
	"time"

	"github.com/touchstone-iam/touchstone/internal/store"
)

// Deliver sends one mail. It returns nil only when another system has accepted responsibility for the mail.
type Deliver func(ctx context.Context, m *store.Message) error

const (
	batch       = 20
	maxAttempts = 20
	firstRetry  = time.Minute // longer than a delivery may take, so that no other process makes the same attempt
	lastRetry   = 6 * time.Hour
)

// Flush tries to deliver the mails that are due at now, up to 20 of them. A mail that could not be delivered is logged and stays
// for a later attempt; an error means that the store failed.
func Flush(ctx context.Context, s *store.Store, deliver Deliver, logger *slog.Logger, now time.Time) error {
	var due []store.Message
	if err := s.View(ctx, func(tx *store.Tx) (err error) {
		due, err = tx.DueMessages(now, batch)
		return err
	}); err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}

	for n := range due {
		if err := attempt(ctx, s, deliver, logger, &due[n], now); err != nil {
			return fmt.Errorf("deliver mail %s: %w", due[n].ID, err)
		}
	}
	return nil
}

// attempt claims a mail, tries to deliver it, and deletes it when it is delivered or given up.
func attempt(ctx context.Context, s *store.Store, deliver Deliver, logger *slog.Logger, m *store.Message, now time.Time) error {
	err := s.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		return tx.ClaimMessage(m.ID, m.Attempts, now.Add(backoff(m.Attempts)))
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // another process has claimed it
	}
	if err != nil {
		return err
	}

	if err := deliver(ctx, m); err != nil {
		if m.Attempts+1 < maxAttempts {
			logger.Warn("mail not delivered, will be tried again", "message_id", m.ID, "attempts", m.Attempts+1, "error", err)
			return nil
		}
		logger.Error("mail given up", "message_id", m.ID, "recipient", m.Recipient, "subject", m.Subject, "error", err)
	}

	// Even when the server is being stopped, the row must go, or the mail would be sent again after the next start.
	return s.Update(context.WithoutCancel(ctx), store.NoLock(), func(tx *store.Tx) error { return tx.DeleteMessage(m.ID) })
}

// backoff returns how long to wait before the next attempt, when so many were made.
func backoff(attempts int) time.Duration {
	if attempts > 12 {
		return lastRetry
	}
	return min(lastRetry, firstRetry<<attempts)
}

// KeptWithoutServer is how long a mail is kept where no mail server is configured.
const KeptWithoutServer = 30 * 24 * time.Hour

// FlushToLog takes the place of [Flush] where no mail server is configured. It writes each new mail to the log once, as a warning,
// because what the mail reports may concern somebody's security. The mail stays in the outbox: when a mail server is configured
// before [Prune] removes it, it is sent.
func FlushToLog(ctx context.Context, s *store.Store, logger *slog.Logger, now time.Time) error {
	var fresh []store.Message
	if err := s.View(ctx, func(tx *store.Tx) (err error) {
		fresh, err = tx.NewMessages(batch)
		return err
	}); err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}

	for _, m := range fresh {
		err := s.Update(ctx, store.NoLock(), func(tx *store.Tx) error { return tx.ClaimMessage(m.ID, 0, now) })
		if errors.Is(err, store.ErrNotFound) {
			continue // another process has logged it
		}
		if err != nil {
			return fmt.Errorf("note that mail %s was logged: %w", m.ID, err)
		}
		logger.Warn("there is no mail server, so this mail is not sent", "to", m.Recipient, "subject", m.Subject, "body", m.Body)
	}
	return nil
}

// Prune removes the mails that have waited for a mail server for longer than [KeptWithoutServer].
func Prune(ctx context.Context, s *store.Store, now time.Time) error {
	if err := s.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		return tx.DeleteOldMessages(now.Add(-KeptWithoutServer))
	}); err != nil {
		return fmt.Errorf("prune mails: %w", err)
	}
	return nil
}

// ToSMTP delivers mails to the server that a URL names: smtp://[user:password@]host[:port]?from=ADDRESS uses STARTTLS when the
// server offers it, and refuses to send a password without it; smtps:// uses TLS from the first byte. Its error says what is wrong
// with the URL.
func ToSMTP(text string) (Deliver, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, fmt.Errorf("smtp url: use smtp://host:port?from=ADDRESS, or smtps://")
	}

	from := u.Query().Get("from")
	if from == "" {
		return nil, fmt.Errorf("smtp url: the parameter from=ADDRESS is missing")
	}

	port := u.Port()
	if port == "" {
		port = map[string]string{"smtp": "587", "smtps": "465"}[u.Scheme]
	}

	address := net.JoinHostPort(u.Hostname(), port)
	return func(ctx context.Context, m *store.Message) error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return send(ctx, u, address, from, m)
	}, nil
}

// send delivers one mail in one SMTP session.
func send(ctx context.Context, u *url.URL, address, from string, m *store.Message) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}

	config := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if u.Scheme == "smtps" {
		conn = tls.Client(conn, config)
	}

	c, err := smtp.NewClient(conn, u.Hostname())
	if err != nil {
		return err
	}
	defer c.Close()

	if offered, _ := c.Extension("STARTTLS"); offered && u.Scheme == "smtp" {
		if err := c.StartTLS(config); err != nil {
			return err
		}
	}

	if password, ok := u.User.Password(); ok {
		// PlainAuth refuses to send a password over a connection without TLS.
		if err := c.Auth(smtp.PlainAuth("", u.User.Username(), password, u.Hostname())); err != nil {
			return err
		}
	}

	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(m.Recipient); err != nil {
		return err
	}

	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(render(from, m)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}

	c.Quit() //nolint:errcheck // the server has accepted the mail, and an error here would send it again
	return nil
}

// render returns the mail in the form of RFC 5322. Line ends in header values become spaces, so that no value can add a header.
func render(from string, m *store.Message) []byte {
	line := strings.NewReplacer("\r", " ", "\n", " ")
	return []byte("From: " + line.Replace(from) + "\r\nTo: " + line.Replace(m.Recipient) +
		"\r\nSubject: " + mime.QEncoding.Encode("utf-8", line.Replace(m.Subject)) +
		"\r\nDate: " + m.CreatedAt.UTC().Format(time.RFC1123Z) + "\r\nMessage-ID: <" + m.ID + "@touchstone>" +
		"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
		strings.ReplaceAll(m.Body, "\n", "\r\n"))
}

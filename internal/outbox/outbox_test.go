package outbox_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/outbox"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

var (
	ctx = context.Background()
	now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
)

func withMail(t *testing.T) (*store.Store, *slog.Logger) {
	t.Helper()
	path, databaseURL := storetest.Place(t, t.TempDir())
	s, err := store.OpenConfig(ctx, store.Config{Path: path, URL: databaseURL, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Update(ctx, store.NoLock(), func(tx *store.Tx) error {
		return tx.InsertMessage(&store.Message{
			ID: "m", AccountID: "111122223333", Recipient: "root@example.com", Subject: "MFA device added\r\nBcc: x@example.com",
			Body: "A device was added.\n.\nIf this was not you …\n", CreatedAt: now,
		})
	}); err != nil {
		t.Fatal(err)
	}
	return s, slog.New(slog.NewTextHandler(t.Output(), nil))
}

func waiting(t *testing.T, s *store.Store, at time.Time) (n int) {
	t.Helper()
	if err := s.View(ctx, func(tx *store.Tx) error {
		due, err := tx.DueMessages(at, 100)
		n = len(due)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeliveryIsTriedAgain(t *testing.T) {
	s, logger := withMail(t)
	attempts := 0
	deliver := func(context.Context, *store.Message) error {
		attempts++
		if attempts < 4 {
			return errors.New("mail server is away")
		}
		return nil
	}

	at := now
	for range 10 {
		for range 3 { // at the same time it is tried once
			if err := outbox.Flush(ctx, s, deliver, logger, at); err != nil {
				t.Fatal(err)
			}
		}
		at = at.Add(10 * time.Minute)
	}

	if attempts != 4 {
		t.Errorf("%d attempts, want 4", attempts)
	}
	if waiting(t, s, at.Add(1000*time.Hour)) != 0 {
		t.Error("a delivered mail still waits")
	}
}

func TestGivenUpAtLast(t *testing.T) {
	s, logger := withMail(t)
	attempts := 0
	deliver := func(context.Context, *store.Message) error { attempts++; return errors.New("no such mailbox") }
	for at := now; at.Before(now.Add(30 * 24 * time.Hour)); at = at.Add(time.Hour) {
		if err := outbox.Flush(ctx, s, deliver, logger, at); err != nil {
			t.Fatal(err)
		}
	}
	if attempts != 20 || waiting(t, s, now.Add(1000*time.Hour)) != 0 {
		t.Errorf("%d attempts and %d mails left, want 20 and none", attempts, waiting(t, s, now.Add(1000*time.Hour)))
	}
}

// mailServer takes one mail and hands over what it was sent.
func mailServer(t *testing.T) (address string, got chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { l.Close() })
	got = make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "220 test\r\n")
		var mail strings.Builder
		data := false
		for in := bufio.NewScanner(conn); in.Scan(); {
			line := in.Text()
			switch {
			case data && line == ".":
				data = false
				fmt.Fprint(conn, "250 taken\r\n")

			case data:
				mail.WriteString(line + "\n")
			case strings.HasPrefix(line, "DATA"):
				data = true
				fmt.Fprint(conn, "354 go on\r\n")

			case strings.HasPrefix(line, "QUIT"):
				fmt.Fprint(conn, "221 bye\r\n")
				got <- mail.String()
				return

			default:
				mail.WriteString("> " + line + "\n")
				fmt.Fprint(conn, "250 fine\r\n")
			}
		}
	}()
	return l.Addr().String(), got
}

func TestSMTP(t *testing.T) {
	s, logger := withMail(t)
	address, got := mailServer(t)
	deliver, err := outbox.ToSMTP("smtp://" + address + "?from=touchstone@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Flush(ctx, s, deliver, logger, now); err != nil {
		t.Fatal(err)
	}

	mail := <-got
	for _, want := range []string{
		"> MAIL FROM:<touchstone@example.com>", "> RCPT TO:<root@example.com>", "To: root@example.com\n",
		"A device was added.\n..\n",
	} {
		if !strings.Contains(mail, want) {
			t.Errorf("the mail lacks %q:\n%s", want, mail)
		}
	}

	if strings.Contains(mail, "\nBcc:") {
		t.Errorf("a subject wrote a header:\n%s", mail)
	}
}

func TestSMTPURL(t *testing.T) {
	for url, want := range map[string]string{
		"":                                "use smtp://",
		"http://mail":                     "use smtp://",
		"smtp://":                         "use smtp://",
		"smtp://mail.example.com":         "from=ADDRESS",
		"smtps://mail.example.com?from=a": "",
	} {
		_, err := outbox.ToSMTP(url)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
}

// Without a mail server, a mail is a warning in the log, once, and is kept: it is sent when there is a server after all.
func TestWithoutMailServer(t *testing.T) {
	s, _ := withMail(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	for range 3 {
		if err := outbox.FlushToLog(ctx, s, logger, now); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "MFA device added"); n != 1 || !strings.Contains(log.String(), "root@example.com") {
		t.Errorf("the mail is logged %d times: %s", n, &log)
	}

	if err := outbox.Prune(ctx, s, now.Add(29*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	sent := 0
	deliver := func(context.Context, *store.Message) error { sent++; return nil }
	if err := outbox.Flush(ctx, s, deliver, logger, now.Add(29*24*time.Hour)); err != nil || sent != 1 {
		t.Errorf("%d mails were sent by the server that was configured later, %v", sent, err)
	}
}

// A mail that nobody could send is not kept for ever.
func TestPrune(t *testing.T) {
	s, logger := withMail(t)
	if err := outbox.FlushToLog(ctx, s, logger, now); err != nil {
		t.Fatal(err)
	}
	if err := outbox.Prune(ctx, s, now.Add(outbox.KeptWithoutServer+time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := waiting(t, s, now.Add(1000*time.Hour)); n != 0 {
		t.Errorf("%d mails are left", n)
	}
}

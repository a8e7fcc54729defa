package outbox_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/outbox"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// A mail that the server has taken is not sent again because the server did not say goodbye.
func TestTakenMailIsNotSentAgain(t *testing.T) {
	s, logger := withMail(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "220 test\r\n")
		data := false
		for in := bufio.NewScanner(conn); in.Scan(); {
			switch line := in.Text(); {
			case data && line == ".":
				data = false
				fmt.Fprint(conn, "250 taken\r\n")

			case data:
			case line == "DATA":
				data = true
				fmt.Fprint(conn, "354 go on\r\n")

			case strings.HasPrefix(line, "QUIT"):
				return
			default:
				fmt.Fprint(conn, "250 fine\r\n")
			}
		}
	}()

	deliver, err := outbox.ToSMTP("smtp://" + l.Addr().String() + "?from=touchstone@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := outbox.Flush(ctx, s, deliver, logger, now); err != nil {
		t.Fatal(err)
	}
	if n := waiting(t, s, now.Add(1000*time.Hour)); n != 0 {
		t.Errorf("%d mails wait to be sent again", n)
	}
}

// A stop while a mail is being handed over does not make it be sent again.
func TestDeliveredAtTheStop(t *testing.T) {
	s, logger := withMail(t)
	stopping, stop := context.WithCancel(ctx)
	deliver := func(context.Context, *store.Message) error { stop(); return nil }
	if err := outbox.Flush(stopping, s, deliver, logger, now); err != nil {
		t.Error(err)
	}
	if n := waiting(t, s, now.Add(1000*time.Hour)); n != 0 {
		t.Errorf("%d mails wait to be sent again", n)
	}
}

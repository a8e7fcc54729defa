package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// The work in the background ends with its context, also while a mail server does not answer.
func TestBackgroundEnds(t *testing.T) {
	s := touchtest.Start(t, func(c *server.Config) { c.SMTPURL = "smtp://127.0.0.1:1?from=touchstone@example.com" })
	a := s.NewAccount(t)
	a.SetUpRoot()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Background(ctx)
	}()
	stop()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the background goes on after its context")
	}
}

package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/touchstone-iam/touchstone/internal/touchtest"
)

// The work in the background ends with its context.
func TestBackgroundEnds(t *testing.T) {
	s := touchtest.Start(t, nil)
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

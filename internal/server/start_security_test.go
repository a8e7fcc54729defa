package server_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/server"
)

// Of processes that start at once on an empty directory, one makes the first account and all come up, with one master key.
func TestFirstStartAtOnce(t *testing.T) {
	ctx := context.Background()
	for range 5 {
		data := t.TempDir()
		var (
			wg           sync.WaitGroup
			mu           sync.Mutex
			made         int
			fingerprints = make(map[string]bool)
		)

		for n := range 4 {
			wg.Go(func() {
				state, err := server.OpenState(ctx, server.StateConfig{Data: data, Create: true})
				if err != nil {
					t.Error(err)
					return
				}
				defer state.Close()
				first, err := server.FirstAccount(ctx, state, fmt.Sprintf("root%d@example.com", n), "http://localhost")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				fingerprints[hex.EncodeToString(state.Secrets.Derive("test"))] = true
				if first != nil {
					made++
				}
			})
		}

		wg.Wait()
		state, err := server.OpenState(ctx, server.StateConfig{Data: data})
		if err != nil {
			t.Fatal(err)
		}

		accounts, err := state.Operator().Accounts(ctx)
		if err != nil || len(accounts) != 1 || made != 1 || len(fingerprints) != 1 {
			t.Errorf("%d accounts, %d made, %d keys, %v", len(accounts), made, len(fingerprints), err)
		}
		state.Close()
	}
}

package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/seed"
	"github.com/touchstone-iam/touchstone/internal/server"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// readSeed reads a seed and checks its values. Its error has a line for each fault.
func readSeed(file string) (*seed.Seed, error) {
	read, err := seed.Read(file)
	if err != nil {
		return nil, err
	}
	return read, operator.CheckSeed(read)
}

// fromSeed completes a request for an account with its entry in a seed, which is the one with the id, alias or e-mail that was
// asked for; a seed of one account needs none of them.
func fromSeed(ctx context.Context, cmd *cobra.Command, file string, n operator.AccountRequest) (operator.AccountRequest, error) {
	if n.AccessKey {
		return n, usagef("--seed and --access-key exclude each other: the seed says which keys the root user has")
	}
	read, err := readSeed(file)
	if err != nil {
		return n, &usageError{err}
	}
	entry, err := entryOf(cmd, read, n)
	if err != nil {
		return n, err
	}

	made, err := operator.NewSeedRequest(ctx, read, entry, secret.NewHasher(secret.DefaultParams, 0))
	made.Reset, made.URL = n.Reset, n.URL
	return made, err
}

// entryOf finds the account of a seed that the flags name.
func entryOf(cmd *cobra.Command, read *seed.Seed, n operator.AccountRequest) (*seed.Account, error) {
	var found []*seed.Account
	for i := range read.Accounts {
		a := &read.Accounts[i]
		if (n.ID == "" || a.ID.Value == n.ID) && (n.Alias == "" || a.Alias.Value == n.Alias) &&
			(!cmd.Flags().Changed("root-email") || store.Fold(a.RootEmail.Value) == store.Fold(n.RootEmail)) {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		return nil, usagef("%s has %d accounts that fit: name one with --account-id, --alias or --root-email, as the file has them",
			read.File, len(found))
	}
	return found[0], nil
}

// warnOfKeys warns of access keys that a seed fixed when others can reach the server.
func (s *serving) warnOfKeys(ctx context.Context, state *server.State, logger *slog.Logger) error {
	if !s.http.Beyond() {
		return nil
	}

	const shown = 10
	var keys []string
	if err := state.Store.View(ctx, func(tx *store.Tx) (err error) {
		keys, err = tx.SeededKeys(shown + 1)
		return err
	}); err != nil {
		return errors.Join(errors.New("look for access keys that a seed fixed"), err)
	}
	if len(keys) == 0 {
		return nil
	}
	if len(keys) > shown {
		keys = append(keys[:shown], "and others")
	}
	logger.Warn("other machines can reach this server, and it has access keys that a seed fixed: whoever has the seed can use them; "+
		"delete them, or serve on loopback alone", "accessKeys", keys)
	return nil
}

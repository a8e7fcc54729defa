package operator_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/seed"
	"github.com/touchstone-iam/touchstone/internal/store"
)

var cheap = secret.NewHasher(secret.Params{MemoryKiB: 64, Time: 1, Threads: 1}, 0)

// readSeed reads a seed from a file of the given text.
func readSeed(t *testing.T, text string) *seed.Seed {
	t.Helper()
	file := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := seed.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const twoAccounts = `
accounts:
  - id: "111122223333"
    alias: acme
    rootEmail: root@example.com
    rootPassword: correct horse battery
    users:
      - {name: alice, password: Correct-horse-1, tags: {team: a}}
      - name: bob
        accessKeys: [{id: AKIABOBOFACME0000001, secret: bob-of-acme-for-tests-only}]
  - {rootEmail: other@example.com}
`

// TestSeed applies a seed from several servers at once: one makes everything, the others nothing.
func TestSeed(t *testing.T) {
	o := newOperator(t)
	s := readSeed(t, twoAccounts)
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		made    []*operator.CreatedAccount
	)
	for range 4 {
		running.Go(func() {
			c, err := o.Seed(ctx, s, cheap, origin)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			made = append(made, c...)
		})
	}
	running.Wait()

	if len(made) != 2 || made[0].AccountID != "111122223333" || made[0].SetupURL != "" ||
		!strings.HasPrefix(made[1].SetupURL, origin) {
		t.Fatalf("made %+v", made)
	}
	if err := o.Store.View(ctx, func(tx *store.Tx) error {
		keys, err := tx.SeededKeys(10)
		if len(keys) != 1 || keys[0] != "AKIABOBOFACME0000001" {
			t.Errorf("keys fixed by the seed: %v", keys)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestSeedIsAllOrNothing gives seeds that only the store can refuse. Each fault has its line, and nothing is made.
func TestSeedIsAllOrNothing(t *testing.T) {
	const first = "accounts:\n  - id: \"111122223333\"\n    alias: acme\n    rootEmail: root@example.com\n"
	many := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}

	for name, test := range map[string]struct {
		text string
		line int
		want string
	}{
		"an id twice": {
			first + "  - id: \"111122223333\"\n    rootEmail: other@example.com\n", 6,
			"id 111122223333 belongs to another account",
		},
		"an e-mail twice": {first + "  - rootEmail: ROOT@example.com\n", 5, "belongs to account 111122223333"},
		"an alias twice":  {first + "  - alias: acme\n    rootEmail: other@example.com\n", 6, "belongs to another account"},
		"a user twice": {
			first + "    users:\n      - name: alice\n      - name: ALICE\n", 7,
			"EntityAlreadyExists: User with name ALICE already exists.",
		},
		"a key twice": {first + "    users:\n      - name: a\n        accessKeys:\n" + many(2,
			"          - {id: AKIAIOSFODNN7EXAMPLE, secret: for-tests-only-%d}\n"), 9, "EntityAlreadyExists"},
		"a third key": {first + "    users:\n      - name: a\n        accessKeys:\n" + many(3,
			"          - {id: AKIAIOSFODNN7EXAMPL%[1]d, secret: for-tests-only-%[1]d}\n"), 10, "LimitExceeded"},
		"a reserved tag":     {first + "    users:\n      - name: a\n        tags: {\"aws:x\": y}\n", 6, "InvalidInput"},
		"more tags than fit": {first + "    users:\n      - name: a\n        tags:\n" + many(51, "          t%d: v\n"), 6, "at 'tags'"},
		"more policy than fit": {first + "    users:\n      - name: a\n        inlinePolicies:\n          p:\n            Statement:\n" +
			many(40, "              - {Sid: s%d, Effect: Allow, Action: \"iam:GetUserPolicy\", Resource: \"*\"}\n"), 8, "LimitExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOperator(t)
			made, err := o.Seed(ctx, readSeed(t, test.text), cheap, origin)
			var fault *seed.Fault
			if !errors.As(err, &fault) || fault.Line != test.line || !strings.Contains(fault.Reason, test.want) || made != nil {
				t.Fatalf("made %v: %v, want line %d and %q", made, err, test.line, test.want)
			}
			accounts, err := o.Accounts(ctx)
			if err != nil || len(accounts) > 0 {
				t.Errorf("there are %v (%v)", accounts, err)
			}
		})
	}
}

// TestSeedOverWhatIsThere makes sure that a seed changes nothing in an installation that has an account.
func TestSeedOverWhatIsThere(t *testing.T) {
	o := newOperator(t)
	create(t, o, operator.AccountRequest{RootEmail: "first@example.com"})
	made, err := o.Seed(ctx, readSeed(t, twoAccounts), cheap, origin)
	if made != nil || err != nil {
		t.Fatalf("made %v: %v", made, err)
	}
	accounts, err := o.Accounts(ctx)
	if err != nil || len(accounts) != 1 {
		t.Errorf("there are %v (%v)", accounts, err)
	}
}

package store

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// BenchmarkPostgres measures a read of three statements and a change of one row beside bare pgx transactions of the same shape.
// It needs TOUCHSTONE_TEST_DATABASE (go run ./scripts/withpostgres go test -bench Postgres ./internal/store).
func BenchmarkPostgres(b *testing.B) {
	if os.Getenv("TOUCHSTONE_TEST_DATABASE") == "" {
		b.Fatal("TOUCHSTONE_TEST_DATABASE names no PostgreSQL server")
	}
	ctx := context.Background()
	_, databaseURL := storetest.Place(b, b.TempDir())
	s, err := OpenConfig(ctx, Config{URL: databaseURL, Migrate: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close(ctx) })
	if err := s.Update(ctx, NoLock(), func(tx *Tx) error {
		return tx.InsertPrincipal(&Principal{AccountID: testAccount, ID: "p", Kind: User, Name: "p", Path: "/", CreatedAt: testTime})
	}); err != nil {
		b.Fatal(err)
	}

	const reads = 3
	b.Run("view/store", func(b *testing.B) {
		for b.Loop() {
			if err := s.View(ctx, func(tx *Tx) error {
				for range reads {
					if _, err := tx.Principal(testAccount, "p"); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("view/pgx", func(b *testing.B) {
		for b.Loop() {
			tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
			if err != nil {
				b.Fatal(err)
			}
			for range reads {
				var text [6]string
				var number [4]int64
				if err := tx.QueryRow(ctx, `select `+principalColumns+` from principal where account_id = $1 and principal_id = $2`,
					testAccount, "p").Scan(
					&text[0], &text[1], &text[2], &text[3], &text[4], &text[5], &number[0], &number[1], &number[2], &number[3]); err != nil {
					b.Fatal(err)
				}
			}
			if err := tx.Rollback(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})

	n := 0
	b.Run("update/store", func(b *testing.B) {
		for b.Loop() {
			n++
			if err := s.Update(ctx, Raise(testAccount), func(tx *Tx) error {
				return tx.SetQuota(testAccount, fmt.Sprint(n), n)
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("update/pgx", func(b *testing.B) {
		for b.Loop() {
			n++
			tx, err := conn.Begin(ctx)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := tx.Exec(ctx, raiseGeneration, testAccount); err != nil {
				b.Fatal(err)
			}
			if _, err := tx.Exec(ctx, `insert into quota (account_id, name, value) values ($1, $2, $3)
				on conflict (account_id, name) do update set value = excluded.value`, testAccount, fmt.Sprint(n), n); err != nil {
				b.Fatal(err)
			}
			if err := tx.Commit(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}

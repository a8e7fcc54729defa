package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

const (
	databaseConnections = 8   // of the loader, to the server and to PostgreSQL
	createsInARound     = 400 // requests of CreateUser, each with a name of its own
	fewUsers            = 10
	hundredsOfThousands = 300_000
)

// database measures Touchstone on PostgreSQL beside bare pgx transactions of the same shape, and on both engines what the 300,000th
// user costs beside the tenth.
func database(ctx context.Context, binary string) (err error) {
	cluster, err := storetest.NewCluster()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Remove()) }()

	dir, err := os.MkdirTemp("", "touchstone-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	onPostgres := place{
		name:  "postgres",
		flags: []string{"--database", cluster.URL(), "--master-key-file", filepath.Join(dir, "master.key")},
		store: store.Config{URL: cluster.URL()},
	}
	onSQLite := place{
		name: "sqlite", flags: []string{"--data", dir}, store: store.Config{Path: filepath.Join(dir, "touchstone.db")},
	}

	if err := besideBare(ctx, binary, onPostgres, cluster.URL()); err != nil {
		return err
	}
	for _, p := range []place{onSQLite, onPostgres} {
		if err := growing(ctx, binary, p); err != nil {
			return err
		}
	}
	return nil
}

// place is a database that a server runs on.
type place struct {
	name  string
	flags []string // of the commands that work on it
	store store.Config
}

// serve starts a server on the database, without events of reads.
func (p place) serve(ctx context.Context, binary string) (*running, error) {
	args := append([]string{"serve", "--audit-reads", "off", "--log-level", "warn"}, p.flags...)
	return start(ctx, binary, args, "--listen")
}

// prepare makes an account with room for many users.
func (p place) prepare(ctx context.Context, binary string) (account, error) {
	made, err := makeAccountIn(ctx, binary, p.flags)
	if err != nil {
		return made, err
	}
	return made, p.update(ctx, made.AccountID, func(tx *store.Tx) error {
		return tx.SetQuota(made.AccountID, "UsersPerAccount", 10*hundredsOfThousands)
	})
}

// update changes an account through the store.
func (p place) update(ctx context.Context, account string, change func(*store.Tx) error) error {
	s, err := store.OpenConfig(ctx, p.store)
	if err != nil {
		return err
	}
	return errors.Join(s.Update(ctx, store.Raise(account), change), s.Close())
}

// besideBare alternates rounds of requests with rounds of bare transactions that make the same statements.
func besideBare(ctx context.Context, binary string, p place, databaseURL string) error {
	made, err := p.prepare(ctx, binary)
	if err != nil {
		return err
	}

	server, err := p.serve(ctx, binary)
	if err != nil {
		return err
	}
	defer server.stop() //nolint:errcheck // the figures are already there

	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return err
	}
	config.MaxConns = databaseConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()

	b := &bare{pool: pool, account: made}
	if err := b.find(ctx); err != nil {
		return err
	}

	caller := signed(server.address, made, "sts", url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}})
	getUser := signed(server.address, made, "iam", url.Values{"Action": {"GetUser"}, "Version": {"2010-05-08"}})
	for _, figure := range []struct {
		name string
		ours func() (result, error)
		bare func(context.Context) error
	}{
		{"GetCallerIdentity", func() (result, error) { return load(server.address, caller, databaseConnections) }, b.getCallerIdentity},
		{"GetUser", func() (result, error) { return load(server.address, getUser, databaseConnections) }, b.getUser},
		{"CreateUser", func() (result, error) { return createUsers(server.address, made) }, b.createUser},
	} {
		var ratios, rates []float64
		for range rounds {
			control, err := repeat(ctx, figure.bare)
			if err != nil {
				return fmt.Errorf("bare %s: %w", figure.name, err)
			}
			got, err := figure.ours()
			if err != nil {
				return fmt.Errorf("%s: %w", figure.name, err)
			}
			ratios = append(ratios, got.rate/control)
			rates = append(rates, got.rate)
		}
		report(figure.name+"/postgres/rate", median(rates), "requests/s", 0, 0)
		report(figure.name+"/postgres/of-bare-pgx", median(ratios), "ratio", 0, 0.5)
	}
	return nil
}

// repeat runs a transaction again and again on every connection for a round, and returns how many ran in a second.
func repeat(ctx context.Context, transaction func(context.Context) error) (float64, error) {
	var (
		ran   atomic.Int64
		wg    sync.WaitGroup
		mu    sync.Mutex
		fault error
	)

	begun := time.Now()
	for range databaseConnections {
		wg.Go(func() {
			for time.Since(begun) < roundTime {
				if err := transaction(ctx); err != nil {
					mu.Lock()
					defer mu.Unlock()
					fault = errors.Join(fault, err)
					return
				}
				ran.Add(1)
			}
		})
	}
	wg.Wait()

	return float64(ran.Load()) / time.Since(begun).Seconds(), fault
}

// bare makes the statements of an operation, with nothing around them.
type bare struct {
	pool    *pgxpool.Pool
	account account
	root    string // the root user's internal id
}

// find reads the id of the account's root user, whose requests are imitated.
func (b *bare) find(ctx context.Context) error {
	return b.pool.QueryRow(ctx, `select principal_id from principal where account_id = $1 and kind = 'root'`,
		b.account.AccountID).Scan(&b.root)
}

// view runs reads in a snapshot, as the store does.
func (b *bare) view(ctx context.Context, read func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, b.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, read)
}

// freshness reads the account's state, as every operation does.
func (b *bare) freshness(ctx context.Context, tx pgx.Tx) error {
	var incarnation string
	var generation int64
	return tx.QueryRow(ctx, `select incarnation, generation from account where account_id = $1`,
		b.account.AccountID).Scan(&incarnation, &generation)
}

// tagged reads a principal with its tags, as every operation about a user does.
func (b *bare) tagged(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `select p.unique_id, p.name, p.path, coalesce(t.tag_key, ''), coalesce(t.tag_value, '') from principal p
		left join tag t on t.account_id = p.account_id and t.owner_kind = 'principal' and t.owner_id = p.principal_id
		where p.account_id = $1 and p.principal_id = $2 order by t.position, t.tag_key`, b.account.AccountID, b.root)
	if err != nil {
		return err
	}
	var texts [5]string
	_, err = pgx.ForEachRow(rows, []any{&texts[0], &texts[1], &texts[2], &texts[3], &texts[4]}, func() error { return nil })
	return err
}

func (b *bare) getCallerIdentity(ctx context.Context) error {
	return b.view(ctx, func(tx pgx.Tx) error { return b.freshness(ctx, tx) })
}

func (b *bare) getUser(ctx context.Context) error {
	return b.view(ctx, func(tx pgx.Tx) error { return errors.Join(b.freshness(ctx, tx), b.tagged(ctx, tx)) })
}

// createUser decides in a snapshot; then it raises the generation, reads the credential and the quotas again, and writes the user,
// its count and its event.
func (b *bare) createUser(ctx context.Context) error {
	if err := b.view(ctx, func(tx pgx.Tx) error { return b.freshness(ctx, tx) }); err != nil {
		return err
	}
	account, id := b.account.AccountID, ids.New()
	return pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update account set generation = generation + 1 where account_id = $1`, account); err != nil {
			return err
		}

		var text string
		var number int64
		for _, read := range []struct {
			statement string
			args      []any
			to        any
		}{
			{`select account_id from access_key_directory where access_key_id = $1`, []any{b.account.AccessKeyID}, &text},
			{`select generation from account where account_id = $1`, []any{account}, &number},
			{`select status from access_key where account_id = $1 and access_key_id = $2`, []any{account, b.account.AccessKeyID}, &text},
			{`select name from principal where account_id = $1 and principal_id = $2`, []any{account, b.root}, &text},
			{`select value from quota where account_id = $1 and name = $2`, []any{account, "UsersPerAccount"}, &number},
			{`select n from tally where account_id = $1 and kind = $2`, []any{account, "user"}, &number},
		} {
			if err := tx.QueryRow(ctx, read.statement, read.args...).Scan(read.to); err != nil && !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
		}

		if _, err := tx.Exec(ctx, `insert into principal (account_id, principal_id, kind, unique_id, name, name_key, path, version,
			sessions_not_before, created_at, password_last_used_at) values ($1, $2, 'user', $2, $2, $2, '/', 1, 0, $3, 0)`,
			account, id, time.Now().UnixMicro()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into tally (account_id, kind, n) values ($1, 'user', 1)
			on conflict (account_id, kind) do update set n = tally.n + 1`, account); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into audit_event (account_id, event_id, event_time, name, source, user_name, read_only, error_code,
			record) values ($1, $2, $3, 'CreateUser', 'iam.amazonaws.com', '', false, '', $4)`, account, id, time.Now().UnixMicro(), bareEvent)
		return err
	})
}

// bareEvent is about as long as the event of a CreateUser.
var bareEvent = fmt.Sprintf(`{"event":%q}`, make([]byte, 300))

// usersMade numbers the users that were made, so that each has a name of its own.
var usersMade atomic.Int64

// createUsers makes users on every connection, each by a request of its own that was signed before the round.
func createUsers(address string, a account) (result, error) {
	requests := make([][]byte, createsInARound)
	for n := range requests {
		name := fmt.Sprintf("made-%07d", usersMade.Add(1))
		requests[n] = signed(address, a, "iam", url.Values{"Action": {"CreateUser"}, "Version": {"2010-05-08"}, "UserName": {name}})
	}

	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		fault error
	)
	begun := time.Now()
	for n := range databaseConnections {
		wg.Go(func() {
			err := sendEach(address, requests[n*len(requests)/databaseConnections:(n+1)*len(requests)/databaseConnections])
			mu.Lock()
			defer mu.Unlock()
			fault = errors.Join(fault, err)
		})
	}
	wg.Wait()
	return result{rate: float64(len(requests)) / time.Since(begun).Seconds()}, fault
}

// growing measures CreateUser in an account of ten users and in one of 300,000, in alternating rounds on one server.
func growing(ctx context.Context, binary string, p place) error {
	small, err := p.prepare(ctx, binary)
	if err != nil {
		return err
	}
	large, err := p.prepare(ctx, binary)
	if err != nil {
		return err
	}
	if err := p.addUsers(ctx, small.AccountID, fewUsers); err != nil {
		return err
	}

	fmt.Fprintf(os.Stderr, "bench: making %d users on %s\n", hundredsOfThousands, p.name)
	if err := p.addUsers(ctx, large.AccountID, hundredsOfThousands); err != nil {
		return err
	}

	server, err := p.serve(ctx, binary)
	if err != nil {
		return err
	}
	defer server.stop() //nolint:errcheck // the figures are already there

	var ratios []float64
	for range rounds {
		few, err := createUsers(server.address, small)
		if err != nil {
			return err
		}
		many, err := createUsers(server.address, large)
		if err != nil {
			return err
		}
		ratios = append(ratios, many.rate/few.rate)
	}
	report(fmt.Sprintf("CreateUser/%s/users=%d/of-users=%d", p.name, hundredsOfThousands, fewUsers), median(ratios), "ratio", 0, 0.7)
	return nil
}

// addUsers fills an account through the store, in transactions of a size that a server would not mind.
func (p place) addUsers(ctx context.Context, account string, users int) error {
	const batch = 10_000
	for from := 0; from < users; from += batch {
		if err := p.update(ctx, account, func(tx *store.Tx) error {
			for n := from; n < min(users, from+batch); n++ {
				if err := tx.InsertPrincipal(&store.Principal{
					AccountID: account, ID: ids.New(), Kind: store.User, UniqueID: ids.NewUnique("AIDA"),
					Name: fmt.Sprintf("user-%06d", n), Path: "/", CreatedAt: time.Now(),
				}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

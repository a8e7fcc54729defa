package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/touchstone-iam/touchstone/internal/store/storetest"
)

// place returns the configuration of a new database on the engine that the tests run on.
func place(t *testing.T) Config {
	t.Helper()
	path, databaseURL := storetest.Place(t, t.TempDir())
	return Config{Path: path, URL: databaseURL, Migrate: true, Reseal: func(fingerprint string) (*Resealing, error) {
		if fingerprint != "f" {
			return nil, fmt.Errorf("the fingerprint is %q", fingerprint)
		}
		return &Resealing{
			Key: DataKey{ID: "0a0b0c0d", Sealed: []byte("key"), UsedFrom: TimeOf(40)},
			SecretKey: func(account, principal, accessKeyID string, sealed []byte) ([]byte, error) {
				return fmt.Appendf(nil, "%s %s %s %x", account, principal, accessKeyID, sealed), nil
			},
			Hash: func(account, principal, hash string) []byte {
				return fmt.Appendf(nil, "%s %s %s", account, principal, hash)
			},
		}, nil
	}}
}

// bare opens the database without the store, with the migrations as its engine reads them.
func bare(t *testing.T, c Config) (*sql.DB, *goose.Provider) {
	t.Helper()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}

	var (
		db      *sql.DB
		dialect = goose.DialectSQLite3
	)

	if c.URL == "" {
		db, err = sql.Open("sqlite", c.Path)
	} else {
		var config *pgx.ConnConfig
		config, err = pgx.ParseConfig(c.URL)
		db, dialect, files = stdlib.OpenDB(*config), goose.DialectPostgres, byteOrder{files}
	}

	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { db.Close() })
	p, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		t.Fatal(err)
	}
	return db, p
}

// blob is how SQLite writes bytes in a statement.
var blob = regexp.MustCompile(`x'([0-9a-f]*)'`)

// oldDatabase makes a database as a version of the schema left it. Rows that are put into it are those of version 2 where the
// version is a later one, and were brought to it.
func oldDatabase(t *testing.T, version int64, statements ...string) Config {
	t.Helper()
	ctx := context.Background()
	c := place(t)
	old, provider := bare(t, c)
	if _, err := provider.UpTo(ctx, min(version, foldVersion-1)); err != nil {
		t.Fatal(err)
	}

	for _, statement := range statements {
		if c.URL != "" {
			statement = blob.ReplaceAllString(statement, `decode('$1', 'hex')`)
		}
		if _, err := old.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if _, err := provider.UpTo(context.WithValue(ctx, resealingKey{}, c.Reseal), version); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}

// oldRows fill every table of schema versions 1 and 2. Names are folded as these versions did it, which left ſ as it is.
var oldRows = []string{
	`insert into installation (name, value) values ('public_url', 'https://iam.example'), ('master_key_fingerprint', 'f')`,
	`insert into account (account_id, incarnation, generation, created_at) values
		('111122223333', 'i', 7, 1), ('444455556666', 'j', 1, 2)`,
	`insert into alias_directory (alias, account_id, created_at) values ('acme', '111122223333', 1)`,
	`insert into root_email_directory (email_key, email, account_id) values
		('boſſ@example.com', 'Boſſ@example.com', '111122223333'), ('root@example.com', 'root@example.com', '444455556666')`,
	`insert into access_key_directory (access_key_id, account_id) values ('AKIA1', '111122223333')`,
	`insert into credential_directory (credential_id, account_id, device_id, rp_id) values (x'01', '111122223333', 'd1', 'localhost')`,
	`insert into identity (account_id, identity_id, kind, unique_id, name, name_key, path, version, sessions_not_before, created_at,
		password_last_used_at) values
		('111122223333', 'r', 'root', '111122223333', '', '', '/', 1, 0, 1, 0),
		('111122223333', 'a', 'user', 'AIDAA', 'Alice', 'alice', '/eng/', 5, 20, 10, 30),
		('111122223333', 'b', 'user', 'AIDAB', 'Großſ', 'großſ', '/', 1, 0, 11, 0),
		('444455556666', 'r', 'root', '444455556666', '', '', '/', 1, 0, 2, 0)`,
	`insert into identity_tag (account_id, identity_id, tag_key, tag_value, position) values
		('111122223333', 'a', 'Team', 'x', 0), ('111122223333', 'a', 'env', 'prod', 1)`,
	`insert into password (account_id, identity_id, hash, version, reset_required, created_at, changed_at) values
		('111122223333', 'a', 'phc', 9, true, 10, 12)`,
	`insert into inline_policy (account_id, identity_id, name, document, changed_at) values
		('111122223333', 'a', 'p', '{ }', 13)`,
	`insert into access_key (account_id, access_key_id, identity_id, status, sealed_secret, created_at, last_used_at, last_used_service,
		last_used_region) values ('111122223333', 'AKIA1', 'a', 'Active', x'0203', 14, 15, 'iam', 'us-east-1')`,
	`insert into mfa_device (account_id, device_id, identity_id, name, name_key, serial, kind, credential_id, rp_id, sign_count, marked,
		credential, enabled_at, last_used_at) values
		('111122223333', 'd1', 'a', 'Keyſ', 'keyſ', 'arn:d1', 'fido', x'01', 'localhost', 3, true, '{}', 16, 17)`,
	`insert into console_session (account_id, session_id, identity_id, token_hash, stage, scope, destination, created_at, last_seen_at,
		expires_at, password_version, mfa_at, mfa_method, mfa_serial, source_address, user_agent) values
		('111122223333', 's', 'a', x'04', 'full', 'full', '/users', 18, 19, 99, 9, 18, 'fido', 'arn:d1', '192.0.2.1', 'agent')`,
	`insert into ceremony (account_id, ceremony_hash, identity_id, session_id, purpose, subject_id, device_name, record, created_at,
		expires_at) values ('111122223333', x'05', 'a', 's', 'register', 'a', 'new', x'06', 20, 99)`,
	`insert into setup_link (account_id, token_hash, identity_id, expires_at) values
		('111122223333', x'07', 'a', 99)`,
	`insert into notice (account_id, notice_id, identity_id, kind, detail, created_at) values
		('111122223333', 'n', 'a', 'k', 'detail', 21)`,
	`insert into throttle (slot, failures, last_at) values (4, 2, 22)`,
	`insert into outbox (message_id, account_id, recipient, subject, body, created_at, attempts, next_attempt_at) values
		('m', '111122223333', 'a@example.com', 'subject', 'body', 23, 1, 24)`,
	`insert into quota (account_id, name, value) values ('111122223333', 'UsersPerAccount', 12)`,
	`insert into audit_event (account_id, event_id, event_time, name, source, user_name, read_only, error_code, record) values
		('111122223333', 'e', 25, 'CreateUser', 'iam.amazonaws.com', 'Alice', false, '', '{}')`,
}

// TestMigrationsFromEachVersion brings databases as each earlier version left them, with rows in every table, up to date, and reads
// each row as the present version does.
func TestMigrationsFromEachVersion(t *testing.T) {
	ctx := context.Background()
	for version := int64(1); version < latestMigration(); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			c := oldDatabase(t, version, oldRows...)
			careful := c
			careful.Migrate = false
			if s, err := OpenConfig(ctx, careful); err == nil || !strings.Contains(err.Error(), "touchstone migrate") {
				t.Errorf("opened without migrating: %v, want a refusal that names 'touchstone migrate'", err)
				if err == nil {
					s.Close()
				}
			}

			for range 2 { // the second time there is nothing to do
				s, err := OpenConfig(ctx, c)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.View(ctx, func(tx *Tx) error { readOldRows(t, tx); return nil }); err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// same reports a value that was read as another than is wanted.
func same[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// readOldRows compares what the store reads with oldRows.
func readOldRows(t *testing.T, tx *Tx) {
	t.Helper()
	const account = "111122223333"

	setting, err := tx.Setting("public_url")
	same(t, "setting", setting, err, "https://iam.example")
	freshness, err := tx.Freshness(account)
	same(t, "freshness", freshness, err, Freshness{Incarnation: "i", Generation: 7})
	accounts, err := tx.Accounts()
	same(t, "accounts", accounts, err, []Account{
		{ID: account, Alias: "acme", RootEmail: "Boſſ@example.com", CreatedAt: TimeOf(1)},
		{ID: "444455556666", RootEmail: "root@example.com", CreatedAt: TimeOf(2)},
	})
	id, err := tx.AccountByRootEmail("BOSS@example.com")
	same(t, "account by e-mail", id, err, account)
	quota, _, err := tx.Quota(account, "UsersPerAccount")
	same(t, "quota", quota, err, 12)

	root, err := tx.RootUser(account)
	same(t, "root user", root, err, &Principal{
		AccountID: account, ID: "r", Kind: Root, UniqueID: account, Path: "/", Version: 1, CreatedAt: TimeOf(1),
	})
	alice, err := tx.DescribedByName(account, User, "ALICE")
	same(t, "user", alice, err, &Described{
		Principal: Principal{
			AccountID: account, ID: "a", Kind: User, UniqueID: "AIDAA", Name: "Alice", Path: "/eng/", Version: 5,
			SessionsNotBefore: TimeOf(20), CreatedAt: TimeOf(10), PasswordLastUsedAt: TimeOf(30),
		},
		Tags: []Tag{{"Team", "x"}, {"env", "prod"}},
	})
	other, err := tx.PrincipalByName(account, User, "GROßS")
	same(t, "user whose name is folded anew", other, err, &Principal{
		AccountID: account, ID: "b", Kind: User, UniqueID: "AIDAB", Name: "Großſ", Path: "/", Version: 1, CreatedAt: TimeOf(11),
	})
	if err := compareTally(t, tx, account); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"Team", "env"} {
		var n int
		err := tx.get(`select count(*) from tag where folded_key = $1`, []any{Fold(key)}, &n)
		same(t, "tags with the folded key "+key, n, err, 1)
	}

	password, err := tx.Password(account, "a")
	same(t, "password", password, err, &Password{
		SealedHash: []byte("111122223333 a phc"), Version: 9, ResetRequired: true, CreatedAt: TimeOf(10), ChangedAt: TimeOf(12),
	})
	policies, err := tx.InlinePolicies(account, "a")
	same(t, "inline policies", policies, err, []InlinePolicy{{"p", "{ }"}})
	keys, err := tx.AccessKeys(account, "a")
	same(t, "access keys", keys, err, []AccessKey{{
		AccountID: account, ID: "AKIA1", PrincipalID: "a", Active: true, SealedSecret: []byte("111122223333 a AKIA1 0203"),
		CreatedAt: TimeOf(14), LastUsedAt: TimeOf(15), LastUsedService: "iam", LastUsedRegion: "us-east-1",
	}})
	id, err = tx.AccessKeyAccount("AKIA1")
	same(t, "account of the access key", id, err, account)
	devices, err := tx.MFADevices(account, "a")
	same(t, "MFA devices", devices, err, []MFADevice{{
		AccountID: account, ID: "d1", PrincipalID: "a", Name: "Keyſ", Serial: "arn:d1", CredentialID: []byte{1}, RPID: "localhost",
		SignCount: 3, Marked: true, Credential: "{}", EnabledAt: TimeOf(16), LastUsedAt: TimeOf(17),
	}})
	var deviceKey string
	err = tx.get(`select name_key from mfa_device where device_id = 'd1'`, nil, &deviceKey)
	same(t, "folded name of the MFA device", deviceKey, err, "keys")
	elsewhere, err := tx.MFADevicesElsewhere("iam.example", 10)
	same(t, "MFA devices elsewhere", elsewhere, err, []MFADeviceElsewhere{{account, "Alice", "Keyſ", "localhost"}})

	// Tokens were found by hashes without a key, which whoever can write the database can make: they have ended.
	for _, table := range []string{"console_session", "ceremony", "setup_link"} {
		var n int
		err := tx.get(`select count(*) from `+table, nil, &n)
		same(t, table, n, err, 0)
	}
	dataKeys, err := tx.DataKeys()
	same(t, "keys of the installation", dataKeys, err, []DataKey{{"0a0b0c0d", []byte("key"), TimeOf(40)}})

	notices, err := tx.Notices(account, "a")
	same(t, "notices", notices, err, []Notice{{account, "n", "a", "k", "detail", TimeOf(21)}})
	throttle, err := tx.Throttle(4)
	same(t, "throttle", throttle, err, Throttle{Failures: 2, LastAt: TimeOf(22)})
	messages, err := tx.DueMessages(TimeOf(50), 10)
	same(t, "outbox", messages, err, []Message{{"m", account, "a@example.com", "subject", "body", TimeOf(23), 1}})
	events, err := tx.Events(EventQuery{Limit: 10})
	same(t, "events", events, err, []Event{{
		AccountID: account, ID: "e", Time: TimeOf(25), Name: "CreateUser", Source: "iam.amazonaws.com", UserName: "Alice", Record: "{}",
	}})
}

// A SQLite database is copied before it is migrated, and the copy is what it was.
func TestCopyBeforeMigration(t *testing.T) {
	ctx := context.Background()
	t.Setenv("TOUCHSTONE_TEST_DATABASE", "") // PostgreSQL has its own tools for this
	c := oldDatabase(t, 2, oldRows...)
	copied := c.Path + ".schema-2"
	if err := os.WriteFile(copied, []byte("of an earlier attempt"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(copied)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v, %v", info, err)
	}
	if _, err := InspectCopy(ctx, copied); err != nil {
		t.Error(err)
	}
	old, _ := bare(t, Config{Path: copied})
	var version, identities int
	const both = `select max(version_id), (select count(*) from identity) from goose_db_version`
	if err := old.QueryRow(both).Scan(&version, &identities); err != nil {
		t.Fatal(err)
	}
	if version != 2 || identities != 4 {
		t.Errorf("the copy has version %d and %d identities, want 2 and 4", version, identities)
	}
	if left, _ := filepath.Glob(c.Path + "*.unfinished*"); len(left) > 0 {
		t.Errorf("%v was left", left)
	}

	// What cannot be copied is not migrated.
	c = oldDatabase(t, 2, oldRows...)
	if err := os.MkdirAll(filepath.Join(c.Path+".schema-2", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := OpenConfig(ctx, c); err == nil {
		s.Close()
		t.Error("migrated without a copy")
	}
	c.Migrate = false
	if _, err := OpenConfig(ctx, c); !errors.Is(err, ErrOldSchema) {
		t.Errorf("after the failure: %v, want ErrOldSchema", err)
	}
}

// A copy that is damaged is not taken for one.
func TestDamagedCopyIsFound(t *testing.T) {
	t.Setenv("TOUCHSTONE_TEST_DATABASE", "")
	c := oldDatabase(t, 2, oldRows...)
	text, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	clear(text[8192:12288])
	damaged := c.Path + ".damaged"
	if err := os.WriteFile(damaged, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := InspectCopy(context.Background(), damaged); err == nil {
		t.Error("nothing was found")
	}
}

// Two names that have become the same are refused by name, and the database stays as the earlier version left it.
func TestNamesThatBecomeTheSameAreRefused(t *testing.T) {
	const user = `insert into identity (account_id, identity_id, kind, unique_id, name, name_key, path, version, sessions_not_before,
		created_at, password_last_used_at) values `
	c := oldDatabase(t, 2,
		user+`('111122223333', 'a', 'user', 'AIDAA', 'Jonas', 'jonas', '/', 1, 0, 1, 0)`,
		user+`('111122223333', 'b', 'user', 'AIDAB', 'jonaſ', 'jonaſ', '/', 1, 0, 1, 0)`,
		user+`('444455556666', 'c', 'user', 'AIDAC', 'JONAS', 'jonas', '/', 1, 0, 1, 0)`,
		`insert into root_email_directory (email_key, email, account_id) values
			('boss@example.com', 'boss@example.com', '111122223333'), ('boſſ@example.com', 'boſſ@example.com', '444455556666')`)

	s, err := OpenConfig(context.Background(), c)
	if err == nil {
		s.Close()
		t.Fatal("the database was opened")
	}
	for _, part := range []string{`account 111122223333, the users "Jonas" and "jonaſ"`, `"boss@example.com" and "boſſ@example.com"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %s:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "444455556666, the users") {
		t.Errorf("names of different accounts were taken for one:\n%v", err)
	}

	old, _ := bare(t, c)
	var version, users int
	if err := old.QueryRow(`select max(version_id) from goose_db_version where is_applied`).Scan(&version); err != nil ||
		version != 2 {
		t.Errorf("the schema is of version %d (%v), want 2", version, err)
	}
	if err := old.QueryRow(`select count(*) from identity where name_key in ('jonas', 'jonaſ')`).Scan(&users); err != nil ||
		users != 3 {
		t.Errorf("%d users kept their keys (%v), want 3", users, err)
	}
}

// A key may pass from one row to another: a's new key is the one that b gives up.
func TestKeysThatMoveOn(t *testing.T) {
	const user = `insert into identity (account_id, identity_id, kind, unique_id, name, name_key, path, version, sessions_not_before,
		created_at, password_last_used_at) values `
	c := oldDatabase(t, 2,
		user+`('111122223333', 'a', 'user', 'AIDAA', 'jonaſ', 'jonaſ', '/', 1, 0, 1, 0)`,
		user+`('111122223333', 'b', 'user', 'AIDAB', 'other', 'jonas', '/', 1, 0, 1, 0)`)
	s, err := OpenConfig(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	if err := s.View(context.Background(), func(tx *Tx) error {
		a, err := tx.PrincipalByName("111122223333", User, "JONAS")
		if err == nil && a.ID != "a" {
			t.Errorf("JONAS is %q", a.Name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A database of a later version is refused, and left as it is.
func TestLaterDatabaseIsRefused(t *testing.T) {
	ctx := context.Background()
	c := place(t)
	s, err := OpenConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}

	if err := s.Update(ctx, NoLock(), func(tx *Tx) error {
		_, err := tx.exec(`insert into goose_db_version (version_id, is_applied) values ($1, $2)`, 9999, true)
		return err
	}); err != nil {
		t.Fatal(err)
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := OpenConfig(ctx, c); err == nil {
		s.Close()
		t.Error("a database of version 9999 was opened")
	}
}

// Nobody changes the schema under a running process, and the refusal says which process that is.
func TestMigrationWaitsForNobodyWhoRuns(t *testing.T) {
	ctx := context.Background()
	c := place(t)
	running, err := OpenConfig(ctx, c)
	if err != nil {
		t.Fatal(err)
	}

	db, _ := bare(t, c)
	if _, err := db.ExecContext(ctx,
		fmt.Sprintf(`delete from goose_db_version where version_id = %d`, latestMigration())); err != nil {
		t.Fatal(err)
	}

	s, err := OpenConfig(ctx, c)
	if err == nil {
		s.Close()
		t.Fatal("migrated while a process had the database open")
	}
	if !strings.Contains(err.Error(), "in use by") || !strings.Contains(err.Error(), "process") {
		t.Errorf("refused with %q, which does not name the process", err)
	}
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
}

// Secrets of an earlier version are refused without the master key, or with a wrong one, and stay as they were.
func TestSecretsNeedTheMasterKey(t *testing.T) {
	for what, reseal := range map[string]func(string) (*Resealing, error){
		"without": nil,
		"wrong":   func(string) (*Resealing, error) { return nil, errors.New("wrong key") },
	} {
		t.Run(what, func(t *testing.T) {
			c := oldDatabase(t, 2, oldRows...)
			right := c.Reseal
			c.Reseal = reseal
			s, err := OpenConfig(context.Background(), c)
			if err == nil {
				s.Close()
				t.Fatal("the database was opened")
			}
			if want := map[string]string{"without": "--master-key-file", "wrong": "wrong key"}[what]; !strings.Contains(err.Error(), want) {
				t.Errorf("refused with %q, want %q", err, want)
			}

			c.Reseal = right
			if s, err = OpenConfig(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.View(context.Background(), func(tx *Tx) error { readOldRows(t, tx); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

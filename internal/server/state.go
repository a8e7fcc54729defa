// Package server puts Touchstone together: the state in a database, the pipeline with every operation, the sign-in,
// the pages, and the work in the background. It holds no rules of its own.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// StateConfig says where the installation's state is, and what may be done to it.
type StateConfig struct {
	Data     string // directory of a SQLite database, or InMemory; not used with Database
	Database string // URL of a PostgreSQL database, in place of Data

	MasterKeyFile string // "" is master.key in Data; with Database it must be given

	Create  bool // make an empty database, and its master key
	Migrate bool // bring the schema of an older database to this version's, and make an empty one

	Alone     bool // open the database only while nobody else has it open
	Unchecked bool // open a SQLite database that may be damaged

	Checking func(why string)     // is called before a file is checked; see [store.Config]
	Migrated func(from, to int64) // is called when the schema was changed; see [store.Config]
}

// State is the installation's opened state.
type State struct {
	Store   *store.Store
	Secrets *secret.Keyring

	keyFile string
	mu      sync.Mutex
	master  *secret.MasterKey
}

// InMemory is the data directory that is none: the database and, unless its file is named, the master key are kept in memory and
// end with the state. It is for tests.
const InMemory = ":memory:"

// settingMasterKey names the stored fingerprint of the master key.
const settingMasterKey = "master_key_fingerprint"

// OpenState opens the database and the master key, and refuses a master key that the database was not written with.
//
// A master key is made only for a database that none has been used with. Beside one that has data, a missing key means that it was
// lost, and a new one would hide that.
func OpenState(ctx context.Context, c StateConfig) (*State, error) {
	if c.Database == "" && c.Data == InMemory {
		return openInMemory(ctx, c)
	}
	keyFile := c.keyFile()
	if keyFile == "" {
		return nil, errors.New("the file of the master key must be named when the database is PostgreSQL")
	}

	target, err := c.database()
	if err != nil {
		return nil, err
	}

	// A key that cannot be used is reported before anything is made or migrated. Without a key only a new database can be opened.
	missing, err := absent(keyFile)
	master, keyErr := secret.LoadOrCreateMasterKey(keyFile, false) // another process may have made it since
	switch {
	case err != nil:
		return nil, err
	case missing:
		target.Migrate = false
	case keyErr != nil:
		return nil, keyErr
	}
	s, err := store.OpenConfig(ctx, target)
	if keyErr != nil && errors.Is(err, store.ErrOldSchema) {
		return nil, keyErr
	}
	if err != nil {
		return nil, err
	}

	state := &State{Store: s, keyFile: keyFile, master: master}
	err = state.unlock(ctx, c.Create)
	if err == nil {
		err = state.openKeys(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return state, nil
}

var errInMemory = errors.New("a database in memory belongs to the server that made it: no other command can reach it")

// openInMemory opens a new database in memory, with the master key of a file if one is named, and else with one of its own.
func openInMemory(ctx context.Context, c StateConfig) (*State, error) {
	if !c.Create || !c.Migrate { // as the command does that is no server
		return nil, errInMemory
	}

	var (
		master *secret.MasterKey
		err    error
	)
	if c.MasterKeyFile == "" {
		master, err = secret.NewMasterKey()
	} else {
		master, err = secret.LoadOrCreateMasterKey(c.MasterKeyFile, true)
	}
	if err != nil {
		return nil, err
	}
	s, err := store.OpenConfig(ctx, store.Config{Path: store.Memory, Create: true})
	if err != nil {
		return nil, err
	}

	state := &State{Store: s, keyFile: c.MasterKeyFile, master: master}
	err = state.unlock(ctx, true)
	if err == nil {
		err = state.openKeys(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return state, nil
}

// MigrateState brings the schema of the database to this version's, and returns from which version (0: it was empty) to which. It
// needs the master key only for what an earlier version sealed in another way. A SQLite database must exist.
func MigrateState(ctx context.Context, c StateConfig) (from, to int64, err error) {
	c.Create, c.Migrate = false, true
	from, to = store.SchemaVersion(), store.SchemaVersion()
	c.Migrated = func(before, _ int64) { from = before }
	target, err := c.database()
	if err != nil {
		return 0, 0, err
	}

	s, err := store.OpenConfig(ctx, target)
	if err != nil {
		return 0, 0, err
	}
	return from, to, s.Close()
}

// keyFile is the file of the master key; "" when none was named for a PostgreSQL database.
func (c StateConfig) keyFile() string {
	if c.MasterKeyFile == "" && c.Database == "" {
		return filepath.Join(c.Data, "master.key")
	}
	return c.MasterKeyFile
}

// OpenStore opens the database without its master key, for work that opens nothing that is sealed.
func OpenStore(ctx context.Context, c StateConfig) (*store.Store, error) {
	target, err := c.database()
	if err != nil {
		return nil, err
	}
	return store.OpenConfig(ctx, target)
}

// database is the configuration of the store. A directory without a database is refused unless one may be made.
func (c StateConfig) database() (store.Config, error) {
	target := store.Config{
		Create: c.Create, Migrate: c.Migrate, Migrated: c.Migrated, Alone: c.Alone, Unchecked: c.Unchecked, Checking: c.Checking,
	}
	if keyFile := c.keyFile(); keyFile != "" {
		target.Reseal = func(fingerprint string) (*store.Resealing, error) { return reseal(keyFile, fingerprint) }
	}
	if c.Database != "" {
		target.URL = c.Database
		return target, nil
	}
	if c.Data == InMemory {
		return store.Config{}, errInMemory
	}

	target.Path = filepath.Join(c.Data, "touchstone.db")
	missing, err := absent(target.Path)
	if missing && !c.Create {
		err = fmt.Errorf("there is no Touchstone data in %s: name the directory with --data, "+
			"or start 'touchstone serve' there first", c.Data)
	}
	return target, err
}

// unlock compares the master key with the one that the database was first opened with. When there was none yet and create is set,
// the key of this state, which is made if there is none, becomes that one.
func (s *State) unlock(ctx context.Context, create bool) error {
	var known string
	if err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Setting(settingMasterKey)
		return err
	}); err != nil {
		return err
	}

	if known == "" {
		if !create {
			return fmt.Errorf("open %s: %w", s.Store.Name(), store.ErrEmpty)
		}
		if err := s.Store.Update(ctx, store.Installation(), func(tx *store.Tx) (err error) {
			known, err = s.adopt(tx)
			return err
		}); err != nil {
			return err
		}
	}

	if s.master == nil {
		var err error
		if s.master, err = secret.LoadOrCreateMasterKey(s.keyFile, false); err != nil {
			return err
		}
	}
	return fits(s.master, s.keyFile, known)
}

// fits returns an error unless the master key is the one with the fingerprint.
func fits(master *secret.MasterKey, keyFile, fingerprint string) error {
	if !slices.Contains(master.Fingerprints(), fingerprint) {
		return fmt.Errorf("the master key in %s is not the one that this database was written with: put the right file back, "+
			"or name it with --master-key-file", keyFile)
	}
	return nil
}

// adopt makes the state's master key the database's, unless another server's has become that in the meantime, and returns the
// fingerprint of the database's key. The key is on disk before the database knows of it.
func (s *State) adopt(tx *store.Tx) (known string, err error) {
	if known, err = tx.Setting(settingMasterKey); err != nil || known != "" {
		return known, err
	}
	accounts, err := tx.Accounts()
	if err != nil {
		return "", err
	}
	if s.master == nil && len(accounts) > 0 {
		_, err = secret.LoadOrCreateMasterKey(s.keyFile, false)
		return "", err
	}

	if s.keyFile != "" { // the key of a database in memory need not be in a file
		if s.master, err = secret.LoadOrCreateMasterKey(s.keyFile, true); err != nil {
			return "", err
		}
	}
	known = s.master.Fingerprint()
	return known, tx.SetSetting(settingMasterKey, known)
}

// CopyBefore returns the name of the file that holds the SQLite database in a directory as it was before its schema was brought to
// a version above the given one.
func CopyBefore(data string, version int64) string {
	return filepath.Join(data, fmt.Sprintf("touchstone.db.schema-%d", version))
}

// Close closes the database.
func (s *State) Close() error { return s.Store.Close() }

// Operator returns an operator that acts on this state. It writes its events in the transactions of its changes, so it needs no
// audit log.
func (s *State) Operator() *operator.Operator {
	return &operator.Operator{Store: s.Store, Secrets: s.Secrets, Clock: time.Now}
}

// VersionInfo says what was built.
type VersionInfo struct{ Version, Commit, Go string }

// release is the version that the Makefile links in: what scripts/version prints. It is "" in a binary that the Go tool built
// alone.
var release string

// Version is what the Makefile linked in, or else what the Go tool recorded in the binary.
func Version() VersionInfo {
	v := VersionInfo{Version: "(devel)", Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = cmp.Or(release, info.Main.Version, v.Version)
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}

// absent reports whether there is no such file.
func absent(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, store.WithAdvice(err, path)
}

// Package server puts Touchstone together: the state in the data directory, the pipeline with every operation, the sign-in,
// the pages, and the work in the background. It holds no rules of its own.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/touchstone-iam/touchstone/internal/operator"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// StateConfig says where the installation's state is.
type StateConfig struct {
	Data          string // directory
	Database      string // the URL of a PostgreSQL database; "" is a SQLite database in Data
	MasterKeyFile string // "" is master.key in Data
	Create        bool   // make what is not there yet
}

// State is the installation's opened state.
type State struct {
	Store  *store.Store
	Master *secret.MasterKey
}

// settingMasterKey names the stored fingerprint of the master key.
const settingMasterKey = "master_key_fingerprint"

// OpenState opens the database and the master key, and refuses a master key that the database was not written with.
func OpenState(ctx context.Context, c StateConfig) (*State, error) {
	keyFile := c.MasterKeyFile
	if keyFile == "" {
		keyFile = filepath.Join(c.Data, "master.key")
	}

	database := filepath.Join(c.Data, "touchstone.db")
	fresh, err := absent(database)
	if err != nil {
		return nil, err
	}
	if fresh && !c.Create {
		return nil, fmt.Errorf("there is no Touchstone data in %s: name the directory with --data, or start 'touchstone serve' there first", c.Data)
	}

	// A key is made only for a new database. Beside an old one, a missing key means that it was lost, and a new one would hide
	// that.
	master, err := secret.LoadOrCreateMasterKey(keyFile, fresh)
	if err != nil {
		return nil, err
	}

	target := store.Config{Path: database, Migrate: true}
	if c.Database != "" {
		target = store.Config{URL: c.Database, Migrate: true}
	}
	s, err := store.OpenConfig(ctx, target)
	if err != nil {
		return nil, err
	}
	if err := checkMasterKey(ctx, s, master, keyFile); err != nil {
		return nil, errors.Join(err, s.Close())
	}

	return &State{Store: s, Master: master}, nil
}

// checkMasterKey compares the key with the one that the database was first opened with.
func checkMasterKey(ctx context.Context, s *store.Store, master *secret.MasterKey, keyFile string) error {
	var known string
	if err := s.View(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Setting(settingMasterKey)
		return err
	}); err != nil {
		return err
	}
	switch known {
	case master.Fingerprint():
		return nil
	case "":
		return s.Update(ctx, store.Installation(), func(tx *store.Tx) error {
			return tx.SetSetting(settingMasterKey, master.Fingerprint())
		})
	}
	return fmt.Errorf("the master key in %s is not the one that this database was written with: put the right file back, or name it with --master-key-file", keyFile)
}

// Close closes the database.
func (s *State) Close() error { return s.Store.Close() }

// Operator returns an operator that acts on this state. It writes its events in the transactions of its changes, so it needs no
// audit log.
func (s *State) Operator() *operator.Operator {
	return &operator.Operator{Store: s.Store, Master: s.Master, Clock: time.Now}
}

// VersionInfo says what was built.
type VersionInfo struct{ Version, Commit, Go string }

// Version reads what the Go tool recorded in the binary.
func Version() VersionInfo {
	v := VersionInfo{Version: "(devel)", Commit: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
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
	return false, err
}

// Package secret protects what nobody but its owner may know: it seals secrets at rest, hashes passwords, and makes random
// credentials and tokens.
//
// Invariants. A sealed value opens only with the key it was sealed with, and only for the account and row it was sealed for.
// Checking the password of somebody who has none costs as much as checking a wrong password. All randomness comes from crypto/rand.
//
// Two layers of keys. What is stored is protected with random keys of the installation ([Keyring]), which are themselves stored,
// sealed by the master key from its file ([MasterKey]). Sealing is AES-256-GCM with a random nonce, from the standard library,
// under a key derived for each purpose. A keyset library (Tink) was measured: beside net/http it links 93 further packages, 3.6 MB
// and 1 ms of every start, for what is forty lines here. Each protected value begins with the id of its key.
package secret

import (
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	keySize   = 32
	keyIDSize = 4
)

// MasterKey seals the installation's keys before they are stored, and opens them. While it is being replaced there is a second one
// beside it in the file, which opens too. It is safe for concurrent use.
type MasterKey struct {
	key      masterKey
	next     *masterKey // will take its place
	previous *masterKey // had its place before
}

// masterKey is one key, with its AEAD.
type masterKey struct {
	key  [keySize]byte
	id   [keyIDSize]byte
	aead cipher.AEAD
}

// keyFile is the form of a master key on disk. Every key is base64 of 32 bytes; of the last two there is one at most.
type keyFile struct {
	Comment  string `json:"comment"`
	Key      string `json:"key"`
	Next     string `json:"nextKey,omitempty"`
	Previous string `json:"previousKey,omitempty"`
}

const keyFileComment = "Touchstone master key. Whoever has it and the database has every stored secret; without it they are lost. " +
	"Back it up apart from the database."

// ErrSealed is the error for a sealed value that was changed, or was sealed with another key or for another row.
var ErrSealed = errors.New("sealed value does not open with this master key")

// LoadOrCreateMasterKey reads the master key from a file. When there is no file and create is set, it makes a key and writes the
// file to disk before it returns. A file that other users of the machine may read is refused.
func LoadOrCreateMasterKey(path string, create bool) (*MasterKey, error) {
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		m, createErr := createMasterKey(path)
		if !errors.Is(createErr, fs.ErrExist) {
			return m, createErr
		}
		text, err = readPrivate(path) // another process was quicker
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no master key at %s: put the file back, or name it with --master-key-file; without it the stored secrets cannot be read", path)
	}
	if err != nil {
		return nil, err
	}

	m, err := parseMasterKey(text)
	if err != nil {
		return nil, fmt.Errorf("master key %s: not a master key file: %w", path, err)
	}
	return m, nil
}

// parseMasterKey reads the contents of a master key file.
func parseMasterKey(text []byte) (*MasterKey, error) {
	var file keyFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}

	var m MasterKey
	key, err := decodeKey(file.Key)
	if err != nil {
		return nil, err
	}
	m.key = *key
	if file.Next != "" {
		if m.next, err = decodeKey(file.Next); err != nil {
			return nil, err
		}
	}
	if file.Previous != "" {
		if m.previous, err = decodeKey(file.Previous); err != nil {
			return nil, err
		}
	}
	return &m, nil
}

// decodeKey reads one key of a file.
func decodeKey(text string) (*masterKey, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != keySize {
		return nil, errors.New("the key is not 32 bytes of base64")
	}
	m, err := newMasterKey([keySize]byte(key))
	return &m, err
}

// text is the key as a file has it.
func (m *masterKey) text() string {
	if m == nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(m.key[:])
}

// text is the contents of the master key's file.
func (m *MasterKey) text() ([]byte, error) {
	file := keyFile{Comment: keyFileComment, Key: m.key.text(), Next: m.next.text(), Previous: m.previous.text()}
	text, err := json.MarshalIndent(file, "", "  ")
	return append(text, '\n'), err
}

// maxKeyFile is the size, in bytes, over which a file is taken for something else and not read.
const maxKeyFile = 4096

func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of the open file, because the name may point to another one by now
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("master key %s can be read by others (mode %04o): run chmod 600 %s", path, mode, path)
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("master key %s: not a master key file: it is too large", path)
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

func createMasterKey(path string) (*MasterKey, error) {
	m, err := NewMasterKey()
	if err != nil {
		return nil, err
	}
	text, err := m.text()
	if err != nil {
		return nil, err
	}
	if err := write(path, text, false); err != nil {
		return nil, fmt.Errorf("write master key %s: %w", path, err)
	}
	return m, nil
}

// write makes a file and syncs it to disk. On an error, what has the name is as it was. A file that exists is replaced only when
// replace is set.
func write(path string, text []byte, replace bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}

	temporary, err := os.CreateTemp(filepath.Dir(path), ".master-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())

	if _, err := temporary.Write(text); err != nil {
		return errors.Join(err, temporary.Close())
	}
	if err := errors.Join(temporary.Sync(), temporary.Close()); err != nil {
		return err
	}

	// Unlike a rename, a link fails when another process has made the file in the meantime.
	name := os.Link
	if replace {
		name = os.Rename
	}
	if err := name(temporary.Name(), path); err != nil {
		return err
	}

	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}

	return errors.Join(directory.Sync(), directory.Close())
}

// NewMasterKey makes a key that is in no file, for a database that ends with the process.
func NewMasterKey() (*MasterKey, error) {
	one, err := newMasterKey([keySize]byte(randomBytes(keySize)))
	if err != nil {
		return nil, err
	}
	return &MasterKey{key: one}, nil
}

func newMasterKey(key [keySize]byte) (masterKey, error) {
	m := masterKey{key: key}
	copy(m.id[:], deriveKey(&key, "key id"))

	var err error
	m.aead, err = sealer(deriveKey(&key, "seal"))
	return m, err
}

// all are the keys that open, the one that seals first.
func (m *MasterKey) all() []*masterKey {
	keys := []*masterKey{&m.key}
	for _, other := range []*masterKey{m.next, m.previous} {
		if other != nil {
			keys = append(keys, other)
		}
	}
	return keys
}

// Fingerprint returns a text by which the key that seals can be recognised and from which it cannot be computed.
func (m *MasterKey) Fingerprint() string { return m.key.fingerprint() }

// Fingerprints returns those of all keys that open, beginning with [MasterKey.Fingerprint].
func (m *MasterKey) Fingerprints() []string {
	var all []string
	for _, one := range m.all() {
		all = append(all, one.fingerprint())
	}
	return all
}

func (m *masterKey) fingerprint() string {
	return hex.EncodeToString(deriveKey(&m.key, "fingerprint")[:16])
}

// Seal encrypts plaintext for the row that the associated data names; [AD] makes it.
func (m *MasterKey) Seal(plaintext, associated []byte) []byte {
	return m.key.aead.Seal(append([]byte(nil), m.key.id[:]...), nil, plaintext, associated)
}

// Open decrypts what [MasterKey.Seal] made with the same associated data, with whichever of the keys. Its error is [ErrSealed].
func (m *MasterKey) Open(sealed, associated []byte) ([]byte, error) {
	if len(sealed) < keyIDSize {
		return nil, ErrSealed
	}
	for _, one := range m.all() {
		if one.id != [keyIDSize]byte(sealed[:keyIDSize]) {
			continue
		}
		if plaintext, err := one.aead.Open(nil, nil, sealed[keyIDSize:], associated); err == nil {
			return plaintext, nil
		}
	}
	return nil, ErrSealed
}

// ErrPrevious is the error of a rotation while the file still has the key that the last one replaced.
var ErrPrevious = errors.New("the file of the master key still holds the key of before the last rotation")

// AddNext adds a random key, which will take the place of the present one, to the file, unless there is one already, as after a
// rotation that was interrupted. Its error is [ErrPrevious], or one of reading or writing the file.
func AddNext(path string) (*MasterKey, error) {
	m, err := LoadOrCreateMasterKey(path, false)
	if err != nil || m.next != nil {
		return m, err
	}
	if m.previous != nil {
		return nil, ErrPrevious
	}

	next, err := newMasterKey([keySize]byte(randomBytes(keySize)))
	if err != nil {
		return nil, err
	}
	added := &MasterKey{key: m.key, next: &next}
	return added, added.keep(path)
}

// Rotated returns the master key with the next key in its place, and the present one as the previous. Without a next key it is the
// same.
func (m *MasterKey) Rotated() *MasterKey {
	if m.next == nil {
		return m
	}
	return &MasterKey{key: *m.next, previous: &m.key}
}

// Promote writes to the file what [MasterKey.Rotated] returns.
func (m *MasterKey) Promote(path string) (*MasterKey, error) {
	rotated := m.Rotated()
	return rotated, rotated.keep(path)
}

// DropPrevious removes from the file the key that the last rotation replaced, and reports whether there was one.
func DropPrevious(path string) (dropped bool, err error) {
	m, err := LoadOrCreateMasterKey(path, false)
	if err != nil || m.previous == nil {
		return false, err
	}
	return true, (&MasterKey{key: m.key, next: m.next}).keep(path)
}

// keep writes the file anew.
func (m *MasterKey) keep(path string) error {
	text, err := m.text()
	if err != nil {
		return err
	}
	if err := write(path, text, true); err != nil {
		return fmt.Errorf("write master key %s: %w", path, err)
	}
	return nil
}

// AD returns the associated data of a value: the account, the kind of the row that it belongs to, and what names the row, beginning
// with the principal whose it is. Each part is preceded by its length, so that no two rows have the same.
func AD(account, kind string, row ...string) []byte {
	var ad []byte
	for _, part := range append([]string{account, kind}, row...) {
		ad = binary.BigEndian.AppendUint32(ad, uint32(len(part)))
		ad = append(ad, part...)
	}
	return ad
}

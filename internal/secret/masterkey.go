// Package secret protects what nobody but its owner may know: it seals secrets at rest, hashes passwords, and makes random
// credentials and tokens.
//
// Invariants. A sealed value opens only with the key it was sealed with, and only for the account and row it was sealed for.
// Checking the password of somebody who has none costs as much as checking a wrong password. All randomness comes from crypto/rand.
//
// Sealing is AES-256-GCM with a random nonce, from the standard library, under a key derived for each purpose. A keyset library
// (Tink) was measured: beside net/http it links 93 further packages, 3.6 MB and 1 ms of every start, for what is forty lines
// here; and with one master key per installation, a rotation has to seal all rows again with either. Each sealed value begins with
// the id of its key, so that a second key can be added without touching what is stored.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
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

// MasterKey seals secrets before they are stored, and opens them. It is safe for concurrent use.
type MasterKey struct {
	key  [keySize]byte
	id   [keyIDSize]byte
	aead cipher.AEAD
}

// keyFile is the form of a master key on disk.
type keyFile struct {
	Comment string `json:"comment"`
	Key     string `json:"key"` // base64 of 32 bytes
}

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

	var file keyFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("master key %s: not a master key file: %w", path, err)
	}

	key, err := base64.StdEncoding.DecodeString(file.Key)
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("master key %s: not a master key file: the key is not 32 bytes of base64", path)
	}

	return newMasterKey([keySize]byte(key))
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
	var key [keySize]byte
	rand.Read(key[:])
	text, err := json.MarshalIndent(keyFile{
		Comment: "Touchstone master key. Whoever has it and the database has every stored secret; without it they are lost. Back it up apart from the database.",
		Key:     base64.StdEncoding.EncodeToString(key[:]),
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := writeNew(path, append(text, '\n')); err != nil {
		return nil, fmt.Errorf("write master key %s: %w", path, err)
	}
	return newMasterKey(key)
}

// writeNew makes a new file and syncs it to disk. On an error, nothing has the name; a file that exists is never replaced.
func writeNew(path string, text []byte) error {
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
	if err := os.Link(temporary.Name(), path); err != nil {
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
	var key [keySize]byte
	rand.Read(key[:])
	return newMasterKey(key)
}

func newMasterKey(key [keySize]byte) (*MasterKey, error) {
	m := &MasterKey{key: key}
	copy(m.id[:], m.Derive("key id"))
	block, err := aes.NewCipher(m.Derive("seal"))
	if err != nil {
		return nil, err
	}
	m.aead, err = cipher.NewGCMWithRandomNonce(block)
	return m, err
}

// Derive makes a key of 32 bytes for one purpose (HKDF, RFC 5869). The master key cannot be computed from it.
func (m *MasterKey) Derive(purpose string) []byte {
	key, err := hkdf.Expand(sha256.New, m.key[:], "touchstone "+purpose, keySize)
	if err != nil {
		panic(err) // only a length over 8160 bytes is an error
	}
	return key
}

// Fingerprint returns a text by which the key can be recognised and from which it cannot be computed.
func (m *MasterKey) Fingerprint() string { return hex.EncodeToString(m.Derive("fingerprint")[:16]) }

// Seal encrypts plaintext for the row that the associated data names; [AD] makes it.
func (m *MasterKey) Seal(plaintext, associated []byte) []byte {
	return m.aead.Seal(append([]byte(nil), m.id[:]...), nil, plaintext, associated)
}

// Open decrypts what [MasterKey.Seal] made with the same associated data. Its error is [ErrSealed].
func (m *MasterKey) Open(sealed, associated []byte) ([]byte, error) {
	if len(sealed) < keyIDSize || [keyIDSize]byte(sealed[:keyIDSize]) != m.id {
		return nil, ErrSealed
	}
	plaintext, err := m.aead.Open(nil, nil, sealed[keyIDSize:], associated)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// SealText does what [MasterKey.Seal] does and returns text that a cookie or a URL can hold.
func (m *MasterKey) SealText(plaintext, associated []byte) string {
	return base64.RawURLEncoding.EncodeToString(m.Seal(plaintext, associated))
}

// maxSealedText is the length, in bytes, of the longest text that OpenText reads. A browser may send anything as a cookie.
const maxSealedText = 4096

// OpenText decrypts what [MasterKey.SealText] made with the same associated data. Its error is [ErrSealed].
func (m *MasterKey) OpenText(text string, associated []byte) ([]byte, error) {
	if len(text) > maxSealedText {
		return nil, ErrSealed
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrSealed
	}
	return m.Open(sealed, associated)
}

// AD returns the associated data of a value: the account, and the kind and id of the row that it belongs to. Each part is preceded
// by its length, so that no two rows have the same.
func AD(account, kind, id string) []byte {
	var ad []byte
	for _, part := range []string{account, kind, id} {
		ad = binary.BigEndian.AppendUint32(ad, uint32(len(part)))
		ad = append(ad, part...)
	}
	return ad
}

package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/touchstone-iam/touchstone/arn"
)

// SealedKey is a key of the installation as the store keeps it: sealed by the master key.
type SealedKey struct {
	ID       string // 8 hexadecimal digits
	Sealed   []byte
	UsedFrom time.Time // new values are protected with the key of the latest such time that has come
}

// Keyring holds the keys of the installation, and protects with them what the store keeps: it seals secrets, hashes tokens, and
// seals cookies. It is safe for concurrent use.
//
// The keys are random and are themselves stored, sealed by the master key. So another master key is a matter of sealing a handful
// of keys again, and nothing that they protect has to be touched. Every value begins with the id of its key.
type Keyring struct{ known atomic.Pointer[knownKeys] }

// knownKeys are the keys that a keyring has read.
type knownKeys struct {
	byID    map[keyID]*dataKey
	current *dataKey // protects what is new
}

type keyID = [keyIDSize]byte

// dataKey is one key of the installation, with what is derived from it for each purpose.
type dataKey struct {
	id  keyID
	key [keySize]byte

	rest   cipher.AEAD // secrets in the store
	cookie cipher.AEAD // what a browser keeps for us
	token  []byte      // hashes of tokens
}

// ErrNoKey is the error for an installation without a key that new values can be protected with.
var ErrNoKey = errors.New("the installation has no key in use")

// NewKey makes a random key of the installation, sealed by the master key.
func (m *MasterKey) NewKey(usedFrom time.Time) SealedKey {
	id := hex.EncodeToString(randomBytes(keyIDSize))
	return SealedKey{ID: id, Sealed: m.Seal(randomBytes(keySize), keyContext(id)), UsedFrom: usedFrom}
}

// Reseal opens a key of the installation with whichever of the master keys it was sealed with, and seals it with the one that
// seals now. Its error is [ErrSealed].
func (m *MasterKey) Reseal(k SealedKey) (SealedKey, error) {
	plain, err := m.Open(k.Sealed, keyContext(k.ID))
	if err != nil {
		return SealedKey{}, err
	}
	k.Sealed = m.Seal(plain, keyContext(k.ID))
	return k, nil
}

// keyContext is the associated data that a key of the installation is sealed with.
func keyContext(id string) []byte { return AD("", "data_key", id) }

// NewKeyring opens the installation's keys, of which those are used whose time has come. Its error is [ErrNoKey] or [ErrSealed].
func NewKeyring(m *MasterKey, stored []SealedKey, now time.Time) (*Keyring, error) {
	r := &Keyring{}
	return r, r.Renew(m, stored, now)
}

// Renew replaces the keys with those that are stored now. A process that runs for long has to do so every [KeyDelay] at the latest.
// Its error is [ErrNoKey] or [ErrSealed], and the keys then stay as they are.
func (r *Keyring) Renew(m *MasterKey, stored []SealedKey, now time.Time) error {
	known := &knownKeys{byID: make(map[keyID]*dataKey, len(stored))}
	var latest time.Time
	for _, s := range stored {
		k, err := openKey(m, s)
		if err != nil {
			return fmt.Errorf("key %s of the installation: %w", s.ID, err)
		}

		known.byID[k.id] = k
		if !s.UsedFrom.After(now) && (known.current == nil || s.UsedFrom.After(latest)) {
			known.current, latest = k, s.UsedFrom
		}
	}
	if known.current == nil {
		return ErrNoKey
	}

	r.known.Store(known)
	return nil
}

// KeyDelay is how long a new key of the installation is only known before new values are protected with it: by then, every running
// server has read it, and so can open what another one protects.
const KeyDelay = time.Minute

// openKey opens one stored key, and derives from it what is needed for each purpose.
func openKey(m *MasterKey, s SealedKey) (*dataKey, error) {
	plain, err := m.Open(s.Sealed, keyContext(s.ID))
	if err != nil {
		return nil, err
	}
	id, err := hex.DecodeString(s.ID)
	if err != nil || len(id) != keyIDSize || len(plain) != keySize {
		return nil, ErrSealed
	}

	k := &dataKey{id: keyID(id), key: [keySize]byte(plain)}
	k.token = deriveKey(&k.key, "tokens")
	if k.rest, err = sealer(deriveKey(&k.key, "secrets at rest")); err != nil {
		return nil, err
	}
	k.cookie, err = sealer(deriveKey(&k.key, "cookies"))
	return k, err
}

// sealer returns AES-256-GCM with random nonces.
func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// deriveKey makes a key of 32 bytes for one purpose (HKDF, RFC 5869), from which the key that it is made of cannot be computed.
func deriveKey(key *[keySize]byte, purpose string) []byte {
	derived, err := hkdf.Expand(sha256.New, key[:], "touchstone "+purpose, keySize)
	if err != nil {
		panic(err) // only a length over 8160 bytes is an error
	}
	return derived
}

// IDs returns the ids of all keys, as [SealedKey] has them.
func (r *Keyring) IDs() []string {
	var all []string
	for id := range r.known.Load().byID {
		all = append(all, hex.EncodeToString(id[:]))
	}
	return all
}

// Current returns the id of the key that protects what is new, as [SealedKey] has it.
func (r *Keyring) Current() string {
	id := r.known.Load().current.id
	return hex.EncodeToString(id[:])
}

// Prefix returns the bytes with which every value begins that the key with the id protects. Its error is that the id has no key's
// form.
func Prefix(id string) ([]byte, error) {
	prefix, err := hex.DecodeString(id)
	if err == nil && len(prefix) != keyIDSize {
		err = hex.ErrLength
	}
	return prefix, err
}

// Seal encrypts plaintext for the row that the associated data names; [AD] makes it.
func (r *Keyring) Seal(plaintext, associated []byte) []byte {
	k := r.known.Load().current
	return k.rest.Seal(append([]byte(nil), k.id[:]...), nil, plaintext, associated)
}

// Open decrypts what [Keyring.Seal] made with the same associated data. Its error is [ErrSealed].
func (r *Keyring) Open(sealed, associated []byte) ([]byte, error) {
	k := r.keyOf(sealed)
	if k == nil {
		return nil, ErrSealed
	}
	plaintext, err := k.rest.Open(nil, nil, sealed[keyIDSize:], associated)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// SealHash seals a password's hash for the principal whose password it is.
func (r *Keyring) SealHash(account, principal, hash string) []byte {
	return r.Seal([]byte(hash), AD(account, "password", principal))
}

// OpenHash opens what [Keyring.SealHash] made for the same principal. Its error is [ErrSealed].
func (r *Keyring) OpenHash(account, principal string, sealed []byte) (string, error) {
	hash, err := r.Open(sealed, AD(account, "password", principal))
	return string(hash), err
}

// SealSecretKey seals the secret of an access key.
func (r *Keyring) SealSecretKey(account, principal, accessKeyID, secretKey string) []byte {
	return r.Seal([]byte(secretKey), AD(account, "access_key", principal, accessKeyID))
}

// OpenSecretKey opens what [Keyring.SealSecretKey] made for the same key of the same principal. Its error is [ErrSealed].
func (r *Keyring) OpenSecretKey(account, principal, accessKeyID string, sealed []byte) (string, error) {
	secretKey, err := r.Open(sealed, AD(account, "access_key", principal, accessKeyID))
	return string(secretKey), err
}

// keyOf returns the key that a value begins with the id of, or nil.
func (r *Keyring) keyOf(value []byte) *dataKey {
	if len(value) < keyIDSize {
		return nil
	}
	return r.known.Load().byID[keyID(value[:keyIDSize])]
}

// Derive makes a key of 32 bytes for one purpose, which lasts as long as the installation's newest key.
func (r *Keyring) Derive(purpose string) []byte {
	return deriveKey(&r.known.Load().current.key, purpose)
}

// SealText encrypts plaintext and returns text that a cookie or a URL can hold. Its key is not the one of secrets at rest, because
// a browser makes us seal as often as it likes.
func (r *Keyring) SealText(plaintext, associated []byte) string {
	k := r.known.Load().current
	return base64.RawURLEncoding.EncodeToString(k.cookie.Seal(append([]byte(nil), k.id[:]...), nil, plaintext, associated))
}

// maxSealedText is the length, in bytes, of the longest text that OpenText reads. A browser may send anything as a cookie.
const maxSealedText = 4096

// OpenText decrypts what [Keyring.SealText] made with the same associated data. Its error is [ErrSealed].
func (r *Keyring) OpenText(text string, associated []byte) ([]byte, error) {
	if len(text) > maxSealedText {
		return nil, ErrSealed
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrSealed
	}

	k := r.keyOf(sealed)
	if k == nil {
		return nil, ErrSealed
	}
	plaintext, err := k.cookie.Open(nil, nil, sealed[keyIDSize:], associated)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// A token is an account id, a dot, and in base64url the id of the key that its hash is made with and 256 random bits.
const (
	tokenBytes  = 32
	accountSize = 12
	tokenLength = accountSize + 1 + (keyIDSize+tokenBytes)*4/3
)

// ErrToken is the error for a text that does not have a token's form, or whose hash is made with a key that is not known.
var ErrToken = errors.New("malformed token")

// NewToken returns a new token of the account, and the hash by which the store keeps and finds it. Without the installation's key
// nobody can compute the hash, so a row that somebody writes into the database makes no token good.
func (r *Keyring) NewToken(account string) (token string, hash []byte) {
	k := r.known.Load().current
	secret := make([]byte, keyIDSize+tokenBytes)
	copy(secret, k.id[:])
	rand.Read(secret[keyIDSize:])

	token = account + "." + base64.RawURLEncoding.EncodeToString(secret)
	return token, k.hashToken(token)
}

// ParseToken reads a token's account and computes its hash; its error is [ErrToken]. Whether there is such a token, only the store
// can tell.
func (r *Keyring) ParseToken(token string) (account string, hash []byte, err error) {
	if len(token) != tokenLength || token[accountSize] != '.' || !arn.IsAccountID(token[:accountSize]) {
		return "", nil, ErrToken
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(token[accountSize+1:])
	if err != nil {
		return "", nil, ErrToken
	}

	k := r.keyOf(secret)
	if k == nil {
		return "", nil, ErrToken
	}
	return token[:accountSize], k.hashToken(token), nil
}

// hashToken returns the key's id and the HMAC of a token. A slow hash would protect nothing here: a token is random, and nobody can
// guess one.
func (k *dataKey) hashToken(token string) []byte {
	mac := hmac.New(sha256.New, k.token)
	mac.Write([]byte(token))
	return mac.Sum(append([]byte(nil), k.id[:]...))
}

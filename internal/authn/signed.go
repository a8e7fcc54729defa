package authn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/touchstone-iam/touchstone/awsquery"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
	"github.com/touchstone-iam/touchstone/sigv4"
)

// SessionLimits are how long console sessions last; all are above zero.
type SessionLimits struct {
	Absolute time.Duration // from sign-in
	Idle     time.Duration // from the last request
	Partial  time.Duration // for a session that still asks for a device or a new password
}

// Authenticator makes Callers. It is safe for concurrent use.
type Authenticator struct {
	secrets  *secret.Keyring
	skew     time.Duration
	sessions SessionLimits

	openToken OpenToken // nil: no temporary credentials are accepted

	mu   sync.RWMutex
	keys map[string]*knownKey
}

// New returns an authenticator that opens secrets with the installation's keys and accepts signatures up to skew old or early.
func New(secrets *secret.Keyring, skew time.Duration, sessions SessionLimits) *Authenticator {
	return &Authenticator{secrets: secrets, skew: skew, sessions: sessions, keys: make(map[string]*knownKey)}
}

// maxKnownKeys bounds the cache of access keys; at the bound an arbitrary one makes room.
const maxKnownKeys = 16384

// knownKey is an access key as it was in one state of its account. It is never changed, only replaced.
type knownKey struct {
	freshness store.Freshness
	principal *store.Principal
	sealed    []byte
	secret    string

	// The signing key of the scope that was used last: it changes once a day.
	date, region, service string
	signing               [32]byte
}

// errUnknownKey is the answer to a key that is unknown, deleted or inactive: which of them is not told.
func errUnknownKey() error {
	return &awsquery.Error{
		Code: "InvalidClientTokenId", Status: http.StatusForbidden,
		Message: "The security token included in the request is invalid.",
	}
}

// Signed authenticates a signed request, whose payload has the given SHA-256 in hex.
func (a *Authenticator) Signed(tx *store.Tx, sig *sigv4.Signature, r *http.Request, payloadHash string,
	now time.Time,
) (*Caller, error) {
	if sig.SessionToken != "" {
		return a.signedTemporary(tx, sig, r, payloadHash, now)
	}
	key, err := a.key(tx, sig.AccessKeyID)
	if err != nil {
		return nil, err
	}
	key = a.scoped(sig, key)
	if err := sig.Verify(key.signing, r, payloadHash, now, a.skew); err != nil {
		return nil, err
	}
	return longTerm(key.principal, sig.AccessKeyID, key.freshness), nil
}

// Expect returns an error when a signature cannot be right, whatever is signed: it is stale, its key is not one that may sign
// requests, or its session token is no good. It is asked before a large body is read. It reads the store only for a key that is not
// in memory; one that has been deleted since may be in memory still, and [Authenticator.Signed] finds that out.
func (a *Authenticator) Expect(ctx context.Context, s *store.Store, sig *sigv4.Signature, now time.Time) error {
	if err := sig.Current(now, a.skew); err != nil {
		return err
	}
	if sig.SessionToken != "" {
		t, err := a.sessionOf(sig)
		if err == nil && !now.Before(t.ExpiresAt) {
			return errUnknownKey() // that it has expired is told only to whoever holds the secret
		}
		return err
	}

	a.mu.RLock()
	known := a.keys[sig.AccessKeyID] != nil
	a.mu.RUnlock()
	if known {
		return nil
	}
	return s.View(ctx, func(tx *store.Tx) error {
		_, err := a.key(tx, sig.AccessKeyID)
		return err
	})
}

// longTerm is the caller of an access key.
func longTerm(principal *store.Principal, accessKeyID string, freshness store.Freshness) *Caller {
	return &Caller{
		Principal: principal, Credential: LongTermKey, Scope: ScopeFull, AccessKeyID: accessKeyID, Freshness: freshness, authentic: true,
	}
}

// key returns the active key with the id: from memory when its account has not changed since, otherwise read anew.
func (a *Authenticator) key(tx *store.Tx, id string) (*knownKey, error) {
	a.mu.RLock()
	known := a.keys[id]
	a.mu.RUnlock()
	if known != nil {
		now, err := tx.Freshness(known.principal.AccountID)
		if err == nil && now == known.freshness {
			return known, nil
		}
	}

	fresh, err := a.openKey(tx, id, known)
	if errors.Is(err, store.ErrNotFound) {
		a.mu.Lock()
		delete(a.keys, id)
		a.mu.Unlock()
		return nil, errUnknownKey()
	}
	if err != nil {
		return nil, err
	}
	a.remember(id, fresh)
	return fresh, nil
}

// openKey reads a key and opens its secret, unless known has the same one open. ErrNotFound also when it is inactive.
func (a *Authenticator) openKey(tx *store.Tx, id string, known *knownKey) (*knownKey, error) {
	row, principal, freshness, err := readKey(tx, id)
	if err != nil {
		return nil, err
	}
	if known != nil && bytes.Equal(known.sealed, row.SealedSecret) {
		renewed := *known
		renewed.freshness, renewed.principal = freshness, principal
		return &renewed, nil
	}
	plain, err := a.secrets.OpenSecretKey(row.AccountID, row.PrincipalID, id, row.SealedSecret)
	if err != nil {
		return nil, fmt.Errorf("open the secret of access key %s: %w", id, err)
	}
	return &knownKey{freshness: freshness, principal: principal, sealed: row.SealedSecret, secret: plain}, nil
}

// readKey reads an active key and whose it is. ErrNotFound.
func readKey(tx *store.Tx, id string) (*store.AccessKey, *store.Principal, store.Freshness, error) {
	var freshness store.Freshness
	account, err := tx.AccessKeyAccount(id)
	if err != nil {
		return nil, nil, freshness, err
	}
	if freshness, err = tx.Freshness(account); err != nil {
		return nil, nil, freshness, err
	}
	row, err := tx.AccessKey(account, id)
	if err != nil {
		return nil, nil, freshness, err
	}
	if !row.Active {
		return nil, nil, freshness, store.ErrNotFound
	}
	principal, err := tx.Principal(account, row.PrincipalID)
	return row, principal, freshness, err
}

// scoped returns the key with the signing key of the signature's scope.
func (a *Authenticator) scoped(sig *sigv4.Signature, key *knownKey) *knownKey {
	if key.date == sig.Date && key.region == sig.Region && key.service == sig.Service {
		return key
	}
	scoped := *key
	scoped.date, scoped.region, scoped.service = sig.Date, sig.Region, sig.Service
	scoped.signing = sigv4.SigningKey(key.secret, sig.Date, sig.Region, sig.Service)
	a.remember(sig.AccessKeyID, &scoped)
	return &scoped
}

func (a *Authenticator) remember(id string, key *knownKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.keys[id]; !known && len(a.keys) >= maxKnownKeys {
		for other := range a.keys {
			delete(a.keys, other)
			break
		}
	}
	a.keys[id] = key
}

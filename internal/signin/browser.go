package signin

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

const (
	// maxDeviceFailures is the number of failed attempts after which a device cookie counts no more, and its holder is a stranger.
	maxDeviceFailures = 5

	// maxBrowsers is how many browsers of one principal are known. Beyond them the one that has not signed in for the longest is
	// forgotten.
	maxBrowsers = 64
)

// browser is one that has completed a sign-in, as its device cookie says.
type browser struct {
	account   string
	principal string
	id        string
}

// deviceClaims are the contents of a device cookie, which are sealed.
type deviceClaims struct {
	Principal string `json:"i"`
	Password  int64  `json:"p"` // the password's version: a change voids the cookie
	ID        string `json:"d"`
}

var deviceContext = secret.AD("", "device_cookie", "")

// openDeviceCookie returns what a device cookie says; nothing when it is none of this installation's.
func (s *Service) openDeviceCookie(cookie string) (claims deviceClaims) {
	if cookie == "" {
		return claims
	}
	plain, err := s.Secrets.OpenText(cookie, deviceContext)
	if err != nil || json.Unmarshal(plain, &claims) != nil {
		return deviceClaims{}
	}
	return claims
}

// deviceCookie makes the device cookie for a browser that has completed a sign-in, and knows it from then on. A browser that has
// one of the principal's already stays the same browser.
func (s *Service) deviceCookie(tx *store.Tx, former string, principal *store.Principal, password *store.Password,
	now time.Time,
) (string, error) {
	claims := deviceClaims{Principal: principal.ID, Password: password.Version, ID: ids.NewUUID()}
	if had := s.openDeviceCookie(former); had.Principal == principal.ID {
		claims.ID = had.ID
	}
	if err := tx.SaveKnownBrowser(principal.AccountID, principal.ID, claims.ID, now, maxBrowsers); err != nil {
		return "", err
	}

	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return s.Secrets.SealText(text, deviceContext), nil
}

// knownBrowser returns the browser that a device cookie names; nil when the cookie is not good for the candidate.
func (s *Service) knownBrowser(cookie string, c *candidate) *browser {
	if cookie == "" || c.password == nil {
		return nil
	}
	claims := s.openDeviceCookie(cookie)
	if claims.Principal != c.principal.ID || claims.Password != c.password.Version {
		return nil
	}
	return &browser{account: c.account, principal: c.principal.ID, id: claims.ID}
}

// trusted reports whether the browser is one that is still known and has not failed too often.
func (b *browser) trusted(tx *store.Tx, now time.Time) (bool, error) {
	if b == nil {
		return false, nil
	}
	g, err := tx.KnownBrowser(b.account, b.principal, b.id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return now.Sub(g.LastAt) >= forgetting || g.Failures < maxDeviceFailures, err
}

// charge counts an attempt of the browser, or returns how long it has to wait. before is when the last one was.
func (b *browser) charge(tx *store.Tx, now time.Time) (wait time.Duration, before time.Time, err error) {
	g, err := tx.KnownBrowser(b.account, b.principal, b.id)
	if err != nil {
		return 0, before, err
	}
	if wait = patience(&g, now); wait > 0 {
		return wait, before, tx.SetKnownBrowserTime(b.account, b.id, g.LastAt)
	}
	return 0, g.LastAt, tx.ChargeKnownBrowser(b.account, b.id, now, now.Add(-forgetting))
}

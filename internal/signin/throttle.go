package signin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/ids"
	"github.com/touchstone-iam/touchstone/internal/secret"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Failed attempts are counted in a fixed number of slots, chosen by a hash of what is counted: the address, or the principal that
// was named, whether it exists or not. A flood can therefore neither fill the store nor push out what is counted for others.
//
// Each attempt is charged to its slots before its password is looked at, and forgiven when the password was right. A slot with too
// many charges makes the next attempt wait, up to a minute.
//
// A browser that has completed a sign-in as a principal carries a device cookie and has a slot of its own. Strangers who guess a
// principal's password therefore slow down other strangers, and not the principal.
const (
	slots      = 1 << 16
	maxDelay   = time.Minute
	forgetting = 15 * time.Minute // a slot without an attempt for so long counts from zero again

	freeForPrincipal = 4  // attempts before the first delay
	freeForAddress   = 20 // more, since many people may share an address

	// maxDeviceFailures is the number of failed attempts after which a device cookie counts no more, and its holder is a stranger.
	maxDeviceFailures = 5
)

// delay returns how long after the last of several failed attempts the next is let in.
func delay(failures, free int) time.Duration {
	over := failures - free
	if over <= 0 {
		return 0
	}
	if over > 6 {
		return maxDelay
	}
	return min(maxDelay, time.Second<<over)
}

// buckets are the slots that an attempt is charged to.
type buckets struct {
	slots   []bucket
	trusted bool // with a device cookie that is still good
}

// bucket is a slot together with its rules.
type bucket struct {
	slot int64
	free int // attempts before the first delay
	void int // failures after which the holder of a device cookie counts as a stranger; 0 for other slots
}

// lock locks the slots.
func (b *buckets) lock() store.Lock {
	slots := make([]int64, len(b.slots))
	for n, one := range b.slots {
		slots[n] = one.slot
	}
	return store.ThrottleSlots(slots...)
}

// buckets chooses the slots of an attempt. With a good device cookie, the cookie's own slot is the first.
func (s *Service) buckets(v Visitor, key string, c *candidate) buckets {
	stranger := buckets{slots: []bucket{
		{slot: s.slotOf("address", audit.Source(v.Address).String()), free: freeForAddress},
		{slot: s.slotOf("identity", key), free: freeForPrincipal},
	}}
	device := s.trustedDevice(v.DeviceCookie, c)
	if device == "" {
		return stranger
	}
	own := bucket{slot: s.slotOf("device", device), free: freeForPrincipal, void: maxDeviceFailures}
	return buckets{slots: append([]bucket{own}, stranger.slots...), trusted: true}
}

// slotOf returns the slot in which attempts are counted under a key. Without the installation's keys nobody can compute which keys
// share a slot.
func (s *Service) slotOf(kind, key string) int64 {
	mac := hmac.New(sha256.New, s.Secrets.Derive("sign-in throttle"))
	mac.Write([]byte(kind + "\x00" + key))
	return int64(binary.BigEndian.Uint64(mac.Sum(nil)) % slots)
}

// charge counts the attempt, or refuses it with [*TooManyAttempts] when it comes too soon. It returns the slots that were charged:
// only the cookie's own while the cookie is good, otherwise the address's and the principal's.
func (s *Service) charge(ctx context.Context, b buckets, now time.Time) (charged buckets, err error) {
	err = s.Store.Update(ctx, b.lock(), func(tx *store.Tx) error {
		charged = b
		if b.trusted {
			t, err := tx.Throttle(b.slots[0].slot)
			if err != nil {
				return err
			}
			if current(t, now).Failures < b.slots[0].void {
				charged.slots = b.slots[:1]
			} else {
				charged = buckets{slots: b.slots[1:]}
			}
		}

		// All slots must let the attempt in before any is charged.
		for _, one := range charged.slots {
			t, err := tx.Throttle(one.slot)
			if err != nil {
				return err
			}
			t = current(t, now)
			after := delay(t.Failures, one.free)
			// Attempts of the same moment may arrive in another order than that of their times, so LastAt may be after now.
			if wait := t.LastAt.Add(after).Sub(now); after > 0 && wait > 0 {
				return &TooManyAttempts{Wait: min(wait, maxDelay)}
			}
		}

		for _, one := range charged.slots {
			if err := tx.ChargeThrottle(one.slot, now, now.Add(-forgetting)); err != nil {
				return err
			}
		}
		return nil
	})

	return charged, err
}

// forgive takes back the charge of an attempt that was right: it clears the principal's slot, and takes one charge off the
// address's. Slots that were not charged stay as they are, so a sign-in with a device cookie forgives neither strangers nor guesses
// at other principals from the same address.
func (s *Service) forgive(tx *store.Tx, charged buckets) error {
	for _, one := range charged.slots {
		takeBack := tx.ClearThrottle
		if one.free == freeForAddress {
			takeBack = tx.DischargeThrottle
		}
		if err := takeBack(one.slot); err != nil {
			return err
		}
	}
	return nil
}

// notLookedAt takes back the charge on a device cookie's slot of an attempt whose password was never compared, because the server
// was busy. Otherwise a flood could void the cookies of those whom it keeps waiting.
func (s *Service) notLookedAt(ctx context.Context, charged buckets) error {
	if !charged.trusted {
		return nil
	}
	own := charged.slots[0].slot
	return s.Store.Update(ctx, store.ThrottleSlots(own), func(tx *store.Tx) error { return tx.DischargeThrottle(own) })
}

// current returns the state of a slot at now: zero when its last attempt is long ago.
func current(t store.Throttle, now time.Time) store.Throttle {
	if now.Sub(t.LastAt) >= forgetting {
		return store.Throttle{}
	}
	return t
}

// deviceClaims are the contents of a device cookie, which are sealed.
type deviceClaims struct {
	Principal string `json:"i"`
	Password  int64  `json:"p"` // the password's version: a change voids the cookie
	ID        string `json:"d"`
}

var deviceContext = secret.AD("", "device_cookie", "")

// deviceCookie makes the device cookie for a browser that has completed a sign-in.
func (s *Service) deviceCookie(principal *store.Principal, password *store.Password) (string, error) {
	claims, err := json.Marshal(deviceClaims{Principal: principal.ID, Password: password.Version, ID: ids.NewUUID()})
	if err != nil {
		return "", err
	}
	return s.Secrets.SealText(claims, deviceContext), nil
}

// trustedDevice returns the id in a device cookie, or "" when the cookie is not good for the candidate.
func (s *Service) trustedDevice(cookie string, c *candidate) string {
	if cookie == "" || c.password == nil {
		return ""
	}
	plain, err := s.Secrets.OpenText(cookie, deviceContext)
	if err != nil {
		return ""
	}
	var claims deviceClaims
	if json.Unmarshal(plain, &claims) != nil || claims.Principal != c.principal.ID || claims.Password != c.password.Version {
		return ""
	}
	return claims.ID
}

// Prove reports whether a caller who is signed in knows the principal's password, whose hash is given. Wrong passwords are counted
// apart from sign-ins, by session or, for signed requests, by principal. So a thief of a session or an access key can neither try
// passwords at will nor keep the owner from signing in. Its errors are [*TooManyAttempts] and [secret.ErrBusy].
func (s *Service) Prove(ctx context.Context, c *authn.Caller, password, hash string) (right bool, err error) {
	with := "session " + c.SessionID
	if c.Credential != authn.ConsoleSession {
		with = "keys of " + c.Principal.ID // all of them together, because a caller may be able to make new ones
	}
	b := buckets{slots: []bucket{{slot: s.slotOf("proof", with), free: freeForPrincipal}}}
	if _, err := s.charge(ctx, b, s.Clock()); err != nil {
		return false, err
	}
	if right, _, err = s.Hasher.Verify(ctx, password, hash, true); err != nil || !right {
		return false, err
	}
	return true, s.Store.Update(ctx, b.lock(), func(tx *store.Tx) error { return s.forgive(tx, b) })
}

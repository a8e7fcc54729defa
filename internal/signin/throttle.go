package signin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/touchstone-iam/touchstone/internal/audit"
	"github.com/touchstone-iam/touchstone/internal/authn"
	"github.com/touchstone-iam/touchstone/internal/store"
)

// Failed attempts are counted in a fixed number of slots, chosen by a hash of what is counted: the address, or the identity that
// was named, whether it exists or not. A flood can therefore neither fill the store nor push out what is counted for others.
//
// Each attempt is charged to its slots before its password is looked at, and forgiven when the password was right. A slot with too
// many charges makes the next attempt wait, up to a minute.
//
// Whoever is told to wait gets a turn: from the time that they were told, one attempt at that identity from that address is let in,
// whatever others have done meanwhile. So nobody can take the moment at which the wait of somebody else ends. Turns at one identity
// fall due in the order of its [calendar], a network's after those of the networks that wait already.
//
// A browser that has completed a sign-in carries a device cookie, and its failures are counted apart from those of strangers.
const (
	slots      = 1 << 16 // for addresses and identities together, and as many for networks
	turnSlots  = 1 << 20 // for turns: more, because of two that meet in one only the newer stays
	maxDelay   = time.Minute
	forgetting = 15 * time.Minute // a slot without an attempt for so long counts from zero again

	freeForIdentity = 4  // attempts before the first delay
	freeForAddress  = 20 // more, since many people may share an address

	// turnLife is how long a turn can be used once it is due.
	turnLife = 5 * time.Minute

	// maxAhead is how far ahead of now the next attempt of an address may be put off, when turns were used there under many names.
	maxAhead = time.Hour

	// longest is how long somebody can be told to wait at all.
	longest = cells * cell

	// clockSlack is how far apart the clocks of servers that share a database may be. A stored time that is further ahead of now was
	// stored before the clock was set back, and what it says about the future does not hold.
	clockSlack = store.ClockSlack
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

// current returns the state of a slot at now: zero when its last attempt is long ago. A last attempt in the future counts as one of
// now, and beyond the slack of clocks nothing that is due holds.
func current(t store.Throttle, now time.Time) store.Throttle {
	if now.Sub(t.LastAt) >= forgetting {
		return store.Throttle{}
	}
	if t.LastAt.After(now.Add(clockSlack)) {
		t.DueAt, t.Calendar = time.Time{}, ""
	}
	if t.LastAt.After(now) {
		t.LastAt = now
	}
	return t
}

// booked returns when something falls due that was booked in a slot, or zero when nothing is. A booking from the future, or further
// ahead than any is made, counts as none.
func booked(t store.Throttle, now time.Time) time.Time {
	if t.LastAt.After(now.Add(clockSlack)) || t.DueAt.Sub(t.LastAt) > longest {
		return time.Time{}
	}
	return t.DueAt
}

// sender is under which slots an attempt by a stranger is counted.
type sender struct {
	address  int64 // failures of the address, and when its next attempt is let in
	identity int64 // failures at the identity, and the calendar of its turns
	network  int64 // when the last turn of the address's network at the identity falls due
	turn     int64 // when the address's turn at the identity falls due
	mark     int   // by which the turn in the slot is known for the sender's
}

func (s *Service) sender(v Visitor, key string) sender {
	address := audit.Source(v.Address)
	who := address.String() + "\x00" + key
	return sender{
		address:  s.slotOf("address", address.String(), 0, slots),
		identity: s.slotOf("identity", key, 0, slots),
		network:  s.slotOf("network", network(v.Address).String()+"\x00"+key, slots, slots),
		turn:     s.slotOf("turn", who, 2*slots, turnSlots),
		mark:     int(s.slotOf("mark", who, 0, 1<<31)),
	}
}

// network returns the network that an address belongs to: addresses in it cost whoever holds one of them next to nothing.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	prefix, _ := a.Prefix(bits) // fails only for no address at all, which is a network of its own
	return prefix
}

// slotOf returns one of n slots from the first on, in which attempts are counted under a key. Without the master key nobody can
// compute which keys share a slot.
func (s *Service) slotOf(kind, key string, first, n int64) int64 {
	mac := hmac.New(sha256.New, s.Secrets.Derive("sign-in throttle"))
	mac.Write([]byte(kind + "\x00" + key))
	return first + int64(binary.BigEndian.Uint64(mac.Sum(nil))%uint64(n))
}

func (s sender) lock() store.Lock {
	return store.ThrottleSlots(s.address, s.identity, s.network, s.turn)
}

// standing is what the slots say about an attempt.
type standing struct {
	address, identity, turn store.Throttle // as of now; turn as it is stored

	due  time.Time // of the turn that the sender has, or zero
	from time.Time // when an attempt without a turn is let in
}

// read reads where an attempt stands. It changes nothing.
func (s sender) read(tx *store.Tx, now time.Time) (st standing, err error) {
	for _, one := range []struct {
		slot int64
		into *store.Throttle
	}{{s.address, &st.address}, {s.identity, &st.identity}, {s.turn, &st.turn}} {
		if *one.into, err = tx.Throttle(one.slot); err != nil {
			return st, err
		}
	}

	st.address, st.identity = current(st.address, now), current(st.identity, now)
	if due := booked(st.turn, now); st.turn.Failures == s.mark && now.Before(due.Add(turnLife)) {
		st.due = due
	}

	if after := delay(st.identity.Failures, freeForIdentity); after > 0 {
		st.from = st.identity.LastAt.Add(after)
	}
	if st.address.Failures > freeForAddress {
		st.from = later(st.from, earlier(st.address.DueAt, now.Add(maxAhead)))
	}
	return st, nil
}

// letIn reports whether the attempt need not wait: its turn is due, or nobody has failed too often.
func (st *standing) letIn(now time.Time) bool {
	return !st.due.IsZero() && !st.due.After(now) || !st.from.After(now)
}

// told returns what somebody hears who has to wait and has a turn already; zero when the attempt is let in, or has no turn.
func (st *standing) told(now time.Time) time.Duration {
	if st.due.IsZero() || st.letIn(now) {
		return 0
	}
	return st.due.Sub(now)
}

// book gives the sender a turn, and returns how long it is until then.
func (s sender) book(tx *store.Tx, st *standing, now time.Time) (wait time.Duration, err error) {
	due := st.from
	if delay(st.identity.Failures, freeForIdentity) > 0 {
		earlierTurn, err := tx.Throttle(s.network)
		if err != nil {
			return 0, err
		}

		// A network that waits already gets its next turn a minute after its last one.
		from, last := st.from, booked(earlierTurn, now)
		waits := last.After(now)
		if waits {
			from = later(from, last.Add(maxDelay))
		}

		c := parseCalendar(st.identity.Calendar, now)
		var ok bool
		if due, ok = c.book(from, waits); !ok {
			return longest, nil // as many wait as turns can fall due in that time
		}
		if err := tx.PlanThrottle(s.identity, time.Time{}, c.String()); err != nil {
			return 0, err
		}
		if err := tx.BookThrottle(s.network, 0, now, due); err != nil {
			return 0, err
		}
	}
	return due.Sub(now), tx.BookThrottle(s.turn, s.mark, now, due)
}

// charge counts the attempt at its address and its identity, and uses up the sender's turn.
func (s sender) charge(tx *store.Tx, st *standing, now time.Time) (step time.Duration, err error) {
	for _, slot := range []int64{s.identity, s.address} {
		if err := tx.ChargeThrottle(slot, now, now.Add(-forgetting)); err != nil {
			return 0, err
		}
	}

	// Turns under many names at one address may fall due together. Each puts off what comes after, so that on average the address is
	// as slow as under one name.
	step = delay(st.address.Failures+1, freeForAddress)
	next := earlier(later(st.address.DueAt, now).Add(step), now.Add(maxAhead))
	if err := tx.PlanThrottle(s.address, next, ""); err != nil {
		return 0, err
	}

	// A calendar that holds no more must not come back with the failures that are counted anew.
	if st.identity.Calendar == "" {
		if err := tx.PlanThrottle(s.identity, time.Time{}, ""); err != nil {
			return 0, err
		}
	}
	if st.due.IsZero() {
		return step, nil
	}
	return step, tx.BookThrottle(s.turn, s.mark, st.turn.LastAt, time.Time{})
}

// charged is what an attempt was charged to, and how that is taken back. An attempt with a good device cookie is charged to its
// browser only.
type charged struct {
	at      time.Time
	browser *browser // nil for a stranger
	before  time.Time

	sender   sender
	standing standing
	step     time.Duration // by which the attempt puts off the address's next
}

func (c *charged) lock() store.Lock {
	if c.browser != nil {
		return store.PrincipalRow(c.browser.account, c.browser.principal)
	}
	return c.sender.lock()
}

// admit decides whether an attempt is let in. It charges nothing. Its error is [*TooManyAttempts] when the attempt has to wait; the
// sender then has a turn.
func (s *Service) admit(ctx context.Context, v Visitor, key string, c *candidate, now time.Time) (trusted bool, err error) {
	b := s.knownBrowser(v.DeviceCookie, c)
	who := s.sender(v, key)

	// Whoever has been told to wait and comes too soon makes no write.
	var st standing
	if err := s.Store.View(ctx, func(tx *store.Tx) error {
		if trusted, err = b.trusted(tx, now); err != nil || trusted {
			return err
		}
		st, err = who.read(tx, now)
		return err
	}); err != nil || trusted {
		return trusted, err
	}
	if wait := st.told(now); wait > 0 {
		return false, &TooManyAttempts{Wait: wait}
	}
	if st.letIn(now) {
		return false, nil
	}

	var wait time.Duration
	if err := s.Store.Update(ctx, who.lock(), func(tx *store.Tx) error {
		wait, err = who.wait(tx, now)
		return err
	}); err != nil || wait == 0 {
		return false, err
	}
	return false, &TooManyAttempts{Wait: wait}
}

// wait returns how long the sender has to wait, and sees to it that there is a turn then; zero when the attempt is let in.
func (s sender) wait(tx *store.Tx, now time.Time) (time.Duration, error) {
	st, err := s.read(tx, now)
	if err != nil || st.letIn(now) {
		return 0, err
	}
	if wait := st.told(now); wait > 0 {
		return wait, nil
	}
	return s.book(tx, &st, now)
}

// charge counts an attempt before its password is looked at, so that many at the same moment are counted, too. Its error is
// [*TooManyAttempts] when the attempt has to wait after all.
func (s *Service) charge(ctx context.Context, v Visitor, key string, c *candidate, now time.Time) (*charged, error) {
	var (
		all  *charged
		wait time.Duration
	)
	b := s.knownBrowser(v.DeviceCookie, c)
	who := s.sender(v, key)
	lock := who.lock()
	if b != nil {
		lock = store.Join(lock, store.PrincipalRow(b.account, b.principal))
	}
	if err := s.Store.Update(ctx, lock, func(tx *store.Tx) error {
		all = &charged{at: now, sender: who}
		trusted, err := b.trusted(tx, now)
		if err != nil {
			return err
		}
		if trusted {
			all.browser = b
			wait, all.before, err = b.charge(tx, now)
			return err
		}

		if wait, err = who.wait(tx, now); err != nil || wait > 0 {
			return err
		}
		if all.standing, err = who.read(tx, now); err != nil {
			return err
		}
		all.step, err = who.charge(tx, &all.standing, now)
		return err
	}); err != nil {
		return nil, err
	}
	if wait > 0 {
		return nil, &TooManyAttempts{Wait: wait}
	}
	return all, nil
}

// forgive takes back the charge of an attempt that was right: it clears the identity's slot, and takes one charge off the
// address's. What was not charged stays as it is, so a sign-in with a device cookie forgives neither strangers nor guesses at other
// identities from the same address.
func (c *charged) forgive(tx *store.Tx) error {
	if c.browser != nil {
		return tx.ClearKnownBrowser(c.browser.account, c.browser.id)
	}
	if err := tx.ClearThrottle(c.sender.identity); err != nil {
		return err
	}
	return tx.DischargeThrottle(c.sender.address, c.step)
}

// refund takes back the charge of an attempt whose password was never compared, as if it had not been made. The sender has the turn
// again.
func (s *Service) refund(ctx context.Context, c *charged) error {
	return s.Store.Update(ctx, c.lock(), func(tx *store.Tx) error {
		if c.browser != nil {
			return tx.DischargeKnownBrowser(c.browser.account, c.browser.id, c.at, c.before)
		}
		if err := tx.UnchargeThrottle(c.sender.identity, c.at, c.standing.identity.LastAt, 0); err != nil {
			return err
		}
		if err := tx.UnchargeThrottle(c.sender.address, c.at, c.standing.address.LastAt, c.step); err != nil {
			return err
		}
		if c.standing.due.IsZero() {
			return nil
		}
		return tx.BookThrottle(c.sender.turn, c.sender.mark, c.standing.turn.LastAt, c.standing.turn.DueAt)
	})
}

// Prove reports whether a caller who is signed in knows the principal's password, whose hash is given. Wrong passwords are counted
// apart from sign-ins, by session or, for signed requests, by principal. So a thief of a session or an access key can neither try
// passwords at will nor keep the owner from signing in. Its errors are [*TooManyAttempts], [secret.ErrBusy] and the context's.
func (s *Service) Prove(ctx context.Context, c *authn.Caller, password, hash string) (right bool, err error) {
	now := s.Clock()
	account, principal := c.AccountID(), c.Principal.ID
	key := "session " + c.SessionID
	if c.Credential != authn.ConsoleSession {
		key = "keys of " + principal // all of them together, because a caller may be able to make new ones
	}

	place, err := s.Hasher.Reserve(true)
	if err != nil {
		return false, err
	}
	defer place.Leave()

	var (
		wait   time.Duration
		before store.Guesses
	)
	lock := store.PrincipalRow(account, principal)
	if err := s.Store.Update(ctx, lock, func(tx *store.Tx) error {
		if before, err = tx.Proofs(account, key); err != nil {
			return err
		}
		if wait = patience(&before, now); wait > 0 {
			return tx.SetProofTime(account, key, before.LastAt)
		}
		return tx.ChargeProof(account, principal, key, now, now.Add(-forgetting))
	}); err != nil {
		return false, err
	}
	if wait > 0 {
		return false, &TooManyAttempts{Wait: wait}
	}

	right, _, err = place.Verify(ctx, password, hash)
	switch {
	case err != nil: // nothing was compared
		giveBack := context.WithoutCancel(ctx)
		return false, errors.Join(err, s.Store.Update(giveBack, lock, func(tx *store.Tx) error {
			return tx.DischargeProof(account, key, now, before.LastAt)
		}))
	case !right:
		return false, nil
	}
	return true, s.Store.Update(ctx, lock, func(tx *store.Tx) error { return tx.ClearProofs(account, key) })
}

// patience returns how long the next attempt has to wait where only one browser or credential is counted, and nobody else can take
// the moment at which the wait ends. A time in the future is set to now, so that the wait ends although the clock was set back.
func patience(g *store.Guesses, now time.Time) time.Duration {
	if now.Sub(g.LastAt) >= forgetting {
		*g = store.Guesses{}
	}
	if g.LastAt.After(now) {
		g.LastAt = now
	}
	after := delay(g.Failures, freeForIdentity)
	if after == 0 {
		return 0
	}
	return max(0, g.LastAt.Add(after).Sub(now))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

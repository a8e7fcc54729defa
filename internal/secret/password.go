package secret

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"

	"github.com/touchstone-iam/touchstone/internal/memlimit"
)

// Params are the costs of argon2id (RFC 9106).
type Params struct {
	MemoryKiB uint32 // 8·Threads to 1 GiB
	Time      uint32 // passes, 1 to 32
	Threads   uint8  // lanes, 1 to 16
}

// DefaultParams are 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
var DefaultParams = Params{MemoryKiB: 19456, Time: 2, Threads: 1}

const (
	saltSize = 16
	hashSize = 32

	maxMemoryKiB = 1 << 20
	maxTime      = 32
	maxThreads   = 16
)

// Check returns an error for costs outside their ranges.
func (p Params) Check() error {
	if p.Threads < 1 || p.Threads > maxThreads || p.Time < 1 || p.Time > maxTime || p.MemoryKiB < 8*uint32(p.Threads) ||
		p.MemoryKiB > maxMemoryKiB {
		return fmt.Errorf("argon2id costs m=%d,t=%d,p=%d are out of range: m from 8·p to %d, t from 1 to %d, p from 1 to %d",
			p.MemoryKiB, p.Time, p.Threads, maxMemoryKiB, maxTime, maxThreads)
	}
	return nil
}

var (
	// ErrBusy is the error when the queue of passwords that wait to be hashed is full.
	ErrBusy = errors.New("too many passwords are being checked")
	// ErrHash is the error for a stored text that is not a password hash, or asks for costs out of range.
	ErrHash = errors.New("malformed password hash")
)

// The queue of callers who wait for a hash. Some of its places are kept for trusted callers, so that a flood of guesses by
// strangers keeps nobody else from signing in.
const (
	queueLength    = 64
	queueReserved  = 16 // of queueLength
	workersToSpare = 1  // cores left for everything else
)

// Hasher hashes and verifies passwords. It bounds how many it works on at a time, so that they neither fill the memory nor take
// every core. It is safe for concurrent use.
type Hasher struct {
	params  Params
	working chan struct{}
	waiting chan struct{} // places for everybody
	kept    chan struct{} // places for trusted callers only

	// garbage is the memory of hashes that are done: package argon2 takes new memory for each, many times what all else uses.
	garbage memlimit.Burst

	nobody string // see Nobody

	mu    sync.Mutex
	costs []Params // with which stored hashes were made, and this hasher's own first; it is replaced, not changed

	derive func(p Params, password string, salt []byte, size uint32) []byte // replaced by tests that count the work
}

// maxCosts is how many different costs a hasher makes up for: every check costs the sum of them.
const maxCosts = 8

// NewHasher returns a hasher with the given costs, which makes fewer hashes at a time under a small memory limit in bytes; 0 is no
// limit. It panics when the costs are out of range.
func NewHasher(p Params, memoryLimit int64) *Hasher {
	if err := p.Check(); err != nil {
		panic(err)
	}
	return &Hasher{
		params:  p,
		working: make(chan struct{}, p.atATime(memoryLimit)),
		waiting: make(chan struct{}, queueLength-queueReserved),
		kept:    make(chan struct{}, queueReserved),
		nobody:  encode(p, make([]byte, saltSize), make([]byte, hashSize)),
		costs:   []Params{p},
		derive:  derive,
	}
}

// Within returns an error when the hashes that are made at a time, one at least, would take more than half of a memory limit in
// bytes. 0 is no limit.
func (p Params) Within(limit int64) error {
	if limit > 0 && p.bytes() > limit/2 {
		return fmt.Errorf("a password hash of %d KiB takes more than half of the memory limit of %d MiB: lower its memory, or raise the limit",
			p.MemoryKiB, limit>>20)
	}
	return nil
}

func (p Params) bytes() int64 { return int64(p.MemoryKiB) << 10 }

// atATime is how many hashes are made at a time: few enough that a core is left for everything else, and that together they take at
// most half of the memory limit.
func (p Params) atATime(limit int64) int {
	n := max(1, runtime.GOMAXPROCS(0)-workersToSpare)
	if limit > 0 {
		n = min(n, max(1, int(limit/2/p.bytes())))
	}
	return n
}

// Waiting returns how many callers wait for a turn.
func (h *Hasher) Waiting() int { return len(h.waiting) + len(h.kept) }

// Place is a place in the queue of those who have a password hashed. Whoever has one will not be told that the hasher is busy.
type Place struct {
	h     *Hasher
	queue chan struct{} // nil: the place was left
}

// Reserve takes a place in the queue, some of which are for trusted callers only. Its holder calls Leave in the end. Its error is
// [ErrBusy] when the queue is full.
func (h *Hasher) Reserve(trusted bool) (*Place, error) {
	select {
	case h.waiting <- struct{}{}:
		return &Place{h, h.waiting}, nil
	default:
	}
	if trusted {
		select {
		case h.kept <- struct{}{}:
			return &Place{h, h.kept}, nil
		default:
		}
	}
	return nil, ErrBusy
}

// Leave gives the place back, unless that was done.
func (p *Place) Leave() {
	if p.queue != nil {
		<-p.queue
		p.queue = nil
	}
}

// work waits for a worker, and gives the place back; done gives the worker back. Its error is the context's.
func (p *Place) work(ctx context.Context) (done func(), err error) {
	defer p.Leave()
	select {
	case p.h.working <- struct{}{}:
		return func() { <-p.h.working }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Learn makes every check of a password cost what one with the costs of this hash costs as well, so that the time does not tell
// whose hash was made before the costs were changed, or who has none. It is called with a hash of each kind that is stored; hashes
// that are met later are learnt by and by. A malformed hash is no error, and changes nothing.
func (h *Hasher) Learn(encoded string) {
	if p, _, _, err := decode(encoded); err == nil {
		h.learn(p)
	}
}

func (h *Hasher) learn(p Params) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.costs) < maxCosts && !slices.Contains(h.costs, p) {
		h.costs = append(slices.Clone(h.costs), p) // a copy, because checks that run read the other
	}
}

// Verify reports whether encoded is a hash of the password and, when it is, whether it was made with lower costs than the hasher's,
// and so should be replaced. Whatever the hash, the work is one derivation with each of the costs that the hasher knows of. The
// place is given back. Its error is [ErrHash] or the context's, and then nothing was compared.
func (p *Place) Verify(ctx context.Context, password, encoded string) (right, renew bool, err error) {
	h := p.h
	made, salt, want, err := decode(encoded)
	if err != nil {
		return false, false, err
	}
	h.learn(made)

	done, err := p.work(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	defer h.garbage.Collect(made.bytes())

	right = subtle.ConstantTimeCompare(h.derive(made, password, salt, uint32(len(want))), want) == 1
	h.mu.Lock()
	costs := h.costs
	h.mu.Unlock()
	for _, other := range costs {
		if other != made {
			h.derive(other, password, make([]byte, saltSize), hashSize)
		}
	}

	weaker := made.MemoryKiB < h.params.MemoryKiB || made.Time < h.params.Time
	return right, right && weaker, nil
}

// Hash returns the password's hash as a PHC string. Some places in the queue are for trusted callers only. Its error is [ErrBusy]
// or the context's.
func (h *Hasher) Hash(ctx context.Context, password string, trusted bool) (string, error) {
	place, err := h.Reserve(trusted)
	if err != nil {
		return "", err
	}
	done, err := place.work(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	defer h.garbage.Collect(h.params.bytes())

	salt := make([]byte, saltSize)
	rand.Read(salt)
	return encode(h.params, salt, h.derive(h.params, password, salt, hashSize)), nil
}

// Nobody returns a hash that no password has. Where there is none to compare with it is compared with, so that an answer about
// somebody who does not exist takes as long as any other.
func (h *Hasher) Nobody() string { return h.nobody }

// Verify is [Place.Verify] in a place of its own. Its error is also [ErrBusy].
func (h *Hasher) Verify(ctx context.Context, password, encoded string, trusted bool) (right, renew bool, err error) {
	place, err := h.Reserve(trusted)
	if err != nil {
		return false, false, err
	}
	defer place.Leave()
	return place.Verify(ctx, password, encoded)
}

func derive(p Params, password string, salt []byte, size uint32) []byte {
	return argon2.IDKey([]byte(password), salt, p.Time, p.MemoryKiB, p.Threads, size)
}

func encode(p Params, salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.MemoryKiB, p.Time, p.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// decode reads a PHC string. It refuses costs out of range, since otherwise a stored text could ask for any amount of memory. Its
// error is [ErrHash].
func decode(encoded string) (p Params, salt, hash []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(encoded) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return p, nil, nil, ErrHash
	}

	var memory, passes, threads uint64
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return p, nil, nil, ErrHash
	}

	for n, into := range []*uint64{&memory, &passes, &threads} {
		name, value, _ := strings.Cut(costs[n], "=")
		number, err := strconv.ParseUint(value, 10, 32)
		if name != "mtp"[n:n+1] || err != nil {
			return p, nil, nil, ErrHash
		}
		*into = number
	}

	if threads > maxThreads { // before it is made a byte
		return p, nil, nil, ErrHash
	}

	p = Params{MemoryKiB: uint32(memory), Time: uint32(passes), Threads: uint8(threads)}
	if p.Check() != nil {
		return p, nil, nil, ErrHash
	}

	b64 := base64.RawStdEncoding.Strict()
	salt, err1 := b64.DecodeString(parts[4])
	hash, err2 := b64.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(salt) > 64 || len(hash) < 16 || len(hash) > 64 {
		return p, nil, nil, ErrHash
	}

	return p, salt, hash, nil
}

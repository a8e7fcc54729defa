package secret

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// Callers who are trusted find a place when strangers have filled theirs, and there is an end to their places too.
func TestQueueKeepsPlacesForTrustedCallers(t *testing.T) {
	h := NewHasher(Params{MemoryKiB: 64, Time: 1, Threads: 1}, 0)
	for range cap(h.working) {
		h.working <- struct{}{} // hashes that do not end
	}

	gone, cancel := context.WithCancel(context.Background())
	cancel()
	waits := func(trusted bool) bool {
		t.Helper()
		place, err := h.Reserve(trusted)
		if err != nil {
			return !errors.Is(err, ErrBusy)
		}
		if done, err := place.work(gone); done != nil ||
			!errors.Is(err, context.Canceled) { // it finds out that it is not wanted any more
			t.Fatal("a hash began above the number of workers")
		}
		return true
	}

	fill := func(places chan struct{}) {
		for range cap(places) {
			places <- struct{}{}
		}
	}

	if !waits(false) || !waits(true) || len(h.waiting) != 0 || len(h.kept) != 0 {
		t.Errorf("an empty queue turned somebody away, or kept %d and %d places", len(h.waiting), len(h.kept))
	}

	fill(h.waiting)
	if waits(false) {
		t.Error("a stranger took a place that is kept")
	}
	if !waits(true) {
		t.Error("a trusted caller was turned away while places were kept")
	}

	fill(h.kept)
	if waits(true) {
		t.Error("the queue has no end for trusted callers")
	}

	<-h.working
	if _, err := h.Hash(context.Background(), "x", false); !errors.Is(err, ErrBusy) {
		t.Errorf("a stranger passed those who wait: %v", err)
	}
}

// Everybody's password costs the same work, whether or not there is one, and with whatever costs it was hashed: the costs of today
// and those of all hashes that are stored, which are checked first for some and last for others.
func TestEverybodyCostsTheSame(t *testing.T) {
	ctx := context.Background()
	low, high := Params{MemoryKiB: 64, Time: 1, Threads: 1}, Params{MemoryKiB: 128, Time: 2, Threads: 1}
	for name, at := range map[string]struct{ before, now Params }{
		"raised": {low, high}, "lowered": {high, low},
		"unchanged": {low, low},
	} {
		old, err := NewHasher(at.before, 0).Hash(ctx, "right", false)
		if err != nil {
			t.Fatal(err)
		}
		h := NewHasher(at.now, 0)
		h.Learn(old)
		h.Learn("no hash")
		renewed, err := h.Hash(ctx, "right", false)
		if err != nil {
			t.Fatal(err)
		}

		var work []Params
		h.derive = func(p Params, password string, salt []byte, size uint32) []byte {
			work = append(work, p)
			return derive(p, password, salt, size)
		}
		want := []Params{at.now}
		if at.before != at.now {
			want = append(want, at.before)
		}
		for _, encoded := range []string{h.Nobody(), old, renewed} {
			for _, password := range []string{"wrong", "right"} {
				work = nil
				right, renew, err := h.Verify(ctx, password, encoded, false)
				if err != nil || right != (password == "right" && encoded != h.Nobody()) ||
					renew != (right && encoded == old && name == "raised") {
					t.Errorf("costs %s: %q against %q: %v, %v, %v", name, password, encoded, right, renew, err)
				}
				if len(work) != len(want) || !slices.Contains(work, want[0]) || !slices.Contains(work, want[len(want)-1]) {
					t.Errorf("costs %s: %q against %q cost %v, want %v", name, password, encoded, work, want)
				}
			}
		}
	}
}

// A hash that nobody told the hasher of is learnt when it is met.
func TestCostsAreLearnt(t *testing.T) {
	ctx := context.Background()
	other, err := NewHasher(Params{MemoryKiB: 128, Time: 2, Threads: 1}, 0).Hash(ctx, "x", false)
	if err != nil {
		t.Fatal(err)
	}
	h := NewHasher(Params{MemoryKiB: 64, Time: 1, Threads: 1}, 0)
	count := 0
	h.derive = func(p Params, password string, salt []byte, size uint32) []byte {
		count++
		return derive(p, password, salt, size)
	}
	for _, encoded := range []string{other, h.Nobody()} {
		count = 0
		if _, _, err := h.Verify(ctx, "y", encoded, false); err != nil || count != 2 {
			t.Errorf("%q: %d derivations (%v), want 2", encoded, count, err)
		}
	}
}

// An unknown user's password is checked with the costs of one that is known.
func TestNobodysHashCostsTheSame(t *testing.T) {
	h := NewHasher(DefaultParams, 0)
	p, salt, hash, err := decode(h.nobody)
	if err != nil || p != DefaultParams || len(salt) != saltSize || len(hash) != hashSize {
		t.Errorf("costs %v, salt %d, hash %d bytes, %v", p, len(salt), len(hash), err)
	}
}

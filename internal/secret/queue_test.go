package secret

import (
	"context"
	"errors"
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
		leave, err := h.enter(gone, trusted) // a caller who got a place finds out at once that it is not wanted any more
		if leave != nil {
			t.Fatal("a hash began above the number of workers")
		}
		return !errors.Is(err, ErrBusy)
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

// An unknown user's password is checked with the costs of one that is known.
func TestNobodysHashCostsTheSame(t *testing.T) {
	h := NewHasher(DefaultParams, 0)
	p, salt, hash, err := decode(h.nobody)
	if err != nil || p != DefaultParams || len(salt) != saltSize || len(hash) != hashSize {
		t.Errorf("costs %v, salt %d, hash %d bytes, %v", p, len(salt), len(hash), err)
	}
}

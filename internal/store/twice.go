package store

import (
	"context"
	"os"
	"testing"
)

// updateTwice makes every Update run its function in a transaction that is rolled back, and then again, as after a failure of
// serialisation. Tests in which this changes anything have found a function that relies on being run once. It can be switched on
// in test binaries alone.
var updateTwice = testing.Testing() && os.Getenv("TOUCHSTONE_TEST_UPDATE_TWICE") != ""

// RerunNext makes the next Update go as after a failure of serialisation: its function is run and rolled back, between is called,
// and the function is run again. It is for tests of what must not remember a run that was rolled back.
func (s *Store) RerunNext(between func()) { s.between.Store(&between) }

// OnView calls fn at the beginning of every View from now on. It is for tests that hold how many snapshots something reads from.
func (s *Store) OnView(fn func()) { s.viewed.Store(&fn) }

// rehearsal returns what an Update does between a first run that is rolled back and the one that counts; nil when there is no such
// run.
func (s *Store) rehearsal() func() {
	if between := s.between.Swap(nil); between != nil {
		return *between
	}
	if updateTwice {
		return func() {}
	}
	return nil
}

// rehearse runs fn and takes back what it did. Its error is only that of the database: what fn returned does not count.
func (s *Store) rehearse(ctx context.Context, lock Lock, fn func(*Tx) error) error {
	c, err := s.engine.acquire(ctx, true)
	if err != nil {
		return err
	}
	defer s.engine.release(c, true)
	defer c.rollback()
	if err := c.begin(true, lock); err != nil {
		return nil // the run that counts will say so
	}
	fn(&Tx{c: c, writes: true}) //nolint:errcheck // this run does not count
	return nil
}

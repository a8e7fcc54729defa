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

package boltdb

import "testing"

// Names returns the names of the buckets.
func (tx *Tx) Names() (names []string) {
	for name := range tx.buckets {
		names = append(names, name)
	}
	return names
}

// SetEagerSize sets the size up to which a file is checked before Open returns, for
// the time of a test.
func SetEagerSize(t testing.TB, size int64) {
	before := eagerSize
	eagerSize = size
	t.Cleanup(func() { eagerSize = before })
}

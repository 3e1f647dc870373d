package boltdb_test

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/powerfailure"
)

// An update that has returned survives a power failure at any later point, and
// the file opens without repair, also where the power failed during a commit.
func TestPowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		const file = "ledger.db"
		bucket := []byte("b")
		key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
		value := make([]byte, 3000) // several pages, and the file grows
		db, err := boltdb.Open(filepath.Join(d.Dir, file), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			err := db.Update(t.Context(), func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists(bucket)
				return errors.Join(err, b.Put(key(i), value))
			})
			if err != nil {
				t.Fatal(err)
			}
			d.Acknowledge()
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		d.Check(func(t testing.TB, dir string, acknowledged int) {
			db, err := boltdb.Open(filepath.Join(dir, file), nil)
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			defer db.Close()
			for i := range acknowledged {
				err := db.View(func(tx *bbolt.Tx) error {
					if b := tx.Bucket(bucket); b == nil || b.Get(key(i)) == nil {
						t.Fatalf("update %d is lost", i)
					}
					return nil
				})
				if err != nil {
					t.Fatalf("update %d: %v", i, err)
				}
			}
		})
	})
}

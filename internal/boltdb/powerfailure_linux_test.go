package boltdb_test

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/powerfailure"
)

// An update that has returned survives a power failure at any later point, and
// the file opens without repair, also if the power failed during a commit, or while
// the log was committed to the file and deleted. An update syncs the log once.
func TestPowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		const file = "ledger.db"
		bucket := []byte("b")
		key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
		value := make([]byte, 3000)                                                          // several pages, and the file grows
		db, err := boltdb.Open(filepath.Join(d.Dir, file), &boltdb.Options{LogSize: 14_000}) // 4 updates
		if err != nil {
			t.Fatal(err)
		}
		single := 0 // updates with one sync
		for i := range 12 {
			before := len(d.Syncs())
			err := db.Update(t.Context(), func(tx *boltdb.Tx) error {
				b, err := tx.CreateBucketIfNotExists(bucket)
				return errors.Join(err, b.Put(key(i), value))
			})
			if err != nil {
				t.Fatal(err)
			}
			d.Acknowledge()
			if syncs := d.Syncs()[before:]; len(syncs) == 1 && strings.HasPrefix(syncs[0], file+".wal-") {
				single++
			}
		}
		if single < 6 { // the others begin a segment or are followed by a commit to the file
			t.Errorf("%d of 12 updates took one sync: %v", single, d.Syncs())
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
				err := db.View(func(tx *boltdb.Tx) error {
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

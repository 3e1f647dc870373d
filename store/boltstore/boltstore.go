package boltstore

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// Options are what a [Driver] may be told; the zero value means the defaults.
type Options struct {
	Clock    func() time.Time // time.Now
	Sealer   Sealer           // nil: records and idempotency records lie in clear
	LockWait time.Duration    // how long another process is waited for; 500 ms
	MaxSize  int              // largest size of the file in bytes; 0: as the disk allows

	// Fault, in tests, is handed to [boltdb.Options].
	Fault func(op string) error
}

// A Driver is the ledger in one file. It is safe for concurrent use.
type Driver struct {
	db     *boltdb.DB
	clock  func() time.Time
	sealer Sealer
}

var (
	_ store.Driver = (*Driver)(nil)
	_ apikey.Store = (*Driver)(nil)
)

// Open opens the file, or creates it. Unavailable, with the holder's name, where
// another process has it open; Invalid where it is of another format, or sealed
// otherwise than the options say. A nil o means the defaults.
func Open(path string, o *Options) (*Driver, error) {
	if o == nil {
		o = &Options{}
	}
	db, err := boltdb.Open(path, &boltdb.Options{LockWait: o.LockWait, MaxSize: o.MaxSize, Fault: o.Fault})
	if err != nil {
		return nil, err
	}
	d := &Driver{db: db, clock: o.Clock, sealer: o.Sealer}
	if d.clock == nil {
		d.clock = time.Now
	}
	if d.sealer == nil {
		d.sealer = plain{}
	}
	if err := d.prepare(o.Sealer != nil); err != nil {
		_ = db.Close()
		return nil, fault.Wrap("boltstore.Open", fault.Internal, err)
	}
	return d, nil
}

// Close closes the file. What was returned is durable already.
func (d *Driver) Close() error { return d.db.Close() }

var sealedConstant = []byte("eventrouter")

// firstBuckets are those that every file has had from the beginning.
var firstBuckets = []string{"meta", "heads", "marks", "open", "expiry", "usage", "tokens", "leases", "keys", "keysof"}

// prepare makes the buckets of a new file, and checks those of an existing one.
func (d *Driver) prepare(sealed bool) error {
	missing := false
	err := d.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			missing = true
			if name, _ := tx.Cursor().First(); name != nil {
				return boltdb.Damaged(d.db.Path(), "bucket %q is missing", metaBucket)
			}
			return nil
		}
		if err := d.checkFormat(meta, sealed); err != nil {
			return err
		}
		for _, name := range buckets {
			switch {
			case tx.Bucket(name) != nil:
			case slices.Contains(firstBuckets, string(name)):
				return boltdb.Damaged(d.db.Path(), "bucket %q is missing", name)
			default: // the file was made before the bucket existed
				missing = true
			}
		}
		return nil
	})
	if err != nil || !missing {
		return err
	}
	return d.update(func(tx *bbolt.Tx) error {
		isNew := tx.Bucket(metaBucket) == nil
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if !isNew {
			return nil
		}
		meta := tx.Bucket(metaBucket)
		if sealed {
			if err := meta.Put([]byte("seal"), d.sealer.Seal(nil, sealedConstant, metaBucket)); err != nil {
				return err
			}
		}
		return meta.Put([]byte("format"), []byte(strconv.Itoa(format.LedgerFile)))
	})
}

func (d *Driver) checkFormat(meta *bbolt.Bucket, sealed bool) error {
	n, err := strconv.ParseInt(string(meta.Get([]byte("format"))), 10, 64)
	if err != nil || n < 1 {
		return fault.Errorf(fault.Invalid, "data file %s has format %q, which is no number; restore a backup", d.db.Path(), meta.Get([]byte("format")))
	}
	if err := format.Check("data file "+d.db.Path(), n, format.LedgerFile); err != nil {
		return fault.Wrap("", fault.Invalid, err)
	}
	constant := meta.Get([]byte("seal"))
	switch {
	case constant == nil && sealed:
		return fault.Errorf(fault.Invalid, "data file %s is not sealed, but a key is given", d.db.Path())
	case constant != nil && !sealed:
		return fault.Errorf(fault.Invalid, "data file %s is sealed, but no key is given", d.db.Path())
	case constant == nil:
		return nil
	}
	if got, err := d.sealer.Open(nil, constant, metaBucket); err != nil || !bytes.Equal(got, sealedConstant) {
		return fault.Errorf(fault.Invalid, "data file %s was sealed with another key; put its own key file back", d.db.Path())
	}
	return nil
}

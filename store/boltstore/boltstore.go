package boltstore

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// Options configures a [Driver]; the zero value uses the defaults.
type Options struct {
	Clock    func() time.Time // time.Now by default
	Sealer   Sealer           // encrypts records and idempotency records; nil stores them unencrypted
	LockWait time.Duration    // how long Open waits for another process to close the file; 500 ms by default
	MaxSize  int              // maximum size of the file in bytes; 0 means no limit

	// Fault is passed to [boltdb.Options] by tests.
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

// Open opens the file, or creates it. The error is Unavailable, and names the other
// process, if another process has the file open. It is Invalid if the file has an
// unknown format or does not fit o.Sealer. If o is nil, the defaults are used.
func Open(path string, o *Options) (*Driver, error) {
	if o == nil {
		o = &Options{}
	}
	db, err := boltdb.Open(path, &boltdb.Options{LockWait: o.LockWait, MaxSize: o.MaxSize,
		Ascending: []string{string(expiryBucket)}, Fault: o.Fault})
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

// Close closes the file. Changes are durable as soon as their commit has returned.
func (d *Driver) Close() error { return d.db.Close() }

var sealedConstant = []byte("eventrouter")

// format1Buckets are the buckets of the first version of this program. Every file
// has them.
var format1Buckets = []string{"meta", "heads", "marks", "open", "expiry", "usage", "tokens", "leases", "keys", "keysof"}

// prepare creates the buckets of a new file, or checks those of an existing one.
func (d *Driver) prepare(sealed bool) error {
	missing := false
	err := d.db.View(func(tx *boltdb.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			missing = true
			if !tx.Empty() {
				return boltdb.Damaged(d.db.Path(), "bucket %q is missing", metaBucket)
			}
			return nil
		}
		if err := d.checkFormat(meta, sealed); err != nil {
			return err
		}
		// An older program would not read the log beside the file, and must not open it.
		missing = string(meta.Get([]byte("format"))) != strconv.Itoa(format.LedgerFile)
		for _, name := range buckets {
			switch {
			case tx.Bucket(name) != nil:
			case slices.Contains(format1Buckets, string(name)):
				return boltdb.Damaged(d.db.Path(), "bucket %q is missing", name)
			default: // an older version of this program created the file
				missing = true
			}
		}
		return nil
	})
	if err != nil || !missing {
		return err
	}
	return d.update(func(tx *boltdb.Tx) error {
		isNew := tx.Bucket(metaBucket) == nil
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		if isNew && sealed {
			if err := meta.Put([]byte("seal"), d.sealer.Seal(nil, sealedConstant, metaBucket)); err != nil {
				return err
			}
		}
		return meta.Put([]byte("format"), []byte(strconv.Itoa(format.LedgerFile)))
	})
}

func (d *Driver) checkFormat(meta *boltdb.Bucket, sealed bool) error {
	n, err := strconv.ParseInt(string(meta.Get([]byte("format"))), 10, 64)
	if err != nil || n < 1 {
		return fault.Errorf(fault.Invalid, "data file %s has format %q, which is not a positive number; restore a backup", d.db.Path(), meta.Get([]byte("format")))
	}
	if err := format.CheckFile(d.db.Path(), n, format.LedgerFile); err != nil {
		return err
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
		return fault.Errorf(fault.Invalid, "data file %s was sealed with another key; restore its own key file", d.db.Path())
	}
	return nil
}

package local

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/seal"
)

// fileName is the data file's name in the server's directory.
const fileName = "local.db"

// The buckets, and what their keys are. Values are sealed, bound to bucket and
// key; keys are in clear and hold no secret.
const (
	bucketEvents      = "events"      // seq: an event
	bucketTasks       = "tasks"       // seq of the event, number: a task that is not done
	bucketDeadLetters = "deadletters" // seq: a dead letter
	bucketBuses       = "buses"       // name
	bucketRules       = "rules"       // bus, NUL, name
	bucketLogs        = "logs"        // function, NUL, seq: lines
)

var allBuckets = []string{bucketEvents, bucketTasks, bucketDeadLetters, bucketBuses, bucketRules, bucketLogs}

// keep is the one file in which everything is kept. It knows of sealing and of
// buckets; memory knows what the values mean. That is why a change is a list of
// writes that read nothing: whoever asks for it has decided already.
type keep struct {
	db     *boltdb.DB
	key    *seal.Key
	closed atomic.Bool
}

// A write puts or removes one value.
type write struct {
	bucket string
	key    []byte
	sealed []byte // nil removes
}

func openKeep(dir string) (*keep, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := seal.Open(dir)
	if err != nil {
		return nil, err
	}
	db, err := boltdb.Open(filepath.Join(dir, fileName), nil)
	if err != nil {
		return nil, err
	}
	err = db.Update(context.Background(), func(tx *bbolt.Tx) error {
		for _, name := range allBuckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &keep{db: db, key: key}, nil
}

func (k *keep) close() error {
	k.closed.Store(true)
	return k.db.Close()
}

// put makes the write of a value. Sealing happens here, in the caller's
// goroutine and not in the one transaction that all share.
func (k *keep) put(bucket string, key, value []byte) write {
	sealed := make([]byte, 0, len(value)+seal.Overhead)
	return write{bucket, key, k.key.Seal(sealed, value, place(bucket, key))}
}

func (k *keep) remove(bucket string, key []byte) write { return write{bucket: bucket, key: key} }

// place is what a sealed value is bound to.
func place(bucket string, key []byte) []byte {
	return append(append(make([]byte, 0, len(bucket)+1+len(key)), bucket...), append([]byte{0}, key...)...)
}

// commit makes the writes durable, all or none. The fault is Unavailable where
// the disk is full or the file closed.
func (k *keep) commit(ctx context.Context, writes []write) error {
	return k.db.Update(ctx, func(tx *bbolt.Tx) error {
		for _, w := range writes {
			b := tx.Bucket([]byte(w.bucket))
			var err error
			if w.sealed == nil {
				err = b.Delete(w.key)
			} else {
				err = b.Put(w.key, w.sealed)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// get reads one value. The fault is NotFound where there is none.
func (k *keep) get(bucket string, key []byte) (value []byte, err error) {
	err = k.db.View(func(tx *bbolt.Tx) error {
		sealed := tx.Bucket([]byte(bucket)).Get(key)
		if sealed == nil {
			return fault.New(fault.NotFound, "nothing is kept there")
		}
		value, err = k.key.Open(nil, sealed, place(bucket, key))
		return err
	})
	return value, err
}

// each calls f with the values of a bucket from the key on, in the keys' order,
// until f answers false. What f gets it may keep.
func (k *keep) each(bucket string, from []byte, f func(key, value []byte) (more bool, err error)) error {
	return k.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucket)).Cursor()
		for key, sealed := c.Seek(from); key != nil; key, sealed = c.Next() {
			value, err := k.key.Open(nil, sealed, place(bucket, key))
			if err != nil {
				return err
			}
			more, err := f(append([]byte(nil), key...), value)
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// keys calls f with the keys of a bucket from one on, until f answers false.
// f must not keep the key.
func (k *keep) keys(bucket string, from []byte, f func(key []byte) (more bool)) error {
	return k.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucket)).Cursor()
		for key, _ := c.Seek(from); key != nil && f(key); key, _ = c.Next() {
		}
		return nil
	})
}

// lastSeq is the highest number that begins a key of one of the buckets.
func (k *keep) lastSeq(buckets ...string) (last uint64, err error) {
	err = k.db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if key, _ := tx.Bucket([]byte(name)).Cursor().Last(); len(key) >= 8 {
				last = max(last, binary.BigEndian.Uint64(key))
			}
		}
		return nil
	})
	return last, err
}

package boltdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// A Tx reads the file and, within Update, writes to it. It is valid until the function
// that gets it returns.
type Tx struct {
	bolt      *bbolt.Tx
	buckets   map[string]*Bucket
	ascending []string // see Options

	writing bool     // within Update
	record  []byte   // the writes of the group, as they are logged
	undo    []change // what the writes of the group replaced
}

// A Bucket holds keys and values.
type Bucket struct {
	tx   *Tx
	name []byte
	bolt *bbolt.Bucket
}

// A change is one write that can be undone.
type change struct {
	bucket *Bucket
	key    []byte // nil: the bucket was created
	old    []byte
	exists bool // the key existed, with the value old
}

// begin starts a transaction that reads every bucket, so that concurrent views do not
// change what they share.
func begin(db *bbolt.DB, ascending []string) (*Tx, error) {
	bolt, err := db.Begin(true)
	if err != nil {
		return nil, err
	}
	tx := &Tx{bolt: bolt, buckets: map[string]*Bucket{}, ascending: ascending}
	err = bolt.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		tx.add(append([]byte(nil), name...), bolt.Bucket(name))
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, bolt.Rollback())
	}
	return tx, nil
}

func (tx *Tx) add(name []byte, bolt *bbolt.Bucket) *Bucket {
	if slices.Contains(tx.ascending, string(name)) {
		bolt.FillPercent = 1
	}
	b := &Bucket{tx, name, bolt}
	tx.buckets[string(name)] = b
	return b
}

// Bucket returns a bucket, or nil if it does not exist.
func (tx *Tx) Bucket(name []byte) *Bucket { return tx.buckets[string(name)] }

// Empty reports whether there is no bucket.
func (tx *Tx) Empty() bool {
	for name := range tx.buckets {
		if name != ownBucket {
			return false
		}
	}
	return true
}

// CreateBucketIfNotExists returns a bucket, which it creates if it does not exist.
func (tx *Tx) CreateBucketIfNotExists(name []byte) (*Bucket, error) {
	if b := tx.buckets[string(name)]; b != nil {
		return b, nil
	}
	if !tx.writing {
		return nil, bolterrors.ErrTxNotWritable
	}
	name = append([]byte(nil), name...)
	bolt, err := tx.bolt.CreateBucket(name)
	if err != nil {
		return nil, err
	}
	b := tx.add(name, bolt)
	tx.undo = append(tx.undo, change{bucket: b})
	tx.record = appendBytes(append(tx.record, opCreate), name)
	return b, nil
}

// Get returns the value of a key, or nil if it does not exist. The value must not be
// changed.
func (b *Bucket) Get(key []byte) []byte { return b.bolt.Get(key) }

// Cursor returns a cursor for reading. It must not be used after a write.
func (b *Bucket) Cursor() *bbolt.Cursor { return b.bolt.Cursor() }

// ForEach calls fn with the keys and values in order.
func (b *Bucket) ForEach(fn func(key, value []byte) error) error { return b.bolt.ForEach(fn) }

// Put sets the value of a key. The value must not be changed afterwards.
func (b *Bucket) Put(key, value []byte) error {
	if !b.tx.writing {
		return bolterrors.ErrTxNotWritable
	}
	key = append([]byte(nil), key...)
	old, exists := b.find(key)
	if err := b.bolt.Put(key, value); err != nil {
		return err
	}
	b.tx.undo = append(b.tx.undo, change{b, key, old, exists})
	b.tx.record = appendBytes(appendBytes(appendBytes(append(b.tx.record, opPut), b.name), key), value)
	return nil
}

// find returns the value of a key, which is nil for some keys that exist.
func (b *Bucket) find(key []byte) (value []byte, exists bool) {
	k, v := b.bolt.Cursor().Seek(key)
	return v, bytes.Equal(k, key)
}

// Delete removes a key, if it exists.
func (b *Bucket) Delete(key []byte) error {
	if !b.tx.writing {
		return bolterrors.ErrTxNotWritable
	}
	key = append([]byte(nil), key...)
	old, exists := b.find(key)
	if !exists {
		return nil
	}
	if err := b.bolt.Delete(key); err != nil {
		return err
	}
	b.tx.undo = append(b.tx.undo, change{b, key, old, true})
	b.tx.record = appendBytes(appendBytes(append(b.tx.record, opDelete), b.name), key)
	return nil
}

// undoTo undoes the writes after the first n, in reverse order.
func (tx *Tx) undoTo(n int) error {
	for ; len(tx.undo) > n; tx.undo = tx.undo[:len(tx.undo)-1] {
		c := &tx.undo[len(tx.undo)-1]
		var err error
		switch {
		case c.key == nil:
			delete(tx.buckets, string(c.bucket.name))
			err = tx.bolt.DeleteBucket(c.bucket.name)
		case c.exists:
			err = c.bucket.bolt.Put(c.key, c.old)
		default:
			err = c.bucket.bolt.Delete(c.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The writes in a logged record: the operation, and then the bucket, the key and the
// value, each after its length, as far as the operation has them.
const (
	opPut    = 'p'
	opDelete = 'd'
	opCreate = 'c'
)

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

var errRecord = errors.New("a logged record has unknown content")

// replay repeats the writes of a logged record.
func (tx *Tx) replay(record []byte) error {
	tx.writing = true
	defer func() { tx.writing, tx.record, tx.undo = false, tx.record[:0], tx.undo[:0] }()
	next := func() (b []byte) {
		if n, size := binary.Uvarint(record); size > 0 && n <= uint64(len(record)-size) {
			b, record = record[size:size+int(n)], record[size+int(n):]
		} else {
			record = nil
		}
		return b
	}
	for len(record) > 0 {
		op := record[0]
		record = record[1:]
		name := next()
		if op == opCreate {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
			continue
		}
		b, key := tx.Bucket(name), next()
		if b == nil || len(key) == 0 {
			return errRecord
		}
		var err error
		switch op {
		case opPut:
			err = b.Put(key, next())
		case opDelete:
			err = b.Delete(key)
		default:
			err = errRecord
		}
		if err != nil {
			return err
		}
		tx.undo, tx.record = tx.undo[:0], tx.record[:0]
	}
	return nil
}

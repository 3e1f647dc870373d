// Package datafile is the one file in which the local server keeps everything: a
// bolt file of sealed values in buckets.
//
// It knows of sealing and of buckets; memory knows what the values mean. That is
// why a change is a list of writes that read nothing: whoever asks for it has
// decided already. Values are sealed (AES-256-GCM) and bound to bucket and key;
// keys lie in clear and must hold no secret.
package datafile

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/durable"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/internal/seal"
)

// fileName is the data file's name in the server's directory.
const fileName = "local.db"

// A File is open in one process only. It is safe for concurrent use.
type File struct {
	db     *boltdb.DB
	key    *seal.Key
	closed atomic.Bool
}

// A Write puts or removes one value.
type Write struct {
	bucket string
	key    []byte
	sealed []byte // nil removes
}

// Open opens the file in a directory, which is made where it is missing, and
// makes the buckets that it lacks. The fault is Unavailable where another
// process has the file open. The file grows to maxSize bytes at most, where that
// is not 0; beyond, writes are refused as on a full disk.
func Open(dir string, maxSize int, buckets ...string) (*File, error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := seal.Open(dir, fileName)
	if err != nil {
		return nil, err
	}
	db, err := boltdb.Open(filepath.Join(dir, fileName), &boltdb.Options{MaxSize: maxSize, Ascending: buckets})
	if err != nil {
		return nil, err
	}
	if err := prepare(db, buckets); err != nil {
		_ = db.Close()
		return nil, err
	}
	return &File{db: db, key: key}, nil
}

// metaBucket holds what is known of the file itself, in clear.
var metaBucket, formatKey = []byte("meta"), []byte("format")

// prepare rejects a file of a newer format. In any other file it creates the buckets
// that are missing and stores the present format's number: an older program would not
// read the log beside the file, and must not open it.
func prepare(db *boltdb.DB, buckets []string) error {
	complete := false
	err := db.View(func(tx *boltdb.Tx) error {
		number, err := formatOf(tx, db.Path())
		complete = number == format.LocalFile
		for _, name := range buckets {
			complete = complete && tx.Bucket([]byte(name)) != nil
		}
		return err
	})
	if err != nil || complete {
		return err
	}
	return db.Update(context.Background(), func(tx *boltdb.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		return meta.Put(formatKey, []byte(strconv.Itoa(format.LocalFile)))
	})
}

// formatOf returns the format's number, 0 if the file has none.
func formatOf(tx *boltdb.Tx, path string) (int64, error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return 0, nil
	}
	stored := meta.Get(formatKey)
	if stored == nil {
		return 0, nil
	}
	number, err := strconv.ParseInt(string(stored), 10, 64)
	if err != nil || number < 1 {
		return 0, fault.Errorf(fault.Invalid, "data file %s has format %q, which is no number; restore a backup", path, stored)
	}
	return number, format.CheckFile(path, number, format.LocalFile)
}

// Close closes the file; writes that still wait fail.
func (f *File) Close() error {
	f.closed.Store(true)
	return f.db.Close()
}

// Put makes the write of a value. Sealing happens here, in the caller's
// goroutine and not in the one transaction that all share.
func (f *File) Put(bucket string, key, value []byte) Write {
	sealed := make([]byte, 0, len(value)+seal.Overhead)
	return Write{bucket, key, f.key.Seal(sealed, value, place(bucket, key))}
}

func (f *File) Remove(bucket string, key []byte) Write { return Write{bucket: bucket, key: key} }

// place is what a sealed value is bound to.
func place(bucket string, key []byte) []byte {
	return append(append(make([]byte, 0, len(bucket)+1+len(key)), bucket...), append([]byte{0}, key...)...)
}

// Commit makes the writes durable, all or none. The fault is Unavailable where
// the disk is full or the file closed.
func (f *File) Commit(ctx context.Context, writes []Write) error {
	return f.db.Update(ctx, func(tx *boltdb.Tx) error {
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

// open returns the value that was sealed for its place.
func (f *File) open(bucket string, key, sealed []byte) ([]byte, error) {
	value, err := f.key.Open(nil, sealed, place(bucket, key))
	if err != nil {
		damaged := boltdb.Damaged(f.db.Path(), "a value in %q was changed, or sealed with another key", bucket)
		return nil, &fault.Error{Code: fault.Internal, Err: errors.New(fault.MessageOf(damaged))}
	}
	return value, nil
}

// Get reads one value. The fault is NotFound where there is none.
func (f *File) Get(bucket string, key []byte) (value []byte, err error) {
	err = f.db.View(func(tx *boltdb.Tx) error {
		sealed := tx.Bucket([]byte(bucket)).Get(key)
		if sealed == nil {
			return fault.Errorf(fault.NotFound, "nothing is kept there")
		}
		value, err = f.open(bucket, key, sealed)
		return err
	})
	return value, err
}

// Each calls visit with the values of a bucket from the key on, in the keys' order,
// until it answers false. What visit gets it may keep.
func (f *File) Each(bucket string, from []byte, visit func(key, value []byte) (more bool, err error)) error {
	return f.db.View(func(tx *boltdb.Tx) error {
		c := tx.Bucket([]byte(bucket)).Cursor()
		for key, sealed := c.Seek(from); key != nil; key, sealed = c.Next() {
			value, err := f.open(bucket, key, sealed)
			if err != nil {
				return err
			}
			more, err := visit(append([]byte(nil), key...), value)
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Keys calls visit with the keys of a bucket from one on, until it answers false.
// visit must not keep the key.
func (f *File) Keys(bucket string, from []byte, visit func(key []byte) (more bool)) error {
	return f.db.View(func(tx *boltdb.Tx) error {
		c := tx.Bucket([]byte(bucket)).Cursor()
		for key, _ := c.Seek(from); key != nil && visit(key); key, _ = c.Next() {
		}
		return nil
	})
}

// A Sequence numbers what is stored in some buckets, in ascending order.
type Sequence struct{ last atomic.Uint64 }

// Next returns a number that is higher than all before.
func (s *Sequence) Next() uint64 { return s.last.Add(1) }

// SeqKey returns the key of a number; keys are in the numbers' order.
func SeqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// SeqOf returns the number that begins a key.
func SeqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

// Sequence returns a sequence that continues after the highest number that
// begins a key of one of the buckets.
func (f *File) Sequence(buckets ...string) (*Sequence, error) {
	var last uint64
	err := f.db.View(func(tx *boltdb.Tx) error {
		for _, name := range buckets {
			if key, _ := tx.Bucket([]byte(name)).Cursor().Last(); len(key) >= 8 {
				last = max(last, binary.BigEndian.Uint64(key))
			}
		}
		return nil
	})
	s := &Sequence{}
	s.last.Store(last)
	return s, err
}

// Closed tells whether Close has been called.
func (f *File) Closed() bool { return f.closed.Load() }

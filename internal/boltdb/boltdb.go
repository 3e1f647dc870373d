// Package boltdb shares one bbolt file among many writers: updates that arrive
// while another is being made durable are committed together, with one fsync
// for all of them.
//
//	db, err := boltdb.Open("queue.db", nil)
//	err = db.Update(ctx, func(tx *bbolt.Tx) error { ... })
//
// # Promises
//
//   - Durability: when Update returns nil, what its function did is on disk.
//   - Atomicity: a function that fails has no effect, and neither undoes nor
//     fails the others that were to be committed with it.
//   - One process: the file is locked; who comes second is told who holds it.
//
// There is no goroutine: one of the waiting callers commits for all.
package boltdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/durable"
)

// maxGroup is how many updates are committed together at most.
const maxGroup = 256

// Options are what a database may be told; the zero value means the defaults.
type Options struct {
	// LockWait is how long Open waits for another process to let go of the
	// file; 500 ms.
	LockWait time.Duration

	// MaxSize is the largest that the file may become, in bytes; 0: as the disk
	// allows. Beyond, an update is Unavailable as on a full disk.
	MaxSize int

	// Fault, in tests, is asked before and after every commit and before every
	// view; its error is answered instead, "commit:before" of an update without
	// and "commit:after" of one with effect.
	Fault func(op string) error
}

// A DB is one open file. It is safe for concurrent use.
type DB struct {
	bolt *bbolt.DB
	path string
	o    Options

	turn chan struct{} // held by the caller that commits for all

	mu      sync.Mutex
	waiting []*call
	closed  bool
}

// Open opens the file, or creates it with mode 0600. The error is Unavailable, and
// names the process, if another process has the file open, and that of [Damaged]
// if the file is empty or its structure is damaged; the file is then unchanged.
func Open(path string, o *Options) (*DB, error) {
	db := &DB{path: path, turn: make(chan struct{}, 1)}
	if o != nil {
		db.o = *o
	}
	if db.o.LockWait == 0 {
		db.o.LockWait = 500 * time.Millisecond
	}
	err := db.open()
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fault.Errorf(fault.Unavailable, "data file %s is in use by %s", path, holder(path))
	case err != nil:
		return nil, fault.Wrap("boltdb.Open", fault.Internal, err)
	}
	// Also if the file exists: the process that created it may have been killed.
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		_ = db.bolt.Close()
		return nil, fault.Wrap("boltdb.Open", fault.Internal, err)
	}
	if err := sign(path); err != nil {
		_ = db.bolt.Close()
		return nil, fault.Wrap("boltdb.Open", fault.Internal, err)
	}
	return db, nil
}

// open creates the file if it does not exist, locks and verifies it.
func (db *DB) open() (err error) {
	info, err := os.Stat(db.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(db.path); err != nil {
			return fmt.Errorf("data file %s: %w", db.path, err)
		}
	case err != nil:
		return fmt.Errorf("data file %s: %w", db.path, err)
	case info.Size() == 0:
		return Damaged(db.path, "it is empty")
	}
	if err := db.verify(); err != nil {
		return err
	}
	db.bolt, err = bbolt.Open(db.path, 0o600, &bbolt.Options{
		Timeout:      db.o.LockWait,
		FreelistType: bbolt.FreelistMapType,
		MaxSize:      db.o.MaxSize,
		NoStatistics: true,
	})
	if err != nil && !errors.Is(err, bolterrors.ErrTimeout) {
		return fmt.Errorf("data file %s: %w", db.path, err)
	}
	return err
}

// verify checks the file's structure. It has the file opened for reading
// meanwhile, for the lock; bbolt then follows no page of it.
func (db *DB) verify() error {
	var file *os.File // bbolt's own
	bolt, err := bbolt.Open(db.path, 0o600, &bbolt.Options{
		Timeout:  db.o.LockWait,
		ReadOnly: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return err
	case err != nil:
		if file, err = os.Open(db.path); err != nil { // bbolt has closed its own
			return fmt.Errorf("data file %s: %w", db.path, err)
		}
		defer file.Close()
	default:
		defer bolt.Close()
	}
	if reason := verify(file); reason != nil {
		return Damaged(db.path, "%v", reason)
	}
	return nil
}

// create makes an empty database and puts it in place whole, so that a file of
// no length is never one that a crash left while it was being made. If another
// process has put one there meanwhile, that one remains.
func create(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := f.Close(); err != nil {
		return err
	}
	db, err := bbolt.Open(f.Name(), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Path returns the file's name.
func (db *DB) Path() string { return db.path }

// Close waits for the commit under way and closes the file. Updates that still
// wait for theirs fail with Unavailable and no effect.
func (db *DB) Close() error {
	db.turn <- struct{}{}
	defer func() { <-db.turn }()
	db.mu.Lock()
	already, left := db.closed, db.waiting
	db.closed, db.waiting = true, nil
	db.mu.Unlock()
	for _, c := range left {
		c.finish(db.errClosed())
	}
	if already {
		return nil
	}
	unsign(db.path) // while the lock is still ours
	return fault.Wrap("boltdb.Close", fault.Internal, db.bolt.Close())
}

// View runs fn in a read-only transaction. What it gets from tx is valid until
// it returns. It neither waits for updates nor holds them up.
func (db *DB) View(fn func(*bbolt.Tx) error) error {
	if err := db.fault("view"); err != nil {
		return err
	}
	err := db.bolt.View(fn)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return db.errClosed()
	}
	return err
}

func (db *DB) errClosed() error {
	return fault.Errorf(fault.Unavailable, "data file %s is closed", db.path)
}

func (db *DB) fault(op string) error {
	if db.o.Fault == nil {
		return nil
	}
	return db.o.Fault(op)
}

// commitFault codes what a commit failed with. Nothing of it is in effect. Of a
// resize that failed bbolt hands on the text alone, hence the look at its end.
func (db *DB) commitFault(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, bolterrors.ErrMaxSizeReached} {
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), full.Error()) {
			return &fault.Error{Code: fault.Unavailable, Op: "boltdb.Update",
				Message: fmt.Sprintf("no space is left for data file %s", db.path), Err: err}
		}
	}
	return &fault.Error{Code: fault.Unavailable, Op: "boltdb.Update", Err: fmt.Errorf("data file %s: %w", db.path, err)}
}

// Package boltdb shares one bbolt file among many writers: updates that arrive
// while another is being made durable are committed together, with one fsync
// for all of them.
//
//	db, err := boltdb.Open("queue.db", nil)
//	err = db.Update(ctx, func(tx *boltdb.Tx) error { ... })
//
// An update becomes durable by one record in a write-ahead log beside the file (package
// wal). Its effects are in memory, in a bbolt transaction that stays open, until the log
// has grown to 8 MB or the file is closed; then they are committed to the file and the
// log is deleted. A page that many updates change is thus written once. Open repeats
// what is in the log.
//
// # Promises
//
//   - Durability: when Update returns nil, what its function did is on disk.
//   - Atomicity: a function that fails has no effect, and neither undoes nor
//     fails the others in its group.
//   - One process: the file is locked; in a second process, Open returns an error
//     that names the first.
//
// One of the waiting callers commits for all. The only goroutine that the package starts
// checks the leaves of a file of more than 16 MB after Open.
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

// maxGroup is the maximum number of updates in one commit.
const maxGroup = 256

// Options configures a database; the zero value uses the defaults.
type Options struct {
	// LockWait is how long Open waits for another process to release the file;
	// 0 means 500 ms.
	LockWait time.Duration

	// MaxSize is the maximum size of the file and its log in bytes; 0 means no limit.
	// Updates above it are Unavailable, as on a full disk.
	MaxSize int

	// LogSize is the size of the log, in bytes, at which its effects are committed to
	// the file; 0 means 8 MB.
	LogSize int64

	// Ascending names the buckets whose keys are mostly added at the end. Their pages
	// are filled; those of other buckets are left half empty for keys in between.
	Ascending []string

	// Fault injects errors in tests. It is called before and after every group of
	// updates and before every view. An error of "commit:before" is returned by an update
	// without effect, one of "commit:after" by an update with effect.
	Fault func(op string) error
}

// A DB is one open file. It is safe for concurrent use.
type DB struct {
	path string
	o    Options

	turn chan struct{} // held by the caller that commits for all

	mu      sync.Mutex
	waiting []*call
	closed  bool

	lock    sync.RWMutex // views share it; a group holds it until it is durable
	storage storage

	checking sync.WaitGroup
	stop     chan struct{} // closed by Close; ends the check of the leaves
}

// Open opens the file, or creates it with mode 0600. The error is Unavailable, and
// names the process, if another process has the file open, and that of [Damaged]
// if the file is empty or its structure is damaged; the file is then unchanged.
func Open(path string, o *Options) (*DB, error) {
	db := &DB{path: path, turn: make(chan struct{}, 1), stop: make(chan struct{})}
	if o != nil {
		db.o = *o
	}
	if db.o.LockWait == 0 {
		db.o.LockWait = 500 * time.Millisecond
	}
	if db.o.LogSize == 0 {
		db.o.LogSize = 8 << 20
	}
	s := &db.storage
	s.path, s.maxSize, s.logSize, s.ascending = path, db.o.MaxSize, db.o.LogSize, db.o.Ascending
	err := s.open(db.o.LockWait)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fault.Errorf(fault.Unavailable, "data file %s is in use by %s", path, holder(path))
	case err != nil:
		return nil, fault.Wrap("boltdb.Open", fault.Internal, err)
	}
	// Also if the file exists: the process that created it may have been killed.
	err = durable.SyncDir(filepath.Dir(path))
	if err == nil {
		err = s.recover()
	}
	if err == nil {
		err = db.checkLeaves()
	}
	if err == nil {
		err = writeHolder(path)
	}
	if err != nil {
		close(db.stop)
		db.checking.Wait()
		s.end()
		_ = s.bolt.Close()
		return nil, fault.Wrap("boltdb.Open", fault.Internal, err)
	}
	return db, nil
}

// open creates the file if it does not exist, locks and verifies it.
func (s *storage) open(wait time.Duration) (err error) {
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := create(s.path); err != nil {
			return fmt.Errorf("data file %s: %w", s.path, err)
		}
	case err != nil:
		return fmt.Errorf("data file %s: %w", s.path, err)
	case info.Size() == 0:
		return Damaged(s.path, "it is empty")
	}
	rest, err := verifyLocked(s.path, wait)
	if err != nil {
		return err
	}
	o := &bbolt.Options{
		Timeout:      wait,
		FreelistType: bbolt.FreelistMapType,
		MaxSize:      s.maxSize,
		NoStatistics: true,
	}
	if rest != nil && s.maxSize == 0 {
		o.InitialMmapSize = int(rest.pageSize)*int(rest.pages) + 1<<30 // a larger map would wait for the check of the leaves
	}
	s.bolt, err = bbolt.Open(s.path, 0o600, o)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return err
	case err != nil:
		return fmt.Errorf("data file %s: %w", s.path, err)
	case rest == nil:
		return nil
	}
	// Another process may have changed the file before this one has locked it again.
	if rest.txid != txidOf(s.path) {
		return errors.Join(bolterrors.ErrTimeout, s.bolt.Close())
	}
	s.unchecked = rest
	return nil
}

// txidOf returns the number of the file's newest commit, 0 if it cannot be read.
func txidOf(path string) uint64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	m, err := readMeta(file, 1<<62)
	if err != nil {
		return 0
	}
	return m.txid
}

// eagerSize is the size up to which a file is checked before Open returns. The leaves
// of a larger one are checked in the background: a start must not take longer the
// larger the file is.
var eagerSize int64 = 16 << 20

// checkLeaves checks the leaves of a large file as it is now. If one is damaged, the
// file becomes unusable.
func (db *DB) checkLeaves() error {
	m := db.storage.unchecked
	if m == nil {
		return nil
	}
	pin, err := db.storage.bolt.Begin(false) // the pages in use are not reused
	if err != nil {
		return err
	}
	db.checking.Go(func() {
		err := verifyLeaves(db.path, *m, db.stop)
		_ = pin.Rollback()
		if err != nil && !errors.Is(err, errStopped) {
			db.lock.Lock()
			defer db.lock.Unlock()
			db.storage.broken = Damaged(db.path, "%v", err)
		}
	})
	return nil
}

// verifyLocked checks the file's structure. It opens the file for reading meanwhile, to
// hold the lock; bbolt then follows no page of it.
func verifyLocked(path string, wait time.Duration) (rest *meta, err error) {
	var file *os.File // bbolt's own
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:  wait,
		ReadOnly: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, err
	case err != nil:
		if file, err = os.Open(path); err != nil { // bbolt has closed its own
			return nil, fmt.Errorf("data file %s: %w", path, err)
		}
		defer file.Close()
	default:
		defer bolt.Close()
	}
	rest, reason := verify(file, eagerSize)
	if reason != nil {
		return nil, Damaged(path, "%v", reason)
	}
	return rest, nil
}

// create creates an empty database atomically, so that a crash never leaves an
// empty file. If another process has created the file meanwhile, that file remains.
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

// Close waits for the commit under way, commits what is logged to the file, and closes
// it. Updates that still wait fail with Unavailable and have no effect.
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
	close(db.stop)
	db.checking.Wait()
	db.lock.Lock()
	defer db.lock.Unlock()
	db.storage.end()
	removeHolder(db.path) // while the file's lock is held
	return fault.Wrap("boltdb.Close", fault.Internal, db.storage.bolt.Close())
}

// View runs fn in a read-only transaction, with the effects of all updates that have
// returned. Values from tx are valid until fn returns. fn must be short, because it
// delays updates, and must call neither View nor Update.
func (db *DB) View(fn func(*Tx) error) error {
	if err := db.fault("view"); err != nil {
		return err
	}
	db.lock.RLock()
	defer db.lock.RUnlock()
	if err := db.usable(); err != nil {
		return err
	}
	return fn(db.storage.tx)
}

// usable is called with the lock.
func (db *DB) usable() error {
	switch {
	case db.storage.broken != nil:
		return db.commitFault(db.storage.broken)
	case db.storage.tx == nil:
		return db.errClosed()
	}
	return nil
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

// commitFault returns the error of a failed commit, which has no effect, with a
// code. For a failed resize bbolt returns only the text of the cause, so the suffix
// is compared too.
func (db *DB) commitFault(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, bolterrors.ErrMaxSizeReached} {
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), full.Error()) {
			return &fault.Error{Code: fault.Unavailable, Op: "boltdb.Update",
				Message: fmt.Sprintf("no space is left for data file %s", db.path), Err: err}
		}
	}
	return &fault.Error{Code: fault.Unavailable, Op: "boltdb.Update", Err: fmt.Errorf("data file %s: %w", db.path, err)}
}

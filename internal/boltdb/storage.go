package boltdb

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/internal/wal"
)

// retryCheckpoint is the time until a checkpoint that failed is tried again.
const retryCheckpoint = 5 * time.Second

// ownBucket holds what this package stores in the file: the log's id, and the number
// of the last logged record whose effects are part of the file.
const ownBucket = "wal"

var idKey, appliedKey = []byte("id"), []byte("applied")

// logPrefix returns the beginning of the names of the segments of a file's log.
func logPrefix(path string) string { return path + ".wal-" }

// storage is a bbolt file with a log. All changes since the last commit to the file are
// in its transaction.
type storage struct {
	path      string
	maxSize   int
	logSize   int64
	ascending []string

	unchecked *meta // of a file whose leaves have not been checked

	bolt   *bbolt.DB
	tx     *Tx      // nil when closed
	log    *wal.Log // nil until the first update
	id     wal.ID
	dirty  bool      // something was written since the file was opened
	failed time.Time // when a checkpoint failed
	broken error     // why the file cannot be used any more
}

// recover begins the transaction and repeats what was logged and is not part of the
// file.
func (s *storage) recover() (err error) {
	if s.tx, err = begin(s.bolt, s.ascending); err != nil {
		return err
	}
	own := s.tx.Bucket([]byte(ownBucket))
	if own == nil {
		return s.checkNoLog()
	}
	id, applied := own.Get(idKey), own.Get(appliedKey)
	if len(id) != len(s.id) || len(applied) != 8 {
		return Damaged(s.path, "the position in the log is missing")
	}
	s.id = wal.ID(id)
	s.log, err = wal.Open(logPrefix(s.path), s.id, binary.BigEndian.Uint64(applied), s.tx.replay)
	return err
}

// checkNoLog returns an error if there is a log beside a file that has none.
func (s *storage) checkNoLog() error {
	_, err := wal.Open(logPrefix(s.path), wal.ID{}, 0, func([]byte) error { return nil })
	return err
}

// store makes the group's writes durable: by the log, or in the file if it has no log
// yet or is near its maximum size.
func (s *storage) store() error {
	if s.log == nil || s.maxSize > 0 && s.size()+s.log.Size()+int64(len(s.tx.record)) > int64(s.maxSize) {
		return s.checkpoint()
	}
	if err := s.log.Append(s.tx.record); err != nil {
		return errors.Join(err, s.abandon(s.tx.undoTo(0)))
	}
	return nil
}

func (s *storage) size() int64 {
	info, err := os.Stat(s.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// checkpoint commits the transaction to the file and deletes the log. If it fails,
// the logged writes remain effective, and those of the group are undone.
func (s *storage) checkpoint() error {
	id, seq := s.id, uint64(0)
	if s.log != nil {
		seq = s.log.Seq()
	} else {
		_, _ = rand.Read(id[:])
	}
	own, err := s.tx.bolt.CreateBucketIfNotExists([]byte(ownBucket))
	if err == nil {
		err = errors.Join(own.Put(idKey, id[:]), own.Put(appliedKey, binary.BigEndian.AppendUint64(nil, seq)))
	}
	if err == nil {
		err = s.tx.bolt.Commit()
	}
	if err != nil {
		s.failed = time.Now()
		return errors.Join(err, s.abandon(errAbandon))
	}
	if s.tx, err = begin(s.bolt, s.ascending); err != nil {
		return s.abandon(err)
	}
	if s.log != nil {
		_ = s.log.Remove() // records that remain are skipped, since applied is after them
		return nil
	}
	s.id = id
	s.log, err = wal.Open(logPrefix(s.path), id, seq, s.tx.replay)
	return err
}

var errAbandon = errors.New("the transaction is discarded")

// abandon replaces the transaction by one with the logged writes only, if err says
// that the present one cannot be used. If that fails, the file is unusable until it
// is opened again.
func (s *storage) abandon(err error) error {
	if err == nil {
		return nil
	}
	_ = s.tx.bolt.Rollback() // does nothing after a commit that failed
	if s.log != nil {
		_ = s.log.Close()
	}
	s.log, s.id = nil, wal.ID{}
	s.broken = s.recover()
	return s.broken
}

// checkpointIfLarge is called between two groups.
func (s *storage) checkpointIfLarge() {
	if s.broken == nil && s.log != nil && s.log.Size() > s.logSize && time.Since(s.failed) > retryCheckpoint {
		_ = s.checkpoint() // what is logged stays effective
	}
}

// end commits what is logged, if possible, and ends the transaction. What cannot be
// committed remains in the log. A file that was only read, perhaps because its format
// is too new, is not changed.
func (s *storage) end() {
	if s.broken == nil && s.dirty && s.log != nil && s.log.Size() > 0 {
		_ = s.checkpoint()
	}
	if s.tx != nil {
		_ = s.tx.bolt.Rollback()
	}
	if s.log != nil {
		_ = s.log.Close()
	}
	s.tx, s.log = nil, nil
}

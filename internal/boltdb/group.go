package boltdb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/fault"
)

// ErrUnchanged is returned by a function that has nothing to write. Update then
// returns nil, and a group with only such functions is not synced.
var ErrUnchanged = errors.New("nothing to write")

// A call is one update that waits to be committed.
type call struct {
	fn   func(*bbolt.Tx) error
	done chan struct{} // closed when err and panicked are final

	err      error
	panicked any
}

func (c *call) finish(err error) {
	c.err = err
	close(c.done)
}

// result returns the error of fn to the caller, or continues the panic of fn.
func (c *call) result() error {
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.err
}

// Update runs fn in a transaction that it may share with others and returns
// when it is durable. If fn fails, Update returns its error and fn has no effect.
//
// fn may run several times before it is committed, so it must only read and write
// tx and set its own results again each time. A failure makes the others of its
// group run again, so fn should return ErrUnchanged, which is success, if it has
// nothing to write. It must not call Update.
//
// The error is Unavailable, and fn has no effect, if the disk is full, the file is
// closed, or ctx ended while fn was waiting. Once a commit has begun, Update waits
// for its end even if ctx ends.
func (db *DB) Update(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap("boltdb.Update", fault.Unavailable, err)
	}
	c := &call{fn: fn, done: make(chan struct{})}
	if !db.enqueue(c) {
		return db.errClosed()
	}
	for {
		select {
		case <-c.done:
			return c.result()
		case db.turn <- struct{}{}:
			db.commit(db.take())
			<-db.turn
		case <-ctx.Done():
			if db.withdraw(c) {
				return fault.Wrap("boltdb.Update", fault.Unavailable, ctx.Err())
			}
			<-c.done
			return c.result()
		}
	}
}

func (db *DB) enqueue(c *call) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return false
	}
	db.waiting = append(db.waiting, c)
	return true
}

// withdraw removes c from the queue; it returns false if c is being committed.
func (db *DB) withdraw(c *call) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	i := slices.Index(db.waiting, c)
	if i < 0 {
		return false
	}
	db.waiting = slices.Delete(db.waiting, i, i+1)
	return true
}

// take removes the next group from the queue, oldest first, at most maxGroup.
func (db *DB) take() []*call {
	db.mu.Lock()
	defer db.mu.Unlock()
	n := min(len(db.waiting), maxGroup)
	group := slices.Clone(db.waiting[:n])
	db.waiting = slices.Delete(db.waiting, 0, n)
	return group
}

// commit makes the group durable. bbolt cannot undo a part of a transaction: if one
// function of the group fails, all are rolled back and the others run again.
func (db *DB) commit(group []*call) {
	for len(group) > 0 {
		failed, err := db.try(group)
		if failed < 0 {
			for _, c := range group {
				c.finish(err)
			}
			return
		}
		group[failed].finish(err)
		group = slices.Delete(group, failed, failed+1)
	}
}

// try commits the group in one transaction. If a function fails, it returns the
// index and the error of the function; otherwise -1 and the error of the commit.
func (db *DB) try(group []*call) (failed int, err error) {
	if err := db.fault("commit:before"); err != nil {
		return -1, err
	}
	tx, err := db.bolt.Begin(true)
	if err != nil {
		return -1, db.commitFault(err)
	}
	unchanged := 0
	for i, c := range group {
		switch err := c.run(tx); err {
		case nil:
		case ErrUnchanged:
			unchanged++
		default:
			_ = tx.Rollback()
			return i, err
		}
	}
	if unchanged == len(group) {
		return -1, tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return -1, db.commitFault(err)
	}
	return -1, db.fault("commit:after")
}

// run calls fn and stores its panic for the caller of Update.
func (c *call) run(tx *bbolt.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked = p
			err = fmt.Errorf("update panicked")
		}
	}()
	return c.fn(tx)
}

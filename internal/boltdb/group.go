package boltdb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/fault"
)

// ErrUnchanged is what a function returns that found nothing to write. Update
// then returns nil, and where all of a group are of that kind nothing is synced.
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

// result hands the outcome to the caller; a panic of fn continues there.
func (c *call) result() error {
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.err
}

// Update runs fn in a transaction that it may share with others and returns
// when it is durable. If fn fails, its error comes back and it has no effect.
//
// fn may be run several times before it is committed, so it must do nothing but
// read and write tx and set its own results anew. A failure makes its fellows
// run again: where fn has only found that there is nothing to write it should
// return ErrUnchanged, which is success. It must not call Update.
//
// Unavailable: the disk is full or the file is closed, fn has no effect; or ctx
// ended while fn was still waiting, likewise. Once a commit has begun, Update
// waits for its end whatever ctx says.
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

// withdraw takes c out of the queue; false where a commit has it already.
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

// take empties the queue, oldest first, as far as one commit goes.
func (db *DB) take() []*call {
	db.mu.Lock()
	defer db.mu.Unlock()
	n := min(len(db.waiting), maxGroup)
	group := slices.Clone(db.waiting[:n])
	db.waiting = slices.Delete(db.waiting, 0, n)
	return group
}

// commit makes the group durable. bbolt cannot undo a part of a transaction: so
// where one of the group fails, all is rolled back and the rest run again.
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

// try commits the group in one transaction. Where a function fails it answers
// which, with its error; else -1 and the error of the commit as a whole.
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

// run calls fn; a panic is kept for the caller whose function it was.
func (c *call) run(tx *bbolt.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked = p
			err = fmt.Errorf("update panicked")
		}
	}()
	return c.fn(tx)
}

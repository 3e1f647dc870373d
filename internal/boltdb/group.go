package boltdb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/blockforger/eventrouter/fault"
)

// ErrUnchanged is returned by a function that has nothing to write. Update then
// returns nil, and a group with only such functions is not synced.
var ErrUnchanged = errors.New("nothing to write")

// A call is one update that waits to be committed.
type call struct {
	fn   func(*Tx) error
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
// fn runs while other updates and views wait, so it should be short. It should return
// ErrUnchanged, which is success, if it has nothing to write. It must call neither
// Update nor View.
//
// The error is Unavailable, and fn has no effect, if the disk is full, the file is
// closed, or ctx ended while fn was waiting. Once a commit has begun, Update waits
// for its end even if ctx ends.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
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

// commit makes the group durable. A function that fails has no effect.
func (db *DB) commit(group []*call) {
	if len(group) == 0 { // another caller has committed it
		return
	}
	if err := db.fault("commit:before"); err != nil {
		finish(group, err)
		return
	}
	group, changed, err := db.try(group)
	if err == nil && changed {
		err = db.fault("commit:after")
	}
	finish(group, err)
	db.lock.Lock()
	defer db.lock.Unlock()
	db.storage.checkpointIfLarge()
}

func finish(group []*call, err error) {
	for _, c := range group {
		c.finish(err)
	}
}

// try runs the functions of the group and makes their writes durable. It returns the
// calls that have not been finished because of an error of their own, whether they
// changed anything, and the error of all of them.
func (db *DB) try(group []*call) (rest []*call, changed bool, err error) {
	db.lock.Lock()
	defer db.lock.Unlock()
	if err := db.usable(); err != nil {
		return group, false, err
	}
	tx := db.storage.tx
	tx.writing = true
	defer func() { tx.writing, tx.record, tx.undo = false, tx.record[:0], tx.undo[:0] }()
	for i, c := range group {
		writes, logged := len(tx.undo), len(tx.record)
		err := c.run(tx)
		if err == nil || err == ErrUnchanged {
			rest = append(rest, c)
			continue
		}
		tx.record = tx.record[:logged]
		if undone := tx.undoTo(writes); undone != nil {
			// The functions before lose their effect too.
			c.finish(err)
			return slices.Concat(rest, group[i+1:]), false, db.commitFault(errors.Join(undone, db.storage.abandon(undone)))
		}
		c.finish(err)
	}
	if len(tx.record) == 0 {
		return rest, false, nil
	}
	if err := db.storage.store(); err != nil {
		return rest, false, db.commitFault(err)
	}
	db.storage.dirty = true
	return rest, true, nil
}

// run calls fn and stores its panic for the caller of Update.
func (c *call) run(tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked = p
			err = fmt.Errorf("update panicked")
		}
	}()
	return c.fn(tx)
}

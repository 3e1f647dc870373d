package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/internal/retry"
)

// DefaultMarkAge is how long marks and tombstones last.
const DefaultMarkAge = 35 * 24 * time.Hour

// attempts bounds how often an object is written anew where others write it too.
const attempts = 10

// Options are what a [Store] may be told; the zero value means the defaults.
type Options struct {
	Clock   func() time.Time                // time.Now
	Rand    io.Reader                       // crypto/rand: where stamps come from
	MarkAge time.Duration                   // DefaultMarkAge
	Backoff func(attempt int) time.Duration // the pause after a failed attempt, from 0; with jitter, up to 2 s

	Projecting Projecting // the zero value: heads are the records
}

// A Store carries out changes, each exactly once. It stamps them, and refuses
// what could never be stored or published. It is safe for concurrent use.
type Store struct {
	Backlog
	Accounts
	Buses
	driver Driver
	o      Options
	queue  projectQueue
	views  viewMemory
}

// New returns a store over a driver. A nil o means the defaults.
func New(d Driver, o *Options) *Store {
	s := &Store{Backlog: d, Accounts: d, Buses: d, driver: d}
	if o != nil {
		s.o = *o
	}
	if s.o.Clock == nil {
		s.o.Clock = time.Now
	}
	if s.o.Rand == nil {
		s.o.Rand = rand.Reader
	}
	if s.o.MarkAge == 0 {
		s.o.MarkAge = DefaultMarkAge
	}
	if s.o.Backoff == nil {
		s.o.Backoff = fullJitter
	}
	return s
}

// Commit carries out the change, whole or not at all, and answers its receipt:
// the stored one, with Replayed set, where the idempotency key has been used.
// Where an object or file shows the record, [Store.Project] follows.
//
// The caller sets what it decided; Commit sets stamp, time, expiry, the
// receipt's revision (the head's) and the bill's month, on a copy. To publish at
// once, put the receipt into the mark and [Mark.Render] its entries.
//
// Faults: TooLarge before any I/O for what could never be stored or published;
// [*Moved], as it is, where Prior does not hold; Conflict for an idempotency key
// that another request has used; Exhausted past the token limit. The driver
// repeats calls that may be repeated, and Commit repeats nothing. When it
// returns Unavailable, the change may have been carried out: committing the same
// idempotency key again is safe.
func (s *Store) Commit(ctx context.Context, c Change) (Receipt, error) {
	const op = "store.Commit"
	if err := s.stamp(&c); err != nil {
		return Receipt{}, wrap(op, err)
	}
	if err := c.check(); err != nil {
		return Receipt{}, wrap(op, err)
	}
	if err := s.admit(ctx, &c); err != nil {
		return Receipt{}, wrapCommit(err)
	}
	r, err := s.driver.Commit(ctx, &c)
	if m, ok := errors.AsType[*Moved](err); ok {
		return Receipt{}, wrapCommit(s.moved(ctx, m))
	}
	if err != nil {
		return Receipt{}, wrap(op, err)
	}
	if r.Stamp == c.Mark.Receipt.Stamp {
		r.Replayed = false // the mark is our own, of an attempt that seemed to have failed
	}
	return r, nil
}

// stamp sets what the commit itself decides, without touching the caller's head.
func (s *Store) stamp(c *Change) error {
	var random [16]byte
	if _, err := io.ReadFull(s.o.Rand, random[:]); err != nil {
		return err
	}
	// Whole milliseconds are what every driver keeps.
	now := s.o.Clock().UTC().Truncate(time.Millisecond)
	m := &c.Mark
	m.Format = format.Field(format.Idempotency)
	m.Receipt.Stamp = Stamp(hex.EncodeToString(random[:]))
	m.Receipt.Time = now
	m.Receipt.Replayed = false
	m.Expires = now.Add(s.o.MarkAge)
	if c.Sent.After(now) {
		const up = time.Millisecond - 1
		m.Expires = c.Sent.UTC().Add(s.o.MarkAge + up).Truncate(time.Millisecond)
	}
	if m.Bill.Tokens > 0 {
		m.Bill.Month = Month(now)
	}
	if c.Head == nil {
		return nil
	}
	h := *c.Head
	h.Stamp, h.Time, h.Expires = m.Receipt.Stamp, now, time.Time{}
	if h.Deleted {
		h.Expires = m.Expires
	}
	if s.projection(h.Backend) != nil {
		h.Dirty, m.Project = true, true
	}
	m.Receipt.Revision = h.Revision
	c.Head = &h
	return nil
}

// pause waits before another attempt; it answers false where there is none.
func (s *Store) pause(ctx context.Context, attempt int) bool {
	return attempt+1 < attempts && retry.Wait(ctx, s.o.Backoff(attempt))
}

func fullJitter(attempt int) time.Duration { return retry.FullJitter(attempt, 2*time.Second) }

// Get reads a record's head, strongly consistent, a tombstone included. What a
// person has changed in the object that shows it is adopted first, and is what
// Get answers. NotFound where the record never was, or its tombstone is gone;
// Unavailable, with the place, where the object cannot be understood.
func (s *Store) Get(ctx context.Context, ref Ref) (Head, error) {
	const op = "store.Get"
	h, err := s.driver.Head(ctx, ref)
	if absent := fault.Is(err, fault.NotFound); err == nil && h.Dirty || err != nil && !absent {
		return h, wrap(op, err)
	} else if absent {
		h = Head{Ref: ref}
	}
	l, p, layoutErr := s.layout(ctx, ref.Collection)
	if layoutErr != nil {
		return Head{}, wrap(op, layoutErr)
	}
	if p == nil {
		return h, wrap(op, err)
	}
	if h, err = s.believe(ctx, l, p, h); err != nil {
		return Head{}, wrap(op, err)
	}
	if h.Stamp == "" {
		return Head{}, fault.Wrap(op, fault.NotFound, fault.Errorf(fault.NotFound, "there is no record with this key"))
	}
	return h, nil
}

// List lists live records whose key is greater than after, in byte order of
// the key, at most limit, which must be positive. Objects have their say as in
// Get; a record whose object cannot be understood is left out, and logged.
func (s *Store) List(ctx context.Context, c Collection, after events.Key, limit int) ([]Head, error) {
	const op = "store.List"
	if limit < 1 {
		return nil, fault.Errorf(fault.Invalid, "limit is %d, it must be positive", limit)
	}
	l, p, err := s.layout(ctx, c)
	if err != nil {
		return nil, wrap(op, err)
	}
	if p == nil {
		hs, err := s.driver.Heads(ctx, c, after, limit)
		return hs, wrap(op, err)
	}
	hs, err := s.list(ctx, c, l, p, after, limit)
	return hs, wrap(op, err)
}

// Receipt answers the stored receipt of an idempotency key, with Replayed set,
// and whether there is one. The fault is Conflict where another request has
// used the key. It is for a request that is about to be rejected: the mark wins.
// older is as in [Change].
func (s *Store) Receipt(ctx context.Context, key IdempotencyKey, f Fingerprint, older Fingerprints) (Receipt, bool, error) {
	const op = "store.Receipt"
	m, err := s.driver.Mark(ctx, key)
	switch {
	case fault.Is(err, fault.NotFound):
		return Receipt{}, false, nil
	case err != nil:
		return Receipt{}, false, wrap(op, err)
	}
	r, err := m.replay(format.Field(format.Idempotency), f, older)
	return r, err == nil, wrap(op, err)
}

// Mark reads an unexpired mark; NotFound without one.
func (s *Store) Mark(ctx context.Context, key IdempotencyKey) (Mark, error) {
	m, err := s.driver.Mark(ctx, key)
	return m, wrap("store.Mark", err)
}

// Close closes the driver.
func (s *Store) Close() error { return wrap("store.Close", s.driver.Close()) }

// wrapCommit lets a [*Moved] through as it is.
func wrapCommit(err error) error {
	if _, ok := err.(*Moved); ok {
		return err
	}
	return wrap("store.Commit", err)
}

// wrap names the operation; the code stays what it is.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(op, fault.CodeOf(err), err)
}

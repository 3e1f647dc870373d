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

// DefaultRetention is how long marks and tombstones last.
const DefaultRetention = 35 * 24 * time.Hour

// attempts bounds how often an object is written anew where others write it too.
const attempts = 10

// Options are what a [Store] may be told; the zero value means the defaults.
type Options struct {
	Clock     func() time.Time                // time.Now
	Rand      io.Reader                       // crypto/rand: where stamps come from
	Retention time.Duration                   // DefaultRetention
	Backoff   func(attempt int) time.Duration // the pause after a failed attempt, from 0; with jitter, up to 2 s

	Projections Projections // the zero value: heads are the records
}

// A Store carries out changes, each exactly once. It stamps them, and refuses
// what could never be stored or published. It is safe for concurrent use.
type Store struct {
	Outbox
	Billing
	Buses
	driver Driver
	o      Options
	queue  projectQueue
	views  snapshotCache
}

// New returns a store over a driver. A nil o means the defaults.
func New(d Driver, o *Options) *Store {
	s := &Store{Outbox: d, Billing: d, Buses: d, driver: d}
	if o != nil {
		s.o = *o
	}
	if s.o.Clock == nil {
		s.o.Clock = time.Now
	}
	if s.o.Rand == nil {
		s.o.Rand = rand.Reader
	}
	if s.o.Retention == 0 {
		s.o.Retention = DefaultRetention
	}
	if s.o.Backoff == nil {
		s.o.Backoff = fullJitter
	}
	return s
}

// Commit applies the change, entirely or not at all, and returns its result: the
// stored one, with Replayed set, if the idempotency key has been used. An object or
// file that contains the record is updated by [Store.Project].
//
// Errors: those of [Store.Prepare] before any I/O, and those of [Store.Apply].
func (s *Store) Commit(ctx context.Context, c Change) (Result, error) {
	p, err := s.Prepare(c)
	if err != nil {
		return Result{}, err
	}
	if p.Record != nil && s.projection(p.Record.Backend) != nil {
		p.Record.Unprojected, p.Idempotency.NeedsProjection = true, true
	}
	if err := s.checkObject(ctx, p); err != nil {
		return Result{}, wrapCommit(err)
	}
	r, err := s.Apply(ctx, p)
	if m, ok := errors.AsType[*VersionConflict](err); ok {
		return Result{}, wrapCommit(s.conflict(ctx, m))
	}
	return r, err
}

// Prepare returns a copy of the change with what the commit itself decides: version,
// time and expiry, the revision of the result (the record's) and the month of the
// bill. It does no I/O. To publish at once, put the result of [Store.Apply] into the
// idempotency record, and [IdempotencyRecord.Render] its entries.
//
// The error is TooLarge for a change that could never be stored or published.
func (s *Store) Prepare(c Change) (*Change, error) {
	if err := s.stamp(&c); err != nil {
		return nil, wrapCommit(err)
	}
	if err := c.check(); err != nil {
		return nil, wrapCommit(err)
	}
	return &c, nil
}

// Apply commits a prepared change. It repeats nothing: the driver repeats calls that
// can be repeated.
//
// Errors: [*VersionConflict], not wrapped, if IfVersion is not the record's version;
// Conflict if another request has used the idempotency key; Exhausted past the token
// limit. After Unavailable the change may have been applied: committing the same
// idempotency key again is safe.
func (s *Store) Apply(ctx context.Context, c *Change) (Result, error) {
	r, err := s.driver.Commit(ctx, c)
	if m, ok := errors.AsType[*VersionConflict](err); ok {
		return Result{}, m
	}
	if err != nil {
		return Result{}, wrapCommit(err)
	}
	if r.Version == c.Idempotency.Result.Version {
		r.Replayed = false // it was written by an attempt of this call that seemed to have failed
	}
	return r, nil
}

// stamp sets what the commit itself decides, without changing the caller's record.
func (s *Store) stamp(c *Change) error {
	var random [16]byte
	if _, err := io.ReadFull(s.o.Rand, random[:]); err != nil {
		return err
	}
	// Whole milliseconds are what every driver keeps.
	now := s.o.Clock().UTC().Truncate(time.Millisecond)
	m := &c.Idempotency
	m.Format = format.Field(format.Idempotency)
	m.Result.Version = Version(hex.EncodeToString(random[:]))
	m.Result.Time = now
	m.Result.Replayed = false
	m.Expires = now.Add(s.o.Retention)
	if c.Sent.After(now) {
		const up = time.Millisecond - 1
		m.Expires = c.Sent.UTC().Add(s.o.Retention + up).Truncate(time.Millisecond)
	}
	if m.Bill.Tokens > 0 {
		m.Bill.Month = Month(now)
	}
	if c.Record == nil {
		return nil
	}
	h := *c.Record
	h.Version, h.Time, h.Expires = m.Result.Version, now, time.Time{}
	if h.Deleted {
		h.Expires = m.Expires
	}
	if m.Key.Origin != OriginMigration {
		h.MovedFrom = Source{}
	}
	m.Result.Revision = h.Revision
	c.Record = &h
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
func (s *Store) Get(ctx context.Context, ref Ref) (Record, error) {
	const op = "store.Get"
	h, err := s.driver.Record(ctx, ref)
	if absent := fault.Is(err, fault.NotFound); err == nil && h.Unprojected || err != nil && !absent {
		return h, wrap(op, err)
	} else if absent {
		h = Record{Ref: ref}
	}
	l, p, layoutErr := s.layout(ctx, ref.Collection)
	if layoutErr != nil {
		return Record{}, wrap(op, layoutErr)
	}
	if p == nil {
		return h, wrap(op, err)
	}
	if h, err = s.reconcile(ctx, l, p, h); err != nil {
		return Record{}, wrap(op, err)
	}
	if h.Version == "" {
		return Record{}, fault.Wrap(op, fault.NotFound, fault.Errorf(fault.NotFound, "there is no record with this key"))
	}
	return h, nil
}

// List lists live records whose key is greater than after, in byte order of
// the key, at most limit, which must be positive. Objects have their say as in
// Get; a record whose object cannot be understood is left out, and logged.
func (s *Store) List(ctx context.Context, c Collection, after events.RecordKey, limit int) ([]Record, error) {
	const op = "store.List"
	if limit < 1 {
		return nil, fault.Errorf(fault.Invalid, "limit is %d, it must be positive", limit)
	}
	l, p, err := s.layout(ctx, c)
	if err != nil {
		return nil, wrap(op, err)
	}
	if p == nil {
		hs, err := s.driver.Records(ctx, c, after, limit)
		return hs, wrap(op, err)
	}
	hs, err := s.list(ctx, c, l, p, after, limit)
	return hs, wrap(op, err)
}

// Result answers the stored receipt of an idempotency key, with Replayed set,
// and whether there is one. The fault is Conflict where another request has
// used the key. It is for a request that is about to be rejected: the mark wins.
// older is as in [Change].
func (s *Store) StoredResult(ctx context.Context, key IdempotencyKey, f Fingerprint, older Fingerprints) (Result, bool, error) {
	const op = "store.Receipt"
	m, err := s.driver.IdempotencyRecord(ctx, key)
	switch {
	case fault.Is(err, fault.NotFound):
		return Result{}, false, nil
	case err != nil:
		return Result{}, false, wrap(op, err)
	}
	r, err := m.replay(format.Field(format.Idempotency), f, older)
	return r, err == nil, wrap(op, err)
}

// IdempotencyRecord reads an unexpired mark; NotFound without one.
func (s *Store) IdempotencyRecord(ctx context.Context, key IdempotencyKey) (IdempotencyRecord, error) {
	m, err := s.driver.IdempotencyRecord(ctx, key)
	return m, wrap("store.Mark", err)
}

// Close closes the driver.
func (s *Store) Close() error { return wrap("store.Close", s.driver.Close()) }

// wrapCommit lets a [*VersionConflict] through as it is.
func wrapCommit(err error) error {
	if _, ok := err.(*VersionConflict); ok {
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

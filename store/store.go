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
)

// DefaultRetention is how long idempotency records and tombstones last.
const DefaultRetention = 35 * 24 * time.Hour

// Options configures a [Store]; the zero value uses the defaults.
type Options struct {
	Clock     func() time.Time // time.Now
	Rand      io.Reader        // crypto/rand; versions are made of it
	Retention time.Duration    // DefaultRetention
}

// A Store applies changes, each exactly once. It gives each a version, and rejects what
// could never be stored or published. It is safe for concurrent use.
//
// The ledger holds all records. Where records are also projected to objects or files,
// a projection.Store decorates this one.
type Store struct {
	Outbox
	Billing
	Buses
	driver Driver
	o      Options
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
	return s
}

// Now returns the time by the clock of the store.
func (s *Store) Now() time.Time { return s.o.Clock() }

// Retention returns how long idempotency records and tombstones last.
func (s *Store) Retention() time.Duration { return s.o.Retention }

// Commit applies the change, entirely or not at all, and returns its result: the
// stored one, with Replayed set, if the idempotency key has been used.
//
// Errors: those of [Store.Prepare] before any I/O, and those of [Store.Apply].
func (s *Store) Commit(ctx context.Context, c Change) (Result, error) {
	p, err := s.Prepare(c)
	if err != nil {
		return Result{}, err
	}
	return s.Apply(ctx, p)
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

// Get reads a record or its tombstone, strongly consistent; NotFound if there is
// neither.
func (s *Store) Get(ctx context.Context, ref Ref) (Record, error) {
	h, err := s.driver.Record(ctx, ref)
	return h, wrap("store.Get", err)
}

// List lists the live records whose key is greater than after, in byte order of the
// key, at most limit, which must be positive.
func (s *Store) List(ctx context.Context, c Collection, after events.RecordKey, limit int) ([]Record, error) {
	if limit < 1 {
		return nil, fault.Errorf(fault.Invalid, "limit is %d, it must be positive", limit)
	}
	hs, err := s.driver.Records(ctx, c, after, limit)
	return hs, wrap("store.List", err)
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

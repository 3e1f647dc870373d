package projection

import (
	"context"
	"errors"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/retry"
	"github.com/blockforger/eventrouter/store"
)

// attempts bounds how often an object is written again after a concurrent write.
const attempts = 10

// DefaultLifetime is the longest time that an invocation can run: Lambda's limit.
const DefaultLifetime = 15 * time.Minute

// Options configures a [Store]; with the zero value, no record is projected.
type Options struct {
	// ByBackend holds the projections. The records of a backend that has none are
	// in the ledger only.
	ByBackend map[events.Backend]Projection

	// Layout returns the layout of a collection; NotFound if there is no such
	// schema. It is required if there are projections.
	Layout func(ctx context.Context, c store.Collection) (Layout, error)

	// Lifetime is the longest time that an invocation can run; 0 is
	// [DefaultLifetime]. An object that is missing so soon after a change, or until
	// its recheck, may have been deleted by a slow invocation: it does not count as
	// an external edit, and is written again.
	Lifetime time.Duration

	// Backoff is the pause after a failed attempt, counted from 0; by default with
	// full jitter, up to 2 s.
	Backoff func(attempt int) time.Duration
}

// A Store is a [store.Store] whose records are also projected to objects and files. It
// is safe for concurrent use.
//
// Prepare and Apply of the embedded store do not project: they are for this package.
type Store struct {
	*store.Store
	o     Options
	queue projectQueue
	views snapshotCache
}

// New returns a store that projects the records of s. If o is nil, no record is
// projected.
func New(s *store.Store, o *Options) *Store {
	d := &Store{Store: s}
	if o != nil {
		d.o = *o
	}
	if d.o.Lifetime == 0 {
		d.o.Lifetime = DefaultLifetime
	}
	if d.o.Backoff == nil {
		d.o.Backoff = func(attempt int) time.Duration { return retry.FullJitter(attempt, 2*time.Second) }
	}
	return d
}

// Commit is [store.Store.Commit] for a record that may be projected: the record is
// marked as unprojected, and [Store.Project] updates its object or file after the
// commit. A file that would grow too large is a TooLarge error before the commit. An
// object that was created externally exists for a POST, which is a version conflict.
func (s *Store) Commit(ctx context.Context, c store.Change) (store.Result, error) {
	p, err := s.Prepare(c)
	if err != nil {
		return store.Result{}, err
	}
	if p.Record != nil && s.projection(p.Record.Backend) != nil {
		p.Record.Unprojected, p.Idempotency.NeedsProjection = true, true
	}
	if err := s.checkObject(ctx, p); err != nil {
		return store.Result{}, wrapCommit(err)
	}
	r, err := s.Apply(ctx, p)
	if m, ok := errors.AsType[*store.VersionConflict](err); ok {
		return store.Result{}, wrapCommit(s.conflict(ctx, m))
	}
	return r, err
}

// Get is [store.Store.Get] for a record that may have been edited externally: the edit
// is imported first, and Get returns the imported record. The error is Unavailable,
// with the position, if the object cannot be read.
func (s *Store) Get(ctx context.Context, ref store.Ref) (store.Record, error) {
	const op = "projection.Get"
	h, err := s.Store.Get(ctx, ref)
	if absent := fault.Is(err, fault.NotFound); err == nil && h.Unprojected || err != nil && !absent {
		return h, err
	} else if absent {
		h = store.Record{Ref: ref}
	}
	c, layoutErr := s.collection(ctx, ref.Collection)
	if layoutErr != nil {
		return store.Record{}, wrap(op, layoutErr)
	}
	if c.driver == nil {
		return h, err
	}
	if h, err = c.reconcile(ctx, h); err != nil {
		return store.Record{}, wrap(op, err)
	}
	if h.Version == "" {
		return store.Record{}, fault.Wrap(op, fault.NotFound, fault.Errorf(fault.NotFound, "there is no record with this key"))
	}
	return h, nil
}

// List is [store.Store.List] for records that may have been edited externally, as in
// [Store.Get]. A record whose object cannot be read is left out, and logged.
func (s *Store) List(ctx context.Context, id store.Collection, after events.RecordKey, limit int) ([]store.Record, error) {
	const op = "projection.List"
	c, err := s.collection(ctx, id)
	if err != nil {
		return nil, wrap(op, err)
	}
	if c.driver == nil || limit < 1 {
		return s.Store.List(ctx, id, after, limit)
	}
	hs, err := c.list(ctx, after, limit)
	return hs, wrap(op, err)
}

// pause waits before another attempt. It returns false if there is none.
func (s *Store) pause(ctx context.Context, attempt int) bool {
	return attempt+1 < attempts && retry.Wait(ctx, s.o.Backoff(attempt))
}

// wrapCommit adds the operation to an error; a [*store.VersionConflict] is not wrapped.
func wrapCommit(err error) error {
	if _, ok := err.(*store.VersionConflict); ok {
		return err
	}
	return wrap("projection.Commit", err)
}

// wrap adds the operation to an error. The code is kept.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(op, fault.CodeOf(err), err)
}

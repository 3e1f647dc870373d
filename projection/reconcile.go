package projection

import (
	"context"
	"slices"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// projection returns the projection of a backend; nil if its records are in the ledger
// only.
func (s *Store) projection(b events.Backend) Projection { return s.o.ByBackend[b] }

// A collection holds what is needed to project the records of a schema.
type collection struct {
	s      *Store
	id     store.Collection
	layout Layout     // zero if there is no schema
	driver Projection // nil if the records are not projected
}

// collection returns a collection with its present layout.
func (s *Store) collection(ctx context.Context, id store.Collection) (collection, error) {
	c := collection{s: s, id: id}
	if len(s.o.ByBackend) == 0 {
		return c, nil
	}
	l, err := s.o.Layout(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return c, nil // the schema was removed: its objects are not updated any more
	}
	c.layout, c.driver = l, s.projection(l.Backend)
	return c, err
}

// isProjected reports whether an edit of the object can change the record. It cannot
// if the record has another backend: it has not been migrated yet.
func (c *collection) isProjected(h *store.Record) bool {
	return !h.Unprojected && !c.isForeign(h)
}

// isForeign reports whether a record has another backend than its schema. A tombstone
// never has: it is not migrated, and no object of any backend may show the record.
func (c *collection) isForeign(h *store.Record) bool {
	return h.Version != "" && !h.Deleted && h.Backend != c.layout.Backend
}

// reconcile returns a record that has just been read, or the record that an external
// edit of its object was imported to. Its Version is "" if there is no record.
func (c *collection) reconcile(ctx context.Context, h store.Record) (store.Record, error) {
	first := true
	err := c.s.retryConflicts(ctx, func() (err error) {
		if !first {
			if h, err = c.s.head(ctx, h.Ref); err != nil {
				return err
			}
		}
		first = false
		if !c.isProjected(&h) {
			return nil
		}
		v, err := c.driver.Open(ctx, c.id, c.layout, []events.RecordKey{h.Key})
		if err != nil {
			return err
		}
		c.s.views.keep(h.Ref, c.driver, v)
		h, err = c.reconcileObserved(ctx, h, v.Observed(h.Key))
		return err
	})
	return h, err
}

// reconcileObserved is reconcile for a record and an object that were read. After an
// error it returns the record that it was given.
func (c *collection) reconcileObserved(ctx context.Context, h store.Record, shown Observed) (store.Record, error) {
	switch c.s.resolve(&h, shown) {
	case importObserved:
		adopted, err := c.importEdit(ctx, h, shown)
		if err != nil {
			return h, err
		}
		return adopted, nil
	case unreadable:
		return h, &fault.Error{Code: fault.Unavailable, Err: shown.Err}
	}
	return h, nil
}

// checkObject reads the object before a change is committed. A record with which the file
// would grow too large is TooLarge. An object that was created externally is imported,
// so that a POST gets a [*store.VersionConflict]. A stored result takes precedence over
// both.
func (s *Store) checkObject(ctx context.Context, change *store.Change) error {
	if change.Record == nil {
		return nil
	}
	p := s.projection(change.Record.Backend)
	if p == nil || change.IfVersion != "" && !p.Shared() {
		return nil
	}
	c, err := s.collection(ctx, change.Record.Collection)
	if err != nil || c.driver == nil {
		return err
	}
	var refusal error // returned by try, it would count as a rejection by the bucket
	err = s.retryConflicts(ctx, func() error {
		refusal = nil
		v, err := c.driver.Open(ctx, c.id, c.layout, []events.RecordKey{change.Record.Key})
		if err != nil {
			return err
		}
		s.views.keep(change.Record.Ref, c.driver, v)
		tooLarge := v.Fits(*change.Record)
		shown := v.Observed(change.Record.Key)
		taken := change.IfVersion == "" && !shown.Managed && (shown.Data != nil || shown.Err != nil)
		if tooLarge == nil && !taken {
			return nil
		}
		if _, err := s.IdempotencyRecord(ctx, change.Idempotency.Key); !fault.Is(err, fault.NotFound) {
			return err // if there is one, the commit returns its result
		}
		if tooLarge != nil {
			refusal = tooLarge
			return nil
		}
		h, err := s.head(ctx, change.Record.Ref)
		if err != nil {
			return err
		}
		if c.isProjected(&h) {
			if h, err = c.reconcileObserved(ctx, h, shown); err != nil {
				return err
			}
		}
		if h.Version != "" {
			refusal = &store.VersionConflict{Current: h}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return refusal
}

// conflict reconciles the record that a commit has found: its object may have been
// edited externally since.
func (s *Store) conflict(ctx context.Context, m *store.VersionConflict) error {
	if m.Current.Version == "" || m.Current.Unprojected {
		return m
	}
	c, err := s.collection(ctx, m.Current.Collection)
	if err != nil {
		return err
	}
	if c.driver == nil {
		return m
	}
	h, err := c.reconcile(ctx, m.Current)
	if err != nil {
		return err
	}
	return &store.VersionConflict{Current: h}
}

// list lists the records of a collection: those of the ledger, and between them those
// that were added to the objects externally.
func (c *collection) list(ctx context.Context, after events.RecordKey, limit int) ([]store.Record, error) {
	shown, err := c.driver.Keys(ctx, c.id, c.layout)
	if err != nil {
		return nil, err
	}
	slices.Sort(shown)
	var listed []store.Record
	for {
		heads, err := c.s.Store.List(ctx, c.id, after, limit)
		if err != nil {
			return nil, err
		}
		full := len(heads) == limit
		for _, k := range between(shown, after, heads, full) {
			h, err := c.s.head(ctx, store.Ref{Collection: c.id, Key: k})
			if err != nil {
				return nil, err
			}
			heads = append(heads, h)
		}
		slices.SortFunc(heads, func(a, b store.Record) int { return compareKeys(a.Key, b.Key) })
		live, err := c.reconcileAll(ctx, heads[:min(limit, len(heads))])
		if err != nil {
			return nil, err
		}
		listed = append(listed, live...)
		if len(listed) >= limit {
			return listed[:limit], nil
		}
		if len(heads) <= limit && !full {
			return listed, nil
		}
		after = heads[min(limit, len(heads))-1].Key
	}
}

// between returns the keys after one that have no record on the page, up to the last key
// of the page if it is full.
func between(shown []events.RecordKey, after events.RecordKey, heads []store.Record, full bool) []events.RecordKey {
	var picked []events.RecordKey
	next := 0
	for _, k := range shown {
		for next < len(heads) && heads[next].Key < k {
			next++
		}
		switch {
		case k <= after, next < len(heads) && heads[next].Key == k:
		case full && next == len(heads):
			return picked
		default:
			picked = append(picked, k)
		}
	}
	return picked
}

// reconcileAll returns the live records after reconciling each. A record whose object
// cannot be read is left out, and logged: the others are still returned.
func (c *collection) reconcileAll(ctx context.Context, heads []store.Record) ([]store.Record, error) {
	var keys []events.RecordKey
	for i := range heads {
		if c.isProjected(&heads[i]) {
			keys = append(keys, heads[i].Key)
		}
	}
	v, err := c.driver.Open(ctx, c.id, c.layout, keys)
	if err != nil {
		return nil, err
	}
	var live []store.Record
	for _, h := range heads {
		if c.isProjected(&h) {
			shown := v.Observed(h.Key)
			switch c.s.resolve(&h, shown) {
			case unreadable:
				c.logEdit(ctx, h.Ref, "left out of a listing what cannot be understood", shown.Err)
				continue
			case importObserved:
				if h, err = c.reconcile(ctx, h); err != nil {
					return nil, err
				}
			}
		}
		if h.Version != "" && !h.Deleted {
			live = append(live, h)
		}
	}
	return live, nil
}

func compareKeys(a, b events.RecordKey) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

package projection

import (
	"context"
	"slices"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// projection returns what shows the records of a backend; nil where the head is
// the record.
func (s *Store) projection(b events.Backend) Projection { return s.o.ByBackend[b] }

// layout finds how a collection is shown; the projection is nil where it is not.
func (s *Store) layout(ctx context.Context, c store.Collection) (Layout, Projection, error) {
	if len(s.o.ByBackend) == 0 {
		return Layout{}, nil, nil
	}
	l, err := s.o.Layout(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return Layout{}, nil, nil // no schema any more: nobody looks at its objects
	}
	return l, s.projection(l.Backend), err
}

// isProjected reports whether an edit of the object can change the record. It cannot
// if the record has another backend: it has not been migrated yet.
func isProjected(l Layout, h *store.Record) bool {
	return !h.Unprojected && !isForeign(l, h)
}

// isForeign reports whether a record has another backend than its schema. A tombstone
// never has: it is not migrated, and no object of any backend may show the record.
func isForeign(l Layout, h *store.Record) bool {
	return h.Version != "" && !h.Deleted && h.Backend != l.Backend
}

// believe answers the truth about a record of which a head has just been read:
// the head, or what a person has made of its object. Its Stamp is "" where
// there is no record.
func (s *Store) reconcile(ctx context.Context, l Layout, p Projection, h store.Record) (store.Record, error) {
	first := true
	err := s.retryConflicts(ctx, func() (err error) {
		if !first {
			if h, err = s.head(ctx, h.Ref); err != nil {
				return err
			}
		}
		first = false
		if !isProjected(l, &h) {
			return nil
		}
		v, err := p.Open(ctx, h.Collection, l, []events.RecordKey{h.Key})
		if err != nil {
			return err
		}
		s.views.keep(h.Ref, p, v)
		h, err = s.reconcileObserved(ctx, l, h, v.Observed(h.Key))
		return err
	})
	return h, err
}

// believeShown answers the same of what has been read of both. Where it fails
// it answers the head that it was given.
func (s *Store) reconcileObserved(ctx context.Context, l Layout, h store.Record, shown Observed) (store.Record, error) {
	switch s.resolve(&h, shown) {
	case importObserved:
		adopted, err := s.importEdit(ctx, l, h, shown)
		if err != nil {
			return h, err
		}
		return adopted, nil
	case unreadable:
		return h, &fault.Error{Code: fault.Unavailable, Err: shown.Err}
	}
	return h, nil
}

// admit looks at the object before a change is committed: one that could not be
// shown is refused (TooLarge), and a record that a person has made by hand is
// there, which a POST must know ([*VersionConflict]). Neither may come before the mark.
func (s *Store) checkObject(ctx context.Context, c *store.Change) error {
	if c.Record == nil {
		return nil
	}
	p := s.projection(c.Record.Backend)
	if p == nil || c.IfVersion != "" && !p.Shared() {
		return nil
	}
	l, p, err := s.layout(ctx, c.Record.Collection)
	if p == nil || err != nil {
		return err
	}
	var refusal error // untilWritten takes a rejection for the bucket's
	err = s.retryConflicts(ctx, func() error {
		refusal = nil
		v, err := p.Open(ctx, c.Record.Collection, l, []events.RecordKey{c.Record.Key})
		if err != nil {
			return err
		}
		s.views.keep(c.Record.Ref, p, v)
		tooLarge := v.Fits(*c.Record)
		shown := v.Observed(c.Record.Key)
		taken := c.IfVersion == "" && !shown.Managed && (shown.Data != nil || shown.Err != nil)
		if tooLarge == nil && !taken {
			return nil
		}
		if _, err := s.IdempotencyRecord(ctx, c.Idempotency.Key); !fault.Is(err, fault.NotFound) {
			return err // where there is a mark, the driver answers with it
		}
		if tooLarge != nil {
			refusal = tooLarge
			return nil
		}
		h, err := s.head(ctx, c.Record.Ref)
		if err != nil {
			return err
		}
		if isProjected(l, &h) {
			if h, err = s.reconcileObserved(ctx, l, h, shown); err != nil {
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

// moved looks behind the head that a commit has met: a person may have changed
// or removed the record since.
func (s *Store) conflict(ctx context.Context, m *store.VersionConflict) error {
	if m.Current.Version == "" || !isProjected(Layout{Backend: m.Current.Backend}, &m.Current) {
		return m
	}
	l, p, err := s.layout(ctx, m.Current.Collection)
	if err != nil {
		return err
	}
	if p == nil {
		return m
	}
	h, err := s.reconcile(ctx, l, p, m.Current)
	if err != nil {
		return err
	}
	return &store.VersionConflict{Current: h}
}

// list lists the records of a collection that objects show: heads, and between
// them what people have put there.
func (s *Store) list(ctx context.Context, c store.Collection, l Layout, p Projection, after events.RecordKey, limit int) ([]store.Record, error) {
	shown, err := p.Keys(ctx, c, l)
	if err != nil {
		return nil, err
	}
	slices.Sort(shown)
	var listed []store.Record
	for {
		heads, err := s.Store.List(ctx, c, after, limit)
		if err != nil {
			return nil, err
		}
		full := len(heads) == limit
		for _, k := range between(shown, after, heads, full) {
			h, err := s.head(ctx, store.Ref{Collection: c, Key: k})
			if err != nil {
				return nil, err
			}
			heads = append(heads, h)
		}
		slices.SortFunc(heads, func(a, b store.Record) int { return compareKeys(a.Key, b.Key) })
		live, err := s.reconcileAll(ctx, c, l, p, heads[:min(limit, len(heads))])
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

// between picks the keys after one that have no head on the page of heads, up
// to its last where the page is full.
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

// believeAll answers which of the records are there. One whose object is not
// understood is left out, and logged: the rest is still served.
func (s *Store) reconcileAll(ctx context.Context, c store.Collection, l Layout, p Projection, heads []store.Record) ([]store.Record, error) {
	var keys []events.RecordKey
	for i := range heads {
		if isProjected(l, &heads[i]) {
			keys = append(keys, heads[i].Key)
		}
	}
	v, err := p.Open(ctx, c, l, keys)
	if err != nil {
		return nil, err
	}
	var live []store.Record
	for _, h := range heads {
		if isProjected(l, &h) {
			shown := v.Observed(h.Key)
			switch s.resolve(&h, shown) {
			case unreadable:
				s.logEdit(ctx, l, h.Ref, "left out of a listing what cannot be understood", shown.Err)
				continue
			case importObserved:
				if h, err = s.reconcile(ctx, l, p, h); err != nil {
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

package store

import (
	"context"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

func (s *Store) lifetime() time.Duration {
	if s.o.Projecting.Lifetime == 0 {
		return DefaultLifetime
	}
	return s.o.Projecting.Lifetime
}

// projection returns what shows the records of a backend; nil where the head is
// the record.
func (s *Store) projection(b events.Backend) Projection { return s.o.Projecting.Projections[b] }

// layout finds how a collection is shown; the projection is nil where it is not.
func (s *Store) layout(ctx context.Context, c Collection) (Layout, Projection, error) {
	if len(s.o.Projecting.Projections) == 0 {
		return Layout{}, nil, nil
	}
	l, err := s.o.Projecting.Layout(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return Layout{}, nil, nil // no schema any more: nobody looks at its objects
	}
	return l, s.projection(l.Backend), err
}

// follows reports whether the object has a say in what the record is. It has
// none for a head of another backend: the records have not been migrated yet.
func follows(l Layout, h *Head) bool {
	return !h.Dirty && (h.Stamp == "" || h.Backend == l.Backend)
}

// believe answers the truth about a record of which a head has just been read:
// the head, or what a person has made of its object. Its Stamp is "" where
// there is no record.
func (s *Store) believe(ctx context.Context, l Layout, p Projection, h Head) (Head, error) {
	first := true
	err := s.untilWritten(ctx, func() (err error) {
		if !first {
			if h, err = s.head(ctx, h.Ref); err != nil {
				return err
			}
		}
		first = false
		if !follows(l, &h) {
			return nil
		}
		v, err := p.Open(ctx, h.Collection, l, []events.Key{h.Key})
		if err != nil {
			return err
		}
		s.views.keep(h.Ref, p, v)
		h, err = s.believeShown(ctx, l, h, v.Shown(h.Key))
		return err
	})
	return h, err
}

// believeShown answers the same of what has been read of both. Where it fails
// it answers the head that it was given.
func (s *Store) believeShown(ctx context.Context, l Layout, h Head, shown Shown) (Head, error) {
	switch s.judge(&h, shown) {
	case adoptShown:
		adopted, err := s.adopt(ctx, l, h, shown)
		if err != nil {
			return h, err
		}
		return adopted, nil
	case notUnderstood:
		return h, &fault.Error{Code: fault.Unavailable, Err: shown.Err}
	}
	return h, nil
}

// admit looks at the object before a change is committed: one that could not be
// shown is refused (TooLarge), and a record that a person has made by hand is
// there, which a POST must know ([*Moved]). Neither may come before the mark.
func (s *Store) admit(ctx context.Context, c *Change) error {
	if c.Head == nil {
		return nil
	}
	p := s.projection(c.Head.Backend)
	if p == nil || c.Prior != "" && !p.Shared() {
		return nil
	}
	l, p, err := s.layout(ctx, c.Head.Collection)
	if p == nil || err != nil {
		return err
	}
	var refusal error // untilWritten takes a rejection for the bucket's
	err = s.untilWritten(ctx, func() error {
		refusal = nil
		v, err := p.Open(ctx, c.Head.Collection, l, []events.Key{c.Head.Key})
		if err != nil {
			return err
		}
		s.views.keep(c.Head.Ref, p, v)
		tooLarge := v.Fits(*c.Head)
		shown := v.Shown(c.Head.Key)
		taken := c.Prior == "" && !shown.Ours && (shown.Data != nil || shown.Err != nil)
		if tooLarge == nil && !taken {
			return nil
		}
		if _, err := s.driver.Mark(ctx, c.Mark.Key); !fault.Is(err, fault.NotFound) {
			return err // where there is a mark, the driver answers with it
		}
		if tooLarge != nil {
			refusal = tooLarge
			return nil
		}
		h, err := s.head(ctx, c.Head.Ref)
		if err != nil {
			return err
		}
		if follows(l, &h) {
			if h, err = s.believeShown(ctx, l, h, shown); err != nil {
				return err
			}
		}
		if h.Stamp != "" {
			refusal = &Moved{Head: h}
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
func (s *Store) moved(ctx context.Context, m *Moved) error {
	if m.Head.Stamp == "" || !follows(Layout{Backend: m.Head.Backend}, &m.Head) {
		return m
	}
	l, p, err := s.layout(ctx, m.Head.Collection)
	if err != nil {
		return err
	}
	if p == nil {
		return m
	}
	h, err := s.believe(ctx, l, p, m.Head)
	if err != nil {
		return err
	}
	return &Moved{Head: h}
}

// list lists the records of a collection that objects show: heads, and between
// them what people have put there.
func (s *Store) list(ctx context.Context, c Collection, l Layout, p Projection, after events.Key, limit int) ([]Head, error) {
	shown, err := p.Keys(ctx, c, l)
	if err != nil {
		return nil, err
	}
	slices.Sort(shown)
	var listed []Head
	for {
		heads, err := s.driver.Heads(ctx, c, after, limit)
		if err != nil {
			return nil, err
		}
		full := len(heads) == limit
		for _, k := range between(shown, after, heads, full) {
			h, err := s.head(ctx, Ref{c, k})
			if err != nil {
				return nil, err
			}
			heads = append(heads, h)
		}
		slices.SortFunc(heads, func(a, b Head) int { return compareKeys(a.Key, b.Key) })
		live, err := s.believeAll(ctx, c, l, p, heads[:min(limit, len(heads))])
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
func between(shown []events.Key, after events.Key, heads []Head, full bool) []events.Key {
	var picked []events.Key
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
func (s *Store) believeAll(ctx context.Context, c Collection, l Layout, p Projection, heads []Head) ([]Head, error) {
	var keys []events.Key
	for i := range heads {
		if follows(l, &heads[i]) {
			keys = append(keys, heads[i].Key)
		}
	}
	v, err := p.Open(ctx, c, l, keys)
	if err != nil {
		return nil, err
	}
	var live []Head
	for _, h := range heads {
		if follows(l, &h) {
			shown := v.Shown(h.Key)
			switch s.judge(&h, shown) {
			case notUnderstood:
				s.tell(ctx, l, h.Ref, "left out of a listing what cannot be understood", shown.Err)
				continue
			case adoptShown:
				if h, err = s.believe(ctx, l, p, h); err != nil {
					return nil, err
				}
			}
		}
		if h.Stamp != "" && !h.Deleted {
			live = append(live, h)
		}
	}
	return live, nil
}

func compareKeys(a, b events.Key) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Package cache keeps the results of loads in memory, up to a bounded weight and for a
// bounded time.
package cache

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// A Cache holds the result of a load until it must be loaded again, as long as the
// weights of all results are within a bound. One load runs at a time for each key. It is safe for concurrent
// use.
type Cache[K comparable, V any] struct {
	clock func() time.Time
	most  int

	mu      sync.Mutex
	expired int // how often Expire was called
	entries map[K]*entry[K, V]
	weight  int // of all entries
	// Entries from the most to the least recently used. Absent keys have a list of
	// their own and are dropped first, so that requests for names that do not exist
	// do not displace those that do.
	present, absent *list.List
}

type entry[K comparable, V any] struct {
	key     K
	loading chan struct{} // holds a token while a load runs; nil if nobody waits
	waiting int           // callers that use the entry; it is not dropped meanwhile
	state   Loaded[V]
	in      *list.List
	element *list.Element
}

// Loaded is the result of a load. The zero value is that of a key never loaded.
type Loaded[V any] struct {
	Value  V
	Err    error
	Absent bool
	Until  time.Time // when to load again
	Weight int       // at least 1
}

func (l *Loaded[V]) weight() int { return max(l.Weight, 1) }

// New returns a cache of at most so much weight: as many keys, if loads set none.
func New[K comparable, V any](clock func() time.Time, most int) *Cache[K, V] {
	return &Cache[K, V]{clock: clock, most: most, entries: map[K]*entry[K, V]{},
		present: list.New(), absent: list.New()}
}

// Get returns the cached result of a key, or loads it. The load receives the
// previous result and must not panic. A caller whose context ends stops waiting
// for the load of another caller.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(context.Context, Loaded[V]) Loaded[V]) (V, error) {
	c.mu.Lock()
	e := c.enter(key)
	if c.clock().Before(e.state.Until) {
		defer c.mu.Unlock()
		c.leave(e)
		return e.state.Value, e.state.Err
	}
	if e.loading == nil {
		e.loading = make(chan struct{}, 1)
	}
	loading := e.loading
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.leave(e)
		c.mu.Unlock()
	}()

	select {
	case loading <- struct{}{}:
		defer func() { <-loading }()
	case <-ctx.Done():
		var zero V
		return zero, context.Cause(ctx)
	}
	c.mu.Lock()
	before, expired := e.state, c.expired
	c.mu.Unlock()
	if c.clock().Before(before.Until) { // another caller has loaded it meanwhile
		return before.Value, before.Err
	}
	after := load(ctx, before)
	c.mu.Lock()
	if c.expired != expired { // it may have been loaded before
		after.Until = expiredAt
	}
	c.weight += after.weight() - e.state.weight()
	e.state = after
	c.mu.Unlock()
	return after.Value, after.Err
}

// expiredAt is a time in the past. The zero time stands for a key never loaded.
var expiredAt = time.Unix(0, 0)

// Expire makes every key be loaded again when it is next used, with its previous
// result.
func (c *Cache[K, V]) Expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expired++
	for _, e := range c.entries {
		if !e.state.Until.IsZero() {
			e.state.Until = expiredAt
		}
	}
}

// enter finds or creates the entry and prevents it from being dropped.
func (c *Cache[K, V]) enter(key K) *entry[K, V] {
	e, ok := c.entries[key]
	if !ok {
		e = &entry[K, V]{key: key}
		c.entries[key] = e
		c.weight += e.state.weight()
	}
	e.waiting++
	return e
}

// leave lists the entry as the most recently used of its kind, and drops entries
// beyond the limit.
func (c *Cache[K, V]) leave(e *entry[K, V]) {
	if e.waiting--; e.waiting == 0 {
		e.loading = nil
	}
	in := c.present
	if e.state.Absent || e.state.Until.IsZero() {
		in = c.absent
	}
	if e.in == in { // a hit: nothing is allocated
		in.MoveToFront(e.element)
	} else {
		if e.in != nil {
			e.in.Remove(e.element)
		}
		e.in, e.element = in, in.PushFront(e)
	}
	for _, from := range []*list.List{c.absent, c.present} {
		for el := from.Back(); el != nil && c.weight > c.most; {
			old := el.Value.(*entry[K, V])
			el = el.Prev()
			if old.waiting == 0 {
				old.in.Remove(old.element)
				delete(c.entries, old.key)
				c.weight -= old.state.weight()
			}
		}
	}
}

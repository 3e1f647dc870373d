package tenant

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// A cache keeps what a load answered until that is to be asked again, for a
// bounded number of keys. One load runs at a time for each key. It is safe for
// concurrent use.
type cache[K comparable, V any] struct {
	clock func() time.Time
	most  int

	mu      sync.Mutex
	entries map[K]*cacheEntry[K, V]
	// Entries from newest to oldest use. What was not there has a list of its
	// own and is dropped first: asking for names that do not exist must not
	// push out those that do.
	present, absent *list.List
}

type cacheEntry[K comparable, V any] struct {
	key     K
	loading chan struct{} // holds a token while a load runs
	waiting int           // callers that hold the entry and must find it again
	state   loaded[V]
	in      *list.List
	element *list.Element
}

// loaded is what a load answered. Its zero value is that of a key never loaded.
type loaded[V any] struct {
	value  V
	err    error
	absent bool
	until  time.Time // when to ask again
}

func newCache[K comparable, V any](clock func() time.Time, most int) *cache[K, V] {
	return &cache[K, V]{clock: clock, most: most, entries: map[K]*cacheEntry[K, V]{},
		present: list.New(), absent: list.New()}
}

// get answers from the cache, or loads. The load gets what was known before and
// must not panic. A caller whose context ends stops waiting for another's load.
func (c *cache[K, V]) get(ctx context.Context, key K, load func(context.Context, loaded[V]) loaded[V]) (V, error) {
	c.mu.Lock()
	e := c.enter(key)
	if c.clock().Before(e.state.until) {
		defer c.mu.Unlock()
		c.leave(e)
		return e.state.value, e.state.err
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.leave(e)
		c.mu.Unlock()
	}()

	select {
	case e.loading <- struct{}{}:
		defer func() { <-e.loading }()
	case <-ctx.Done():
		var zero V
		return zero, context.Cause(ctx)
	}
	c.mu.Lock()
	before := e.state
	c.mu.Unlock()
	if c.clock().Before(before.until) { // another caller has loaded meanwhile
		return before.value, before.err
	}
	after := load(ctx, before)
	c.mu.Lock()
	e.state = after
	c.mu.Unlock()
	return after.value, after.err
}

// enter finds or makes the entry and keeps it from being dropped.
func (c *cache[K, V]) enter(key K) *cacheEntry[K, V] {
	e, ok := c.entries[key]
	if !ok {
		e = &cacheEntry[K, V]{key: key, loading: make(chan struct{}, 1)}
		c.entries[key] = e
	}
	e.waiting++
	return e
}

// leave files the entry as the newest of its kind, and drops what is too many.
func (c *cache[K, V]) leave(e *cacheEntry[K, V]) {
	e.waiting--
	in := c.present
	if e.state.absent || e.state.until.IsZero() {
		in = c.absent
	}
	if e.in == in { // the way of every hit: nothing is allocated
		in.MoveToFront(e.element)
		return
	}
	if e.in != nil {
		e.in.Remove(e.element)
	}
	e.in, e.element = in, in.PushFront(e)
	for _, from := range []*list.List{c.absent, c.present} {
		for el := from.Back(); el != nil && len(c.entries) > c.most; {
			old := el.Value.(*cacheEntry[K, V])
			el = el.Prev()
			if old.waiting == 0 {
				old.in.Remove(old.element)
				delete(c.entries, old.key)
			}
		}
	}
}

package router

import (
	"context"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// unknownOriginLookups is how many tenants that this process has not found before
// are looked up for [Router.Origins] in a second.
const unknownOriginLookups = 20

// Origins lists the origins from which browsers may call a tenant's API: none
// where there is no such tenant. A browser asks before it sends a key, so that
// anyone can cause these lookups: beyond [unknownOriginLookups] a second, tenants
// that this process has not found before have no origins, without a lookup.
func (r *Router) Origins(ctx context.Context, id string) []string {
	if !r.origins.allow(id, r.now()) {
		return nil
	}
	owner, err := r.tenants.Tenant(ctx, events.TenantID(id))
	if err != nil {
		return nil
	}
	r.origins.found(id)
	return owner.CORSOrigins
}

// originLookups limits the lookups of tenants that may not exist. The zero value
// is ready to use, and it is safe for concurrent use.
type originLookups struct {
	mu     sync.Mutex
	known  map[string]struct{}
	second time.Time // in which the lookups were made
	made   int
}

// allow reports whether a tenant may be looked up now.
func (l *originLookups) allow(id string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.known[id]; ok {
		return true
	}
	if second := now.Truncate(time.Second); !second.Equal(l.second) {
		l.second, l.made = second, 0
	}
	l.made++
	return l.made <= unknownOriginLookups
}

// found records that a tenant exists. Its lookup does not count.
func (l *originLookups) found(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.known[id]; ok {
		return
	}
	if l.known == nil {
		l.known = map[string]struct{}{}
	}
	l.known[id] = struct{}{}
	l.made--
}

package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// spend commits n requests of one tenant with a token limit, 0 for none, and returns
// the number of those that were not rejected.
func (l *ledger) spend(name string, n int, limit int64) (passed int) {
	l.t.Helper()
	for i := range n {
		key := named(name, i)
		c := change(ref("acme", "petstore", key), key, events.Post, store.Record{}, `{"id":"x"}`)
		c.TokenLimit = limit
		switch _, err := l.Commit(ctx, c); {
		case err == nil:
			passed++
		case !fault.Is(err, fault.Exhausted):
			l.t.Fatalf("request %s under the limit %d: %v", key, limit, err)
		}
	}
	return passed
}

// another returns a second instance over the storage of l, with l's clock, or l if the
// storage allows one process only.
func (l *ledger) another() *ledger {
	l.t.Helper()
	if l.h.Another == nil {
		return l
	}
	second := *l
	second.use(l.h.Another(l.t, l.driver, l.env))
	return &second
}

// passLimitLag advances the clock by the time after which every bill counts.
func (l *ledger) passLimitLag() {
	l.catchUp()
	l.clock.advance(store.LimitLag)
}

// aggregateAll aggregates the bills of all idempotency records.
func (l *ledger) aggregateAll() {
	l.t.Helper()
	for _, m := range l.idempotencyRecords() {
		l.aggregate(m.Key)
	}
}

// wantRemaining checks that used requests count towards the limit: with a limit of as
// many, no request passes, and with room for one more, exactly one passes.
func (l *ledger) wantRemaining(name string, used int) {
	l.t.Helper()
	want(l.t, name+": tokens used", l.used("acme"), int64(used*tokens))
	want(l.t, name+": passed without room", l.spend(name+"-none", 2, int64(used*tokens)), 0)
	want(l.t, name+": passed with room for one", l.spend(name+"-one", 3, int64(used*tokens+2*tokens-1)), 1)
}

func testLimitRestored(t *testing.T, h Harness) {
	// Bills are aggregated at none, one or all of the points in between.
	for aggregate := range 5 {
		l := open(t, h)
		at := func(point int) {
			if aggregate == point || aggregate == 4 {
				l.aggregateAll()
			}
		}
		want(t, "under the limit", l.spend("a", 3, 100), 3)
		at(1)
		want(t, "without limit", l.spend("b", 20, 0), 20)
		at(2)
		want(t, "under the limit again", l.spend("c", 7, 100), 0)
		at(3)
		l.wantRemaining("restored", 23)
		l.passLimitLag()
		l.wantRemaining("later", 24)
	}
}

func testLimitFirstSet(t *testing.T, h Harness) {
	l := open(t, h)
	want(t, "without limit", l.spend("a", 5, 0), 5)
	l.catchUp()
	l.aggregate(idempotencyKey("acme", "a000"), idempotencyKey("acme", "a001"))
	want(t, "limit below what is used", l.spend("b", 2, 40), 0)
	l.wantRemaining("set", 5)
	l.aggregateAll()
	l.wantRemaining("aggregated", 6)
	want(t, "limit lowered", l.spend("c", 2, 10), 0)
	want(t, "limit raised", l.spend("d", 10, 100), 3)

	// Usage of a new month starts at 0, with or without a limit.
	l.clock.advance(31 * 24 * time.Hour)
	want(t, "in the next month, without limit", l.spend("e", 2, 0), 2)
	l.catchUp()
	want(t, "in the next month", l.spend("f", 5, 40), 2)
}

// An instance with an old copy of the tenant's properties uses another limit, or none.
func testLimitOldProperties(t *testing.T, h Harness) {
	l := open(t, h)
	old := l.another()

	want(t, "old instance, before", old.spend("a", 5, 0), 5)
	l.passLimitLag()
	want(t, "under the limit", l.spend("b", 10, 80), 3)
	want(t, "old instance without limit", old.spend("c", 10, 0), 10)
	if n := l.spend("d", 5, 80); n != 0 {
		t.Fatalf("%d requests passed a limit that is used up", n)
	}

	// After LimitLag, the requests of the old instance count.
	want(t, "old instance, in between", old.spend("e", 2, 0), 2)
	l.passLimitLag()
	l.wantRemaining("in time", 20)

	// When the old instance has loaded the limit, it counts its own earlier requests.
	want(t, "old instance, last", old.spend("f", 4, 0), 4)
	old.wantRemaining("known", 25)

	// The two instances have different limits.
	want(t, "higher limit", old.spend("g", 10, 300), 4)
	want(t, "lower limit", l.spend("h", 10, 280), 0)
	l.passLimitLag()
	l.wantRemaining("both", 30)
}

// Writers with and without a limit use two instances while relays aggregate. No bill
// may be missing or counted twice in the end.
func testLimitMixed(t *testing.T, h Harness) {
	l := open(t, h)
	second := l.another()
	const writers, each, allowed = 12, 6, 30
	stop := make(chan struct{})
	relay := make(chan struct{})
	go func() {
		defer close(relay)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for key := range l.pendingKeys(start.Add(time.Hour)) {
				if err := l.AggregateUsage(ctx, []store.IdempotencyKey{key}); err != nil && !fault.Is(err, fault.Unavailable) {
					t.Errorf("aggregation: %v", err)
				}
			}
		}
	}()
	var done atomic.Int64
	concurrently(writers, func(w int) {
		on := l
		if w%2 == 1 {
			on = second
		}
		for i := range each {
			key := named(named("w", w), i)
			c := change(ref("acme", "petstore", key), key, events.Post, store.Record{}, `{"id":"x"}`)
			if w%4 < 2 {
				c.TokenLimit = allowed * tokens
			}
			switch _, err := on.Commit(ctx, c); {
			case err == nil:
				done.Add(1)
			case !fault.Is(err, fault.Exhausted) || c.TokenLimit == 0:
				t.Errorf("writer %d: %v", w, err)
			}
		}
	})
	close(stop)
	<-relay
	used := int(done.Load())
	if used < writers*each/2 {
		t.Fatalf("%d requests passed, at least %d had no limit", used, writers*each/2)
	}
	l.passLimitLag()
	l.wantRemaining("first instance", used)
	l.passLimitLag()
	second.wantRemaining("second instance", used+1)
	l.aggregateAll()
	l.passLimitLag()
	l.wantRemaining("all aggregated", used+2)
}

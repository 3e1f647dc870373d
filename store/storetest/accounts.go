package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func testTokenLimit(t *testing.T, h Harness) {
	l := open(t, h)
	const writers, each, allowed = 32, 2, 20
	var done, exhausted atomic.Int64
	concurrently(writers, func(w int) {
		for i := range each {
			name := named(named("w", w), i)
			c := change(ref("acme", "petstore", name), name, events.Post, store.Record{}, `{"id":"x"}`)
			c.TokenLimit = allowed*tokens + tokens - 1 // the remainder is smaller than a bill
			switch _, err := l.Commit(ctx, c); {
			case err == nil:
				done.Add(1)
			case fault.Is(err, fault.Exhausted):
				exhausted.Add(1)
			default:
				t.Errorf("writer %d: %v", w, err)
			}
		}
	})
	want(t, "committed", done.Load(), allowed)
	want(t, "rejected", exhausted.Load(), writers*each-allowed)
	want(t, "tokens", l.used("acme"), allowed*tokens)
	want(t, "idempotency records", len(l.idempotencyRecords()), allowed)

	// A rejection has no bill, so it is committed.
	refused := rejection(pet, "rejected", events.Put, fault.Exhausted, "used up")
	refused.TokenLimit = tokens
	l.commit(refused)

	// Another tenant has used nothing, and neither has this one in the next month.
	other := change(ref("acme-2", "petstore", "x"), "x", events.Post, store.Record{}, `{"id":"x"}`)
	other.TokenLimit = tokens
	l.commit(other)
	l.clock.advance(31 * 24 * time.Hour)
	next := change(pet, "next month", events.Post, store.Record{}, `{"id":"rex"}`)
	next.TokenLimit = tokens
	l.commit(next)
	want(t, "tokens of the next month", l.used("acme"), tokens)
}

func testUsage(t *testing.T, h Harness) {
	l := open(t, h)
	order := ref("acme", "orders", "1")
	l.write(pet, "a", events.Post, `{"id":"rex"}`)
	l.write(pet, "b", events.Patch, `{"id":"rex"}`)
	l.write(order, "c", events.Post, `{"id":"1"}`)
	l.clock.advance(24 * time.Hour)
	l.write(pet, "d", events.Patch, `{"id":"rex"}`)
	read := change(pet, "e", events.Get, store.Record{}, "")
	read.Record = nil
	l.commit(read)
	l.commit(rejection(pet, "f", events.Post, fault.Conflict, "taken"))
	l.write(ref("acm", "petstore", "x"), "g", events.Post, `{"id":"x"}`)

	check := func(when string) {
		t.Helper()
		l.catchUp()
		u, err := l.Usage(ctx, "acme", "2026-11")
		if err != nil {
			t.Fatal(err)
		}
		want(t, when+": tenant", u.Tenant, "acme")
		want(t, when+": month", u.Month, "2026-11")
		want(t, when+": tokens", u.Tokens(), 5*tokens)
		want(t, when+": petstore POST", u.BySchema["petstore"][events.Post], tokens)
		want(t, when+": petstore PATCH", u.BySchema["petstore"][events.Patch], 2*tokens)
		want(t, when+": petstore GET", u.BySchema["petstore"][events.Get], tokens)
		want(t, when+": orders POST", u.BySchema["orders"][events.Post], tokens)
		want(t, when+": schemas", len(u.BySchema), 2)
		want(t, when+": first day", u.ByDay["2026-11-21"], 3*tokens)
		want(t, when+": second day", u.ByDay["2026-11-22"], 2*tokens)
		want(t, when+": days", len(u.ByDay), 2)
	}
	check("before aggregation")
	l.aggregate(idempotencyKey("acme", "a"), idempotencyKey("acme", "d"), idempotencyKey("acme", "never"))
	check("after aggregation")
	want(t, "aggregated", l.idempotencyRecord(idempotencyKey("acme", "a")).Aggregated, true)
	l.aggregate(idempotencyKey("acme", "a"), idempotencyKey("acme", "b"), idempotencyKey("acme", "b"), idempotencyKey("acme", "c"), idempotencyKey("acme", "d"), idempotencyKey("acme", "e"), idempotencyKey("acme", "f"))
	check("after aggregating some twice")
	l.aggregate()
	check("after aggregating nothing")

	u, err := l.Usage(ctx, "acme", "2026-12")
	if err != nil || u.Tokens() != 0 || u.Tenant != "acme" {
		t.Fatalf("usage of a month without any: %+v, %v", u, err)
	}
	if err := l.AggregateUsage(ctx, make([]store.IdempotencyKey, store.MaxAggregate+1)); err == nil {
		t.Fatal("26 idempotency records in one aggregation are not rejected")
	}
}

func testUsageDuringAggregation(t *testing.T, h Harness) {
	l := open(t, h)
	const requests = 60
	stop := make(chan struct{})
	var relays sync.WaitGroup
	for range 2 {
		relays.Go(func() {
			for done := false; !done; {
				select {
				case <-stop:
					done = true
				default:
				}
				for key := range l.pendingKeys(start.Add(time.Hour)) {
					if err := l.AggregateUsage(ctx, []store.IdempotencyKey{key}); err != nil {
						t.Errorf("aggregation: %v", err)
					}
				}
			}
		})
	}
	for i := range requests {
		l.write(ref("acme", "petstore", named("n", i)), named("n", i), events.Post, `{"id":"x"}`)
		exact := int64(i+1) * tokens
		if u, err := l.Usage(ctx, "acme", store.Month(start)); err != nil || u.Tokens() > exact {
			t.Errorf("usage is %d during aggregation, %v; want at most %d", u.Tokens(), err, exact)
			break
		}
		if got := l.used("acme"); got != exact {
			t.Errorf("usage is %d during aggregation, want %d", got, exact)
			break
		}
	}
	close(stop)
	relays.Wait()
	want(t, "tokens", l.used("acme"), requests*tokens)
}

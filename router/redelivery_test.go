package router_test

import (
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// TestRedeliveryOfAnEventDatedAhead: an event whose time is up to a day ahead is
// not stale before that time and the age of idempotency records have passed. Its
// idempotency record must not expire sooner, or a redelivery in between has a
// second effect.
func TestRedeliveryOfAnEventDatedAhead(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Hour, 0, 500 * time.Microsecond, time.Hour, 24 * time.Hour} {
		for _, after := range []time.Duration{
			store.DefaultRetention - time.Hour, store.DefaultRetention - time.Millisecond, store.DefaultRetention, store.DefaultRetention + time.Second,
			store.DefaultRetention + ahead - time.Millisecond, store.DefaultRetention + ahead, store.DefaultRetention + ahead + time.Second,
		} {
			h := newHouse(t)
			sent := h.clock.Now().Add(ahead)
			e := put{id: "e1", time: sent.Format(time.RFC3339Nano)}
			h.must(e)
			h.clock.advance(after)
			receipt, _, err := h.send(e)
			if stale := !h.clock.Now().Before(sent.Add(store.DefaultRetention)); stale {
				// It may be answered from its record for as long as that exists.
				if !receipt.Replayed && !fault.Is(err, fault.Invalid) {
					t.Errorf("%v ahead, again after %v: replayed %v, %v; want a stale event", ahead, after, receipt.Replayed, err)
				}
			} else if err != nil || !receipt.Replayed {
				t.Errorf("%v ahead, again after %v: replayed %v, %v; want a replay", ahead, after, receipt.Replayed, err)
			}
		}
	}
}

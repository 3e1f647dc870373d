package bus_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
)

const account = "111122223333"

func own(region, name string) events.BusARN {
	return events.BusARN("arn:aws:events:" + region + ":" + account + ":event-bus/" + name)
}

// buses are those that are there; asked is which were asked for.
type buses struct {
	there []events.BusARN
	err   error
	asked []events.BusARN
}

func (b *buses) Exists(_ context.Context, bus events.BusARN) (bool, error) {
	b.asked = append(b.asked, bus)
	return slices.Contains(b.there, bus), b.err
}

func TestWatchLooksEveryFiveMinutes(t *testing.T) {
	orders, theirs := own("us-east-1", "orders"), events.BusARN("arn:aws:events:us-east-1:999999999999:event-bus/theirs")
	l := &buses{there: []events.BusARN{orders}}
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	w := bus.NewWatch(l, account, &bus.WatchOptions{
		Expected: []events.BusARN{theirs, orders}, Clock: func() time.Time { return now },
	})
	look := func(also ...events.BusARN) []events.BusARN {
		t.Helper()
		gone, err := w.Look(t.Context(), also)
		if err != nil {
			t.Fatal(err)
		}
		return gone
	}
	if w.Gone(own("us-east-1", "missing")) {
		t.Error("a bus is gone before anybody has looked")
	}
	missing, far := own("us-east-1", "missing"), own("eu-west-1", "far")
	if gone := look(missing, far, far, theirs, own("us-east-1", "default")); !slices.Equal(gone, []events.BusARN{far, missing}) {
		t.Errorf("gone: %v", gone)
	}
	if !slices.Equal(l.asked, []events.BusARN{orders, missing, far}) {
		t.Errorf("asked for %v", l.asked)
	}
	l.there = nil
	now = now.Add(bus.LookEvery - time.Second)
	if gone := look(); gone != nil || len(l.asked) != 3 || w.Gone(orders) {
		t.Errorf("gone %v, asked for %v: before five minutes", gone, l.asked)
	}
	now = now.Add(time.Second)
	if gone := look(); !slices.Equal(gone, []events.BusARN{orders}) || !w.Gone(orders) || w.Gone(theirs) {
		t.Errorf("gone after five minutes: %v", gone)
	}
	l.there = []events.BusARN{orders}
	now = now.Add(bus.LookEvery)
	if gone := look(); gone != nil || w.Gone(orders) {
		t.Errorf("gone though made anew: %v", gone)
	}
}

// TestWatchThatCannotLook: what cannot be seen is not taken for gone, or a
// permission that is missing would stop all publishing.
func TestWatchThatCannotLook(t *testing.T) {
	orders := own("us-east-1", "orders")
	denied := errors.New("denied")
	l := &buses{err: denied}
	now := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	w := bus.NewWatch(l, account, &bus.WatchOptions{Clock: func() time.Time { return now }})
	if gone, err := w.Look(t.Context(), []events.BusARN{orders}); !errors.Is(err, denied) || gone != nil || w.Gone(orders) {
		t.Errorf("%v, %v", gone, err)
	}
	if _, err := w.Look(t.Context(), []events.BusARN{orders}); err != nil || len(l.asked) != 1 {
		t.Errorf("it asks again at once: %v, %v", l.asked, err)
	}
	// Seen once, then no longer: believed for a while.
	l.err, now = nil, now.Add(bus.LookEvery)
	if gone, err := w.Look(t.Context(), []events.BusARN{orders}); err != nil || len(gone) != 1 {
		t.Fatalf("%v, %v", gone, err)
	}
	l.err, now = denied, now.Add(bus.LookEvery)
	if gone, err := w.Look(t.Context(), []events.BusARN{orders}); !errors.Is(err, denied) || len(gone) != 1 {
		t.Errorf("what was seen is forgotten at once: %v, %v", gone, err)
	}
	if now = now.Add(2 * bus.LookEvery); w.Gone(orders) {
		t.Error("what was seen a quarter of an hour ago is still believed")
	}
}

func TestWatchOfOneRegion(t *testing.T) {
	l := &buses{}
	w := bus.NewWatch(l, account, &bus.WatchOptions{Region: "us-east-1"})
	if gone, err := w.Look(t.Context(), []events.BusARN{own("eu-west-1", "far")}); err != nil || gone != nil || len(l.asked) != 0 {
		t.Errorf("%v, %v, asked for %v", gone, err, l.asked)
	}
	var none *bus.Watch
	if gone, err := none.Look(t.Context(), []events.BusARN{own("us-east-1", "x")}); gone != nil || err != nil || none.Gone(own("us-east-1", "x")) {
		t.Error("a nil watch knows something")
	}
}

package bus_test

import (
	"context"
	"errors"
	"maps"
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

var theirs = events.BusARN("arn:aws:events:us-east-1:999999999999:event-bus/theirs")

// buses are the buses that exist, and the stored results of checks.
type buses struct {
	there  []events.BusARN
	err    error // of a check
	asked  []events.BusARN
	stored map[events.BusARN]time.Time
	failed error // of the ledger
	reads  int
}

func (b *buses) Exists(_ context.Context, bus events.BusARN) (bool, error) {
	b.asked = append(b.asked, bus)
	return slices.Contains(b.there, bus), b.err
}

func (b *buses) PutBus(_ context.Context, bus events.BusARN, missing bool, checked time.Time) error {
	if b.failed != nil {
		return b.failed
	}
	if b.stored == nil {
		b.stored = map[events.BusARN]time.Time{}
	}
	delete(b.stored, bus)
	if missing {
		b.stored[bus] = checked
	}
	return nil
}

func (b *buses) MissingBuses(context.Context) (map[events.BusARN]time.Time, error) {
	b.reads++
	return maps.Clone(b.stored), b.failed
}

// A bench is one account with a clock, and any number of watches over it.
type bench struct {
	t *testing.T
	*buses
	now time.Time
}

func newBench(t *testing.T, there ...events.BusARN) *bench {
	return &bench{t: t, buses: &buses{there: there, stored: map[events.BusARN]time.Time{}}, now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}
}

func (b *bench) watch(o bus.WatchOptions) *bus.Watch {
	o.Clock = func() time.Time { return b.now }
	return bus.NewWatch(b.buses, b.buses, account, &o)
}

func (b *bench) look(w *bus.Watch, named ...events.BusARN) []events.BusARN {
	b.t.Helper()
	missing, err := w.Look(b.t.Context(), named)
	if err != nil {
		b.t.Fatal(err)
	}
	return missing
}

func TestWatchChecksEveryFiveMinutes(t *testing.T) {
	orders, missing, far := own("us-east-1", "orders"), own("us-east-1", "missing"), own("eu-west-1", "far")
	b := newBench(t, orders)
	w := b.watch(bus.WatchOptions{})
	if w.Gone(missing) {
		t.Error("a bus is missing before it was checked")
	}
	if got := b.look(w, theirs, orders, missing, far, far, own("us-east-1", "default")); !slices.Equal(got, []events.BusARN{far, missing}) {
		t.Errorf("missing: %v", got)
	}
	if !slices.Equal(b.asked, []events.BusARN{orders, missing, far}) {
		t.Errorf("checked %v", b.asked)
	}
	b.there = nil
	b.now = b.now.Add(bus.LookEvery - time.Second)
	if got := b.look(w, orders); got != nil || len(b.asked) != 3 || w.Gone(orders) {
		t.Errorf("missing %v, checked %v: before five minutes", got, b.asked)
	}
	b.now = b.now.Add(time.Second)
	if got := b.look(w, orders); !slices.Equal(got, []events.BusARN{orders}) || !w.Gone(orders) || w.Gone(theirs) {
		t.Errorf("missing after five minutes: %v", got)
	}
	b.there = []events.BusARN{orders}
	b.now = b.now.Add(bus.LookEvery)
	if got := b.look(w, orders); got != nil || w.Gone(orders) {
		t.Errorf("missing though it was created again: %v", got)
	}
}

func TestWatchChecksExpectedBuses(t *testing.T) {
	b := newBench(t)
	orders, unreadable := own("us-east-1", "orders"), errors.New("unreadable")
	var failing error
	w := b.watch(bus.WatchOptions{Expected: func(context.Context) ([]events.BusARN, error) {
		return []events.BusARN{theirs, orders}, failing
	}})
	if got, err := w.LookExpected(t.Context()); err != nil || !slices.Equal(got, []events.BusARN{orders}) {
		t.Errorf("%v, %v", got, err)
	}
	failing = unreadable
	if _, err := w.LookExpected(t.Context()); !errors.Is(err, unreadable) {
		t.Errorf("error = %v, want %v", err, unreadable)
	}
}

// TestOneWatchChecksAndEveryWatchKnows: an instance that never ran the relay
// reads the result, within 30 seconds, and checks nothing itself.
func TestOneWatchChecksAndEveryWatchKnows(t *testing.T) {
	b := newBench(t)
	orders := own("us-east-1", "orders")
	relay, instance := b.watch(bus.WatchOptions{}), b.watch(bus.WatchOptions{})
	refresh := func(named ...events.BusARN) {
		t.Helper()
		if err := instance.Refresh(t.Context(), named); err != nil {
			t.Fatal(err)
		}
	}
	// Only entries that need the results have them read.
	refresh(theirs, own("us-east-1", "default"))
	refresh()
	if b.reads != 0 {
		t.Fatalf("%d reads for buses that are never missing", b.reads)
	}
	refresh(orders)
	b.look(relay, orders)
	b.reads = 0
	b.now = b.now.Add(bus.ReadEvery - time.Millisecond)
	refresh(orders)
	if b.reads != 0 || instance.Gone(orders) {
		t.Fatalf("%d reads within 30 seconds", b.reads)
	}
	b.now = b.now.Add(time.Millisecond)
	refresh(theirs, orders)
	if b.reads != 1 || !instance.Gone(orders) || len(b.asked) != 1 {
		t.Fatalf("after 30 seconds: %d reads, missing %v, checked %v", b.reads, instance.Gone(orders), b.asked)
	}
	b.there = []events.BusARN{orders}
	b.now = b.now.Add(bus.LookEvery)
	b.look(relay, orders)
	refresh(orders)
	if instance.Gone(orders) {
		t.Error("missing though the relay found it again")
	}
}

// TestResultsThatCannotBeReadOrStored: the caller learns that nothing is known,
// and a result that was not stored is found and stored by the next check.
func TestResultsThatCannotBeReadOrStored(t *testing.T) {
	b := newBench(t)
	orders, down := own("us-east-1", "orders"), errors.New("down")
	relay, instance := b.watch(bus.WatchOptions{}), b.watch(bus.WatchOptions{})
	b.failed = down
	if err := instance.Refresh(t.Context(), []events.BusARN{orders}); !errors.Is(err, down) {
		t.Errorf("error = %v", err)
	}
	if err := instance.Refresh(t.Context(), []events.BusARN{theirs}); err != nil {
		t.Errorf("entries that need no result fail: %v", err)
	}
	if _, err := relay.Look(t.Context(), []events.BusARN{orders}); !errors.Is(err, down) || len(b.stored) != 0 {
		t.Errorf("error = %v, stored %v", err, b.stored)
	}
	b.failed = nil
	b.look(relay, orders)
	if err := instance.Refresh(t.Context(), []events.BusARN{orders}); err != nil || !instance.Gone(orders) {
		t.Errorf("missing %v, %v", instance.Gone(orders), err)
	}
}

// TestDirectWatch: the only process of a deployment checks a bus before it
// publishes to it.
func TestDirectWatch(t *testing.T) {
	b := newBench(t)
	orders := own("us-east-1", "orders")
	w := b.watch(bus.WatchOptions{Direct: true, Every: 10 * time.Second})
	for range 2 {
		if err := w.Refresh(t.Context(), []events.BusARN{theirs, orders}); err != nil || !w.Gone(orders) || len(b.asked) != 1 {
			t.Fatalf("%v, missing %v, checked %v", err, w.Gone(orders), b.asked)
		}
	}
	b.there = []events.BusARN{orders}
	b.now = b.now.Add(10 * time.Second)
	if err := w.Refresh(t.Context(), []events.BusARN{orders}); err != nil || w.Gone(orders) {
		t.Errorf("%v, missing %v", err, w.Gone(orders))
	}
}

// TestWatchThatCannotCheck: a bus that cannot be checked does not count as
// missing, or a missing permission would stop all publishing.
func TestWatchThatCannotCheck(t *testing.T) {
	b := newBench(t)
	orders, denied := own("us-east-1", "orders"), errors.New("denied")
	b.err = denied
	w := b.watch(bus.WatchOptions{})
	if missing, err := w.Look(t.Context(), []events.BusARN{orders}); !errors.Is(err, denied) || missing != nil || w.Gone(orders) {
		t.Errorf("%v, %v", missing, err)
	}
	if _, err := w.Look(t.Context(), []events.BusARN{orders}); err != nil || len(b.asked) != 1 {
		t.Errorf("it checks again at once: %v, %v", b.asked, err)
	}
	// Checked once, then no longer: the result counts for a while.
	b.err, b.now = nil, b.now.Add(bus.LookEvery)
	if missing := b.look(w, orders); len(missing) != 1 {
		t.Fatalf("%v", missing)
	}
	b.err, b.now = denied, b.now.Add(bus.LookEvery)
	if missing, err := w.Look(t.Context(), []events.BusARN{orders}); !errors.Is(err, denied) || len(missing) != 1 {
		t.Errorf("the result is forgotten at once: %v, %v", missing, err)
	}
	if b.now = b.now.Add(2 * bus.LookEvery); w.Gone(orders) {
		t.Error("a result of a quarter of an hour ago still counts")
	}
}

func TestWatchOfOneRegion(t *testing.T) {
	b := newBench(t)
	w := b.watch(bus.WatchOptions{Region: "us-east-1"})
	if missing := b.look(w, own("eu-west-1", "far")); missing != nil || len(b.asked) != 0 {
		t.Errorf("%v, checked %v", missing, b.asked)
	}
	var none *bus.Watch
	x := own("us-east-1", "x")
	if missing, err := none.Look(t.Context(), []events.BusARN{x}); missing != nil || err != nil || none.Gone(x) || none.Covers(x) {
		t.Error("a nil watch covers a bus")
	}
	if err := none.Refresh(t.Context(), []events.BusARN{x}); err != nil {
		t.Error(err)
	}
}

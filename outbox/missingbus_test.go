package outbox_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/store"
)

func expectOrders(context.Context) ([]events.BusARN, error) { return []events.BusARN{ordersBus}, nil }

// account is an AWS account whose buses can be created and deleted.
type account struct {
	buses  []events.BusARN
	err    error
	checks int
}

func (a *account) Exists(_ context.Context, b events.BusARN) (bool, error) {
	a.checks++
	return slices.Contains(a.buses, b), a.err
}

// watched returns a fixture whose publisher and relay watch an account's buses.
func watched(t *testing.T, o *bus.WatchOptions) (*fixture, *account) {
	f, a := newFixture(t), &account{}
	o.Clock = f.clock.Now
	f.watch(bus.NewWatch(a, f.store, "000000000000", o))
	return f, a
}

func TestAMissingBus(t *testing.T) {
	f, a := watched(t, &bus.WatchOptions{Expected: expectOrders})

	// The relay finds it although no entry waits for it.
	if stats := f.runRelay(); !slices.Equal(stats.MissingBuses, []events.BusARN{ordersBus}) || stats.BusCheckErr != nil || a.checks != 1 {
		t.Fatalf("%+v, %d checks", stats, a.checks)
	}
	// From then on the invocation holds entries back too, without a check.
	if result := f.request(to(ordersBus, "pet")); result != (outbox.PublishResult{Pending: 1}) || a.checks != 1 {
		t.Fatalf("%+v, %d checks", result, a.checks)
	}
	f.request(to(defaultBus, "pet")) // another bus is not held up
	if sent := f.sender.take(); len(sent) != 1 || sent[0].Bus == ordersBus {
		t.Fatalf("sent %+v", sent)
	}
	for range 3 {
		if stats := f.runRelay(); stats.Pending != 1 || stats.Published != 0 || len(stats.MissingBuses) != 1 || len(f.sender.take()) != 0 {
			t.Fatalf("%+v", stats)
		}
	}
	if e := f.entry(1); e.State != store.EntryPending || e.Error != outbox.BusMissing || e.Attempts != 1 {
		t.Errorf("entry = %+v", e)
	}
	if a.checks != 1 {
		t.Errorf("%d checks within five minutes", a.checks)
	}

	// Once it is created, the relay finds it and publishes what waited.
	a.buses = []events.BusARN{ordersBus}
	f.clock.advance(bus.LookEvery)
	stats := f.runRelay()
	if sent := f.sender.take(); stats.Published != 1 || len(stats.MissingBuses) != 0 || len(sent) != 1 || sent[0].Bus != ordersBus || sent[0].OutputID == "" {
		t.Errorf("%+v, sent %+v", stats, sent)
	}
	if e := f.entry(1); e.State != store.EntryPublished || e.Error != "" {
		t.Errorf("entry = %+v", e)
	}
	if a.checks != 2 {
		t.Errorf("%d checks", a.checks)
	}
}

// TestAnInstanceThatNeverRanTheRelay reads the relay's result from the ledger
// and holds the entries; while it cannot read, it leaves them to the relay.
func TestAnInstanceThatNeverRanTheRelay(t *testing.T) {
	f, a := watched(t, &bus.WatchOptions{Expected: expectOrders})
	f.runRelay() // this instance's relay finds the bus missing
	relay, checks := f.relay, a.checks
	f.watch(bus.NewWatch(a, f.store, "000000000000", &bus.WatchOptions{Clock: f.clock.Now})) // another instance
	if result := f.request(to(ordersBus, "pet")); result != (outbox.PublishResult{Pending: 1}) {
		t.Fatalf("%+v", result)
	}
	if e := f.entry(1); e.State != store.EntryPending || e.Error != outbox.BusMissing {
		t.Errorf("entry = %+v", e)
	}
	if sent := f.sender.take(); len(sent) != 0 || a.checks != checks {
		t.Errorf("sent %+v, %d more checks", sent, a.checks-checks)
	}

	// The ledger fails after the commit: it is not known whether the bus exists.
	f.watch(bus.NewWatch(a, f.store, "000000000000", &bus.WatchOptions{Clock: f.clock.Now}))
	f.failing = func(op string) error {
		if op == "missing-buses:before" {
			return errDown
		}
		return nil
	}
	if result := f.request(to(ordersBus, "pet")); result.Pending != 1 || !errors.Is(result.Err, errDown) || len(f.sender.take()) != 0 {
		t.Fatalf("%+v", result)
	}
	f.request(to(defaultBus, "pet")) // the default bus needs no result
	if sent := f.sender.take(); len(sent) != 1 {
		t.Errorf("sent %+v", sent)
	}
	f.failing = nil
	a.buses = []events.BusARN{ordersBus}
	f.relay = relay
	f.clock.advance(bus.LookEvery)
	if stats := f.runRelay(); stats.Published != 2 {
		t.Errorf("%+v", stats)
	}
}

// TestABusThatGoesLater: entries left by a throttle wait for a bus that is
// missing when the relay runs; entries of the same change for another bus do not.
func TestABusThatGoesLater(t *testing.T) {
	f, a := watched(t, &bus.WatchOptions{})
	f.sender.result = throttled
	if result := f.request(to(ordersBus, "pet"), to(defaultBus, "pet")); result.Pending != 2 {
		t.Fatalf("%+v", result)
	}
	f.sender.result = nil
	stats := f.runRelay()
	if sent := f.sender.take(); stats.Published != 1 || len(sent) != 1 || sent[0].Bus == ordersBus || !slices.Equal(stats.MissingBuses, []events.BusARN{ordersBus}) {
		t.Errorf("%+v, sent %+v", stats, sent)
	}
	if a.checks != 1 {
		t.Errorf("%d checks", a.checks)
	}
}

// TestBusesThatCannotBeChecked: entries are published, and the relay reports why
// it does not know.
func TestBusesThatCannotBeChecked(t *testing.T) {
	f, a := watched(t, &bus.WatchOptions{Expected: expectOrders})
	a.err = errors.New("not authorized to perform events:DescribeEventBus")
	f.request(to(ordersBus, "pet"))
	if stats := f.runRelay(); !errors.Is(stats.BusCheckErr, a.err) || stats.MissingBuses != nil {
		t.Errorf("%+v", stats)
	}
	f.request(to(ordersBus, "pet"))
	if sent := f.sender.take(); len(sent) != 2 {
		t.Errorf("sent %+v", sent)
	}
}

// TestHeldEntriesAreNotInTheWay: more records than a page, all older, wait for a
// missing bus; those behind them are published.
func TestHeldEntriesAreNotInTheWay(t *testing.T) {
	f, _ := watched(t, &bus.WatchOptions{Expected: expectOrders})
	f.runRelay()
	const held, others = 2500, 40 // about 156 of the held ones in each of the 16 shards
	for range held {
		f.request(to(ordersBus, "pet"))
	}
	f.clock.advance(time.Second)
	f.sender.result = func(events.Entry) (bus.Result, error) { return bus.Result{}, errDown }
	for range others {
		f.request(to(defaultBus, "pet"))
	}
	f.sender.result = nil
	f.runRelay()
	if sent := f.sender.take(); len(sent) != others {
		t.Errorf("%d of %d entries were published from behind %d that are held back", len(sent), others, held)
	}
}

// TestABusThatDeniesAccess: its entries fail, each by its own code, and the rest
// of the call is not affected.
func TestABusThatDeniesAccess(t *testing.T) {
	f := newFixture(t)
	theirs := events.BusARN("arn:aws:events:us-east-1:999999999999:event-bus/theirs")
	f.sender.result = func(e events.Entry) (bus.Result, error) {
		if e.Bus == theirs {
			return bus.Result{Code: "AccessDeniedException"}, nil
		}
		return bus.Result{}, nil
	}
	if result := f.request(to(theirs, "pet"), to(defaultBus, "pet")); result != (outbox.PublishResult{Published: 1, Failed: 1}) {
		t.Fatalf("%+v", result)
	}
	if e := f.entry(1); e.State != store.EntryFailed || e.Error != "AccessDeniedException" {
		t.Errorf("entry = %+v", e)
	}
}

// TestEveryOutcomeInOneCall: EventBridge decides on each entry by itself (R32).
func TestEveryOutcomeInOneCall(t *testing.T) {
	f := newFixture(t)
	codes := []string{"", "ThrottlingException", "InternalFailure", "MalformedDetail", "NotAuthorizedForDetailTypeException"}
	var entries []store.Entry
	for i := range codes {
		entries = append(entries, to(defaultBus, events.DetailType("kind"+string(rune('0'+i)))))
	}
	f.sender.result = func(e events.Entry) (bus.Result, error) {
		return bus.Result{Code: codes[e.DetailType[4]-'0']}, nil
	}
	if result := f.request(entries...); result != (outbox.PublishResult{Published: 1, Pending: 2, Failed: 2}) {
		t.Fatalf("%+v", result)
	}
	f.sender.take()
	f.sender.result = nil
	if stats := f.runRelay(); stats.Published != 2 || stats.Failed != 0 {
		t.Errorf("%+v", stats)
	}
	if sent := f.sender.take(); len(sent) != 2 || sent[0].DetailType != "kind1" || sent[1].DetailType != "kind2" {
		t.Errorf("sent again: %+v", sent)
	}
}

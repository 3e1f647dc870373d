package router_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
)

const ordersBus = events.BusARN("arn:aws:events:us-east-1:000000000000:event-bus/orders")

func expectOrders(context.Context) ([]events.BusARN, error) { return []events.BusARN{ordersBus}, nil }

// account is an AWS account whose buses can be made and taken away.
type account struct {
	buses []events.BusARN
	err   error
	asked int
}

func (a *account) Exists(_ context.Context, b events.BusARN) (bool, error) {
	a.asked++
	return slices.Contains(a.buses, b), a.err
}

// watched gives the house a relay, and a router, that know of buses that are
// gone; acme publishes to the bus orders, rival to the default bus.
func watched(t *testing.T, o *bus.WatchOptions) (*house, *account) {
	h, a := newHouse(t), &account{}
	o.Clock = h.clock.Now
	h.watch(bus.NewWatch(a, h.store, "000000000000", o))
	h.settings("acme", "eventbridge-input=true\neventbridge-output=[{\"eventbridge_arn\":\""+string(ordersBus)+"\"}]\n")
	return h, a
}

// drain runs the relay, a minute later.
func (h *house) drain() router.RelayStats {
	h.t.Helper()
	h.clock.advance(time.Minute)
	d, err := h.relay.Run(h.t.Context(), invocation)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

func TestABusThatIsGone(t *testing.T) {
	h, a := watched(t, &bus.WatchOptions{Expected: expectOrders})

	// The relay sees it though no entry waits for it.
	if d := h.drain(); !slices.Equal(d.MissingBuses, []events.BusARN{ordersBus}) || d.BusCheckErr != nil || a.asked != 1 {
		t.Fatalf("%+v, looked %d times", d, a.asked)
	}
	// From then on the invocation holds entries back too, without a look.
	_, report, err := h.send(put{})
	if err != nil || report.Published != (router.PublishResult{Pending: 1}) || a.asked != 1 {
		t.Fatalf("%+v, %v, looked %d times", report.Published, err, a.asked)
	}
	h.must(put{tenant: "rival"}) // another bus is not held up
	if sent := h.sender.take(); len(sent) != 1 || sent[0].Bus == ordersBus {
		t.Fatalf("sent %+v", sent)
	}
	for range 3 {
		if d := h.drain(); d.Pending != 1 || d.Published != 0 || len(d.MissingBuses) != 1 || len(h.sender.take()) != 0 {
			t.Fatalf("%+v", d)
		}
	}
	e := h.entry()
	if e.State != store.EntryPending || e.Error != router.BusMissing || e.Attempts != 1 {
		t.Errorf("entry = %+v", e)
	}
	if a.asked != 1 {
		t.Errorf("looked %d times within five minutes", a.asked)
	}

	// Made anew: the relay finds it and publishes what waited.
	a.buses = []events.BusARN{ordersBus}
	h.clock.advance(bus.LookEvery)
	d := h.drain()
	if sent := h.sender.take(); d.Published != 1 || len(d.MissingBuses) != 0 || len(sent) != 1 || sent[0].Bus != ordersBus || sent[0].OutputID == "" {
		t.Errorf("%+v, sent %+v", d, sent)
	}
	if e := h.entry(); e.State != store.EntryPublished || e.Error != "" {
		t.Errorf("entry = %+v", e)
	}
	if a.asked != 2 {
		t.Errorf("looked %d times", a.asked)
	}
}

// TestAnInstanceThatNeverRanTheRelay reads the relay's result from the ledger
// and holds the entries; while it cannot read, it leaves them to the relay.
func TestAnInstanceThatNeverRanTheRelay(t *testing.T) {
	h, a := watched(t, &bus.WatchOptions{Expected: expectOrders})
	h.drain() // this instance's relay finds the bus missing
	relay, asked := h.relay, a.asked
	h.watch(bus.NewWatch(a, h.store, "000000000000", &bus.WatchOptions{Clock: h.clock.Now})) // another instance
	if _, report, err := h.send(put{}); err != nil || report.Published != (router.PublishResult{Pending: 1}) {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	if e := h.entry(); e.State != store.EntryPending || e.Error != router.BusMissing {
		t.Errorf("entry = %+v", e)
	}
	if sent := h.sender.take(); len(sent) != 0 || a.asked != asked {
		t.Errorf("sent %+v, checked the bus %d times", sent, a.asked-asked)
	}

	// The ledger fails after the commit: it is not known whether the bus is there.
	h.watch(bus.NewWatch(a, h.store, "000000000000", &bus.WatchOptions{Clock: h.clock.Now}))
	h.failing = func(op string) error {
		if op == "missing-buses:before" {
			return errDown
		}
		return nil
	}
	_, report, err := h.send(put{})
	if err != nil || report.Published.Pending != 1 || !errors.Is(report.Published.Err, errDown) || len(h.sender.take()) != 0 {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	h.must(put{tenant: "rival"}) // the default bus needs no result
	if sent := h.sender.take(); len(sent) != 1 {
		t.Errorf("sent %+v", sent)
	}
	h.failing = nil
	a.buses = []events.BusARN{ordersBus}
	h.relay = relay
	h.clock.advance(bus.LookEvery)
	if d := h.drain(); d.Published != 2 {
		t.Errorf("%+v", d)
	}
}

// TestABusThatGoesLater: entries left by a throttle wait for a bus that is gone
// when the relay comes; those of one change for other buses do not.
func TestABusThatGoesLater(t *testing.T) {
	h, a := watched(t, &bus.WatchOptions{})
	h.settings("acme", "eventbridge-input=true\neventbridge-output=[{\"eventbridge_arn\":\""+string(ordersBus)+"\"},{}]\n")
	h.sender.answer = func(events.Entry) (bus.Result, error) { return bus.Result{Code: "ThrottlingException"}, nil }
	if _, report, err := h.send(put{}); err != nil || report.Published.Pending != 2 {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	h.sender.answer = nil
	d := h.drain()
	if sent := h.sender.take(); d.Published != 1 || len(sent) != 1 || sent[0].Bus == ordersBus || !slices.Equal(d.MissingBuses, []events.BusARN{ordersBus}) {
		t.Errorf("%+v, sent %+v", d, sent)
	}
	if a.asked != 1 {
		t.Errorf("looked %d times", a.asked)
	}
}

// TestBusesThatCannotBeLookedAt: publishing goes on, and the relay says why it
// does not know.
func TestBusesThatCannotBeLookedAt(t *testing.T) {
	h, a := watched(t, &bus.WatchOptions{Expected: expectOrders})
	a.err = errors.New("not authorized to perform events:DescribeEventBus")
	h.must(put{})
	if d := h.drain(); !errors.Is(d.BusCheckErr, a.err) || d.MissingBuses != nil {
		t.Errorf("%+v", d)
	}
	h.must(put{})
	if sent := h.sender.take(); len(sent) != 2 {
		t.Errorf("sent %+v", sent)
	}
}

// TestHeldEntriesAreNotInTheWay: more marks than a page, all older, wait for a
// bus that is gone; those behind them are published.
func TestHeldEntriesAreNotInTheWay(t *testing.T) {
	h, _ := watched(t, &bus.WatchOptions{Expected: expectOrders})
	h.drain()
	const held, others = 2500, 40 // 16 shards have about 156 of the held ones each
	for range held {
		h.must(put{})
	}
	h.clock.advance(time.Second)
	h.sender.answer = func(events.Entry) (bus.Result, error) { return bus.Result{}, errDown }
	for range others {
		h.must(put{tenant: "rival"})
	}
	h.sender.answer = nil
	h.drain()
	if sent := h.sender.take(); len(sent) != others {
		t.Errorf("%d of %d entries were published from behind %d that are held back", len(sent), others, held)
	}
}

// TestABusThatRefusesUs: its entries are parked, each by its own code, and the
// rest of the call is not touched.
func TestABusThatRefusesUs(t *testing.T) {
	h := newHouse(t)
	theirs := events.BusARN("arn:aws:events:us-east-1:999999999999:event-bus/theirs")
	h.settings("acme", "eventbridge-input=true\neventbridge-output=[{\"eventbridge_arn\":\""+string(theirs)+"\"},{}]\n")
	h.sender.answer = func(e events.Entry) (bus.Result, error) {
		if e.Bus == theirs {
			return bus.Result{Code: "AccessDeniedException"}, nil
		}
		return bus.Result{}, nil
	}
	_, report, err := h.send(put{})
	if err != nil || report.Published != (router.PublishResult{Published: 1, Failed: 1}) {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	if e := h.entry(); e.State != store.EntryFailed || e.Error != "AccessDeniedException" {
		t.Errorf("entry = %+v", e)
	}
}

// TestEveryOutcomeInOneCall: EventBridge answers each entry for itself (R32).
func TestEveryOutcomeInOneCall(t *testing.T) {
	h := newHouse(t)
	codes := []string{"", "ThrottlingException", "InternalFailure", "MalformedDetail", "NotAuthorizedForDetailTypeException"}
	rules := ""
	for i := range codes {
		rules += `,{"detail_type":"kind` + string(rune('0'+i)) + `"}`
	}
	h.settings("acme", "eventbridge-input=true\neventbridge-output=["+rules[1:]+"]\n")
	h.sender.answer = func(e events.Entry) (bus.Result, error) {
		return bus.Result{Code: codes[e.DetailType[4]-'0']}, nil
	}
	_, report, err := h.send(put{})
	if err != nil || report.Published != (router.PublishResult{Published: 1, Pending: 2, Failed: 2}) {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	h.sender.take()
	h.sender.answer = nil
	if d := h.drain(); d.Published != 2 || d.Failed != 0 {
		t.Errorf("%+v", d)
	}
	if sent := h.sender.take(); len(sent) != 2 || sent[0].DetailType != "kind1" || sent[1].DetailType != "kind2" {
		t.Errorf("sent again: %+v", sent)
	}
}
